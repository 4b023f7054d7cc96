package edge_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/gateway/internal/config"
	"github.com/marketing-agents/marketing/gateway/internal/double"
	"github.com/marketing-agents/marketing/gateway/internal/edge"
	"github.com/marketing-agents/marketing/tests/lib/pki"
)

// Longer than files are left alone between two looks.
const lookPause = 250 * time.Millisecond

// files are those that a gateway reads its certificate from.
type files struct{ cert, key string }

func newFiles(t *testing.T, pair pki.Pair) files {
	dir := t.TempDir()
	f := files{filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")}
	f.write(t, pair)
	return f
}

func (f files) write(t *testing.T, pair pki.Pair) {
	t.Helper()
	if err := pair.Write(f.cert, f.key); err != nil {
		t.Fatal(err)
	}
}

// get asks the gateway over a new connection that believes the authority.
func (s *system) get(authority *pki.Authority) (*http.Response, error) {
	transport := &http.Transport{TLSClientConfig: pki.Trust(authority), ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	r, err := http.NewRequestWithContext(context.Background(), "GET", "https://"+s.edge.HTTPAddress()+"/health/live", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	res, err := (&http.Client{Transport: transport, Timeout: patience}).Do(r)
	if err == nil {
		_ = res.Body.Close()
	}
	return res, err
}

func TestTLSOnBothListenersAndItsRenewal(t *testing.T) {
	old, renewed := pki.NewAuthority("old"), pki.NewAuthority("renewed")
	f := newFiles(t, old.Issue(time.Hour))
	s := start(t, "--tls-cert", f.cert, "--tls-key", f.key)
	conn, err := grpc.NewClient(s.edge.GRPCAddress(), grpc.WithTransportCredentials(credentials.NewTLS(pki.Trust(old))))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err = pb.NewLeadServiceClient(conn).GetLead(within(t, patience), &pb.GetLeadRequest{Name: "leads/a"}); err != nil {
		t.Error(err)
	}
	res, err := s.get(old)
	if err != nil || res.ProtoMajor != 2 || res.Header.Get("Strict-Transport-Security") == "" {
		t.Fatalf("%v %v", res, err)
	}
	time.Sleep(lookPause)
	f.write(t, renewed.Issue(time.Hour))
	if _, err = s.get(renewed); err != nil {
		t.Errorf("after the renewal: %v", err)
	}
	if _, err = s.get(old); err == nil {
		t.Error("the old certificate is still shown")
	}
	if _, err = pb.NewLeadServiceClient(conn).GetLead(within(t, patience), &pb.GetLeadRequest{Name: "leads/a"}); err != nil {
		t.Errorf("the connection from before: %v", err)
	}
}

func TestTLSTakesNoWeakProtocolOrCipher(t *testing.T) {
	authority := pki.NewAuthority("a")
	f := newFiles(t, authority.Issue(time.Hour))
	s := start(t, "--tls-cert", f.cert, "--tls-key", f.key)
	for name, weaken := range map[string]func(*tls.Config){
		"TLS 1.0": func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS10 },
		"TLS 1.1": func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 },
		"RC4, 3DES and CBC without ECDHE": func(c *tls.Config) {
			c.MaxVersion = tls.VersionTLS12
			c.CipherSuites = []uint16{tls.TLS_RSA_WITH_RC4_128_SHA, tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA, tls.TLS_RSA_WITH_AES_128_CBC_SHA,
				tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA, tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256}
		},
	} {
		for _, address := range []string{s.edge.HTTPAddress(), s.edge.GRPCAddress()} {
			c := pki.Trust(authority)
			weaken(c)
			if conn, err := tls.Dial("tcp", address, c); err == nil {
				t.Errorf("%s is taken", name)
				_ = conn.Close()
			}
		}
	}
}

// locked is a buffer that logs go to.
type locked struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// logged gathers what is logged until the test ends.
func logged(t *testing.T) *locked {
	log, before := &locked{}, slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(log, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	return log
}

func TestUnusableFilesChangeNothingAndAreToldOnce(t *testing.T) {
	log, authority := logged(t), pki.NewAuthority("a")
	first, second := authority.Issue(time.Hour), authority.Issue(time.Hour)
	f := newFiles(t, first)
	s := start(t, "--tls-cert", f.cert, "--tls-key", f.key)
	half := second.Cert[:len(second.Cert)/2]
	for i, c := range []struct {
		name string
		pair pki.Pair
	}{
		{"half written", pki.Pair{Cert: half, Key: first.Key}},
		{"half a chain", pki.Pair{Cert: append(append([]byte{}, first.Cert...), half...), Key: first.Key}},
		{"the key of another", pki.Pair{Cert: second.Cert, Key: first.Key}},
		{"expired", authority.Issue(-time.Minute)},
		{"emptied", pki.Pair{}},
	} {
		time.Sleep(lookPause)
		f.write(t, c.pair)
		for range 2 {
			if _, err := s.get(authority); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			time.Sleep(lookPause)
		}
		if told := strings.Count(log.String(), "certificate refused"); told != i+1 {
			t.Errorf("%s: %d lines tell of %d refusals:\n%s", c.name, told, i+1, log)
		}
	}
	if strings.Contains(log.String(), "PRIVATE") {
		t.Error("a key is in the log")
	}
}

func TestUnusableFilesAtTheStart(t *testing.T) {
	pair := pki.NewAuthority("a").Issue(time.Hour)
	f, other := newFiles(t, pair), newFiles(t, pki.NewAuthority("b").Issue(time.Hour))
	for args, want := range map[string]string{
		"--tls-cert /nowhere --tls-key " + f.key:                                             "no such file",
		"--tls-cert " + f.cert + " --tls-key " + other.key:                                   "private key does not match",
		"--upstream-ca " + f.key + " --upstream-cert " + f.cert + " --upstream-key " + f.key: "holds no certificate",
	} {
		options, err := config.Parse(strings.Fields("--http 127.0.0.1:0 --grpc 127.0.0.1:0 "+args), func(string) string { return "" }, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		e, err := edge.Start(options, "test")
		if err == nil {
			e.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", args, err, want)
		}
	}
}

func TestServerOnAUnixSocket(t *testing.T) {
	s := startBefore(t, double.StartUnix(t))
	if a := s.call("GET", "/v1/leads/a", ""); a.StatusCode != 200 {
		t.Error(a.StatusCode, a.body)
	}
	if a := s.call("GET", "/health", ""); a.StatusCode != 200 {
		t.Error(a.StatusCode, a.body)
	}
}

// secured is a double that takes clients of one authority and shows, for each connection, the certificate that it has then.
type secured struct {
	mu   sync.Mutex
	pair pki.Pair
}

func (c *secured) set(p pki.Pair) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pair = p
}

func (c *secured) start(t *testing.T, clients *pki.Authority) *double.Server {
	return double.Start(t, grpc.Creds(credentials.NewTLS(&tls.Config{
		ClientCAs: pki.Trust(clients).RootCAs, ClientAuth: tls.RequireAndVerifyClientCert,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			c.mu.Lock()
			defer c.mu.Unlock()
			if len(c.pair.Cert) == 0 {
				return nil, errors.New("none yet")
			}
			pair := c.pair.TLS()
			return &pair, nil
		},
	})))
}

// codeOf is what a call through a gateway with these options comes back with.
func codeOf(t *testing.T, server *double.Server, args ...string) int {
	return startBefore(t, server, args...).call("GET", "/v1/leads/a", "").StatusCode
}

func TestMutualTLSWithTheServer(t *testing.T) {
	ours, theirs := pki.NewAuthority("ours"), pki.NewAuthority("theirs")
	server := (&secured{pair: ours.Issue(time.Hour, "server.internal")}).start(t, ours)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, ours.PEM, 0o600); err != nil {
		t.Fatal(err)
	}
	known, stranger := newFiles(t, ours.Issue(time.Hour)), newFiles(t, theirs.Issue(time.Hour))
	upstream := func(f files, more ...string) []string {
		return append([]string{"--upstream-ca", ca, "--upstream-cert", f.cert, "--upstream-key", f.key}, more...)
	}
	for _, c := range []struct {
		name string
		args []string
		want int
	}{
		{"both known", upstream(known), 200},
		{"by another name of the server's", upstream(known, "--upstream-name", "server.internal"), 200},
		{"by a name that is not the server's", upstream(known, "--upstream-name", "other.internal"), 503},
		{"a stranger", upstream(stranger), 503},
		{"plain text", nil, 503},
	} {
		if got := codeOf(t, server, c.args...); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
	if got := codeOf(t, (&secured{pair: theirs.Issue(time.Hour)}).start(t, ours), upstream(known)...); got != 503 {
		t.Errorf("a server of another authority: %d", got)
	}
}

func TestCertificatesTowardsTheServerAreRenewed(t *testing.T) {
	old, renewed := pki.NewAuthority("old"), pki.NewAuthority("renewed")
	shown := &secured{pair: old.Issue(time.Hour)}
	server := shown.start(t, renewed) // the gateway's first certificate is a stranger's
	f, ca := newFiles(t, old.Issue(time.Hour)), filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, old.PEM, 0o600); err != nil {
		t.Fatal(err)
	}
	s := startBefore(t, server, "--upstream-ca", ca, "--upstream-cert", f.cert, "--upstream-key", f.key)
	if a := s.call("GET", "/v1/leads/a", ""); a.StatusCode != 503 {
		t.Errorf("before: %d", a.StatusCode)
	}
	time.Sleep(lookPause)
	f.write(t, renewed.Issue(time.Hour))
	if err := os.WriteFile(ca, renewed.PEM, 0o600); err != nil {
		t.Fatal(err)
	}
	shown.set(renewed.Issue(time.Hour))
	code := 0
	for end := time.Now().Add(patience); code != 200 && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		code = s.call("GET", "/v1/leads/a", "").StatusCode
	}
	if code != 200 {
		t.Errorf("after the renewal of certificate, key and authority: %d", code)
	}
}
