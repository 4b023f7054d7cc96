// Package httprule reads what the protos say for REST: the google.api.http options of methods and the behaviour of fields.
package httprule

import (
	"net/http"
	"slices"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Rule is one HTTP method and path of an RPC.
type Rule struct {
	Method string
	Path   string // a template, e.g. "/v1/{name=leads/*}:merge"
	Body   string // the field that the body fills, "*" for the whole request, "" for no body
}

// Of are the rules of an RPC, additional bindings last; none where it is not served over REST.
func Of(m protoreflect.MethodDescriptor) []Rule {
	main, _ := proto.GetExtension(m.Options(), annotations.E_Http).(*annotations.HttpRule)
	if main == nil {
		return nil
	}
	var all []Rule
	for _, h := range append([]*annotations.HttpRule{main}, main.GetAdditionalBindings()...) {
		r := Rule{Body: h.GetBody()}
		switch p := h.GetPattern().(type) {
		case *annotations.HttpRule_Get:
			r.Method, r.Path = http.MethodGet, p.Get
		case *annotations.HttpRule_Post:
			r.Method, r.Path = http.MethodPost, p.Post
		case *annotations.HttpRule_Put:
			r.Method, r.Path = http.MethodPut, p.Put
		case *annotations.HttpRule_Patch:
			r.Method, r.Path = http.MethodPatch, p.Patch
		case *annotations.HttpRule_Delete:
			r.Method, r.Path = http.MethodDelete, p.Delete
		}
		all = append(all, r)
	}
	return all
}

// Behaves tells whether a field is marked so.
func Behaves(f protoreflect.FieldDescriptor, so annotations.FieldBehavior) bool {
	marks, _ := proto.GetExtension(f.Options(), annotations.E_FieldBehavior).([]annotations.FieldBehavior)
	return slices.Contains(marks, so)
}
