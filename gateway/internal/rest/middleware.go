package rest

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/status"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/gateway/internal/fault"
	"github.com/marketing-agents/marketing/gateway/internal/upstream"
)

const writeTimeout = 30 * time.Second // for a reader to take what was written

// As the server wants a request_id.
var idempotencyKey = regexp.MustCompile(`^[ -~]{8,128}$`)

// writer remembers the status code and gives the caller a limited time to take what is written. A reply itself may take as long as it needs:
// between writes no deadline stands, since HTTP/2 ends a stream when one passes, whether or not anything is being written.
type writer struct {
	http.ResponseWriter
	control *http.ResponseController
	status  int
}

func (w *writer) WriteHeader(code int) {
	if w.status == 0 {
		w.status = code
	}
	w.ResponseWriter.WriteHeader(code)
}

func (w *writer) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	w.deadline(writeTimeout)
	defer w.deadline(0)
	return w.ResponseWriter.Write(b)
}

// FlushError is what http.ResponseController calls.
func (w *writer) FlushError() error {
	w.deadline(writeTimeout)
	defer w.deadline(0)
	return w.control.Flush()
}

// deadline bounds the writes from here on; 0 takes the bound off.
func (w *writer) deadline(after time.Duration) {
	var at time.Time
	if after > 0 {
		at = time.Now().Add(after)
	}
	_ = w.control.SetWriteDeadline(at) // supported by every server we start
}

func (w *writer) Unwrap() http.ResponseWriter {
	return w.ResponseWriter
}

// observe counts and logs a call, and turns a panic into an answer.
func (s *Server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		began := time.Now()
		w := &writer{ResponseWriter: rw, control: http.NewResponseController(rw)}
		w.deadline(0) // which the call before left
		if r.Body != http.NoBody {
			_ = w.control.SetReadDeadline(began.Add(bodyTimeout)) // net/http waits even for a body that no handler reads
		}
		c := &call{code: "OK", id: r.Header.Get(upstream.RequestID)}
		if !upstream.ValidRequestID(c.id) {
			c.id = upstream.NewRequestID()
		}
		r = r.WithContext(context.WithValue(r.Context(), callKey{}, c))
		s.inFlight.Add(1)
		defer func() {
			s.inFlight.Add(-1)
			begun := w.status != 0
			p := recover()
			if p != nil {
				s.panicked(w, r, p)
			}
			s.done(r, c, w.status, time.Since(began))
			if p != nil && begun {
				panic(http.ErrAbortHandler) // half a reply must not look whole
			}
			w.deadline(writeTimeout) // net/http writes what is still in its buffer
		}()
		next.ServeHTTP(w, r)
	})
}

func (s *Server) panicked(w *writer, r *http.Request, p any) {
	st := fault.New(pb.Reason_REASON_INTERNAL, "a fault of the gateway; its log has the cause")
	callOf(r.Context()).code = fault.CodeName(st.Code())
	slog.Error("panic", "request", callOf(r.Context()).id, "cause", p, "stack", string(debug.Stack()))
	if w.status == 0 {
		s.fail(w, r, st)
	}
}

func (s *Server) done(r *http.Request, c *call, status int, took time.Duration) {
	route := c.route()
	s.Metrics.Done("rest", route, c.code, took)
	if s.LogCalls {
		slog.Info("call", "protocol", "rest", "route", route, "code", c.code, "status", status,
			"ms", took.Milliseconds(), "request", c.id, "caller", upstream.Host(r.RemoteAddr))
	}
}

// prepare sets what every answer bears and settles what needs no route.
func (s *Server) prepare(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := callOf(r.Context())
		h := w.Header()
		h.Set("X-Request-Id", c.id)
		s.strict(h)
		cors := s.cors(h, r)
		switch {
		case !s.serves(r.Host):
			s.fail(w, r, fault.New(pb.Reason_REASON_HOST_UNKNOWN, "this gateway does not serve the host that the request names"))
		case s.guard.Check(r) != nil:
			s.fail(w, r, fault.New(pb.Reason_REASON_ORIGIN_REFUSED, "a web page of this origin may not change anything here"))
		case r.Method == http.MethodOptions:
			s.options(w, r, cors)
		case r.Method == http.MethodHead: // net/http sends the headers of the GET and drops its body
			get := r.Clone(r.Context())
			get.Method, c.head = http.MethodGet, true
			next.ServeHTTP(w, get)
		case r.Method == http.MethodTrace || r.Method == http.MethodConnect:
			s.wrongMethod(w, r, s.rules.allowed(r))
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// strict says to browsers that an answer is data: not to be framed, run, guessed at, kept or spoken of.
func (s *Server) strict(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	if s.TLS {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

func (s *Server) wrongMethod(w http.ResponseWriter, r *http.Request, allowed []string) {
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	s.fail(w, r, fault.New(pb.Reason_REASON_HTTP_METHOD_NOT_ALLOWED, "this path does not take %.16s", r.Method))
}

// serves tells whether a Host header names this gateway.
func (s *Server) serves(host string) bool {
	if len(s.Hosts) == 0 {
		return true
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.Trim(strings.TrimSuffix(host, "."), "[]")
	return slices.ContainsFunc(s.Hosts, func(name string) bool { return strings.EqualFold(name, host) })
}

// cors lets a page of an allowed origin read the answer, and tells whether it did. Credentials are never allowed: who calls is told by the
// authorization header alone, and that a page has to set itself.
func (s *Server) cors(h http.Header, r *http.Request) bool {
	if len(s.Origins) == 0 {
		return false
	}
	h.Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if origin == "" || !slices.Contains(s.Origins, origin) {
		return false
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Expose-Headers", "X-Request-Id, Retry-After, WWW-Authenticate")
	return true
}

// options says what a path takes, to whoever asks and to browsers that ask before they call.
func (s *Server) options(w http.ResponseWriter, r *http.Request, cors bool) {
	allowed := s.rules.allowed(r)
	if len(allowed) == 0 {
		s.noRoute(r.Context(), nil, nil, w, r, http.StatusNotFound)
		return
	}
	h := w.Header()
	h.Set("Allow", strings.Join(allowed, ", "))
	if cors && r.Header.Get("Access-Control-Request-Method") != "" {
		h.Set("Access-Control-Allow-Methods", strings.Join(allowed, ", "))
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Grpc-Timeout, Idempotency-Key, X-Request-Id, X-Workspace")
		h.Set("Access-Control-Max-Age", "600")
	}
	w.WriteHeader(http.StatusNoContent)
}

// enter is between the mux and every handler: it checks what the route says about the request.
func (s *Server) enter(next runtime.HandlerFunc) runtime.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request, in map[string]string) {
		c := callOf(r.Context())
		if holdsVerb(in) {
			s.noVerb(w, r)
			return
		}
		c.rule = s.rules.of(r)
		refused := checkUTF8(in, r.URL.Query())
		if refused != nil {
			s.fail(w, r, refused)
			return
		}
		if c.md, refused = upstream.Metadata(headers(r, c.id), upstream.Host(r.RemoteAddr)); refused != nil {
			s.fail(w, r, refused)
			return
		}
		if c.rule == nil || c.rule.rpc == "" {
			next(w, r, in)
			return
		}
		if refused = s.readRequest(w, r, c); refused != nil {
			s.fail(w, r, refused)
			return
		}
		next(w, r, in)
	}
}

// checkUTF8 refuses percent-escapes that make no text: protobuf strings are UTF-8.
func checkUTF8(in map[string]string, query url.Values) *status.Status {
	for name, value := range in {
		if !utf8.ValidString(value) {
			return fault.Field(pb.Reason_REASON_INVALID_UTF8, name, "the path is not UTF-8")
		}
	}
	for name, values := range query {
		for _, value := range append([]string{name}, values...) {
			if !utf8.ValidString(value) {
				return fault.Field(pb.Reason_REASON_INVALID_UTF8, name, "the query parameter is not UTF-8")
			}
		}
	}
	return nil
}

// noVerb answers a path whose verb the method does not have.
func (s *Server) noVerb(w http.ResponseWriter, r *http.Request) {
	code := http.StatusNotFound
	if len(s.rules.allowed(r)) > 0 {
		code = http.StatusMethodNotAllowed
	}
	s.noRoute(r.Context(), s.mux, s.codec, w, r, code)
}

// readRequest checks and reads the request of an RPC's route.
func (s *Server) readRequest(w http.ResponseWriter, r *http.Request, c *call) *status.Status {
	query := r.URL.Query()
	if st := c.rule.checkQuery(query); st != nil {
		return st
	}
	c.masks = query.Has("update_mask")
	if c.key = r.Header.Get("Idempotency-Key"); c.key != "" && !idempotencyKey.MatchString(c.key) {
		return fault.Field(pb.Reason_REASON_FIELD_INVALID, "Idempotency-Key", "must be 8 to 128 printable ASCII characters")
	}
	if c.rule.body != "" && r.ContentLength != 0 {
		if st := contentType(r, "application/json"); st != nil {
			return st
		}
	}
	body, st := readBody(w, r, upstream.MaxMessage)
	if st != nil {
		return st
	}
	c.body = body
	r.Body = io.NopCloser(bytes.NewReader(body))
	return nil
}
