package edge

import (
	"net"
	"sync"
	"sync/atomic"
	"syscall"
)

// Descriptors kept for everything but callers' connections: those to the server, files, the listeners.
const otherFiles = 200

// room counts the connections of both listeners together.
type room struct {
	each, both int64 // at most: of one listener, and of the two
	open       atomic.Int64
}

// newRoom is room for as many connections as were asked for at each listener, less where the process may not open so many files.
func newRoom(asked int) *room {
	r := &room{}
	var files syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files) != nil {
		files.Cur = uint64(2*asked + otherFiles)
	}
	r.each, r.both = limits(asked, files.Cur)
	return r
}

// limits leaves descriptors for the rest: a listener out of them accepts nobody, one at its limit still answers by closing. Where they are
// scarce one listener may hold two thirds of what there is, so that it is never full at the other's expense alone.
func limits(asked int, files uint64) (each, both int64) {
	both = int64(2 * asked)
	if files < uint64(both+otherFiles) {
		both = max(2, int64(files)-otherFiles)
	}
	return max(1, min(int64(asked), both*2/3)), both
}

// limited is a listener that closes connections over a number at once. It goes on accepting: a full house must not look like a dead one.
type limited struct {
	net.Listener
	room *room
	open *atomic.Int64
	wrap func(net.Conn) net.Conn
}

func (l *limited) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		here := &counted{Conn: c, open: l.open, room: l.room}
		if own, all := l.open.Add(1), l.room.open.Add(1); own <= l.room.each && all <= l.room.both {
			return l.wrap(here), nil
		}
		_ = here.Close()
	}
}

type counted struct {
	net.Conn
	open *atomic.Int64
	room *room
	once sync.Once
}

func (c *counted) Close() error {
	c.once.Do(func() {
		c.open.Add(-1)
		c.room.open.Add(-1)
	})
	return c.Conn.Close()
}
