package exactlyonce

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/want"
)

// reckon holds what came of the walk against what was to come of it.
func (w *walk) reckon() {
	w.Helper()
	w.unknownIsWhatNobodyKnows()
	w.resolve()
	messages, log := w.messages(), w.log()
	w.providersHaveAll(messages)
	w.allIsPlannedOnce(messages, log)
	entries := 0
	for _, of := range log {
		entries += len(of)
	}
	w.chainHolds(entries)
	w.nothingComesAgain()
	want.OK(w, w.h.Stop())
	want.OK(w, w.h.CheckIntegrity())
}

// cutOff is which death of the server met the message on its way, the last one that did; -1: none.
func (w *walk) cutOff(log []entry) int {
	met := -1
	for i, e := range log {
		if e.action != "message.sending" || i+1 == len(log) {
			continue
		}
		for n, death := range w.deaths {
			if death.After(e.time) && death.Before(log[i+1].time) {
				met = n
			}
		}
	}
	return met
}

// unknownIsWhatNobodyKnows: UNKNOWN are the mails whose answer was lost, and of those that were on their way when the server died the ones
// that it had begun to hand over. Of these the mailbox has some; of the others there is one at most for each thread that handed over.
func (w *walk) unknownIsWhatNobodyKnows() {
	w.Helper()
	log, unknown, begun := w.log(), 0, map[int]int{}
	for name, m := range w.messages() {
		lost, death, isUnknown := w.mailProxy.mails[m.TransportId], w.cutOff(log[name]), m.State == pb.Message_STATE_UNKNOWN
		want.True(w, isUnknown || !lost, "the answer for %s was lost: %v", name, m)
		if !isUnknown {
			continue
		}
		unknown++
		want.True(w, m.Medium == pb.Medium_MEDIUM_EMAIL && (lost || death >= 0), "%s is UNKNOWN, and nothing came between: %v", name, m)
		if !lost && !w.mailbox.has(m.TransportId) {
			begun[death]++
			want.True(w, begun[death] <= deliveryThreads, "more mails than threads are UNKNOWN by one death: %s too", name)
		}
	}
	w.Logf("%d mails are UNKNOWN", unknown)
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

// ended is what there is when all has come to its end.
type ended struct {
	messages  map[string]*pb.Message
	decisions map[string]*pb.Decision
	journeys  map[string]map[string]*pb.Enrollment // by journey and lead
	told      map[string][]*pb.Message             // by enrollment
	log       map[string][]entry
}

// allIsPlannedOnce: there are the messages, decisions and enrollments of the errands, and no others.
func (w *walk) allIsPlannedOnce(messages map[string]*pb.Message, log map[string][]entry) {
	w.Helper()
	x := &ended{messages, w.decisions(), map[string]map[string]*pb.Enrollment{}, map[string][]*pb.Message{}, log}
	want.Equal(w, "errands", len(w.errands), w.given)
	want.Equal(w, "messages", len(messages), w.given*sendsOfErrand)
	want.Equal(w, "decisions", len(x.decisions), w.given*decisionsOfErrand)
	for journey, leads := range map[string]int{"greet": w.given, "part": w.given, everybody: 2 * w.given} {
		x.journeys[journey] = w.enrollments(journey)
		want.Equal(w, "enrollments in "+journey, len(x.journeys[journey]), leads)
	}
	for name, m := range messages {
		want.Equal(w, name+" scheduled", count(log[name], "message.scheduled"), 1)
		sent := 1
		if m.Cause == pb.Message_CAUSE_REPORTED || m.Cause == pb.Message_CAUSE_RESOLVED {
			sent = 0 // somebody else said so
		}
		want.Equal(w, name+" sent", count(log[name], "message.sent"), sent)
		x.told[m.Enrollment] = append(x.told[m.Enrollment], m)
	}
	for _, e := range w.errands {
		for lead, decision := range e.decisions {
			want.Equal(w, "lead of "+decision, x.decisions[decision].GetLead(), lead)
			want.Equal(w, "triages of "+lead, count(log[lead], "lead.triaged"), 1)
			want.Equal(w, "news for "+lead, w.only(x, everybody, lead).Template, "templates/news")
		}
		for medium, name := range e.notes {
			m := messages[name]
			want.True(w, m.GetLead() == e.noted && m.Medium == medium && m.Template == "templates/note", "the note %s: %v", name, m)
		}
		w.wentThrough(e.signedUp, x)
	}
	parked, err := w.h.System().ListParkedEvents(w.ctx, &pb.ListParkedEventsRequest{})
	want.OK(w, err)
	want.Equal(w, "parked events", len(parked.ParkedEvents), 0)
}

// wentThrough: the lead was greeted and bidden farewell once, and all that happened to it is in the log and counted once.
func (w *walk) wentThrough(lead string, x *ended) {
	w.Helper()
	hello, bye := w.only(x, "greet", lead), w.only(x, "part", lead)
	want.Equal(w, "medium of "+hello.Name, hello.Medium, pb.Medium_MEDIUM_SMS)
	choice := x.decisions[bye.Decision]
	want.True(w, choice.GetLead() == lead && choice.Kind == pb.Decision_KIND_CHOICE, "the choice of %s: %v", bye.Name, choice)
	want.Equal(w, "arrivals of "+hello.Name, count(x.log[hello.Name], "message.delivered"), 1)
	for _, action := range []string{"journey.entered", "journey.exited"} {
		want.Equal(w, action+" of "+lead, count(x.log[lead], action), len(x.journeys))
	}
	now, err := w.h.Leads().GetLead(w.ctx, &pb.GetLeadRequest{Name: lead})
	want.OK(w, err)
	want.Equal(w, "events of "+lead, now.Engagement.GetEventCount(), eventsOfLead)
}

// only is the one message that the lead got in the journey, which it has gone through.
func (w *walk) only(x *ended, journey, lead string) *pb.Message {
	w.Helper()
	e := x.journeys[journey][lead]
	want.Equal(w, lead+" in "+journey, e.GetExitCause(), pb.Enrollment_EXIT_CAUSE_FINISHED)
	want.Equal(w, "steps of "+e.Name, int(e.StepCount), len(journeys()[journey].Steps))
	want.Equal(w, "messages of "+e.Name, len(x.told[e.Name]), 1)
	want.Equal(w, "lead of "+e.Name, x.told[e.Name][0].Lead, lead)
	return x.told[e.Name][0]
}

// chainHolds: the audit chain has no damage, and comes to hold so many entries.
func (w *walk) chainHolds(entries int) {
	w.Helper()
	var verified int64
	for limit := time.Now().Add(patience); verified < int64(entries); time.Sleep(100 * time.Millisecond) {
		want.True(w, time.Now().Before(limit), "%d of %d entries were sealed", verified, entries)
		verified = w.verified()
	}
	w.Logf("%d entries of the audit chain are good", verified)
}

// verified is how many entries of the audit chain are good, which must be all that it has.
func (w *walk) verified() int64 {
	w.Helper()
	stream, err := w.h.Audit().VerifyAuditChain(w.ctx, &pb.VerifyAuditChainRequest{})
	want.OK(w, err)
	for {
		m, err := stream.Recv()
		want.OK(w, err)
		want.True(w, m.Damage == nil, "the audit chain: %v", m.Damage)
		if m.Finished {
			return m.VerifiedEntries
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
