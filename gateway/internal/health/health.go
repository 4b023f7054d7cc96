// Package health says at the edge whether calls are answered.
package health

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/gateway/internal/fault"
	"github.com/marketing-agents/marketing/gateway/internal/upstream"
)

// Service answers grpc.health.v1 at the edge: the server's own word while the gateway serves, NOT_SERVING as soon as it drains.
type Service struct {
	grpc_health_v1.UnimplementedHealthServer
	server grpc_health_v1.HealthClient
	pool   *upstream.Pool

	once     sync.Once
	draining chan struct{}

	mu     sync.Mutex // guards the last probe
	asked  time.Time
	status grpc_health_v1.HealthCheckResponse_ServingStatus
}

// A probe costs the server a connection, so callers within this time share one.
const probeEvery = time.Second

// New makes the health service of an edge in front of pool.
func New(pool *upstream.Pool) *Service {
	return &Service{
		server:   grpc_health_v1.NewHealthClient(pool),
		pool:     pool,
		draining: make(chan struct{}),
	}
}

// Drain makes every later check say NOT_SERVING and tells those who watch.
func (h *Service) Drain() {
	h.once.Do(func() { close(h.draining) })
}

// Draining tells whether Drain was called.
func (h *Service) Draining() bool {
	select {
	case <-h.draining:
		return true
	default:
		return false
	}
}

// Server is the server's health as a new connection finds it; at most a second old.
func (h *Service) Server(ctx context.Context) grpc_health_v1.HealthCheckResponse_ServingStatus {
	h.mu.Lock()
	defer h.mu.Unlock()
	if time.Since(h.asked) < probeEvery {
		return h.status
	}
	// Not the caller's context: its hanging up must not be remembered as the server's ill health.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	status, err := h.pool.Probe(ctx)
	if err != nil {
		status = grpc_health_v1.HealthCheckResponse_NOT_SERVING
	}
	h.status, h.asked = status, time.Now()
	return status
}

// Check answers for one service, "" being the whole.
func (h *Service) Check(ctx context.Context, req *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	if h.Draining() {
		return &grpc_health_v1.HealthCheckResponse{Status: grpc_health_v1.HealthCheckResponse_NOT_SERVING}, nil
	}
	if req.GetService() == "" {
		return &grpc_health_v1.HealthCheckResponse{Status: h.Server(ctx)}, nil
	}
	ctx, err := outgoing(ctx)
	if err != nil {
		return nil, err
	}
	reply, err := h.server.Check(ctx, req)
	if err != nil {
		return nil, fault.FromServer(err).Err()
	}
	return reply, nil
}

// Watch hands on what the server says. Where the server goes away the watch says NOT_SERVING and asks again, as the protocol wants. When
// the gateway drains it says NOT_SERVING and ends, so that it does not hold the drain up.
func (h *Service) Watch(req *grpc_health_v1.HealthCheckRequest, down grpc_health_v1.Health_WatchServer) error {
	ctx, err := outgoing(down.Context())
	if err != nil {
		return err
	}
	updates := make(chan grpc_health_v1.HealthCheckResponse_ServingStatus)
	go h.follow(ctx, req, updates)
	last := grpc_health_v1.HealthCheckResponse_ServingStatus(-1)
	for {
		select {
		case <-ctx.Done():
			return fault.FromServer(ctx.Err()).Err()
		case <-h.draining:
			_ = down.Send(&grpc_health_v1.HealthCheckResponse{Status: grpc_health_v1.HealthCheckResponse_NOT_SERVING}) // fails where the caller is gone
			return fault.New(pb.Reason_REASON_DRAINING, "this replica is shutting down; retry elsewhere").Err()
		case now := <-updates:
			if now == last {
				continue
			}
			if err := down.Send(&grpc_health_v1.HealthCheckResponse{Status: now}); err != nil {
				return err
			}
			last = now
		}
	}
}

// follow sends the server's word on a service until ctx ends.
func (h *Service) follow(ctx context.Context, req *grpc_health_v1.HealthCheckRequest, updates chan<- grpc_health_v1.HealthCheckResponse_ServingStatus) {
	tell := func(s grpc_health_v1.HealthCheckResponse_ServingStatus) {
		select {
		case updates <- s:
		case <-ctx.Done():
		}
	}
	for ctx.Err() == nil {
		h.followOnce(ctx, req, tell)
		tell(grpc_health_v1.HealthCheckResponse_NOT_SERVING)
		select {
		case <-time.After(probeEvery):
		case <-ctx.Done():
		}
	}
}

func (h *Service) followOnce(ctx context.Context, req *grpc_health_v1.HealthCheckRequest, tell func(grpc_health_v1.HealthCheckResponse_ServingStatus)) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	up, err := h.server.Watch(ctx, req)
	for err == nil {
		var reply *grpc_health_v1.HealthCheckResponse
		if reply, err = up.Recv(); err == nil {
			tell(reply.GetStatus())
		}
	}
}

func outgoing(ctx context.Context) (context.Context, error) {
	in, _ := metadata.FromIncomingContext(ctx)
	md, refused := upstream.Metadata(in, upstream.Caller(ctx))
	if refused != nil {
		return nil, refused.Err()
	}
	return metadata.NewOutgoingContext(ctx, md), nil
}
