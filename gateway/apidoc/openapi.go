package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"sort"
	"strconv"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/marketing-agents/marketing/gateway/internal/httprule"
	"github.com/marketing-agents/marketing/gateway/internal/httpstatus"
)

// What no proto says: title, security, the error shape, shared headers, and the paths that the gateway serves itself.
//
//go:embed base.json
var base []byte

type object = map[string]any

// describe completes what protoc-gen-openapiv2 made.
func describe(raw []byte, files []protoreflect.FileDescriptor) ([]byte, error) {
	var doc, more object
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, fmt.Errorf("openapi: %w", err)
	}
	if err := json.Unmarshal(base, &more); err != nil {
		return nil, fmt.Errorf("base.json: %w", err)
	}
	methods := map[string]protoreflect.MethodDescriptor{}
	for _, f := range files {
		for i := range f.Services().Len() {
			for j := range f.Services().Get(i).Methods().Len() {
				m := f.Services().Get(i).Methods().Get(j)
				methods[string(m.Name())] = m
			}
		}
	}
	if err := paths(doc["paths"].(object), methods); err != nil {
		return nil, err
	}
	requireFields(doc["definitions"].(object), files)
	merge(doc, more)
	limits("", doc)
	out, err := json.MarshalIndent(doc, "", " ")
	return append(out, '\n'), err
}

// merge lays b over a; objects are merged, everything else is replaced.
func merge(a, b object) {
	for k, v := range b {
		inner, isObject := v.(object)
		under, wasObject := a[k].(object)
		if isObject && wasObject {
			merge(under, inner)
		} else {
			a[k] = v
		}
	}
}

// The generator cuts a plural's last letter to name what a * stands for; where that gives no word, this is the word.
var idNames = map[string]string{"routingPolicie": "routing_policy", "leadImport": "import"}

func paths(all object, methods map[string]protoreflect.MethodDescriptor) error {
	for path, item := range all {
		renamed := path
		for from, to := range idNames {
			renamed = strings.ReplaceAll(renamed, "{"+from+"}", "{"+to+"}")
		}
		delete(all, path)
		all[renamed] = item
	}
	for path, item := range all {
		for _, v := range item.(object) {
			if err := operation(path, v.(object), methods); err != nil {
				return err
			}
		}
	}
	return nil
}

var numbered = regexp.MustCompile(`^(.*[a-z])(\d+)$`)

func operation(path string, op object, methods map[string]protoreflect.MethodDescriptor) error {
	id := op["operationId"].(string)
	name := id
	if m := numbered.FindStringSubmatch(id); m != nil && methods[id] == nil {
		name = m[1] // of an additional binding
	}
	method := methods[name]
	if method == nil {
		return fmt.Errorf("%s: operation %s is no RPC", path, id)
	}
	comment := comments(method)
	summary, rest := sentence(comment)
	op["summary"] = summary
	delete(op, "description")
	if name != id {
		rest = strings.TrimSpace("Another path of the same call as " + name + ". " + rest)
	}
	if rest != "" {
		op["description"] = rest
	}
	parameters(op, method)
	return responses(op, method, comment)
}

func parameters(op object, method protoreflect.MethodDescriptor) {
	list, _ := op["parameters"].([]any)
	for _, v := range list {
		p := v.(object)
		if p["in"] != "path" {
			continue
		}
		if to, ok := idNames[p["name"].(string)]; ok {
			p["name"] = to
		}
		p["description"] = "The id in the resource's name: 1 to 63 of [a-z0-9-]."
		p["pattern"] = "^[a-z0-9-]{1,63}$"
		if method.Name() == "ListModelVersions" {
			p["description"] = "The model's id, or - for all models."
		}
	}
	list = append(list, object{"$ref": "#/parameters/X-Request-Id"}, object{"$ref": "#/parameters/X-Workspace"})
	if method.Input().Fields().ByName("request_id") != nil {
		list = append(list, object{"$ref": "#/parameters/Idempotency-Key"})
	}
	op["parameters"] = list
}

// Errors that every call can end in.
var everywhere = []string{
	"INVALID_ARGUMENT / FIELD_INVALID", "RESOURCE_EXHAUSTED / OVERLOADED", "INTERNAL / INTERNAL", "UNAVAILABLE / STORE_UNAVAILABLE",
	"UNAVAILABLE / SERVER_UNREACHABLE", "DEADLINE_EXCEEDED / DEADLINE_PASSED",
}

var stated = regexp.MustCompile(`([A-Z_]{2,}) / ([A-Z_]+)`)

// responses documents every HTTP status of a call: those that its comment states, those of all calls, and by `default` the rest.
func responses(op object, method protoreflect.MethodDescriptor, comment string) error {
	errors := append([]string{}, everywhere...)
	errors = append(errors, stated.FindAllString(comment, -1)...)
	if method.Input().Fields().ByName("request_id") != nil {
		errors = append(errors, "INVALID_ARGUMENT / REQUEST_ID_REUSED")
	}
	all := op["responses"].(object)
	all["200"].(object)["description"] = "Done."
	byStatus := map[int][]string{}
	for _, e := range errors {
		name, reason, _ := strings.Cut(e, " / ")
		c, ok := code.Code_value[name]
		if !ok {
			return fmt.Errorf("%s: %q is no canonical code", method.FullName(), name)
		}
		status := httpstatus.Of(codes.Code(c), reason)
		byStatus[status] = append(byStatus[status], e)
	}
	for status, list := range byStatus {
		sort.Strings(list)
		all[strconv.Itoa(status)] = failure(strings.Join(list, ", ") + ".")
	}
	for status, text := range map[int]string{
		http.StatusRequestEntityTooLarge: "RESOURCE_EXHAUSTED / REQUEST_TOO_LARGE: the body is over 4 MiB.",
		http.StatusUnsupportedMediaType:  "INVALID_ARGUMENT / MEDIA_TYPE_UNSUPPORTED.",
	} {
		if hasBody(op) {
			all[strconv.Itoa(status)] = failure(text)
		}
	}
	all["default"] = failure("Any other error.")
	return nil
}

func hasBody(op object) bool {
	for _, v := range op["parameters"].([]any) {
		if v.(object)["in"] == "body" {
			return true
		}
	}
	return false
}

func failure(text string) object {
	return object{"description": text, "schema": object{"$ref": "#/definitions/Error"}}
}

// What the protos say in words about all fields of a name or type, for programs.
const (
	requestID = "^([ -~]{8,128})?$"
	integer   = "^-?[0-9]+$"
)

// limits adds them to every property and parameter under v, which stands under a key.
func limits(key string, v any) {
	switch v := v.(type) {
	case object:
		if name, ok := v["name"].(string); ok && v["in"] != nil {
			key = name
		}
		switch {
		case v["type"] == "string" && v["format"] == "int64":
			v["pattern"] = integer
		case v["type"] == "string" && key == "request_id":
			v["pattern"] = requestID
		case v["type"] == "integer" && key == "page_size":
			v["minimum"] = 0
		}
		for k, inner := range v {
			limits(k, inner)
		}
	case []any:
		for _, inner := range v {
			limits(key, inner)
		}
	}
}

// requireFields marks the fields that the protos mark as required in the definitions of whole requests. (The generator marks a field
// only in bodies that it makes up itself.)
func requireFields(definitions object, files []protoreflect.FileDescriptor) {
	for _, f := range files {
		for i := range f.Messages().Len() {
			m := f.Messages().Get(i)
			d, ok := definitions[string(m.Name())].(object)
			if !ok {
				continue
			}
			var names []string
			for j := range m.Fields().Len() {
				if field := m.Fields().Get(j); httprule.Behaves(field, annotations.FieldBehavior_REQUIRED) {
					names = append(names, string(field.Name()))
				}
			}
			if len(names) > 0 {
				d["required"] = names
			}
		}
	}
}
