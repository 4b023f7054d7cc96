// Package mailsink is a mail server for one test.
package mailsink

import (
	"crypto/tls"
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
	return new(Sink).start(t, "127.0.0.1", nil)
}

// StartFor does the same, and tells of each mail before its sender is answered.
func StartFor(t testing.TB, taken func(inbox.Mail)) *Sink {
	t.Helper()
	s := &Sink{Box: inbox.Box{Taken: taken}}
	return s.start(t, "127.0.0.1", nil)
}

// StartSecured serves at an address of this machine with STARTTLS, or, `implicit`, within TLS from the first byte, and takes mails only after this login ("user:password";
// empty: from everybody).
func StartSecured(t testing.TB, host string, pair tls.Certificate, implicit bool, login string) *Sink {
	t.Helper()
	config := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	s := &Sink{Box: inbox.Box{Login: login}}
	if implicit {
		return s.start(t, host, config)
	}
	s.TLS = config
	return s.start(t, host, nil)
}

func (s *Sink) start(t testing.TB, host string, within *tls.Config) *Sink {
	t.Helper()
	l, err := net.Listen("tcp", host+":0")
	if err != nil {
		t.Fatal(err)
	}
	s.Port = l.Addr().(*net.TCPAddr).Port
	if within != nil {
		l = tls.NewListener(l, within)
	}
	t.Cleanup(func() { _ = l.Close() })
	go s.Serve(l)
	return s
}
