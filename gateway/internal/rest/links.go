package rest

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/gateway/internal/fault"
)

// picture is a GIF of one transparent pixel.
var picture = []byte("GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;")

// follow: GET /c/{token}. Where the link leads is in the link, so whoever follows it goes on at once, whether or not it can be recorded.
func (s *Server) follow(w http.ResponseWriter, r *http.Request, in map[string]string) {
	link, err := s.engage.ResolveMessageLink(r.Context(), &pb.ResolveMessageLinkRequest{Token: in["token"]})
	if err != nil {
		s.failed(w, r, err)
		return
	}
	w.Header().Set("Location", link.Url)
	w.Header().Set("X-Robots-Tag", "noindex, nofollow")
	s.answerAndRecord(w, r, http.StatusFound, nil, in["token"])
}

// opened: GET /o/{token}.gif. The picture comes whatever the link is worth: a mail that shows a broken one looks broken.
func (s *Server) opened(w http.ResponseWriter, r *http.Request, in map[string]string) {
	w.Header().Set("Content-Type", "image/gif")
	w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
	s.answerAndRecord(w, r, http.StatusOK, picture, strings.TrimSuffix(in["token"], ".gif"))
}

// looksAhead tells whether a program asks before a person does, as far as it says so.
func looksAhead(r *http.Request) bool {
	for _, name := range []string{"Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"} {
		if strings.Contains(strings.ToLower(r.Header.Get(name)), "prefetch") {
			return true
		}
	}
	return callOf(r.Context()).head
}

// answerAndRecord has the answer on its way before it asks the server to record the visit, which outlasts whoever hangs up.
func (s *Server) answerAndRecord(w http.ResponseWriter, r *http.Request, code int, body []byte, token string) {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(code)
	_, _ = w.Write(body) // whoever hung up needs no answer
	_ = http.NewResponseController(w).Flush()
	if looksAhead(r) {
		return
	}
	_, err := s.engage.RecordMessageLink(context.WithoutCancel(r.Context()), &pb.RecordMessageLinkRequest{Token: token})
	if err == nil || status.Code(err) == codes.NotFound {
		return
	}
	s.visitsLost.Add(1)
	slog.Warn("link_visit_lost", "code", fault.CodeName(status.Code(err)), "request", callOf(r.Context()).id)
}
