package house

import (
	"context"
	"fmt"
	"time"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// Dial makes a connection of the caller's own to one of the house's addresses. Calls carry the house's credential.
func (h *House) Dial(address string, more ...grpc.DialOption) (*grpc.ClientConn, error) {
	return grpc.NewClient("passthrough:///"+address, append(more, grpc.WithTransportCredentials(h.credentials()), grpc.WithPerRPCCredentials(bearer{h}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64<<20), grpc.MaxCallSendMsgSize(64<<20)))...)
}

// Conn is the house's own connection to the C server; made at first use and after each restart.
func (h *House) Conn() *grpc.ClientConn { return h.conn(h.Address) }

// GatewayConn is the same through the gateway.
func (h *House) GatewayConn() *grpc.ClientConn { return h.conn(h.GatewayGRPC) }

func (h *House) conn(address string) *grpc.ClientConn {
	h.mu.Lock()
	defer h.mu.Unlock()
	if c := h.conns[address]; c != nil {
		return c
	}
	c, err := h.Dial(address)
	if err != nil {
		panic(fmt.Sprintf("dialling %s: %v", address, err)) // only a malformed address makes NewClient fail
	}
	h.conns[address] = c
	return c
}

// hangUp closes the house's connections, so that the next call meets the next server and no back-off.
func (h *House) hangUp() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for address, c := range h.conns {
		_ = c.Close()
		delete(h.conns, address)
	}
}

// Leads is a client of LeadService.
func (h *House) Leads() pb.LeadServiceClient { return pb.NewLeadServiceClient(h.Conn()) }

// Triage is a client of TriageService.
func (h *House) Triage() pb.TriageServiceClient { return pb.NewTriageServiceClient(h.Conn()) }

// Models is a client of ModelService.
func (h *House) Models() pb.ModelServiceClient { return pb.NewModelServiceClient(h.Conn()) }

// Engage is a client of EngageService.
func (h *House) Engage() pb.EngageServiceClient { return pb.NewEngageServiceClient(h.Conn()) }

// Auth is a client of AuthService.
func (h *House) Auth() pb.AuthServiceClient { return pb.NewAuthServiceClient(h.Conn()) }

// Audit is a client of AuditService.
func (h *House) Audit() pb.AuditServiceClient { return pb.NewAuditServiceClient(h.Conn()) }

// System is a client of SystemService.
func (h *House) System() pb.SystemServiceClient { return pb.NewSystemServiceClient(h.Conn()) }

// Health is a client of grpc.health.v1.
func (h *House) Health() healthpb.HealthClient { return healthpb.NewHealthClient(h.Conn()) }

// waitServing waits until the address answers SERVING, the process ends or patience does.
func (h *House) waitServing(address string, p *process) error {
	limit := time.Now().Add(patience)
	for {
		err := h.serving(address)
		if err == nil {
			return nil
		}
		if p.ended() {
			return fmt.Errorf("%s ended at its start: %v\n%s%s", p.cmd.Path, p.err, tail(h.Log(), 20), tail(h.GatewayLog(), 20))
		}
		if time.Now().After(limit) {
			return fmt.Errorf("%s does not serve on %s: %w\n%s", p.cmd.Path, address, err, tail(h.Log(), 20))
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (h *House) serving(address string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	c, err := h.Dial(address)
	if err != nil {
		return err
	}
	defer c.Close()
	reply, err := healthpb.NewHealthClient(c).Check(ctx, &healthpb.HealthCheckRequest{})
	if err == nil && reply.Status != healthpb.HealthCheckResponse_SERVING {
		err = fmt.Errorf("health says %v", reply.Status)
	}
	return err
}
