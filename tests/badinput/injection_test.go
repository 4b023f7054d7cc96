package badinput

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/house"
	"github.com/marketing-agents/marketing/tests/e2e/want"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// injections would do something where a text is taken for SQL, a header, a log line, a template or a page.
var injections = []string{"'", `"`, "\\", "' OR '1'='1", "') OR ('1'='1' --", `" OR "1"="1`, "x'; DROP TABLE lead; --", "x'; DELETE FROM lead; --",
	"x'; UPDATE iam_resource SET disabled = 1; --", "' UNION SELECT data FROM iam_resource --", "' UNION ALL SELECT NULL,NULL,data FROM lead --",
	"' AND 1=(SELECT COUNT(*) FROM sqlite_master) --", "' AND 1=CAST((SELECT version()) AS BIGINT) --", "'||(SELECT pg_sleep(200))||'", "x'; SELECT pg_sleep(200); --",
	"' AND randomblob(2000000000) --", "x'; ATTACH DATABASE 'injected.db' AS x; --", "x'; COPY lead TO 'injected'; --", "$1", "$$; DROP TABLE lead; $$", "%' ESCAPE '\\", "%",
	"x\r\nX-Injected: yes", "x\r\n\r\n<html>", "x\nlevel=info event=injected", "x\u2028level=info event=injected", "\x1b[2Jx", `x" event=injected y="`, "%0d%0aX-Injected:%20yes",
	"{{7*7}}", "${7*7}", "<script>x</script>"}

// eachText visits every string of a request that can be set, in messages, lists and maps, map keys too. set puts a text there; after the
// visit the request is what it was.
func eachText(m protoreflect.Message, path string, visit func(at string, set func(text string))) {
	fields, value := m.Descriptor().Fields(), protoreflect.ValueOfString
	for i := range fields.Len() {
		f := fields.Get(i)
		before, at := proto.Clone(m.Interface()), path+string(f.Name())
		switch {
		case f.IsMap():
			entry := func(key, text string) {
				m.Clear(f)
				m.Mutable(f).Map().Set(value(key).MapKey(), value(text))
			}
			visit(at+"[k]", func(text string) { entry("k", text) })
			visit(at+" key", func(text string) { entry(text, "v") })
		case f.IsList() && f.Kind() == protoreflect.MessageKind:
			list := m.Mutable(f).List()
			if list.Len() == 0 {
				list.AppendMutable()
			}
			eachText(list.Get(0).Message(), at+"[0].", visit)
		case f.Kind() == protoreflect.MessageKind:
			eachText(m.Mutable(f).Message(), at+".", visit)
		case f.IsList() && f.Kind() == protoreflect.StringKind:
			visit(at+"[0]", func(text string) {
				m.Clear(f)
				m.Mutable(f).List().Append(value(text))
			})
		case f.Kind() == protoreflect.StringKind:
			old := m.Get(f).String()
			visit(at, func(text string) { m.Set(f, value(text)) })
			if collection, _, isName := strings.Cut(old, "/"); isName {
				visit(at+" as a name", func(text string) { m.Set(f, value(collection+"/"+text)) })
			}
			if f.Name() == "filter" {
				visit(at+" as a literal", func(text string) { m.Set(f, value(fmt.Sprintf("source = %q", text))) })
			}
		}
		proto.Reset(m.Interface())
		proto.Merge(m.Interface(), before)
	}
}

// injected calls try with each text in each place of the seed's request, and returns how often that was.
func injected(s seed, try func(what string, m proto.Message)) int {
	n := 0
	m := proto.Clone(s.body)
	eachText(m.ProtoReflect(), "", func(at string, set func(string)) {
		for _, text := range injections {
			set(text)
			try(fmt.Sprintf("%s = %q", at, text), m)
			n++
		}
	})
	return n
}

// treasure is what nothing of this may touch: all that another workspace has, and a lead of the attacker's own.
func treasure(t *testing.T, h *house.House, other *tenant) []proto.Message {
	t.Helper()
	var all []proto.Message
	keep := func(m proto.Message, err error) {
		want.OK(t, err)
		all = append(all, m)
	}
	own, err := h.Leads().GetLead(t.Context(), &pb.GetLeadRequest{Name: "leads/treasure"})
	keep(own, err)
	leads, err := h.Leads().ListLeads(other.ctx, &pb.ListLeadsRequest{})
	keep(leads, err)
	decisions, err := h.Triage().ListDecisions(other.ctx, &pb.ListDecisionsRequest{})
	keep(decisions, err)
	policies, err := h.Triage().ListRoutingPolicies(other.ctx, &pb.ListRoutingPoliciesRequest{})
	keep(policies, err)
	templates, err := h.Engage().ListTemplates(other.ctx, &pb.ListTemplatesRequest{})
	keep(templates, err)
	users, err := h.Auth().ListUsers(other.ctx, &pb.ListUsersRequest{})
	keep(users, err)
	roles, err := h.Auth().ListRoles(other.ctx, &pb.ListRolesRequest{})
	keep(roles, err)
	accounts, err := h.Auth().ListServiceAccounts(other.ctx, &pb.ListServiceAccountsRequest{})
	keep(accounts, err)
	keys, err := h.Auth().ListApiKeys(other.ctx, &pb.ListApiKeysRequest{Parent: "serviceAccounts/bonly"})
	keep(keys, err)
	return all
}

// A line of the server's log, whole, and what stands in quotes in it: texts of callers may stand there alone.
var (
	logLine = regexp.MustCompile(`^time=\S+ level=(debug|info|warn|error) event=\w+( \w+=("([^"\\]|\\.)*"|[^\s"=]*))*$`)
	quoted  = regexp.MustCompile(`"([^"\\]|\\.)*"`)
)

// wholeLines are those of a log without one that is just being written.
func wholeLines(log string) iter.Seq[string] {
	return strings.Lines(log[:strings.LastIndex(log, "\n")+1])
}

// underAttack runs an attack on a house with a treasure, and then looks at what it left behind.
func underAttack(t *testing.T, o house.Options, attack func(h *house.House, all []seed) int) {
	h := house.New(t, o)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	w, err := prepare(ctx, h)
	want.OK(t, err)
	other, err := newTenant(ctx, h, "other")
	want.OK(t, err)
	_, err = furnish(h, other)
	want.OK(t, err)
	_, err = h.Leads().CreateLead(ctx, &pb.CreateLeadRequest{LeadId: "treasure", Lead: &pb.Lead{Email: "treasure@bad.example", Company: canary}})
	want.OK(t, err)
	before := treasure(t, h, other)
	t.Logf("%d calls", attack(h, seeds(w)))
	for i, m := range treasure(t, h, other) {
		want.Same(t, fmt.Sprintf("what was there before (%d)", i), m, before[i])
	}
	stillServes(t, h)
	for line := range wholeLines(h.Log()) {
		if line = strings.TrimSuffix(line, "\n"); !logLine.MatchString(line) || strings.Contains(quoted.ReplaceAllString(line, ""), "injected") {
			t.Errorf("a line of the log is not the log's own: %q", line)
		}
	}
	for line := range wholeLines(h.GatewayLog()) {
		if !strings.HasPrefix(line, "{") && !strings.HasPrefix(line, "time=") {
			t.Errorf("a line of the gateway's log is not the log's own: %q", line)
		}
	}
}

// workers has four workers take what feed puts.
func workers[T any](feed func(put func(T)), work func(T)) {
	queue := make(chan T)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for x := range queue {
				work(x)
			}
		})
	}
	feed(func(x T) { queue <- x })
	close(queue)
	all.Wait()
}

func TestNoTextIsTakenForAnythingElse(t *testing.T) {
	for _, store := range house.Stores {
		t.Run(string(store), func(t *testing.T) {
			underAttack(t, house.Options{Store: store}, func(h *house.House, all []seed) (n int) {
				type call struct {
					input
					seed
				}
				workers(func(put func(call)) {
					for _, s := range all {
						n += injected(s, func(what string, m proto.Message) {
							b, err := proto.Marshal(m)
							want.OK(t, err)
							put(call{input{s.method, what, b, lawful}, s})
						})
					}
				}, func(c call) {
					replies, err := send(h.Conn(), c.input, c.seed, false)
					if fault := judge(c.input, replies, err); fault != nil {
						t.Errorf("%s, %s: %v", c.input.method, c.what, fault)
					}
					if bytes.Contains(bytes.Join(replies, nil), []byte("@secret.example")) || strings.Contains(fmt.Sprint(err), "@secret.example") {
						t.Errorf("%s, %s shows what another workspace has", c.input.method, c.what)
					}
				})
				want.True(t, n > 10_000, "only %d calls", n)
				return n
			})
		})
	}
}

// CR and LF cannot stand in metadata: HTTP/2 ends the stream.
func TestNoMetadataIsTakenForAnythingElse(t *testing.T) {
	may := map[string]codes.Code{"x-request-id": codes.OK, "traceparent": codes.OK, "x-forwarded-for": codes.OK, "x-workspace": codes.PermissionDenied,
		"authorization": codes.Unauthenticated}
	underAttack(t, house.Options{}, func(h *house.House, _ []seed) int {
		for key, code := range may {
			ctx := metadata.AppendToOutgoingContext(t.Context(), key, `x" event=injected y="`)
			_, err := h.Leads().ListLeads(ctx, &pb.ListLeadsRequest{})
			want.Equal(t, key, status.Code(err), code)
		}
		shown := `request="x\" event=injected y=\""`
		want.Soon(t, "the log shows the caller's own id", func() (bool, any) { return strings.Contains(h.Log(), shown), shown })
		return len(may)
	})
}

// restCall is a request as the binding has it: names in the path, the rest in the body or, where there is none, in the query.
func restCall(b binding, m proto.Message) (path string, body []byte, err error) {
	parts := strings.Split(b.good(m.ProtoReflect()), "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	path = b.fill(strings.Join(parts, "/"))
	if b.body != "" {
		body, err = protojson.MarshalOptions{UseProtoNames: true}.Marshal(bodyOf(m, b.body))
		return path, body, err
	}
	query := url.Values{}
	for i, fields := 0, m.ProtoReflect().Descriptor().Fields(); i < fields.Len(); i++ {
		f := fields.Get(i)
		if f.Kind() == protoreflect.StringKind && !f.IsList() && !f.IsMap() && !strings.Contains(b.template, "{"+string(f.Name())) {
			query.Set(string(f.Name()), m.ProtoReflect().Get(f).String())
		}
	}
	return path + "?" + query.Encode(), nil, nil
}

func TestNoTextIsTakenForAnythingElseOverREST(t *testing.T) {
	underAttack(t, house.Options{Gateway: true}, func(h *house.House, all []seed) (n int) {
		workers(func(put func(httpInput)) {
			for _, s := range all {
				ways, err := bindings(s.method)
				want.OK(t, err)
				for _, b := range ways {
					n += injected(s, func(what string, m proto.Message) {
						path, body, err := restCall(b, m)
						want.OK(t, err)
						put(httpInput{what: what, verb: b.verb, path: path, body: body})
					})
				}
			}
		}, func(in httpInput) {
			a, fault := askREST(h, in)
			if fault != nil {
				t.Errorf("%s %.80s, %s: %v", in.verb, in.path, in.what, fault)
				return
			}
			if strings.Contains(fmt.Sprint(a.Header), "X-Injected") {
				t.Errorf("%s %.80s, %s: it stands in a header: %v", in.verb, in.path, in.what, a.Header)
			}
			if bytes.Contains(a.Body, []byte("@secret.example")) {
				t.Errorf("%s %.80s, %s shows what another workspace has", in.verb, in.path, in.what)
			}
		})
		return n
	})
}
