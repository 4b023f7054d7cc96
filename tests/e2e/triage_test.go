package e2e

import (
	"errors"
	"fmt"
	"io"
	"testing"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/bank"
	"github.com/marketing-agents/marketing/tests/e2e/want"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
)

// bankLeads are n leads from the repository's data.
func (s *story) bankLeads(prefix string, first, n int) []*pb.Lead {
	s.Helper()
	leads, err := bank.Leads(prefix, first, n)
	want.OK(s, err)
	return leads
}

func TestColdStartDecidesByThePriorAndSaysSo(t *testing.T) {
	tell(t, func(s *story) {
		lead := &pb.Lead{Email: "max@acme.example", JobTitle: "VP Sales", Company: "Acme", Source: "webinar", Country: "AT"}
		reply := s.triage(lead)
		d := reply.Decision
		want.Equal(s, "source", d.Fit.Source, pb.FitScore_SOURCE_PRIOR_SCORECARD)
		want.Equal(s, "model version", d.Fit.ModelVersion, "")
		want.True(s, d.Fit.ModelDigest != "", "the scorecard's version is missing")
		want.True(s, d.Fit.Probability > 0 && d.Fit.Probability < 1, "probability %v", d.Fit.Probability)
		want.Equal(s, "policy", d.RoutingPolicy, "routingPolicies/default")
		want.Equal(s, "policy version", d.RoutingPolicyVersion, 0)
		want.Equal(s, "abstained on a prior", d.Abstained, false)
		want.True(s, d.Category != 0 && d.Priority != 0 && d.Destination != 0 && d.RuleId != "" && d.Reason != "" && d.CodeVersion != "", "decision: %v", d)
		want.Equal(s, "kind", d.Kind, pb.Decision_KIND_TRIAGE)
		want.True(s, d.Inputs == nil, "a reply carries inputs")

		want.Same(s, "decision read", s.decision(d.Name, 0), d)
		full := s.decision(d.Name, pb.DecisionView_DECISION_VIEW_FULL)
		want.Equal(s, "source among the inputs", full.Inputs.GetFields()["source"], "webinar")
		want.Equal(s, "time among the inputs", full.Inputs.DecideTimeMicros, d.CreateTime.AsTime().UnixMicro())
		summary := s.get(reply.Lead).Triage
		want.Same(s, "the lead's summary", summary, &pb.LeadTriage{Decision: d.Name, Category: d.Category, Destination: d.Destination, Priority: d.Priority,
			FitScore: d.Fit.Probability, EngagementScore: d.Engagement.Score, DecideTime: d.CreateTime})
		score := s.score(lead)
		want.True(s, score.Name == "" && score.Lead == "", "a score has a name")
		want.Same(s, "fit of ScoreLead", score.Fit, d.Fit)
		want.Equal(s, "rule of ScoreLead", score.RuleId, d.RuleId)
	})
}

func TestTriageExplainsOnDemandAndValidateOnlyStoresNothing(t *testing.T) {
	tell(t, func(s *story) {
		lead := &pb.Lead{Email: "nia@acme.example", JobTitle: "CEO", Source: "demo_request", Company: "Acme", Country: "DE"}
		reply, err := s.h.Triage().TriageLead(s.ctx, &pb.TriageLeadRequest{Lead: lead, Explain: true, ValidateOnly: true})
		want.OK(s, err)
		want.True(s, len(reply.Decision.Contributions) > 0 && len(reply.Decision.Contributions) <= 3, "contributions: %v", reply.Decision.Contributions)
		want.Equal(s, "leads stored", len(s.allLeads("", 0)), 0)
		want.Equal(s, "decisions stored", len(s.allDecisions("", "")), 0)

		stored, err := s.h.Triage().TriageLead(s.ctx, &pb.TriageLeadRequest{Lead: lead, Explain: true})
		want.OK(s, err)
		want.Same(s, "fit", stored.Decision.Fit, reply.Decision.Fit)
		want.Equal(s, "reasons", fmt.Sprint(stored.Decision.Contributions), fmt.Sprint(reply.Decision.Contributions))
		want.Equal(s, "reasons not asked for", len(s.triage(lead).Decision.Contributions), 0)

		_, err = s.h.Triage().TriageLead(s.ctx, &pb.TriageLeadRequest{})
		want.Violation(s, err, "FIELD_REQUIRED", "lead")
		_, err = s.h.Triage().TriageLead(s.ctx, &pb.TriageLeadRequest{LeadName: "leads/none"})
		want.Error(s, err, codes.NotFound, "LEAD_NOT_FOUND")
		_, err = s.h.Triage().TriageLead(s.ctx, &pb.TriageLeadRequest{LeadName: "people/none"})
		want.Violation(s, err, "FIELD_INVALID", "lead_name")
		_, err = s.h.Triage().GetDecision(s.ctx, &pb.GetDecisionRequest{Name: "decisions/none"})
		want.Error(s, err, codes.NotFound, "DECISION_NOT_FOUND")
	})
}

func TestBatchTriageGivesEachRowItsStatus(t *testing.T) {
	tell(t, func(s *story) {
		s.createAs("known", &pb.Lead{Email: "known@example.com"})
		leads := []*pb.Lead{
			{Email: "one@example.com"},
			{Email: "not an address"},
			{Name: "leads/known"},
			{Name: "leads/none"},
			{},
			{Email: "one@example.com", JobTitle: "CTO"},
		}
		reply, err := s.h.Triage().BatchTriageLeads(s.ctx, &pb.BatchTriageLeadsRequest{Leads: leads, Explain: true})
		want.OK(s, err)
		r := reply.Results
		want.Equal(s, "results", len(r), len(leads))
		want.Row(s, r[1].Status, codes.InvalidArgument, "FIELD_INVALID", "leads[1].email")
		want.Row(s, r[3].Status, codes.NotFound, "LEAD_NOT_FOUND", "")
		want.Row(s, r[4].Status, codes.InvalidArgument, "FIELD_REQUIRED", "leads[4]")
		for _, i := range []int{1, 3, 4} {
			want.True(s, r[i].Decision == nil && r[i].Lead == "", "a refused row carries a decision: %v", r[i])
		}
		for _, i := range []int{0, 2, 5} {
			want.RowOK(s, r[i].Status)
			want.Same(s, "decision read", s.decision(r[i].Decision.Name, 0), r[i].Decision)
		}
		want.Equal(s, "lead of the repeated row", r[5].Lead, r[0].Lead)
		want.Equal(s, "last decision of the repeated row", s.get(r[0].Lead).Triage.Decision, r[5].Decision.Name)
		want.Equal(s, "decisions stored", len(s.allDecisions("", "")), 3)
	})
}

func TestStreamTriageAnswersInOrderAndAfterTheCommit(t *testing.T) {
	tell(t, func(s *story) {
		stream, err := s.h.Triage().StreamTriage(s.ctx)
		want.OK(s, err)
		leads := s.bankLeads("stream", 0, 200)
		leads[50] = &pb.Lead{Email: "not an address"}
		leads[51] = &pb.Lead{Name: "leads/none"}
		sent := make(chan error, 1)
		go func() {
			for i, lead := range leads {
				if err := stream.Send(&pb.StreamTriageRequest{Lead: lead, CorrelationId: fmt.Sprint("row-", i), Explain: i%10 == 0}); err != nil {
					sent <- err
					return
				}
			}
			sent <- stream.CloseSend()
		}()
		for i := range leads {
			reply, err := stream.Recv()
			want.OK(s, err)
			want.Equal(s, "correlation id", reply.CorrelationId, fmt.Sprint("row-", i))
			switch i {
			case 50:
				want.Row(s, reply.Result.Status, codes.InvalidArgument, "FIELD_INVALID", "lead.email")
			case 51:
				want.Row(s, reply.Result.Status, codes.NotFound, "LEAD_NOT_FOUND", "")
			default:
				want.RowOK(s, reply.Result.Status)
				want.Same(s, "decision read", s.decision(reply.Result.Decision.Name, 0), reply.Result.Decision)
			}
		}
		_, err = stream.Recv()
		want.True(s, errors.Is(err, io.EOF), "end of the stream: %v", err)
		want.OK(s, <-sent)
		want.Equal(s, "decisions stored", len(s.allDecisions("", "")), 198)
	})
}

func TestOverrideSupersedesAndKeepsTheOldDecision(t *testing.T) {
	tell(t, func(s *story) {
		first := s.triage(&pb.Lead{Email: "olga@example.com"}).Decision
		request := &pb.OverrideDecisionRequest{Name: first.Name, Category: pb.LeadCategory_LEAD_CATEGORY_CAMPAIGN_QUALIFIED,
			Priority: pb.Priority_PRIORITY_URGENT, Justification: "met her at the fair"}
		second, err := s.h.Triage().OverrideDecision(s.ctx, request)
		want.OK(s, err)
		want.Equal(s, "kind", second.Kind, pb.Decision_KIND_OVERRIDE)
		want.Equal(s, "supersedes", second.Supersedes, first.Name)
		want.Equal(s, "justification", second.Justification, "met her at the fair")
		want.True(s, second.Actor != "", "no actor")
		want.Equal(s, "category", second.Category, request.Category)
		want.Equal(s, "priority", second.Priority, request.Priority)
		want.True(s, second.Destination != 0, "no destination taken from the policy")
		want.Same(s, "the old decision", s.decision(first.Name, 0), first)
		lead := s.get(first.Lead)
		want.Equal(s, "the lead's decision", lead.Triage.Decision, second.Name)
		want.Equal(s, "the lead's category", lead.Triage.Category, request.Category)
		want.Equal(s, "decisions of the lead", len(s.allDecisions(first.Lead, "")), 2)

		for field, change := range map[string]func(*pb.OverrideDecisionRequest){
			"justification": func(r *pb.OverrideDecisionRequest) { r.Justification = "" },
			"category":      func(r *pb.OverrideDecisionRequest) { r.Category = 0 },
			"name":          func(r *pb.OverrideDecisionRequest) { r.Name = "" },
		} {
			bad := proto.Clone(request).(*pb.OverrideDecisionRequest)
			bad.Name = second.Name
			change(bad)
			_, err = s.h.Triage().OverrideDecision(s.ctx, bad)
			want.Violation(s, err, "FIELD_REQUIRED", field)
		}
		_, err = s.h.Triage().OverrideDecision(s.ctx, request) // no longer the lead's last one
		want.Error(s, err, codes.Aborted, "ETAG_MISMATCH")
		_, err = s.h.Triage().OverrideDecision(s.ctx, &pb.OverrideDecisionRequest{Name: "decisions/none", Category: 1, Justification: "x"})
		want.Error(s, err, codes.NotFound, "DECISION_NOT_FOUND")
	})
}
