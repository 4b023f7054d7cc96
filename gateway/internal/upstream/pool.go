// Package upstream calls the server behind the gateway: over as many connections as the load needs, with only that metadata which
// the server is meant to see.
package upstream

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
)

const (
	// MaxMessage bounds one message, either way. The server has the same limit.
	MaxMessage = 4 << 20
	// A connection that carries this many calls is joined by another one: the server takes 100 streams a connection, and calls over
	// that would wait inside the client, without an error and behind streams that may last for days.
	callsPerConn = 64
)

// Pool is a grpc.ClientConnInterface over one or more connections to one server.
type Pool struct {
	target string
	dial   []grpc.DialOption
	most   int

	mu    sync.Mutex
	conns []*conn
}

type conn struct {
	*grpc.ClientConn
	calls atomic.Int64
}

// NewPool makes a pool for "host:port" or "unix:/path" of at most `most` connections. It does not connect; the first call does.
func NewPool(address string, creds credentials.TransportCredentials, most int) (*Pool, error) {
	if creds == nil {
		creds = insecure.NewCredentials()
	}
	target := address
	if !strings.HasPrefix(address, "unix:") {
		target = "dns:///" + address
	}
	p := &Pool{target: target, most: most, dial: []grpc.DialOption{
		grpc.WithTransportCredentials(creds),
		grpc.WithNoProxy(),
		grpc.WithDisableServiceConfig(),
		grpc.WithDisableRetry(),
		// A restarted server is found again within a second.
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second},
			MinConnectTimeout: 2 * time.Second,
		}),
		// Fixed windows: what a slow reader leaves unread stays with the server, not here.
		grpc.WithStaticStreamWindowSize(64 << 10),
		grpc.WithStaticConnWindowSize(1 << 20),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(MaxMessage), grpc.MaxCallSendMsgSize(MaxMessage)),
	}}
	first, err := p.open()
	if err != nil {
		return nil, fmt.Errorf("upstream %s: %w", address, err)
	}
	p.conns = []*conn{first}
	return p, nil
}

func (p *Pool) open() (*conn, error) {
	c, err := grpc.NewClient(p.target, p.dial...)
	if err != nil {
		return nil, err
	}
	return &conn{ClientConn: c}, nil
}

// acquire picks the connection with the fewest calls and opens another one where even that one is busy.
func (p *Pool) acquire() *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	least := p.conns[0]
	for _, c := range p.conns[1:] {
		if c.calls.Load() < least.calls.Load() {
			least = c
		}
	}
	if least.calls.Load() >= callsPerConn && len(p.conns) < p.most {
		if more, err := p.open(); err == nil {
			p.conns = append(p.conns, more)
			least = more
		}
	}
	least.calls.Add(1)
	return least
}

// Invoke makes a unary call.
func (p *Pool) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	c := p.acquire()
	defer c.calls.Add(-1)
	return c.ClientConn.Invoke(ctx, method, args, reply, opts...)
}

// NewStream opens a stream. It counts as under way until ctx ends, so ctx must end with the call.
func (p *Pool) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	c := p.acquire()
	context.AfterFunc(ctx, func() { c.calls.Add(-1) })
	return c.ClientConn.NewStream(ctx, desc, method, opts...)
}

// Conns is the number of connections open.
func (p *Pool) Conns() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.conns)
}

// Close ends all calls and connections.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		_ = c.Close()
	}
}

// Probe asks the server for its health over a connection of its own: a server that serves its old connections may still be unable to
// accept new ones, and only a new one shows that. Where it succeeds, calls reach the server from then on.
func (p *Pool) Probe(ctx context.Context) (grpc_health_v1.HealthCheckResponse_ServingStatus, error) {
	c, err := p.open()
	if err != nil {
		return grpc_health_v1.HealthCheckResponse_UNKNOWN, err
	}
	defer c.Close()
	reply, err := grpc_health_v1.NewHealthClient(c).Check(ctx, &grpc_health_v1.HealthCheckRequest{})
	if err != nil {
		return grpc_health_v1.HealthCheckResponse_UNKNOWN, err
	}
	p.reconnect(ctx)
	return reply.GetStatus(), nil
}

// reconnect has connections that wait after a failure try at once, and waits for them: the server is there.
func (p *Pool) reconnect(ctx context.Context) {
	p.mu.Lock()
	conns := slices.Clone(p.conns)
	p.mu.Unlock()
	for _, c := range conns {
		if c.GetState() == connectivity.TransientFailure {
			c.ResetConnectBackoff()
			c.WaitForStateChange(ctx, connectivity.TransientFailure)
		}
	}
}
