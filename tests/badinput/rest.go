package badinput

import (
	"bytes"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// httpInput is one bad REST call.
type httpInput struct {
	what, verb, path string
	body             []byte
	refused          bool // it may not be answered with 200
}

// binding is how a method is reached over REST.
type binding struct{ verb, template, body string }

// bindings reads a method's google.api.http options.
func bindings(method string) ([]binding, error) {
	m, err := descriptor(method)
	if err != nil {
		return nil, err
	}
	rule, _ := proto.GetExtension(m.Options(), annotations.E_Http).(*annotations.HttpRule)
	if rule == nil {
		return nil, nil
	}
	var all []binding
	for _, r := range append([]*annotations.HttpRule{rule}, rule.AdditionalBindings...) {
		switch p := r.Pattern.(type) {
		case *annotations.HttpRule_Get:
			all = append(all, binding{"GET", p.Get, ""})
		case *annotations.HttpRule_Post:
			all = append(all, binding{"POST", p.Post, r.Body})
		case *annotations.HttpRule_Patch:
			all = append(all, binding{"PATCH", p.Patch, r.Body})
		case *annotations.HttpRule_Delete:
			all = append(all, binding{"DELETE", p.Delete, ""})
		default:
			return nil, fmt.Errorf("%s: a verb that this test does not know: %v", method, r)
		}
	}
	return all, nil
}

var variable = regexp.MustCompile(`\{[^}]*\}`)

// fill puts a text into the template's variable, as it is.
func (b binding) fill(text string) string { return variable.ReplaceAllLiteralString(b.template, text) }

// good is a name that the seed has for the variable.
func (b binding) good(m protoreflect.Message) string {
	path := strings.Trim(variable.FindString(b.template), "{}")
	field, _, _ := strings.Cut(path, "=")
	for part := range strings.SplitSeq(field, ".") {
		f := m.Descriptor().Fields().ByName(protoreflect.Name(part))
		if f == nil {
			return ""
		}
		if f.Kind() != protoreflect.MessageKind {
			return m.Get(f).String()
		}
		m = m.Get(f).Message()
	}
	return ""
}

// restCorpus makes the bad REST calls of a seed's method.
func restCorpus(s seed) ([]httpInput, error) {
	all, err := bindings(s.method)
	if err != nil {
		return nil, err
	}
	var inputs []httpInput
	for _, b := range all {
		good := b.fill(b.good(s.body.ProtoReflect()))
		inputs = append(inputs, badPaths(b)...)
		inputs = append(inputs, badQueries(b, good)...)
		if b.body == "" {
			continue
		}
		json, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(bodyOf(s.body, b.body))
		if err != nil {
			return nil, err
		}
		inputs = append(inputs, badBodies(b, good, json)...)
		inputs = append(inputs, badFields(b, good, bodyOf(s.body, b.body))...)
	}
	return inputs, nil
}

// bodyOf is the part of the request that the HTTP body holds.
func bodyOf(m proto.Message, field string) proto.Message {
	if field == "*" {
		return m
	}
	f := m.ProtoReflect().Descriptor().Fields().ByName(protoreflect.Name(field))
	return m.ProtoReflect().Get(f).Message().Interface()
}

func badPaths(b binding) []httpInput {
	if !variable.MatchString(b.template) {
		return nil
	}
	var inputs []httpInput
	var body []byte
	if b.body != "" {
		body = []byte("{}")
	}
	collection := strings.SplitN(strings.Trim(variable.FindString(b.template), "{}"), "=", 2)[1]
	collection = strings.TrimSuffix(collection, "*")
	for _, id := range []string{"%00", "a%00b", "%ff%fe", "%2e%2e%2f%2e%2e%2fetc", "..", "a%2fb", "%20", "%F0%9F%98%80", strings.Repeat("a", 64), strings.Repeat("a", 6000),
		"%", "%zz", "'%3B%20DROP%20TABLE%20lead", "a:b:c", "*", "-", "%0d%0aX:%20y"} {
		inputs = append(inputs, httpInput{"id " + id[:min(len(id), 30)], b.verb, b.fill(strings.ReplaceAll(collection, "*", "x") + id), body, false})
	}
	return inputs
}

func badQueries(b binding, good string) []httpInput {
	var inputs []httpInput
	add := func(query string) {
		inputs = append(inputs, httpInput{"query " + query[:min(len(query), 40)], b.verb, good + "?" + query, nil, b.verb == "GET"})
	}
	for _, query := range []string{"no_such_field=1", "page_size=abc&no_such_field", "%00=1", "%ff=%fe", "a[b]=c", "view=NO_SUCH_VIEW&no_such=1"} {
		add(query)
	}
	if b.verb == "GET" {
		for _, query := range []string{"page_size=abc", "page_size=99999999999", "page_size=1&page_size=2&page_size=x", "filter=%ff", "page_token=" + url.QueryEscape("\x00"),
			"version=1e99", "view=99x"} {
			add(query)
		}
		inputs = append(inputs, httpInput{"a long query", b.verb, good + "?filter=" + strings.Repeat("a", 16_000), nil, true})
	}
	return inputs
}

// badBodies are not the JSON of a message.
func badBodies(b binding, good string, json []byte) []httpInput {
	var inputs []httpInput
	add := func(what string, body []byte, refused bool) {
		inputs = append(inputs, httpInput{what, b.verb, good, body, refused})
	}
	for i, text := range []string{"{", "}", "[]", "null", "true", `"text"`, "1", "{}{}", `{"a"}`, `{"a":}`, `{a:1}`, `{'a':1}`, `{"":1}`, "{\"\x00\":1}", "\xff\xfe{\x00}\x00", "\ufeff{}",
		"<xml/>", "a=b", "NaN", `{"lead":NaN}`, "{\"lead\":\"\x01\"}", `{"__proto__":{}}`, `{"@type":"x"}`} {
		add(fmt.Sprintf("body %d: %.20q", i, text), []byte(text), text != "null")
	}
	for i := range min(len(json), 24) {
		n := i * len(json) / 24
		add(fmt.Sprintf("cut to %d", n), json[:n], n > 0)
	}
	add("an array in an array 100,000 deep", append([]byte(`{"lead":`), bytes.Repeat([]byte("["), 100_000)...), true)
	add("an object in an object 50,000 deep", bytes.Repeat([]byte(`{"lead":`), 50_000), true)
	add("5 MiB", append(append([]byte(`{"x":"`), bytes.Repeat([]byte("x"), 5<<20)...), '"', '}'), true)
	add("trailing text", append(bytes.Clone(json), []byte(" trailing")...), true)
	return inputs
}

// badFields puts values of the wrong JSON kind into each field.
func badFields(b binding, good string, m proto.Message) []httpInput {
	var inputs []httpInput
	fields := m.ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if strings.Contains(b.template, string(f.Name())+"=") {
			continue // the path's value counts, whatever the body says
		}
		for _, value := range []string{`[[]]`, `{"no_such_field":1}`, `"\ud800"`, `1e999`, `{"a":{"a":{"a":1}}}`, `-0.5e-5`, `"NO_SUCH"`, `[null]`, `["a",1]`} {
			inputs = append(inputs, httpInput{fmt.Sprintf("%s = %s", f.Name(), value), b.verb, good, fmt.Appendf(nil, `{%q:%s}`, f.Name(), value), false})
		}
		inputs = append(inputs, httpInput{fmt.Sprintf("%s twice", f.Name()), b.verb, good, fmt.Appendf(nil, `{%q:null,%q:null}`, f.Name(), f.Name()), false})
		if f.Kind() == protoreflect.StringKind && !f.IsList() && !f.IsMap() {
			for _, value := range []string{`"a\u0000b"`, "\"a\xff\"", `"\udc00\ud800"`, "\"a\x00b\""} {
				inputs = append(inputs, httpInput{fmt.Sprintf("%s = %.20q", f.Name(), value), b.verb, good, fmt.Appendf(nil, `{%q:%s}`, f.Name(), value), true})
			}
		}
	}
	return inputs
}

// sendable says whether an HTTP client can send the call at all: a damaged percent-escape is refused by Go's own.
func (in httpInput) sendable() bool {
	_, err := url.Parse(in.path)
	return err == nil
}
