package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/house"
	"github.com/marketing-agents/marketing/tests/e2e/want"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
)

// brief is a template with everything that a draft must keep.
func brief() *pb.Template {
	return &pb.Template{Purpose: "marketing", DefaultLocale: "en", Fields: []*pb.TemplateField{{Path: "attributes.plan", DefaultValue: "free"}},
		Contents: []*pb.TemplateContent{
			{Locale: "en", Medium: pb.Medium_MEDIUM_EMAIL, Subject: "Welcome", Text: "You are on the {{attributes.plan}} plan.\nhttps://example.com/start\n{{unsubscribe_url}}\n",
				Html: `<p>Welcome</p><a href="{{unsubscribe_url}}">No more</a>`},
			{Locale: "en", Medium: pb.Medium_MEDIUM_SMS, Text: "Welcome!"}}}
}

// endpoint speaks OpenAI's protocol, well or badly.
type endpoint struct {
	asked   atomic.Pointer[string] // the last request's body
	key     atomic.Pointer[string] // and its authorization
	gone    chan struct{}          // the caller hung up
	behaves func(w http.ResponseWriter, r *http.Request)
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	text, key := string(body), r.Header.Get("Authorization")
	e.asked.Store(&text)
	e.key.Store(&key)
	e.behaves(w, r)
}

// says streams a text in small pieces, and why it ends.
func says(text, finish string) func(w http.ResponseWriter, r *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := 0; i < len(text); i += 7 {
			piece, _ := json.Marshal(text[i:min(i+7, len(text))])
			fmt.Fprintf(w, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":%s},\"finish_reason\":null}]}\n\n", piece)
			w.(http.Flusher).Flush()
		}
		if finish != "" {
			fmt.Fprintf(w, "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":%q}]}\n\ndata: [DONE]\n\n", finish)
		}
	}
}

// words are a draft's, as JSON.
func words(subject, text, html string) string {
	all, _ := json.Marshal(map[string]string{"subject": subject, "text": text, "html": html})
	return string(all)
}

const goodText, goodHTML = "Good that you are here: {{attributes.plan}}. https://example.com/start\n{{unsubscribe_url}}\n", `<h1>Hello</h1><a href="{{unsubscribe_url}}">Stop</a>`

func (s *story) draft(ctx context.Context, req *pb.DraftTemplateRequest) (progress string, last *pb.DraftTemplateResponse, err error) {
	stream, err := s.h.Engage().DraftTemplate(ctx, req)
	for err == nil {
		var m *pb.DraftTemplateResponse
		if m, err = stream.Recv(); err == nil {
			progress += m.Progress
			last = m
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return progress, last, err
}

// drafting tells a story with an endpoint of its own, which has so many seconds. No database has a part in it.
func drafting(t *testing.T, timeout int, body func(s *story, e *endpoint)) {
	t.Helper()
	t.Parallel()
	e := &endpoint{gone: make(chan struct{}, 16)}
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)
	h := house.New(t, house.Options{Env: []string{"CHANNEL_HOSTS=127.0.0.1", "DRAFT_URL=" + server.URL + "/v1", "DRAFT_MODEL=test-model", "DRAFT_API_KEY=a-key-of-the-endpoint",
		fmt.Sprint("DRAFT_TIMEOUT=", timeout), "DRAFT_TOKENS=300"}})
	body(&story{T: t, h: h, ctx: t.Context()}, e)
}

func TestADraftIsAProposalThatPassesTheChecks(t *testing.T) {
	drafting(t, 120, func(s *story, e *endpoint) {
		e.behaves = says(words("Hello, you", goodText, goodHTML), "stop")
		req := &pb.DraftTemplateRequest{Template: brief(), Medium: pb.Medium_MEDIUM_EMAIL, Instructions: "shorter, please", Tone: "friendly"}
		progress, last, err := s.draft(s.ctx, req)
		want.OK(s, err)
		want.Equal(s, "progress", progress, words("Hello, you", goodText, goodHTML))
		want.Equal(s, "outcome", last.Outcome, pb.DraftTemplateResponse_OUTCOME_DRAFTED)
		expected := brief()
		expected.Contents[0].Subject, expected.Contents[0].Text, expected.Contents[0].Html = "Hello, you", goodText, goodHTML
		want.Same(s, "draft", last.Template, expected)
		_, err = s.h.Engage().CreateTemplate(s.ctx, &pb.CreateTemplateRequest{TemplateId: "drafted", Template: last.Template})
		want.OK(s, err)

		want.Equal(s, "authorization", *e.key.Load(), "Bearer a-key-of-the-endpoint")
		var asked struct {
			Model     string `json:"model"`
			Stream    bool   `json:"stream"`
			MaxTokens int    `json:"max_tokens"`
			Messages  []struct{ Role, Content string }
			Format    struct {
				Type   string `json:"type"`
				Schema struct {
					Schema struct{ Required []string } `json:"schema"`
				} `json:"json_schema"`
			} `json:"response_format"`
		}
		want.OK(s, json.Unmarshal([]byte(*e.asked.Load()), &asked))
		want.Equal(s, "request", fmt.Sprintln(asked.Model, asked.Stream, asked.MaxTokens, asked.Format.Type, asked.Format.Schema.Schema.Required, asked.Messages[0].Role), "test-model true 300 json_schema [subject text html] system\n")
		var told map[string]any
		want.OK(s, json.Unmarshal([]byte(asked.Messages[1].Content), &told))
		want.Equal(s, "brief", fmt.Sprintln(told["fields"], told["instructions"], told["tone"], told["purpose"]), "[attributes.plan] shorter, please friendly marketing\n")
	})
}

// Whatever the endpoint does, the call does not fail, and the template stays as it is.
func TestADraftThatGoesWrongLeavesTheTemplate(t *testing.T) {
	type response = pb.DraftTemplateResponse_Outcome
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	t.Cleanup(elsewhere.Close)
	cases := []struct {
		what    string
		behaves func(w http.ResponseWriter, r *http.Request)
		outcome response
	}{
		{"a foreign link", says(words("Hi", goodText+"evil.example", goodHTML), "stop"), pb.DraftTemplateResponse_OUTCOME_FOREIGN_LINK},
		{"a foreign tag", says(words("Hi", goodText, goodHTML+`<a href="https://example.com/start" title="x">go</a>`), "stop"), pb.DraftTemplateResponse_OUTCOME_FOREIGN_LINK},
		{"another field", says(words("Hi {{company}}", goodText, goodHTML), "stop"), pb.DraftTemplateResponse_OUTCOME_UNSOUND},
		{"no way out", says(words("Hi", "Buy!", goodHTML), "stop"), pb.DraftTemplateResponse_OUTCOME_UNSOUND},
		{"a script", says(words("Hi", goodText, goodHTML+"<script>alert(1)</script>"), "stop"), pb.DraftTemplateResponse_OUTCOME_UNSOUND},
		{"a missing part", says(`{"subject":"Hi","text":"x"}`, "stop"), pb.DraftTemplateResponse_OUTCOME_MALFORMED},
		{"no JSON", says("Sure! Here is your draft.", "stop"), pb.DraftTemplateResponse_OUTCOME_MALFORMED},
		{"another type", says(`{"subject":7,"text":[],"html":{}}`, "stop"), pb.DraftTemplateResponse_OUTCOME_MALFORMED},
		{"too many tokens", says(`{"subject":"Hi`, "length"), pb.DraftTemplateResponse_OUTCOME_TOO_LONG},
		{"a filter", says("", "content_filter"), pb.DraftTemplateResponse_OUTCOME_REFUSED},
		{"a cut stream", says(`{"subject":"Hi`, ""), pb.DraftTemplateResponse_OUTCOME_UNREACHABLE},
		{"no stream", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "<html>") }, pb.DraftTemplateResponse_OUTCOME_UNREACHABLE},
		{"a limit", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) }, pb.DraftTemplateResponse_OUTCOME_UNREACHABLE},
		{"a redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		}, pb.DraftTemplateResponse_OUTCOME_UNREACHABLE},
		{"an endless stream", func(w http.ResponseWriter, _ *http.Request) {
			for err := error(nil); err == nil; {
				_, err = fmt.Fprintf(w, "data: {\"choices\":[{\"delta\":{\"content\":%q}}]}\n\n", strings.Repeat("x", 1<<15))
			}
		}, pb.DraftTemplateResponse_OUTCOME_TOO_LONG},
		{"an endless line", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "data: "+strings.Repeat("x", 1<<20))
		}, pb.DraftTemplateResponse_OUTCOME_MALFORMED},
	}
	drafting(t, 120, func(s *story, e *endpoint) {
		for _, c := range cases {
			e.behaves = c.behaves
			_, last, err := s.draft(s.ctx, &pb.DraftTemplateRequest{Template: brief(), Medium: pb.Medium_MEDIUM_EMAIL})
			want.OK(s, err)
			want.True(s, last.Outcome == c.outcome && proto.Equal(last.Template, brief()), "%s: %v %q %v", c.what, last.Outcome, last.Detail, last.Template)
		}
		_, _, err := s.draft(s.ctx, &pb.DraftTemplateRequest{Template: brief(), Medium: pb.Medium_MEDIUM_CHAT})
		want.Error(s, err, codes.FailedPrecondition, "TEMPLATE_MEDIUM_MISSING")
		unsound := brief()
		unsound.Contents[0].Subject = "{{nope}}"
		_, _, err = s.draft(s.ctx, &pb.DraftTemplateRequest{Template: unsound, Medium: pb.Medium_MEDIUM_EMAIL})
		want.Error(s, err, codes.InvalidArgument, "TEMPLATE_INVALID")
	})
}

func TestADraftThatTakesTooLongIsGivenUp(t *testing.T) {
	drafting(t, 2, func(s *story, e *endpoint) {
		e.behaves = func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
		_, last, err := s.draft(s.ctx, &pb.DraftTemplateRequest{Template: brief(), Medium: pb.Medium_MEDIUM_EMAIL})
		want.OK(s, err)
		want.Equal(s, "outcome", last.Outcome, pb.DraftTemplateResponse_OUTCOME_LATE)
		want.Same(s, "template", last.Template, brief())
	})
}

func TestACallerWhoHangsUpEndsTheDraft(t *testing.T) {
	drafting(t, 600, func(s *story, e *endpoint) {
		begun := make(chan struct{})
		e.behaves = func(_ http.ResponseWriter, r *http.Request) {
			close(begun)
			<-r.Context().Done()
			e.gone <- struct{}{}
		}
		ctx, cancel := context.WithCancel(s.ctx)
		go func() {
			<-begun
			cancel()
		}()
		_, _, err := s.draft(ctx, &pb.DraftTemplateRequest{Template: brief(), Medium: pb.Medium_MEDIUM_EMAIL})
		want.Equal(s, "code", want.Code(err), codes.Canceled)
		select {
		case <-e.gone:
		case <-time.After(patience): // before DRAFT_TIMEOUT
			s.Fatal("the endpoint goes on writing")
		}
	})
}

func TestDraftingIsOffUntilItIsAskedFor(t *testing.T) {
	tell(t, func(s *story) {
		_, last, err := s.draft(s.ctx, &pb.DraftTemplateRequest{Template: brief(), Medium: pb.Medium_MEDIUM_EMAIL})
		want.OK(s, err)
		want.Equal(s, "outcome", last.Outcome, pb.DraftTemplateResponse_OUTCOME_OFF)
		want.Same(s, "template", last.Template, brief())
	})
}

// model starts a real endpoint with a small model, and stops it when the test ends.
func model(t *testing.T) string {
	t.Helper()
	root, err := house.Root()
	want.OK(t, err)
	server := exec.Command(filepath.Join(root, "tests", "lib", "llm.sh"), filepath.Join(root, ".state", "llm"))
	stays, err := server.StdinPipe()
	want.OK(t, err)
	said, err := server.StdoutPipe()
	want.OK(t, err)
	var log strings.Builder
	server.Stderr = &log
	want.OK(t, server.Start())
	t.Cleanup(func() {
		_ = stays.Close()
		_ = server.Wait()
	})
	address, err := bufio.NewReader(said).ReadString('\n')
	want.True(t, err == nil, "the endpoint does not start: %v\n%s", err, log.String())
	return strings.TrimSpace(address)
}

// A real endpoint and a real model, if a weak one: what it writes is what was asked for in form, or is not taken.
func TestAModelDrafts(t *testing.T) {
	t.Parallel()
	h := house.New(t, house.Options{Env: []string{"CHANNEL_HOSTS=127.0.0.1", "DRAFT_URL=" + model(t) + "/v1", "DRAFT_MODEL=smollm2", "DRAFT_TIMEOUT=600", "DRAFT_TOKENS=96"}})
	s := &story{T: t, h: h, ctx: t.Context()}
	sms := &pb.Template{Purpose: "transactional", DefaultLocale: "en", Contents: []*pb.TemplateContent{{Locale: "en", Medium: pb.Medium_MEDIUM_SMS, Text: "Your parcel is on its way."}}}
	progress, last, err := s.draft(s.ctx, &pb.DraftTemplateRequest{Template: sms, Medium: pb.Medium_MEDIUM_SMS, Instructions: "Write one short sentence."})
	want.OK(s, err)
	want.True(s, strings.HasPrefix(strings.TrimSpace(progress), "{"), "what it wrote: %q", progress)
	switch last.Outcome {
	case pb.DraftTemplateResponse_OUTCOME_DRAFTED:
		var drafted struct{ Text string }
		want.OK(s, json.Unmarshal([]byte(progress), &drafted))
		want.True(s, drafted.Text != "" && last.Template.Contents[0].Text == drafted.Text, "%q is not %q", last.Template.Contents[0].Text, drafted.Text)
	case pb.DraftTemplateResponse_OUTCOME_TOO_LONG, pb.DraftTemplateResponse_OUTCOME_UNSOUND, pb.DraftTemplateResponse_OUTCOME_FOREIGN_LINK:
		want.Same(s, "template", last.Template, sms)
	default:
		t.Errorf("%v %s after %q", last.Outcome, last.Detail, progress)
	}
}
