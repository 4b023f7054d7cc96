package rest

import (
	"context"
	"net/http"
	"net/url"
	"sort"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/gateway/internal/fault"
	"github.com/marketing-agents/marketing/gateway/internal/httprule"
)

// rule is one HTTP method and path of the API. Those of RPCs come from the google.api.http options in proto/marketing/v1.
type rule struct {
	method   string
	template string                         // e.g. "/v1/{name=leads/*}:merge"
	rpc      string                         // "marketing.v1.LeadService/MergeLeads"; "" for a route of the gateway's own
	input    protoreflect.MessageDescriptor // of the RPC
	body     string                         // the field that the body fills, "*" for the whole request, "" for no body
	inPath   map[string]bool                // the fields that the path fills
}

func (r *rule) key() string {
	return r.method + " " + r.template
}

// rules finds what is known of a matched route, and the methods of a path.
type rules struct {
	byKey map[string]*rule
	probe *runtime.ServeMux
}

type foundKey struct{}

// newRules gathers the rules of all services of the API and adds the gateway's own routes.
func newRules(own []rule) (*rules, error) {
	all := apiRules()
	for i := range own {
		all = append(all, &own[i])
	}
	rs := &rules{byKey: map[string]*rule{}, probe: runtime.NewServeMux(
		runtime.WithDisablePathLengthFallback(),
		runtime.WithDisableHTTPMethodOverride(),
		runtime.WithRoutingErrorHandler(func(context.Context, *runtime.ServeMux, runtime.Marshaler, http.ResponseWriter, *http.Request, int) {}),
		runtime.WithErrorHandler(func(context.Context, *runtime.ServeMux, runtime.Marshaler, http.ResponseWriter, *http.Request, error) {
		}),
	)}
	for _, r := range all {
		rs.byKey[r.key()] = r
		err := rs.probe.HandlePath(r.method, r.template, func(_ http.ResponseWriter, req *http.Request, in map[string]string) {
			*req.Context().Value(foundKey{}).(*bool) = !holdsVerb(in)
		})
		if err != nil {
			return nil, err
		}
	}
	return rs, nil
}

func apiRules() []*rule {
	var all []*rule
	protoregistry.GlobalFiles.RangeFilesByPackage("marketing.v1", func(f protoreflect.FileDescriptor) bool {
		for i := range f.Services().Len() {
			methods := f.Services().Get(i).Methods()
			for j := range methods.Len() {
				all = append(all, methodRules(methods.Get(j))...)
			}
		}
		return true
	})
	return all
}

func methodRules(m protoreflect.MethodDescriptor) []*rule {
	var all []*rule
	for _, h := range httprule.Of(m) {
		all = append(all, &rule{method: h.Method, template: h.Path, rpc: string(m.Parent().FullName()) + "/" + string(m.Name()),
			input: m.Input(), body: h.Body, inPath: variables(h.Path)})
	}
	return all
}

// variables are the field paths that a template fills: "/v1/{lead.name=leads/*}" -> lead.name.
func variables(template string) map[string]bool {
	names := map[string]bool{}
	for _, part := range strings.Split(template, "{")[1:] {
		name, _, _ := strings.Cut(part, "}")
		name, _, _ = strings.Cut(name, "=")
		names[name] = true
	}
	return names
}

// of is the rule of a request that the mux has matched.
func (rs *rules) of(r *http.Request) *rule {
	pattern, ok := runtime.HTTPPattern(r.Context())
	if !ok {
		return nil
	}
	return rs.byKey[r.Method+" "+pattern.String()]
}

// allowed are the methods that a request's path takes, sorted; none for an unknown path.
func (rs *rules) allowed(r *http.Request) []string {
	var methods []string
	for _, m := range []string{http.MethodDelete, http.MethodGet, http.MethodPatch, http.MethodPost, http.MethodPut} {
		found := false
		try := r.Clone(context.WithValue(r.Context(), foundKey{}, &found))
		try.Method = m
		rs.probe.ServeHTTP(nothing{}, try)
		if !found {
			continue
		}
		methods = append(methods, m)
		if m == http.MethodGet {
			methods = append(methods, http.MethodHead)
		}
	}
	if len(methods) > 0 {
		methods = append(methods, http.MethodOptions)
	}
	sort.Strings(methods)
	return methods
}

// holdsVerb tells a match that is none: the mux takes "leads/a:merge" for the name of a lead where the method has no such verb, but ids have
// no colons.
func holdsVerb(in map[string]string) bool {
	for _, value := range in {
		if strings.Contains(value, ":") {
			return true
		}
	}
	return false
}

// nothing is a ResponseWriter that nothing is written to.
type nothing struct{}

func (nothing) Header() http.Header         { return http.Header{} }
func (nothing) Write(b []byte) (int, error) { return len(b), nil }
func (nothing) WriteHeader(int)             {}

// checkQuery refuses query parameters that would be ignored: a misspelt filter must not list everything.
func (r *rule) checkQuery(query url.Values) *status.Status {
	for name, values := range query {
		if r.body == "*" {
			return fault.Field(pb.Reason_REASON_FIELD_INVALID, name, "this path takes no query parameters; put the field into the body")
		}
		first, _, _ := strings.Cut(name, ".")
		first, _, _ = strings.Cut(first, "[")
		field := r.input.Fields().ByName(protoreflect.Name(first))
		if field == nil || first == r.body || r.inPath[name] {
			return fault.Field(pb.Reason_REASON_FIELD_INVALID, name, "this path takes no such query parameter")
		}
		if !field.IsList() && len(values) > 1 {
			return fault.Field(pb.Reason_REASON_FIELD_INVALID, name, "is given %d times", len(values))
		}
	}
	return nil
}
