package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/bank"
	"github.com/marketing-agents/marketing/tests/e2e/house"
	"github.com/marketing-agents/marketing/tests/e2e/want"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

var withGateway = house.Options{Gateway: true}

// rest makes a call that must be answered with 200, and reads the reply into the message.
func (s *story) rest(method, path, body string, into proto.Message, headers ...string) *house.Answer {
	s.Helper()
	a, err := s.h.REST(method, path, []byte(body), headers...)
	want.OK(s, err)
	if a.Code != http.StatusOK {
		s.Fatalf("%s %s: HTTP %d %s", method, path, a.Code, a.Body)
	}
	if into != nil {
		want.OK(s, protojson.Unmarshal(a.Body, into))
	}
	return a
}

// refusedREST checks the one error shape.
func (s *story) refusedREST(code int, status, reason, method, path, body string, headers ...string) *house.Problem {
	s.Helper()
	a, err := s.h.REST(method, path, []byte(body), headers...)
	want.OK(s, err)
	p, err := a.Problem()
	want.OK(s, err)
	if a.Code != code || p.Error.Code != code || p.Error.Status != status || p.Error.Reason != reason || p.Error.Message == "" {
		s.Fatalf("%s %s: HTTP %d %s, want %d %s %s", method, path, a.Code, a.Body, code, status, reason)
	}
	return p
}

func TestRESTServesLeads(t *testing.T) {
	tellWith(t, withGateway, func(s *story) {
		made := &pb.Lead{}
		s.rest("POST", "/v1/leads?lead_id=ann", `{"email": "ann@example.com", "attributes": {"age": "41"}}`, made)
		want.Equal(s, "name", made.Name, "leads/ann")
		got := &pb.Lead{}
		a := s.rest("GET", "/v1/leads/ann", "", got)
		want.Same(s, "lead read", got, s.get("leads/ann"))
		want.True(s, bytes.Contains(a.Body, []byte(`"create_time"`)), "fields are not named as in the proto: %s", a.Body)

		s.rest("PATCH", "/v1/leads/ann", `{"company": "Acme"}`, got)
		want.True(s, got.Company == "Acme" && got.Email == "ann@example.com" && got.Attributes["age"] == "41", "patched: %v", got)
		s.refusedREST(409, "ABORTED", "ETAG_MISMATCH", "PATCH", "/v1/leads/ann", fmt.Sprintf(`{"company": "B", "etag": %q}`, made.Etag))
		s.refusedREST(409, "ALREADY_EXISTS", "IDENTITY_TAKEN", "POST", "/v1/leads", `{"email": "ANN@example.com"}`)
		s.refusedREST(404, "NOT_FOUND", "LEAD_NOT_FOUND", "GET", "/v1/leads/none", "")
		p := s.refusedREST(400, "INVALID_ARGUMENT", "FIELD_INVALID", "POST", "/v1/leads", `{"email": "nonsense"}`)
		want.True(s, strings.Contains(fmt.Sprintf("%s", p.Error.Details), "lead.email"), "details: %s", p.Error.Details)
		s.refusedREST(400, "INVALID_ARGUMENT", "FIELD_INVALID", "POST", "/v1/leads", `{"emial": "a@b.example"}`)
		s.refusedREST(400, "INVALID_ARGUMENT", "FILTER_INVALID", "GET", "/v1/leads?filter=source+%3D", "")

		list := &pb.ListLeadsResponse{}
		s.rest("GET", "/v1/leads?page_size=10&filter=company+%3D+Acme", "", list)
		want.Equal(s, "leads listed", len(list.Leads), 1)
		ingested := &pb.IngestEventsResponse{}
		s.rest("POST", "/v1/leadEvents:ingest", `{"events": [{"event_id": "r-1", "lead": "leads/ann", "type": "page_view"}]}`, ingested)
		want.Equal(s, "events stored", ingested.StoredCount, 1)
		events := &pb.ListLeadEventsResponse{}
		s.rest("GET", "/v1/leads/ann/events", "", events)
		want.Equal(s, "events listed", len(events.Events), 1)
		outcome := &pb.Outcome{}
		s.rest("POST", "/v1/leads/ann/outcomes", `{"converted": true}`, outcome)
		want.Prefix(s, "outcome", outcome.Name, "leads/ann/outcomes/")
		s.rest("POST", "/v1/leads?lead_id=dup", `{"external_id": "dup"}`, nil)
		s.rest("POST", "/v1/leads/ann:merge", `{"duplicate": "leads/dup"}`, got)
		want.Equal(s, "merged", got.ExternalId, "dup")
		s.rest("DELETE", "/v1/leads/ann", "", nil)
		s.refusedREST(404, "NOT_FOUND", "LEAD_NOT_FOUND", "GET", "/v1/leads/dup", "")
	})
}

func TestRESTServesTriage(t *testing.T) {
	tellWith(t, withGateway, func(s *story) {
		body := `{"lead": {"email": "tri@example.com", "job_title": "CTO"}, "explain": true, "request_id": "rest-triage-1"}`
		reply := &pb.TriageLeadResponse{}
		first := s.rest("POST", "/v1/leads:triage", body, reply)
		again := s.rest("POST", "/v1/leads:triage", body, nil)
		want.Equal(s, "the same call again", string(again.Body), string(first.Body))
		s.refusedREST(400, "INVALID_ARGUMENT", "REQUEST_ID_REUSED", "POST", "/v1/leads:triage", strings.Replace(body, "CTO", "CEO", 1))
		viaHeader := s.rest("POST", "/api/agents/triage", strings.Replace(body, `, "request_id": "rest-triage-1"`, "", 1), nil, "Idempotency-Key: rest-triage-1")
		want.Equal(s, "the same call by the earlier path and header", string(viaHeader.Body), string(first.Body))

		decision := &pb.Decision{}
		s.rest("GET", "/v1/"+reply.Decision.Name, "", decision)
		want.Same(s, "decision", decision, s.decision(reply.Decision.Name, 0))
		full := &pb.Decision{}
		s.rest("GET", "/v1/"+reply.Decision.Name+"?view=DECISION_VIEW_FULL", "", full)
		want.Equal(s, "input", full.Inputs.GetFields()["job_title"], "CTO")
		explained := &pb.ExplainDecisionResponse{}
		s.rest("GET", "/v1/"+reply.Decision.Name+":explain?immutable_fields=job_title", "", explained)
		want.True(s, len(explained.Contributions) > 0, "no contributions")
		replayed := &pb.ReplayDecisionResponse{}
		s.rest("GET", "/v1/"+reply.Decision.Name+":replay", "", replayed)
		want.True(s, replayed.Identical, "replay differs: %v", replayed.Differences)
		overridden := &pb.Decision{}
		s.rest("POST", "/v1/"+reply.Decision.Name+":override", `{"category": "LEAD_CATEGORY_COLD_LEAD", "justification": "test"}`, overridden)
		want.Equal(s, "supersedes", overridden.Supersedes, reply.Decision.Name)
		score := &pb.ScoreLeadResponse{}
		s.rest("POST", "/v1/leads:score", `{"lead": {"job_title": "CTO"}}`, score)
		batch := &pb.BatchTriageLeadsResponse{}
		s.rest("POST", "/v1/leads:batchTriage", `{"leads": [{"email": "b@example.com"}, {"email": "bad"}]}`, batch)
		want.RowOK(s, batch.Results[0].Status)
		want.Row(s, batch.Results[1].Status, codes.InvalidArgument, "FIELD_INVALID", "leads[1].email")
		list := &pb.ListDecisionsResponse{}
		s.rest("GET", "/v1/decisions?filter=kind+%3D+OVERRIDE", "", list)
		want.Equal(s, "decisions listed", len(list.Decisions), 1)

		rows := s.rest("POST", "/v1/leads:streamTriage", "{\"lead\": {\"email\": \"s1@example.com\"}, \"correlation_id\": \"1\"}\n{\"lead\": {}}\n", nil, "Content-Type: application/x-ndjson")
		want.Equal(s, "lines of the stream", len(strings.Split(strings.TrimSpace(string(rows.Body)), "\n")), 2)
	})
}

func TestRESTServesPolicies(t *testing.T) {
	tellWith(t, withGateway, func(s *story) {
		policy, err := protojson.Marshal(allTo("webinar", pb.LeadCategory_LEAD_CATEGORY_COLD_LEAD))
		want.OK(s, err)
		p := &pb.RoutingPolicy{}
		s.rest("POST", "/v1/routingPolicies", fmt.Sprintf(`{"routing_policy_id": "mine", "routing_policy": %s}`, policy), p)
		s.rest("POST", "/v1/routingPolicies:test", fmt.Sprintf(`{"routing_policy": %s}`, policy), nil)
		s.rest("POST", "/v1/routingPolicies/mine:publish", `{}`, p)
		want.Equal(s, "state", p.State, pb.RoutingPolicy_STATE_PUBLISHED)
		s.rest("GET", "/v1/routingPolicies/mine?version=1", "", p)
		s.rest("GET", "/v1/routingPolicies", "", nil)
		s.rest("POST", "/v1/routingPolicies:rollback", `{}`, p)
		want.Equal(s, "back to", p.Name, "routingPolicies/default")
		s.refusedREST(400, "FAILED_PRECONDITION", "POLICY_STATE", "POST", "/v1/routingPolicies:rollback", `{}`)
		s.refusedREST(400, "FAILED_PRECONDITION", "MODEL_STATE", "POST", "/v1/models:rollback", `{}`)
		engagement := &pb.EngagementModel{}
		s.rest("GET", "/v1/engagementModel", "", engagement)
		want.Equal(s, "half-life", engagement.HalfLifeDays, 7.0)
	})
}

func TestRESTTakesFiles(t *testing.T) {
	m, err := bank.Models()
	want.OK(t, err)
	o := withGateway
	o.Env = []string{"MODEL_KEYS=" + m.Keys}
	tellWith(t, o, func(s *story) {
		state := &pb.LeadImport{}
		s.rest("POST", "/v1/leadImports/up:upload?triage=true&columns=Mail:email&columns=CRM+id:external_id", bigFile(2000), state, "Content-Type: text/csv")
		want.True(s, state.State == pb.LeadImport_STATE_DONE && state.RowCount == 2000 && state.RejectedCount == 40, "import: %v", state)
		s.rest("GET", "/v1/leadImports/up", "", state)
		rejects := &pb.ListLeadImportRejectsResponse{}
		s.rest("GET", "/v1/leadImports/up/rejects?page_size=1000", "", rejects)
		want.Equal(s, "rejects", len(rejects.Rejects), 40)

		version := &pb.ModelVersion{}
		s.rest("POST", "/v1/models/bank/versions:upload?version_id=v1", string(m.Files[0]), version, "Content-Type: application/octet-stream")
		want.Equal(s, "digest", version.Digest, bank.Digest(m.Files[0]))
		s.rest("POST", "/v1/models/bank/versions/v1:promote", `{}`, version)
		s.rest("GET", "/v1/models/bank/versions/v1", "", version)
		want.Equal(s, "state", version.State, pb.ModelVersion_STATE_PROMOTED)
		s.rest("GET", "/v1/models/bank/versions", "", nil)
		want.Equal(s, "model", s.score(s.bankLeads("x", 0, 1)[0]).Fit.ModelVersion, "models/bank/versions/v1")
	})
}

func TestRESTTellsHealthAndItself(t *testing.T) {
	tellWith(t, withGateway, func(s *story) {
		for _, path := range []string{"/health", "/api/health", "/api/agents/health", "/api/agents/system/status", "/v1/systemStatus", "/v1/config"} {
			s.rest("GET", path, "", nil)
		}
		var api struct {
			Paths map[string]map[string]any `json:"paths"`
		}
		want.OK(s, json.Unmarshal(s.rest("GET", "/openapi.json", "", nil).Body, &api))
		for _, path := range []string{"/v1/leads:triage", "/api/agents/triage", "/v1/leads", "/v1/decisions"} {
			want.True(s, api.Paths[path] != nil, "OpenAPI misses %s", path)
		}
		s.refusedREST(404, "NOT_FOUND", "PATH_UNKNOWN", "GET", "/v1/nonsense", "")
		s.refusedREST(405, "UNIMPLEMENTED", "HTTP_METHOD_NOT_ALLOWED", "DELETE", "/v1/leads", "")
		s.refusedREST(415, "INVALID_ARGUMENT", "MEDIA_TYPE_UNSUPPORTED", "POST", "/v1/leads:triage", `{}`, "Content-Type: text/plain")
		want.OK(s, s.h.Kill())
		s.healthBecomes(http.StatusServiceUnavailable)
		s.refusedREST(503, "UNAVAILABLE", "SERVER_UNREACHABLE", "GET", "/v1/leads", "")
		want.OK(s, s.h.Up())
		s.healthBecomes(http.StatusOK)
		s.rest("GET", "/v1/leads", "", nil)
	})
}

// healthBecomes waits until /health answers so.
func (s *story) healthBecomes(code int) {
	s.Helper()
	want.Soon(s, fmt.Sprint("health answers ", code), func() (bool, any) {
		a, err := s.h.REST("GET", "/health", nil)
		want.OK(s, err)
		return a.Code == code, a.Code
	})
}

// The edge passes gRPC through as it is: replies to the byte, details of errors, streams.
func TestTheEdgePassesGRPCThrough(t *testing.T) {
	tellWith(t, withGateway, func(s *story) {
		triage := pb.NewTriageServiceClient(s.h.GatewayConn())
		reply, err := triage.TriageLead(s.ctx, &pb.TriageLeadRequest{Lead: &pb.Lead{Email: "edge@example.com"}, RequestId: "edge-0001"})
		want.OK(s, err)
		same, err := s.h.Triage().TriageLead(s.ctx, &pb.TriageLeadRequest{Lead: &pb.Lead{Email: "edge@example.com"}, RequestId: "edge-0001"})
		want.OK(s, err)
		want.Same(s, "reply by both ways", same, reply)
		_, err = triage.TriageLead(s.ctx, &pb.TriageLeadRequest{Lead: &pb.Lead{Email: "bad"}})
		want.Violation(s, err, "FIELD_INVALID", "lead.email")
		stream, err := triage.StreamTriage(s.ctx)
		want.OK(s, err)
		for i := range 50 {
			want.OK(s, stream.Send(&pb.StreamTriageRequest{Lead: &pb.Lead{ExternalId: fmt.Sprint("edge-", i)}, CorrelationId: fmt.Sprint(i)}))
			row, err := stream.Recv()
			want.OK(s, err)
			want.Equal(s, "correlation id", row.CorrelationId, fmt.Sprint(i))
		}
		want.OK(s, stream.CloseSend())
		health, err := healthpb.NewHealthClient(s.h.GatewayConn()).Check(s.ctx, &healthpb.HealthCheckRequest{})
		want.OK(s, err)
		want.Equal(s, "health at the edge", health.Status, healthpb.HealthCheckResponse_SERVING)
		list := strings.Split(s.grpcurl(s.h.GatewayGRPC, "list"), "\n")
		want.True(s, slices.Contains(list, "marketing.v1.TriageService"), "grpcurl at the edge: %v", list)
	})
}
