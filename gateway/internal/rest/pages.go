package rest

import (
	"encoding/json"
	"net/http"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/docs/api"
	"github.com/marketing-agents/marketing/gateway/internal/fault"
)

const front = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Marketing</title></head><body>
<h1>Marketing</h1>
<p>This is the REST edge. The gRPC edge is on a port of its own.</p>
<ul>
<li><a href="/openapi.json">OpenAPI</a>: every path, with its fields and errors</li>
<li><a href="/health">Health</a></li>
<li><a href="/metrics">Metrics of this gateway</a></li>
</ul>
<p>Everything else asks for a credential, e.g. <code>/v1/systemStatus</code>.</p>
</body></html>
`

func (s *Server) index(w http.ResponseWriter, _ *http.Request, _ map[string]string) {
	page(w, "text/html; charset=utf-8", []byte(front))
}

func (s *Server) openAPI(w http.ResponseWriter, _ *http.Request, _ map[string]string) {
	page(w, "application/json", api.OpenAPI)
}

// page answers with bytes that are made already.
func page(w http.ResponseWriter, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	_, _ = w.Write(body) // whoever hung up needs no answer
}

func (s *Server) metricsText(w http.ResponseWriter, _ *http.Request, _ map[string]string) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_ = s.Metrics.WriteText(w) // fails only where the reader is gone
}

type healthReply struct {
	Status  string        `json:"status"`
	Gateway gatewayHealth `json:"gateway"`
	Server  serverHealth  `json:"server"`
}

type gatewayHealth struct {
	Status        string `json:"status"`
	Version       string `json:"version"`
	UptimeSeconds int64  `json:"uptime_seconds"`
}

type serverHealth struct {
	Status string `json:"status"`
}

func (s *Server) gatewayHealth() gatewayHealth {
	h := gatewayHealth{Status: "SERVING", Version: s.Version, UptimeSeconds: int64(time.Since(s.started).Seconds())}
	if s.Health.Draining() {
		h.Status = "NOT_SERVING"
	}
	return h
}

// health tells whether calls are answered here: 200 where gateway and server both serve, else 503.
func (s *Server) health(w http.ResponseWriter, r *http.Request, _ map[string]string) {
	reply := healthReply{
		Status:  "SERVING",
		Gateway: s.gatewayHealth(),
		Server:  serverHealth{s.Health.Server(r.Context()).String()},
	}
	code := http.StatusOK
	if reply.Gateway.Status != "SERVING" || reply.Server.Status != grpc_health_v1.HealthCheckResponse_SERVING.String() {
		reply.Status, code = "NOT_SERVING", http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "1")
		callOf(r.Context()).code = fault.CodeName(codes.Unavailable)
	}
	s.json(w, r, code, reply)
}

// live tells that this process answers, whatever the server does: restarting the gateway would not mend the server.
func (s *Server) live(w http.ResponseWriter, r *http.Request, _ map[string]string) {
	s.json(w, r, http.StatusOK, s.gatewayHealth())
}

func (s *Server) json(w http.ResponseWriter, r *http.Request, code int, v any) {
	out, err := json.Marshal(v)
	if err != nil {
		s.fail(w, r, fault.New(pb.Reason_REASON_INTERNAL, "the reply cannot be shown as JSON"))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(append(out, '\n')) // whoever hung up needs no answer
}
