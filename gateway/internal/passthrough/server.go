package passthrough

import (
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/marketing-agents/marketing/gateway/internal/health"
	"github.com/marketing-agents/marketing/gateway/internal/metrics"
	"github.com/marketing-agents/marketing/gateway/internal/upstream"
)

// Options of the gRPC edge.
type Options struct {
	Pool     *upstream.Pool
	Metrics  *metrics.Set
	Creds    credentials.TransportCredentials // nil: plain text, for loopback
	Health   *health.Service                  // what the edge itself answers to health checks
	LogCalls bool
}

// NewServer makes the gRPC edge.
//
// No compressor is registered in this program, so the edge offers identity only and answers UNIMPLEMENTED to a compressed message
// without inflating it: there is no bomb to defuse.
func NewServer(o Options) *grpc.Server {
	p := &proxy{
		pool: o.Pool, codec: newCodec(), metrics: o.Metrics, logCalls: o.LogCalls,
		inFlight: o.Metrics.Number(`gateway_calls_in_flight{protocol="grpc"}`, "Calls under way."),
	}
	options := []grpc.ServerOption{
		grpc.ForceServerCodecV2(p.codec),
		grpc.UnknownServiceHandler(p.handle),
		grpc.MaxRecvMsgSize(upstream.MaxMessage + 1<<20), // see receive
		grpc.MaxSendMsgSize(upstream.MaxMessage),
		grpc.MaxConcurrentStreams(100),
		// Twice the metadata limit: what is a little over is refused with a reason, what is far over is cut by the transport.
		grpc.MaxHeaderListSize(2 * upstream.MaxMetadata),
		grpc.ConnectionTimeout(10 * time.Second),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 20 * time.Second, PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			Time:                  20 * time.Second,
			Timeout:               10 * time.Second,
			MaxConnectionIdle:     5 * time.Minute,
			MaxConnectionAge:      10 * time.Minute,
			MaxConnectionAgeGrace: 30 * time.Second,
		}),
		// Fixed windows bound what one caller can make us hold; small buffers bound what an idle connection costs.
		grpc.StaticStreamWindowSize(64 << 10),
		grpc.StaticConnWindowSize(1 << 20),
		grpc.ReadBufferSize(17 << 10), // one frame of the largest size: what is left unread makes a hang-up a reset
	}
	if o.Creds != nil {
		options = append(options, grpc.Creds(o.Creds))
	}
	s := grpc.NewServer(options...)
	grpc_health_v1.RegisterHealthServer(s, o.Health)
	return s
}

// known tells whether "package.Service/Method" is a method of a service compiled in.
func known(name string) bool {
	service, method, _ := strings.Cut(name, "/")
	d, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(service))
	if err != nil {
		return false
	}
	s, ok := d.(protoreflect.ServiceDescriptor)
	return ok && s.Methods().ByName(protoreflect.Name(method)) != nil
}
