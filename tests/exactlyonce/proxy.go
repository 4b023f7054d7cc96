package exactlyonce

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"regexp"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/marketing-agents/marketing/tests/e2e/want"
)

// proxy stands between the server and a provider. While it cuts, it loses one answer in `oneIn`, all of it or the half, and the connection
// with it.
type proxy struct {
	port, provider int
	oneIn          int
	cutting        atomic.Bool

	mu    sync.Mutex
	cuts  int
	mails map[string]bool // Message-IDs of those that the provider took and whose answer was lost
}

func startProxy(t testing.TB, provider, oneIn int) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	want.OK(t, err)
	t.Cleanup(func() { _ = l.Close() })
	p := &proxy{port: l.Addr().(*net.TCPAddr).Port, provider: provider, oneIn: oneIn, mails: map[string]bool{}}
	p.cutting.Store(true)
	go func() {
		for c, err := l.Accept(); err == nil; c, err = l.Accept() {
			go p.carry(c)
		}
	}()
	return p
}

// line is one connection: what its client said since the last answer.
type line struct {
	mu   sync.Mutex
	said []byte
}

func (l *line) Write(piece []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.said = append(l.said, piece...)
	return len(piece), nil
}

func (l *line) answered() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	said := l.said
	l.said = nil
	return said
}

// carry passes on what both sides say until one of them is done, or an answer is lost.
func (p *proxy) carry(client net.Conn) {
	defer client.Close()
	provider, err := net.DialTCP("tcp", nil, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: p.provider})
	if err != nil {
		return
	}
	defer provider.Close()
	var l line
	go func() {
		_, _ = io.Copy(provider, io.TeeReader(client, &l))
		_ = provider.CloseWrite()
	}()
	answer := make([]byte, 64<<10)
	for {
		n, err := provider.Read(answer)
		if err != nil {
			return
		}
		said := l.answered()
		if p.cutting.Load() && rand.IntN(p.oneIn) == 0 {
			p.lose(said)
			_, _ = client.Write(answer[:rand.IntN(2)*n/2])
			return
		}
		if _, err := client.Write(answer[:n]); err != nil {
			p.lose(said)
			return
		}
	}
}

var messageID = regexp.MustCompile(`(?mi)^Message-ID: <([^>]+)>`)

// lose notes that the answer to this was lost. A mail was taken if it was said to its end.
func (p *proxy) lose(said []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cuts++
	if id := messageID.FindSubmatch(said); id != nil && bytes.HasSuffix(said, []byte("\r\n.\r\n")) {
		p.mails[string(id[1])] = true
	}
}
