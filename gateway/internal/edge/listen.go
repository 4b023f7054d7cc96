package edge

import (
	"net"
	"sync"
	"sync/atomic"
	"syscall"
)

// Descriptors kept for everything but callers' connections: those to the server, files, the listeners.
const otherFiles = 200

// connectionLimit is how many connections each of the two listeners may hold: what was asked for, less where the process may not open so
// many files. A listener out of descriptors accepts nobody; one at its limit still answers by closing.
func connectionLimit(asked int) int64 {
	var files syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files) != nil {
		return int64(asked)
	}
	return atMost(asked, files.Cur)
}

func atMost(asked int, files uint64) int64 {
	if files >= uint64(2*asked+otherFiles) {
		return int64(asked)
	}
	return max(1, (int64(files)-otherFiles)/2)
}

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
