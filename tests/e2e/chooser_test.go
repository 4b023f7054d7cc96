package e2e

import (
	"fmt"
	"math"
	"testing"
	"time"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/house"
	"github.com/marketing-agents/marketing/tests/e2e/want"
	"google.golang.org/grpc/codes"
)

const (
	chooserWindow = 8 // seconds within which an answer counts: of a hundred some come late on a busy machine
	explore       = 0.02
)

func threeOptions() []*pb.SendOption {
	return []*pb.SendOption{
		{Template: "templates/plain", Medium: pb.Medium_MEDIUM_EMAIL},
		{Template: "templates/bright", Medium: pb.Medium_MEDIUM_EMAIL},
		{Template: "templates/long", Medium: pb.Medium_MEDIUM_EMAIL},
	}
}

// choose has a new lead engaged one of three ways.
func (s *story) choose(n int) *pb.EngageLeadResponse {
	s.Helper()
	lead := s.create(&pb.Lead{Email: fmt.Sprintf("lead%d@choose.example", n), FullName: "Ann"})
	reply, err := s.h.Engage().EngageLead(s.ctx, &pb.EngageLeadRequest{Lead: lead.Name, Options: threeOptions(), RequestId: requestID()})
	want.OK(s, err)
	s.soundChoice(reply)
	return reply
}

// soundChoice checks that the propensities are a distribution above the floor, and that the message is what was chosen.
func (s *story) soundChoice(reply *pb.EngageLeadResponse) {
	s.Helper()
	c, sum := reply.Choice, 0.0
	for _, o := range c.Options {
		want.True(s, o.Feasible && o.Propensity >= explore/float64(len(c.Options)), "option: %v", o)
		sum += o.Propensity
	}
	want.True(s, math.Abs(sum-1) < 1e-9, "sum of the propensities: %v", sum)
	chosen := c.Options[c.ChosenOption]
	want.Equal(s, "template", reply.Message.Template, chosen.Template)
	want.Equal(s, "propensity", c.Propensity, chosen.Propensity)
}

// answers reports a click on the message if it bears the template.
func (s *story) answers(template string, m *pb.Message) {
	s.Helper()
	if m.Template != template {
		return
	}
	click := &pb.DeliveryEvent{EventId: "click-" + m.Name[len("messages/"):], Message: m.Name, Type: pb.DeliveryEvent_TYPE_CLICKED}
	reply, err := s.h.Engage().RecordDeliveryEvents(s.ctx, &pb.RecordDeliveryEventsRequest{Events: []*pb.DeliveryEvent{click}})
	want.OK(s, err)
	want.Equal(s, "recorded", int(reply.RecordedCount), 1)
}

// rewarded waits until so many choices were learnt from.
func (s *story) rewarded(n int) {
	s.Helper()
	want.Soon(s, fmt.Sprint(n, " choices were learnt from"), func() (bool, any) {
		rows := s.sql("SELECT count(*) FROM choice WHERE state = 2")
		return rows[0][0] == fmt.Sprint(n), rows
	})
}

// Leads answer one of three ways only. The chooser finds it, over a kill in between; every choice is learnt from once; and an old one is chosen again
// to the bit after all that it has learnt since.
func TestTheChooserFindsWhatLeadsAnswer(t *testing.T) {
	o := house.Options{Env: []string{"CHANNEL_HOSTS=127.0.0.1", fmt.Sprintf("CHOOSER_WINDOW=%d", chooserWindow)}}
	tellWith(t, o, func(s *story) {
		s.mails(t)
		for _, id := range []string{"plain", "bright", "long"} {
			s.putTemplate(id, "transactional", "Hello, {{full_name}}", "Hello, {{full_name}}: "+id)
		}
		const rounds, each = 4, 25
		first := s.choose(0)
		want.True(s, first.Choice.Options[1].Propensity < 0.6, "nothing was known: %v", first.Choice)
		taken := 1
		for range rounds {
			for range each {
				s.answers("templates/bright", s.settled(s.choose(taken).Message.Lead, 1)[0])
				taken++
			}
			want.OK(s, s.h.Kill())
			want.OK(s, s.h.Up())
			s.rewarded(taken)
		}
		want.Equal(s, "rewards told", s.logged("choice.rewarded"), taken)
		later := s.choose(taken)
		want.True(s, later.Choice.Options[1].Propensity > 0.8, "what leads answer was not found: %v", later.Choice)
		s.replaysChoice(first)
		s.replaysChoice(later)
		s.showsWhatWasLearnt(taken)
	})
}

// showsWhatWasLearnt reads the levels page by page: those of the three templates tell them apart.
func (s *story) showsWhatWasLearnt(taken int) {
	s.Helper()
	levels, request := map[string]*pb.ChooserLevel{}, &pb.ListChooserLevelsRequest{PageSize: 2}
	for more := true; more; more = request.PageToken != "" {
		page, err := s.h.Engage().ListChooserLevels(s.ctx, request)
		want.OK(s, err)
		want.True(s, len(page.Levels) <= 2, "a page: %v", page)
		for _, l := range page.Levels {
			levels[l.Factor.String()+" "+l.Level] = l
		}
		request.PageToken = page.NextPageToken
	}
	all, plain, bright := levels["CHOOSER_FACTOR_COMMON "], levels["CHOOSER_FACTOR_TEMPLATE plain"], levels["CHOOSER_FACTOR_TEMPLATE bright"]
	want.True(s, all != nil && plain != nil && bright != nil, "levels: %v", levels)
	want.Equal(s, "trials", int(all.TrialCount), taken)
	want.Equal(s, "trials of mail", int(levels["CHOOSER_FACTOR_MEDIUM MEDIUM_EMAIL"].TrialCount), taken)
	want.Equal(s, "trials of the templates", int(plain.TrialCount+bright.TrialCount+levels["CHOOSER_FACTOR_TEMPLATE long"].TrialCount), taken)
	want.Equal(s, "mean reward of plain", plain.MeanReward, 0.0)
	want.True(s, bright.MeanReward > 0.9 && bright.Mean > plain.Mean && bright.Deviation > 0, "bright: %v, plain: %v", bright, plain)
}

func (s *story) replaysChoice(reply *pb.EngageLeadResponse) {
	s.Helper()
	d := s.decision(reply.Message.Decision, pb.DecisionView_DECISION_VIEW_FULL)
	want.Same(s, "choice", d.Choice, reply.Choice)
	want.Equal(s, "kind", d.Kind, pb.Decision_KIND_CHOICE)
	want.Equal(s, "features", len(d.Inputs.Choice.Features), 6)
	again, err := s.h.Triage().ReplayDecision(s.ctx, &pb.ReplayDecisionRequest{Name: d.Name})
	want.OK(s, err)
	want.True(s, again.Identical, "differences: %v", again.Differences)
	want.Same(s, "choice", again.Replayed.Choice, d.Choice)
	_, err = s.h.Triage().ExplainDecision(s.ctx, &pb.ExplainDecisionRequest{Name: d.Name})
	want.Error(s, err, codes.FailedPrecondition, "REPLAY_IMPOSSIBLE")
}

// What cannot be sent is not chosen; where nothing can the gate says why; the hour is one that suits the lead. After an erasure a choice is read
// without what was known of its lead.
func TestOnlyWhatMayBeSentIsChosen(t *testing.T) {
	tellWith(t, house.Options{Gateway: true, Env: []string{"CHANNEL_HOSTS=127.0.0.1"}}, func(s *story) {
		s.mails(t)
		s.putTemplate("news", "marketing", "News", "News. No more: {{unsubscribe_url}}")
		lead := s.create(&pb.Lead{Email: "ann@choose.example", TimeZone: "Asia/Kolkata"})
		ask := func(body string) *pb.EngageLeadResponse {
			reply := &pb.EngageLeadResponse{}
			s.rest("POST", "/v1/"+lead.Name+":engage", body, reply)
			return reply
		}
		open := ask(`{"choose_hour": true, "options": [{"template": "templates/welcome", "medium": "MEDIUM_EMAIL"},
			{"template": "templates/welcome", "medium": "MEDIUM_SMS"}, {"template": "templates/news", "medium": "MEDIUM_EMAIL"}]}`)
		obstacles := ""
		for _, o := range open.Choice.Options {
			obstacles += fmt.Sprintf("%v %s; ", o.Propensity, o.Obstacle)
		}
		want.Equal(s, "options", obstacles, "1 ; 0 the template has no part for the medium; 0 the lead does not consent to it now; ")
		want.Equal(s, "hours", len(open.Choice.Hours), 24)
		sum := 0.0
		for _, h := range open.Choice.Hours {
			want.Equal(s, "local hour", int(h.LocalHour), h.SendTime.AsTime().Add(330*time.Minute).Hour())
			sum += h.Propensity
		}
		want.True(s, math.Abs(sum-1) < 1e-9, "sum of the hours' propensities: %v", sum)
		want.Same(s, "send time", open.Message.SendTime, open.Choice.Hours[open.Choice.ChosenHour].SendTime)
		none := ask(`{"options": [{"template": "templates/news", "medium": "MEDIUM_EMAIL"}]}`)
		want.Equal(s, "decision", none.Message.Decision, "")
		want.Equal(s, "verdict", none.Decision.Verdict, pb.SendVerdict_SEND_VERDICT_REFUSE)
		s.refusesOptions(lead.Name)

		s.replaysChoice(open)
		_, err := s.h.Audit().EraseSubject(s.ctx, &pb.EraseSubjectRequest{Name: lead.Name, RequestId: requestID()})
		want.OK(s, err)
		d := s.decision(open.Message.Decision, pb.DecisionView_DECISION_VIEW_FULL)
		want.True(s, d.Inputs == nil && d.Choice != nil, "decision: %v", d)
		_, err = s.h.Triage().ReplayDecision(s.ctx, &pb.ReplayDecisionRequest{Name: d.Name})
		want.Error(s, err, codes.FailedPrecondition, "REPLAY_IMPOSSIBLE")
		want.Equal(s, "choices", fmt.Sprint(s.sql("SELECT count(*) FROM choice")), "[[0]]")
	})
}

func (s *story) refusesOptions(lead string) {
	s.Helper()
	mail := &pb.SendOption{Template: "templates/welcome", Medium: pb.Medium_MEDIUM_EMAIL}
	many := []*pb.SendOption{}
	for i := range 17 {
		many = append(many, &pb.SendOption{Template: fmt.Sprintf("templates/t%d", i), Medium: pb.Medium_MEDIUM_EMAIL})
	}
	for _, bad := range []struct {
		request *pb.EngageLeadRequest
		code    codes.Code
		reason  string
	}{
		{&pb.EngageLeadRequest{Options: []*pb.SendOption{mail, mail}}, codes.InvalidArgument, "FIELD_INVALID"},
		{&pb.EngageLeadRequest{Options: []*pb.SendOption{{Template: "welcome", Medium: pb.Medium_MEDIUM_EMAIL}}}, codes.InvalidArgument, "FIELD_INVALID"},
		{&pb.EngageLeadRequest{Options: []*pb.SendOption{{Template: "templates/welcome"}}}, codes.InvalidArgument, "FIELD_INVALID"},
		{&pb.EngageLeadRequest{Options: []*pb.SendOption{mail}, Template: "templates/welcome"}, codes.InvalidArgument, "FIELD_INVALID"},
		{&pb.EngageLeadRequest{Options: []*pb.SendOption{mail}, Medium: pb.Medium_MEDIUM_EMAIL}, codes.InvalidArgument, "FIELD_INVALID"},
		{&pb.EngageLeadRequest{Options: []*pb.SendOption{mail}, Channel: "channels/mail"}, codes.InvalidArgument, "FIELD_INVALID"},
		{&pb.EngageLeadRequest{Options: many}, codes.InvalidArgument, "FIELD_TOO_LONG"},
		{&pb.EngageLeadRequest{Options: many[:2]}, codes.NotFound, "TEMPLATE_NOT_FOUND"},
	} {
		bad.request.Lead = lead
		bad.request.RequestId = requestID()
		_, err := s.h.Engage().EngageLead(s.ctx, bad.request)
		want.Error(s, err, bad.code, bad.reason)
	}
}

// A journey's step chooses as EngageLead does; what cannot be sent is not published.
func TestAJourneyChooses(t *testing.T) {
	tellWith(t, sendsToLoopback, func(s *story) {
		s.mails(t)
		for _, id := range []string{"plain", "bright", "long"} {
			s.putTemplate(id, "transactional", "Hello", "Hello: "+id)
		}
		step := &pb.JourneySend{Options: threeOptions(), ChooseHour: true}
		s.publishJourney("choosy", &pb.Journey{Entry: &pb.JourneyEntry{Event: "lead.triaged"}, Steps: []*pb.JourneyStep{
			{Id: "hello", Action: &pb.JourneyStep_Send{Send: step}}, waitStep("week", 7*24*time.Hour, "", "")}})
		lead := s.triage(&pb.Lead{Email: "ann@choose.example", TimeZone: "Europe/Vienna"}).Lead
		s.eventually(lead, "at week")
		m := s.messagesTo(lead)[0]
		d := s.decision(m.Decision, pb.DecisionView_DECISION_VIEW_FULL)
		want.Equal(s, "template", m.Template, d.Choice.Options[d.Choice.ChosenOption].Template)
		want.Same(s, "send time", m.SendTime, d.Choice.Hours[d.Choice.ChosenHour].SendTime)
		want.True(s, m.ExpireTime.AsTime().Sub(m.SendTime.AsTime()) >= 72*time.Hour, "expires: %v", m)
		want.Equal(s, "choices", fmt.Sprint(s.sql("SELECT count(*) FROM choice WHERE state = 1")), "[[1]]")
		again, err := s.h.Triage().ReplayDecision(s.ctx, &pb.ReplayDecisionRequest{Name: d.Name})
		want.OK(s, err)
		want.True(s, again.Identical, "differences: %v", again.Differences)

		step.Options = append(step.Options, &pb.SendOption{Template: "templates/none", Medium: pb.Medium_MEDIUM_EMAIL}, &pb.SendOption{Template: "templates/long", Medium: pb.Medium_MEDIUM_SMS})
		_, err = s.h.Engage().CreateJourney(s.ctx, &pb.CreateJourneyRequest{JourneyId: "bad", Journey: &pb.Journey{Steps: []*pb.JourneyStep{{Id: "a", Action: &pb.JourneyStep_Send{Send: step}}}}})
		want.OK(s, err)
		_, err = s.h.Engage().PublishJourney(s.ctx, &pb.PublishJourneyRequest{Name: "journeys/bad"})
		want.Error(s, err, codes.FailedPrecondition, "JOURNEY_TEMPLATE")
		fields := ""
		for _, v := range want.Violations(err) {
			fields += v.Field + " "
		}
		want.Equal(s, "violations", fields, "steps[0].send.options[3].template steps[0].send.options[4].template ")
	})
}
