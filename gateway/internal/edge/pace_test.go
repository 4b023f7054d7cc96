package edge_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// HTTP/2 ends a stream at a deadline even while nothing is read or written, so none may stand while a call is worked on.
func TestSlowRepliesOverHTTP2(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 31 s")
	}
	t.Parallel() // longer than a caller has to take what is written
	s := start(t)
	s.server.Held = make(chan struct{})
	time.AfterFunc(31*time.Second, func() { close(s.server.Held) })
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols}
	defer transport.CloseIdleConnections()
	res, err := (&http.Client{Transport: transport, Timeout: patience}).Get(s.url + "/v1/leads/held")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, err := io.ReadAll(res.Body); err != nil || res.StatusCode != 200 || res.ProtoMajor != 2 {
		t.Errorf("%s %d %q: %v", res.Proto, res.StatusCode, body, err)
	}
}

// --call-timeout is for unary calls that state no deadline, whichever route they come by.
func TestCallTimeout(t *testing.T) {
	t.Parallel()
	s := start(t, "--call-timeout", "1")
	s.server.Held = make(chan struct{})
	for _, line := range []string{"GET /v1/leads/slow", "POST /u/token"} {
		method, path, _ := strings.Cut(line, " ")
		if a := s.call(method, path, ""); a.StatusCode != 504 || a.failure(t).Error.Reason != "DEADLINE_PASSED" {
			t.Errorf("%s: %d %s", line, a.StatusCode, a.body)
		}
	}
	time.AfterFunc(1500*time.Millisecond, func() { close(s.server.Held) })
	if a := s.call("GET", "/v1/leads/held", "", "Grpc-Timeout: 50S"); a.StatusCode != 200 {
		t.Errorf("a longer deadline was stated: %d %s", a.StatusCode, a.body)
	}
	s.server.Held = make(chan struct{})
	time.AfterFunc(1500*time.Millisecond, func() { close(s.server.Held) })
	if a := s.call("GET", "/v1/messages:watch", ""); a.StatusCode != 200 || strings.Contains(a.body, "error") {
		t.Errorf("a stream: %d %s", a.StatusCode, a.body)
	}
}

// A body that never comes holds its connection as long as a body may take, also where no handler wants it.
func TestBodiesThatNeverCome(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 30 s")
	}
	t.Parallel()
	s := start(t)
	held := map[string]net.Conn{}
	for _, line := range []string{"GET /health/live", "GET /v1/leads/a", "GET /no/such", "POST /u/token"} {
		held[line] = s.dial(s.edge.HTTPAddress())
		fmt.Fprintf(held[line], "%s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n", line)
	}
	for line, c := range held {
		if _, err := io.ReadAll(c); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
}

// The rows' reader is at work on a line when the stream breaks off; it must not wait for another one.
func TestStreamTriageBreaksOffInTheMiddleOfALine(t *testing.T) {
	s := start(t)
	for range 10 {
		body, pipe := io.Pipe()
		go func() {
			_, _ = io.WriteString(pipe, `{"correlation_id":"1"}`+"\n"+`{"correlation_id":"fail"}`+"\n"+
				`{"correlation_id":"`+strings.Repeat(`\u0061`, 600_000)+`",`+"\n")
		}()
		r, err := http.NewRequest("POST", s.url+"/v1/leads:streamTriage", body)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-ndjson")
		began := time.Now()
		res, err := (&http.Client{Timeout: patience}).Do(r)
		if err == nil {
			_, err = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
		}
		_ = pipe.Close()
		if took := time.Since(began); took > 30*time.Second { // what could not be sent any more may be an error, at once
			t.Fatalf("ended after %v: %v", took, err)
		}
	}
}
