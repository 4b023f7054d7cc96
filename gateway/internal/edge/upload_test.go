package edge_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
)

func (s *system) post(path, contentType string, body io.Reader) answer {
	s.t.Helper()
	r, err := http.NewRequest("POST", s.url+path, body)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	return s.do(r)
}

func TestUploadLeads(t *testing.T) {
	s := start(t)
	file := []byte(strings.Repeat("a,b\n", 200_000)) // 800 kB: four chunks
	a := s.post("/v1/leadImports/i1:upload?columns=E-Mail:email&columns=a:b:phone&separator=%3B&triage=true&offset=1000", "text/csv", bytes.NewReader(file))
	reply := new(pb.LeadImport)
	if err := protojson.Unmarshal([]byte(a.body), reply); err != nil || a.StatusCode != 200 {
		t.Fatal(a.StatusCode, a.body, err)
	}
	if reply.GetName() != "leadImports/i1" || reply.GetCommittedBytes() != int64(1000+len(file)) {
		t.Errorf("reply %v", reply)
	}
	chunks := s.server.Chunks()
	var got []byte
	for _, c := range chunks {
		if c.GetOffset() != int64(1000+len(got)) {
			t.Errorf("chunk at %d, want %d", c.GetOffset(), 1000+len(got))
		}
		got = append(got, c.GetContent()...)
	}
	spec := chunks[0].GetSpec()
	if !bytes.Equal(got, file) || len(chunks) != 4 {
		t.Errorf("%d bytes in %d chunks", len(got), len(chunks))
	}
	if spec.GetColumns()["E-Mail"] != "email" || spec.GetColumns()["a:b"] != "phone" || spec.GetSeparator() != ";" || !spec.GetTriage() {
		t.Errorf("spec %v", spec)
	}
}

func TestUploadRefusals(t *testing.T) {
	s := start(t, "--max-upload-mb", "1")
	for _, c := range []struct {
		path, contentType string
		size, code        int
		reason            string
	}{
		{"/v1/leadImports/i:upload?column=a:b", "text/csv", 1, 400, "FIELD_INVALID"},
		{"/v1/leadImports/i:upload?columns=email", "text/csv", 1, 400, "FIELD_INVALID"},
		{"/v1/leadImports/i:upload?offset=-1", "text/csv", 1, 400, "FIELD_INVALID"},
		{"/v1/leadImports/i:upload?triage=maybe", "text/csv", 1, 400, "FIELD_INVALID"},
		{"/v1/leadImports/i:upload", "application/json", 1, 415, "MEDIA_TYPE_UNSUPPORTED"},
		{"/v1/leadImports/i:upload", "text/csv", 1<<20 + 1, 413, "REQUEST_TOO_LARGE"},
		{"/v1/leadImports/refused:upload", "text/csv", 1 << 20, 404, "LEAD_NOT_FOUND"},
		{"/v1/models/m/versions:upload?x=1", "application/octet-stream", 1, 400, "FIELD_INVALID"},
		{"/v1/models/m/versions:upload", "text/csv", 1, 415, "MEDIA_TYPE_UNSUPPORTED"},
	} {
		a := s.post(c.path, c.contentType, strings.NewReader(strings.Repeat("a", c.size)))
		if b := a.failure(t); a.StatusCode != c.code || b.Error.Reason != c.reason {
			t.Errorf("%s: %d %s", c.path, a.StatusCode, a.body)
		}
	}
	if a := s.post("/v1/leadImports/empty:upload", "text/csv", http.NoBody); a.StatusCode != 200 || !strings.Contains(a.body, "leadImports/empty") {
		t.Errorf("an empty file: %d %s", a.StatusCode, a.body)
	}
}

// A server that does not read makes the uploader wait: nothing but windows and buffers is taken off its hands.
func TestUploadBackPressure(t *testing.T) {
	s := start(t)
	s.server.Gate = make(chan struct{})
	body, pipe := io.Pipe()
	done := make(chan answer, 1)
	go func() { done <- s.post("/v1/leadImports/slow:upload", "text/csv", body) }()
	chunk := make([]byte, 64<<10)
	written := make(chan struct{})
	go func() {
		for range 640 { // 40 MiB
			if _, err := pipe.Write(chunk); err != nil {
				return
			}
			written <- struct{}{}
		}
		_ = pipe.Close()
		close(written)
	}()
	<-written
	taken := len(chunk)
	for quiet := false; !quiet; {
		select {
		case <-written:
			taken += len(chunk)
		case <-time.After(500 * time.Millisecond):
			quiet = true
		}
	}
	if taken > 16<<20 {
		t.Errorf("%d bytes were taken for a server that reads nothing", taken)
	}
	close(s.server.Gate)
	for range written {
	}
	if a := <-done; a.StatusCode != 200 || !strings.Contains(a.body, `"41943040"`) {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

// An upload that is cut off must not look to the server like a file that ended.
func TestUploadCutOff(t *testing.T) {
	s := start(t)
	c := s.dial(s.edge.HTTPAddress())
	fmt.Fprintf(c, "POST /v1/leadImports/cut:upload HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\nContent-Length: 1000000\r\n\r\nname,email\n%s",
		strings.Repeat("x", 300<<10))
	s.reached(1)
	_ = c.Close()
	select {
	case err := <-s.server.Ended:
		if err == nil || errors.Is(err, io.EOF) {
			t.Errorf("the server saw the end %v", err)
		}
	case <-time.After(patience):
		t.Error("the server was not told")
	}
}

func TestUploadModel(t *testing.T) {
	s := start(t)
	a := s.post("/v1/models/m1/versions:upload?version_id=v1&promote=true", "application/octet-stream", bytes.NewReader(make([]byte, 700_000)))
	reply := new(pb.ModelVersion)
	if err := protojson.Unmarshal([]byte(a.body), reply); err != nil {
		t.Fatal(a.StatusCode, a.body)
	}
	if reply.GetName() != "models/m1/versions/v1" || reply.GetFileBytes() != 700_000 || reply.GetState() != pb.ModelVersion_STATE_PROMOTED {
		t.Errorf("%v", reply)
	}
}

type streamLine struct {
	Correlation string `json:"correlation_id"`
	Result      struct {
		Lead   string `json:"lead"`
		Status struct {
			Code       int
			Reason     string
			Violations []struct{ Field string }
		}
	}
	errorBody
}

func lines(t *testing.T, body string) []streamLine {
	t.Helper()
	var all []streamLine
	for _, text := range strings.Split(strings.TrimSuffix(body, "\n"), "\n") {
		var l streamLine
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatalf("%v in line %q", err, text)
		}
		all = append(all, l)
	}
	return all
}

func TestStreamTriage(t *testing.T) {
	s := start(t)
	body := `{"correlation_id":"1","lead":{"name":"leads/a"}}` + "\n" +
		`{"correlation_id":"2","lead":{"nme":"leads/b"}}` + "\n\n" +
		`{"correlation_id":"bad"}` + "\r\n" +
		`nonsense` + "\n" +
		`{"correlation_id":"5","lead":{"name":"leads/e"}}` // without a newline
	a := s.post("/v1/leads:streamTriage", "application/x-ndjson", strings.NewReader(body))
	got := lines(t, a.body)
	if a.StatusCode != 200 || len(got) != 5 || a.Header.Get("Content-Type") != "application/x-ndjson" {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	for i, want := range []struct {
		id, lead, reason, field string
	}{
		{"1", "leads/a", "", ""}, {"", "", "FIELD_INVALID", "lead.nme"}, {"bad", "", "FIELD_INVALID", ""},
		{"", "", "MALFORMED_MESSAGE", ""}, {"5", "leads/e", "", ""},
	} {
		l := got[i]
		if l.Correlation != want.id || l.Result.Lead != want.lead || l.Result.Status.Reason != want.reason {
			t.Errorf("line %d: %+v", i+1, l)
		}
		if want.field != "" && l.Result.Status.Violations[0].Field != want.field {
			t.Errorf("line %d: %+v", i+1, l.Result.Status)
		}
	}
}

func TestStreamTriageBothWaysAtOnce(t *testing.T) {
	s := start(t)
	body, pipe := io.Pipe()
	r, err := http.NewRequest("POST", s.url+"/v1/leads:streamTriage", body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-ndjson")
	go func() { _, _ = io.WriteString(pipe, `{"correlation_id":"first"}`+"\n") }()
	res, err := (&http.Client{Timeout: patience}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	in := bufio.NewScanner(res.Body)
	if !in.Scan() || !strings.Contains(in.Text(), "first") {
		t.Fatalf("no reply while the request is open: %q %v", in.Text(), in.Err())
	}
	if _, err = io.WriteString(pipe, `{"correlation_id":"second"}`+"\n"); err != nil {
		t.Fatal(err)
	}
	if !in.Scan() || !strings.Contains(in.Text(), "second") {
		t.Fatalf("%q %v", in.Text(), in.Err())
	}
	_ = pipe.Close()
	if in.Scan() {
		t.Errorf("one line too many: %q", in.Text())
	}
}

func TestStreamTriageFailures(t *testing.T) {
	s := start(t)
	a := s.post("/v1/leads:streamTriage", "application/x-ndjson", strings.NewReader(`{"correlation_id":"fail"}`))
	if b := a.failure(t); a.StatusCode != 404 || b.Error.Reason != "LEAD_NOT_FOUND" {
		t.Errorf("before the first line: %d %s", a.StatusCode, a.body)
	}
	a = s.post("/v1/leads:streamTriage", "application/x-ndjson", strings.NewReader(`{"correlation_id":"1"}`+"\n"+`{"correlation_id":"fail"}`))
	got := lines(t, a.body)
	if a.StatusCode != 200 || len(got) != 2 || got[1].Error.Reason != "LEAD_NOT_FOUND" || got[1].Error.Code != 404 {
		t.Errorf("after it: %d %s", a.StatusCode, a.body)
	}
	for range 20 { // a stream that broke off leaves nothing behind for the next call
		s.post("/v1/leads:streamTriage", "application/x-ndjson", strings.NewReader(`{"correlation_id":"1"}`+"\n"+`{"correlation_id":"fail"}`))
		if a = s.call("GET", "/v1/leads/a", ""); a.StatusCode != 200 {
			t.Fatalf("the next call: %d %s", a.StatusCode, a.body)
		}
	}
	a = s.post("/v1/leads:streamTriage", "application/json", strings.NewReader(`{}`))
	if a.failure(t); a.StatusCode != 415 {
		t.Errorf("media type: %d", a.StatusCode)
	}
	a = s.post("/v1/leads:streamTriage", "application/x-ndjson", strings.NewReader(strings.Repeat("x", 5<<20)))
	if b := a.failure(t); a.StatusCode != 413 || b.Error.Reason != "REQUEST_TOO_LARGE" {
		t.Errorf("an endless line: %d %.200s", a.StatusCode, a.body)
	}
}
