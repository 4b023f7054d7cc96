package load

import (
	"context"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// counter is a real gRPC server that counts its calls.
type counter struct {
	healthpb.UnimplementedHealthServer
	calls atomic.Int64
	wait  time.Duration
	fail  bool
}

func (c *counter) Check(_ context.Context, r *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	c.calls.Add(1)
	time.Sleep(c.wait)
	if c.fail || r.Service == "" {
		return nil, status.Error(codes.NotFound, "asked to fail")
	}
	return &healthpb.HealthCheckResponse{Status: healthpb.HealthCheckResponse_SERVING}, nil
}

func serve(t *testing.T, c *counter) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer(grpc.MaxConcurrentStreams(20))
	healthpb.RegisterHealthServer(s, c)
	go func() { _ = s.Serve(l) }()
	t.Cleanup(s.Stop)
	return l.Addr().String()
}

func plan(address string) Plan {
	return Plan{Address: address, Method: "/grpc.health.v1.Health/Check", Connections: 2, Concurrent: 30, Duration: time.Second,
		Maker: func(int) Maker { return func(into []byte) []byte { return append(into, 0x0a, 1, 'x') } }}
}

func TestAClosedLoopCountsEveryCall(t *testing.T) {
	c := &counter{wait: time.Millisecond}
	r, err := Run(plan(serve(t, c)))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Err(); err != nil || int64(r.Calls) != c.calls.Load() || r.Calls < 2*30 {
		t.Fatalf("%d calls answered, the server saw %d: %v", r.Calls, c.calls.Load(), err)
	}
	mean := 30 * r.Elapsed / time.Duration(r.Calls) // where 30 are always under way; half of them take no longer than twice that
	if p := r.Percentile(0.5); p < time.Millisecond || p > 2*mean || r.Percentile(0.99) < p {
		t.Fatalf("median %v, 99th percentile %v of calls that take 1 ms, %v on the mean", p, r.Percentile(0.99), mean)
	}
}

// Where the machine stands still at the end, the last calls are due too late.
func TestAnOpenLoopKeepsItsRate(t *testing.T) {
	c := &counter{}
	p := plan(serve(t, c))
	p.Rate = 500
	r, err := Run(p)
	if err != nil {
		t.Fatal(err)
	}
	if r.Calls+r.Left != 500 || r.Calls == 0 || int64(r.Calls) != c.calls.Load() {
		t.Fatalf("%d calls in a second at 500 a second and %d that came too late; the server saw %d", r.Calls, r.Left, c.calls.Load())
	}
}

// A server that takes 50 ms and 20 calls a connection at once answers at most 800 a second. At 2,000 due a second the calls wait, the n-th of a
// connection 1.5 n ms at least, and their latency says so.
func TestAnOpenLoopCountsWaiting(t *testing.T) {
	p := plan(serve(t, &counter{wait: 50 * time.Millisecond}))
	p.Rate = 2000
	r, err := Run(p)
	if err != nil {
		t.Fatal(err)
	}
	if bound := time.Duration(r.Calls/2) * time.Millisecond; r.Percentile(0.9) < bound {
		t.Fatalf("90th percentile %v of %d calls, of which every tenth waits %v: the wait before a call begins is not counted", r.Percentile(0.9), r.Calls, bound)
	}
}

func TestRefusedCallsAreErrors(t *testing.T) {
	r, err := Run(plan(serve(t, &counter{fail: true})))
	if err != nil {
		t.Fatal(err)
	}
	if r.Err() == nil || r.Calls != 0 || r.Refused["grpc-status 5"] == 0 {
		t.Fatalf("refused: %v", r.Refused)
	}
}

// used is the processor time of this process by another clock than the one under test.
func used(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func TestCPUIsThatOfTheTree(t *testing.T) {
	before, err := CPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for began := used(t); used(t)-began < 200*time.Millisecond; {
	}
	after, err := CPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if got := after - before; got < 170*time.Millisecond || got > 400*time.Millisecond {
		t.Fatalf("200 ms of work count as %v", got)
	}
	if Resident(os.Getpid()) < 1<<20 || Proportional(os.Getpid()) < 1<<20 {
		t.Fatal("this process seems to hold no memory")
	}
	if _, err := CPU(1 << 30); err == nil {
		t.Fatal("a process that is not there has a processor time")
	}
}

func TestFdatasyncTakesTime(t *testing.T) {
	p50, p99, err := Fdatasync(t.TempDir())
	if err != nil || p50 <= 0 || p99 < p50 {
		t.Fatalf("median %v, 99th percentile %v: %v", p50, p99, err)
	}
}
