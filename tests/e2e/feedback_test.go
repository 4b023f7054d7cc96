package e2e

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/house"
	"github.com/marketing-agents/marketing/tests/e2e/want"
	"github.com/marketing-agents/marketing/tools/mailbox/inbox"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
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

var ourLink = regexp.MustCompile(`https://news\.example(/[co]/[A-Za-z0-9_-]+(?:\.gif)?)`)

// links are the paths of our own links in a part of a mail.
func (s *story) links(m inbox.Mail, part string) (paths []string) {
	s.Helper()
	parsed, err := m.Parsed()
	want.OK(s, err)
	_, params, err := mime.ParseMediaType(parsed.Header.Get("Content-Type"))
	want.OK(s, err)
	for parts := multipart.NewReader(parsed.Body, params["boundary"]); ; {
		p, err := parts.NextPart()
		want.OK(s, err)
		if !strings.HasPrefix(p.Header.Get("Content-Type"), part) {
			continue
		}
		text, err := io.ReadAll(p) // NextPart undoes quoted-printable
		want.OK(s, err)
		for _, found := range ourLink.FindAllStringSubmatch(string(text), -1) {
			paths = append(paths, found[1])
		}
		return paths
	}
}

// A mail leaves with links of our own. Whoever follows one gets to where it led before; the click is
// in the log once, ends a wait of the lead's journey, and leaves no trace once the person is erased.
func TestAClickLeadsOnAndMovesTheJourney(t *testing.T) {
	o := house.Options{Gateway: true, Env: []string{"CHANNEL_HOSTS=127.0.0.1", "PUBLIC_URL=https://news.example", "SECRET_KEY=a secret of thirty-two characters"}}
	tellWith(t, o, func(s *story) {
		sink := s.mails(t)
		_, err := s.h.Engage().UpdateChannel(s.ctx, &pb.UpdateChannelRequest{Channel: &pb.Channel{Name: "channels/mail", TrackClicks: true, TrackOpens: true},
			UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"track_clicks", "track_opens"}}})
		want.OK(s, err)
		_, err = s.h.Engage().CreateTemplate(s.ctx, &pb.CreateTemplateRequest{TemplateId: "shop", Template: &pb.Template{Purpose: "transactional", DefaultLocale: "en",
			Contents: []*pb.TemplateContent{{Medium: pb.Medium_MEDIUM_EMAIL, Locale: "en", Subject: "Shop", Text: "Look: https://shop.example/?a=1&b=2. Stop: {{unsubscribe_url}}",
				Html: `<p><a href="https://shop.example/?a=1&amp;b=2">Look</a> <a href="{{unsubscribe_url}}">Stop</a></p>`}}}})
		want.OK(s, err)
		_, err = s.h.Engage().PublishTemplate(s.ctx, &pb.PublishTemplateRequest{Name: "templates/shop"})
		want.OK(s, err)
		s.publishJourney("shop", &pb.Journey{Entry: &pb.JourneyEntry{Event: "lead.triaged"},
			Steps: []*pb.JourneyStep{sendStep("mail", "shop"), waitStep("look", time.Hour, "message.clicked", "")}})
		lead := s.triage(&pb.Lead{Email: "ann@click.example"}).Lead
		m := s.settled(lead, 1)[0]
		s.eventually(lead, "at look")

		mail := sink.Mails()[0]
		inText, inPage := s.links(mail, "text/plain"), s.links(mail, "text/html")
		want.Equal(s, "links of the text", len(inText), 1)
		want.Equal(s, "links of the page", len(inPage), 2)
		want.Equal(s, "the same link", inPage[0], inText[0])
		get := func(path string) *house.Answer {
			a, err := s.h.REST("GET", path, nil, "Authorization: ")
			want.OK(s, err)
			return a
		}
		for range 5 {
			a := get(inPage[0])
			want.Equal(s, "code", a.Code, 302)
			want.Equal(s, "where it leads", a.Header.Get("Location"), "https://shop.example/?a=1&b=2")
		}
		want.Equal(s, "a link that was altered", get(altered(inPage[0])).Code, 404)
		want.Equal(s, "the picture", get(inPage[1]).Code, 200)
		s.eventually(lead, "left EXIT_CAUSE_FINISHED")
		want.Soon(s, "the mail was opened", func() (bool, any) { return s.message(m.Name).OpenCount > 0, nil })
		want.Equal(s, "clicks", s.message(m.Name).ClickCount, 1)
		want.Equal(s, "opens", s.message(m.Name).OpenCount, 1)
		want.Equal(s, "clicks in the log", s.logged("message.clicked"), 1)

		_, err = s.h.Audit().EraseSubject(s.ctx, &pb.EraseSubjectRequest{Name: lead})
		want.OK(s, err)
		want.Equal(s, "after the erasure", get(inPage[0]).Code, 302)
		get(inPage[1])
		time.Sleep(200 * time.Millisecond)
		want.Equal(s, "clicks in the log", s.logged("message.clicked"), 1)
	})
}

// signed posts a report as a provider does: with a signature, and no other credential.
func (s *story) signed(secret, channel, body string) *house.Answer {
	s.Helper()
	now := time.Now().Unix()
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = fmt.Fprintf(mac, "%d.%s", now, body) // a hash takes everything
	a, err := s.h.REST("POST", "/v1/workspaces/default/channels/"+channel+"/events:receive", []byte(body), "Authorization: ",
		fmt.Sprintf("Marketing-Signature: t=%d,v1=%x", now, mac.Sum(nil)))
	want.OK(s, err)
	return a
}

// A provider posts the same bounce five times at once, and again after a crash: the address is suppressed, once. Whoever has no secret learns nothing.
func TestAProviderReportsABounce(t *testing.T) {
	tellWith(t, house.Options{Gateway: true, Env: []string{"CHANNEL_HOSTS=127.0.0.1", "SECRET_KEY=a secret of thirty-two characters"}}, func(s *story) {
		s.mails(t)
		const secret = "a secret of the provider"
		_, err := s.h.Engage().UpdateChannel(s.ctx, &pb.UpdateChannelRequest{Channel: &pb.Channel{Name: "channels/mail",
			Feedback: &pb.FeedbackSettings{SigningSecret: secret}}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"feedback"}}})
		want.OK(s, err)
		m := s.welcomed(s.create(&pb.Lead{Email: "gone@provider.example"}).Name)
		body := fmt.Sprintf(`{"events": [{"event_id": "b", "transport_id": %q, "type": "TYPE_BOUNCED", "status": "5.1.1", "detail": "no such user"}]}`, m.TransportId)
		post := func() {
			var calls sync.WaitGroup
			for range 5 {
				calls.Go(func() { want.Equal(s, "code", s.signed(secret, "mail", body).Code, 200) })
			}
			calls.Wait()
		}
		post()
		want.OK(s, s.h.Kill())
		want.OK(s, s.h.Up())
		post()
		want.Equal(s, "bounces in the log", s.logged("message.bounced"), 1)
		want.Equal(s, "bounce", s.message(m.Name).Bounce, pb.Message_BOUNCE_HARD)
		_, err = s.h.Engage().GetSuppression(s.ctx, &pb.GetSuppressionRequest{Name: "suppressions/-", Email: "gone@provider.example"})
		want.OK(s, err)
		wrong, none := s.signed("another secret, not it", "mail", body), s.signed(secret, "none", body)
		want.Equal(s, "a wrong secret", wrong.Code, 401)
		var told [2]house.Problem
		want.OK(s, json.Unmarshal(wrong.Body, &told[0]))
		want.OK(s, json.Unmarshal(none.Body, &told[1]))
		want.Equal(s, "reason", told[0].Error.Reason, "SIGNATURE_INVALID")
		want.Equal(s, "a channel that there is not", told[1].Error.Reason+told[1].Error.Message, told[0].Error.Reason+told[0].Error.Message)
	})
}

// A mailbox's pipe hands over what came back: a bounce, and a person's answer, which ends the wait of a journey; an out-of-office notice does not.
func TestMailsThatComeBackTell(t *testing.T) {
	tellWith(t, house.Options{Gateway: true, Env: []string{"CHANNEL_HOSTS=127.0.0.1"}}, func(s *story) {
		s.mails(t)
		s.publishJourney("answer", &pb.Journey{Entry: &pb.JourneyEntry{Event: "lead.triaged"}, Steps: []*pb.JourneyStep{waitStep("look", time.Hour, "message.replied", "")}})
		lead := s.triage(&pb.Lead{Email: "ann@reply.example"}).Lead
		m := s.welcomed(lead)
		s.eventually(lead, "at look")
		upload := func(sample string) (told struct {
			Kind, Message string
			Recorded      bool
		}) {
			mail, err := os.ReadFile("../fuzz/seeds/mail/" + sample + ".eml")
			want.OK(s, err)
			mail = bytes.ReplaceAll(mail, []byte("01k8hto00q1bebirn97nsu33tr@us.example"), []byte(m.TransportId))
			a, err := s.h.REST("POST", "/v1/mailReports:upload", mail, "Content-Type: message/rfc822")
			want.OK(s, err)
			want.Equal(s, "code", a.Code, 200)
			want.OK(s, json.Unmarshal(a.Body, &told))
			return told
		}
		want.Equal(s, "out of office", upload("out_of_office").Kind, "KIND_AUTOMATIC")
		want.Equal(s, "enrollments", fmt.Sprint(s.enrollments(lead)), "[at look]")
		answered := upload("reply")
		want.Equal(s, "a reply", answered.Kind+" "+answered.Message, "KIND_REPLY "+m.Name)
		want.True(s, answered.Recorded, "the reply was not recorded")
		s.eventually(lead, "left EXIT_CAUSE_FINISHED")
		want.Equal(s, "a bounce", upload("postfix_failed").Kind, "KIND_FAILED")
		want.True(s, !upload("postfix_failed").Recorded, "the same bounce was recorded twice")
		got := s.message(m.Name)
		want.True(s, got.ReplyTime != nil && got.Bounce == pb.Message_BOUNCE_HARD, "message: %v", got)
		refused, err := s.h.REST("POST", "/v1/mailReports:upload", []byte("x"), "Content-Type: text/plain")
		want.OK(s, err)
		want.Equal(s, "another media type", refused.Code, 415)
	})
}
