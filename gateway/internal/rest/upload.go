package rest

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/gateway/internal/fault"
)

const maxModelBytes = 64 << 20

// uploadLeads: POST /v1/leadImports/{import}:upload, a CSV file -> ImportLeads.
func (s *Server) uploadLeads(w http.ResponseWriter, r *http.Request, in map[string]string) {
	spec, offset, refused := importSpec(in["import"], r.URL.Query())
	if refused != nil {
		s.fail(w, r, refused)
		return
	}
	upload(s, w, r, s.MaxUpload, s.leads.ImportLeads, func(at int64, piece []byte) *pb.ImportLeadsRequest {
		m := &pb.ImportLeadsRequest{Offset: offset + at, Content: piece}
		if at == 0 {
			m.Spec = spec
		}
		return m
	})
}

// uploadModel: POST /v1/models/{model}/versions:upload, a model file -> ImportModel.
func (s *Server) uploadModel(w http.ResponseWriter, r *http.Request, in map[string]string) {
	first, refused := modelSpec(in["model"], r.URL.Query())
	if refused != nil {
		s.fail(w, r, refused)
		return
	}
	upload(s, w, r, maxModelBytes, s.models.ImportModel, func(at int64, piece []byte) *pb.ImportModelRequest {
		m := &pb.ImportModelRequest{}
		if at == 0 {
			m = first
		}
		m.Content = piece
		return m
	})
}

// upload sends a body on, each chunk as a message of a client stream, and answers with the stream's reply. A body that was cut off cancels the
// call: half-closing it would tell the server that the file is complete.
func upload[Message, Reply any](s *Server, w http.ResponseWriter, r *http.Request, limit int64,
	open func(context.Context, ...grpc.CallOption) (grpc.ClientStreamingClient[Message, Reply], error), message func(at int64, piece []byte) *Message) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	stream, err := open(ctx)
	if err != nil {
		s.failed(w, r, err)
		return
	}
	failed, refused := chunks(w, r, limit, func(at int64, piece []byte) error { return stream.Send(message(at, piece)) })
	if failed != nil || refused != nil {
		w.Header().Set("Connection", "close") // the rest of the body is not read
	}
	if refused != nil {
		cancel()
		s.fail(w, r, refused)
		return
	}
	reply, err := stream.CloseAndRecv() // after a failed send this is where the cause is
	s.answer(w, r, any(reply).(proto.Message), err)
}

// importSpec reads what to import and how from path and query.
func importSpec(id string, query url.Values) (*pb.LeadImportSpec, int64, *status.Status) {
	spec := &pb.LeadImportSpec{ImportId: id, Columns: map[string]string{}}
	for _, entry := range query["columns"] {
		// Fields have no colon in their names, columns may.
		i := strings.LastIndexByte(entry, ':')
		if i < 1 || i == len(entry)-1 {
			return nil, 0, fault.Field(pb.Reason_REASON_FIELD_INVALID, "columns", "must be column:field, e.g. columns=E-Mail:email")
		}
		spec.Columns[entry[:i]] = entry[i+1:]
	}
	spec.Separator = query.Get("separator")
	var st *status.Status
	if spec.Triage, st = boolean(query, "triage"); st != nil {
		return nil, 0, st
	}
	if !query.Has("offset") {
		return spec, 0, nil
	}
	offset, err := strconv.ParseInt(query.Get("offset"), 10, 64)
	if err != nil || offset < 0 {
		return nil, 0, fault.Field(pb.Reason_REASON_FIELD_INVALID, "offset", "must be a number of bytes: the import's committed_bytes")
	}
	return spec, offset, nil
}

func modelSpec(id string, query url.Values) (*pb.ImportModelRequest, *status.Status) {
	promote, st := boolean(query, "promote")
	return &pb.ImportModelRequest{ModelId: id, VersionId: query.Get("version_id"), Promote: promote}, st
}

func boolean(query url.Values, name string) (bool, *status.Status) {
	switch query.Get(name) {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	}
	return false, fault.Field(pb.Reason_REASON_FIELD_INVALID, name, "must be true or false")
}
