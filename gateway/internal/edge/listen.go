package edge

import (
	"net"
	"sync"
	"sync/atomic"
)

// limited is a listener that closes connections over a number at once. It goes on accepting: a full house must not look like a dead one.
type limited struct {
	net.Listener
	most int64
	open *atomic.Int64
	wrap func(net.Conn) net.Conn
}

func (l *limited) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.open.Add(1) <= l.most {
			return l.wrap(&counted{Conn: c, open: l.open}), nil
		}
		l.open.Add(-1)
		_ = c.Close()
	}
}

type counted struct {
	net.Conn
	open *atomic.Int64
	once sync.Once
}

func (c *counted) Close() error {
	c.once.Do(func() { c.open.Add(-1) })
	return c.Conn.Close()
}
