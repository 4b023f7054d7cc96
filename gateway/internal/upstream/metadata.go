package upstream

import (
	"context"
	"crypto/rand"
	"net"
	"strings"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/gateway/internal/fault"
)

const (
	// MaxMetadata bounds all metadata of a call as it came. The server's transport gives up a whole connection, with everybody
	// else's calls on it, when one call's headers pass 8 kB.
	MaxMetadata = 7 << 10
	// RequestID is the key by which a call is found in the logs.
	RequestID = "x-request-id"
	// ForwardedFor tells the server who called; what the caller says about it is dropped. It stands in every call: by it the server
	// knows that the connection's certificate is the gateway's and says nothing of the caller.
	ForwardedFor  = "x-forwarded-for"
	maxRequestID  = 128
	entryOverhead = 32 // of one header, as HTTP/2 counts header lists
)

// Passed is what the server is meant to see of a caller's metadata. Everything else stays here, all binary (-bin) metadata among it: one whose
// value does not decode makes the server's transport drop the connection. grpc-timeout is gRPC's own and travels as the deadline.
var Passed = []string{"authorization", RequestID, "x-workspace", "traceparent", "tracestate"}

// Metadata makes the server's metadata from a caller's. A key that is passed on may stand once: two values are read as the first by
// some and as the last by others, and neither shall be talked into the wrong principal.
func Metadata(in metadata.MD, caller string) (metadata.MD, *status.Status) {
	if size(in) > MaxMetadata {
		return nil, fault.New(pb.Reason_REASON_METADATA_TOO_LARGE, "the call's metadata holds more than %d bytes", MaxMetadata)
	}
	out := make(metadata.MD, len(Passed)+1)
	for _, key := range Passed {
		values := in[key]
		if len(values) == 0 {
			continue
		}
		if len(values) > 1 {
			return nil, fault.Field(pb.Reason_REASON_METADATA_INVALID, key, "is given %d times", len(values))
		}
		if !printable(values[0]) {
			return nil, fault.Field(pb.Reason_REASON_METADATA_INVALID, key, "holds more than printable ASCII")
		}
		out[key] = values
	}
	if id := out[RequestID]; len(id) == 0 || !ValidRequestID(id[0]) {
		out.Set(RequestID, NewRequestID())
	}
	if caller == "" {
		caller = "unknown"
	}
	out.Set(ForwardedFor, caller)
	return out, nil
}

func size(md metadata.MD) int {
	n := 0
	for key, values := range md {
		for _, v := range values {
			n += len(key) + len(v) + entryOverhead
		}
	}
	return n
}

func printable(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}

// ValidRequestID tells whether a caller's request id is taken over; another one is replaced, for ids stand in log lines.
func ValidRequestID(id string) bool {
	if id == "" || len(id) > maxRequestID {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("-_.:", rune(c)) {
			return false
		}
	}
	return true
}

// NewRequestID makes one of 26 characters.
func NewRequestID() string {
	return rand.Text()
}

// Caller is the address of the caller of an incoming gRPC call, without the port.
func Caller(ctx context.Context) string {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return ""
	}
	return Host(p.Addr.String())
}

// Host is an address without its port.
func Host(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return ""
	}
	return host
}
