package e2e

import (
	"net/http"
	"testing"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/house"
	"github.com/marketing-agents/marketing/tests/e2e/want"
	"google.golang.org/grpc/codes"
)

// What pages in a browser can do to the system, and what they cannot.
func TestPagesAndTheGateway(t *testing.T) {
	const page, evil = "Origin: https://app.example.com", "Origin: https://evil.example"
	h := house.New(t, house.Options{Gateway: true, TLS: true, GatewayArgs: []string{"--cors-origins", "https://app.example.com"}})
	lead := []byte(`{"email": "page@browser.example"}`)
	call := func(method, path string, body []byte, headers ...string) *house.Answer {
		t.Helper()
		a, err := h.REST(method, path, body, headers...)
		want.OK(t, err)
		for name, value := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "Set-Cookie": "",
			"Cross-Origin-Resource-Policy": "same-origin", "Strict-Transport-Security": "max-age=31536000", "Access-Control-Allow-Credentials": "",
		} {
			want.Equal(t, method+" "+path+": "+name, a.Header.Get(name), value)
		}
		return a
	}
	reason := func(a *house.Answer) string {
		t.Helper()
		p, err := a.Problem()
		want.OK(t, err)
		return p.Error.Reason
	}
	leads := func() int {
		t.Helper()
		list, err := h.Leads().ListLeads(t.Context(), &pb.ListLeadsRequest{})
		want.OK(t, err)
		return len(list.Leads)
	}

	a := call("POST", "/v1/leads?lead_id=page", lead, evil, "Sec-Fetch-Site: cross-site")
	want.Equal(t, "code of a foreign page's change", a.Code, http.StatusForbidden)
	want.Equal(t, "reason", reason(a), "ORIGIN_REFUSED")
	want.Equal(t, "leads after it", leads(), 0)
	a = call("GET", "/v1/leads", nil, evil)
	want.Equal(t, "code of a foreign page's question", a.Code, http.StatusOK)
	want.Equal(t, "who may read the answer", a.Header.Get("Access-Control-Allow-Origin"), "")

	a = call("OPTIONS", "/v1/leads", nil, page, "Access-Control-Request-Method: POST")
	want.Equal(t, "who may call", a.Header.Get("Access-Control-Allow-Origin"), "https://app.example.com")
	a = call("POST", "/v1/leads?lead_id=page", lead, page, "Sec-Fetch-Site: cross-site")
	want.Equal(t, "code of an allowed page's change", a.Code, http.StatusOK)
	want.Equal(t, "leads after it", leads(), 1)

	// A page cannot borrow what a browser keeps: only the authorization header counts.
	for _, headers := range [][]string{{"Authorization: "}, {"Authorization: ", "Cookie: authorization=Bearer " + h.Token}, {"Authorization: Basic " + h.Token}} {
		a = call("GET", "/v1/leads", nil, headers...)
		want.Equal(t, "code without a bearer", a.Code, http.StatusUnauthorized)
		want.Equal(t, "what is asked for", a.Header.Get("WWW-Authenticate"), "Bearer")
		_ = reason(a)
	}
	_, err := pb.NewLeadServiceClient(h.GatewayConn()).ListLeads(house.As(t.Context(), "nobody's"), &pb.ListLeadsRequest{})
	want.Equal(t, "code over gRPC", want.Code(err), codes.Unauthenticated)
}
