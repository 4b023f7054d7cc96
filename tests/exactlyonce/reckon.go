package exactlyonce

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/want"
)

const page = 1000

// pages reads a list to its end.
func pages[T any](fetch func(token string) ([]T, string, error)) (all []T, err error) {
	for token := ""; ; {
		var some []T
		if some, token, err = fetch(token); err != nil {
			return nil, err
		}
		if all = append(all, some...); token == "" {
			return all, nil
		}
	}
}

// messages are all that there are, by name.
func (w *walk) messages() map[string]*pb.Message {
	w.Helper()
	list, err := pages(func(token string) ([]*pb.Message, string, error) {
		r, err := w.h.Engage().ListMessages(w.ctx, &pb.ListMessagesRequest{PageSize: page, PageToken: token})
		return r.GetMessages(), r.GetNextPageToken(), err
	})
	want.OK(w, err)
	all := map[string]*pb.Message{}
	for _, m := range list {
		all[m.Name] = m
	}
	want.Equal(w, "messages listed", len(list), len(all))
	return all
}

// settle waits until all messages are planned and none is under way.
func (w *walk) settle() {
	w.Helper()
	for limit := time.Now().Add(5 * time.Minute); ; time.Sleep(300 * time.Millisecond) {
		states := map[pb.Message_State]int{}
		for _, m := range w.messages() {
			states[m.State]++
		}
		n := 0
		for _, of := range states {
			n += of
		}
		if n >= w.given*sendsOfErrand && states[pb.Message_STATE_SCHEDULED]+states[pb.Message_STATE_SENDING] == 0 {
			return
		}
		want.True(w, time.Now().Before(limit), "of %d messages: %v", w.given*sendsOfErrand, states)
	}
}

// entry is a line of the log.
type entry struct {
	action, decision string
	time             time.Time
}

// log is the audit log, by subject.
func (w *walk) log() map[string][]entry {
	w.Helper()
	list, err := pages(func(token string) ([]*pb.AuditEvent, string, error) {
		r, err := w.h.Audit().ListAuditEvents(w.ctx, &pb.ListAuditEventsRequest{PageSize: page, PageToken: token})
		return r.GetAuditEvents(), r.GetNextPageToken(), err
	})
	want.OK(w, err)
	log := map[string][]entry{}
	for _, e := range list {
		log[e.Subject] = append(log[e.Subject], entry{e.Action, e.Decision, e.CreateTime.AsTime()})
	}
	for _, of := range log {
		slices.SortStableFunc(of, func(a, b entry) int { return a.time.Compare(b.time) })
	}
	return log
}

func count(log []entry, action string) (n int) {
	for _, e := range log {
		if e.action == action {
			n++
		}
	}
	return n
}

// reckon holds what came of the walk against what was to come of it.
func (w *walk) reckon() {
	w.Helper()
	w.unknownIsWhatNobodyKnows()
	w.resolve()
	messages, log := w.messages(), w.log()
	w.providersHaveAll(messages)
	w.allIsPlannedOnce(messages, log)
	w.chainHolds()
	w.nothingComesAgain()
	want.OK(w, w.h.Stop())
	want.OK(w, w.h.CheckIntegrity())
	want.OK(w, w.h.Up())
}

// cutOff tells whether the server died while the message was on its way.
func (w *walk) cutOff(log []entry) bool {
	for i, e := range log {
		if e.action != "message.sending" || i+1 == len(log) {
			continue
		}
		for _, death := range w.deaths {
			if death.After(e.time) && death.Before(log[i+1].time) {
				return true
			}
		}
	}
	return false
}

// unknownIsWhatNobodyKnows: UNKNOWN are exactly the mails whose answer was lost, and those that were on their way when the server died.
func (w *walk) unknownIsWhatNobodyKnows() {
	w.Helper()
	log, lost, unknown := w.log(), []string{}, []string{}
	for name, m := range w.messages() {
		if m.State == pb.Message_STATE_UNKNOWN {
			unknown = append(unknown, name)
		}
		if m.Medium == pb.Medium_MEDIUM_EMAIL && (w.mailProxy.mails[m.TransportId] || w.cutOff(log[name])) {
			lost = append(lost, name)
		}
	}
	slices.Sort(lost)
	slices.Sort(unknown)
	want.Equal(w, "mails that are UNKNOWN", strings.Join(unknown, " "), strings.Join(lost, " "))
	w.Logf("%d mails are UNKNOWN", len(unknown))
}

// resolve says of each mail that is UNKNOWN what its recipient sees.
func (w *walk) resolve() {
	w.Helper()
	for name, m := range w.messages() {
		if m.State != pb.Message_STATE_UNKNOWN {
			continue
		}
		r := &pb.ResolveUnknownMessageRequest{Name: name, Resolution: pb.ResolveUnknownMessageRequest_RESOLUTION_RESEND, RequestId: "resolve-" + name}
		if w.mailbox.has(m.TransportId) {
			r.Resolution = pb.ResolveUnknownMessageRequest_RESOLUTION_SENT
		}
		want.OK(w, w.clients.ask(w.ctx, engage+"ResolveUnknownMessage", r, &pb.Message{}))
	}
	w.settle()
}

// providersHaveAll: every message is SENT, under a transport id that its provider took, and the provider took nothing else. No mail came twice.
func (w *walk) providersHaveAll(messages map[string]*pb.Message) {
	w.Helper()
	sent := map[pb.Medium]map[string]bool{pb.Medium_MEDIUM_SMS: {}, pb.Medium_MEDIUM_EMAIL: {}}
	for _, m := range messages {
		want.Equal(w, "state of "+m.Name, m.State, pb.Message_STATE_SENT)
		sent[m.Medium][m.TransportId] = true
	}
	for id, n := range w.mailbox.taken {
		want.Equal(w, "mails of "+id, n, 1)
	}
	want.Equal(w, "messages that came again as others", fmt.Sprint(w.phones.altered), "[]")
	for medium, taken := range map[pb.Medium][]string{pb.Medium_MEDIUM_SMS: slices.Sorted(maps.Keys(w.phones.taken)),
		pb.Medium_MEDIUM_EMAIL: slices.Sorted(maps.Keys(w.mailbox.taken))} {
		want.Equal(w, medium.String(), strings.Join(taken, " "), strings.Join(slices.Sorted(maps.Keys(sent[medium])), " "))
	}
}

// allIsPlannedOnce: each errand has its four messages and no other, each lead one decision and, who signed up, one way through the journey.
func (w *walk) allIsPlannedOnce(messages map[string]*pb.Message, log map[string][]entry) {
	w.Helper()
	enrollments := w.enrollments()
	want.Equal(w, "errands", len(w.errands), w.given)
	want.Equal(w, "messages", len(messages), w.given*sendsOfErrand)
	want.Equal(w, "enrollments", len(enrollments), w.given)
	planned := map[string]int{} // "enrollment template"
	for name, m := range messages {
		planned[m.Enrollment+" "+m.Template]++
		want.Equal(w, name+" scheduled", count(log[name], "message.scheduled"), 1)
	}
	for _, e := range w.errands {
		for medium, name := range e.notes {
			want.True(w, messages[name].GetLead() == e.noted && messages[name].Medium == medium, "the note %s: %v", name, messages[name])
		}
		for lead, decision := range e.decisions {
			want.Equal(w, "decisions on "+lead, count(log[lead], "lead.triaged"), 1)
			want.True(w, slices.ContainsFunc(log[lead], func(e entry) bool { return e.decision == decision }), "%s of %s is not in the log", decision, lead)
		}
		x := enrollments[e.signedUp]
		want.True(w, x.GetExitCause() == pb.Enrollment_EXIT_CAUSE_FINISHED && x.StepCount == journeySteps, "%s in the journey: %v", e.signedUp, x)
		for _, template := range []string{"hello", "bye"} {
			want.Equal(w, template+" of "+x.Name, planned[x.Name+" templates/"+template], 1)
		}
		for _, action := range []string{"journey.entered", "journey.exited"} {
			want.Equal(w, action+" of "+e.signedUp, count(log[e.signedUp], action), 1)
		}
	}
	parked, err := w.h.System().ListParkedEvents(w.ctx, &pb.ListParkedEventsRequest{})
	want.OK(w, err)
	want.Equal(w, "parked events", len(parked.ParkedEvents), 0)
}

// enrollments are all of the journey, by lead.
func (w *walk) enrollments() map[string]*pb.Enrollment {
	w.Helper()
	list, err := pages(func(token string) ([]*pb.Enrollment, string, error) {
		r, err := w.h.Engage().ListEnrollments(w.ctx, &pb.ListEnrollmentsRequest{Parent: "journeys/sign-up", PageSize: page, PageToken: token})
		return r.GetEnrollments(), r.GetNextPageToken(), err
	})
	want.OK(w, err)
	all := map[string]*pb.Enrollment{}
	for _, x := range list {
		all[x.Lead] = x
	}
	want.Equal(w, "enrollments listed", len(list), len(all))
	return all
}

// chainHolds: the audit chain has no damage.
func (w *walk) chainHolds() {
	w.Helper()
	stream, err := w.h.Audit().VerifyAuditChain(w.ctx, &pb.VerifyAuditChainRequest{})
	want.OK(w, err)
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			w.Fatal("the verification did not finish")
		}
		want.OK(w, err)
		want.True(w, m.Damage == nil, "the audit chain: %v", m.Damage)
		if m.Finished {
			w.Logf("%d entries of the audit chain are good", m.VerifiedEntries)
			return
		}
	}
}

// nothingComesAgain: after one more death the clients get the answers that they got, and nothing new comes of it.
func (w *walk) nothingComesAgain() {
	w.Helper()
	arrived, posts := w.arrived(), w.phones.posts
	want.OK(w, w.h.Kill())
	want.OK(w, w.h.Up())
	want.OK(w, w.clients.askAgain(w.ctx))
	time.Sleep(time.Second)
	want.Equal(w, "messages", len(w.messages()), w.given*sendsOfErrand)
	want.Equal(w, "arrived", w.arrived(), arrived)
	want.Equal(w, "posts", w.phones.posts, posts)
}
