package edge_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/marketing-agents/marketing/gateway/internal/config"
	"github.com/marketing-agents/marketing/gateway/internal/double"
	"github.com/marketing-agents/marketing/gateway/internal/edge"
)

func TestMain(m *testing.M) {
	if os.Getenv("TEST_LOG") == "" {
		slog.SetDefault(slog.New(slog.DiscardHandler))
	}
	os.Exit(m.Run())
}

// patience is how long anything may take that takes moments on a machine with no other work.
const patience = time.Minute

// eventually waits until the condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for limit := time.Now().Add(patience); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("never: %s", what)
		}
	}
}

// reached waits until so many calls have reached the server.
func (s *system) reached(calls int64) {
	s.t.Helper()
	eventually(s.t, "the calls reach the server", func() bool { return s.server.Calls.Load() >= calls })
}

// system is a gateway with a double behind it.
type system struct {
	t      *testing.T
	server *double.Server
	edge   *edge.Edge
	conn   *grpc.ClientConn
	url    string
}

func start(t *testing.T, args ...string) *system {
	t.Helper()
	return startBefore(t, double.Start(t), args...)
}

func startBefore(t *testing.T, server *double.Server, args ...string) *system {
	t.Helper()
	s := &system{t: t, server: server}
	args = append([]string{"--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--upstream", s.server.Address, "--drain-delay", "0"}, args...)
	options, err := config.Parse(args, func(string) string { return "" }, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if s.edge, err = edge.Start(options, "test"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.edge.Close)
	s.url = "http://" + s.edge.HTTPAddress()
	s.conn, err = grpc.NewClient(s.edge.GRPCAddress(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.conn.Close() })
	return s
}

// dial opens a socket to one of the ports, which is closed with the test and over which nothing may take longer than patience.
func (s *system) dial(address string) net.Conn {
	s.t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return c
}

// answer is one reply over REST.
type answer struct {
	*http.Response
	body string
}

type errorBody struct {
	Error struct {
		Code    int              `json:"code"`
		Status  string           `json:"status"`
		Reason  string           `json:"reason"`
		Message string           `json:"message"`
		Details []map[string]any `json:"details"`
	} `json:"error"`
}

// failure parses the error of an answer and checks that its parts agree.
func (a answer) failure(t *testing.T) errorBody {
	t.Helper()
	var b errorBody
	if err := json.Unmarshal([]byte(a.body), &b); err != nil {
		t.Fatalf("no error body: %v in %q", err, a.body)
	}
	if b.Error.Code != a.StatusCode || b.Error.Status == "" || b.Error.Message == "" || b.Error.Details == nil {
		t.Errorf("error is incomplete or differs from HTTP status %d: %s", a.StatusCode, a.body)
	}
	if got := a.Header.Get("Content-Type"); got != "application/json" {
		t.Errorf("error has content type %q", got)
	}
	return b
}

// violation is the first field at fault and what is said of it.
func (b errorBody) violation() (field, description string) {
	for _, d := range b.Error.Details {
		if d["@type"] != "type.googleapis.com/google.rpc.BadRequest" {
			continue
		}
		list, _ := d["field_violations"].([]any)
		if len(list) > 0 {
			v := list[0].(map[string]any)
			field, _ = v["field"].(string)
			description, _ = v["description"].(string)
		}
	}
	return field, description
}

func (s *system) do(r *http.Request) answer {
	s.t.Helper()
	client := &http.Client{Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer{res, string(body)}
}

// call sends one request; headers are "Name: value".
func (s *system) call(method, path, body string, headers ...string) answer {
	s.t.Helper()
	r, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if strings.EqualFold(name, "host") {
			r.Host = value
		}
		r.Header.Set(name, value)
	}
	return s.do(r)
}
