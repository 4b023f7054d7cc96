package e2e

import (
	"testing"
	"time"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/want"
	"google.golang.org/grpc/codes"
)

func granted(purpose string) *pb.Consent {
	return &pb.Consent{Purpose: purpose, State: pb.Consent_STATE_GRANTED, Source: "form"}
}

func (s *story) consent(lead string, said *pb.Consent) *pb.Consent {
	s.Helper()
	entry, err := s.h.Engage().UpdateConsent(s.ctx, &pb.UpdateConsentRequest{Name: lead, Consent: said, RequestId: requestID()})
	want.OK(s, err)
	return entry
}

func (s *story) suppress(email string) *pb.Suppression {
	s.Helper()
	made, err := s.h.Engage().CreateSuppression(s.ctx, &pb.CreateSuppressionRequest{Email: email, Cause: pb.Suppression_CAUSE_MANUAL, RequestId: requestID()})
	want.OK(s, err)
	return made
}

// sendPolicy is the one in force, to be sent back whatever comes in between.
func (s *story) sendPolicy() *pb.SendPolicy {
	s.Helper()
	p, err := s.h.Engage().GetSendPolicy(s.ctx, &pb.GetSendPolicyRequest{})
	want.OK(s, err)
	p.Etag = ""
	return p
}

func (s *story) explainSend(lead, purpose string) *pb.ExplainSendDecisionResponse {
	s.Helper()
	e, err := s.h.Engage().ExplainSendDecision(s.ctx, &pb.ExplainSendDecisionRequest{Lead: lead, Purpose: purpose, Medium: pb.Medium_MEDIUM_EMAIL})
	want.OK(s, err)
	return e
}

// manageConsent calls every method of consent, suppression and policy that changes something.
func (s *story) manageConsent(lead string) {
	s.Helper()
	s.consent(lead, granted("marketing"))
	_, err := s.h.Engage().Unsubscribe(s.ctx, &pb.UnsubscribeRequest{Lead: lead})
	want.OK(s, err)
	_, err = s.h.Engage().DeleteSuppression(s.ctx, &pb.DeleteSuppressionRequest{Name: s.suppress("somebody@consent.example").Name})
	want.OK(s, err)
	_, err = s.h.Engage().UpdateSendPolicy(s.ctx, &pb.UpdateSendPolicyRequest{SendPolicy: s.sendPolicy()})
	want.OK(s, err)
}

// An unsubscribe outlives the restart of the server, the lead, and an import that brings its address back.
func TestAnUnsubscribeStays(t *testing.T) {
	tell(t, func(s *story) {
		policy := s.sendPolicy()
		policy.QuietHours = nil
		_, err := s.h.Engage().UpdateSendPolicy(s.ctx, &pb.UpdateSendPolicyRequest{SendPolicy: policy})
		want.OK(s, err)
		lead := s.create(&pb.Lead{Email: "ann@consent.example", TimeZone: "Europe/Vienna"})
		want.Equal(s, "before", s.explainSend(lead.Name, "marketing").DecidedBy, pb.SendGate_SEND_GATE_CONSENT)
		entry := s.consent(lead.Name, granted("marketing"))
		e := s.explainSend(lead.Name, "marketing")
		want.Equal(s, "consented", e.Verdict, pb.SendVerdict_SEND_VERDICT_PASS)
		want.Equal(s, "relies on", e.ConsentEntry, entry.Name)
		reply, err := s.h.Engage().Unsubscribe(s.ctx, &pb.UnsubscribeRequest{Email: "ANN@consent.example", Source: "link"})
		want.OK(s, err)
		want.Equal(s, "lead", reply.Lead, lead.Name)
		want.Equal(s, "unsubscribed", s.explainSend(lead.Name, "marketing").Verdict, pb.SendVerdict_SEND_VERDICT_REFUSE)
		want.OK(s, s.h.Restart())
		want.Equal(s, "after a restart", s.explainSend(lead.Name, "marketing").DecidedBy, pb.SendGate_SEND_GATE_SUPPRESSION)
		want.Equal(s, "transactions", s.explainSend(lead.Name, "transactional").Verdict, pb.SendVerdict_SEND_VERDICT_PASS)

		_, err = s.h.Leads().DeleteLead(s.ctx, &pb.DeleteLeadRequest{Name: lead.Name})
		want.OK(s, err)
		s.imports(&pb.LeadImportSpec{ImportId: "again"}, "email,full_name\nann@consent.example,Ann Again\n")
		back := s.allLeads(`full_name = "Ann Again"`, 10)
		want.Equal(s, "leads that came back", len(back), 1)
		want.Equal(s, "an import consents to nothing", len(s.ledger(back[0].Name)), 0)
		want.Equal(s, "still", s.explainSend(back[0].Name, "marketing").DecidedBy, pb.SendGate_SEND_GATE_SUPPRESSION)
		time.Sleep(time.Millisecond) // a consent of the same microsecond would not be later
		s.consent(back[0].Name, granted("marketing"))
		want.Equal(s, "a new consent", s.explainSend(back[0].Name, "marketing").Verdict, pb.SendVerdict_SEND_VERDICT_PASS)
		_, err = s.h.Engage().GetConsent(s.ctx, &pb.GetConsentRequest{Name: "leads/none"})
		want.Error(s, err, codes.NotFound, "LEAD_NOT_FOUND")
	})
}

func (s *story) ledger(lead string) []*pb.Consent {
	s.Helper()
	c, err := s.h.Engage().GetConsent(s.ctx, &pb.GetConsentRequest{Name: lead})
	want.OK(s, err)
	return c.Entries
}
