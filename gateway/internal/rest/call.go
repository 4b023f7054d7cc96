package rest

import (
	"context"
	"net/http"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/gateway/internal/fault"
	"github.com/marketing-agents/marketing/gateway/internal/httprule"
	"github.com/marketing-agents/marketing/gateway/internal/upstream"
)

// call is what is known of one REST request on its way through.
type call struct {
	id    string      // request id
	rule  *rule       // nil until matched
	body  []byte      // of an RPC's request, for telling where it is wrong
	md    metadata.MD // for the server
	sent  bool        // the server was called: errors from here on are its own
	code  string      // canonical name of the answer's code
	key   string      // Idempotency-Key
	masks bool        // the query states an update_mask
	head  bool        // a HEAD, which is answered as a GET is
}

// route is the call's name in metrics and logs.
func (c *call) route() string {
	if c.rule == nil {
		return "other"
	}
	return c.rule.key()
}

type callKey struct{}

func callOf(ctx context.Context) *call {
	return ctx.Value(callKey{}).(*call)
}

// headers are those of a request that the server is meant to see, as metadata.
func headers(r *http.Request, id string) metadata.MD {
	md := metadata.MD{}
	for _, key := range upstream.Passed {
		if values := r.Header.Values(key); len(values) > 0 {
			md[key] = values
		}
	}
	md[upstream.RequestID] = []string{id}
	return md
}

// conn is the connection that the generated REST handlers call. It is where HTTP's manners become the API's: headers become
// metadata, Idempotency-Key becomes request_id, a PATCH body becomes an update mask.
type conn struct {
	pool    *upstream.Pool
	timeout time.Duration // of a unary call whose caller states none
}

func (c conn) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	call := callOf(ctx)
	if m, ok := args.(proto.Message); ok {
		if st := call.complete(m.ProtoReflect()); st != nil {
			return st.Err()
		}
	}
	if _, stated := ctx.Deadline(); !stated { // by Grpc-Timeout
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.timeout)
		defer cancel()
	}
	call.sent = true
	return c.pool.Invoke(metadata.NewOutgoingContext(ctx, call.md), method, args, reply, opts...)
}

func (c conn) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	call := callOf(ctx)
	call.sent = true
	return c.pool.NewStream(metadata.NewOutgoingContext(ctx, call.md), desc, method, opts...)
}

func (c *call) complete(m protoreflect.Message) *status.Status {
	if st := c.setRequestID(m); st != nil {
		return st
	}
	if c.rule != nil && c.rule.method == http.MethodPatch && !c.masks {
		patchMask(m, c.rule.body)
	}
	return nil
}

// setRequestID puts the Idempotency-Key where the request has a request_id and its author left it empty.
func (c *call) setRequestID(m protoreflect.Message) *status.Status {
	field := m.Descriptor().Fields().ByName("request_id")
	if c.key == "" || field == nil || field.Kind() != protoreflect.StringKind {
		return nil
	}
	if own := m.Get(field).String(); own != "" && own != c.key {
		return fault.Field(pb.Reason_REASON_FIELD_INVALID, "request_id", "differs from the Idempotency-Key header")
	}
	m.Set(field, protoreflect.ValueOfString(c.key))
	return nil
}

// patchMask makes the mask that grpc-gateway derived from a PATCH body fit to be sent: whoever reads a resource, changes a field and
// sends it all back means the fields that can be changed, and a map in the body means its entries, as in a JSON merge patch.
func patchMask(request protoreflect.Message, body string) {
	field := request.Descriptor().Fields().ByName("update_mask")
	if field == nil || !request.Has(field) {
		return
	}
	mask, ok := request.Get(field).Message().Interface().(*fieldmaskpb.FieldMask)
	resource := request.Descriptor().Fields().ByName(protoreflect.Name(body))
	if !ok || resource == nil || resource.Message() == nil {
		return
	}
	value := request.Get(resource).Message()
	var paths []string
	for _, path := range mask.GetPaths() {
		first, _, _ := strings.Cut(path, ".")
		f := value.Descriptor().Fields().ByName(protoreflect.Name(first))
		switch {
		case f == nil || first == "name" || first == "etag" || httprule.Behaves(f, annotations.FieldBehavior_OUTPUT_ONLY):
		case f.IsMap() && path == first:
			value.Get(f).Map().Range(func(k protoreflect.MapKey, _ protoreflect.Value) bool {
				paths = append(paths, path+"."+k.String())
				return true
			})
		default:
			paths = append(paths, path)
		}
	}
	mask.Paths = paths
}
