package exactlyonce

import (
	"fmt"
	"slices"
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

// index is a list by its keys, each of which must stand once.
func index[T any](w *walk, list []T, err error, key func(T) string) map[string]T {
	w.Helper()
	want.OK(w, err)
	all := map[string]T{}
	for _, one := range list {
		all[key(one)] = one
	}
	want.Equal(w, fmt.Sprintf("different ones of %d %T", len(list), list), len(all), len(list))
	return all
}

// messages are all that there are, by name.
func (w *walk) messages() map[string]*pb.Message {
	w.Helper()
	list, err := pages(func(token string) ([]*pb.Message, string, error) {
		r, err := w.h.Engage().ListMessages(w.ctx, &pb.ListMessagesRequest{PageSize: page, PageToken: token})
		return r.GetMessages(), r.GetNextPageToken(), err
	})
	return index(w, list, err, (*pb.Message).GetName)
}

// settle waits until all messages are planned and none is under way.
func (w *walk) settle() {
	w.Helper()
	limit, idle := time.Now().Add(5*patience), time.Now()
	for ; ; time.Sleep(300 * time.Millisecond) {
		states, messages := map[pb.Message_State]int{}, w.messages()
		for _, m := range messages {
			states[m.State]++
		}
		if states[pb.Message_STATE_SCHEDULED]+states[pb.Message_STATE_SENDING] > 0 {
			idle = time.Now()
		} else if len(messages) >= w.given*sendsOfErrand {
			return
		}
		want.True(w, time.Now().Before(limit) && time.Since(idle) < patience, "of %d messages: %v", w.given*sendsOfErrand, states)
	}
}

// entry is a line of the log.
type entry struct {
	action string
	time   time.Time
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
		log[e.Subject] = append(log[e.Subject], entry{e.Action, e.CreateTime.AsTime()})
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

// enrollments are all of a journey, by lead.
func (w *walk) enrollments(journey string) map[string]*pb.Enrollment {
	w.Helper()
	list, err := pages(func(token string) ([]*pb.Enrollment, string, error) {
		r, err := w.h.Engage().ListEnrollments(w.ctx, &pb.ListEnrollmentsRequest{Parent: "journeys/" + journey, PageSize: page, PageToken: token})
		return r.GetEnrollments(), r.GetNextPageToken(), err
	})
	return index(w, list, err, (*pb.Enrollment).GetLead)
}

// decisions are all that there are, by name.
func (w *walk) decisions() map[string]*pb.Decision {
	w.Helper()
	list, err := pages(func(token string) ([]*pb.Decision, string, error) {
		r, err := w.h.Triage().ListDecisions(w.ctx, &pb.ListDecisionsRequest{PageSize: page, PageToken: token})
		return r.GetDecisions(), r.GetNextPageToken(), err
	})
	return index(w, list, err, (*pb.Decision).GetName)
}
