package rest

import (
	"encoding/json"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/marketing-agents/marketing/docs/api"
	"github.com/marketing-agents/marketing/gateway/internal/health"
	"github.com/marketing-agents/marketing/gateway/internal/metrics"
	"github.com/marketing-agents/marketing/gateway/internal/upstream"
)

type openAPI struct {
	Paths map[string]map[string]struct {
		OperationID string `json:"operationId"`
		Responses   map[string]struct {
			Schema map[string]any
		}
		Parameters []struct {
			Name, In string
		}
	}
	Definitions map[string]any
}

func described(t *testing.T) openAPI {
	t.Helper()
	var doc openAPI
	if err := json.Unmarshal(api.OpenAPI, &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// shape is a path with its variables made nameless: "/v1/{name=leads/*}:merge" and "/v1/leads/{lead}:merge" are both "/v1/leads/*:merge".
func shape(path string) string {
	path = regexp.MustCompile(`\{[\w.]+=([^}]*)\}`).ReplaceAllString(path, "$1")
	return regexp.MustCompile(`\{[\w.]+\}`).ReplaceAllString(path, "*")
}

func TestOpenAPIDescribesExactlyWhatIsServed(t *testing.T) {
	var served, told []string
	for _, r := range apiRules() {
		served = append(served, r.method+" "+shape(r.template))
	}
	for _, r := range routes {
		served = append(served, r.method+" "+shape(r.template))
	}
	ids := map[string]bool{}
	for path, item := range described(t).Paths {
		for method, op := range item {
			told = append(told, strings.ToUpper(method)+" "+shape(path))
			if op.OperationID == "" || ids[op.OperationID] {
				t.Errorf("%s %s: operation id %q is missing or doubled", method, path, op.OperationID)
			}
			ids[op.OperationID] = true
			if schema := op.Responses["default"].Schema; schema["$ref"] != "#/definitions/Error" {
				t.Errorf("%s %s: other errors are not described", method, path)
			}
			if strings.Contains(path, "=") || strings.Contains(path, "*") {
				t.Errorf("%s: a pattern is shown to readers", path)
			}
		}
	}
	slices.Sort(served)
	slices.Sort(told)
	if !slices.Equal(served, told) {
		t.Errorf("served and described differ:\n%s\n--\n%s", strings.Join(served, "\n"), strings.Join(told, "\n"))
	}
}

// A service whose handlers were not registered is described, and its paths are unknown.
func TestEveryDescribedPathIsServed(t *testing.T) {
	pool, err := upstream.NewPool("127.0.0.1:1", nil, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	s, err := New(Options{Pool: pool, Health: health.New(pool), Metrics: metrics.New(), CallTimeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	for path, item := range described(t).Paths {
		for method := range item {
			target := regexp.MustCompile(`\{\w+\}`).ReplaceAllString(path, "x")
			r := httptest.NewRequest(strings.ToUpper(method), target, strings.NewReader("{}"))
			r.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			s.Handler().ServeHTTP(w, r)
			for _, unserved := range []string{"PATH_UNKNOWN", "HTTP_METHOD_NOT_ALLOWED"} {
				if strings.Contains(w.Body.String(), unserved) {
					t.Errorf("%s %s: %s", method, path, unserved)
				}
			}
		}
	}
}

func TestOpenAPIReferencesResolve(t *testing.T) {
	doc := described(t)
	for _, m := range regexp.MustCompile(`"#/definitions/([^"]+)"`).FindAllStringSubmatch(string(api.OpenAPI), -1) {
		if doc.Definitions[m[1]] == nil {
			t.Errorf("no definition of %s", m[1])
		}
	}
}

func TestEveryRuleIsFoundByItsKey(t *testing.T) {
	rs, err := newRules(nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(rs.byKey) != len(apiRules()) || len(rs.byKey) < 30 {
		t.Errorf("%d rules, %d keys", len(apiRules()), len(rs.byKey))
	}
	if r := rs.byKey["PATCH /v1/{lead.name=leads/*}"]; r == nil || r.body != "lead" || !r.inPath["lead.name"] {
		t.Errorf("%+v", r)
	}
}

func TestPathAt(t *testing.T) {
	body := `{"a":{"b":[1,{"c":"x"},[true,2]],"d":{}},"e":9}`
	for mark, want := range map[string]string{
		`"a"`: "a", `"b"`: "a.b", `1,`: "a.b[0]", `{"c"`: "a.b[1]", `"c"`: "a.b[1].c", `"x"`: "a.b[1].c", `true`: "a.b[2][0]", `2]`: "a.b[2][1]",
		`"d"`: "a.d", `{}`: "a.d", `"e"`: "e", `9`: "e",
	} {
		if got := pathAt([]byte(body), strings.Index(body, mark)); got != want {
			t.Errorf("at %s: %q, want %q", mark, got, want)
		}
	}
	if got := pathAt([]byte(`{"a":[`), 99); got != "a[0]" {
		t.Errorf("past the end: %q", got)
	}
}

func TestOffsetOf(t *testing.T) {
	data := []byte("ab\né\nx")
	for _, c := range []struct{ line, column, want int }{{1, 1, 0}, {1, 2, 1}, {2, 1, 3}, {2, 2, 5}, {3, 1, 6}, {9, 9, 7}} {
		if got := offsetOf(data, c.line, c.column); got != c.want {
			t.Errorf("%d:%d is %d, want %d", c.line, c.column, got, c.want)
		}
	}
}

func FuzzPathAt(f *testing.F) {
	f.Add([]byte(`{"a":[1,{"b":2}]}`), 5)
	f.Fuzz(func(_ *testing.T, data []byte, offset int) {
		pathAt(data, offset) // must not panic on what is not JSON
	})
}
