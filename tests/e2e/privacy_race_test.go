package e2e

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/want"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

// writes are the ways to add to what is kept about a lead that a caller names, each with the canary.
func (s *story) writes(name string) map[string]func(ctx context.Context, i int) error {
	h := s.h
	return map[string]func(ctx context.Context, i int) error{
		"update": func(ctx context.Context, i int) error {
			_, err := h.Leads().UpdateLead(ctx, &pb.UpdateLeadRequest{Lead: &pb.Lead{Name: name, Company: fmt.Sprint(canary, i)}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"company"}}, RequestId: requestID()})
			return err
		},
		"update of nothing": func(ctx context.Context, _ int) error {
			_, err := h.Leads().UpdateLead(ctx, &pb.UpdateLeadRequest{Lead: &pb.Lead{Name: name, Source: canary + "-fair"}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"source"}}, RequestId: requestID()})
			return err
		},
		"event": func(ctx context.Context, i int) error {
			reply, err := h.Leads().IngestEvents(ctx, &pb.IngestEventsRequest{RequestId: requestID(), Events: []*pb.LeadEvent{{EventId: fmt.Sprint(canary, "-race-", i), Lead: name, Type: "page_view", Attributes: map[string]string{"page": canary}}}})
			if err == nil && reply.Statuses[0].Code != 0 {
				return status.Error(codes.Code(reply.Statuses[0].Code), reply.Statuses[0].Message)
			}
			return err
		},
		"triage": func(ctx context.Context, _ int) error {
			_, err := h.Triage().TriageLead(ctx, &pb.TriageLeadRequest{Lead: &pb.Lead{Name: name, FullName: canary + " Doe"}, Explain: true, RequestId: requestID()})
			return err
		},
		"outcome": func(ctx context.Context, _ int) error {
			_, err := h.Leads().RecordOutcome(ctx, &pb.RecordOutcomeRequest{Parent: name, Outcome: &pb.Outcome{Converted: true}, RequestId: requestID()})
			return err
		},
		"consent": func(ctx context.Context, i int) error {
			_, err := h.Engage().UpdateConsent(ctx, &pb.UpdateConsentRequest{Name: name, RequestId: requestID(),
				Consent: &pb.Consent{Purpose: fmt.Sprint("purpose-", i%8), State: pb.Consent_STATE_GRANTED, Source: canary, IpAddress: canary}})
			return err
		},
		"merge": func(ctx context.Context, i int) error {
			twin, err := h.Leads().CreateLead(ctx, &pb.CreateLeadRequest{Lead: &pb.Lead{ExternalId: fmt.Sprint("twin-", i)}})
			if err != nil {
				return err
			}
			_, err = h.Leads().MergeLeads(ctx, &pb.MergeLeadsRequest{Name: name, Duplicate: twin.Name, RequestId: requestID()})
			return err
		},
		"export": func(ctx context.Context, _ int) error {
			stream, err := h.Audit().ExportSubject(ctx, &pb.ExportSubjectRequest{Name: name})
			for err == nil {
				_, err = stream.Recv()
			}
			if err.Error() == "EOF" {
				return nil
			}
			return err
		},
	}
}

// until repeats a write until the lead is gone, as fast as a busy client does, and tells when it went well.
func until(ctx context.Context, write func(ctx context.Context, i int) error, done func()) error {
	for i := 0; ; i++ {
		time.Sleep(10 * time.Millisecond)
		switch err := write(ctx, i); status.Code(err) {
		case codes.OK:
			done()
		case codes.NotFound:
			return nil
		case codes.Aborted: // lost to the others too often
		default:
			return err
		}
	}
}

// eraseAmid erases as a client does that heeds CONFLICT: again, until it won.
func (s *story) eraseAmid(name string) *pb.Erasure {
	s.Helper()
	for {
		_, err := s.h.Audit().EraseSubject(s.ctx, &pb.EraseSubjectRequest{Name: name, RequestId: requestID()})
		if status.Code(err) != codes.Aborted {
			want.OK(s, err)
			return s.erase(name)
		}
	}
}

// Whoever writes about a person while it is being erased leaves nothing behind either.
func TestAnErasureAmidWritersLeavesNothing(t *testing.T) {
	tell(t, func(s *story) {
		lead := s.person()
		var writers, before sync.WaitGroup // before: until each has gone well once
		for what, write := range s.writes(lead.Name) {
			before.Add(1)
			done := sync.OnceFunc(before.Done)
			writers.Go(func() {
				defer done()
				if err := until(s.ctx, write, done); err != nil {
					s.Errorf("%s: %v", what, err)
				}
			})
		}
		before.Wait()
		want.True(s, !s.Failed(), "not every way to write went well before the erasure")
		want.Equal(s, "state", s.eraseAmid(lead.Name).State, pb.Erasure_STATE_DONE)
		writers.Wait()
		want.Equal(s, "left", s.hits(), "")
		for _, table := range []string{"lead_event", "outcome", "contact", "consent_entry", "lead_identity_moved", "lead_alias"} {
			want.Equal(s, "rows of "+table, fmt.Sprint(s.sql("SELECT count(*) FROM "+table)), "[[0]]")
		}
		want.True(s, s.sealed().Damage == nil, "the chain holds")
	})
}
