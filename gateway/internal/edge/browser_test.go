package edge_test

import (
	"bufio"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// Every answer bears these, whatever it is.
var strictHeaders = map[string]string{
	"X-Content-Type-Options":       "nosniff",
	"Content-Security-Policy":      "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Referrer-Policy":              "no-referrer",
	"Cache-Control":                "no-store",
	"Set-Cookie":                   "",
	"Strict-Transport-Security":    "", // without TLS
}

func TestEveryAnswerIsStrict(t *testing.T) {
	s := start(t)
	for _, c := range []struct {
		method, path, body string
		code               int
	}{
		{"GET", "/", "", 200},
		{"GET", "/openapi.json", "", 200},
		{"GET", "/metrics", "", 200},
		{"GET", "/v1/leads/a", "", 200},
		{"HEAD", "/v1/leads/a", "", 200},
		{"OPTIONS", "/v1/leads", "", 204},
		{"POST", "/v1/leads:triage", "{", 400},
		{"GET", "/v1/leads/barred", "", 401},
		{"GET", "/nowhere", "", 404},
		{"TRACE", "/v1/leads", "", 405},
		{"GET", "/v1/leads/busy", "", 429},
		{"GET", "/v1/leads/broken", "", 500},
	} {
		a := s.call(c.method, c.path, c.body, "Cookie: session=1")
		if a.StatusCode != c.code {
			t.Errorf("%s %s: %d, want %d", c.method, c.path, a.StatusCode, c.code)
		}
		for name, want := range strictHeaders {
			if got := a.Header.Get(name); got != want {
				t.Errorf("%s %s: %s is %q, want %q", c.method, c.path, name, got, want)
			}
		}
	}
}

const page = "https://app.example.com"

func TestPagesOfOtherOriginsChangeNothing(t *testing.T) {
	s := start(t, "--cors-origins", page)
	for _, c := range []struct {
		name, method string
		headers      []string
		code         int
	}{
		{"a program", "POST", nil, 200},
		{"an allowed page", "POST", []string{"Origin: " + page, "Sec-Fetch-Site: cross-site"}, 200},
		{"a page of its own", "POST", []string{"Sec-Fetch-Site: same-origin", "Origin: " + s.url}, 200},
		{"a page of its own, old browser", "POST", []string{"Origin: " + s.url}, 200},
		{"a foreign page", "POST", []string{"Origin: https://evil.example", "Sec-Fetch-Site: cross-site"}, 403},
		{"a foreign page, old browser", "POST", []string{"Origin: https://evil.example"}, 403},
		{"a page without an origin", "POST", []string{"Origin: null"}, 403},
		{"a foreign form", "POST", []string{"Sec-Fetch-Site: cross-site"}, 403},
		{"a neighbour's page", "POST", []string{"Origin: https://other.example.com", "Sec-Fetch-Site: same-site"}, 403},
		{"an origin that begins alike", "POST", []string{"Origin: " + page + ".evil.example"}, 403},
		{"the allowed host over http", "POST", []string{"Origin: http://app.example.com"}, 403},
		{"a foreign page that patches", "PATCH", []string{"Origin: https://evil.example"}, 403},
		{"a foreign page that deletes", "DELETE", []string{"Origin: https://evil.example"}, 403},
		{"a foreign page that reads", "GET", []string{"Origin: https://evil.example", "Sec-Fetch-Site: cross-site"}, 200},
	} {
		path, body := "/v1/leads/a", ""
		switch c.method {
		case "POST":
			path, body = "/v1/leads:triage", `{"lead":{"name":"leads/a"}}`
		case "PATCH":
			body = `{"company":"c"}`
		}
		before := s.server.Calls.Load()
		a := s.call(c.method, path, body, c.headers...)
		if a.StatusCode != c.code {
			t.Errorf("%s: %d, want %d", c.name, a.StatusCode, c.code)
		}
		if c.code == 403 && (a.failure(t).Error.Reason != "ORIGIN_REFUSED" || s.server.Calls.Load() != before) {
			t.Errorf("%s: %s, %d calls reached the server", c.name, a.body, s.server.Calls.Load()-before)
		}
	}
	if a := start(t).call("POST", "/v1/leads:triage", `{"lead":{"name":"leads/a"}}`, "Origin: "+page); a.StatusCode != 403 {
		t.Errorf("no origins are allowed: %d", a.StatusCode)
	}
}

func TestCORS(t *testing.T) {
	s := start(t, "--cors-origins", page+",http://localhost:3000")
	a := s.call("OPTIONS", "/v1/leads", "", "Origin: "+page, "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: authorization")
	if a.StatusCode != 204 || a.Header.Get("Access-Control-Allow-Origin") != page || a.Header.Get("Access-Control-Max-Age") == "" ||
		!strings.Contains(a.Header.Get("Access-Control-Allow-Methods"), "POST") || !strings.Contains(a.Header.Get("Access-Control-Allow-Headers"), "Authorization") {
		t.Errorf("%d %v", a.StatusCode, a.Header)
	}
	for origin, want := range map[string]string{page: page, "http://localhost:3000": "http://localhost:3000", "https://evil.example": "", "null": "", "*": "", "": ""} {
		var headers []string
		if origin != "" {
			headers = []string{"Origin: " + origin}
		}
		for _, path := range []string{"/v1/leads/a", "/v1/leads/missing", "/nowhere"} {
			a := s.call("GET", path, "", headers...)
			if got := a.Header.Get("Access-Control-Allow-Origin"); got != want || a.Header.Get("Vary") != "Origin" {
				t.Errorf("%s for %q: allowed %q, varies by %q", path, origin, got, a.Header.Get("Vary"))
			}
			if a.Header.Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("%s: credentials are allowed", path)
			}
		}
		a := s.call("OPTIONS", "/v1/leads", "", append(headers, "Access-Control-Request-Method: POST")...)
		if got := a.Header.Get("Access-Control-Allow-Methods") != ""; got != (want != "") {
			t.Errorf("preflight from %q: allowed %v", origin, got)
		}
	}
}

// rawREST sends a request as it is written and returns the answer's status.
func (s *system) rawREST(request string) int {
	s.t.Helper()
	c := s.dial(s.edge.HTTPAddress())
	if _, err := c.Write([]byte(request)); err != nil {
		s.t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		s.t.Fatalf("%q: %v", request, err)
	}
	_ = res.Body.Close()
	return res.StatusCode
}

// Values that would end a header, a log line or a string, or that two readers read differently.
var injections = []string{"a\rb", "a\x00b", "a\x1bb", "a\x7fb", "a\xffb", "a\u00e9b", "a\tb"}

func TestHeadersThatInjectAreRefused(t *testing.T) {
	s := start(t)
	for _, header := range []string{"Authorization", "X-Workspace", "Traceparent", "Tracestate"} {
		for _, value := range injections {
			request := fmt.Sprintf("GET /v1/leads/a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s: %s\r\n\r\n", header, value)
			if code := s.rawREST(request); code != 400 {
				t.Errorf("%s: %q: %d", header, value, code)
			}
		}
	}
	if calls := s.server.Calls.Load(); calls != 0 {
		t.Errorf("%d of them reached the server", calls)
	}
	for _, value := range injections { // an id is replaced, or HTTP itself refuses it
		request := fmt.Sprintf("GET /v1/leads/a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Request-Id: %s\r\n\r\n", value)
		if code := s.rawREST(request); code != 400 && code != 200 {
			t.Errorf("X-Request-Id: %q: %d", value, code)
		}
	}
	for _, path := range []string{"/v1/leads/a%0d%0aSet-Cookie:%20x=1", "/v1/leads/a%00b", "/v1/%0d%0aX: y"} {
		a := s.call("GET", path, "")
		if a.Header.Get("Set-Cookie") != "" || a.Header.Get("X") != "" {
			t.Errorf("%s: %v", path, a.Header)
		}
	}
}

func TestMetadataThatInjectsIsRefused(t *testing.T) {
	s := start(t)
	for _, key := range []string{"authorization", "x-workspace", "traceparent", "tracestate", "x-request-id"} {
		for _, value := range append(injections, "a\nb") {
			c := s.dial(s.edge.GRPCAddress())
			res := rawCall(t, c, "/marketing.v1.LeadService/GetLead", "identity", make([]byte, 5), [2]string{key, value})
			_ = c.Close()
			if res["grpc-status"] == "0" {
				t.Errorf("%s: %q is taken", key, value)
			}
		}
	}
	if calls := s.server.Calls.Load(); calls != 0 {
		t.Errorf("%d of them reached the server", calls)
	}
}
