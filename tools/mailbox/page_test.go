package main

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/smtp"
	"strings"
	"testing"

	"github.com/marketing-agents/marketing/tools/mailbox/inbox"
)

const mail = "From: =?utf-8?q?J=C3=B6rg?= <joerg@example.com>\r\nSubject: =?utf-8?b?R3LDvMOfZQ==?=\r\n" +
	"Content-Type: multipart/alternative; boundary=b\r\n\r\n" +
	"--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nHallo =C3=A4ll\r\n.dot\r\n" +
	"--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Hallo <script>x</script></p>\r\n--b--\r\n"

// served is a mailbox that got one mail over SMTP.
func served(t *testing.T) *httptest.Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	box := &inbox.Box{}
	go box.Serve(l)
	if err = smtp.SendMail(l.Addr().String(), nil, "joerg@example.com", []string{"ann@example.com"}, []byte(mail)); err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(pages(box))
	t.Cleanup(web.Close)
	return web
}

func get(t *testing.T, url string) (*http.Response, string) {
	t.Helper()
	reply, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reply.Body.Close() }()
	body, err := io.ReadAll(reply.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply, string(body)
}

func TestPages(t *testing.T) {
	web := served(t)
	for _, row := range []struct {
		path   string
		status int
		words  []string
	}{
		{"/", 200, []string{"ann@example.com", `<a href="/mails/1">Grüße</a>`}},
		{"/mails/1", 200, []string{"Jörg", "Hallo äll\n.dot", `src="/mails/1/html"`}},
		{"/mails/1/html", 200, []string{"<p>Hallo"}},
		{"/mails/1/raw", 200, []string{"=C3=A4ll"}},
		{"/mails.json", 200, []string{`"to":"ann@example.com"`, `"subject":"Grüße"`}},
		{"/mails/0", 404, nil},
		{"/mails/2", 404, nil},
		{"/mails/x", 404, nil},
	} {
		reply, body := get(t, web.URL+row.path)
		if reply.StatusCode != row.status {
			t.Errorf("%s: %d, want %d", row.path, reply.StatusCode, row.status)
		}
		body = strings.ReplaceAll(body, "\r\n", "\n")
		for _, word := range row.words {
			if !strings.Contains(body, word) {
				t.Errorf("%s lacks %q: %s", row.path, word, body)
			}
		}
	}
}

// What a mail brings along cannot run on the page's behalf.
func TestAMailsPageIsSandboxed(t *testing.T) {
	reply, _ := get(t, served(t).URL+"/mails/1/html")
	policy := reply.Header.Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "sandbox") || strings.Contains(policy, "allow-scripts") || !strings.Contains(policy, "default-src 'none'") {
		t.Error(policy)
	}
}
