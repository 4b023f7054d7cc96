package e2e

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/house"
	"github.com/marketing-agents/marketing/tests/e2e/want"
	"google.golang.org/protobuf/types/known/durationpb"
)

func sendStep(id, template string) *pb.JourneyStep {
	return &pb.JourneyStep{Id: id, Action: &pb.JourneyStep_Send{Send: &pb.JourneySend{Template: "templates/" + template, Medium: pb.Medium_MEDIUM_EMAIL}}}
}

func waitStep(id string, d time.Duration, event, eventNext string) *pb.JourneyStep {
	return &pb.JourneyStep{Id: id, Action: &pb.JourneyStep_Wait{Wait: &pb.JourneyWait{Duration: durationpb.New(d), Event: event, EventNext: eventNext}}}
}

// speaks sees to a template for each step that sends one, where the story has made none.
func (s *story) speaks(j *pb.Journey) {
	s.Helper()
	for _, step := range j.Steps {
		if send := step.GetSend(); send != nil && send.Template != "" {
			if _, err := s.h.Engage().GetTemplate(s.ctx, &pb.GetTemplateRequest{Name: send.Template}); err != nil {
				s.putTemplate(strings.TrimPrefix(send.Template, "templates/"), "transactional", "Hello", "Hello.")
			}
		}
	}
}

func (s *story) publishJourney(id string, j *pb.Journey) {
	s.Helper()
	s.speaks(j)
	_, err := s.h.Engage().CreateJourney(s.ctx, &pb.CreateJourneyRequest{JourneyId: id, Journey: j, RequestId: requestID()})
	want.OK(s, err)
	_, err = s.h.Engage().PublishJourney(s.ctx, &pb.PublishJourneyRequest{Name: "journeys/" + id, RequestId: requestID()})
	want.OK(s, err)
}

// enrollments of a lead, as "journey at step" or "journey left CAUSE".
func (s *story) enrollments(lead string) []string {
	s.Helper()
	page, err := s.h.Engage().ListEnrollments(s.ctx, &pb.ListEnrollmentsRequest{Parent: "journeys/-", Lead: lead})
	want.OK(s, err)
	all := []string{}
	for _, e := range page.Enrollments {
		if e.State == pb.Enrollment_STATE_ACTIVE {
			all = append(all, "at "+e.Step)
		} else {
			all = append(all, "left "+e.ExitCause.String())
		}
	}
	return all
}

// eventually waits until the enrollments of a lead are these.
func (s *story) eventually(lead string, places ...string) {
	s.Helper()
	want.Soon(s, fmt.Sprint("enrollments of ", lead, ": ", places), func() (bool, any) {
		got := s.enrollments(lead)
		return slices.Equal(got, places), got
	})
}

func (s *story) messagesTo(lead string) []*pb.Message {
	s.Helper()
	page, err := s.h.Engage().ListMessages(s.ctx, &pb.ListMessagesRequest{Lead: lead})
	want.OK(s, err)
	return page.Messages
}

// Nothing is delivered: these stories are about what is planned.
var plansOnly = house.Options{Gateway: true, Env: []string{"DELIVERY_THREADS=0"}}

// A lead enters by what triage says, goes on by what it does and by time, also over a restart.
func TestALeadGoesThroughAJourney(t *testing.T) {
	tellWith(t, plansOnly, func(s *story) {
		s.publishJourney("welcome", &pb.Journey{
			Entry: &pb.JourneyEntry{Event: "lead.triaged", Filter: `source = "webinar"`},
			Steps: []*pb.JourneyStep{sendStep("hello", "welcome"), waitStep("look", time.Hour, "demo_request", ""), waitStep("soon", 24*time.Hour, "", ""), sendStep("invite", "demo-invite")},
		})
		in, out := s.triage(&pb.Lead{Email: "in@journey.example", Source: "webinar"}), s.triage(&pb.Lead{Email: "out@journey.example", Source: "fair"})
		s.eventually(in.Lead, "at look")
		want.Equal(s, "messages", len(s.messagesTo(in.Lead)), 1)
		want.Equal(s, "state", s.messagesTo(in.Lead)[0].State, pb.Message_STATE_SCHEDULED)
		s.ingest(event("j-1", in.Lead, "demo_request", 0))
		s.eventually(in.Lead, "at soon")
		want.OK(s, s.h.Stop())
		s.sql("UPDATE enrollment SET due_time = 0 WHERE state = 1") // the day is over
		want.OK(s, s.h.Up())
		s.eventually(in.Lead, "left EXIT_CAUSE_FINISHED")
		want.Equal(s, "messages", len(s.messagesTo(in.Lead)), 2)
		want.Equal(s, "enrollments of who does not fit", len(s.enrollments(out.Lead)), 0)
	})
}

// Many leads at once, while the server is killed now and then: each enters once and is written to once.
func TestJourneysLoseAndDoubleNobody(t *testing.T) {
	tellWith(t, plansOnly, func(s *story) {
		s.publishJourney("welcome", &pb.Journey{
			Entry: &pb.JourneyEntry{Event: "lead.created"},
			Steps: []*pb.JourneyStep{waitStep("first", time.Second, "", ""), sendStep("hello", "welcome"), waitStep("second", time.Second, "", ""), sendStep("again", "welcome")},
		})
		var leads []*pb.Lead
		for i := range 300 {
			leads = append(leads, &pb.Lead{Email: fmt.Sprintf("many%d@journey.example", i)})
		}
		names := []string{}
		for round := range 6 {
			reply, err := s.h.Leads().BatchCreateLeads(s.ctx, &pb.BatchCreateLeadsRequest{Leads: leads[50*round : 50*round+50]})
			want.OK(s, err)
			for _, r := range reply.Results {
				names = append(names, r.Lead)
			}
			time.Sleep(time.Duration(100+150*round) * time.Millisecond)
			want.OK(s, s.h.Kill())
			want.OK(s, s.h.Up())
		}
		for _, name := range names {
			s.eventually(name, "left EXIT_CAUSE_FINISHED")
			want.Equal(s, "messages to "+name, len(s.messagesTo(name)), 2)
		}
	})
}

// Over REST, as docs/journeys.md writes them.
func TestAJourneyOverREST(t *testing.T) {
	tellWith(t, plansOnly, func(s *story) {
		const steps = `"steps": [
			{"id": "hello", "send": {"template": "templates/welcome", "medium": "MEDIUM_EMAIL"}},
			{"id": "look", "wait": {"duration": "259200s", "event": "demo_request", "event_next": "end"}},
			{"id": "fork", "branch": {"arms": [{"filter": "triage.fit_score > 0.7", "next": "invite"}]}, "next": "end"},
			{"id": "invite", "send": {"template": "templates/demo-invite", "medium": "MEDIUM_EMAIL", "priority": "PRIORITY_HIGH"}}]`
		made := &pb.Journey{}
		s.rest("POST", "/v1/journeys", `{"journey_id": "welcome", "journey": {"entry": {"event": "lead.triaged"}, "exit_events": ["purchase"], `+steps+`}}`, made)
		want.Equal(s, "state", made.State, pb.Journey_STATE_DRAFT)
		s.refusedREST(400, "INVALID_ARGUMENT", "JOURNEY_INVALID", "POST", "/v1/journeys", `{"journey_id": "bad", "journey": {"steps": [{"id": "a", "next": "a", "send": {}}]}}`)
		lead := s.create(&pb.Lead{Email: "rest@journey.example"})
		s.refusedREST(400, "FAILED_PRECONDITION", "JOURNEY_STATE", "POST", "/v1/journeys/welcome:enroll", `{"lead": "`+lead.Name+`"}`)
		s.putTemplate("welcome", "transactional", "Welcome", "Welcome.")
		s.refusedREST(400, "FAILED_PRECONDITION", "JOURNEY_TEMPLATE", "POST", "/v1/journeys/welcome:publish", `{}`)
		s.putTemplate("demo-invite", "transactional", "Come", "Come and see.")
		s.rest("POST", "/v1/journeys/welcome:publish", `{}`, made)
		e := &pb.Enrollment{}
		s.rest("POST", "/v1/journeys/welcome:enroll", `{"lead": "`+lead.Name+`"}`, e)
		want.Equal(s, "step", e.Step, "look")
		s.refusedREST(409, "ALREADY_EXISTS", "ENROLLMENT_EXISTS", "POST", "/v1/journeys/welcome:enroll", `{"lead": "`+lead.Name+`"}`)
		got := &pb.Enrollment{}
		s.rest("GET", "/v1/"+e.Name, "", got)
		want.Same(s, "enrollment", got, e)
		s.rest("POST", "/v1/journeys/welcome:pause", `{}`, made)
		want.Equal(s, "state", made.State, pb.Journey_STATE_PAUSED)
		s.rest("POST", "/v1/journeys/welcome:resume", `{}`, made)
		s.rest("POST", "/v1/journeys/welcome:unenroll", `{"lead": "`+lead.Name+`"}`, e)
		want.Equal(s, "cause", e.ExitCause, pb.Enrollment_EXIT_CAUSE_UNENROLLED)
		message := &pb.Message{}
		s.rest("POST", "/v1/"+s.messagesTo(lead.Name)[0].Name+":cancel", `{}`, message)
		want.Equal(s, "state", message.State, pb.Message_STATE_CANCELLED)
		s.refusedREST(404, "NOT_FOUND", "JOURNEY_NOT_FOUND", "POST", "/v1/journeys/none:pause", `{}`)
	})
}

// A journey is tried before anybody is written to: the stream's last part has the counts.
func TestAJourneyIsTriedOnPastLeads(t *testing.T) {
	tellWith(t, plansOnly, func(s *story) {
		in, out := s.triage(&pb.Lead{Email: "in@trial.example", Source: "webinar"}), s.triage(&pb.Lead{Email: "out@trial.example", Source: "fair"})
		draft := &pb.Journey{Entry: &pb.JourneyEntry{Event: "lead.triaged", Filter: `source = "webinar"`},
			Steps: []*pb.JourneyStep{sendStep("hello", "welcome"), waitStep("look", time.Hour, "", "")}}
		s.speaks(draft)
		stream, err := s.h.Engage().SimulateJourney(s.ctx, &pb.SimulateJourneyRequest{Journey: "journeys/-", Draft: draft})
		want.OK(s, err)
		part, err := stream.Recv()
		want.OK(s, err)
		want.Equal(s, "done", part.Done, true)
		want.Equal(s, "looked at", part.LeadCount, 2)
		want.Equal(s, "entered", part.EnteredCount, 1)
		want.Equal(s, "who", part.Paths[0].Lead, in.Lead)
		want.Equal(s, "waiting", part.Steps[1].WaitingCount, 1)
		want.Equal(s, "let go", part.Steps[0].PassCount, 1)
		_, err = stream.Recv()
		want.Equal(s, "end", err, io.EOF)
		for _, lead := range []string{in.Lead, out.Lead} {
			want.Equal(s, "messages", len(s.messagesTo(lead)), 0)
			want.Equal(s, "enrollments", len(s.enrollments(lead)), 0)
		}
		reply, err := s.h.REST("POST", "/v1/journeys/none:simulate", []byte(`{}`))
		want.OK(s, err)
		want.Equal(s, "of none", reply.Code, 404)
	})
}

// Who is there when a segment's journey is published enters, over a kill too; so does who comes later.
func TestASegmentIsLetIn(t *testing.T) {
	tellWith(t, plansOnly, func(s *story) {
		var leads []*pb.Lead
		for i := range 100 {
			leads = append(leads, &pb.Lead{Email: fmt.Sprintf("seg%d@segment.example", i), Country: "AT"})
		}
		reply, err := s.h.Leads().BatchCreateLeads(s.ctx, &pb.BatchCreateLeadsRequest{Leads: leads})
		want.OK(s, err)
		s.publishJourney("austria", &pb.Journey{Entry: &pb.JourneyEntry{Filter: `country = "AT"`}, Steps: []*pb.JourneyStep{waitStep("look", time.Hour, "", "")}})
		time.Sleep(2 * time.Second)
		want.OK(s, s.h.Kill())
		want.OK(s, s.h.Up())
		late := s.create(&pb.Lead{Email: "late@segment.example", Country: "AT"}).Name
		for _, r := range reply.Results {
			s.eventually(r.Lead, "at look")
		}
		s.eventually(late, "at look")
		want.Soon(s, "all leads were let in", func() (bool, any) {
			j, err := s.h.Engage().GetJourney(s.ctx, &pb.GetJourneyRequest{Name: "journeys/austria"})
			want.OK(s, err)
			return j.Backfill.GetDone(), j.Backfill
		})
	})
}
