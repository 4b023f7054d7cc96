// Package mailsink is a mail server for one test.
package mailsink

import (
	"net"
	"testing"

	"github.com/marketing-agents/marketing/tools/mailbox/inbox"
)

// Sink is one server and what it got.
type Sink struct {
	inbox.Box
	Port int
}

// Start serves on a free loopback port until the test ends.
func Start(t testing.TB) *Sink {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	s := &Sink{Port: l.Addr().(*net.TCPAddr).Port}
	go s.Serve(l)
	return s
}
