package e2e

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/house"
	"github.com/marketing-agents/marketing/tests/e2e/want"
	"github.com/marketing-agents/marketing/tests/e2e/wire"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

const (
	leadService   = "/marketing.v1.LeadService/"
	triageService = "/marketing.v1.TriageService/"
	engageService = "/marketing.v1.EngageService/"
	authService   = "/marketing.v1.AuthService/"
)

// mutation is a call that changes something, and the same with another body.
type mutation struct {
	method       string
	body, differ proto.Message
}

// mutations prepares what they need and lists calls of methods that take a request_id, in an order in which all succeed. Left out are those after
// which something goes on by itself, as a sweep or a delivery.
func (s *story) mutations() []mutation {
	s.Helper()
	return slices.Concat(s.mutationsOfLeads(), s.mutationsOfTriage(), s.mutationsOfEngage(), s.mutationsOfAuth())
}

func newLead(email string) *pb.Lead {
	return &pb.Lead{Email: email, Attributes: map[string]string{"a": "1", "b": "2", "c": "3", "d": "4"}}
}

func (s *story) mutationsOfLeads() []mutation {
	s.Helper()
	for _, id := range []string{"up", "del", "keep", "dup", "ev", "out"} {
		s.createAs(id, &pb.Lead{Email: id + "@idem.example"})
	}
	return []mutation{
		{leadService + "CreateLead", &pb.CreateLeadRequest{Lead: newLead("new@idem.example")}, &pb.CreateLeadRequest{Lead: newLead("other@idem.example")}},
		{leadService + "UpdateLead", &pb.UpdateLeadRequest{Lead: &pb.Lead{Name: "leads/up", Company: "A"}}, &pb.UpdateLeadRequest{Lead: &pb.Lead{Name: "leads/up", Company: "A"},
			UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"company"}}}},
		{leadService + "DeleteLead", &pb.DeleteLeadRequest{Name: "leads/del"}, &pb.DeleteLeadRequest{Name: "leads/keep"}},
		{leadService + "BatchCreateLeads", &pb.BatchCreateLeadsRequest{Leads: []*pb.Lead{newLead("b1@idem.example"), {Email: "bad"}}},
			&pb.BatchCreateLeadsRequest{Leads: []*pb.Lead{newLead("b1@idem.example")}}},
		{leadService + "MergeLeads", &pb.MergeLeadsRequest{Name: "leads/keep", Duplicate: "leads/dup"}, &pb.MergeLeadsRequest{Name: "leads/dup", Duplicate: "leads/keep"}},
		{leadService + "IngestEvents", &pb.IngestEventsRequest{Events: []*pb.LeadEvent{{EventId: "i-1", Lead: "leads/ev", Type: "page_view"}}},
			&pb.IngestEventsRequest{Events: []*pb.LeadEvent{{EventId: "i-2", Lead: "leads/ev", Type: "page_view"}}}},
		{leadService + "RecordOutcome", &pb.RecordOutcomeRequest{Parent: "leads/out", Outcome: &pb.Outcome{Converted: true}},
			&pb.RecordOutcomeRequest{Parent: "leads/out", Outcome: &pb.Outcome{Converted: false}}},
	}
}

func (s *story) mutationsOfTriage() []mutation {
	s.Helper()
	decision := s.triage(&pb.Lead{Email: "over@idem.example"}).Decision.Name
	policy := allTo("idem", pb.LeadCategory_LEAD_CATEGORY_COLD_LEAD)
	s.createPolicy("published", policy)
	s.createPolicy("published", policy)
	s.publish("routingPolicies/published", 1)
	return []mutation{
		{triageService + "TriageLead", &pb.TriageLeadRequest{Lead: newLead("t@idem.example")}, &pb.TriageLeadRequest{Lead: newLead("t@idem.example"), Explain: true}},
		{triageService + "BatchTriageLeads", &pb.BatchTriageLeadsRequest{Leads: []*pb.Lead{newLead("bt@idem.example"), {Email: "bad"}}},
			&pb.BatchTriageLeadsRequest{Leads: []*pb.Lead{{Email: "bad"}, newLead("bt@idem.example")}}},
		{triageService + "OverrideDecision", &pb.OverrideDecisionRequest{Name: decision, Category: 1, Justification: "a"},
			&pb.OverrideDecisionRequest{Name: decision, Category: 1, Justification: "b"}},
		{triageService + "CreateRoutingPolicy", &pb.CreateRoutingPolicyRequest{RoutingPolicyId: "idem", RoutingPolicy: policy},
			&pb.CreateRoutingPolicyRequest{RoutingPolicyId: "idem2", RoutingPolicy: policy}},
		{triageService + "PublishRoutingPolicy", &pb.PublishRoutingPolicyRequest{Name: "routingPolicies/published", Version: 2},
			&pb.PublishRoutingPolicyRequest{Name: "routingPolicies/published", Version: 1}},
	}
}

func (s *story) mutationsOfEngage() []mutation {
	s.Helper()
	words := plain("Hello")
	s.createTemplate("published", words)
	s.createTemplate("published", words)
	s.createTemplate("gone", words)
	s.createChannel("known", inApp())
	s.createChannel("gone", inApp())
	paused := s.sendPolicy()
	paused.Paused = true
	gone, kept := s.suppress("gone@idem.example"), s.suppress("kept@idem.example")
	journey := &pb.Journey{Entry: &pb.JourneyEntry{Event: "nobody.does"}, Steps: []*pb.JourneyStep{{Id: "hello",
		Action: &pb.JourneyStep_Send{Send: &pb.JourneySend{Template: "templates/published", Medium: pb.Medium_MEDIUM_SMS}}}}}
	return []mutation{
		{engageService + "CreateTemplate", &pb.CreateTemplateRequest{TemplateId: "idem", Template: words}, &pb.CreateTemplateRequest{TemplateId: "idem2", Template: words}},
		{engageService + "PublishTemplate", &pb.PublishTemplateRequest{Name: "templates/published", Version: 2}, &pb.PublishTemplateRequest{Name: "templates/published", Version: 1}},
		{engageService + "DeleteTemplate", &pb.DeleteTemplateRequest{Name: "templates/gone"}, &pb.DeleteTemplateRequest{Name: "templates/published"}},
		{engageService + "CreateChannel", &pb.CreateChannelRequest{ChannelId: "idem", Channel: inApp()}, &pb.CreateChannelRequest{ChannelId: "idem2", Channel: inApp()}},
		{engageService + "UpdateChannel", &pb.UpdateChannelRequest{Channel: &pb.Channel{Name: "channels/known", DisplayName: "one"}},
			&pb.UpdateChannelRequest{Channel: &pb.Channel{Name: "channels/known", DisplayName: "two"}}},
		{engageService + "DeleteChannel", &pb.DeleteChannelRequest{Name: "channels/gone"}, &pb.DeleteChannelRequest{Name: "channels/known"}},
		{engageService + "UpdateConsent", &pb.UpdateConsentRequest{Name: "leads/up", Consent: granted("marketing")},
			&pb.UpdateConsentRequest{Name: "leads/up", Consent: granted("survey")}},
		{engageService + "Unsubscribe", &pb.UnsubscribeRequest{Email: "one@idem.example"}, &pb.UnsubscribeRequest{Email: "two@idem.example"}},
		{engageService + "CreateSuppression", &pb.CreateSuppressionRequest{Email: "one@idem.example", Cause: pb.Suppression_CAUSE_MANUAL},
			&pb.CreateSuppressionRequest{Email: "one@idem.example", Cause: pb.Suppression_CAUSE_COMPLAINT}},
		{engageService + "DeleteSuppression", &pb.DeleteSuppressionRequest{Name: gone.Name}, &pb.DeleteSuppressionRequest{Name: kept.Name}},
		{engageService + "UpdateSendPolicy", &pb.UpdateSendPolicyRequest{SendPolicy: s.sendPolicy()},
			&pb.UpdateSendPolicyRequest{SendPolicy: paused}},
		{engageService + "AssignOwner", &pb.AssignOwnerRequest{Name: "leads/ev", Owner: "queues/sales"}, &pb.AssignOwnerRequest{Name: "leads/ev", Owner: "queues/care"}},
		{engageService + "ReleaseOwner", &pb.ReleaseOwnerRequest{Name: "leads/ev"}, &pb.ReleaseOwnerRequest{Name: "leads/out"}},
		{engageService + "CreateJourney", &pb.CreateJourneyRequest{JourneyId: "idem", Journey: journey}, &pb.CreateJourneyRequest{JourneyId: "idem2", Journey: journey}},
		{engageService + "PublishJourney", &pb.PublishJourneyRequest{Name: "journeys/idem"}, &pb.PublishJourneyRequest{Name: "journeys/idem", Version: 1}},
		{engageService + "PauseJourney", &pb.PauseJourneyRequest{Name: "journeys/idem"}, &pb.PauseJourneyRequest{Name: "journeys/other"}},
		{engageService + "ResumeJourney", &pb.ResumeJourneyRequest{Name: "journeys/idem"}, &pb.ResumeJourneyRequest{Name: "journeys/other"}},
		{engageService + "RetireJourney", &pb.RetireJourneyRequest{Name: "journeys/idem"}, &pb.RetireJourneyRequest{Name: "journeys/other"}},
	}
}

func (s *story) mutationsOfAuth() []mutation {
	reads := &pb.Role{Scopes: []string{"leads.read"}}
	return []mutation{
		{authService + "CreateRole", &pb.CreateRoleRequest{RoleId: "idem", Role: reads}, &pb.CreateRoleRequest{RoleId: "idem2", Role: reads}},
		{authService + "UpdateRole", &pb.UpdateRoleRequest{Role: &pb.Role{Name: "roles/idem", DisplayName: "one"}}, &pb.UpdateRoleRequest{Role: &pb.Role{Name: "roles/idem", DisplayName: "two"}}},
		{authService + "DeleteRole", &pb.DeleteRoleRequest{Name: "roles/idem"}, &pb.DeleteRoleRequest{Name: "roles/other"}},
		{authService + "CreateServiceAccount", &pb.CreateServiceAccountRequest{ServiceAccountId: "idem", ServiceAccount: &pb.ServiceAccount{}},
			&pb.CreateServiceAccountRequest{ServiceAccountId: "idem2", ServiceAccount: &pb.ServiceAccount{}}},
		{authService + "UpdateServiceAccount", &pb.UpdateServiceAccountRequest{ServiceAccount: &pb.ServiceAccount{Name: "serviceAccounts/idem", DisplayName: "one"}},
			&pb.UpdateServiceAccountRequest{ServiceAccount: &pb.ServiceAccount{Name: "serviceAccounts/idem", DisplayName: "two"}}},
		{authService + "DeleteServiceAccount", &pb.DeleteServiceAccountRequest{Name: "serviceAccounts/idem"}, &pb.DeleteServiceAccountRequest{Name: "serviceAccounts/other"}},
	}
}

// withID is the bytes of a request with this request_id.
func withID(m proto.Message, id string) []byte {
	m = proto.Clone(m)
	field := m.ProtoReflect().Descriptor().Fields().ByName("request_id")
	m.ProtoReflect().Set(field, protoreflect.ValueOfString(id))
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		panic(err) // our own message
	}
	return b
}

// decisionsAndLeads counts what there is, to see whether a repetition had an effect.
func (s *story) decisionsAndLeads() string {
	s.Helper()
	rows, err := s.h.Query("SELECT (SELECT count(*) FROM lead), (SELECT count(*) FROM decision), (SELECT count(*) FROM lead_event), " +
		"(SELECT count(*) FROM outcome), (SELECT count(*) FROM event), (SELECT count(*) FROM routing_policy), (SELECT sum(state) FROM journey), (SELECT sum(state) FROM template), (SELECT sum(version) FROM channel), (SELECT count(*) FROM consent_entry), (SELECT count(*) FROM suppression), (SELECT count(*) FROM send_policy), (SELECT count(*) FROM idempotency)")
	want.OK(s, err)
	return fmt.Sprint(rows)
}

func TestARequestIDMakesAMutationHappenOnce(t *testing.T) {
	tell(t, func(s *story) {
		replies := map[string][]byte{}
		all := s.mutations()
		for _, m := range all {
			id := "idem-" + m.method
			first, err := wire.Call(s.ctx, s.h.Conn(), m.method, withID(m.body, id))
			if err != nil {
				s.Fatalf("%s: %v", m.method, err)
			}
			state := s.decisionsAndLeads()
			for range 3 {
				again, err := wire.Call(s.ctx, s.h.Conn(), m.method, withID(m.body, id))
				want.OK(s, err)
				want.True(s, bytes.Equal(again, first), "%s: the repeated reply differs:\n%x\n%x", m.method, again, first)
			}
			_, err = wire.Call(s.ctx, s.h.Conn(), m.method, withID(m.differ, id))
			if err == nil {
				s.Fatalf("%s: another body was taken", m.method)
			}
			want.Violation(s, err, "REQUEST_ID_REUSED", "request_id")
			want.Equal(s, m.method+": effects", s.decisionsAndLeads(), state)
			replies[m.method] = first
		}
		want.OK(s, s.h.Kill())
		want.OK(s, s.h.Up())
		state := s.decisionsAndLeads()
		for _, m := range all {
			again, err := wire.Call(s.ctx, s.h.Conn(), m.method, withID(m.body, "idem-"+m.method))
			want.OK(s, err)
			want.True(s, bytes.Equal(again, replies[m.method]), "%s: the reply after a kill differs", m.method)
		}
		want.Equal(s, "effects after a kill", s.decisionsAndLeads(), state)
	})
}

// A call that has nothing to store would answer otherwise once others have changed what it looked at.
func TestACallThatChangedNothingKeepsItsReply(t *testing.T) {
	tell(t, func(s *story) {
		s.createAs("same", &pb.Lead{Email: "same@idem.example", Company: "A"})
		event := []*pb.LeadEvent{{EventId: "seen", Lead: "leads/same", Type: "page_view"}}
		_, err := s.h.Leads().IngestEvents(s.ctx, &pb.IngestEventsRequest{Events: event})
		want.OK(s, err)
		all := []mutation{
			{leadService + "UpdateLead", &pb.UpdateLeadRequest{Lead: &pb.Lead{Name: "leads/same", Company: "A"}},
				&pb.UpdateLeadRequest{Lead: &pb.Lead{Name: "leads/same", Company: "B"}}},
			{leadService + "DeleteLead", &pb.DeleteLeadRequest{Name: "leads/later", AllowMissing: true},
				&pb.DeleteLeadRequest{Name: "leads/same", AllowMissing: true}},
			{leadService + "IngestEvents", &pb.IngestEventsRequest{Events: event}, &pb.IngestEventsRequest{Events: append(event, event...)}},
		}
		replies := make([][]byte, len(all))
		for i, m := range all {
			replies[i], err = wire.Call(s.ctx, s.h.Conn(), m.method, withID(m.body, "nothing-"+m.method))
			want.OK(s, err)
		}
		s.createAs("later", &pb.Lead{Email: "later@idem.example"})
		_, err = s.h.Leads().UpdateLead(s.ctx, &pb.UpdateLeadRequest{Lead: &pb.Lead{Name: "leads/same", Company: "C", Source: "webinar"}})
		want.OK(s, err)
		state := s.decisionsAndLeads()
		for i, m := range all {
			again, err := wire.Call(s.ctx, s.h.Conn(), m.method, withID(m.body, "nothing-"+m.method))
			want.OK(s, err)
			want.True(s, bytes.Equal(again, replies[i]), "%s: the repeated reply differs:\n%x\n%x", m.method, again, replies[i])
			_, err = wire.Call(s.ctx, s.h.Conn(), m.method, withID(m.differ, "nothing-"+m.method))
			if err == nil {
				s.Fatalf("%s: another body was taken", m.method)
			}
			want.Violation(s, err, "REQUEST_ID_REUSED", "request_id")
		}
		want.Equal(s, "effects", s.decisionsAndLeads(), state)
	})
}

// Who asks first whether a call would do sends the same id with it: nothing has happened that a retry could repeat (AIP-163, AIP-155).
func TestAskingUsesNoRequestIDUp(t *testing.T) {
	tell(t, func(s *story) {
		lead := &pb.Lead{Email: "asked@idem.example"}
		s.createAs("known", &pb.Lead{Email: "known@idem.example"})
		policy := allTo("asked", pb.LeadCategory_LEAD_CATEGORY_COLD_LEAD)
		for _, m := range []struct {
			method    string
			ask, call proto.Message
		}{
			{triageService + "TriageLead", &pb.TriageLeadRequest{Lead: lead, ValidateOnly: true}, &pb.TriageLeadRequest{Lead: lead}},
			{leadService + "CreateLead", &pb.CreateLeadRequest{Lead: &pb.Lead{Email: "new@idem.example"}, ValidateOnly: true}, &pb.CreateLeadRequest{Lead: &pb.Lead{Email: "new@idem.example"}}},
			{leadService + "UpdateLead", &pb.UpdateLeadRequest{Lead: &pb.Lead{Name: "leads/known", Company: "A"}, ValidateOnly: true},
				&pb.UpdateLeadRequest{Lead: &pb.Lead{Name: "leads/known", Company: "A"}}},
			{triageService + "CreateRoutingPolicy", &pb.CreateRoutingPolicyRequest{RoutingPolicyId: "asked", RoutingPolicy: policy, ValidateOnly: true},
				&pb.CreateRoutingPolicyRequest{RoutingPolicyId: "asked", RoutingPolicy: policy}},
		} {
			stored := s.sql("SELECT count(*) FROM idempotency")[0][0]
			_, err := wire.Call(s.ctx, s.h.Conn(), m.method, withID(m.ask, "asked-"+m.method))
			want.OK(s, err)
			want.Equal(s, m.method+": replies stored for a question", s.sql("SELECT count(*) FROM idempotency")[0][0], stored)
			first, err := wire.Call(s.ctx, s.h.Conn(), m.method, withID(m.call, "asked-"+m.method))
			want.OK(s, err)
			_, err = wire.Call(s.ctx, s.h.Conn(), m.method, withID(m.ask, "asked-"+m.method))
			want.True(s, err == nil || !strings.Contains(err.Error(), "REQUEST_ID_REUSED"), "%s: a question after the call: %v", m.method, err)
			again, err := wire.Call(s.ctx, s.h.Conn(), m.method, withID(m.call, "asked-"+m.method))
			want.OK(s, err)
			want.True(s, bytes.Equal(again, first), "%s: the call is kept", m.method)
		}
	})
}

func TestTheOrderOfAMapDoesNotMakeAnotherBody(t *testing.T) {
	tell(t, func(s *story) {
		attributes := map[string]string{}
		for i := range 20 {
			attributes[fmt.Sprint("a", i)] = fmt.Sprint(i)
		}
		request := &pb.TriageLeadRequest{Lead: &pb.Lead{Email: "map@example.com", Attributes: attributes}, RequestId: "map-order-0001"}
		first, err := s.h.Triage().TriageLead(s.ctx, request)
		want.OK(s, err)
		for range 20 { // Go writes a map in another order each time
			again, err := s.h.Triage().TriageLead(s.ctx, request)
			want.OK(s, err)
			want.Same(s, "reply", again, first)
		}
	})
}

func TestFiftyDuplicatesAtOnceHaveOneEffect(t *testing.T) {
	tell(t, func(s *story) {
		for round := range 5 {
			id := fmt.Sprint("fifty-dup-", round)
			body := withID(&pb.TriageLeadRequest{Lead: &pb.Lead{Email: id + "@example.com"}, Explain: true}, id)
			replies := make([][]byte, 50)
			inParallel(s, 50, func(i int) {
				var err error
				if replies[i], err = wire.Call(s.ctx, s.h.Conn(), triageService+"TriageLead", body); err != nil {
					s.Errorf("duplicate %d: %v", i, err)
				}
			})
			for i := range replies {
				want.True(s, bytes.Equal(replies[i], replies[0]), "replies 0 and %d differ", i)
			}
			reply := &pb.TriageLeadResponse{}
			want.OK(s, proto.Unmarshal(replies[0], reply))
			want.True(s, reply.LeadCreated, "the stored reply says the lead was known")
			want.Equal(s, "decisions of the lead", len(s.allDecisions(reply.Lead, "")), 1)
		}
		want.Equal(s, "leads", len(s.allLeads("", 0)), 5)
	})
}

// The reply to an administrator's call is not for somebody who may not make that call.
func TestAStoredReplyIsNotShownToWhoMayNotAsk(t *testing.T) {
	tell(t, func(s *story) {
		_, err := s.h.Auth().CreateRole(s.ctx, &pb.CreateRoleRequest{RoleId: "staff", Role: &pb.Role{Scopes: []string{"iam.write"}}})
		want.OK(s, err)
		staff, err := s.h.NewKey(s.ctx, "staff", "roles/staff")
		want.OK(s, err)
		request := &pb.CreateServiceAccountRequest{ServiceAccountId: "root", ServiceAccount: &pb.ServiceAccount{Roles: []string{"roles/admin"}}, RequestId: "an-admins-0001"}
		_, err = s.h.Auth().CreateServiceAccount(s.ctx, request)
		want.OK(s, err)
		_, err = s.h.Auth().CreateServiceAccount(house.As(s.ctx, staff), request)
		want.Error(s, err, codes.PermissionDenied, "PERMISSION_MISSING")
		_, err = s.h.Auth().CreateServiceAccount(s.ctx, request)
		want.OK(s, err)
	})
}

func TestARefusedCallLeavesItsRequestIDFree(t *testing.T) {
	tell(t, func(s *story) {
		request := &pb.CreateLeadRequest{Lead: &pb.Lead{Email: "bad"}, RequestId: "refused-0001"}
		_, err := s.h.Leads().CreateLead(s.ctx, request)
		want.Violation(s, err, "FIELD_INVALID", "lead.email")
		request.Lead.Email = "good@example.com"
		_, err = s.h.Leads().CreateLead(s.ctx, request)
		want.OK(s, err)
		// The same id under another method is another request.
		_, err = s.h.Triage().TriageLead(s.ctx, &pb.TriageLeadRequest{Lead: &pb.Lead{Email: "good@example.com"}, RequestId: "refused-0001"})
		want.OK(s, err)
	})
}
