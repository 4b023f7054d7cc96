package exactlyonce

import (
	"context"
	"fmt"
	"time"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"google.golang.org/protobuf/types/known/durationpb"
)

// An errand is four sends to two leads: a note by mail and one by phone that EngageLead asks for, and the two of a journey that the second
// lead enters by signing up. Its hello, by phone, is reported as delivered, which ends a wait; after another wait it says bye, by mail.
const (
	sendsOfErrand = 4
	helloText     = "hello there"
	journeySteps  = 4
)

// errand is what was acknowledged of it.
type errand struct {
	noted, signedUp string // leads
	decisions       map[string]string
	notes           map[pb.Medium]string // messages
}

var media = []pb.Medium{pb.Medium_MEDIUM_EMAIL, pb.Medium_MEDIUM_SMS}

// run makes errand number n.
func (c *clients) run(ctx context.Context, n int) (*errand, error) {
	e := &errand{decisions: map[string]string{}, notes: map[pb.Medium]string{}}
	var err error
	if e.noted, err = c.meet(ctx, e, fmt.Sprint("noted-", n), 2*n); err != nil {
		return nil, err
	}
	for _, medium := range media {
		request := &pb.EngageLeadRequest{Lead: e.noted, Template: "templates/note", Medium: medium, RequestId: fmt.Sprint("note-", n, "-", medium)}
		reply := &pb.EngageLeadResponse{}
		if err := c.ask(ctx, engage+"EngageLead", request, reply); err != nil {
			return nil, err
		}
		e.notes[medium] = reply.Message.Name
	}
	if e.signedUp, err = c.meet(ctx, e, fmt.Sprint("signed-up-", n), 2*n+1); err != nil {
		return nil, err
	}
	return e, c.happens(ctx, &pb.LeadEvent{EventId: fmt.Sprint("signup-", n), Lead: e.signedUp, Type: "signup"})
}

// meet has a new lead triaged.
func (c *clients) meet(ctx context.Context, e *errand, id string, phone int) (string, error) {
	lead := &pb.Lead{ExternalId: id, Email: id + "@once.example", Phone: fmt.Sprintf("+43660%07d", phone), FullName: id}
	reply := &pb.TriageLeadResponse{}
	if err := c.ask(ctx, triage+"TriageLead", &pb.TriageLeadRequest{Lead: lead, RequestId: "triage-" + id}, reply); err != nil {
		return "", err
	}
	e.decisions[reply.Lead] = reply.Decision.Name
	return reply.Lead, nil
}

func template(text string, media ...pb.Medium) *pb.Template {
	t := &pb.Template{Purpose: "transactional", DefaultLocale: "en"}
	for _, m := range media {
		content := &pb.TemplateContent{Medium: m, Locale: "en", Text: text}
		if m == pb.Medium_MEDIUM_EMAIL {
			content.Subject = text
		}
		t.Contents = append(t.Contents, content)
	}
	return t
}

func send(id string, medium pb.Medium) *pb.JourneyStep {
	return &pb.JourneyStep{Id: id, Action: &pb.JourneyStep_Send{Send: &pb.JourneySend{Template: "templates/" + id, Medium: medium}}}
}

func wait(id string, d time.Duration, event string) *pb.JourneyStep {
	return &pb.JourneyStep{Id: id, Action: &pb.JourneyStep_Wait{Wait: &pb.JourneyWait{Duration: durationpb.New(d), Event: event}}}
}

func signUp() *pb.Journey {
	return &pb.Journey{Entry: &pb.JourneyEntry{Event: "signup"}, Steps: []*pb.JourneyStep{
		send("hello", pb.Medium_MEDIUM_SMS), wait("arrival", 24*time.Hour, "message.delivered"),
		wait("pause", time.Second, ""), send("bye", pb.Medium_MEDIUM_EMAIL)}}
}

// furnish puts channels through the proxies, templates and the journey into service.
func (w *walk) furnish() error {
	c, ctx := w.h.Engage(), w.ctx
	channels := map[string]*pb.Channel{
		"mail": {Medium: pb.Medium_MEDIUM_EMAIL, Smtp: &pb.SmtpSettings{Host: "127.0.0.1", Port: int32(w.mailProxy.port),
			Security: pb.SmtpSettings_SECURITY_NONE, FromAddress: "news@sender.example"}},
		"sms": {Medium: pb.Medium_MEDIUM_SMS, Webhook: &pb.WebhookSettings{Url: fmt.Sprintf("http://127.0.0.1:%d/", w.phoneProxy.port),
			SigningSecret: "a secret of the provider"}},
	}
	for id, channel := range channels {
		if _, err := c.CreateChannel(ctx, &pb.CreateChannelRequest{ChannelId: id, Channel: channel}); err != nil {
			return err
		}
	}
	templates := map[string]*pb.Template{"note": template("a note", media...), "hello": template(helloText, pb.Medium_MEDIUM_SMS),
		"bye": template("good bye", pb.Medium_MEDIUM_EMAIL)}
	for id, t := range templates {
		if _, err := c.CreateTemplate(ctx, &pb.CreateTemplateRequest{TemplateId: id, Template: t}); err != nil {
			return err
		}
		if _, err := c.PublishTemplate(ctx, &pb.PublishTemplateRequest{Name: "templates/" + id}); err != nil {
			return err
		}
	}
	if _, err := c.CreateJourney(ctx, &pb.CreateJourneyRequest{JourneyId: "sign-up", Journey: signUp()}); err != nil {
		return err
	}
	_, err := c.PublishJourney(ctx, &pb.PublishJourneyRequest{Name: "journeys/sign-up"})
	return err
}
