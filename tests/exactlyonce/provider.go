package exactlyonce

import (
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/marketing-agents/marketing/tests/e2e/mailsink"
	"github.com/marketing-agents/marketing/tests/e2e/want"
	"github.com/marketing-agents/marketing/tools/mailbox/inbox"
)

// phones is a provider that takes messages by webhook and acts once on an idempotency key.
type phones struct {
	port    int
	onHello func(key string) // hears of each message that greets, before it is answered for

	mu      sync.Mutex
	taken   map[string]string // the body that came with a key first
	posts   int
	altered []string // keys that came again with another body
}

func startPhones(t testing.TB, onHello func(key string)) *phones {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	want.OK(t, err)
	p := &phones{port: l.Addr().(*net.TCPAddr).Port, onHello: onHello, taken: map[string]string{}}
	server := &http.Server{Handler: p}
	go server.Serve(l)
	t.Cleanup(func() { _ = server.Close() })
	return p
}

func (p *phones) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the server died in the middle of it
	}
	key := r.Header.Get("Idempotency-Key")
	if p.take(key, string(body)) && strings.Contains(string(body), helloText) {
		p.onHello(key)
	}
}

// take returns whether the key is new.
func (p *phones) take(key, body string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.posts++
	first, known := p.taken[key]
	if !known {
		p.taken[key] = body
	} else if first != body {
		p.altered = append(p.altered, key)
	}
	return !known
}

// mailbox is a mail server that counts what it takes by Message-ID.
type mailbox struct {
	port int

	mu    sync.Mutex
	taken map[string]int
}

func startMailbox(t testing.TB) *mailbox {
	t.Helper()
	b := &mailbox{taken: map[string]int{}}
	b.port = mailsink.StartFor(t, func(m inbox.Mail) {
		b.mu.Lock()
		defer b.mu.Unlock()
		id := ""
		if found := messageID.FindSubmatch(m.Raw); found != nil {
			id = string(found[1])
		}
		b.taken[id]++
	}).Port
	return b
}

func (b *mailbox) has(id string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.taken[id] > 0
}
