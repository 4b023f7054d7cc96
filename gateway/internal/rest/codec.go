package rest

import (
	"bytes"
	"encoding/json"
	"io"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/gateway/internal/fault"
)

// Replies use the proto's own field names and show every scalar, list and map even at its default: a reader finds the fields that the
// OpenAPI file lists whether or not they are zero. Messages that are not set are left out rather than null.
var toJSON = protojson.MarshalOptions{UseProtoNames: true, EmitDefaultValues: true}

// Requests with unknown fields are refused: a misspelt field must not be a field left out.
var fromJSON = protojson.UnmarshalOptions{DiscardUnknown: false}

// jsonCodec is the mux's one marshaler. It decodes with protojson alone, so that every error bears its position in the body.
type jsonCodec struct {
	runtime.JSONPb
}

func newJSONCodec() *jsonCodec {
	return &jsonCodec{runtime.JSONPb{MarshalOptions: toJSON, UnmarshalOptions: fromJSON}}
}

// Marshal gives a stream's error, which the mux wraps as it pleases, the one shape that all errors have.
func (c *jsonCodec) Marshal(v any) ([]byte, error) {
	if wrapped, ok := v.(map[string]proto.Message); ok {
		if st, ok := wrapped["error"].(*spb.Status); ok {
			return fault.JSON(status.FromProto(st)), nil
		}
	}
	return c.JSONPb.Marshal(v)
}

func (c *jsonCodec) NewDecoder(r io.Reader) runtime.Decoder {
	return runtime.DecoderFunc(func(v any) error {
		data, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		if len(bytes.TrimSpace(data)) == 0 {
			return io.EOF // no body: an empty message
		}
		return c.Unmarshal(data, v)
	})
}

// Unmarshal fills a message, or a message field that a body rule names (then v points to the pointer).
func (c *jsonCodec) Unmarshal(data []byte, v any) error {
	if m, ok := v.(proto.Message); ok {
		return fromJSON.Unmarshal(data, m)
	}
	if p := reflect.ValueOf(v); p.Kind() == reflect.Pointer && p.Elem().Kind() == reflect.Pointer {
		if p.Elem().IsNil() {
			p.Elem().Set(reflect.New(p.Elem().Type().Elem()))
		}
		if m, ok := p.Elem().Interface().(proto.Message); ok {
			return fromJSON.Unmarshal(data, m)
		}
	}
	return c.JSONPb.Unmarshal(data, v)
}

var position = regexp.MustCompile(`(syntax error )?\(line (\d+):(\d+)\): (.*)`)

const maxDescription = 256

// bodyFault tells the author of a JSON body where it is wrong. `at` is the request field that the body fills, "" or "*" for the request.
// protojson words its errors for people but gives them no structure; what a position does not match is told in general.
func bodyFault(body []byte, at, text string) *status.Status {
	m := position.FindStringSubmatch(text)
	if m == nil {
		return fault.New(pb.Reason_REASON_MALFORMED_MESSAGE, "the body is not the JSON of this call's request")
	}
	line, _ := strconv.Atoi(m[2])
	column, _ := strconv.Atoi(m[3])
	where := "line " + m[2] + ", column " + m[3] + ": "
	if m[1] != "" {
		return fault.Field(pb.Reason_REASON_MALFORMED_MESSAGE, "", "%s", cut(where+m[4]))
	}
	path := pathAt(body, offsetOf(body, line, column))
	if at != "" && at != "*" {
		path = strings.TrimSuffix(at+"."+path, ".")
	}
	return fault.Field(pb.Reason_REASON_FIELD_INVALID, path, "%s", cut(where+ownName(m[4], path)))
}

var camelName = regexp.MustCompile(`( for \w+ field )(\w+)`)

// ownName puts a field's name as it stands in the body where protojson wrote its camel-case form.
func ownName(text, path string) string {
	own := path[strings.LastIndexAny(path, ".")+1:]
	if i := strings.IndexByte(own, '['); i >= 0 {
		own = own[:i]
	}
	m := camelName.FindStringSubmatchIndex(text)
	if m == nil || !strings.EqualFold(strings.ReplaceAll(own, "_", ""), text[m[4]:m[5]]) {
		return text
	}
	return text[:m[4]] + own + text[m[5]:]
}

func cut(s string) string {
	if len(s) <= maxDescription {
		return s
	}
	return strings.ToValidUTF8(s[:maxDescription], "") + "..."
}

// offsetOf turns a line and a column (from 1, in characters) into bytes.
func offsetOf(data []byte, line, column int) int {
	at := 0
	for ; line > 1; line-- {
		i := bytes.IndexByte(data[at:], '\n')
		if i < 0 {
			return len(data)
		}
		at += i + 1
	}
	for ; column > 1 && at < len(data); column-- {
		_, n := utf8.DecodeRune(data[at:])
		at += n
	}
	return at
}

type level struct {
	array bool
	index int
	key   string
	inKey bool // the next token is a key
}

// pathAt names the field whose key or value stands at an offset, e.g. "leads[3].email".
func pathAt(data []byte, offset int) string {
	d := json.NewDecoder(bytes.NewReader(data))
	var levels []level
	for {
		token, err := d.Token()
		if err != nil {
			return render(levels)
		}
		here := int(d.InputOffset()) > offset
		top := len(levels) - 1
		delim, _ := token.(json.Delim)
		switch {
		case delim == '}' || delim == ']':
			if levels = levels[:top]; here {
				return render(levels)
			}
			next(levels)
		case top >= 0 && levels[top].inKey:
			levels[top].key, levels[top].inKey = token.(string), false
			if here {
				return render(levels)
			}
		case here:
			return render(levels)
		case delim != 0:
			levels = append(levels, level{array: delim == '[', inKey: delim == '{'})
		default:
			next(levels)
		}
	}
}

func next(levels []level) {
	if len(levels) == 0 {
		return
	}
	top := &levels[len(levels)-1]
	if top.array {
		top.index++
	} else {
		top.inKey = true
	}
}

func render(levels []level) string {
	var path strings.Builder
	for _, l := range levels {
		switch {
		case l.array:
			path.WriteString("[" + strconv.Itoa(l.index) + "]")
		case l.key != "":
			if path.Len() > 0 {
				path.WriteByte('.')
			}
			path.WriteString(l.key)
		}
	}
	return path.String()
}
