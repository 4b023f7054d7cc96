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
	"net/http"
	"regexp"
	"sync/atomic"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/status"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/gateway/internal/fault"
	gw "github.com/marketing-agents/marketing/gateway/internal/gw/marketing/v1"
	"github.com/marketing-agents/marketing/gateway/internal/metrics"
	"github.com/marketing-agents/marketing/gateway/internal/passthrough"
	"github.com/marketing-agents/marketing/gateway/internal/upstream"
)

// Options of the REST edge.
type Options struct {
	Pool        *upstream.Pool
	Health      *passthrough.Health
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
	handle           func(*Server, http.ResponseWriter, *http.Request, map[string]string)
}

var routes = []route{
	{http.MethodGet, "/", (*Server).index},
	{http.MethodGet, "/health", (*Server).health},
	{http.MethodGet, "/health/live", (*Server).live},
	{http.MethodGet, "/api/health", (*Server).health},
	{http.MethodGet, "/metrics", (*Server).metricsText},
	{http.MethodGet, "/openapi.json", (*Server).openAPI},
	{http.MethodPost, "/v1/leadImports/{import}:upload", (*Server).uploadLeads},
	{http.MethodPost, "/v1/models/{model}/versions:upload", (*Server).uploadModel},
	{http.MethodPost, "/v1/leads:streamTriage", (*Server).streamTriage},
	{http.MethodGet, "/u/{token}", (*Server).askToUnsubscribe},
	{http.MethodPost, "/u/{token}", (*Server).unsubscribe},
	{http.MethodPost, "/v1/workspaces/{workspace}/channels/{channel}/events:receive", (*Server).receive},
	{http.MethodPost, "/v1/mailReports:upload", (*Server).uploadMail},
	{http.MethodGet, "/c/{token}", (*Server).follow},
	{http.MethodGet, "/o/{token}", (*Server).opened},
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
		inFlight:   o.Metrics.Counter(`gateway_calls_in_flight{protocol="rest"}`, "Calls under way."),
		visitsLost: o.Metrics.Counter("gateway_link_visits_lost_total", "Links followed and pictures shown that could not be recorded: was the server down? The log says which."),
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

// callFailed answers what a generated handler could not do.
func (s *Server) callFailed(ctx context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, r *http.Request, err error) {
	c := callOf(ctx)
	var malformed runtime.MalformedSequenceError
	switch {
	case errors.As(err, &malformed):
		s.fail(w, r, fault.New(pb.Reason_REASON_MALFORMED_MESSAGE, "the path holds a damaged percent-escape"))
	case c.sent:
		s.fail(w, r, s.fromServer(c, err))
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
