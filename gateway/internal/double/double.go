// Package double is a server for the gateway's tests: real gRPC with the real generated interfaces, behaving as the caller's lead names
// ask. It stands for the wire behaviour of the server behind the gateway, not for its work.
package double

import (
	"context"
	"io"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
)

// Server is one double. Its fields tell what reached it.
type Server struct {
	pb.UnimplementedLeadServiceServer
	pb.UnimplementedTriageServiceServer
	pb.UnimplementedEngageServiceServer
	pb.UnimplementedModelServiceServer
	pb.UnimplementedAuditServiceServer
	pb.UnimplementedSystemServiceServer

	Address string
	Health  *health.Server
	Calls   atomic.Int64 // RPCs that reached it
	Visits  atomic.Int64 // RecordMessageLink that it answered
	Ended   chan error   // why the context of a "slow" call ended

	Held chan struct{} // leads/held is answered once it is closed
	Gate chan struct{} // ImportLeads takes a chunk for each token; nil: at once

	mu      sync.Mutex
	chunks  []*pb.ImportLeadsRequest
	model   []byte
	update  *pb.UpdateLeadRequest
	created *pb.CreateLeadRequest
	report  *pb.ReceiveDeliveryEventsRequest
	grpc    *grpc.Server
}

// Start serves on a free loopback port until the test ends.
func Start(t testing.TB, options ...grpc.ServerOption) *Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, l, l.Addr().String(), options)
}

// StartUnix serves on a unix socket.
func StartUnix(t testing.TB) *Server {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, l, "unix:"+path, nil)
}

// Again serves at the address of one that was stopped.
func (s *Server) Again(t testing.TB) *Server {
	t.Helper()
	l, err := net.Listen("tcp", s.Address)
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, l, s.Address, nil)
}

func serve(t testing.TB, l net.Listener, address string, options []grpc.ServerOption) *Server {
	s := &Server{Address: address, Health: health.NewServer(), Ended: make(chan error, 16)}
	s.grpc = grpc.NewServer(append(options,
		grpc.MaxRecvMsgSize(8<<20), // so that it is the gateway's limit that is tested
		grpc.UnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			s.Calls.Add(1)
			return next(ctx, req)
		}),
		grpc.StreamInterceptor(func(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			s.Calls.Add(1)
			return next(srv, ss)
		}),
	)...)
	pb.RegisterLeadServiceServer(s.grpc, s)
	pb.RegisterTriageServiceServer(s.grpc, s)
	pb.RegisterEngageServiceServer(s.grpc, s)
	pb.RegisterModelServiceServer(s.grpc, s)
	pb.RegisterAuditServiceServer(s.grpc, s)
	pb.RegisterSystemServiceServer(s.grpc, s)
	grpc_health_v1.RegisterHealthServer(s.grpc, s.Health)
	go func() { _ = s.grpc.Serve(l) }()
	t.Cleanup(s.grpc.Stop)
	return s
}

// Stop ends it before the test does.
func (s *Server) Stop() {
	s.grpc.Stop()
}

// NotFound is the error for leads/missing, with every kind of detail the API uses.
func NotFound() *status.Status {
	st, err := status.New(codes.NotFound, "no such lead").WithDetails(
		&errdetails.ErrorInfo{Reason: "LEAD_NOT_FOUND", Domain: "marketing.v1", Metadata: map[string]string{"b": "2", "a": "1"}},
		&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: "name", Description: "names no lead"}}},
	)
	if err != nil {
		panic(err)
	}
	return st
}

// RawDetails are status details of leads/raw: a google.rpc.Status as no Go program would write it, its message before its code and a
// field that Status does not have. Whoever decodes and encodes it again changes it.
var RawDetails = []byte("\x12\x03raw\x08\x05\x1a\x04\x0a\x02a/\xf8\x07\x01")

func overloaded() error {
	st, err := status.New(codes.ResourceExhausted, "busy").WithDetails(
		&errdetails.ErrorInfo{Reason: "OVERLOADED", Domain: "marketing.v1"},
		&errdetails.RetryInfo{RetryDelay: durationpb.New(1500 * time.Millisecond)},
	)
	if err != nil {
		panic(err)
	}
	return st.Err()
}

func unauthenticated() error {
	st, err := status.New(codes.Unauthenticated, "no valid token").WithDetails(&errdetails.ErrorInfo{Reason: "TOKEN", Domain: "marketing.v1"})
	if err != nil {
		panic(err)
	}
	return st.Err()
}

// GetLead behaves by name. Where it answers, the attributes are the metadata that arrived.
func (s *Server) GetLead(ctx context.Context, req *pb.GetLeadRequest) (*pb.Lead, error) {
	_ = grpc.SetHeader(ctx, metadata.Pairs("x-double", "header"))
	_ = grpc.SetTrailer(ctx, metadata.Pairs("x-double", "trailer", "x-bytes-bin", "\x00\xff"))
	switch strings.TrimPrefix(req.GetName(), "leads/") {
	case "missing":
		return nil, NotFound().Err()
	case "raw":
		_ = grpc.SetTrailer(ctx, metadata.Pairs("grpc-status-details-bin", string(RawDetails)))
		return nil, status.Error(codes.NotFound, "raw")
	case "busy":
		return nil, overloaded()
	case "barred":
		return nil, unauthenticated()
	case "broken":
		return nil, status.Error(codes.Internal, "pointer 0xdeadbeef is bad")
	case "slow":
		<-ctx.Done()
		s.Ended <- ctx.Err()
		return nil, status.FromContextError(ctx.Err()).Err()
	case "held":
		<-s.Held
	case "bare":
		return nil, status.Error(codes.FailedPrecondition, "no details")
	}
	lead := &pb.Lead{Name: req.GetName(), Attributes: map[string]string{}}
	in, _ := metadata.FromIncomingContext(ctx)
	for k, v := range in {
		lead.Attributes[k] = strings.Join(v, "|")
	}
	if d, ok := ctx.Deadline(); ok {
		lead.Attributes["deadline-ms"] = strconv.FormatInt(time.Until(d).Milliseconds(), 10)
	}
	return lead, nil
}

func (s *Server) CreateLead(_ context.Context, req *pb.CreateLeadRequest) (*pb.Lead, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.created = req
	return req.GetLead(), nil
}

func (s *Server) UpdateLead(_ context.Context, req *pb.UpdateLeadRequest) (*pb.Lead, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.update = req
	return req.GetLead(), nil
}

func (s *Server) DeleteLead(context.Context, *pb.DeleteLeadRequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

func (s *Server) ListLeads(_ context.Context, req *pb.ListLeadsRequest) (*pb.ListLeadsResponse, error) {
	return &pb.ListLeadsResponse{NextPageToken: strconv.Itoa(int(req.GetPageSize())) + req.GetFilter()}, nil
}

// Updated is the last UpdateLead request.
func (s *Server) Updated() *pb.UpdateLeadRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.update
}

// Created is the last CreateLead request.
func (s *Server) Created() *pb.CreateLeadRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.created
}

// TriageLead answers with the lead's name as the decision's reason.
func (s *Server) TriageLead(_ context.Context, req *pb.TriageLeadRequest) (*pb.TriageLeadResponse, error) {
	return &pb.TriageLeadResponse{Lead: req.GetLead().GetName(), Decision: &pb.Decision{Reason: req.GetRequestId()}}, nil
}

// StreamTriage answers row by row. A row with the correlation id "fail" ends the stream with an error, "bad" is refused alone, and
// "stop" stops reading until the caller is gone.
func (s *Server) StreamTriage(ss pb.TriageService_StreamTriageServer) error {
	for {
		row, err := ss.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			s.Ended <- err
			return err
		}
		reply := &pb.StreamTriageResponse{CorrelationId: row.GetCorrelationId(), Result: &pb.TriageResult{Lead: row.GetLead().GetName()}}
		switch row.GetCorrelationId() {
		case "fail":
			return NotFound().Err()
		case "bad":
			reply.Result.Status = &pb.RowStatus{Code: int32(codes.InvalidArgument), Reason: "FIELD_INVALID"}
		case "stop":
			<-ss.Context().Done()
			s.Ended <- ss.Context().Err()
			return nil
		}
		if err := ss.Send(reply); err != nil {
			return err
		}
	}
}

// ImportLeads keeps its chunks. A spec with the id "refused" fails at once.
func (s *Server) ImportLeads(ss pb.LeadService_ImportLeadsServer) error {
	reply := &pb.LeadImport{State: pb.LeadImport_STATE_DONE}
	for {
		if s.Gate != nil {
			select {
			case <-s.Gate:
			case <-ss.Context().Done():
			}
		}
		m, err := ss.Recv()
		if err == io.EOF {
			return ss.SendAndClose(reply)
		}
		if err != nil {
			s.Ended <- err
			return err
		}
		if m.GetSpec().GetImportId() == "refused" {
			return NotFound().Err()
		}
		if id := m.GetSpec().GetImportId(); id != "" {
			reply.Name = "leadImports/" + id
		}
		reply.CommittedBytes = m.GetOffset() + int64(len(m.GetContent()))
		s.mu.Lock()
		s.chunks = append(s.chunks, m)
		s.mu.Unlock()
	}
}

// Chunks are those that ImportLeads took.
func (s *Server) Chunks() []*pb.ImportLeadsRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*pb.ImportLeadsRequest(nil), s.chunks...)
}

// ImportModel keeps the file.
func (s *Server) ImportModel(ss pb.ModelService_ImportModelServer) error {
	reply := &pb.ModelVersion{State: pb.ModelVersion_STATE_IMPORTED}
	for {
		m, err := ss.Recv()
		if err == io.EOF {
			s.mu.Lock()
			reply.FileBytes = int64(len(s.model))
			s.mu.Unlock()
			return ss.SendAndClose(reply)
		}
		if err != nil {
			return err
		}
		if m.GetModelId() != "" {
			reply.Name = "models/" + m.GetModelId() + "/versions/" + m.GetVersionId()
			if m.GetPromote() {
				reply.State = pb.ModelVersion_STATE_PROMOTED
			}
		}
		s.mu.Lock()
		s.model = append(s.model, m.GetContent()...)
		s.mu.Unlock()
	}
}

func (s *Server) GetSystemStatus(context.Context, *pb.GetSystemStatusRequest) (*pb.SystemStatus, error) {
	return &pb.SystemStatus{Version: "double", Serving: true}, nil
}

// ResolveMessageLink knows every token.
func (s *Server) ResolveMessageLink(_ context.Context, r *pb.ResolveMessageLinkRequest) (*pb.ResolveMessageLinkResponse, error) {
	return &pb.ResolveMessageLinkResponse{Url: "https://shop.example/?of=" + r.Token}, nil
}

// UnsubscribeByLink does not answer.
func (s *Server) UnsubscribeByLink(ctx context.Context, _ *pb.UnsubscribeByLinkRequest) (*pb.UnsubscribeByLinkResponse, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// WatchMessages sends one message once Held is closed.
func (s *Server) WatchMessages(_ *pb.WatchMessagesRequest, ss pb.EngageService_WatchMessagesServer) error {
	select {
	case <-s.Held:
		return ss.Send(&pb.WatchMessagesResponse{})
	case <-ss.Context().Done():
		return ss.Context().Err()
	}
}

// RecordMessageLink counts, and does not answer for the token "stuck".
func (s *Server) RecordMessageLink(ctx context.Context, r *pb.RecordMessageLinkRequest) (*pb.RecordMessageLinkResponse, error) {
	if r.Token == "stuck" {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	s.Visits.Add(1)
	return &pb.RecordMessageLinkResponse{}, nil
}

// ReceiveDeliveryEvents takes a report that is signed "good".
func (s *Server) ReceiveDeliveryEvents(_ context.Context, r *pb.ReceiveDeliveryEventsRequest) (*pb.ReceiveDeliveryEventsResponse, error) {
	if r.Signature != "good" {
		return nil, status.Error(codes.Unauthenticated, "no")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.report = r
	return &pb.ReceiveDeliveryEventsResponse{RecordedCount: 1}, nil
}

// Report is the last report taken.
func (s *Server) Report() *pb.ReceiveDeliveryEventsRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.report
}
