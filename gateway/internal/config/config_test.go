package config

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func none(string) string { return "" }

func TestArgumentsWinOverEnvironmentOverDefaults(t *testing.T) {
	env := map[string]string{"GATEWAY_HTTP": "127.0.0.1:1", "GATEWAY_GRPC": "127.0.0.1:2", "GATEWAY_CALL_TIMEOUT": "5", "GATEWAY_LOG_CALLS": "true"}
	o, err := Parse([]string{"--http", "127.0.0.1:3", "--hosts", "a.example, b.example"}, func(k string) string { return env[k] }, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if o.HTTP != "127.0.0.1:3" || o.GRPC != "127.0.0.1:2" || o.Upstream != "127.0.0.1:50052" || o.CallTimeout != 5*time.Second || !o.LogCalls {
		t.Errorf("%+v", o)
	}
	if strings.Join(o.Hosts, "|") != "a.example|b.example" {
		t.Errorf("hosts %q", o.Hosts)
	}
}

func TestStrangersAreNeverServedInPlainText(t *testing.T) {
	for _, c := range []struct {
		args string
		want string // part of the error; "" where it is taken
	}{
		{"", ""},
		{"--http localhost:1 --grpc [::1]:2", ""},
		{"--http :5000", "not loopback"},
		{"--http 0.0.0.0:5000", "not loopback"},
		{"--grpc 192.0.2.1:50051", "not loopback"},
		{"--grpc gateway.example:50051", "not loopback"},
		{"--http :5000 --tls-cert c --tls-key k", ""},
		{"--tls-cert c", "go together"},
		{"--http 5000", "host:port"},
		{"--upstream unix:/run/m.sock", ""},
		{"--upstream unix:", "needs a path"},
		{"--upstream 10.0.0.1:50052", "not loopback"},
		{"--upstream server:50052 --upstream-ca a --upstream-cert c --upstream-key k", ""},
		{"--upstream server:50052 --upstream-ca a", "go together"},
		{"--upstream server:50052 --upstream-ca a --upstream-cert c --upstream-key k --upstream-name n", ""},
		{"--upstream-name n", "needs --upstream-ca"},
		{"--cors-origins https://a.example,http://localhost:3000", ""},
		{"--cors-origins *", "not an origin"},
		{"--cors-origins null", "not an origin"},
		{"--cors-origins https://a.example/", "not an origin"},
		{"--cors-origins https://A.example", "not an origin"},
		{"--cors-origins a.example", "not an origin"},
		{"--max-connections 0", "from 1"},
		{"--drain-timeout soon", "seconds"},
		{"--log-calls=perhaps", "true or false"},
		{"extra", "no option"},
		{"--no-such", "no-such"},
	} {
		_, err := Parse(strings.Fields(c.args), none, io.Discard)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%q: %v, want %q", c.args, err, c.want)
		}
	}
	if _, err := Parse(nil, func(k string) string { return map[string]string{"GATEWAY_MAX_CONNECTIONS": "x"}[k] }, io.Discard); err == nil {
		t.Error("a bad environment variable is taken")
	}
}

func TestHelpNamesEveryOption(t *testing.T) {
	var out strings.Builder
	if _, err := Parse([]string{"--help"}, none, &out); !errors.Is(err, ErrHelp) {
		t.Fatal(err)
	}
	guide, err := os.ReadFile("../../../docs/rest.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range table {
		if !strings.Contains(out.String(), "--"+r.name+" ("+Env(r.name)+")") {
			t.Errorf("--%s is not in the help", r.name)
		}
		if !strings.Contains(string(guide), "`--"+r.name+"`") {
			t.Errorf("--%s is not in docs/rest.md", r.name)
		}
	}
}

func TestTextsFromFiles(t *testing.T) {
	name := filepath.Join(t.TempDir(), "hosts")
	if err := os.WriteFile(name, []byte("a.example\nb.example\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := Parse([]string{"--hosts", "@" + name}, func(k string) string { return map[string]string{"GATEWAY_UPSTREAM_NAME": ""}[k] }, io.Discard)
	if err != nil || strings.Join(o.Hosts, "|") != "a.example|b.example" {
		t.Errorf("%+v %v", o, err)
	}
	if _, err = Parse([]string{"--upstream", "@canary"}, none, io.Discard); err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("a file that is missing: %v", err)
	}
}
