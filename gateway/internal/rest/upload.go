package rest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/gateway/internal/fault"
)

const (
	chunkSize     = 256 << 10        // bytes of a file in one message
	chunkTimeout  = 60 * time.Second // for a chunk to arrive: 4 kB/s at least
	maxModelBytes = 64 << 20
)

// chunks reads a body and hands it on piece by piece. It reads the next piece when send has taken the last, so a server that is busy makes
// the uploader wait. It returns nil only at the body's true end.
func chunks(w http.ResponseWriter, r *http.Request, limit int64, send func(at int64, piece []byte) error) (error, *status.Status) {
	control := http.NewResponseController(w)
	body := http.MaxBytesReader(w, r.Body, limit)
	piece := make([]byte, chunkSize)
	for at := int64(0); ; {
		_ = control.SetReadDeadline(time.Now().Add(chunkTimeout))
		n, err := fill(body, piece)
		if err == nil || errors.Is(err, io.EOF) { // sending has no deadline; what broke off keeps its own, or net/http would wait for the rest
			_ = control.SetReadDeadline(time.Time{})
		}
		if n > 0 || at == 0 {
			if failed := send(at, piece[:n]); failed != nil {
				return failed, nil
			}
			at += int64(n)
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil, nil
		case err != nil:
			return nil, bodyLost(err)
		}
	}
}

// fill reads until buf is full. Unlike io.ReadFull it tells a body that ended (io.EOF) from one that was cut off (anything else).
func fill(r io.Reader, buf []byte) (n int, err error) {
	for n < len(buf) && err == nil {
		var m int
		m, err = r.Read(buf[n:])
		n += m
	}
	return n, err
}

// uploadLeads: POST /v1/leadImports/{import}:upload, a CSV file -> ImportLeads.
func (s *Server) uploadLeads(w http.ResponseWriter, r *http.Request, in map[string]string) {
	spec, offset, refused := importSpec(in["import"], r.URL.Query())
	if refused == nil {
		refused = contentType(r, "text/csv")
	}
	if refused != nil {
		s.fail(w, r, refused)
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	stream, err := s.leads.ImportLeads(ctx)
	if err != nil {
		s.fail(w, r, s.fromServer(callOf(ctx), err))
		return
	}
	failed, refused := chunks(w, r, s.MaxUpload, func(at int64, piece []byte) error {
		m := &pb.ImportLeadsRequest{Offset: offset + at, Content: piece}
		if at == 0 {
			m.Spec = spec
		}
		return stream.Send(m)
	})
	finish(s, w, r, failed, refused, cancel, stream.CloseAndRecv)
}

// uploadModel: POST /v1/models/{model}/versions:upload, a model file -> ImportModel.
func (s *Server) uploadModel(w http.ResponseWriter, r *http.Request, in map[string]string) {
	first, refused := modelSpec(in["model"], r.URL.Query())
	if refused == nil {
		refused = contentType(r, "application/octet-stream")
	}
	if refused != nil {
		s.fail(w, r, refused)
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	stream, err := s.models.ImportModel(ctx)
	if err != nil {
		s.fail(w, r, s.fromServer(callOf(ctx), err))
		return
	}
	failed, refused := chunks(w, r, maxModelBytes, func(at int64, piece []byte) error {
		m := &pb.ImportModelRequest{}
		if at == 0 {
			m = first
		}
		m.Content = piece
		return stream.Send(m)
	})
	finish(s, w, r, failed, refused, cancel, stream.CloseAndRecv)
}

// finish ends an upload. A body that was cut off cancels the call: half-closing it would tell the server that the file is complete.
func finish[Reply proto.Message](s *Server, w http.ResponseWriter, r *http.Request, failed error, refused *status.Status,
	cancel context.CancelFunc, closeAndRecv func() (Reply, error)) {
	if refused != nil {
		cancel()
		w.Header().Set("Connection", "close")
		s.fail(w, r, refused)
		return
	}
	reply, err := closeAndRecv() // after a failed send this is where the cause is
	if err != nil {
		if failed != nil {
			w.Header().Set("Connection", "close") // the rest of the body is not read
		}
		s.fail(w, r, s.fromServer(callOf(r.Context()), err))
		return
	}
	s.reply(w, r, reply)
}

// reply answers with one message.
func (s *Server) reply(w http.ResponseWriter, r *http.Request, m proto.Message) {
	out, err := toJSON.Marshal(m)
	if err != nil {
		s.fail(w, r, fault.New(pb.Reason_REASON_INTERNAL, "the reply cannot be shown as JSON"))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(out) // whoever hung up needs no answer
}

// importSpec reads what to import and how from path and query.
func importSpec(id string, query url.Values) (*pb.LeadImportSpec, int64, *status.Status) {
	spec := &pb.LeadImportSpec{ImportId: id, Columns: map[string]string{}}
	if st := only(query, "columns", "separator", "triage", "offset"); st != nil {
		return nil, 0, st
	}
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
	if st := only(query, "version_id", "promote"); st != nil {
		return nil, st
	}
	promote, st := boolean(query, "promote")
	return &pb.ImportModelRequest{ModelId: id, VersionId: query.Get("version_id"), Promote: promote}, st
}

// only refuses query parameters that are not named.
func only(query url.Values, names ...string) *status.Status {
	for name, values := range query {
		if !slices.Contains(names, name) {
			return fault.Field(pb.Reason_REASON_FIELD_INVALID, name, "this path takes no such query parameter")
		}
		if name != "columns" && len(values) > 1 {
			return fault.Field(pb.Reason_REASON_FIELD_INVALID, name, "is given %d times", len(values))
		}
	}
	return nil
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
