package load

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"
)

// Manner is how the connections of a crowd behave: alive, and silent.
type Manner struct {
	Hello string        // what they say at first
	Again time.Duration // they say it again so often; 0: never
	HTTP2 bool          // they answer pings and settings, as every HTTP/2 client does
	Mute  bool          // nobody answers what they say
	TLS   *tls.Config   // nil: plain text
}

// HTTP2 is a client that has connected and makes no call.
var HTTP2 = Manner{Hello: http2.ClientPreface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00", HTTP2: true}

// KeepAlive is a browser that has got its answer and keeps the connection. It asks again before the 30 seconds are over after which it would be
// cut.
var KeepAlive = Manner{Hello: "GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n", Again: 20 * time.Second}

// HalfHeaders never says what it wants.
var HalfHeaders = Manner{Hello: "GET / HTTP/1.1\r\nHost: local", Mute: true}

// Over is the same within TLS.
func (m Manner) Over(config *tls.Config) Manner {
	m.TLS = config.Clone()
	m.TLS.NextProtos = []string{"http/1.1"}
	if m.HTTP2 {
		m.TLS.NextProtos = []string{"h2"}
	}
	return m
}

// Crowd is many connections to one address.
type Crowd struct {
	manner  Manner
	mu      sync.Mutex
	conns   []net.Conn
	leaving bool
	lost    atomic.Int64
	readers sync.WaitGroup
	waiting sync.WaitGroup // for their first answer
}

const openers = 16 // that connect at once

// Gather opens the connections. What was opened is in the crowd, also where it fails.
func Gather(address string, size int, manner Manner) (*Crowd, error) {
	c := &Crowd{manner: manner}
	errs := make(chan error, openers)
	var next atomic.Int64
	for range openers {
		go func() {
			for next.Add(1) <= int64(size) {
				if err := c.join(address); err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	var err error
	for range openers {
		err = errors.Join(err, <-errs)
	}
	return c, err
}

func (c *Crowd) join(address string) error {
	conn, err := net.DialTimeout("tcp", address, 10*time.Second)
	if err != nil {
		return fmt.Errorf("connection %d: %w", c.Size()+1, err)
	}
	if c.manner.TLS != nil {
		config := c.manner.TLS.Clone()
		config.ServerName, _, _ = net.SplitHostPort(address)
		conn = tls.Client(conn, config)
	}
	if _, err = io.WriteString(conn, c.manner.Hello); err != nil {
		_ = conn.Close()
		return fmt.Errorf("connection %d: %w", c.Size()+1, err)
	}
	c.mu.Lock()
	c.conns = append(c.conns, conn)
	c.mu.Unlock()
	if !c.manner.Mute {
		c.waiting.Add(1)
		conn = &greeted{conn, sync.OnceFunc(c.waiting.Done)}
	}
	c.readers.Go(func() { c.listen(conn) })
	if c.manner.Again > 0 {
		c.repeat(conn)
	}
	return nil
}

// greeted is a connection that tells when the peer has said something, or will not.
type greeted struct {
	net.Conn
	done func()
}

func (g *greeted) Read(into []byte) (int, error) {
	n, err := g.Conn.Read(into)
	g.done()
	return n, err
}

// Settle waits until the peer has answered all of them, as it does once it has taken them in.
func (c *Crowd) Settle() { c.waiting.Wait() }

// repeat says it again for as long as the connection is there.
func (c *Crowd) repeat(conn net.Conn) {
	time.AfterFunc(c.manner.Again, func() {
		if _, err := io.WriteString(conn, c.manner.Hello); err == nil {
			c.repeat(conn)
		}
	})
}

// listen reads until the peer hangs up, which it should not.
func (c *Crowd) listen(conn net.Conn) {
	if c.manner.HTTP2 {
		answer(conn)
	} else {
		_, _ = io.CopyBuffer(io.Discard, struct{ io.Reader }{conn}, make([]byte, 512))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.leaving {
		c.lost.Add(1)
	}
}

// answer does what keeps an HTTP/2 connection alive.
func answer(conn net.Conn) {
	f := http2.NewFramer(conn, bufio.NewReaderSize(conn, 64))
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return
		}
		switch frame := frame.(type) {
		case *http2.PingFrame:
			if !frame.IsAck() {
				err = f.WritePing(true, frame.Data)
			}
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				err = f.WriteSettingsAck()
			}
		case *http2.GoAwayFrame:
			return
		}
		if err != nil {
			return
		}
	}
}

// Size is how many connections were opened.
func (c *Crowd) Size() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.conns)
}

// Lost is how many of them the peer gave up.
func (c *Crowd) Lost() int { return int(c.lost.Load()) }

// Leave closes all.
func (c *Crowd) Leave() {
	c.mu.Lock()
	c.leaving = true
	for _, conn := range c.conns {
		_ = conn.Close()
	}
	c.mu.Unlock()
	c.readers.Wait()
}
