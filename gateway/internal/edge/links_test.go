package edge_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// visits waits until so many were recorded.
func (s *system) visits(t *testing.T, n int64) {
	t.Helper()
	eventually(t, fmt.Sprint(n, " visits are recorded"), func() bool { return s.server.Visits.Load() == n })
}

func TestLinksOfMessagesLeadOnAndAreRecorded(t *testing.T) {
	s := start(t)
	a := s.call("GET", "/c/abc", "")
	if a.StatusCode != 302 || a.Header.Get("Location") != "https://shop.example/?of=abc" || a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("%d %v", a.StatusCode, a.Header)
	}
	s.visits(t, 1)
	a = s.call("GET", "/o/abc.gif", "")
	if a.StatusCode != 200 || a.Header.Get("Content-Type") != "image/gif" || !strings.HasPrefix(a.body, "GIF89a") {
		t.Errorf("%d %v %q", a.StatusCode, a.Header, a.body)
	}
	s.visits(t, 2)
	if a = s.call("POST", "/c/abc", ""); a.StatusCode != 405 && a.StatusCode != 501 {
		t.Errorf("POST: %d", a.StatusCode)
	}
}

func TestWhoLooksAheadIsAnsweredAndNotRecorded(t *testing.T) {
	s := start(t)
	if a := s.call("HEAD", "/c/abc", ""); a.StatusCode != 302 || a.Header.Get("Location") == "" {
		t.Errorf("HEAD: %d %v", a.StatusCode, a.Header)
	}
	for _, header := range []string{"Sec-Purpose: prefetch;prerender", "Purpose: prefetch", "X-Moz: prefetch"} {
		if a := s.call("GET", "/o/abc.gif", "", header); a.StatusCode != 200 {
			t.Errorf("%s: %d", header, a.StatusCode)
		}
	}
	s.call("GET", "/c/abc", "")
	s.visits(t, 1)
}

// The server does not come to an end with recording; whoever follows the link is not kept waiting.
func TestALinkLeadsOnThoughItCannotBeRecorded(t *testing.T) {
	t.Parallel() // it takes as long as that limit
	s := start(t, "--call-timeout", "10")
	began := time.Now()
	if a := s.call("GET", "/c/stuck", ""); a.StatusCode != 302 || time.Since(began) > 8*time.Second {
		t.Errorf("%d after %s", a.StatusCode, time.Since(began))
	}
	eventually(t, "the visit that was lost is counted", func() bool {
		return strings.Contains(s.call("GET", "/metrics", "").body, "gateway_link_visits_lost_total 1")
	})
}

// What is signed arrives to the byte.
func TestAReportOfAProviderIsPassedOnAsItCame(t *testing.T) {
	s := start(t)
	const path, body = "/v1/workspaces/w/channels/mail/events:receive", "{ \"events\" :\n[] }  "
	a := s.call("POST", path, body, "Marketing-Signature: good")
	if a.StatusCode != 200 || !strings.Contains(a.body, `"recorded_count":1`) {
		t.Fatal(a.StatusCode, a.body)
	}
	if got := s.server.Report(); string(got.Body) != body || got.Workspace != "workspaces/w" || got.Channel != "channels/mail" {
		t.Errorf("%v", got)
	}
	if a = s.call("POST", path, body); a.StatusCode != 401 {
		t.Errorf("without a signature: %d %s", a.StatusCode, a.body)
	}
	if a = s.call("POST", path, body, "Marketing-Signature: good", "Content-Encoding: gzip"); a.StatusCode != 415 {
		t.Errorf("a coding: %d %s", a.StatusCode, a.body)
	}
	if a = s.call("POST", path, strings.Repeat(" ", 1<<20+1), "Marketing-Signature: good"); a.StatusCode != 413 {
		t.Errorf("a large body: %d %s", a.StatusCode, a.body)
	}
}
