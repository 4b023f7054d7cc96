package rest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/gateway/internal/fault"
	"github.com/marketing-agents/marketing/gateway/internal/upstream"
)

const (
	ndjson      = "application/x-ndjson"
	lineTimeout = 60 * time.Second // between two lines, as long as the server waits for a message
	rowsAhead   = 256              // rows under way; a reader that stops makes the sender wait
)

// rowStream is one POST /v1/leads:streamTriage: lines of JSON in, one line out for each, in order.
type rowStream struct {
	server  *Server
	w       http.ResponseWriter
	r       *http.Request
	control *http.ResponseController
	up      pb.TriageService_StreamTriageClient
	rows    chan *pb.StreamTriageResponse // in order: a row answered here, or nil for one that the server answers
	ended   chan *status.Status           // once: why no more lines are read, nil at their end
	began   bool                          // a line was written
}

// streamTriage reads and answers at the same time. A line that is no JSON of a row is answered by its status and does not end the stream;
// neither does a row that the server refuses.
func (s *Server) streamTriage(w http.ResponseWriter, r *http.Request, _ map[string]string) {
	control := http.NewResponseController(w)
	_ = control.EnableFullDuplex() // HTTP/2 always is
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	up, err := s.triage.StreamTriage(ctx)
	if err != nil {
		s.failed(w, r, err)
		return
	}
	t := &rowStream{
		server: s, w: w, r: r, control: control, up: up,
		rows: make(chan *pb.StreamTriageResponse, rowsAhead), ended: make(chan *status.Status, 1),
	}
	w.Header().Set("Content-Type", ndjson)
	// Waking the reader may end HTTP/1's watch over the connection, after which every later call on it would count as cancelled.
	w.Header().Set("Connection", "close")
	go t.read(ctx)
	if st := t.write(); st != nil {
		cancel()
		t.end(st)
		_ = control.SetReadDeadline(time.Now()) // wakes the reader
	}
	for range t.rows { // until the reader has left the body, which is net/http's again when this returns
	}
}

// read sends each line on. It closes rows when it ends.
func (t *rowStream) read(ctx context.Context) {
	defer close(t.rows)
	lines := bufio.NewScanner(t.r.Body)
	lines.Buffer(make([]byte, 0, 64<<10), upstream.MaxMessage)
	for t.more(ctx, lines) {
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		row := new(pb.StreamTriageRequest)
		var answer *pb.StreamTriageResponse
		if err := fromJSON.Unmarshal(line, row); err != nil {
			answer = refuseRow(bodyFault(line, "", err.Error()))
		}
		select {
		case t.rows <- answer:
		case <-ctx.Done():
			t.ended <- nil
			return
		}
		if answer == nil && t.up.Send(row) != nil {
			t.ended <- nil // the call ended; write learns why
			return
		}
	}
	t.ended <- t.stop(lines.Err())
}

// more reads the next line under a deadline, which is taken off again: HTTP/2 ends a body when one passes, whether or not it is being read.
func (t *rowStream) more(ctx context.Context, lines *bufio.Scanner) bool {
	_ = t.control.SetReadDeadline(time.Now().Add(lineTimeout))
	defer func() { _ = t.control.SetReadDeadline(time.Time{}) }()
	return ctx.Err() == nil && lines.Scan() // streamTriage cancels before it wakes us: if that was before our deadline was set, it is seen here
}

// stop half-closes the call at the end of the lines; lines that broke off end the stream with an error instead.
func (t *rowStream) stop(err error) *status.Status {
	switch {
	case err == nil:
		_ = t.up.CloseSend() // always nil
		return nil
	case errors.Is(err, bufio.ErrTooLong):
		return fault.New(pb.Reason_REASON_REQUEST_TOO_LARGE, "a line is longer than %d bytes", upstream.MaxMessage)
	default:
		return bodyLost(err)
	}
}

// write answers the rows in their order, until the lines end or the call does.
func (t *rowStream) write() *status.Status {
	for answer := range t.rows {
		if answer == nil {
			var err error
			if answer, err = t.up.Recv(); err != nil {
				return t.server.fromServer(callOf(t.r.Context()), err)
			}
		}
		if err := t.line(answer); err != nil {
			return fault.New(pb.Reason_REASON_CALL_CANCELLED, "the caller hung up")
		}
	}
	if st := <-t.ended; st != nil {
		return st
	}
	_, err := t.up.Recv()
	if errors.Is(err, io.EOF) {
		return nil
	}
	return t.server.fromServer(callOf(t.r.Context()), err)
}

func (t *rowStream) line(m proto.Message) error {
	out, err := toJSON.Marshal(m)
	if err != nil {
		return err
	}
	t.began = true
	if _, err = t.w.Write(append(out, '\n')); err != nil {
		return err
	}
	if len(t.rows) > 0 {
		return nil // more follows at once
	}
	return t.control.Flush()
}

// end says why the stream broke off: as the answer where none was begun, else as its last line.
func (t *rowStream) end(st *status.Status) {
	if !t.began {
		t.server.fail(t.w, t.r, st)
		return
	}
	callOf(t.r.Context()).code = fault.CodeName(st.Code())
	_, _ = t.w.Write(append(fault.JSON(st), '\n')) // whoever hung up needs no answer
	_ = t.control.Flush()
}

// refuseRow answers one row that is not sent on, in the form in which the server refuses rows.
func refuseRow(st *status.Status) *pb.StreamTriageResponse {
	row := &pb.RowStatus{Code: int32(st.Code()), Reason: fault.Reason(st), Message: st.Message()}
	for _, d := range st.Details() {
		if bad, ok := d.(*errdetails.BadRequest); ok {
			for _, v := range bad.GetFieldViolations() {
				row.Violations = append(row.Violations, &pb.FieldViolation{Field: v.GetField(), Description: v.GetDescription()})
			}
		}
	}
	return &pb.StreamTriageResponse{Result: &pb.TriageResult{Status: row}}
}
