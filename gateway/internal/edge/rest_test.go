package edge_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestRESTAnswersWithProtoNamesAndDefaults(t *testing.T) {
	s := start(t)
	a := s.call("GET", "/v1/leads/a", "")
	var lead map[string]any
	if err := json.Unmarshal([]byte(a.body), &lead); err != nil || a.StatusCode != 200 {
		t.Fatal(a.StatusCode, a.body)
	}
	if lead["external_id"] != "" || lead["name"] != "leads/a" {
		t.Errorf("defaults or proto names are missing: %s", a.body)
	}
	if _, there := lead["triage"]; there {
		t.Errorf("an unset message is shown: %s", a.body)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/json", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
		"Access-Control-Allow-Origin": "", "Set-Cookie": "",
	} {
		if got := a.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestRESTHeadersBecomeMetadata(t *testing.T) {
	s := start(t)
	a := s.call("GET", "/v1/leads/a", "", "Authorization: Bearer x", "X-Workspace: w", "X-Request-Id: r-1", "Cookie: c=1",
		"Grpc-Metadata-Evil: 1", "X-Forwarded-For: 1.2.3.4", "Grpc-Timeout: 9S")
	var lead struct{ Attributes map[string]string }
	if err := json.Unmarshal([]byte(a.body), &lead); err != nil {
		t.Fatal(a.body)
	}
	got := lead.Attributes
	if got["authorization"] != "Bearer x" || got["x-workspace"] != "w" || got["x-request-id"] != "r-1" || got["x-forwarded-for"] != "127.0.0.1" {
		t.Errorf("metadata %v", got)
	}
	if got["cookie"]+got["evil"]+got["grpcgateway-cookie"]+got["x-forwarded-host"] != "" {
		t.Errorf("too much was passed on: %v", got)
	}
	if len(got["deadline-ms"]) != 4 || got["deadline-ms"] > "9000" {
		t.Errorf("deadline of 9 s arrived as %q ms", got["deadline-ms"])
	}
	if a.Header.Get("X-Request-Id") != "r-1" {
		t.Errorf("request id sent back: %q", a.Header.Get("X-Request-Id"))
	}
	if id := s.call("GET", "/v1/leads/a", "", "X-Request-Id: a b").Header.Get("X-Request-Id"); len(id) != 26 {
		t.Errorf("a bad request id became %q", id)
	}
}

func TestRESTErrorShape(t *testing.T) {
	s := start(t)
	for path, want := range map[string]struct {
		code           int
		status, reason string
		header         string
	}{
		"/v1/leads/missing": {404, "NOT_FOUND", "LEAD_NOT_FOUND", ""},
		"/v1/leads/busy":    {429, "RESOURCE_EXHAUSTED", "OVERLOADED", "2"},
		"/v1/leads/broken":  {500, "INTERNAL", "INTERNAL", ""},
		"/v1/leads/bare":    {400, "FAILED_PRECONDITION", "", ""},
		"/v1/leads/a:nope":  {404, "NOT_FOUND", "PATH_UNKNOWN", ""},
		"/v1/nope":          {404, "NOT_FOUND", "PATH_UNKNOWN", ""},
		"/v1/config":        {501, "UNIMPLEMENTED", "METHOD_UNKNOWN", ""},
	} {
		a := s.call("GET", path, "")
		b := a.failure(t)
		if a.StatusCode != want.code || b.Error.Status != want.status || b.Error.Reason != want.reason || a.Header.Get("Retry-After") != want.header {
			t.Errorf("%s: %d %q %s", path, a.StatusCode, a.Header.Get("Retry-After"), a.body)
		}
		if strings.Contains(a.body, "0xdeadbeef") {
			t.Errorf("%s shows our insides: %s", path, a.body)
		}
	}
	a := s.call("GET", "/v1/leads/barred", "")
	if b := a.failure(t); a.StatusCode != 401 || b.Error.Status != "UNAUTHENTICATED" || a.Header.Get("WWW-Authenticate") != "Bearer" {
		t.Errorf("without a token: %d %v %s", a.StatusCode, a.Header, a.body)
	}
	b := s.call("GET", "/v1/leads/missing", "").failure(t)
	if field, _ := b.violation(); field != "name" || len(b.Error.Details) != 2 {
		t.Errorf("details are lost: %v", b)
	}
	s.server.Stop()
	a = s.call("GET", "/v1/leads/a", "")
	if b := a.failure(t); a.StatusCode != 503 || b.Error.Reason != "SERVER_UNREACHABLE" || a.Header.Get("Retry-After") != "1" {
		t.Errorf("server away: %d %s", a.StatusCode, a.body)
	}
}

func TestRESTMethods(t *testing.T) {
	s := start(t)
	for _, c := range []struct{ method, path, allow string }{
		{"PUT", "/v1/leads/a", "DELETE, GET, HEAD, OPTIONS, PATCH"},
		{"DELETE", "/v1/leads:triage", "OPTIONS, POST"},
		{"POST", "/health", "GET, HEAD, OPTIONS"},
		{"GET", "/v1/leads/a:merge", "OPTIONS, POST"},
		{"GET", "/v1/leadImports/x:upload", "OPTIONS, POST"},
		{"PATCH", "/v1/decisions/x:override", "OPTIONS, POST"},
		{"TRACE", "/v1/leads", "GET, HEAD, OPTIONS, POST"},
		{"BREW", "/v1/leads", "GET, HEAD, OPTIONS, POST"},
	} {
		a := s.call(c.method, c.path, "")
		if b := a.failure(t); a.StatusCode != 405 || b.Error.Reason != "HTTP_METHOD_NOT_ALLOWED" || a.Header.Get("Allow") != c.allow {
			t.Errorf("%s %s: %d, Allow %q, %s", c.method, c.path, a.StatusCode, a.Header.Get("Allow"), a.body)
		}
	}
	if a := s.call("OPTIONS", "/v1/leads", ""); a.StatusCode != 204 || a.Header.Get("Allow") != "GET, HEAD, OPTIONS, POST" {
		t.Errorf("OPTIONS: %d %q", a.StatusCode, a.Header.Get("Allow"))
	}
	if a := s.call("HEAD", "/v1/leads/a", ""); a.StatusCode != 200 || a.body != "" {
		t.Errorf("HEAD: %d %q", a.StatusCode, a.body)
	}
	if a := s.call("POST", "/v1/leads/a", "", "X-HTTP-Method-Override: DELETE"); a.StatusCode != 405 {
		t.Errorf("method override: %d", a.StatusCode)
	}
}

func TestRESTMediaTypes(t *testing.T) {
	s := start(t)
	for _, headers := range [][]string{
		{"Content-Type: text/plain"}, {"Content-Type: application/x-www-form-urlencoded"}, {"Content-Type: "},
		{"Content-Type: application/json; charset=latin1"}, {"Content-Encoding: gzip"},
	} {
		a := s.call("POST", "/v1/leads:triage", `{}`, headers...)
		if b := a.failure(t); a.StatusCode != 415 || b.Error.Reason != "MEDIA_TYPE_UNSUPPORTED" {
			t.Errorf("%v: %d %s", headers, a.StatusCode, a.body)
		}
	}
	if a := s.call("POST", "/v1/leads:triage", `{}`, "Content-Type: application/json; charset=UTF-8"); a.StatusCode != 200 {
		t.Errorf("utf-8: %d %s", a.StatusCode, a.body)
	}
	a := s.call("POST", "/v1/leads:triage", `{"request_id":"`+strings.Repeat("a", 4<<20)+`"}`)
	if b := a.failure(t); a.StatusCode != 413 || b.Error.Reason != "REQUEST_TOO_LARGE" {
		t.Errorf("4 MiB: %d %s", a.StatusCode, a.body)
	}
	if calls := s.server.Calls.Load(); calls != 1 {
		t.Errorf("%d calls reached the server, 1 was well-formed", calls)
	}
}

func TestRESTMalformedJSON(t *testing.T) {
	s := start(t)
	for _, c := range []struct{ method, path, body, reason, field, description string }{
		{"POST", "/v1/leads:triage", "{\n  \"lead\": {\"emai\": \"x\"}}", "FIELD_INVALID", "lead.emai", `line 2, column 12: unknown field "emai"`},
		{"POST", "/v1/leads:batchCreate", `{"leads":[{},{"email":7}]}`, "FIELD_INVALID", "leads[1].email", "line 1, column 23: invalid value for string field email: 7"},
		{"POST", "/v1/leads:triage", `{"explain":"é","explain":true}`, "FIELD_INVALID", "explain", `line 1, column 12: invalid value for bool field explain: "é"`},
		{"POST", "/v1/leads", `{"attributes":{"a":"b","c":[]}}`, "FIELD_INVALID", "lead.attributes.c", "line 1, column 28: invalid value for string field value: ["},
		{"POST", "/v1/leads/a/outcomes", `{"value_micros":"x"}`, "FIELD_INVALID", "outcome.value_micros", `line 1, column 17: invalid value for int64 field value_micros: "x"`},
		{"POST", "/v1/leads:triage", `{"lead":`, "MALFORMED_MESSAGE", "", ""},
		{"POST", "/v1/leads:triage", `{"lead":}`, "MALFORMED_MESSAGE", "", ""},
		{"POST", "/v1/leads:triage", `{} {}`, "MALFORMED_MESSAGE", "", ""},
		{"POST", "/v1/leads:triage", "\xff", "MALFORMED_MESSAGE", "", ""},
		{"POST", "/v1/leads:triage", `{"lead":` + strings.Repeat(`{"triage":`, 20000), "FIELD_INVALID", "", ""},
		{"POST", "/v1/sessions", `{"user":"users/a","user":"users/b"}`, "FIELD_INVALID", "user", `line 1, column 19: duplicate field "user"`},
		{"PATCH", "/v1/leads/a", `{"nope":1}`, "FIELD_INVALID", "lead.nope", `line 1, column 2: unknown field "nope"`},
		{"PATCH", "/v1/leads/a", `[`, "MALFORMED_MESSAGE", "", ""},
	} {
		a := s.call(c.method, c.path, c.body)
		b := a.failure(t)
		field, description := b.violation()
		if a.StatusCode != 400 || b.Error.Reason != c.reason || c.field != "" && field != c.field || c.description != "" && description != c.description {
			t.Errorf("%.60s\n got  %d %s %q %q\n want 400 %s %q %q", c.body, a.StatusCode, b.Error.Reason, field, description, c.reason, c.field, c.description)
		}
		for _, inner := range []string{"proto:", "json:", "strconv", "Go ", "marketingv1", "0x"} {
			if strings.Contains(a.body, inner) {
				t.Errorf("%.60s: shows %q: %s", c.body, inner, a.body)
			}
		}
	}
	if calls := s.server.Calls.Load(); calls != 0 {
		t.Errorf("%d malformed calls reached the server", calls)
	}
}

func TestRESTQuery(t *testing.T) {
	s := start(t)
	if a := s.call("GET", "/v1/leads?page_size=7&filter=x", ""); a.StatusCode != 200 || !strings.Contains(a.body, `"7x"`) {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	for path, want := range map[string]string{
		"/v1/leads?page_sise=7":             "page_sise",
		"/v1/leads?page_size=abc":           "page_size",
		"/v1/leads?page_size=99999999999":   "page_size",
		"/v1/leads?page_size=1&page_size=2": "page_size",
		"/v1/leads/a?x=1":                   "x",
		"/v1/leads/a?name=leads/b":          "name",
		"/v1/decisions/a?view=NOPE":         "view",
		"/health?x=1":                       "x",
	} {
		a := s.call("GET", path, "")
		b := a.failure(t)
		if field, _ := b.violation(); a.StatusCode != 400 || b.Error.Reason != "FIELD_INVALID" || field != want || strings.Contains(a.body, "strconv") {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
		}
	}
	for _, c := range [][2]string{{"GET", "/v1/leads/%ff"}, {"DELETE", "/v1/leads/a?etag=%ff"}, {"GET", "/v1/leads?%ff=1"}, {"POST", "/v1/leadImports/%ff:upload"}} {
		a := s.call(c[0], c[1], "")
		if b := a.failure(t); a.StatusCode != 400 || b.Error.Reason != "INVALID_UTF8" {
			t.Errorf("%s: %d %s", c[1], a.StatusCode, a.body)
		}
	}
	if a := s.call("GET", "/v1/leads/%41%C3%A9", ""); a.StatusCode != 200 || !strings.Contains(a.body, "leads/Aé") {
		t.Errorf("escapes: %d %s", a.StatusCode, a.body)
	}
	if a := s.call("POST", "/v1/leads:triage?explain=true", "{}"); a.StatusCode != 400 {
		t.Errorf("query beside a whole body: %d %s", a.StatusCode, a.body)
	}
}

func TestRESTIdempotencyKey(t *testing.T) {
	s := start(t)
	if a := s.call("POST", "/v1/leads:triage", "{}", "Idempotency-Key: key-12345"); !strings.Contains(a.body, "key-12345") {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	s.call("POST", "/v1/leads", "{}", "Idempotency-Key: key-12345")
	if got := s.server.Created().GetRequestId(); got != "key-12345" {
		t.Errorf("body of one field: request_id %q", got)
	}
	a := s.call("POST", "/v1/leads:triage", `{"request_id":"other-123"}`, "Idempotency-Key: key-12345")
	if b := a.failure(t); a.StatusCode != 400 || b.Error.Reason != "FIELD_INVALID" {
		t.Errorf("two keys: %d %s", a.StatusCode, a.body)
	}
	for _, key := range []string{"short", "é-12345678", strings.Repeat("k", 129)} {
		a := s.call("POST", "/v1/leads:triage", "{}", "Idempotency-Key: "+key)
		if field, _ := a.failure(t).violation(); a.StatusCode != 400 || field != "Idempotency-Key" {
			t.Errorf("%q: %d %s", key, a.StatusCode, a.body)
		}
	}
	if a := s.call("GET", "/v1/leads/a", "", "Idempotency-Key: key-12345"); a.StatusCode != 200 {
		t.Errorf("a call without request_id: %d", a.StatusCode)
	}
}

func TestRESTPatchMask(t *testing.T) {
	s := start(t)
	for _, c := range []struct{ path, body, mask string }{
		{"/v1/leads/a", `{"company":"","name":"leads/b","etag":"e","triage":{"decision":"d"},"create_time":"2020-01-01T00:00:00Z"}`, "company"},
		{"/v1/leads/a", `{"attributes":{"plan":"pro"},"full_name":"A"}`, "attributes.plan full_name"},
		{"/v1/leads/a?update_mask=attributes", `{"attributes":{"plan":"pro"}}`, "attributes"},
	} {
		if a := s.call("PATCH", c.path, c.body); a.StatusCode != 200 {
			t.Fatal(a.StatusCode, a.body)
		}
		u := s.server.Updated()
		paths := slices.Sorted(slices.Values(u.GetUpdateMask().GetPaths()))
		if got := strings.Join(paths, " "); got != c.mask || u.GetLead().GetName() != "leads/a" {
			t.Errorf("%s: mask %q, name %q", c.body, got, u.GetLead().GetName())
		}
	}
}

func TestRESTHosts(t *testing.T) {
	s := start(t)
	for host, want := range map[string]int{"localhost:5000": 200, "[::1]:5000": 200, "evil.example": 421, "127.0.0.1.evil.example": 421} {
		if a := s.call("GET", "/health/live", "", "Host: "+host); a.StatusCode != want {
			t.Errorf("%s: %d, want %d", host, a.StatusCode, want)
		}
	}
	named := start(t, "--hosts", "Api.example.com")
	if a := named.call("GET", "/health/live", "", "Host: API.example.com."); a.StatusCode != 200 {
		t.Errorf("its own name: %d", a.StatusCode)
	}
	if a := named.call("GET", "/health/live", ""); a.StatusCode != 421 {
		t.Errorf("another name: %d", a.StatusCode)
	}
}

func TestRESTHealthAndPages(t *testing.T) {
	s := start(t)
	for path, want := range map[string]string{
		"/":                         "OpenAPI",
		"/health":                   `"server":{"status":"SERVING"}`,
		"/api/health":               `"status":"SERVING"`,
		"/health/live":              `"version":"test"`,
		"/api/agents/health":        `"double"`,
		"/api/agents/system/status": `"double"`,
		"/openapi.json":             `"swagger": "2.0"`,
		"/metrics":                  "gateway_connections{listener=\"http\"} 1",
	} {
		if a := s.call("GET", path, ""); a.StatusCode != 200 || !strings.Contains(a.body, want) {
			t.Errorf("%s: %d %.200s", path, a.StatusCode, a.body)
		}
	}
	if a := s.call("POST", "/api/agents/triage", `{"lead":{"name":"leads/a"}}`); a.StatusCode != 200 || !strings.Contains(a.body, "leads/a") {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	s.server.Stop()
	eventually(t, "health tells that the server is gone", func() bool { return s.call("GET", "/health", "").StatusCode == http.StatusServiceUnavailable })
	if a := s.call("GET", "/health/live", ""); a.StatusCode != 200 {
		t.Errorf("liveness: %d", a.StatusCode)
	}
}

// Once health says that a server is back calls reach it, however long the connections would still have waited before they try.
func TestHealthIsTrueOfCalls(t *testing.T) {
	s := start(t)
	for range 3 {
		s.server.Stop()
		eventually(t, "health tells that the server is gone", func() bool { return s.call("GET", "/health", "").StatusCode == http.StatusServiceUnavailable })
		for until := time.Now().Add(2 * time.Second); time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
			s.call("GET", "/v1/leads/a", "")
		}
		s.server = s.server.Again(t)
		eventually(t, "health tells that the server is back", func() bool { return s.call("GET", "/health", "").StatusCode == http.StatusOK })
		if a := s.call("GET", "/v1/leads/a", ""); a.StatusCode != http.StatusOK {
			t.Errorf("%d %s", a.StatusCode, a.body)
		}
	}
}
