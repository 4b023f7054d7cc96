package edge

import (
	"bytes"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc/credentials"
)

// HTTP/2 lets one small frame cost the receiver a lot: a reset undoes work just begun, a ping wants an answer, headers fill tables. What the
// HTTP/2 libraries bound is memory and streams, not how fast such frames may come. A meter counts what a connection's frames cost and reads on
// only as fast as an honest client needs; the rest waits in the attacker's own send buffer. Nobody is cut off for a burst.

// What a frame costs, by type. The unit is such that a connection may spend `perSecond`; the comments say what that allows of one kind alone.
var frameCost = [...]int64{
	frameHeaders:      0,   // by length, see headerDivisor
	framePriority:     80,  // 1,000 a second
	frameReset:        400, // 200: calls given up by a client
	frameSettings:     80,  // 1,000
	framePing:         40,  // 2,000: gRPC clients measure bandwidth by pings
	frameGoAway:       80,
	frameWindowUpdate: 4,    // 20,000
	frameContinuation: 5000, // 16: headers that pass our limits fit into one frame
}

const (
	frameData         = 0
	frameHeaders      = 1
	framePriority     = 2
	frameReset        = 3
	frameSettings     = 4
	framePing         = 6
	frameGoAway       = 7
	frameWindowUpdate = 8
	frameContinuation = 9

	emptyDataCost = 80 // 1,000: a DATA frame without data or end
	unknownCost   = 80 // 1,000: PUSH_PROMISE, which a client must not send, and extensions
	headerDivisor = 40 // bytes of headers for one unit: 3.2 MB a second; one byte can stand for a whole header, and takes 40 ns to look up
	endStream     = 1  // flag of DATA

	perSecond   = 80_000
	mostSaved   = 80_000 // a burst after a second of quiet
	firstSaved  = 8_000  // of a new connection: coming back is no way round
	longestWait = 5 * time.Second
)

var preface = []byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")

// metered is a connection read at the pace above. One that does not speak HTTP/2 is read as it is.
type metered struct {
	net.Conn
	closing sync.Once
	closed  chan struct{}

	// Of the reader alone; servers read a connection from one goroutine at a time.
	plain   bool
	seen    int     // bytes of the preface
	header  [9]byte // of a frame
	have    int     // bytes of it
	payload int     // bytes of the frame still to come
	saved   int64
	at      time.Time
}

func meter(c net.Conn) net.Conn {
	return &metered{Conn: c, closed: make(chan struct{}), saved: firstSaved, at: time.Now()}
}

func (m *metered) Read(p []byte) (int, error) {
	n, err := m.Conn.Read(p)
	if n > 0 && !m.plain {
		if cost := m.scan(p[:n]); cost > 0 {
			m.pay(cost)
		}
	}
	return n, err
}

func (m *metered) Close() error {
	m.closing.Do(func() { close(m.closed) })
	return m.Conn.Close()
}

// scan follows the frames through what was read and adds up their cost.
func (m *metered) scan(p []byte) int64 {
	var cost int64
	for len(p) > 0 && !m.plain {
		switch {
		case m.seen < len(preface):
			n := min(len(p), len(preface)-m.seen)
			m.plain = !bytes.Equal(p[:n], preface[m.seen:m.seen+n])
			m.seen += n
			p = p[n:]
		case m.payload > 0:
			n := min(len(p), m.payload)
			m.payload -= n
			p = p[n:]
		default:
			n := copy(m.header[m.have:], p)
			m.have += n
			p = p[n:]
			if m.have == len(m.header) {
				m.have = 0
				m.payload = int(m.header[0])<<16 | int(m.header[1])<<8 | int(m.header[2])
				cost += costOf(m.header[3], m.header[4], m.payload)
			}
		}
	}
	return cost
}

func costOf(kind, flags byte, length int) int64 {
	switch {
	case kind == frameData && (length > 0 || flags&endStream != 0):
		return 0 // flow control is its meter
	case kind == frameData:
		return emptyDataCost
	case kind == frameHeaders:
		return int64(length / headerDivisor)
	case int(kind) >= len(frameCost) || frameCost[kind] == 0:
		return unknownCost
	}
	return frameCost[kind]
}

// pay waits until the connection has saved up what it spent.
func (m *metered) pay(cost int64) {
	now := time.Now()
	m.saved = min(m.saved+int64(now.Sub(m.at)*perSecond/time.Second), mostSaved) - cost
	m.at = now
	if m.saved >= 0 {
		return
	}
	wait := time.NewTimer(min(time.Duration(-m.saved)*time.Second/perSecond, longestWait))
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-m.closed:
	}
}

// meteredCreds meter what is inside TLS.
type meteredCreds struct {
	credentials.TransportCredentials
}

func (c meteredCreds) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	conn, info, err := c.TransportCredentials.ServerHandshake(raw)
	if err != nil {
		return nil, nil, err
	}
	return meter(conn), info, nil
}

func (c meteredCreds) Clone() credentials.TransportCredentials {
	return meteredCreds{c.TransportCredentials.Clone()}
}
