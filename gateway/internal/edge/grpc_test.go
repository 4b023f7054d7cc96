package edge_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/gateway/internal/double"
)

func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

func reasonOf(err error) string {
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok {
			return info.GetReason()
		}
	}
	return ""
}

func TestUnaryKeepsHeadersAndTrailers(t *testing.T) {
	s := start(t)
	var header, trailer metadata.MD
	lead, err := pb.NewLeadServiceClient(s.conn).GetLead(within(t, patience), &pb.GetLeadRequest{Name: "leads/a"},
		grpc.Header(&header), grpc.Trailer(&trailer))
	if err != nil || lead.GetName() != "leads/a" {
		t.Fatal(lead, err)
	}
	if got := header.Get("x-double"); len(got) != 1 || got[0] != "header" {
		t.Errorf("header %v", header)
	}
	if got := trailer.Get("x-double"); len(got) != 1 || got[0] != "trailer" {
		t.Errorf("trailer %v", trailer)
	}
	if got := trailer.Get("x-bytes-bin"); len(got) != 1 || got[0] != "\x00\xff" {
		t.Errorf("binary trailer %q", got)
	}
	if id := header.Get("x-request-id"); len(id) != 1 || id[0] != lead.GetAttributes()["x-request-id"] {
		t.Errorf("request id %v in the answer, %q at the server", id, lead.GetAttributes()["x-request-id"])
	}
}

func TestErrorDetailsAreKeptToTheByte(t *testing.T) {
	s := start(t)
	var trailer metadata.MD
	_, err := pb.NewLeadServiceClient(s.conn).GetLead(within(t, patience), &pb.GetLeadRequest{Name: "leads/missing"}, grpc.Trailer(&trailer))
	if status.Code(err) != codes.NotFound || status.Convert(err).Message() != "no such lead" || reasonOf(err) != "LEAD_NOT_FOUND" {
		t.Fatalf("%v", err)
	}
	want := double.NotFound().Details()
	for i, d := range status.Convert(err).Details() { // one by one: a map in a detail marshals in any order
		if i >= len(want) || !proto.Equal(d.(proto.Message), want[i].(proto.Message)) {
			t.Errorf("detail %d differs from the server's: %v", i, d)
		}
	}
	trailer = nil
	_, err = pb.NewLeadServiceClient(s.conn).GetLead(within(t, patience), &pb.GetLeadRequest{Name: "leads/raw"}, grpc.Trailer(&trailer))
	if status.Code(err) != codes.NotFound {
		t.Fatal(err)
	}
	if got := trailer.Get("grpc-status-details-bin"); len(got) != 1 || got[0] != string(double.RawDetails) {
		t.Errorf("%q, the server sent %q", got, double.RawDetails)
	}
}

func TestErrorsMadeOnTheWayAreExplained(t *testing.T) {
	s := start(t)
	leads := pb.NewLeadServiceClient(s.conn)
	_, err := leads.GetLead(within(t, patience), &pb.GetLeadRequest{Name: "leads/broken"})
	if status.Code(err) != codes.Internal || reasonOf(err) != "INTERNAL" || strings.Contains(err.Error(), "0xdeadbeef") {
		t.Errorf("inner text shown: %v", err)
	}
	_, err = leads.GetLead(within(t, patience), &pb.GetLeadRequest{Name: "leads/bare"})
	if status.Code(err) != codes.FailedPrecondition || status.Convert(err).Message() != "no details" {
		t.Errorf("a plain status was changed: %v", err)
	}
	err = s.conn.Invoke(within(t, patience), "/marketing.v1.LeadService/Nope", &pb.Lead{}, &pb.Lead{})
	if status.Code(err) != codes.Unimplemented {
		t.Errorf("unknown method: %v", err)
	}
	s.server.Stop()
	_, err = leads.GetLead(within(t, patience), &pb.GetLeadRequest{Name: "leads/a"})
	if status.Code(err) != codes.Unavailable || reasonOf(err) != "SERVER_UNREACHABLE" || strings.Contains(err.Error(), "dial") {
		t.Errorf("server away: %v", err)
	}
}

func TestMetadataIsAnAllowList(t *testing.T) {
	s := start(t)
	ctx := metadata.AppendToOutgoingContext(within(t, patience),
		"authorization", "Bearer x", "x-workspace", "w1", "traceparent", "00-1", "x-request-id", "mine-1",
		"x-secret", "no", "evil-bin", "\x00\x01", "x-forwarded-for", "1.2.3.4")
	lead, err := pb.NewLeadServiceClient(s.conn).GetLead(ctx, &pb.GetLeadRequest{Name: "leads/a"})
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"authorization": "Bearer x", "x-workspace": "w1", "traceparent": "00-1", "x-request-id": "mine-1",
		"x-secret": "", "evil-bin": "", "x-forwarded-for": "127.0.0.1",
	} {
		if got := lead.GetAttributes()[key]; got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
}

func TestMetadataLimits(t *testing.T) {
	s := start(t)
	leads := pb.NewLeadServiceClient(s.conn)
	req := &pb.GetLeadRequest{Name: "leads/a"}
	_, err := leads.GetLead(metadata.AppendToOutgoingContext(within(t, patience), "x-long", strings.Repeat("a", 9000)), req)
	if status.Code(err) != codes.ResourceExhausted || reasonOf(err) != "METADATA_TOO_LARGE" {
		t.Errorf("9 kB: %v", err)
	}
	_, err = leads.GetLead(metadata.AppendToOutgoingContext(within(t, patience), "authorization", "a", "authorization", "b"), req)
	if status.Code(err) != codes.InvalidArgument || reasonOf(err) != "METADATA_INVALID" {
		t.Errorf("two tokens: %v", err)
	}
	_, err = leads.GetLead(metadata.AppendToOutgoingContext(within(t, patience), "x-long", strings.Repeat("a", 30000)), req)
	if err == nil {
		t.Error("30 kB passed")
	}
	if calls := s.server.Calls.Load(); calls != 0 {
		t.Errorf("%d refused calls reached the server", calls)
	}
	if _, err = leads.GetLead(within(t, patience), req); err != nil {
		t.Errorf("the next call: %v", err)
	}
}

func TestOversizedMessage(t *testing.T) {
	s := start(t)
	triage := pb.NewTriageServiceClient(s.conn)
	big := &pb.Lead{Name: "leads/a", Attributes: map[string]string{"x": strings.Repeat("a", 4<<20)}}
	_, err := triage.TriageLead(within(t, patience), &pb.TriageLeadRequest{Lead: big})
	if status.Code(err) != codes.ResourceExhausted || reasonOf(err) != "REQUEST_TOO_LARGE" {
		t.Errorf("first message: %v", err)
	}
	huge := &pb.Lead{Attributes: map[string]string{"x": strings.Repeat("a", 16<<20)}}
	if _, err = triage.TriageLead(within(t, patience), &pb.TriageLeadRequest{Lead: huge}); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("16 MiB: %v", err)
	}
	stream, err := triage.StreamTriage(within(t, patience))
	if err != nil {
		t.Fatal(err)
	}
	if err = stream.Send(&pb.StreamTriageRequest{CorrelationId: "1"}); err != nil {
		t.Fatal(err)
	}
	if _, err = stream.Recv(); err != nil {
		t.Fatal(err)
	}
	_ = stream.Send(&pb.StreamTriageRequest{Lead: big})
	if _, err = stream.Recv(); status.Code(err) != codes.ResourceExhausted || reasonOf(err) != "REQUEST_TOO_LARGE" {
		t.Errorf("later message: %v", err)
	}
	if _, err = triage.TriageLead(within(t, patience), &pb.TriageLeadRequest{}); err != nil {
		t.Errorf("the next call: %v", err)
	}
}

func TestCompressionIsRefused(t *testing.T) {
	if encoding.GetCompressor("gzip") != nil {
		t.Fatal("a compressor is linked into the gateway")
	}
	s := start(t)
	// The frame is written by hand: registering a compressor for the client would register it for the gateway too.
	l := s.dial(s.edge.GRPCAddress())
	res := rawCall(t, l, "/marketing.v1.LeadService/GetLead", "gzip", append([]byte{1, 0, 0, 0, 4}, "bomb"...))
	if res["grpc-status"] != "12" {
		t.Errorf("compressed message: %v", res)
	}
	if s.server.Calls.Load() != 0 {
		t.Error("it reached the server")
	}
}

func TestClientStream(t *testing.T) {
	s := start(t)
	stream, err := pb.NewLeadServiceClient(s.conn).ImportLeads(within(t, patience))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		m := &pb.ImportLeadsRequest{Offset: int64(i), Content: []byte{byte(i)}}
		if i == 0 {
			m.Spec = &pb.LeadImportSpec{ImportId: "i1"}
		}
		if err = stream.Send(m); err != nil {
			t.Fatal(err)
		}
	}
	reply, err := stream.CloseAndRecv()
	if err != nil || reply.GetCommittedBytes() != 5 || len(s.server.Chunks()) != 5 {
		t.Fatal(reply, err)
	}
	stream, err = pb.NewLeadServiceClient(s.conn).ImportLeads(within(t, patience))
	if err != nil {
		t.Fatal(err)
	}
	if reply, err = stream.CloseAndRecv(); err != nil || reply.GetState() != pb.LeadImport_STATE_DONE {
		t.Errorf("half-close without a message: %v %v", reply, err)
	}
}

func TestBidiInOrderAndEarlyEnd(t *testing.T) {
	s := start(t)
	stream, err := pb.NewTriageServiceClient(s.conn).StreamTriage(within(t, patience))
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"a", "b", "c"} {
		if err = stream.Send(&pb.StreamTriageRequest{CorrelationId: id}); err != nil {
			t.Fatal(err)
		}
		reply, err := stream.Recv()
		if err != nil || reply.GetCorrelationId() != id {
			t.Fatal(reply, err)
		}
	}
	if err = stream.Send(&pb.StreamTriageRequest{CorrelationId: "fail"}); err != nil {
		t.Fatal(err)
	}
	if _, err = stream.Recv(); reasonOf(err) != "LEAD_NOT_FOUND" {
		t.Errorf("end by the server: %v", err)
	}
}

func TestBackPressure(t *testing.T) {
	s := start(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stream, err := pb.NewTriageServiceClient(s.conn).StreamTriage(ctx)
	if err != nil {
		t.Fatal(err)
	}
	sent := make(chan int, 1)
	go func() { // the server stops reading at once; what flow control lets through is bounded
		n := 0
		row := &pb.StreamTriageRequest{CorrelationId: "stop", Lead: &pb.Lead{Attributes: map[string]string{"x": strings.Repeat("a", 1000)}}}
		for stream.Send(row) == nil {
			n++
		}
		sent <- n
	}()
	s.reached(1)
	time.Sleep(500 * time.Millisecond)
	cancel()
	if n := <-sent; n > 2000 {
		t.Errorf("%d messages of 1 kB were taken for a server that does not read", n)
	}
	select {
	case err := <-s.server.Ended:
		if err == nil {
			t.Error("the server's stream ended without a cause")
		}
	case <-time.After(patience):
		t.Error("the cancellation did not reach the server")
	}
}

func TestDeadlineAndCancellation(t *testing.T) {
	s := start(t)
	leads := pb.NewLeadServiceClient(s.conn)
	lead, err := leads.GetLead(within(t, 7*time.Second), &pb.GetLeadRequest{Name: "leads/a"})
	if err != nil || len(lead.GetAttributes()["deadline-ms"]) != 4 || lead.GetAttributes()["deadline-ms"] > "7000" {
		t.Errorf("deadline of 7 s arrived as %q ms (%v)", lead.GetAttributes()["deadline-ms"], err)
	}
	began := time.Now()
	_, err = leads.GetLead(within(t, 3*time.Second), &pb.GetLeadRequest{Name: "leads/slow"})
	if status.Code(err) != codes.DeadlineExceeded || time.Since(began) > patience/2 {
		t.Errorf("%v after %v", err, time.Since(began))
	}
	s.ended("deadline")
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		s.reached(3)
		cancel()
	}()
	if _, err = leads.GetLead(ctx, &pb.GetLeadRequest{Name: "leads/slow"}); status.Code(err) != codes.Canceled {
		t.Error(err)
	}
	s.ended("cancellation")
}

// ended waits until the server has seen a call end.
func (s *system) ended(by string) {
	s.t.Helper()
	select {
	case <-s.server.Ended:
	case <-time.After(patience):
		s.t.Errorf("the %s did not reach the server", by)
	}
}

func TestManyStreamsDoNotStarveCalls(t *testing.T) {
	s := start(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for range 90 { // held open by the server
		stream, err := pb.NewTriageServiceClient(s.conn).StreamTriage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if err = stream.Send(&pb.StreamTriageRequest{CorrelationId: "stop"}); err != nil {
			t.Fatal(err)
		}
	}
	for range 20 {
		if _, err := pb.NewLeadServiceClient(s.conn).GetLead(within(t, patience), &pb.GetLeadRequest{Name: "leads/a"}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestHealthAtTheEdge(t *testing.T) {
	s := start(t)
	client := grpc_health_v1.NewHealthClient(s.conn)
	reply, err := client.Check(within(t, patience), &grpc_health_v1.HealthCheckRequest{})
	if err != nil || reply.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
		t.Fatal(reply, err)
	}
	if _, err = client.Check(within(t, patience), &grpc_health_v1.HealthCheckRequest{Service: "nope"}); status.Code(err) != codes.NotFound {
		t.Errorf("unknown service: %v", err)
	}
	watch, err := client.Watch(within(t, patience), &grpc_health_v1.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	next := func(want grpc_health_v1.HealthCheckResponse_ServingStatus) {
		t.Helper()
		if reply, err := watch.Recv(); err != nil || reply.GetStatus() != want {
			t.Fatalf("%v %v, want %v", reply, err, want)
		}
	}
	next(grpc_health_v1.HealthCheckResponse_SERVING)
	s.server.Health.SetServingStatus("", grpc_health_v1.HealthCheckResponse_NOT_SERVING)
	next(grpc_health_v1.HealthCheckResponse_NOT_SERVING)
	s.server.Health.SetServingStatus("", grpc_health_v1.HealthCheckResponse_SERVING)
	next(grpc_health_v1.HealthCheckResponse_SERVING)
	go s.edge.Drain()
	next(grpc_health_v1.HealthCheckResponse_NOT_SERVING)
	if _, err = watch.Recv(); reasonOf(err) != "DRAINING" {
		t.Errorf("end of the watch: %v", err)
	}
}
