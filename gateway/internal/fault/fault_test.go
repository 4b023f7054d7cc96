package fault

import (
	"context"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/anypb"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
)

// reason.proto states each reason's code in brackets; the table here must say the same.
func TestCodesAgreeWithTheProto(t *testing.T) {
	text, err := os.ReadFile("../../../proto/marketing/v1/reason.proto")
	if err != nil {
		t.Fatal(err)
	}
	stated := map[string]string{}
	for _, m := range regexp.MustCompile(`// \[([A-Z_]+)\][^\n]*\n(?:\s*//[^\n]*\n)*\s*(REASON_\w+) = `).FindAllStringSubmatch(string(text), -1) {
		stated[m[2]] = m[1]
	}
	for reason, code := range codeOf {
		if got := stated[reason.String()]; got != CodeName(code) {
			t.Errorf("%v: %s here, %q in reason.proto", reason, CodeName(code), got)
		}
	}
	for reason := range retryAfter {
		if _, ok := codeOf[reason]; !ok {
			t.Errorf("%v may be retried, but has no code", reason)
		}
	}
}

func TestFromServer(t *testing.T) {
	detailed := New(pb.Reason_REASON_OVERLOADED, "busy")
	for _, c := range []struct {
		err    error
		code   codes.Code
		reason string
	}{
		{detailed.Err(), codes.ResourceExhausted, "OVERLOADED"},
		{status.Error(codes.Unavailable, "dial tcp 10.0.0.1"), codes.Unavailable, "SERVER_UNREACHABLE"},
		{status.Error(codes.Internal, "stack"), codes.Internal, "INTERNAL"},
		{status.Error(codes.Unknown, "stack"), codes.Internal, "INTERNAL"},
		{status.Error(codes.ResourceExhausted, "grpc: received message larger than max (5 vs. 4)"), codes.ResourceExhausted, "REQUEST_TOO_LARGE"},
		{status.Error(codes.ResourceExhausted, "other"), codes.ResourceExhausted, "OVERLOADED"},
		{status.Error(codes.Unimplemented, "unknown method"), codes.Unimplemented, "METHOD_UNKNOWN"},
		{status.Error(codes.NotFound, "plain"), codes.NotFound, ""},
		{context.DeadlineExceeded, codes.DeadlineExceeded, "DEADLINE_PASSED"},
		{context.Canceled, codes.Canceled, "CALL_CANCELLED"},
		{status.FromContextError(context.Canceled).Err(), codes.Canceled, "CALL_CANCELLED"},
		{status.Error(codes.Canceled, "CANCELLED"), codes.Unavailable, "DRAINING"},
		{os.ErrClosed, codes.Internal, "INTERNAL"},
	} {
		st := FromServer(c.err)
		if st.Code() != c.code || Reason(st) != c.reason {
			t.Errorf("%v: %v %q", c.err, st, Reason(st))
		}
		if strings.Contains(st.Message(), "10.0.0.1") || strings.Contains(st.Message(), "stack") {
			t.Errorf("%v: shows %q", c.err, st.Message())
		}
	}
}

func TestJSONShowsUnknownDetailsByTheirBytes(t *testing.T) {
	st := status.FromProto(&statuspb.Status{Code: 5, Message: "m", Details: []*anypb.Any{{TypeUrl: "type.googleapis.com/no.Such", Value: []byte{1, 2}}}})
	var b struct {
		Error struct {
			Code    int
			Details []map[string]string
		}
	}
	if err := json.Unmarshal(JSON(st), &b); err != nil {
		t.Fatal(err)
	}
	if b.Error.Code != 404 || b.Error.Details[0]["@type"] != "type.googleapis.com/no.Such" || b.Error.Details[0]["value"] != "AQI=" {
		t.Errorf("%+v", b)
	}
}

func TestTextsThatAreNotUTF8(t *testing.T) {
	st := Field(pb.Reason_REASON_FIELD_INVALID, "a\xff", "b\xff")
	if Reason(st) != "FIELD_INVALID" || len(st.Details()) != 2 {
		t.Errorf("%v", st)
	}
}
