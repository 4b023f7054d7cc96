// Package rest is the HTTP edge: JSON and files in, gRPC to the server, one error shape out.
//
// A request passes, from outside in: observe (metrics, log, panics), prepare (request id, headers, host, origin, HEAD and OPTIONS), the
// mux (which finds the route), enter (query, content type, body), and then a handler that protoc-gen-grpc-gateway made from the
// google.api.http options, or one of the gateway's own in the table `routes`.
package rest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"sync/atomic"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/gateway/internal/fault"
	gw "github.com/marketing-agents/marketing/gateway/internal/gw/marketing/v1"
	"github.com/marketing-agents/marketing/gateway/internal/health"
	"github.com/marketing-agents/marketing/gateway/internal/metrics"
	"github.com/marketing-agents/marketing/gateway/internal/upstream"
)

// Options of the REST edge.
type Options struct {
	Pool        *upstream.Pool
	Health      *health.Service
	Metrics     *metrics.Set
	Hosts       []string // served names; empty: all
	Origins     []string // whose web pages may read answers and change things
	TLS         bool     // the listener speaks TLS
	CallTimeout time.Duration
	MaxUpload   int64 // bytes of a CSV upload
	LogCalls    bool
	Version     string
}

// Server is the REST edge.
type Server struct {
	Options
	mux        *runtime.ServeMux
	rules      *rules
	guard      *http.CrossOriginProtection
	codec      *jsonCodec
	leads      pb.LeadServiceClient
	triage     pb.TriageServiceClient
	models     pb.ModelServiceClient
	engage     pb.EngageServiceClient
	started    time.Time
	inFlight   *atomic.Int64
	visitsLost *atomic.Int64
}

// route is a path that no RPC's HTTP rule makes. To add one: a row in routes, its handler, a section of docs/rest.md, and an entry in
// gateway/apidoc/base.json, from which the OpenAPI file is completed (a test compares).
type route struct {
	method, template string
	media            string   // of the body; "": any, and none
	query            []string // the parameters that it takes; nil: any, which mean nothing
	handle           func(*Server, http.ResponseWriter, *http.Request, map[string]string)
}

var none = []string{} // no query parameters

var routes = []route{
	{http.MethodGet, "/", "", none, (*Server).index},
	{http.MethodGet, "/health", "", none, (*Server).health},
	{http.MethodGet, "/health/live", "", none, (*Server).live},
	{http.MethodGet, "/api/health", "", none, (*Server).health},
	{http.MethodGet, "/metrics", "", none, (*Server).metricsText},
	{http.MethodGet, "/openapi.json", "", none, (*Server).openAPI},
	{http.MethodPost, "/v1/leadImports/{import}:upload", "text/csv", []string{"columns", "separator", "triage", "offset"}, (*Server).uploadLeads},
	{http.MethodPost, "/v1/models/{model}/versions:upload", "application/octet-stream", []string{"version_id", "promote"}, (*Server).uploadModel},
	{http.MethodPost, "/v1/leads:streamTriage", ndjson, none, (*Server).streamTriage},
	{http.MethodGet, "/u/{token}", "", none, (*Server).askToUnsubscribe},
	{http.MethodPost, "/u/{token}", "", nil, (*Server).unsubscribe},
	{http.MethodPost, "/v1/workspaces/{workspace}/channels/{channel}/events:receive", "application/json", nil, (*Server).receive},
	{http.MethodPost, "/v1/mailReports:upload", "message/rfc822", nil, (*Server).uploadMail},
	{http.MethodGet, "/c/{token}", "", nil, (*Server).follow},
	{http.MethodGet, "/o/{token}", "", nil, (*Server).opened},
}

// check refuses a request that is not as its row says.
func (t *route) check(r *http.Request) *status.Status {
	for name, values := range r.URL.Query() {
		if t.query == nil {
			break
		}
		if !slices.Contains(t.query, name) {
			return fault.Field(pb.Reason_REASON_FIELD_INVALID, name, "this path takes no such query parameter")
		}
		if name != "columns" && len(values) > 1 {
			return fault.Field(pb.Reason_REASON_FIELD_INVALID, name, "is given %d times", len(values))
		}
	}
	if t.media == "" {
		return nil
	}
	return contentType(r, t.media)
}

// New makes the REST edge.
func New(o Options) (*Server, error) {
	c := conn{o.Pool, o.CallTimeout}
	s := &Server{
		Options:    o,
		codec:      newJSONCodec(),
		guard:      http.NewCrossOriginProtection(),
		leads:      pb.NewLeadServiceClient(c),
		triage:     pb.NewTriageServiceClient(c),
		models:     pb.NewModelServiceClient(c),
		engage:     pb.NewEngageServiceClient(c),
		started:    time.Now(),
		inFlight:   o.Metrics.Number(`gateway_calls_in_flight{protocol="rest"}`, "Calls under way."),
		visitsLost: o.Metrics.Number("gateway_link_visits_lost_total", "Links followed and pictures shown that could not be recorded: was the server down? The log says which."),
	}
	for _, origin := range o.Origins {
		if err := s.guard.AddTrustedOrigin(origin); err != nil {
			return nil, err
		}
	}
	own := make([]rule, len(routes))
	for i, r := range routes {
		own[i] = rule{method: r.method, template: r.template}
	}
	var err error
	if s.rules, err = newRules(own); err != nil {
		return nil, fmt.Errorf("rest routes: %w", err)
	}
	s.mux = runtime.NewServeMux(
		runtime.WithMarshalerOption(runtime.MIMEWildcard, s.codec),
		runtime.WithErrorHandler(s.callFailed),
		runtime.WithStreamErrorHandler(func(ctx context.Context, err error) *status.Status { return s.fromServer(callOf(ctx), err) }),
		runtime.WithRoutingErrorHandler(s.noRoute),
		runtime.WithIncomingHeaderMatcher(func(string) (string, bool) { return "", false }), // conn takes them from the call
		runtime.WithOutgoingHeaderMatcher(func(string) (string, bool) { return "", false }),
		runtime.WithOutgoingTrailerMatcher(func(string) (string, bool) { return "", false }),
		runtime.WithMiddlewares(s.enter),
		runtime.WithUnescapingMode(runtime.UnescapingModeAllExceptReserved),
		runtime.WithDisablePathLengthFallback(),
		runtime.WithDisableHTTPMethodOverride(),
	)
	return s, s.register(c)
}

func (s *Server) register(c conn) error {
	ctx := context.Background()
	for _, err := range []error{
		gw.RegisterLeadServiceHandlerClient(ctx, s.mux, s.leads),
		gw.RegisterTriageServiceHandlerClient(ctx, s.mux, s.triage),
		gw.RegisterModelServiceHandlerClient(ctx, s.mux, s.models),
		gw.RegisterEngageServiceHandlerClient(ctx, s.mux, s.engage),
		gw.RegisterAuditServiceHandlerClient(ctx, s.mux, pb.NewAuditServiceClient(c)),
		gw.RegisterSystemServiceHandlerClient(ctx, s.mux, pb.NewSystemServiceClient(c)),
		gw.RegisterAuthServiceHandlerClient(ctx, s.mux, pb.NewAuthServiceClient(c)),
	} {
		if err != nil {
			return err
		}
	}
	for _, r := range routes {
		err := s.mux.HandlePath(r.method, r.template, func(w http.ResponseWriter, req *http.Request, in map[string]string) {
			if st := r.check(req); st != nil {
				s.fail(w, req, st)
				return
			}
			r.handle(s, w, req, in)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Handler is the whole edge.
func (s *Server) Handler() http.Handler {
	return s.observe(s.prepare(s.mux))
}

// fail answers with a status and remembers its code for metrics and log.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, st *status.Status) {
	callOf(r.Context()).code = fault.CodeName(st.Code())
	fault.Write(w, st)
}

// failed answers a call to the server that failed.
func (s *Server) failed(w http.ResponseWriter, r *http.Request, err error) {
	s.fail(w, r, s.fromServer(callOf(r.Context()), err))
}

// answer answers with what a call to the server returned.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, m proto.Message, err error) {
	if err != nil {
		s.failed(w, r, err)
		return
	}
	out, err := toJSON.Marshal(m)
	if err != nil {
		s.fail(w, r, fault.New(pb.Reason_REASON_INTERNAL, "the reply cannot be shown as JSON"))
		return
	}
	page(w, "application/json", out)
}

// fromServer turns an error of a call to the server into the answer, and logs what the answer does not tell.
func (s *Server) fromServer(c *call, err error) *status.Status {
	st := fault.FromServer(err)
	if st.Code() == codes.Internal || st.Code() == codes.Unavailable {
		slog.Warn("call failed", "protocol", "rest", "route", c.route(), "request", c.id, "code", fault.CodeName(st.Code()), "cause", err.Error())
	}
	return st
}

// callFailed answers what a generated handler could not do.
func (s *Server) callFailed(ctx context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, r *http.Request, err error) {
	c := callOf(ctx)
	var malformed runtime.MalformedSequenceError
	switch {
	case errors.As(err, &malformed):
		s.fail(w, r, fault.New(pb.Reason_REASON_MALFORMED_MESSAGE, "the path holds a damaged percent-escape"))
	case c.sent:
		s.failed(w, r, err)
	default:
		s.fail(w, r, notSent(c, err))
	}
}

var queryField = regexp.MustCompile(`(?:parsing|duplicate|parsing list|parsing map) (?:field|list|map)? ?"([\w.]+)"`)

// notSent explains an error that a generated handler found in the request. It flattens all of them to text; that text names Go's
// functions, so what it tells is taken from it and put in our own words.
func notSent(c *call, err error) *status.Status {
	st := status.Convert(err)
	if len(st.Proto().GetDetails()) > 0 {
		return st
	}
	if m := queryField.FindStringSubmatch(st.Message()); m != nil && !position.MatchString(st.Message()) {
		return fault.Field(pb.Reason_REASON_FIELD_INVALID, m[1], "the query parameter's value is not of the field's type")
	}
	if c.rule != nil && c.rule.body != "" && len(c.body) > 0 {
		return bodyFault(c.body, c.rule.body, st.Message())
	}
	return fault.New(pb.Reason_REASON_MALFORMED_MESSAGE, "the query or a header of the call is not of its form")
}

// noRoute answers a path or method that is not served.
func (s *Server) noRoute(_ context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, r *http.Request, code int) {
	switch code {
	case http.StatusMethodNotAllowed:
		s.wrongMethod(w, r, s.rules.allowed(r))
	case http.StatusNotFound:
		s.fail(w, r, fault.New(pb.Reason_REASON_PATH_UNKNOWN, "no such path is served; /openapi.json lists those that are"))
	default:
		s.fail(w, r, fault.New(pb.Reason_REASON_MALFORMED_MESSAGE, "the request target is not a path"))
	}
}
