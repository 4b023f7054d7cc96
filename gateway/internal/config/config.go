// Package config is the gateway's options: one table, from which arguments, environment, --help and checks are made.
package config

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode"
)

const maxFile = 4096

// Options of one gateway.
type Options struct {
	HTTP, GRPC, Upstream                       string
	TLSCert, TLSKey                            string
	UpstreamCA, UpstreamCert, UpstreamKey      string
	UpstreamName                               string
	Hosts, CORSOrigins                         []string
	MaxConnections, MaxUploadMB, UpstreamConns int
	CallTimeout, DrainDelay, DrainTimeout      time.Duration
	LogCalls, Version                          bool
}

// row is one option. To add one: a field above, a row below, its effect, a test. There is no second reader.
type row struct {
	name, value, help string
	set               func(o *Options, text string) error
}

func text(at func(*Options) *string) func(*Options, string) error {
	return func(o *Options, s string) (err error) {
		*at(o), err = fromFile(s)
		return err
	}
}

func list(at func(*Options) *[]string) func(*Options, string) error {
	return func(o *Options, s string) error {
		s, err := fromFile(s)
		*at(o) = strings.FieldsFunc(s, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
		return err
	}
}

// fromFile is the text itself, or where it starts with @ what the file behind it holds.
func fromFile(s string) (string, error) {
	name, ok := strings.CutPrefix(s, "@")
	if !ok {
		return s, nil
	}
	content, err := os.ReadFile(name)
	if err != nil || len(content) > maxFile { // the name may be a value that happens to start with an @
		return "", fmt.Errorf("the file named behind the @ is unreadable or over %d bytes", maxFile)
	}
	return strings.TrimSpace(string(content)), nil
}

func number(low, high int, at func(*Options) *int) func(*Options, string) error {
	return func(o *Options, s string) error {
		n, err := strconv.Atoi(s)
		if err != nil || n < low || n > high {
			return fmt.Errorf("must be a number from %d to %d", low, high)
		}
		*at(o) = n
		return nil
	}
}

func seconds(low, high int, at func(*Options) *time.Duration) func(*Options, string) error {
	return func(o *Options, s string) error {
		n, err := strconv.Atoi(s)
		if err != nil || n < low || n > high {
			return fmt.Errorf("must be seconds from %d to %d", low, high)
		}
		*at(o) = time.Duration(n) * time.Second
		return nil
	}
}

func boolean(at func(*Options) *bool) func(*Options, string) error {
	return func(o *Options, s string) (err error) {
		if *at(o), err = strconv.ParseBool(s); err != nil {
			return errors.New("must be true or false")
		}
		return nil
	}
}

var table = []row{
	{"http", "127.0.0.1:5000", "Address of the REST listener, host:port. Anything but loopback needs --tls-cert and --tls-key: strangers are never served in plain text.",
		text(func(o *Options) *string { return &o.HTTP })},
	{"grpc", "127.0.0.1:50051", "Address of the gRPC listener, host:port; the same rule holds.",
		text(func(o *Options) *string { return &o.GRPC })},
	{"upstream", "127.0.0.1:50052", "The server: host:port or unix:/path. Anything but loopback and unix sockets needs --upstream-ca, -cert and -key.",
		text(func(o *Options) *string { return &o.Upstream })},
	{"tls-cert", "", "PEM file: the certificate chain of both listeners. Read again when it changes.",
		text(func(o *Options) *string { return &o.TLSCert })},
	{"tls-key", "", "PEM file: its private key.",
		text(func(o *Options) *string { return &o.TLSKey })},
	{"upstream-ca", "", "PEM file: the authorities that sign the server's certificate. With certificate and key below: read again when one changes.",
		text(func(o *Options) *string { return &o.UpstreamCA })},
	{"upstream-cert", "", "PEM file: the certificate that the gateway shows to the server.",
		text(func(o *Options) *string { return &o.UpstreamCert })},
	{"upstream-key", "", "PEM file: its private key.",
		text(func(o *Options) *string { return &o.UpstreamKey })},
	{"upstream-name", "", "Name that the server's certificate must bear. Empty: the host of --upstream.",
		text(func(o *Options) *string { return &o.UpstreamName })},
	{"upstream-connections", "16", "Connections to the server at most; each carries 64 calls before the next is opened.",
		number(1, 1024, func(o *Options) *int { return &o.UpstreamConns })},
	{"hosts", "", "Names, comma-separated, under which REST is served; another Host is answered 421. Empty: on loopback the names of loopback (which keeps web pages from reaching it by DNS rebinding), else all.",
		list(func(o *Options) *[]string { return &o.Hosts })},
	{"cors-origins", "", "Origins, comma-separated, whose web pages may call REST, e.g. https://app.example.com. Empty: none but its own; a page of another origin may change nothing.",
		list(func(o *Options) *[]string { return &o.CORSOrigins })},
	{"max-connections", "12000", "Connections to each listener at most; one more is closed at once. Where the process may not open so many files, as many as it may, and of them two thirds.",
		number(1, 1000000, func(o *Options) *int { return &o.MaxConnections })},
	{"max-upload-mb", "2048", "Size of a CSV upload over REST at most, in MiB.",
		number(1, 1<<20, func(o *Options) *int { return &o.MaxUploadMB })},
	{"call-timeout", "60", "Seconds that a unary REST call may take where it states no Grpc-Timeout. The server's own limit is usually shorter.",
		seconds(1, 3600, func(o *Options) *time.Duration { return &o.CallTimeout })},
	{"drain-delay", "1", "Seconds between health saying NOT_SERVING and the listeners closing, for load balancers to notice.",
		seconds(0, 300, func(o *Options) *time.Duration { return &o.DrainDelay })},
	{"drain-timeout", "20", "Seconds after SIGTERM at which calls under way are cut.",
		seconds(1, 300, func(o *Options) *time.Duration { return &o.DrainTimeout })},
	{"log-calls", "false", "One log line a call. Calls that fail by the system's fault are always logged.",
		boolean(func(o *Options) *bool { return &o.LogCalls })},
	{"version", "false", "Print the version and end.",
		boolean(func(o *Options) *bool { return &o.Version })},
}

// Env is the environment variable of an option: --tls-cert is GATEWAY_TLS_CERT.
func Env(name string) string {
	return "GATEWAY_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// ErrHelp is returned when help was asked for and printed.
var ErrHelp = flag.ErrHelp

// Parse reads arguments (which win), environment and defaults, and checks them together. Help goes to out.
func Parse(args []string, getenv func(string) string, out io.Writer) (*Options, error) {
	o := &Options{}
	var bad error // of an argument, in our words: flag's own quote the value
	set := flag.NewFlagSet("gateway", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	for _, r := range table {
		if err := r.set(o, r.value); err != nil {
			return nil, fmt.Errorf("default of --%s: %w", r.name, err)
		}
		if v := getenv(Env(r.name)); v != "" {
			if err := r.set(o, v); err != nil {
				return nil, fmt.Errorf("%s: %w", Env(r.name), err)
			}
		}
		define(set, r, func(s string) error {
			if err := r.set(o, s); err != nil {
				bad = fmt.Errorf("--%s: %w", r.name, err)
			}
			return bad
		})
	}
	switch err := set.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		help(out)
		return nil, ErrHelp
	case bad != nil:
		return nil, bad
	case err != nil:
		return nil, err
	case set.NArg() > 0:
		return nil, errors.New("an argument that belongs to no option; see gateway --help") // not shown: it may be a token
	}
	return o, o.check()
}

func define(set *flag.FlagSet, r row, take func(string) error) {
	if r.value == "true" || r.value == "false" {
		set.BoolFunc(r.name, r.help, take)
		return
	}
	set.Func(r.name, r.help, take)
}

func help(out io.Writer) {
	fmt.Fprint(out, "gateway: the public edge. REST and gRPC in, gRPC to the server behind it.\n\nUsage: gateway [--option value ...]\n\nA text that starts with @ is read from the file it names.\n\n")
	for _, r := range table {
		fmt.Fprintf(out, "  --%s (%s)", r.name, Env(r.name))
		if r.value != "" {
			fmt.Fprintf(out, ", default %s", r.value)
		}
		fmt.Fprintf(out, "\n      %s\n", r.help)
	}
}

func (o *Options) check() error {
	for _, origin := range o.CORSOrigins {
		if err := http.NewCrossOriginProtection().AddTrustedOrigin(origin); err != nil || origin != strings.ToLower(origin) {
			return fmt.Errorf("--cors-origins: %q is not an origin as browsers write it, e.g. https://app.example.com", origin)
		}
	}
	if (o.TLSCert == "") != (o.TLSKey == "") {
		return errors.New("--tls-cert and --tls-key go together")
	}
	for _, l := range []struct{ name, address string }{{"http", o.HTTP}, {"grpc", o.GRPC}} {
		if _, _, err := net.SplitHostPort(l.address); err != nil {
			return fmt.Errorf("--%s must be host:port: %w", l.name, err)
		}
		if o.TLSCert == "" && !Loopback(l.address) {
			return fmt.Errorf("--%s %s is not loopback and needs --tls-cert and --tls-key", l.name, l.address)
		}
	}
	return o.checkUpstream()
}

func (o *Options) checkUpstream() error {
	set := 0
	for _, f := range []string{o.UpstreamCA, o.UpstreamCert, o.UpstreamKey} {
		if f != "" {
			set++
		}
	}
	if set != 0 && set != 3 {
		return errors.New("--upstream-ca, --upstream-cert and --upstream-key go together")
	}
	if set == 0 && o.UpstreamName != "" {
		return errors.New("--upstream-name needs --upstream-ca, --upstream-cert and --upstream-key")
	}
	if path, ok := strings.CutPrefix(o.Upstream, "unix:"); ok {
		if path == "" {
			return errors.New("--upstream unix: needs a path")
		}
		return nil
	}
	if _, _, err := net.SplitHostPort(o.Upstream); err != nil {
		return fmt.Errorf("--upstream must be host:port or unix:/path: %w", err)
	}
	if set == 0 && !Loopback(o.Upstream) {
		return fmt.Errorf("--upstream %s is not loopback and needs --upstream-ca, --upstream-cert and --upstream-key", o.Upstream)
	}
	return nil
}

// Loopback tells whether host:port can be reached from this machine only. An empty host is every address of the machine.
func Loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
