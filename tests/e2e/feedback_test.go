package e2e

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/house"
	"github.com/marketing-agents/marketing/tests/e2e/want"
	"google.golang.org/grpc/codes"
)

// welcomed sends the lead a welcome and returns the message, which has left.
func (s *story) welcomed(lead string) *pb.Message {
	s.Helper()
	before := len(s.messagesTo(lead))
	_, err := s.h.Engage().EngageLead(s.ctx, &pb.EngageLeadRequest{Lead: lead, Template: "templates/welcome", Medium: pb.Medium_MEDIUM_EMAIL, RequestId: requestID()})
	want.OK(s, err)
	all := s.settled(lead, before+1)
	m := all[len(all)-1]
	want.Equal(s, "state", m.State, pb.Message_STATE_SENT)
	return m
}

func (s *story) message(name string) *pb.Message {
	s.Helper()
	m, err := s.h.Engage().GetMessage(s.ctx, &pb.GetMessageRequest{Name: name})
	want.OK(s, err)
	return m
}

// logged counts the log's events of an action.
func (s *story) logged(action string) int {
	s.Helper()
	page, err := s.h.Audit().ListAuditEvents(s.ctx, &pb.ListAuditEventsRequest{Filter: fmt.Sprintf("action = %q", action), PageSize: 1000})
	want.OK(s, err)
	return len(page.AuditEvents)
}

// An adapter reports the same over and over, some calls at once, with the server killed in between: everything happened once. It makes the lead more
// engaged and ends a wait of its journey.
func TestWhatBecameOfAMessageIsRecordedOnce(t *testing.T) {
	tellWith(t, house.Options{Gateway: true, Env: []string{"CHANNEL_HOSTS=127.0.0.1"}}, func(s *story) {
		s.mails(t)
		s.publishJourney("follow", &pb.Journey{
			Entry: &pb.JourneyEntry{Event: "lead.triaged"}, Steps: []*pb.JourneyStep{waitStep("look", time.Hour, "message.clicked", "")}})
		cold := s.triage(&pb.Lead{Email: "ann@feedback.example"})
		m := s.welcomed(cold.Lead)
		s.eventually(cold.Lead, "at look")
		body := fmt.Sprintf(`{"events": [{"event_id": "d", "transport_id": "<%s>", "type": "TYPE_DELIVERED"}, {"event_id": "o", "message": %q, "type": "TYPE_OPENED"},
			{"event_id": "c", "message": %q, "type": "TYPE_CLICKED", "url": "https://shop.example/"}, {"event_id": "x", "message": "messages/none", "type": "TYPE_OPENED"}]}`,
			m.TransportId, m.Name, m.Name)
		recorded := 0
		report := func() {
			var calls sync.WaitGroup
			replies := make([]*house.Answer, 5)
			for i := range replies {
				calls.Go(func() { replies[i], _ = s.h.REST("POST", "/v1/deliveryEvents:record", []byte(body)) })
			}
			calls.Wait()
			for _, r := range replies {
				want.Equal(s, "code", r.Code, 200)
				var reply struct {
					RecordedCount int `json:"recorded_count"`
					Statuses      []struct{ Reason string }
				}
				want.OK(s, json.Unmarshal(r.Body, &reply))
				recorded += reply.RecordedCount
				want.Equal(s, "reason of the message that there is not", reply.Statuses[3].Reason, "MESSAGE_NOT_FOUND")
			}
		}
		report()
		want.OK(s, s.h.Kill())
		want.OK(s, s.h.Up())
		report()
		want.Equal(s, "recorded", recorded, 3)
		for _, action := range []string{"message.delivered", "message.opened", "message.clicked"} {
			want.Equal(s, action, s.logged(action), 1)
		}
		got := s.message(m.Name)
		want.Equal(s, "opens", got.OpenCount, 1)
		want.True(s, got.DeliverTime != nil && got.ClickTime != nil && got.BounceTime == nil, "times: %v", got)
		s.eventually(cold.Lead, "left EXIT_CAUSE_FINISHED")
		warm := s.triageNamed(cold.Lead)
		want.True(s, warm.Decision.Engagement.Score > cold.Decision.Engagement.Score, "engagement %v, before %v", warm.Decision.Engagement.Score, cold.Decision.Engagement.Score)
	})
}

// After a hard bounce nothing leaves to the address; a complaint ends all that needs consent; and callers cannot make up either.
func TestBouncesAndComplaintsForbid(t *testing.T) {
	tellWith(t, sendsToLoopback, func(s *story) {
		sink := s.mails(t)
		lead := s.create(&pb.Lead{Email: "gone@feedback.example"}).Name
		m := s.welcomed(lead)
		reply, err := s.h.Engage().RecordDeliveryEvents(s.ctx, &pb.RecordDeliveryEventsRequest{Events: []*pb.DeliveryEvent{
			{EventId: "b", Message: m.Name, Type: pb.DeliveryEvent_TYPE_BOUNCED, Status: "5.1.1"}, {EventId: "s", Message: m.Name, Type: pb.DeliveryEvent_TYPE_COMPLAINED}}})
		want.OK(s, err)
		want.Equal(s, "recorded", reply.RecordedCount, 2)
		_, err = s.h.Engage().EngageLead(s.ctx, &pb.EngageLeadRequest{Lead: lead, Template: "templates/welcome", Medium: pb.Medium_MEDIUM_EMAIL, RequestId: requestID()})
		want.OK(s, err)
		want.Equal(s, "state", s.settled(lead, 2)[1].State, pb.Message_STATE_REFUSED)
		want.Equal(s, "mails", len(sink.Mails()), 1)
		found, err := s.h.Engage().GetSuppression(s.ctx, &pb.GetSuppressionRequest{Name: "suppressions/-", Email: "gone@feedback.example"})
		want.OK(s, err)
		causes := []string{}
		for _, e := range found.Entries {
			causes = append(causes, e.Cause.String())
		}
		want.Equal(s, "causes", fmt.Sprint(causes), "[CAUSE_HARD_BOUNCE CAUSE_COMPLAINT CAUSE_UNSUBSCRIBE]")
		forged := s.ingest(&pb.LeadEvent{EventId: "f", Lead: lead, Type: "message.clicked"})
		want.Equal(s, "a forged click", forged.Statuses[0].Reason, "FIELD_INVALID")
		viewer, err := s.h.NewKey(s.ctx, "looker", "roles/viewer")
		want.OK(s, err)
		_, err = s.h.Engage().RecordDeliveryEvents(house.As(s.ctx, viewer), &pb.RecordDeliveryEventsRequest{})
		want.Error(s, err, codes.PermissionDenied, "PERMISSION_MISSING")
	})
}
