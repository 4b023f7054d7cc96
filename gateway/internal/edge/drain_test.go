package edge_test

import (
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
)

func TestDrainLetsCallsFinish(t *testing.T) {
	s := start(t, "--drain-delay", "1", "--drain-timeout", "10")
	leads := pb.NewLeadServiceClient(s.conn)
	if _, err := leads.GetLead(within(t, 5*time.Second), &pb.GetLeadRequest{Name: "leads/a"}); err != nil {
		t.Fatal(err)
	}
	var calls sync.WaitGroup
	calls.Add(2)
	go func() {
		defer calls.Done()
		if _, err := leads.GetLead(within(t, 9*time.Second), &pb.GetLeadRequest{Name: "leads/sleep-2000"}); err != nil {
			t.Errorf("gRPC call under way: %v", err)
		}
	}()
	go func() {
		defer calls.Done()
		if a := s.call("GET", "/v1/leads/sleep-2000", ""); a.StatusCode != 200 {
			t.Errorf("REST call under way: %d %s", a.StatusCode, a.body)
		}
	}()
	time.Sleep(200 * time.Millisecond)
	drained := make(chan bool, 1)
	go func() { drained <- s.edge.Drain() }()
	time.Sleep(200 * time.Millisecond)
	// Health fails first, while calls are still taken.
	if a := s.call("GET", "/health", ""); a.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("health while draining: %d %s", a.StatusCode, a.body)
	}
	reply, err := grpc_health_v1.NewHealthClient(s.conn).Check(within(t, 5*time.Second), &grpc_health_v1.HealthCheckRequest{})
	if err != nil || reply.GetStatus() != grpc_health_v1.HealthCheckResponse_NOT_SERVING {
		t.Errorf("gRPC health while draining: %v %v", reply, err)
	}
	if a := s.call("GET", "/v1/leads/a", ""); a.StatusCode != 200 {
		t.Errorf("a call in the delay: %d", a.StatusCode)
	}
	calls.Wait()
	select {
	case clean := <-drained:
		if !clean {
			t.Error("calls were cut")
		}
	case <-time.After(5 * time.Second):
		t.Fatal("the drain does not end")
	}
	if c, err := net.Dial("tcp", s.edge.HTTPAddress()); err == nil {
		c.Close()
		t.Error("still listening")
	}
}

func TestDrainCutsWhatDoesNotEnd(t *testing.T) {
	s := start(t, "--drain-timeout", "1")
	failed := make(chan error, 1)
	go func() {
		_, err := pb.NewLeadServiceClient(s.conn).GetLead(within(t, 20*time.Second), &pb.GetLeadRequest{Name: "leads/slow"})
		failed <- err
	}()
	time.Sleep(200 * time.Millisecond)
	began := time.Now()
	if s.edge.Drain() {
		t.Error("reported as clean")
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("took %v", took)
	}
	if err := <-failed; status.Code(err) != codes.Unavailable && status.Code(err) != codes.Canceled {
		t.Errorf("the call that was cut: %v", err)
	}
}

func TestConnectionLimit(t *testing.T) {
	s := start(t, "--max-connections", "3")
	var held []net.Conn
	for range 3 {
		c, err := net.Dial("tcp", s.edge.HTTPAddress())
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, c)
	}
	time.Sleep(100 * time.Millisecond)
	c, err := net.Dial("tcp", s.edge.HTTPAddress())
	if err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(2 * time.Second))
	if _, err := c.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("one too many is %v, want it closed", err)
	}
	for _, c := range held {
		_ = c.Close()
	}
	time.Sleep(100 * time.Millisecond)
	if a := s.call("GET", "/health/live", ""); a.StatusCode != 200 {
		t.Errorf("after they left: %d", a.StatusCode)
	}
}

// A caller that never ends its headers is cut within the header timeout and holds nobody else up.
func TestSlowHeaders(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 10 s")
	}
	t.Parallel()
	s := start(t)
	c, err := net.Dial("tcp", s.edge.HTTPAddress())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err = io.WriteString(c, "GET /health/live HTTP/1.1\r\nHost: localhost\r\nX-A: "); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	_ = c.SetReadDeadline(began.Add(15 * time.Second))
	if _, err = io.ReadAll(c); err != nil {
		t.Errorf("after %v: %v", time.Since(began), err)
	}
}
