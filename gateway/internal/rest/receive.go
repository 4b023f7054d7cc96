package rest

import (
	"io"
	"net/http"
	"time"

	"google.golang.org/grpc/status"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
)

const maxReport = 1 << 20 // bytes; the server's own limit too

// receive: POST /v1/workspaces/{workspace}/channels/{channel}/events:receive, what a provider reports. The body goes to the server as it came,
// since it is what was signed.
func (s *Server) receive(w http.ResponseWriter, r *http.Request, in map[string]string) {
	body, refused := readReport(w, r, "application/json")
	if refused != nil {
		s.fail(w, r, refused)
		return
	}
	reply, err := s.engage.ReceiveDeliveryEvents(r.Context(), &pb.ReceiveDeliveryEventsRequest{Workspace: "workspaces/" + in["workspace"],
		Channel: "channels/" + in["channel"], Signature: r.Header.Get("Marketing-Signature"), Body: body})
	if err != nil {
		s.fail(w, r, s.fromServer(callOf(r.Context()), err))
		return
	}
	s.reply(w, r, reply)
}

// uploadMail: POST /v1/mailReports:upload, a mail as it came -> IngestMailReport. It is what a mailbox's pipe calls.
func (s *Server) uploadMail(w http.ResponseWriter, r *http.Request, _ map[string]string) {
	mail, refused := readReport(w, r, "message/rfc822")
	if refused != nil {
		s.fail(w, r, refused)
		return
	}
	reply, err := s.engage.IngestMailReport(r.Context(), &pb.IngestMailReportRequest{Mail: mail})
	if err != nil {
		s.fail(w, r, s.fromServer(callOf(r.Context()), err))
		return
	}
	s.reply(w, r, reply)
}

// readReport reads a body of this media type to its end.
func readReport(w http.ResponseWriter, r *http.Request, media string) ([]byte, *status.Status) {
	if refused := contentType(r, media); refused != nil {
		return nil, refused
	}
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(bodyTimeout))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxReport))
	if err != nil {
		return nil, bodyLost(err)
	}
	_ = control.SetReadDeadline(time.Time{}) // the rest of the call has its own limits
	return body, nil
}
