package edge

import (
	"bytes"
	"net"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// stream is the preface and some frames as they stand on the wire, and what they cost.
func stream(t *testing.T) ([]byte, int64) {
	t.Helper()
	var b bytes.Buffer
	b.Write(preface)
	f := http2.NewFramer(&b, nil)
	f.AllowIllegalWrites = true
	check := func(errs ...error) {
		for _, err := range errs {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	check(
		f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 20}),                         // 80
		f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: make([]byte, 450), EndHeaders: true}), // 11
		f.WriteData(1, false, make([]byte, 3000)),                                                                // 0
		f.WriteData(1, false, nil),                      // 80
		f.WriteData(1, true, nil),                       // 0
		f.WriteRSTStream(1, http2.ErrCodeCancel),        // 400
		f.WritePing(false, [8]byte{}),                   // 40
		f.WriteWindowUpdate(0, 10),                      // 4
		f.WriteContinuation(1, true, make([]byte, 100)), // 5000
		f.WriteRawFrame(0x77, 0, 1, []byte("x")),        // 80
		f.WriteRawFrame(5, 0, 1, nil),                   // 80
	)
	return b.Bytes(), 80 + 11 + 80 + 400 + 40 + 4 + 5000 + 80 + 80
}

func TestConnectionsLeaveDescriptorsForTheRest(t *testing.T) {
	for _, c := range []struct {
		asked      int
		files      uint64
		each, both int64
	}{{12000, 1 << 20, 12000, 24000}, {12000, 20000, 12000, 19800}, {12000, 1024, 549, 824}, {100, 400, 100, 200}, {100, 10, 1, 2}} {
		if each, both := limits(c.asked, c.files); each != c.each || both != c.both {
			t.Errorf("%d asked, %d files: %d and %d, want %d and %d", c.asked, c.files, each, both, c.each, c.both)
		}
	}
}

func TestMeterCountsFramesHoweverTheyAreCut(t *testing.T) {
	data, want := stream(t)
	for _, size := range []int{1, 2, 3, 8, 9, 10, 100, len(data)} {
		m := meter(nil).(*metered)
		var cost int64
		for at := 0; at < len(data); at += size {
			cost += m.scan(data[at:min(at+size, len(data))])
		}
		if cost != want {
			t.Errorf("pieces of %d: %d, want %d", size, cost, want)
		}
	}
}

func TestMeterLeavesHTTP1Alone(t *testing.T) {
	m := meter(nil).(*metered)
	if cost := m.scan([]byte("POST / HTTP/1.1\r\n\r\n")) + m.scan(bytes.Repeat([]byte{3}, 10000)); cost != 0 || !m.plain {
		t.Errorf("cost %d, plain %v", cost, m.plain)
	}
}

func TestMeterSlowsAFloodAndOnlyThat(t *testing.T) {
	ours, theirs := net.Pipe()
	began := time.Now()
	m := meter(ours)
	flood := []byte("\x00\x00\x04\x03\x00\x00\x00\x00\x01\x00\x00\x00\x08")
	go func() {
		_, _ = theirs.Write(preface)
		for {
			if _, err := theirs.Write(flood); err != nil {
				return
			}
		}
	}()
	const resets = 160 // 20 saved and 200 a second
	buf := make([]byte, len(flood))
	read := -len(preface)
	for read < resets*len(flood) {
		n, err := m.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		read += n
	}
	if took := time.Since(began); took < 600*time.Millisecond || took > 30*time.Second {
		t.Errorf("%d resets were read in %v", resets, took)
	}
	blocked := make(chan struct{})
	go func() {
		for {
			if _, err := m.Read(buf); err != nil {
				close(blocked)
				return
			}
		}
	}()
	time.Sleep(10 * time.Millisecond)
	_ = m.Close()
	_ = theirs.Close()
	select {
	case <-blocked:
	case <-time.After(time.Minute):
		t.Error("closing does not end the wait")
	}
}
