package main

import (
	"fmt"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/marketing-agents/marketing/gateway/internal/httprule"
)

// comments is what stands before a declaration, as one text.
func comments(d protoreflect.Descriptor) string {
	text := d.ParentFile().SourceLocations().ByDescriptor(d).LeadingComments
	return strings.TrimSpace(strings.ReplaceAll(text, "\n ", "\n"))
}

// flat is a text on one line, fit for a table cell.
func flat(text string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "|", "\\|")
}

// sentence splits off the first sentence.
func sentence(text string) (first, rest string) {
	text = strings.Join(strings.Fields(text), " ")
	for i := range len(text) {
		if text[i] == '.' && (i+1 == len(text) || text[i+1] == ' ' && i+2 < len(text) && text[i+2] >= 'A' && text[i+2] <= 'Z') {
			return text[:i+1], strings.TrimSpace(text[i+1:])
		}
	}
	return text, ""
}

// reference is the whole API as a page: services, then messages and enums, in the order of the protos.
func reference(files []protoreflect.FileDescriptor) string {
	var p strings.Builder
	p.WriteString("# API reference\n\nMade from proto/marketing/v1 by `./dev proto`. [rest.md](../rest.md) tells how the calls look over REST, ")
	p.WriteString("[errors.md](../errors.md) lists the reasons of errors.\n\n")
	for _, f := range files {
		for i := range f.Services().Len() {
			s := f.Services().Get(i)
			fmt.Fprintf(&p, "- [%s](#%s)\n", s.Name(), strings.ToLower(string(s.Name())))
		}
	}
	p.WriteString("- [Messages and enums](#messages-and-enums)\n")
	for _, f := range files {
		for i := range f.Services().Len() {
			service(&p, f.Services().Get(i))
		}
	}
	p.WriteString("\n## Messages and enums\n")
	for _, f := range files {
		if f.Path() == "marketing/v1/reason.proto" {
			continue // errors.md
		}
		for i := range f.Messages().Len() {
			message(&p, f.Messages().Get(i))
		}
		for i := range f.Enums().Len() {
			enum(&p, f.Enums().Get(i))
		}
	}
	return p.String()
}

func service(p *strings.Builder, s protoreflect.ServiceDescriptor) {
	fmt.Fprintf(p, "\n## %s\n\n%s\n", s.Name(), comments(s))
	for i := range s.Methods().Len() {
		m := s.Methods().Get(i)
		fmt.Fprintf(p, "\n### %s.%s\n\n%s\n\n", s.Name(), m.Name(), comments(m))
		fmt.Fprintf(p, "`rpc %s(%s%s) returns (%s%s)`\n", m.Name(), stream(m.IsStreamingClient()), m.Input().Name(), stream(m.IsStreamingServer()), m.Output().Name())
		for _, r := range httprule.Of(m) {
			fmt.Fprintf(p, "\n`%s %s%s`\n", r.Method, r.Path, bodyOf(r))
		}
	}
}

func stream(yes bool) string {
	if yes {
		return "stream "
	}
	return ""
}

// bodyOf is what stands in the body of a REST call.
func bodyOf(r httprule.Rule) string {
	switch r.Body {
	case "":
		return ""
	case "*":
		return ", body: the request"
	}
	return ", body: the field " + r.Body
}

func message(p *strings.Builder, m protoreflect.MessageDescriptor) {
	if m.IsMapEntry() {
		return
	}
	fmt.Fprintf(p, "\n### %s\n\n%s\n", title(m), comments(m))
	if m.Fields().Len() > 0 {
		p.WriteString("\n| field | type | |\n| --- | --- | --- |\n")
	}
	for i := range m.Fields().Len() {
		f := m.Fields().Get(i)
		note := flat(comments(f))
		switch {
		case httprule.Behaves(f, annotations.FieldBehavior_REQUIRED) && !strings.Contains(note, "Required"):
			note = "Required. " + note
		case httprule.Behaves(f, annotations.FieldBehavior_OUTPUT_ONLY):
			note = "Output only. " + note
		}
		fmt.Fprintf(p, "| `%s` | %s | %s |\n", f.Name(), typeOf(f), note)
	}
	for i := range m.Messages().Len() {
		message(p, m.Messages().Get(i))
	}
	for i := range m.Enums().Len() {
		enum(p, m.Enums().Get(i))
	}
}

func enum(p *strings.Builder, e protoreflect.EnumDescriptor) {
	fmt.Fprintf(p, "\n### %s\n\n%s\n\n| value | number | |\n| --- | --- | --- |\n", title(e), comments(e))
	for i := range e.Values().Len() {
		v := e.Values().Get(i)
		fmt.Fprintf(p, "| `%s` | %d | %s |\n", v.Name(), v.Number(), flat(comments(v)))
	}
}

// title is a name inside the package: "Lead", "LeadImport.State".
func title(d protoreflect.Descriptor) string {
	return strings.TrimPrefix(string(d.FullName()), "marketing.v1.")
}

func typeOf(f protoreflect.FieldDescriptor) string {
	switch {
	case f.IsMap():
		return "map of " + typeOf(f.MapKey()) + " to " + typeOf(f.MapValue())
	case f.IsList():
		return "repeated " + one(f)
	}
	return one(f)
}

func one(f protoreflect.FieldDescriptor) string {
	var d protoreflect.Descriptor
	switch {
	case f.Message() != nil:
		d = f.Message()
	case f.Enum() != nil:
		d = f.Enum()
	default:
		return f.Kind().String()
	}
	if !strings.HasPrefix(string(d.FullName()), "marketing.v1.") {
		return string(d.FullName())
	}
	anchor := strings.ToLower(strings.ReplaceAll(title(d), ".", ""))
	return fmt.Sprintf("[%s](#%s)", title(d), anchor)
}
