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
	s := start(t, "--drain-delay", "5", "--drain-timeout", "60")
	s.server.Held = make(chan struct{})
	leads := pb.NewLeadServiceClient(s.conn)
	var calls sync.WaitGroup
	calls.Go(func() {
		if _, err := leads.GetLead(within(t, patience), &pb.GetLeadRequest{Name: "leads/held"}); err != nil {
			t.Errorf("gRPC call under way: %v", err)
		}
	})
	calls.Go(func() {
		if a := s.call("GET", "/v1/leads/held", ""); a.StatusCode != 200 {
			t.Errorf("REST call under way: %d %s", a.StatusCode, a.body)
		}
	})
	s.reached(2)
	drained := make(chan bool, 1)
	go func() { drained <- s.edge.Drain() }()
	// Health fails first, while calls are still taken.
	eventually(t, "health fails", func() bool { return s.call("GET", "/health", "").StatusCode == http.StatusServiceUnavailable })
	reply, err := grpc_health_v1.NewHealthClient(s.conn).Check(within(t, patience), &grpc_health_v1.HealthCheckRequest{})
	if err != nil || reply.GetStatus() != grpc_health_v1.HealthCheckResponse_NOT_SERVING {
		t.Errorf("gRPC health while draining: %v %v", reply, err)
	}
	if a := s.call("GET", "/v1/leads/a", ""); a.StatusCode != 200 {
		t.Errorf("a call in the delay: %d", a.StatusCode)
	}
	eventually(t, "it listens no more", func() bool {
		c, err := net.Dial("tcp", s.edge.HTTPAddress())
		if err == nil {
			_ = c.Close()
		}
		return err != nil
	})
	close(s.server.Held)
	calls.Wait()
	if !<-drained {
		t.Error("calls were cut")
	}
}

func TestDrainCutsWhatDoesNotEnd(t *testing.T) {
	s := start(t, "--drain-timeout", "1")
	failed := make(chan error, 1)
	go func() {
		_, err := pb.NewLeadServiceClient(s.conn).GetLead(within(t, patience), &pb.GetLeadRequest{Name: "leads/slow"})
		failed <- err
	}()
	s.reached(1)
	began := time.Now()
	if s.edge.Drain() {
		t.Error("reported as clean")
	}
	if took := time.Since(began); took > 30*time.Second {
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
		c := s.dial(s.edge.HTTPAddress())
		held = append(held, c)
	}
	c := s.dial(s.edge.HTTPAddress()) // taken after the others, for they stand in a line
	if _, err := c.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("one too many is %v, want it closed", err)
	}
	for _, c := range held {
		_ = c.Close()
	}
	eventually(t, "another one is served after they left", func() bool {
		res, err := http.Get(s.url + "/health/live")
		if err == nil {
			_ = res.Body.Close()
		}
		return err == nil && res.StatusCode == 200
	})
}

// A caller that never ends its headers is cut within the header timeout and holds nobody else up.
func TestSlowHeaders(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 10 s")
	}
	t.Parallel()
	s := start(t)
	c := s.dial(s.edge.HTTPAddress())
	if _, err := io.WriteString(c, "GET /health/live HTTP/1.1\r\nHost: localhost\r\nX-A: "); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	_ = c.SetReadDeadline(began.Add(patience))
	if _, err := io.ReadAll(c); err != nil {
		t.Errorf("after %v: %v", time.Since(began), err)
	}
}
