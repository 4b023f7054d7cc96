package e2e

import (
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/want"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"
)

func TestEventsAreStoredOnce(t *testing.T) {
	tell(t, func(s *story) {
		lead := s.createAs("hal", &pb.Lead{Email: "hal@example.com", ExternalId: "crm-h"})
		twice := event("e-1", lead.Name, "page_view", time.Hour)
		reply := s.ingest(twice, event("e-2", "", "email_open", time.Minute), twice)
		want.Row(s, reply.Statuses[1], codes.InvalidArgument, "FIELD_REQUIRED", "events[1].lead")
		want.True(s, reply.StoredCount == 1 && reply.DuplicateCount == 1, "counts: %v", reply)
		byEmail := &pb.LeadEvent{EventId: "e-2", Email: "HAL@example.com", Type: "email_open"}
		byExternal := &pb.LeadEvent{EventId: "e-3", ExternalId: "crm-h", Type: "email_open"}
		reply = s.ingest(twice, byEmail, byExternal)
		want.True(s, reply.StoredCount == 2 && reply.DuplicateCount == 1, "counts: %v", reply)

		before := s.get(lead.Name)
		want.Equal(s, "events counted", before.Engagement.EventCount, 3)
		reply = s.ingest(twice, byEmail, byExternal)
		want.True(s, reply.StoredCount == 0 && reply.DuplicateCount == 3, "counts: %v", reply)
		want.Same(s, "lead after known events", s.get(lead.Name), before)
		page, err := s.h.Leads().ListLeadEvents(s.ctx, &pb.ListLeadEventsRequest{Parent: lead.Name})
		want.OK(s, err)
		want.Equal(s, "events", len(page.Events), 3)
		want.Equal(s, "the oldest", page.Events[0].EventId, "e-1")
		want.True(s, page.Events[0].IngestTime != nil, "no ingest time")
	})
}

func TestTheSameEventFromFiftyCallersIsStoredOnce(t *testing.T) {
	tell(t, func(s *story) {
		lead := s.createAs("ida", &pb.Lead{Email: "ida@example.com"})
		e := event("once", lead.Name, "demo_request", time.Hour)
		var stored, duplicates int32
		var mu sync.Mutex
		inParallel(s, 50, func(int) {
			reply, err := s.h.Leads().IngestEvents(s.ctx, &pb.IngestEventsRequest{Events: []*pb.LeadEvent{e}})
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				s.Errorf("ingest: %v", err)
				return
			}
			stored += reply.StoredCount
			duplicates += reply.DuplicateCount
		})
		want.True(s, stored == 1 && duplicates == 49, "stored %d, duplicates %d", stored, duplicates)
		want.Equal(s, "events counted", s.get(lead.Name).Engagement.EventCount, 1)
	})
}

// inParallel runs body(0..n-1) at once and waits for all.
func inParallel(t testing.TB, n int, body func(i int)) {
	t.Helper()
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { body(i) })
	}
	all.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

func TestABadEventDoesNotSpoilItsNeighbours(t *testing.T) {
	tell(t, func(s *story) {
		lead := s.createAs("jo", &pb.Lead{Email: "jo@example.com"})
		many := map[string]string{}
		for i := range 65 {
			many[fmt.Sprint(i)] = "x"
		}
		bad := func(change func(*pb.LeadEvent)) *pb.LeadEvent {
			e := event("bad", lead.Name, "page_view", 0)
			change(e)
			return e
		}
		reply := s.ingest(
			event("good-1", lead.Name, "page_view", 0),
			bad(func(e *pb.LeadEvent) { e.EventId = "" }),
			bad(func(e *pb.LeadEvent) { e.Type = "Page View" }),
			bad(func(e *pb.LeadEvent) { e.Lead = "leads/none" }),
			bad(func(e *pb.LeadEvent) { e.EventTime = timestamppb.New(time.Now().Add(25 * time.Hour)) }),
			bad(func(e *pb.LeadEvent) { e.Attributes = many }),
			bad(func(e *pb.LeadEvent) { e.EventTime = &timestamppb.Timestamp{Seconds: math.MaxInt64} }),
			event("good-2", lead.Name, "page_view", 0),
		)
		want.RowOK(s, reply.Statuses[0])
		want.Row(s, reply.Statuses[1], codes.InvalidArgument, "FIELD_REQUIRED", "events[1].event_id")
		want.Row(s, reply.Statuses[2], codes.InvalidArgument, "FIELD_INVALID", "events[2].type")
		want.Row(s, reply.Statuses[3], codes.NotFound, "LEAD_NOT_FOUND", "")
		want.Row(s, reply.Statuses[4], codes.InvalidArgument, "FIELD_OUT_OF_RANGE", "events[4].event_time")
		want.Row(s, reply.Statuses[5], codes.InvalidArgument, "FIELD_TOO_LONG", "events[5].attributes")
		want.Equal(s, "code of an impossible time", codes.Code(reply.Statuses[6].Code), codes.InvalidArgument)
		want.RowOK(s, reply.Statuses[7])
		want.Equal(s, "stored", reply.StoredCount, 2)
	})
}

// weight is what an engagement model gives an event type.
func weight(m *pb.EngagementModel, kind string) float64 {
	if w, ok := m.Weights[kind]; ok {
		return w
	}
	return m.DefaultWeight
}

func TestEngagementDecaysByTheModel(t *testing.T) {
	tell(t, func(s *story) {
		model, err := s.h.Models().GetEngagementModel(s.ctx, &pb.GetEngagementModelRequest{})
		want.OK(s, err)
		want.Equal(s, "version of the prior", model.Version, 0)
		want.Equal(s, "half-life of the prior", model.HalfLifeDays, 7.0)
		halfLife := model.HalfLifeDays * 24 * float64(time.Hour)
		decay := func(age time.Duration) float64 { return math.Exp2(-float64(age) / halfLife) }

		lead := s.createAs("kim", &pb.Lead{Email: "kim@example.com"})
		now := time.Now()
		at := func(id, kind string, ago time.Duration) *pb.LeadEvent {
			return &pb.LeadEvent{EventId: id, Lead: lead.Name, Type: kind, EventTime: timestamppb.New(now.Add(-ago))}
		}
		week := 7 * 24 * time.Hour
		s.ingest(at("1", "page_view", 2*week), at("2", "demo_request", week))
		s.ingest(at("3", "email_open", 3*week)) // older than what was counted: added decayed
		state := s.get(lead.Name).Engagement
		want.True(s, state.AsOfTime.AsTime().Sub(now.Add(-week)).Abs() < time.Millisecond, "as_of_time %v", state.AsOfTime.AsTime())
		sum := weight(model, "demo_request") + weight(model, "page_view")*decay(week) + weight(model, "email_open")*decay(2*week)
		want.Near(s, "value", state.Value, sum, 1e-9)

		d := s.triageNamed(lead.Name).Decision
		age := d.CreateTime.AsTime().Sub(state.AsOfTime.AsTime())
		value := state.Value * decay(age)
		want.Near(s, "value when deciding", d.Engagement.Value, value, 1e-6)
		score := 1 / (1 + math.Exp(-(model.Intercept + model.Slope*math.Log1p(value))))
		want.Near(s, "engagement score", d.Engagement.Score, score, 1e-6)
		want.Equal(s, "half-life in the decision", d.Engagement.HalfLifeDays, 7.0)

		fresh := s.score(&pb.Lead{Name: lead.Name, Email: "kim@example.com", Engagement: &pb.EngagementState{Value: state.Value, AsOfTime: timestamppb.Now(), EventCount: 3}})
		old := s.score(&pb.Lead{Email: "kim@example.com", Engagement: &pb.EngagementState{Value: state.Value, AsOfTime: timestamppb.New(now.Add(-10 * week)), EventCount: 3}})
		want.True(s, fresh.Engagement.Score > d.Engagement.Score && d.Engagement.Score > old.Engagement.Score,
			"scores do not fall with age: %v, %v, %v", fresh.Engagement.Score, d.Engagement.Score, old.Engagement.Score)
	})
}

func TestOutcomesAreRecorded(t *testing.T) {
	tell(t, func(s *story) {
		reply := s.triage(&pb.Lead{Email: "lou@example.com"})
		record := func(parent string, o *pb.Outcome) (*pb.Outcome, error) {
			return s.h.Leads().RecordOutcome(s.ctx, &pb.RecordOutcomeRequest{Parent: parent, Outcome: o})
		}
		made, err := record(reply.Lead, &pb.Outcome{Converted: true, Currency: "EUR", ValueMicros: 99_000_000})
		want.OK(s, err)
		want.Prefix(s, "name", made.Name, reply.Lead+"/outcomes/")
		want.Equal(s, "the decision it judges", made.Decision, reply.Decision.Name)
		want.True(s, made.OutcomeTime != nil && made.ValueMicros == 99_000_000, "outcome: %v", made)

		_, err = record("leads/none", &pb.Outcome{Converted: true})
		want.Error(s, err, codes.NotFound, "LEAD_NOT_FOUND")
		_, err = record(reply.Lead, nil)
		want.Violation(s, err, "FIELD_REQUIRED", "outcome")
		_, err = record(reply.Lead, &pb.Outcome{Currency: "Euro", ValueMicros: 1})
		want.Violation(s, err, "FIELD_INVALID", "outcome.currency")
		_, err = record(reply.Lead, &pb.Outcome{Decision: "decisions/none"})
		want.Error(s, err, codes.NotFound, "DECISION_NOT_FOUND")
	})
}

func TestFitEngagementModelNeedsOutcomes(t *testing.T) {
	tell(t, func(s *story) {
		_, err := s.h.Models().FitEngagementModel(s.ctx, &pb.FitEngagementModelRequest{})
		want.Error(s, err, codes.FailedPrecondition, "DATA_INSUFFICIENT")
		var events []*pb.LeadEvent
		var leads []*pb.Lead
		for i := range 160 {
			leads = append(leads, &pb.Lead{ExternalId: fmt.Sprint("fit-", i)})
		}
		made, err := s.h.Leads().BatchCreateLeads(s.ctx, &pb.BatchCreateLeadsRequest{Leads: leads})
		want.OK(s, err)
		for i, r := range made.Results {
			converts := i%2 == 0
			n := 1 + i%3
			if converts {
				n += 4
			}
			for j := range n {
				events = append(events, event(fmt.Sprintf("fit-%d-%d", i, j), r.Lead, "page_view", time.Duration(1+(i*7+j*5)%20)*24*time.Hour))
			}
		}
		for len(events) > 0 {
			n := min(len(events), 1000)
			s.ingest(events[:n]...)
			events = events[n:]
		}
		for i, r := range made.Results {
			_, err := s.h.Leads().RecordOutcome(s.ctx, &pb.RecordOutcomeRequest{Parent: r.Lead, Outcome: &pb.Outcome{Converted: i%2 == 0}})
			want.OK(s, err)
		}
		fitted, err := s.h.Models().FitEngagementModel(s.ctx, &pb.FitEngagementModelRequest{})
		want.OK(s, err)
		want.True(s, fitted.Version >= 1 && fitted.HalfLifeDays > 0 && fitted.Slope > 0, "fitted: %v", fitted)
		want.Equal(s, "leads it was fitted on", fitted.TrainingLeads, 160)
		now, err := s.h.Models().GetEngagementModel(s.ctx, &pb.GetEngagementModelRequest{})
		want.OK(s, err)
		want.Same(s, "model in service", now, fitted)
		d := s.triageNamed(made.Results[0].Lead).Decision
		want.Equal(s, "version in the decision", d.Engagement.EngagementModelVersion, fitted.Version)
	})
}
