package load

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

const (
	receiveWindow = 1 << 30
	callTimeout   = 30 * time.Second // a call that is not answered within it fails the run
)

// conn is one HTTP/2 connection. One goroutine reads; calls are begun by it (closed loop) or by a second one (open loop).
type conn struct {
	plan   Plan
	index  int
	socket net.Conn
	framer *http2.Framer
	maker  Maker
	decode *hpack.Decoder

	mu        sync.Mutex
	out       *bufio.Writer
	first     []byte // the header block of the first call, which fills the peer's table
	headers   []byte // of all later calls
	stream    uint32 // of the next call
	underWay  map[uint32]time.Time
	due       []time.Time // calls that wait for a stream or for room in the peer's window
	streams   int         // the peer's limit
	window    int         // bytes that may be sent
	scratch   []byte
	stopped   bool // no new calls begin
	received  int  // bytes since the last window update
	answered  int
	left      int // calls that were due and did not begin
	refused   map[string]int
	latencies []time.Duration
	status    string // grpc-status of the headers just decoded
}

func dial(p Plan, index int) (*conn, error) {
	socket, err := net.Dial("tcp", p.Address)
	if err != nil {
		return nil, err
	}
	c := &conn{plan: p, index: index, socket: socket, maker: p.Maker(index), out: bufio.NewWriterSize(socket, 1<<16), stream: 1,
		underWay: map[uint32]time.Time{}, streams: 100, window: 65535, refused: map[string]int{}}
	c.framer = http2.NewFramer(c.out, bufio.NewReaderSize(socket, 1<<16))
	c.framer.SetReuseFrames()
	c.framer.SetMaxReadFrameSize(1 << 20)
	c.decode = hpack.NewDecoder(4096, func(f hpack.HeaderField) {
		if f.Name == "grpc-status" {
			c.status = f.Value
		}
	})
	c.encodeHeaders()
	if _, err := c.out.WriteString(http2.ClientPreface); err != nil {
		return nil, err
	}
	if err := c.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: receiveWindow},
		http2.Setting{ID: http2.SettingEnablePush, Val: 0}); err != nil {
		return nil, err
	}
	if err := c.framer.WriteWindowUpdate(0, receiveWindow); err != nil {
		return nil, err
	}
	if err := c.out.Flush(); err != nil {
		return nil, err
	}
	return c, c.greeted()
}

// greeted waits for the first that the peer says: how many calls it takes at once.
func (c *conn) greeted() error {
	if err := c.socket.SetReadDeadline(time.Now().Add(callTimeout)); err != nil {
		return err
	}
	frame, err := c.framer.ReadFrame()
	if err != nil {
		return err
	}
	return c.take(frame)
}

// encodeHeaders encodes the request's headers twice: the second time they are references into the peer's table, and stay so.
func (c *conn) encodeHeaders() {
	var b bytes.Buffer
	e := hpack.NewEncoder(&b)
	encode := func() []byte {
		b.Reset()
		for _, h := range [][2]string{{":method", "POST"}, {":scheme", "http"}, {":path", c.plan.Method}, {":authority", c.plan.Address},
			{"te", "trailers"}, {"content-type", "application/grpc"}, {"user-agent", "load"}, {"authorization", c.plan.Authorization}} {
			if h[1] == "" {
				continue
			}
			_ = e.WriteField(hpack.HeaderField{Name: h[0], Value: h[1]}) // a bytes.Buffer takes everything
		}
		return bytes.Clone(b.Bytes())
	}
	c.first, c.headers = encode(), encode()
}

func (c *conn) close() { _ = c.socket.Close() }

// run makes calls until `until`, then waits for the answers to those under way.
func (c *conn) run(until time.Time) error {
	c.mu.Lock()
	if c.plan.Rate <= 0 {
		share := c.plan.Concurrent / c.plan.Connections
		if c.index < c.plan.Concurrent%c.plan.Connections {
			share++
		}
		for range share {
			c.due = append(c.due, time.Now())
		}
	}
	err := c.begin()
	c.mu.Unlock()
	if err != nil {
		return err
	}
	timer := time.AfterFunc(time.Until(until), c.stop)
	defer timer.Stop()
	if c.plan.Rate > 0 {
		var paced sync.WaitGroup
		paced.Go(func() { c.pace(until) })
		defer paced.Wait()
	}
	for {
		if err := c.socket.SetReadDeadline(time.Now().Add(callTimeout)); err != nil {
			return err
		}
		frame, err := c.framer.ReadFrame()
		if err != nil && c.finished() {
			return nil
		} else if err != nil {
			return fmt.Errorf("%s: %w", c.plan.Address, err)
		}
		if err := c.take(frame); err != nil {
			return err
		}
		if c.finished() {
			return nil
		}
	}
}

// stop lets no new call begin, and wakes the reader where none is under way.
func (c *conn) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped = true
	c.leave()
	if len(c.underWay) == 0 {
		_ = c.socket.SetReadDeadline(time.Now())
	}
}

// leave counts the calls that were due too late to begin. The caller holds the lock.
func (c *conn) leave() {
	c.left += len(c.due)
	c.due = nil
}

func (c *conn) finished() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stopped && len(c.underWay) == 0
}

// pace makes calls due at even distances.
func (c *conn) pace(until time.Time) {
	step := time.Duration(float64(time.Second) * float64(c.plan.Connections) / c.plan.Rate)
	for next := until.Add(-c.plan.Duration); next.Before(until); {
		time.Sleep(time.Until(next))
		c.mu.Lock()
		for now := time.Now(); !next.After(now) && next.Before(until); next = next.Add(step) {
			c.due = append(c.due, next)
		}
		err := c.begin()
		if c.stopped {
			c.leave()
		}
		c.mu.Unlock()
		if err != nil {
			return // the reader meets the same error
		}
	}
}

// begin starts the calls that are due, as far as streams and the peer's window allow, and flushes. The caller holds the lock.
func (c *conn) begin() error {
	for len(c.due) > 0 && len(c.underWay) < c.streams && !c.stopped {
		message := c.maker(c.scratch[:0])
		c.scratch = message
		if c.window < len(message)+5 {
			break
		}
		if err := c.write(message); err != nil {
			return err
		}
		began := c.due[0]
		if c.plan.Rate <= 0 {
			began = time.Now()
		}
		c.underWay[c.stream] = began
		c.due = c.due[1:]
		c.window -= len(message) + 5
		c.stream += 2
	}
	return c.out.Flush()
}

// write writes the frames of a call.
func (c *conn) write(message []byte) error {
	block := c.headers
	if c.stream == 1 {
		block = c.first
	}
	if err := c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: c.stream, BlockFragment: block, EndHeaders: true}); err != nil {
		return err
	}
	var frame [14]byte // the DATA frame's header and gRPC's prefix
	n := len(message) + 5
	frame[0], frame[1], frame[2] = byte(n>>16), byte(n>>8), byte(n)
	frame[4] = 1 // END_STREAM
	binary.BigEndian.PutUint32(frame[5:], c.stream)
	binary.BigEndian.PutUint32(frame[10:], uint32(len(message)))
	if _, err := c.out.Write(frame[:]); err != nil {
		return err
	}
	_, err := c.out.Write(message)
	return err
}

// take handles a frame.
func (c *conn) take(frame http2.Frame) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch f := frame.(type) {
	case *http2.DataFrame:
		return c.data(f)
	case *http2.HeadersFrame:
		c.status = ""
		if _, err := c.decode.Write(f.HeaderBlockFragment()); err != nil {
			return err
		}
		if f.StreamEnded() {
			return c.end(f.StreamID, c.status)
		}
	case *http2.RSTStreamFrame:
		return c.end(f.StreamID, fmt.Sprint("reset ", f.ErrCode))
	case *http2.SettingsFrame:
		return c.settings(f)
	case *http2.PingFrame:
		if !f.IsAck() {
			if err := c.framer.WritePing(true, f.Data); err != nil {
				return err
			}
			return c.out.Flush()
		}
	case *http2.WindowUpdateFrame:
		if f.StreamID == 0 {
			c.window += int(f.Increment)
			return c.begin()
		}
	case *http2.GoAwayFrame:
		return fmt.Errorf("the server hung up: %v %s", f.ErrCode, f.DebugData())
	}
	return nil
}

func (c *conn) data(f *http2.DataFrame) error {
	if c.received += len(f.Data()); c.received > receiveWindow/4 {
		if err := c.framer.WriteWindowUpdate(0, uint32(c.received)); err != nil {
			return err
		}
		c.received = 0
	}
	if f.StreamEnded() {
		return errors.New("a call ended without trailers")
	}
	return nil
}

func (c *conn) settings(f *http2.SettingsFrame) error {
	if f.IsAck() {
		return nil
	}
	if n, ok := f.Value(http2.SettingMaxConcurrentStreams); ok && n < 1<<20 {
		c.streams = int(n)
	}
	if err := c.framer.WriteSettingsAck(); err != nil {
		return err
	}
	return c.begin()
}

// end notes a call's answer and, in a closed loop, begins the next.
func (c *conn) end(stream uint32, status string) error {
	began, ok := c.underWay[stream]
	if !ok {
		return fmt.Errorf("an answer to call %d, which is not under way", stream)
	}
	delete(c.underWay, stream)
	if status == "0" {
		c.answered++
		c.latencies = append(c.latencies, time.Since(began))
	} else {
		c.refused["grpc-status "+status]++
	}
	if c.plan.Rate <= 0 && !c.stopped {
		c.due = append(c.due, time.Now())
	}
	return c.begin()
}
