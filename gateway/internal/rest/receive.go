package rest

import (
	"net/http"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
)

const maxReport = 1 << 20 // bytes; the server's own limit too

// receive: POST /v1/workspaces/{workspace}/channels/{channel}/events:receive, what a provider reports. The body goes to the server as it came,
// since it is what was signed.
func (s *Server) receive(w http.ResponseWriter, r *http.Request, in map[string]string) {
	body, refused := readBody(w, r, maxReport)
	if refused != nil {
		s.fail(w, r, refused)
		return
	}
	reply, err := s.engage.ReceiveDeliveryEvents(r.Context(), &pb.ReceiveDeliveryEventsRequest{Workspace: "workspaces/" + in["workspace"],
		Channel: "channels/" + in["channel"], Signature: r.Header.Get("Marketing-Signature"), Body: body})
	s.answer(w, r, reply, err)
}

// uploadMail: POST /v1/mailReports:upload, a mail as it came -> IngestMailReport. It is what a mailbox's pipe calls.
func (s *Server) uploadMail(w http.ResponseWriter, r *http.Request, _ map[string]string) {
	mail, refused := readBody(w, r, maxReport)
	if refused != nil {
		s.fail(w, r, refused)
		return
	}
	reply, err := s.engage.IngestMailReport(r.Context(), &pb.IngestMailReportRequest{Mail: mail})
	s.answer(w, r, reply, err)
}
