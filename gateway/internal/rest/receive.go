package rest

import (
	"context"
	"io"
	"net/http"
	"time"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
)

const maxReport = 1 << 20 // bytes; the server's own limit too

// receive: POST /v1/workspaces/{workspace}/channels/{channel}/events:receive, what a provider reports. The body goes to the server as it came,
// since it is what was signed.
func (s *Server) receive(w http.ResponseWriter, r *http.Request, in map[string]string) {
	if refused := contentType(r, "application/json"); refused != nil {
		s.fail(w, r, refused)
		return
	}
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(bodyTimeout))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxReport))
	if err != nil {
		s.fail(w, r, bodyLost(err))
		return
	}
	_ = control.SetReadDeadline(time.Time{})
	ctx, cancel := context.WithTimeout(r.Context(), s.CallTimeout)
	defer cancel()
	reply, err := s.engage.ReceiveDeliveryEvents(ctx, &pb.ReceiveDeliveryEventsRequest{Workspace: "workspaces/" + in["workspace"],
		Channel: "channels/" + in["channel"], Signature: r.Header.Get("Marketing-Signature"), Body: body})
	if err != nil {
		s.fail(w, r, s.fromServer(callOf(r.Context()), err))
		return
	}
	s.reply(w, r, reply)
}
