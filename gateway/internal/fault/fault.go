// Package fault makes the errors that the gateway itself gives and shows every error, its own and the server's, in one shape:
// a google.rpc.Status with details over gRPC, one JSON object over REST.
package fault

import (
	"context"
	"fmt"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
)

// Domain stands in the ErrorInfo of every error of this API.
const Domain = "marketing.v1"

// The reasons that the gateway gives, with the canonical code that each implies (proto/marketing/v1/reason.proto states the same;
// a test compares). To add one: add it to base/reasons.def and reason.proto, then here.
var codeOf = map[pb.Reason]codes.Code{
	pb.Reason_REASON_FIELD_INVALID:           codes.InvalidArgument,
	pb.Reason_REASON_MALFORMED_MESSAGE:       codes.InvalidArgument,
	pb.Reason_REASON_INVALID_UTF8:            codes.InvalidArgument,
	pb.Reason_REASON_REQUEST_TOO_LARGE:       codes.ResourceExhausted,
	pb.Reason_REASON_METHOD_UNKNOWN:          codes.Unimplemented,
	pb.Reason_REASON_DEADLINE_PASSED:         codes.DeadlineExceeded,
	pb.Reason_REASON_CALL_CANCELLED:          codes.Canceled,
	pb.Reason_REASON_OVERLOADED:              codes.ResourceExhausted,
	pb.Reason_REASON_DRAINING:                codes.Unavailable,
	pb.Reason_REASON_INTERNAL:                codes.Internal,
	pb.Reason_REASON_PATH_UNKNOWN:            codes.NotFound,
	pb.Reason_REASON_HTTP_METHOD_NOT_ALLOWED: codes.Unimplemented,
	pb.Reason_REASON_MEDIA_TYPE_UNSUPPORTED:  codes.InvalidArgument,
	pb.Reason_REASON_SERVER_UNREACHABLE:      codes.Unavailable,
	pb.Reason_REASON_METADATA_INVALID:        codes.InvalidArgument,
	pb.Reason_REASON_METADATA_TOO_LARGE:      codes.ResourceExhausted,
	pb.Reason_REASON_HOST_UNKNOWN:            codes.InvalidArgument,
	pb.Reason_REASON_ORIGIN_REFUSED:          codes.PermissionDenied,
}

// Reasons that a caller overcomes by sending the same call again a little later.
var retryAfter = map[pb.Reason]time.Duration{
	pb.Reason_REASON_OVERLOADED:         time.Second,
	pb.Reason_REASON_SERVER_UNREACHABLE: time.Second,
}

// Name is a reason as it stands on the wire: without the enum's prefix.
func Name(r pb.Reason) string {
	return strings.TrimPrefix(r.String(), "REASON_")
}

// New makes a status of one of the reasons in the table above.
func New(r pb.Reason, format string, args ...any) *status.Status {
	return build(r, fmt.Sprintf(format, args...))
}

// Field makes a status that names the one field (or query parameter) at fault.
func Field(r pb.Reason, field, format string, args ...any) *status.Status {
	description := clean(fmt.Sprintf(format, args...))
	field = clean(field)
	violation := &errdetails.BadRequest_FieldViolation{Field: field, Description: description}
	message := description
	if field != "" {
		message = field + ": " + description
	}
	return build(r, message, &errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{violation}})
}

// clean makes a text that quotes a caller fit for a protobuf string.
func clean(s string) string {
	return strings.ToValidUTF8(s, "\uFFFD")
}

func build(r pb.Reason, message string, more ...protoadapt.MessageV1) *status.Status {
	code, known := codeOf[r]
	if !known {
		code = codes.Internal
	}
	details := append([]protoadapt.MessageV1{&errdetails.ErrorInfo{Reason: Name(r), Domain: Domain}}, more...)
	if after, ok := retryAfter[r]; ok {
		details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(after)})
	}
	st := status.New(code, clean(message))
	with, err := st.WithDetails(details...)
	if err != nil { // only for details that do not marshal, and these do
		return st
	}
	return with
}

// FromServer turns what a call to the server returned into what the caller gets. An error with details is the server's own word and
// stays as it is. One without was made on the way (by a transport, a limit, a deadline): its text is about our insides, so it is
// replaced by a reason of the API.
func FromServer(err error) *status.Status {
	st, ok := status.FromError(err)
	if !ok {
		st = status.FromContextError(err)
	}
	if st.Code() == codes.OK || len(st.Proto().GetDetails()) > 0 {
		return st
	}
	switch st.Code() {
	case codes.Unavailable:
		return New(pb.Reason_REASON_SERVER_UNREACHABLE, "the server behind the gateway cannot be reached; retry")
	case codes.DeadlineExceeded:
		return New(pb.Reason_REASON_DEADLINE_PASSED, "the deadline passed before the work was done")
	case codes.Canceled:
		if st.Message() == context.Canceled.Error() {
			return New(pb.Reason_REASON_CALL_CANCELLED, "the caller hung up")
		}
		// Nobody here asked for it: that is how the server's transport ends a call that meets the server's end.
		return New(pb.Reason_REASON_DRAINING, "the server behind the gateway is shutting down; retry")
	case codes.Unimplemented:
		return New(pb.Reason_REASON_METHOD_UNKNOWN, "no such method is served")
	case codes.ResourceExhausted:
		return exhausted(st)
	case codes.Unknown, codes.Internal, codes.DataLoss:
		return New(pb.Reason_REASON_INTERNAL, "the call failed between gateway and server; the gateway's log has the cause")
	default:
		return st
	}
}

// Both grpc-go and the C-core report a message over the limit by code and text alone.
func exhausted(st *status.Status) *status.Status {
	if strings.Contains(st.Message(), "larger than max") {
		return New(pb.Reason_REASON_REQUEST_TOO_LARGE, "a message is larger than the limit of 4 MiB")
	}
	return New(pb.Reason_REASON_OVERLOADED, "too much is under way; retry after the stated delay")
}

// Reason returns the ErrorInfo reason of a status, "" where it has none.
func Reason(st *status.Status) string {
	for _, d := range st.Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok {
			return info.GetReason()
		}
	}
	return ""
}
