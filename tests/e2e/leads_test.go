package e2e

import (
	"fmt"
	"strings"
	"testing"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/want"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

func TestLeadIsCreatedReadAndDeleted(t *testing.T) {
	tell(t, func(s *story) {
		leads := s.h.Leads()
		made := s.createAs("ann", &pb.Lead{Email: " Ann@Example.COM ", Phone: "+43 (1) 234-5678", FullName: "Ann", Attributes: map[string]string{"age": "41"}})
		want.Equal(s, "email", made.Email, "ann@example.com")
		want.True(s, made.Etag != "" && made.CreateTime != nil && made.UpdateTime != nil, "server-set fields are missing: %v", made)
		want.Same(s, "lead read", s.get("leads/ann"), made)

		_, err := leads.CreateLead(s.ctx, &pb.CreateLeadRequest{Lead: &pb.Lead{Email: "other@example.com"}, LeadId: "ann"})
		want.Error(s, err, codes.AlreadyExists, "LEAD_ALREADY_EXISTS")
		for _, taken := range []*pb.Lead{{Email: "ANN@example.com"}, {Phone: "+43-1-2345678"}} {
			_, err = leads.CreateLead(s.ctx, &pb.CreateLeadRequest{Lead: taken})
			want.Error(s, err, codes.AlreadyExists, "IDENTITY_TAKEN")
		}

		_, err = leads.DeleteLead(s.ctx, &pb.DeleteLeadRequest{Name: "leads/ann", Etag: "not-" + made.Etag})
		want.Error(s, err, codes.Aborted, "ETAG_MISMATCH")
		_, err = leads.DeleteLead(s.ctx, &pb.DeleteLeadRequest{Name: "leads/ann", Etag: made.Etag})
		want.OK(s, err)
		_, err = leads.GetLead(s.ctx, &pb.GetLeadRequest{Name: "leads/ann"})
		want.Error(s, err, codes.NotFound, "LEAD_NOT_FOUND")
		_, err = leads.DeleteLead(s.ctx, &pb.DeleteLeadRequest{Name: "leads/ann"})
		want.Error(s, err, codes.NotFound, "LEAD_NOT_FOUND")
		_, err = leads.DeleteLead(s.ctx, &pb.DeleteLeadRequest{Name: "leads/ann", AllowMissing: true})
		want.OK(s, err)
		again := s.create(&pb.Lead{Email: "ann@example.com"}) // its identities are free again
		want.Prefix(s, "name chosen by the server", again.Name, "leads/")
	})
}

func TestUpdateChangesWhatTheMaskNames(t *testing.T) {
	tell(t, func(s *story) {
		first := s.createAs("bob", &pb.Lead{Email: "bob@example.com", Company: "Acme", Country: "AT",
			Attributes: map[string]string{"age": "30", "job": "admin."}})

		second := s.update(&pb.Lead{Name: first.Name, Company: "Globex", Country: "DE"}, "company")
		want.Equal(s, "company", second.Company, "Globex")
		want.Equal(s, "country, not in the mask", second.Country, "AT")
		want.True(s, second.Etag != first.Etag, "the etag did not change")
		want.Same(s, "create_time", second.CreateTime, first.CreateTime)

		third := s.update(&pb.Lead{Name: first.Name, Attributes: map[string]string{"job": "technician", "age": "99"}}, "attributes.job")
		want.Equal(s, "job", third.Attributes["job"], "technician")
		want.Equal(s, "age, not in the mask", third.Attributes["age"], "30")

		fourth := s.update(&pb.Lead{Name: first.Name, Attributes: map[string]string{"city": "Graz"}}, "attributes")
		want.Equal(s, "attributes", fmt.Sprint(fourth.Attributes), fmt.Sprint(map[string]string{"city": "Graz"}))

		fifth := s.update(&pb.Lead{Name: first.Name, FullName: "Bob B."}) // no mask: what is set
		want.Equal(s, "full_name", fifth.FullName, "Bob B.")
		want.Equal(s, "company", fifth.Company, "Globex")
		want.Equal(s, "email", fifth.Email, "bob@example.com")

		sixth := s.update(&pb.Lead{Name: first.Name}, "company") // named but unset: cleared
		want.Equal(s, "company", sixth.Company, "")
		want.Same(s, "lead read", s.get(first.Name), sixth)
	})
}

func TestUpdateRefusals(t *testing.T) {
	tell(t, func(s *story) {
		leads := s.h.Leads()
		old := s.createAs("cara", &pb.Lead{Email: "cara@example.com", Company: "A"})
		s.createAs("dan", &pb.Lead{Email: "dan@example.com"})
		fresh := s.update(&pb.Lead{Name: old.Name, Etag: old.Etag, Company: "B"}, "company")

		_, err := leads.UpdateLead(s.ctx, &pb.UpdateLeadRequest{Lead: &pb.Lead{Name: old.Name, Etag: old.Etag, Company: "C"}})
		want.Error(s, err, codes.Aborted, "ETAG_MISMATCH")
		_, err = leads.UpdateLead(s.ctx, &pb.UpdateLeadRequest{Lead: &pb.Lead{Name: old.Name, Email: "dan@example.com"}})
		want.Error(s, err, codes.AlreadyExists, "IDENTITY_TAKEN")
		for _, path := range []string{"triage", "engagement.value", "create_time", "nonsense", "attributes.", ""} {
			_, err = leads.UpdateLead(s.ctx, &pb.UpdateLeadRequest{Lead: &pb.Lead{Name: old.Name, Company: "C"},
				UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{path}}})
			want.Error(s, err, codes.InvalidArgument, "UPDATE_MASK_INVALID")
			want.True(s, len(want.Violations(err)) > 0, "mask %q: no violation", path)
		}
		want.Same(s, "the lead after refused changes", s.get(old.Name), fresh)

		_, err = leads.UpdateLead(s.ctx, &pb.UpdateLeadRequest{Lead: &pb.Lead{Name: "leads/nobody", Company: "C"}})
		want.Error(s, err, codes.NotFound, "LEAD_NOT_FOUND")
		made, err := leads.UpdateLead(s.ctx, &pb.UpdateLeadRequest{Lead: &pb.Lead{Name: "leads/nobody", Company: "C"}, AllowMissing: true})
		want.OK(s, err)
		want.Same(s, "lead made by allow_missing", s.get("leads/nobody"), made)
	})
}

func TestValidateOnlyChangesNothing(t *testing.T) {
	tell(t, func(s *story) {
		leads := s.h.Leads()
		checked, err := leads.CreateLead(s.ctx, &pb.CreateLeadRequest{LeadId: "eve", Lead: &pb.Lead{Email: "Eve@example.com"}, ValidateOnly: true})
		want.OK(s, err)
		want.Equal(s, "email", checked.Email, "eve@example.com")
		_, err = leads.GetLead(s.ctx, &pb.GetLeadRequest{Name: "leads/eve"})
		want.Error(s, err, codes.NotFound, "LEAD_NOT_FOUND")

		made := s.createAs("eve", &pb.Lead{Email: "eve@example.com", Company: "A"})
		_, err = leads.CreateLead(s.ctx, &pb.CreateLeadRequest{LeadId: "eve", Lead: &pb.Lead{ExternalId: "x"}, ValidateOnly: true})
		want.Error(s, err, codes.AlreadyExists, "LEAD_ALREADY_EXISTS")
		_, err = leads.CreateLead(s.ctx, &pb.CreateLeadRequest{Lead: &pb.Lead{Email: "eve@example.com"}, ValidateOnly: true})
		want.Error(s, err, codes.AlreadyExists, "IDENTITY_TAKEN")
		changed, err := leads.UpdateLead(s.ctx, &pb.UpdateLeadRequest{Lead: &pb.Lead{Name: made.Name, Company: "B"}, ValidateOnly: true})
		want.OK(s, err)
		want.Equal(s, "company in the answer", changed.Company, "B")
		want.Same(s, "the lead afterwards", s.get(made.Name), made)
	})
}

func TestLeadLimits(t *testing.T) {
	long := func(n int) string { return strings.Repeat("x", n) }
	many := func(n int) map[string]string {
		m := map[string]string{}
		for i := range n {
			m[fmt.Sprintf("a%d", i)] = "1"
		}
		return m
	}
	attribute := func(name, value string) *pb.Lead { return &pb.Lead{Attributes: map[string]string{name: value}} }
	refused := []struct {
		request       *pb.CreateLeadRequest
		reason, field string
	}{
		{&pb.CreateLeadRequest{}, "FIELD_REQUIRED", "lead"},
		{&pb.CreateLeadRequest{Lead: &pb.Lead{}}, "FIELD_REQUIRED", "lead"},
		{&pb.CreateLeadRequest{Lead: &pb.Lead{Email: "a@b.example"}, LeadId: "Not_An_Id"}, "FIELD_INVALID", "lead_id"},
		{&pb.CreateLeadRequest{Lead: &pb.Lead{Email: "a@b.example"}, LeadId: long(64)}, "FIELD_INVALID", "lead_id"},
		{&pb.CreateLeadRequest{Lead: &pb.Lead{Email: "a@b.example"}, RequestId: "short"}, "FIELD_INVALID", "request_id"},
		{&pb.CreateLeadRequest{Lead: &pb.Lead{Email: "a@b.example"}, RequestId: "umlaut-ä-12345"}, "FIELD_INVALID", "request_id"},
		{&pb.CreateLeadRequest{Lead: &pb.Lead{Email: "not an address"}}, "FIELD_INVALID", "lead.email"},
		{&pb.CreateLeadRequest{Lead: &pb.Lead{Email: long(250) + "@b.example"}}, "FIELD_TOO_LONG", "lead.email"},
		{&pb.CreateLeadRequest{Lead: &pb.Lead{Phone: "no digits"}}, "FIELD_INVALID", "lead.phone"},
		{&pb.CreateLeadRequest{Lead: &pb.Lead{Phone: "+1234"}}, "FIELD_INVALID", "lead.phone"},
		{&pb.CreateLeadRequest{Lead: &pb.Lead{Phone: "123456789012345678901"}}, "FIELD_INVALID", "lead.phone"},
		{&pb.CreateLeadRequest{Lead: &pb.Lead{ExternalId: long(129)}}, "FIELD_TOO_LONG", "lead.external_id"},
		{&pb.CreateLeadRequest{Lead: &pb.Lead{Email: "a@b.example", Company: long(257)}}, "FIELD_TOO_LONG", "lead.company"},
		{&pb.CreateLeadRequest{Lead: &pb.Lead{Email: "a@b.example", TimeZone: long(257)}}, "FIELD_TOO_LONG", "lead.time_zone"},
		{&pb.CreateLeadRequest{Lead: &pb.Lead{Attributes: many(513)}}, "FIELD_TOO_LONG", "lead.attributes"},
		{&pb.CreateLeadRequest{Lead: attribute("a", long(4097))}, "FIELD_TOO_LONG", "lead.attributes"},
		{&pb.CreateLeadRequest{Lead: attribute(long(129), "1")}, "FIELD_TOO_LONG", "lead.attributes"},
		{&pb.CreateLeadRequest{Lead: attribute("", "1")}, "FIELD_INVALID", "lead.attributes"},
	}
	tell(t, func(s *story) {
		for i, c := range refused {
			_, err := s.h.Leads().CreateLead(s.ctx, c.request)
			if err == nil {
				s.Fatalf("case %d (%s %s) was taken", i, c.reason, c.field)
			}
			want.Violation(s, err, c.reason, c.field)
		}
		page, err := s.h.Leads().ListLeads(s.ctx, &pb.ListLeadsRequest{})
		want.OK(s, err)
		want.Equal(s, "leads stored by refused calls", len(page.Leads), 0)

		atTheLimit := &pb.Lead{Email: long(242) + "@b.example.x", ExternalId: long(128), Company: long(256), Attributes: many(512)}
		atTheLimit.Attributes["a0"] = long(4096)
		made := s.create(atTheLimit)
		want.Equal(s, "attributes", len(made.Attributes), 512)
	})
}

func TestBatchCreateGivesEachRowItsStatus(t *testing.T) {
	tell(t, func(s *story) {
		s.createAs("known", &pb.Lead{Email: "known@example.com", Company: "A"})
		s.createAs("other", &pb.Lead{ExternalId: "crm-9"})
		rows := []*pb.Lead{
			{Email: "new@example.com"},
			{Email: "KNOWN@example.com", Company: "B"},
			{Email: "not an address"},
			{Email: "known@example.com", ExternalId: "crm-9"}, // two leads' identities
			{ExternalId: "crm-10", Attributes: map[string]string{"age": "20"}},
			{Email: "new@example.com", Company: "twice in one call"},
		}
		reply, err := s.h.Leads().BatchCreateLeads(s.ctx, &pb.BatchCreateLeadsRequest{Leads: rows})
		want.OK(s, err)
		want.Equal(s, "results", len(reply.Results), len(rows))
		r := reply.Results
		want.Row(s, r[2].Status, codes.InvalidArgument, "FIELD_INVALID", "leads[2].email")
		want.Row(s, r[3].Status, codes.FailedPrecondition, "IDENTITY_AMBIGUOUS", "")
		for _, i := range []int{0, 1, 4, 5} {
			want.RowOK(s, r[i].Status)
		}
		want.True(s, r[0].Created && r[4].Created && !r[1].Created && !r[5].Created, "created flags: %v", r)
		want.Equal(s, "lead of the known row", r[1].Lead, "leads/known")
		want.Equal(s, "lead of the repeated row", r[5].Lead, r[0].Lead)
		want.Equal(s, "company laid over", s.get("leads/known").Company, "B")
		want.Equal(s, "company of the repeated row", s.get(r[0].Lead).Company, "twice in one call")

		_, err = s.h.Leads().BatchCreateLeads(s.ctx, &pb.BatchCreateLeadsRequest{})
		want.Violation(s, err, "FIELD_REQUIRED", "leads")
		over := make([]*pb.Lead, 1001)
		for i := range over {
			over[i] = &pb.Lead{ExternalId: fmt.Sprint(i)}
		}
		_, err = s.h.Leads().BatchCreateLeads(s.ctx, &pb.BatchCreateLeadsRequest{Leads: over})
		want.Violation(s, err, "FIELD_TOO_LONG", "leads")
	})
}

func TestEverythingSurvivesARestart(t *testing.T) {
	tell(t, func(s *story) {
		lead := s.createAs("frank", &pb.Lead{Email: "frank@example.com", Attributes: map[string]string{"job": "services"}})
		s.ingest(event("frank-1", lead.Name, "page_view", 0))
		reply := s.triageNamed(lead.Name)
		before := []proto.Message{s.get(lead.Name), s.decision(reply.Decision.Name, pb.DecisionView_DECISION_VIEW_FULL)}
		want.OK(s, s.h.Restart())
		want.Same(s, "lead", s.get(lead.Name), before[0])
		want.Same(s, "decision", s.decision(reply.Decision.Name, pb.DecisionView_DECISION_VIEW_FULL), before[1])
		score := s.score(&pb.Lead{Attributes: map[string]string{"job": "services"}})
		want.OK(s, s.h.Kill())
		want.OK(s, s.h.Up())
		want.Same(s, "lead after a kill", s.get(lead.Name), before[0])
		again := s.score(&pb.Lead{Attributes: map[string]string{"job": "services"}})
		again.CreateTime = score.CreateTime
		want.Same(s, "the score of the same lead", again, score)
	})
}
