// Package e2e tells the system's stories over gRPC, reflection and REST, against the real server on both databases.
package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/house"
	"github.com/marketing-agents/marketing/tests/e2e/want"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

func TestMain(m *testing.M) { os.Exit(house.Main(m.Run)) }

const (
	// patience is how long anything may take that takes moments on a machine with no other work.
	patience  = 2 * time.Minute
	storyTime = 10 * time.Minute
)

// story is one test in one house: calls that must succeed, in short.
type story struct {
	*testing.T
	h   *house.House
	ctx context.Context
}

// tell runs a story on both databases.
func tell(t *testing.T, body func(s *story)) {
	t.Helper()
	tellWith(t, house.Options{}, body)
}

func tellWith(t *testing.T, o house.Options, body func(s *story)) {
	t.Helper()
	t.Parallel()
	house.EachStore(t, o, func(t *testing.T, h *house.House) {
		ctx, cancel := context.WithTimeout(context.Background(), storyTime)
		t.Cleanup(cancel)
		body(&story{T: t, h: h, ctx: ctx})
	})
}

// altered is a text with another letter in its middle.
func altered(text string) string {
	at, letter := len(text)/2, "A"
	if text[at] == 'A' {
		letter = "B"
	}
	return text[:at] + letter + text[at+1:]
}

// requestID is a new request id.
func requestID() string { return fmt.Sprintf("e2e-%016x", rand.Uint64()) }

func (s *story) create(lead *pb.Lead) *pb.Lead {
	s.Helper()
	made, err := s.h.Leads().CreateLead(s.ctx, &pb.CreateLeadRequest{Lead: lead})
	want.OK(s, err)
	return made
}

func (s *story) createAs(id string, lead *pb.Lead) *pb.Lead {
	s.Helper()
	made, err := s.h.Leads().CreateLead(s.ctx, &pb.CreateLeadRequest{Lead: lead, LeadId: id})
	want.OK(s, err)
	want.Equal(s, "name", made.Name, "leads/"+id)
	return made
}

func (s *story) get(name string) *pb.Lead {
	s.Helper()
	lead, err := s.h.Leads().GetLead(s.ctx, &pb.GetLeadRequest{Name: name})
	want.OK(s, err)
	return lead
}

func (s *story) update(lead *pb.Lead, paths ...string) *pb.Lead {
	s.Helper()
	changed, err := s.h.Leads().UpdateLead(s.ctx, &pb.UpdateLeadRequest{Lead: lead, UpdateMask: &fieldmaskpb.FieldMask{Paths: paths}})
	want.OK(s, err)
	return changed
}

func (s *story) triage(lead *pb.Lead) *pb.TriageLeadResponse {
	s.Helper()
	reply, err := s.h.Triage().TriageLead(s.ctx, &pb.TriageLeadRequest{Lead: lead})
	want.OK(s, err)
	return reply
}

func (s *story) triageNamed(name string) *pb.TriageLeadResponse {
	s.Helper()
	reply, err := s.h.Triage().TriageLead(s.ctx, &pb.TriageLeadRequest{LeadName: name})
	want.OK(s, err)
	return reply
}

// triageAll triages the leads in batches and returns their decisions; every row must succeed.
func (s *story) triageAll(leads []*pb.Lead) []*pb.Decision {
	s.Helper()
	var decisions []*pb.Decision
	for len(leads) > 0 {
		n := min(len(leads), 500)
		reply, err := s.h.Triage().BatchTriageLeads(s.ctx, &pb.BatchTriageLeadsRequest{Leads: leads[:n]})
		want.OK(s, err)
		want.Equal(s, "results", len(reply.Results), n)
		for _, r := range reply.Results {
			want.RowOK(s, r.Status)
			decisions = append(decisions, r.Decision)
		}
		leads = leads[n:]
	}
	return decisions
}

func (s *story) decision(name string, view pb.DecisionView) *pb.Decision {
	s.Helper()
	d, err := s.h.Triage().GetDecision(s.ctx, &pb.GetDecisionRequest{Name: name, View: view})
	want.OK(s, err)
	return d
}

func (s *story) score(lead *pb.Lead) *pb.Decision {
	s.Helper()
	reply, err := s.h.Triage().ScoreLead(s.ctx, &pb.ScoreLeadRequest{Lead: lead})
	want.OK(s, err)
	return reply.Decision
}

func (s *story) ingest(events ...*pb.LeadEvent) *pb.IngestEventsResponse {
	s.Helper()
	reply, err := s.h.Leads().IngestEvents(s.ctx, &pb.IngestEventsRequest{Events: events})
	want.OK(s, err)
	want.Equal(s, "statuses", len(reply.Statuses), len(events))
	return reply
}

// event is an event of a lead that happened some time ago.
func event(id, lead, kind string, ago time.Duration) *pb.LeadEvent {
	return &pb.LeadEvent{EventId: id, Lead: lead, Type: kind, EventTime: timestamppb.New(time.Now().Add(-ago))}
}

// allDecisions pages through ListDecisions.
func (s *story) allDecisions(lead, filter string) []*pb.Decision {
	s.Helper()
	var all []*pb.Decision
	for token := ""; ; {
		page, err := s.h.Triage().ListDecisions(s.ctx, &pb.ListDecisionsRequest{Lead: lead, Filter: filter, PageSize: 1000, PageToken: token})
		want.OK(s, err)
		all = append(all, page.Decisions...)
		if token = page.NextPageToken; token == "" {
			return all
		}
	}
}

// allLeads pages through ListLeads.
func (s *story) allLeads(filter string, pageSize int32) []*pb.Lead {
	s.Helper()
	var all []*pb.Lead
	for token := ""; ; {
		page, err := s.h.Leads().ListLeads(s.ctx, &pb.ListLeadsRequest{Filter: filter, PageSize: pageSize, PageToken: token})
		want.OK(s, err)
		all = append(all, page.Leads...)
		if token = page.NextPageToken; token == "" {
			return all
		}
	}
}
