package exactlyonce

import (
	"context"
	"fmt"
	"time"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"google.golang.org/protobuf/types/known/durationpb"
)

// An errand is six sends to two leads: a note by mail and one by phone that EngageLead asks the first for, and those of the two journeys that
// the second enters by signing up. One greets it, by phone. The other waits until the greeting is reported as delivered, pauses, and says bye
// by mail, in one of two ways. Both get news by phone from a journey for everybody, which is put into service on the way. What happens twice
// shows: the first journey may be entered again, and a second arrival would end the pause without a bye.
const (
	sendsOfErrand     = 6
	decisionsOfErrand = 3        // two of triage, and how to say bye
	eventsOfLead      = int64(2) // of who signed up: that, and that the greeting arrived
	helloText         = "hello there"
	source            = "walk" // of all leads
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
	lead := &pb.Lead{ExternalId: id, Email: id + "@once.example", Phone: fmt.Sprintf("+43660%07d", phone), FullName: id, Source: source}
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

func send(id string, s *pb.JourneySend) *pb.JourneyStep {
	return &pb.JourneyStep{Id: id, Action: &pb.JourneyStep_Send{Send: s}}
}

func wait(id string, w *pb.JourneyWait) *pb.JourneyStep {
	return &pb.JourneyStep{Id: id, Action: &pb.JourneyStep_Wait{Wait: w}}
}

// journeys are all that there are, the one for everybody without an event.
func journeys() map[string]*pb.Journey {
	const arrival = "message.delivered"
	entry := &pb.JourneyEntry{Event: "signup"}
	phone := func(template string) *pb.JourneySend {
		return &pb.JourneySend{Template: "templates/" + template, Medium: pb.Medium_MEDIUM_SMS}
	}
	byes := []*pb.SendOption{{Template: "templates/bye", Medium: pb.Medium_MEDIUM_EMAIL}, {Template: "templates/so-long", Medium: pb.Medium_MEDIUM_EMAIL}}
	return map[string]*pb.Journey{
		"greet": {Entry: entry, ReEntry: pb.Journey_RE_ENTRY_AFTER_EXIT, Steps: []*pb.JourneyStep{send("hello", phone("hello"))}},
		"part": {Entry: entry, Steps: []*pb.JourneyStep{
			wait("arrival", &pb.JourneyWait{Duration: durationpb.New(24 * time.Hour), Event: arrival}),
			wait("pause", &pb.JourneyWait{Duration: durationpb.New(time.Second), Event: arrival, EventNext: "end"}),
			send("bye", &pb.JourneySend{Options: byes})}},
		everybody: {Entry: &pb.JourneyEntry{Filter: `source = "` + source + `"`}, Steps: []*pb.JourneyStep{send("news", phone("news"))}},
	}
}

const everybody = "everybody"

// open puts a journey into service.
func (c *clients) open(ctx context.Context, id string) error {
	create := &pb.CreateJourneyRequest{JourneyId: id, Journey: journeys()[id], RequestId: "create-" + id}
	if err := c.ask(ctx, engage+"CreateJourney", create, &pb.Journey{}); err != nil {
		return err
	}
	return c.ask(ctx, engage+"PublishJourney", &pb.PublishJourneyRequest{Name: "journeys/" + id, RequestId: "publish-" + id}, &pb.Journey{})
}

// furnish puts channels through the proxies, templates and the journeys of those who sign up into service.
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
	templates := map[string]*pb.Template{"note": template("a note", media...), "hello": template(helloText, pb.Medium_MEDIUM_SMS), "news": template("some news", pb.Medium_MEDIUM_SMS),
		"bye": template("good bye", pb.Medium_MEDIUM_EMAIL), "so-long": template("so long", pb.Medium_MEDIUM_EMAIL)}
	for id, t := range templates {
		if _, err := c.CreateTemplate(ctx, &pb.CreateTemplateRequest{TemplateId: id, Template: t}); err != nil {
			return err
		}
		if _, err := c.PublishTemplate(ctx, &pb.PublishTemplateRequest{Name: "templates/" + id}); err != nil {
			return err
		}
	}
	for id := range journeys() {
		if id == everybody {
			continue
		}
		if err := w.clients.open(ctx, id); err != nil {
			return err
		}
	}
	return nil
}
