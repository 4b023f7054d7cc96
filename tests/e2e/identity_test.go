package e2e

import (
	"testing"
	"time"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/want"
	"google.golang.org/grpc/codes"
)

func TestLeadIsFoundByAnyIdentity(t *testing.T) {
	tell(t, func(s *story) {
		first := s.triage(&pb.Lead{Email: "Gina@Example.com", Phone: "+43 660 1234567", ExternalId: "crm-1"})
		want.True(s, first.LeadCreated, "the first call did not make the lead")
		for _, same := range []*pb.Lead{
			{Email: "gina@example.com", Company: "Acme"},
			{Phone: "+43-660-1234567", JobTitle: "CTO"},
			{ExternalId: "crm-1", Country: "AT"},
			{Name: first.Lead, Source: "webinar"},
		} {
			reply := s.triage(same)
			want.Equal(s, "lead", reply.Lead, first.Lead)
			want.True(s, !reply.LeadCreated, "a known lead was made again")
		}
		lead := s.get(first.Lead)
		want.Equal(s, "what the calls added", lead.Company+lead.JobTitle+lead.Country+lead.Source, "AcmeCTOATwebinar")
		other := s.triage(&pb.Lead{ExternalId: "CRM-1"}) // external ids are compared as they are
		want.True(s, other.Lead != first.Lead, "external ids were compared without case")
		_, err := s.h.Triage().TriageLead(s.ctx, &pb.TriageLeadRequest{Lead: &pb.Lead{Name: "leads/none", Email: "x@example.com"}})
		want.Error(s, err, codes.NotFound, "LEAD_NOT_FOUND")
	})
}

func TestMergedLeadsOldNameWorks(t *testing.T) {
	tell(t, func(s *story) {
		a := s.createAs("a", &pb.Lead{Email: "a@example.com", Company: "A Inc"})
		b := s.createAs("b", &pb.Lead{ExternalId: "crm-b", Company: "B Inc", JobTitle: "Buyer", Attributes: map[string]string{"age": "50"}})
		s.ingest(event("b-1", b.Name, "demo_request", time.Hour))
		decided := s.triageNamed(b.Name).Decision
		_, err := s.h.Leads().RecordOutcome(s.ctx, &pb.RecordOutcomeRequest{Parent: b.Name, Outcome: &pb.Outcome{Converted: true}})
		want.OK(s, err)

		both := &pb.Lead{Email: "a@example.com", ExternalId: "crm-b"}
		_, err = s.h.Triage().TriageLead(s.ctx, &pb.TriageLeadRequest{Lead: both})
		want.Error(s, err, codes.FailedPrecondition, "IDENTITY_AMBIGUOUS")
		merged, err := s.h.Leads().MergeLeads(s.ctx, &pb.MergeLeadsRequest{Name: a.Name, Duplicate: b.Name})
		want.OK(s, err)
		want.Equal(s, "name", merged.Name, a.Name)
		want.Equal(s, "company of the survivor", merged.Company, "A Inc")
		want.Equal(s, "what it lacked", merged.ExternalId+merged.JobTitle+merged.Attributes["age"], "crm-bBuyer50")
		want.True(s, merged.Engagement.GetEventCount() == 1 && merged.Engagement.GetValue() > 0, "engagement did not move: %v", merged.Engagement)

		want.Same(s, "lead by the old name", s.get(b.Name), merged)
		want.Equal(s, "lead by both identities", s.triage(both).Lead, a.Name)
		want.Equal(s, "triage by the old name", s.triageNamed(b.Name).Lead, a.Name)
		changed := s.update(&pb.Lead{Name: b.Name, Source: "old name"}, "source")
		want.Equal(s, "lead changed by the old name", changed.Name, a.Name)
		events, err := s.h.Leads().ListLeadEvents(s.ctx, &pb.ListLeadEventsRequest{Parent: a.Name})
		want.OK(s, err)
		want.True(s, len(events.Events) == 1 && events.Events[0].EventId == "b-1" && events.Events[0].Lead == a.Name, "events: %v", events.Events)
		want.Equal(s, "decisions under the survivor", len(s.allDecisions(a.Name, "")), 3)
		want.Equal(s, "the duplicate's decision", s.decision(decided.Name, 0).Lead, b.Name)
		want.Equal(s, "leads", len(s.allLeads("", 0)), 1)
	})
}

func TestMergesChainAndRefuse(t *testing.T) {
	tell(t, func(s *story) {
		leads := s.h.Leads()
		for _, id := range []string{"c1", "c2", "c3"} {
			s.createAs(id, &pb.Lead{Email: id + "@example.com"})
		}
		merge := func(name, duplicate string) error {
			_, err := leads.MergeLeads(s.ctx, &pb.MergeLeadsRequest{Name: name, Duplicate: duplicate})
			return err
		}
		want.Violation(s, merge("leads/c1", "leads/c1"), "FIELD_INVALID", "duplicate")
		want.Error(s, merge("leads/c1", "leads/none"), codes.NotFound, "LEAD_NOT_FOUND")
		want.OK(s, merge("leads/c2", "leads/c1"))
		want.OK(s, merge("leads/c3", "leads/c2"))
		for _, name := range []string{"leads/c1", "leads/c2", "leads/c3"} {
			want.Equal(s, "lead behind "+name, s.get(name).Name, "leads/c3")
		}
		before := s.get("leads/c3")
		want.OK(s, merge("leads/c3", "leads/c1")) // merged already
		want.Same(s, "the survivor of a merge that was done already", s.get("leads/c3"), before)
		want.Equal(s, "email of the survivor", s.get("leads/c3").Email, "c3@example.com")
		for _, email := range []string{"c1@example.com", "c2@example.com"} { // identities moved, though the fields were taken
			want.Equal(s, "lead of "+email, s.triage(&pb.Lead{Email: email}).Lead, "leads/c3")
		}
		_, err := leads.DeleteLead(s.ctx, &pb.DeleteLeadRequest{Name: "leads/c3"})
		want.OK(s, err)
		for _, name := range []string{"leads/c1", "leads/c2", "leads/c3"} {
			_, err = leads.GetLead(s.ctx, &pb.GetLeadRequest{Name: name})
			want.Error(s, err, codes.NotFound, "LEAD_NOT_FOUND")
		}
	})
}

func TestDecisionsOutliveTheirLead(t *testing.T) {
	tell(t, func(s *story) {
		reply := s.triage(&pb.Lead{Email: "gone@example.com", Attributes: map[string]string{"age": "33"}})
		_, err := s.h.Leads().DeleteLead(s.ctx, &pb.DeleteLeadRequest{Name: reply.Lead})
		want.OK(s, err)
		want.Same(s, "decision", s.decision(reply.Decision.Name, 0), reply.Decision)
		replay, err := s.h.Triage().ReplayDecision(s.ctx, &pb.ReplayDecisionRequest{Name: reply.Decision.Name})
		want.OK(s, err)
		want.True(s, replay.Identical, "replay differs in %v", replay.Differences)
	})
}
