package e2e

import (
	"fmt"
	"testing"
	"time"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/house"
	"github.com/marketing-agents/marketing/tests/e2e/mailsink"
	"github.com/marketing-agents/marketing/tests/e2e/want"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

// queue plans so many marketing mails to the lead, which leave one after the other, five a second.
func (s *story) queue(lead string, n int) *mailsink.Sink {
	s.Helper()
	sink := s.mails(s.T)
	_, err := s.h.Engage().UpdateChannel(s.ctx, &pb.UpdateChannelRequest{Channel: &pb.Channel{Name: "channels/mail", MessagesPerSecond: 5},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"messages_per_second"}}})
	want.OK(s, err)
	s.putTemplate("news", "marketing", "News", "News for you. No more of it: {{unsubscribe_url}}")
	s.atAnyTime()
	s.consents(lead)
	for range n {
		s.planNews(lead)
	}
	return sink
}

func (s *story) planNews(lead string) {
	s.Helper()
	_, err := s.h.Engage().EngageLead(s.ctx, &pb.EngageLeadRequest{Lead: lead, Template: "templates/news", Medium: pb.Medium_MEDIUM_EMAIL, RequestId: requestID()})
	want.OK(s, err)
}

// arrives waits until so many more mails have come.
func (s *story) arrives(sink *mailsink.Sink, more int) {
	s.Helper()
	n := len(sink.Mails()) + more
	want.Soon(s, fmt.Sprint(n, " mails have come"), func() (bool, any) { return len(sink.Mails()) >= n, len(sink.Mails()) })
}

// end waits until so many messages of the lead are refused, and none is to come.
func (s *story) end(lead string, refused int) {
	s.Helper()
	want.Soon(s, fmt.Sprint(refused, " messages of ", lead, " are refused"), func() (bool, any) {
		states := s.states(lead)
		return states["STATE_REFUSED"] == refused && states["STATE_SCHEDULED"]+states["STATE_SENDING"] == 0, states
	})
}

// A lead unsubscribes while a thousand mails to it are leaving. From a second after the answer none leaves: not after a restart, not from a backup that
// is older than the unsubscribe, even where the operator says to send what is overdue, and not after an import that brings the address back.
func TestAnUnsubscribeEndsWhatIsQueued(t *testing.T) {
	o := house.Options{Env: []string{"CHANNEL_HOSTS=127.0.0.1", "PUBLIC_URL=https://news.example"}}
	tellWith(t, o, func(s *story) {
		const queued = 1000
		lead := s.create(&pb.Lead{Email: "enough@queue.example", FullName: "Ann Enough"}).Name
		sink := s.queue(lead, queued)
		s.arrives(sink, 3)
		restore := s.backUp()
		s.arrives(sink, 3)
		_, err := s.h.Engage().Unsubscribe(s.ctx, &pb.UnsubscribeRequest{Lead: lead, Source: "call"})
		want.OK(s, err)
		answered := time.Now()
		want.OK(s, s.h.Restart())
		time.Sleep(time.Until(answered.Add(time.Second)))
		left := len(sink.Mails())
		want.True(s, left < queued/2, "%d mails have left: too few are queued to prove anything", left)
		s.end(lead, queued-left)

		want.OK(s, s.h.Stop())
		o := s.h.Options
		o.Database = restore()
		s.h = house.New(t, o)
		kept := 0 // in the backup: what had not left by then
		for _, m := range s.allMessagesTo(lead) {
			if m.State == pb.Message_STATE_SCHEDULED {
				kept++
			}
		}
		want.True(s, kept > queued/2, "the backup has only %d mails that are to leave", kept)
		s.resumeDelivery(pb.ResumeDeliveryRequest_OVERDUE_SEND)
		s.end(lead, kept)

		for i := range 2 { // the lead is there; then it was deleted, and comes as a new one
			s.imports(&pb.LeadImportSpec{ImportId: fmt.Sprint("again-", i)}, "email,full_name\nenough@queue.example,Ann Again\n")
			back := s.allLeads(`full_name = "Ann Again"`, 10)
			want.Equal(s, "leads of the address", len(back), 1)
			s.planNews(back[0].Name)
			s.end(back[0].Name, kept+1)
			_, err = s.h.Leads().DeleteLead(s.ctx, &pb.DeleteLeadRequest{Name: back[0].Name})
			want.OK(s, err)
			kept = 0
		}
		want.Equal(s, "mails after the unsubscribe", len(sink.Mails()), left)
	})
}
