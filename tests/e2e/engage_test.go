package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/house"
	"github.com/marketing-agents/marketing/tests/e2e/mailsink"
	"github.com/marketing-agents/marketing/tests/e2e/want"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

var sendsToLoopback = house.Options{Env: []string{"CHANNEL_HOSTS=127.0.0.1"}}

// mails sets up a channel to a sink and a published template "welcome".
func (s *story) mails(t *testing.T) *mailsink.Sink {
	s.Helper()
	sink := mailsink.Start(t)
	_, err := s.h.Engage().CreateChannel(s.ctx, &pb.CreateChannelRequest{ChannelId: "mail", Channel: &pb.Channel{Medium: pb.Medium_MEDIUM_EMAIL,
		Smtp: &pb.SmtpSettings{Host: "127.0.0.1", Port: int32(sink.Port), Security: pb.SmtpSettings_SECURITY_NONE, FromAddress: "news@sender.example"}}})
	want.OK(s, err)
	s.putTemplate("welcome", "transactional", "Welcome, {{full_name}}", "Good to have you, {{full_name}}.")
	return sink
}

func (s *story) putTemplate(id, purpose, subject, text string) {
	s.Helper()
	_, err := s.h.Engage().CreateTemplate(s.ctx, &pb.CreateTemplateRequest{TemplateId: id, Template: &pb.Template{Purpose: purpose, DefaultLocale: "en",
		Fields:   []*pb.TemplateField{{Path: "full_name", DefaultValue: "friend"}},
		Contents: []*pb.TemplateContent{{Medium: pb.Medium_MEDIUM_EMAIL, Locale: "en", Subject: subject, Text: text}}}})
	want.OK(s, err)
	_, err = s.h.Engage().PublishTemplate(s.ctx, &pb.PublishTemplateRequest{Name: "templates/" + id})
	want.OK(s, err)
}

// settled waits until the lead has so many messages and none of them is under way.
func (s *story) settled(lead string, n int) []*pb.Message {
	s.Helper()
	var all []*pb.Message
	want.Soon(s, fmt.Sprint(n, " messages of ", lead, " are done"), func() (bool, any) {
		all = s.messagesTo(lead)
		return len(all) == n && !slices.ContainsFunc(all, func(m *pb.Message) bool {
			return m.State == pb.Message_STATE_SCHEDULED || m.State == pb.Message_STATE_SENDING
		}), all
	})
	return all
}

// The first hop: a lead that triage qualifies for campaigns gets its welcome, a cold one does not; a server that is killed in between sends no
// second one.
func TestAQualifiedLeadIsWelcomedOnce(t *testing.T) {
	tellWith(t, sendsToLoopback, func(s *story) {
		sink := s.mails(t)
		s.publishJourney("welcome", &pb.Journey{
			Entry: &pb.JourneyEntry{Event: "lead.triaged", Filter: "triage.category = CAMPAIGN_QUALIFIED"},
			Steps: []*pb.JourneyStep{sendStep("hello", "welcome"), waitStep("week", 7*24*time.Hour, "", "")},
		})
		s.qualifiesWebinars()
		hot := s.triage(&pb.Lead{Email: "hot@engage.example", FullName: "Ann Hot", Source: "webinar"}).Lead
		cold := s.triage(&pb.Lead{Email: "cold@engage.example", FullName: "Ben Cold", Source: "fair"}).Lead
		m := s.settled(hot, 1)[0]
		want.Equal(s, "state", m.State, pb.Message_STATE_SENT)
		want.OK(s, s.h.Kill())
		want.OK(s, s.h.Up())
		s.triageNamed(hot)
		time.Sleep(time.Second)
		want.Equal(s, "messages of the cold lead", len(s.messagesTo(cold)), 0)
		want.Equal(s, "messages of the hot lead", len(s.messagesTo(hot)), 1)
		mails := sink.Mails()
		want.Equal(s, "mails", len(mails), 1)
		want.Equal(s, "to", mails[0].To, "hot@engage.example")
		parsed, err := mails[0].Parsed()
		want.OK(s, err)
		want.Equal(s, "subject", parsed.Header.Get("Subject"), "Welcome, Ann Hot")
		want.Equal(s, "message id", parsed.Header.Get("Message-Id"), "<"+m.TransportId+">")
	})
}

// putShared stores and publishes what share/ has of a collection, as docs/journeys.md says to.
func (s *story) putShared(collection string, stored, published proto.Message) {
	s.Helper()
	files, err := filepath.Glob("../../share/" + collection + "/*.json")
	want.OK(s, err)
	want.True(s, len(files) > 0, "no share/%s", collection)
	for _, file := range files {
		body, err := os.ReadFile(file)
		want.OK(s, err)
		s.rest("POST", "/v1/"+collection, string(body), stored)
		s.rest("POST", "/v1/"+collection+"/"+strings.TrimSuffix(filepath.Base(file), ".json")+":publish", `{}`, published)
	}
}

// What share/ has is sound, and its first hop works: who is qualified and consented is welcomed with a link to end it, who is cold is not.
func TestTheJourneysToBeginWith(t *testing.T) {
	o := house.Options{Gateway: true, Env: []string{"CHANNEL_HOSTS=127.0.0.1", "PUBLIC_URL=https://news.example", "SECRET_KEY=a secret of thirty-two characters"}}
	tellWith(t, o, func(s *story) {
		sink := mailsink.Start(t)
		_, err := s.h.Engage().CreateChannel(s.ctx, &pb.CreateChannelRequest{ChannelId: "mail", Channel: &pb.Channel{Medium: pb.Medium_MEDIUM_EMAIL, PostalAddress: "1 Example Street",
			Smtp: &pb.SmtpSettings{Host: "127.0.0.1", Port: int32(sink.Port), Security: pb.SmtpSettings_SECURITY_NONE, FromAddress: "news@sender.example", FromName: "Example Ltd"}}})
		want.OK(s, err)
		s.putShared("templates", &pb.Template{}, &pb.Template{})
		s.putShared("journeys", &pb.Journey{}, &pb.Journey{})
		s.qualifiesWebinars()
		s.atAnyTime()
		warm, cold := s.create(&pb.Lead{Email: "warm@share.example", FullName: "Ann Warm", Source: "webinar"}).Name, s.create(&pb.Lead{Email: "cold@share.example"}).Name
		for _, lead := range []string{warm, cold} {
			s.consents(lead)
			s.triageNamed(lead)
		}
		want.Equal(s, "state", s.settled(warm, 1)[0].State, pb.Message_STATE_SENT)
		time.Sleep(time.Second)
		want.Equal(s, "messages of the cold lead", len(s.messagesTo(cold)), 0)
		want.Equal(s, "mails", len(sink.Mails()), 1)
		words, err := sink.Mails()[0].Read()
		want.OK(s, err)
		want.Equal(s, "subject", words.Subject, "Good to meet you, Ann Warm")
		for _, part := range []string{words.Text, words.HTML} {
			want.True(s, strings.Contains(part, "Hello Ann Warm,") && strings.Contains(part, "https://news.example/u/") && strings.Contains(part, "Example Ltd, 1 Example Street"), "part: %s", part)
		}
		s.rendersShared()
	})
}

// rendersShared renders every template for a lead of which no more is known than its address.
func (s *story) rendersShared() {
	s.Helper()
	page, err := s.h.Engage().ListTemplates(s.ctx, &pb.ListTemplatesRequest{})
	want.OK(s, err)
	for _, template := range page.Templates {
		said, err := s.h.Engage().RenderTemplate(s.ctx, &pb.RenderTemplateRequest{Name: template.Name, SampleLead: &pb.Lead{Email: "bare@share.example"}, Medium: pb.Medium_MEDIUM_EMAIL})
		want.OK(s, err)
		want.True(s, said.Subject != "" && strings.HasPrefix(said.Text, "Hello,\n") && strings.Contains(said.Html, "<p"), "%s: %v", template.Name, said)
	}
}

// qualifiesWebinars puts a policy into service by which leads from webinars are qualified and all others cold.
func (s *story) qualifiesWebinars() {
	s.Helper()
	policy := &pb.RoutingPolicy{Rules: []*pb.RoutingRule{
		{Id: "webinar", Filter: `source = "webinar"`, Category: pb.LeadCategory_LEAD_CATEGORY_CAMPAIGN_QUALIFIED, Priority: pb.Priority_PRIORITY_HIGH, Destination: pb.AgentType_AGENT_TYPE_ENGAGE},
		{Id: "rest", Category: pb.LeadCategory_LEAD_CATEGORY_COLD_LEAD, Priority: pb.Priority_PRIORITY_LOW, Destination: pb.AgentType_AGENT_TYPE_MEMORY}}}
	_, err := s.h.Triage().CreateRoutingPolicy(s.ctx, &pb.CreateRoutingPolicyRequest{RoutingPolicyId: "webinars", RoutingPolicy: policy})
	want.OK(s, err)
	_, err = s.h.Triage().PublishRoutingPolicy(s.ctx, &pb.PublishRoutingPolicyRequest{Name: "routingPolicies/webinars"})
	want.OK(s, err)
}

// EngageLead says what the gate would say, plans once a request id, and sends what may leave.
func TestEngageLead(t *testing.T) {
	tellWith(t, sendsToLoopback, func(s *story) {
		sink := s.mails(t)
		s.putTemplate("offer", "transactional", "An offer", "For you, {{full_name}}: 20 %")
		lead := s.create(&pb.Lead{Email: "ann@engage.example", FullName: "Ann {{7*7}} <b>"})
		ask := func(change func(*pb.EngageLeadRequest)) *pb.EngageLeadRequest {
			r := &pb.EngageLeadRequest{Lead: lead.Name, Template: "templates/welcome", Medium: pb.Medium_MEDIUM_EMAIL, RequestId: requestID()}
			change(r)
			return r
		}
		tried, err := s.h.Engage().EngageLead(s.ctx, ask(func(r *pb.EngageLeadRequest) { r.ValidateOnly = true }))
		want.OK(s, err)
		want.Equal(s, "verdict", tried.Decision.Verdict, pb.SendVerdict_SEND_VERDICT_PASS)
		want.Equal(s, "name", tried.Message.Name, "")
		want.Equal(s, "messages", len(s.messagesTo(lead.Name)), 0)
		request := ask(func(*pb.EngageLeadRequest) {})
		first, err := s.h.Engage().EngageLead(s.ctx, request)
		want.OK(s, err)
		again, err := s.h.Engage().EngageLead(s.ctx, request)
		want.OK(s, err)
		want.Same(s, "reply", again, first)
		want.Equal(s, "state", s.settled(lead.Name, 1)[0].State, pb.Message_STATE_SENT)
		body := string(sink.Mails()[0].Raw)
		want.True(s, strings.Contains(body, "Ann {{7*7}} <b>"), "the name is data: %s", body)
		later, err := s.h.Engage().EngageLead(s.ctx, ask(func(r *pb.EngageLeadRequest) { r.SendTime = timestamppb.New(time.Now().Add(time.Hour)) }))
		want.OK(s, err)
		_, err = s.h.Engage().CancelMessage(s.ctx, &pb.CancelMessageRequest{Name: later.Message.Name})
		want.OK(s, err)
		_, err = s.h.Engage().EngageLead(s.ctx, ask(func(r *pb.EngageLeadRequest) { r.Template = "templates/none" }))
		want.Error(s, err, codes.NotFound, "TEMPLATE_NOT_FOUND")
		_, err = s.h.Engage().EngageLead(s.ctx, ask(func(r *pb.EngageLeadRequest) { r.Channel = "channels/none" }))
		want.Error(s, err, codes.NotFound, "CHANNEL_NOT_FOUND")
		_, err = s.h.Engage().EngageLead(s.ctx, ask(func(r *pb.EngageLeadRequest) { r.Medium = 0 }))
		want.Error(s, err, codes.InvalidArgument, "FIELD_REQUIRED")
	})
}

// consents records that a lead wants marketing mails.
func (s *story) consents(lead string) {
	s.Helper()
	_, err := s.h.Engage().UpdateConsent(s.ctx, &pb.UpdateConsentRequest{Name: lead, Consent: &pb.Consent{Purpose: "marketing", Medium: pb.Medium_MEDIUM_EMAIL,
		State: pb.Consent_STATE_GRANTED, Source: "form on the website"}})
	want.OK(s, err)
}

// atAnyTime takes quiet hours, caps and the hold-out group out of the rules of sending.
func (s *story) atAnyTime() {
	s.Helper()
	policy, err := s.h.Engage().GetSendPolicy(s.ctx, &pb.GetSendPolicyRequest{})
	want.OK(s, err)
	for _, p := range policy.Purposes {
		p.RespectsCaps, p.RespectsQuietHours, p.RespectsHoldOut = false, false, false
	}
	_, err = s.h.Engage().UpdateSendPolicy(s.ctx, &pb.UpdateSendPolicyRequest{SendPolicy: policy})
	want.OK(s, err)
}

// A marketing mail bears a one-click link. To follow it needs no login; looking at it changes nothing; after it nothing leaves, though a thousand
// messages are planned, over a restart too.
func TestOneClickEndsAllMarketing(t *testing.T) {
	o := house.Options{Gateway: true, Env: []string{"CHANNEL_HOSTS=127.0.0.1", "PUBLIC_URL=https://news.example", "SECRET_KEY=a secret of thirty-two characters"}}
	tellWith(t, o, func(s *story) {
		sink := s.mails(t)
		s.putTemplate("news", "marketing", "News", "News for you. No more of it: {{unsubscribe_url}}")
		s.atAnyTime()
		lead := s.create(&pb.Lead{Email: "one@click.example"}).Name
		s.consents(lead)
		plan := func(in time.Duration) {
			_, err := s.h.Engage().EngageLead(s.ctx, &pb.EngageLeadRequest{Lead: lead, Template: "templates/news", Medium: pb.Medium_MEDIUM_EMAIL,
				SendTime: timestamppb.New(time.Now().Add(in)), RequestId: requestID()})
			want.OK(s, err)
		}
		plan(0)
		want.Equal(s, "state", s.settled(lead, 1)[0].State, pb.Message_STATE_SENT)
		m, err := sink.Mails()[0].Parsed()
		want.OK(s, err)
		want.Equal(s, "List-Unsubscribe-Post", m.Header.Get("List-Unsubscribe-Post"), "List-Unsubscribe=One-Click")
		link := strings.Trim(m.Header.Get("List-Unsubscribe"), "<>")
		path, ours := strings.CutPrefix(link, "https://news.example")
		want.True(s, ours, "link: %s", link)

		const queued = 1000
		for range queued {
			plan(time.Hour)
		}
		looked, err := s.h.REST("GET", path, nil, "Authorization: ")
		want.OK(s, err)
		want.Equal(s, "GET", looked.Code, 200)
		bent, err := s.h.REST("POST", altered(path), nil, "Authorization: ")
		want.OK(s, err)
		want.Equal(s, "an altered link", bent.Code, 404)
		for range 2 {
			done, err := s.h.REST("POST", path, []byte("List-Unsubscribe=One-Click"), "Authorization: ", "Content-Type: application/x-www-form-urlencoded")
			want.OK(s, err)
			want.Equal(s, "POST", done.Code, 200)
		}
		s.comeDue()
		s.end(lead, queued)
		want.Equal(s, "states", fmt.Sprint(s.states(lead)), fmt.Sprint(map[string]int{"STATE_REFUSED": queued, "STATE_SENT": 1}))
		want.Equal(s, "mails", len(sink.Mails()), 1)
	})
}

// comeDue has all that is planned become due, over a restart.
func (s *story) comeDue() {
	s.Helper()
	want.OK(s, s.h.Stop())
	_, err := s.h.Query(fmt.Sprint("UPDATE message SET due_time = 0 WHERE state = ", int(pb.Message_STATE_SCHEDULED)))
	want.OK(s, err)
	want.OK(s, s.h.Up())
}

func (s *story) allMessagesTo(lead string) []*pb.Message {
	s.Helper()
	page, err := s.h.Engage().ListMessages(s.ctx, &pb.ListMessagesRequest{Lead: lead, PageSize: 1000})
	want.OK(s, err)
	all := page.Messages
	for page.NextPageToken != "" {
		page, err = s.h.Engage().ListMessages(s.ctx, &pb.ListMessagesRequest{Lead: lead, PageSize: 1000, PageToken: page.NextPageToken})
		want.OK(s, err)
		all = append(all, page.Messages...)
	}
	return all
}

// states counts the messages of a lead by their state.
func (s *story) states(lead string) map[string]int {
	s.Helper()
	states := map[string]int{}
	for _, m := range s.allMessagesTo(lead) {
		states[m.State.String()]++
	}
	return states
}

// An address that was suppressed gets nothing, whatever is planned for it.
func TestNothingLeavesToWhoUnsubscribed(t *testing.T) {
	tellWith(t, sendsToLoopback, func(s *story) {
		sink := s.mails(t)
		lead := s.create(&pb.Lead{Email: "gone@engage.example"})
		for range 20 {
			_, err := s.h.Engage().EngageLead(s.ctx, &pb.EngageLeadRequest{Lead: lead.Name, Template: "templates/welcome", Medium: pb.Medium_MEDIUM_EMAIL,
				SendTime: timestamppb.New(time.Now().Add(time.Hour)), RequestId: requestID()})
			want.OK(s, err)
		}
		_, err := s.h.Engage().CreateSuppression(s.ctx, &pb.CreateSuppressionRequest{Email: "gone@engage.example", Cause: pb.Suppression_CAUSE_COMPLAINT})
		want.OK(s, err)
		s.comeDue()
		states := map[string]int{}
		for _, m := range s.settled(lead.Name, 20) {
			states[m.State.String()]++
		}
		want.Equal(s, "states", fmt.Sprint(states), fmt.Sprint(map[string]int{"STATE_REFUSED": 20}))
		want.Equal(s, "mails", len(sink.Mails()), 0)
	})
}
