package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/house"
	"github.com/marketing-agents/marketing/tests/e2e/want"
	"google.golang.org/grpc/codes"
)

// canary is in every text that the test writes about the person.
const canary = "canary7q"

// planted is a lead with the canary in every text field.
func planted(n string) *pb.Lead {
	return &pb.Lead{Email: canary + n + "@privacy.example", Phone: "+43 1 555 01 " + n, ExternalId: canary + "-crm" + n, FullName: canary + " Doe", Company: canary + " Ltd",
		JobTitle: canary + " chief", Source: canary + "-fair", Attributes: map[string]string{"note": "about " + canary, canary + "_column": "1"}}
}

// person makes a lead with everything that can be kept about one, all of it with the canary; a second lead is merged into it.
func (s *story) person() *pb.Lead {
	s.Helper()
	made, err := s.h.Triage().TriageLead(s.ctx, &pb.TriageLeadRequest{Lead: planted("01"), Explain: true, RequestId: requestID()})
	want.OK(s, err)
	lead := s.get(made.Lead)
	twin := s.triage(planted("02"))
	for _, name := range []string{lead.Name, twin.Lead} {
		s.consent(name, &pb.Consent{Purpose: canary, State: pb.Consent_STATE_GRANTED, Source: canary + " form", TextVersion: canary, IpAddress: canary, UserAgent: canary})
	}
	s.ingest(&pb.LeadEvent{EventId: canary + "-event", Lead: lead.Name, Type: "page_view", Attributes: map[string]string{"page": "/" + canary}})
	_, err = s.h.Triage().OverrideDecision(s.ctx, &pb.OverrideDecisionRequest{Name: made.Decision.Name, Category: pb.LeadCategory_LEAD_CATEGORY_COLD_LEAD,
		Destination: pb.AgentType_AGENT_TYPE_MEMORY, Priority: pb.Priority_PRIORITY_LOW, Justification: canary + " said so", RequestId: requestID()})
	want.OK(s, err)
	_, err = s.h.Leads().RecordOutcome(s.ctx, &pb.RecordOutcomeRequest{Parent: lead.Name, Outcome: &pb.Outcome{Converted: true}})
	want.OK(s, err)
	_, err = s.h.Leads().MergeLeads(s.ctx, &pb.MergeLeadsRequest{Name: lead.Name, Duplicate: twin.Lead, RequestId: requestID()})
	want.OK(s, err)
	rejected := s.imports(&pb.LeadImportSpec{ImportId: "rejects"}, fmt.Sprintf("email,phone,full_name\n%s01@PRIVACY.example,12,%s\nother@privacy.example,12,Other\n",
		strings.ToUpper(canary), "somebody"))
	want.Equal(s, "rejected", rejected.RejectedCount, 2)
	return lead
}

func (s *story) erase(name string) *pb.Erasure {
	s.Helper()
	e, err := s.h.Audit().EraseSubject(s.ctx, &pb.EraseSubjectRequest{Name: name, RequestId: requestID()})
	want.OK(s, err)
	want.Soon(s, "the erasure ends", func() (bool, any) {
		e, err = s.h.Audit().GetErasure(s.ctx, &pb.GetErasureRequest{Name: e.Name})
		want.OK(s, err)
		return e.State == pb.Erasure_STATE_DONE, e
	})
	return e
}

// everything is what lies on the disk for the house: the database's files, or a dump of it, and the server's log.
func (s *story) everything() map[string][]byte {
	s.Helper()
	all := map[string][]byte{"log": []byte(s.h.Log())}
	if s.h.Options.Store == house.PostgreSQL {
		dump, err := exec.Command("pg_dump", "-d", s.h.DatabaseURL).Output()
		want.OK(s, err)
		all["pg_dump"] = dump
		return all
	}
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(s.h.DatabaseFile() + suffix)
		want.OK(s, err)
		all["file"+suffix] = b
	}
	return all
}

func (s *story) hits() string { return s.find(canary, fmt.Sprintf("%x", canary), "431555010") }

// find says where texts lie on the disk, in whatever case.
func (s *story) find(texts ...string) string {
	s.Helper()
	found := ""
	for name, b := range s.everything() {
		b = lower(b)
		for _, text := range texts {
			if n := bytes.Count(b, lower([]byte(text))); n > 0 {
				at := bytes.Index(b, lower([]byte(text)))
				found += fmt.Sprintf("%d times %q in %s, once as %q; ", n, text, name, b[max(0, at-60):min(len(b), at+60)])
			}
		}
	}
	return found
}

// lower makes letters of ASCII small, and leaves all other bytes: what is no UTF-8 is something else to bytes.ToLower.
func lower(b []byte) []byte {
	small := bytes.Clone(b)
	for i, c := range small {
		if 'A' <= c && c <= 'Z' {
			small[i] += 'a' - 'A'
		}
	}
	return small
}

// keys are those of all persons, as they are and in hex.
func (s *story) keys() []string {
	s.Helper()
	var all []string
	for _, row := range s.sql("SELECT " + s.h.Hex("subject_key") + " FROM lead UNION ALL SELECT " + s.h.Hex("subject_key") + " FROM lead_ended") {
		key, err := house.Bytes(row[0])
		want.OK(s, err)
		want.Equal(s, "bytes of a key", len(key), 40)
		all = append(all, string(key), fmt.Sprintf("%x", key))
	}
	return all
}

func TestNothingIsLeftOfAnErasedPerson(t *testing.T) {
	tell(t, func(s *story) {
		lead := s.person()
		keys := s.keys()
		want.Equal(s, "keys of a lead and of the one that was merged into it", len(keys), 4)
		want.True(s, s.find(keys...) != "", "the keys are found before")
		other := s.triage(&pb.Lead{Email: "other-person@privacy.example", FullName: "Other Person"})
		want.True(s, s.hits() != "", "the canary is found before")
		e := s.erase(lead.Name)
		want.Equal(s, "left", s.hits(), "")
		want.Equal(s, "keys left", s.find(keys...), "")

		_, err := s.h.Leads().GetLead(s.ctx, &pb.GetLeadRequest{Name: lead.Name})
		want.Error(s, err, codes.NotFound, "LEAD_NOT_FOUND")
		counts := map[string]int64{}
		for _, store := range e.Stores {
			counts[store.Store] = store.Count
		}
		want.Equal(s, "stores", fmt.Sprint(counts), fmt.Sprint(map[string]int64{"lead": 1, "lead_identity": 6, "lead_alias": 1, "lead_event": 1, "outcome": 1, "message": 0, "enrollment": 0, "contact": 1, "consent_entry": 2, "choice": 0, "decision": 3, "subject_key": 2, "lead_ended_identity": 0,
			"idempotency": 5, "lead_import_reject": 1}))
		kept := s.get(other.Lead)
		want.Equal(s, "another person", kept.FullName, "Other Person")
		want.True(s, s.decision(other.Decision.Name, pb.DecisionView_DECISION_VIEW_FULL).Inputs != nil, "another person's decision keeps its inputs")
		v := s.sealed()
		want.True(s, v.Damage == nil, "the chain holds: %v", v)

		certificate, err := s.h.Audit().GetErasureCertificate(s.ctx, &pb.GetErasureCertificateRequest{Name: e.Name})
		want.OK(s, err)
		want.True(s, len(certificate.Signature) == 64 && len(certificate.Erasure) > 0, "certificate: %v", certificate)
	})
}

// The log is kept when a person is erased, so it must hold nothing of what was written about one.
func TestTheLogHoldsIdsOnly(t *testing.T) {
	tell(t, func(s *story) {
		s.person()
		text := "lower(action || subject || conversation || decision_id || principal || method || request_id)"
		for _, row := range s.sql("SELECT " + text + ", " + s.h.Hex("payload") + " FROM event") {
			payload, err := house.Bytes(row[1])
			want.OK(s, err)
			want.True(s, !strings.Contains(row[0], canary) && !bytes.Contains(bytes.ToLower(payload), []byte(canary)), "an entry holds it: %q %q", row[0], payload)
		}
	})
}

func TestAnErasedPersonsDecisionsStayWithoutWhatTheyWereTakenFrom(t *testing.T) {
	tell(t, func(s *story) {
		made := s.triage(planted("01"))
		s.erase(made.Lead)
		d := s.decision(made.Decision.Name, pb.DecisionView_DECISION_VIEW_FULL)
		want.True(s, d.Category == made.Decision.Category && d.Inputs == nil, "the decision: %v", d)
		_, err := s.h.Triage().ReplayDecision(s.ctx, &pb.ReplayDecisionRequest{Name: made.Decision.Name})
		want.Error(s, err, codes.FailedPrecondition, "REPLAY_IMPOSSIBLE")
		_, err = s.h.Audit().EraseSubject(s.ctx, &pb.EraseSubjectRequest{Name: "leads/none"})
		want.Error(s, err, codes.NotFound, "LEAD_NOT_FOUND")
	})
}

// Deleting forgets the lead, not the person: who asks for it later is erased with what was merged into the lead.
func TestADeletedLeadIsErasedLater(t *testing.T) {
	tell(t, func(s *story) {
		made, twin := s.triage(planted("01")), s.triage(planted("02"))
		_, err := s.h.Leads().MergeLeads(s.ctx, &pb.MergeLeadsRequest{Name: made.Lead, Duplicate: twin.Lead, RequestId: requestID()})
		want.OK(s, err)
		_, err = s.h.Leads().DeleteLead(s.ctx, &pb.DeleteLeadRequest{Name: made.Lead, RequestId: requestID()})
		want.OK(s, err)
		inputs := func(of *pb.Decision) bool {
			return s.decision(of.Name, pb.DecisionView_DECISION_VIEW_FULL).Inputs != nil
		}
		want.True(s, inputs(made.Decision) && inputs(twin.Decision), "both decisions are whole")
		keys := s.keys()
		s.erase(made.Lead)
		want.True(s, !inputs(made.Decision) && !inputs(twin.Decision), "neither has inputs")
		want.Equal(s, "keys left", s.find(keys...), "")
		back := s.create(planted("02"))
		suppressed := false
		for _, m := range s.export(back.Name) {
			suppressed = suppressed || m.Suppressed
		}
		want.True(s, suppressed, "the merged lead's address is suppressed")
	})
}

// export is everything that ExportSubject tells.
func (s *story) export(name string) []*pb.ExportSubjectResponse {
	s.Helper()
	stream, err := s.h.Audit().ExportSubject(s.ctx, &pb.ExportSubjectRequest{Name: name})
	want.OK(s, err)
	var all []*pb.ExportSubjectResponse
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return all
		}
		want.OK(s, err)
		all = append(all, m)
	}
}

func TestAPersonIsToldWhatIsKept(t *testing.T) {
	tell(t, func(s *story) {
		lead := s.person()
		parts := map[string]int{}
		for _, m := range s.export(lead.Name) {
			switch {
			case m.Lead != nil:
				parts["lead"]++
			case m.Alias != "":
				parts["alias"]++
			case m.Event != nil:
				parts["event"]++
			case m.Outcome != nil:
				parts["outcome"]++
			case m.Decision != nil:
				parts["decision"]++
			}
		}
		want.Equal(s, "parts", fmt.Sprint(parts), fmt.Sprint(map[string]int{"lead": 1, "alias": 4, "event": 1, "outcome": 1, "decision": 3}))
	})
}

func TestAnErasedPersonWhoComesBackIsSuppressed(t *testing.T) {
	tell(t, func(s *story) {
		first := s.create(planted("01"))
		suppressed := func(name string) bool {
			for _, m := range s.export(name) {
				if m.Suppressed {
					return true
				}
			}
			return false
		}
		want.True(s, !suppressed(first.Name), "not before")
		s.erase(first.Name)
		s.imports(&pb.LeadImportSpec{ImportId: "again"}, "email,full_name\n"+canary+"01@privacy.example,Back Again\nnobody@privacy.example,New\n")
		back := s.allLeads(`full_name = "Back Again"`, 10)
		want.Equal(s, "leads that came back", len(back), 1)
		want.True(s, suppressed(back[0].Name), "the same address")
		want.True(s, !suppressed(s.allLeads(`full_name = "New"`, 10)[0].Name), "another address")
	})
}

// Each table either is erased from, or is known to hold nothing about a person.
func TestEveryTableIsKnownToPrivacy(t *testing.T) {
	erased := []string{"lead", "lead_identity", "lead_identity_moved", "lead_alias", "lead_event", "outcome", "message", "enrollment", "contact", "consent_entry", "choice", "decision", "idempotency", "lead_import_reject", "erasure", "suppression", "lead_ended",
		"lead_ended_identity"}
	impersonal := []string{"schema_migration", "event", "routing_policy", "active_version", "model_version", "model_file", "lead_import", "engagement_model", "journey", "journey_backfill", "reaction_cursor", "reaction_parked", "audit_seal", "audit_cursor",
		"audit_checkpoint", "suppression_key", "template", "channel", "send_policy", "installation", "chooser_level"}
	tell(t, func(s *story) {
		tables := "SELECT name FROM sqlite_master WHERE type = 'table'"
		if s.h.Options.Store == house.PostgreSQL {
			tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
		}
		known := map[string]bool{}
		for _, name := range append(erased, impersonal...) {
			known[name] = true
		}
		for _, row := range s.sql(tables) {
			want.True(s, known[row[0]] || strings.HasPrefix(row[0], "iam_"), "table %s: is it erased from?", row[0])
		}
	})
}
