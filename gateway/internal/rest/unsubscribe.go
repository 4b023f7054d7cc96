package rest

import (
	"net/http"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
)

const (
	unsubscribePage = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Unsubscribe</title></head><body>
<h1>No more of these messages?</h1>
<form method="post"><button>Unsubscribe</button></form>
</body></html>
`
	unsubscribedPage = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Unsubscribed</title></head><body>
<h1>You are unsubscribed.</h1>
</body></html>
`
	maxUnsubscribeBody = 4096
)

// askToUnsubscribe: GET /u/{token}. It changes nothing, since programs that look at mails follow their links.
func (s *Server) askToUnsubscribe(w http.ResponseWriter, _ *http.Request, _ map[string]string) {
	w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'")
	page(w, "text/html; charset=utf-8", []byte(unsubscribePage))
}

// unsubscribe: POST /u/{token}, by a mail program (RFC 8058) or the page above. What the body says does not matter; the link is the credential.
func (s *Server) unsubscribe(w http.ResponseWriter, r *http.Request, in map[string]string) {
	_, _ = readBody(w, r, maxUnsubscribeBody)
	if _, err := s.engage.UnsubscribeByLink(r.Context(), &pb.UnsubscribeByLinkRequest{Token: in["token"]}); err != nil {
		s.failed(w, r, err)
		return
	}
	page(w, "text/html; charset=utf-8", []byte(unsubscribedPage))
}
