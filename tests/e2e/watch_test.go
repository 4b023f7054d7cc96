package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/house"
	"github.com/marketing-agents/marketing/tests/e2e/want"
	"google.golang.org/grpc/codes"
)

// watching is one open stream of WatchMessages.
type watching struct {
	s      *story
	stream pb.EngageService_WatchMessagesClient
	end    context.CancelFunc
	cursor string
	seen   []string
}

func (s *story) watch(req *pb.WatchMessagesRequest) *watching {
	s.Helper()
	ctx, end := context.WithTimeout(s.ctx, patience)
	stream, err := s.h.Engage().WatchMessages(ctx, req)
	want.OK(s, err)
	w := &watching{s: s, stream: stream, end: end}
	first := w.next()
	want.True(s, first.Cursor != "" && len(first.Changes) == 0, "the first part is a heartbeat: %v", first)
	return w
}

func (w *watching) next() *pb.WatchMessagesResponse {
	w.s.Helper()
	part, err := w.stream.Recv()
	want.OK(w.s, err)
	w.cursor = part.Cursor
	for _, c := range part.Changes {
		w.seen = append(w.seen, strings.TrimPrefix(c.Action, "message.")+" "+c.Message.Name)
	}
	return part
}

// until reads until so many changes were seen.
func (w *watching) until(n int) []string {
	w.s.Helper()
	for len(w.seen) < n {
		w.next()
	}
	return w.seen
}

// A watch tells what happens, in order; who comes back with the last cursor misses nothing of what happened meanwhile, over a restart too.
func TestMessagesAreWatched(t *testing.T) {
	tellWith(t, plansOnly, func(s *story) {
		s.putTemplate("welcome", "transactional", "Welcome", "Welcome.")
		ann, ben := s.create(&pb.Lead{Email: "ann@watch.example"}).Name, s.create(&pb.Lead{Email: "ben@watch.example"}).Name
		s.plan(ann, time.Hour)
		w := s.watch(&pb.WatchMessagesRequest{})
		of := s.watch(&pb.WatchMessagesRequest{Lead: ben, State: pb.Message_STATE_CANCELLED})
		a, b := s.plan(ann, time.Hour), s.plan(ben, time.Hour)
		want.Equal(s, "changes", fmt.Sprint(w.until(2)), fmt.Sprint([]string{"scheduled " + a, "scheduled " + b}))
		w.end()
		_, err := s.h.Engage().CancelMessage(s.ctx, &pb.CancelMessageRequest{Name: a})
		want.OK(s, err)
		_, err = s.h.Engage().CancelMessage(s.ctx, &pb.CancelMessageRequest{Name: b})
		want.OK(s, err)
		want.Equal(s, "of one lead", fmt.Sprint(of.until(1)), fmt.Sprint([]string{"cancelled " + b}))
		of.end()
		want.OK(s, s.h.Stop())
		want.OK(s, s.h.Up())
		again := s.watch(&pb.WatchMessagesRequest{Cursor: w.cursor})
		want.Equal(s, "meanwhile", fmt.Sprint(again.until(2)), fmt.Sprint([]string{"cancelled " + a, "cancelled " + b}))
		again.end()

		late, err := s.h.Engage().WatchMessages(s.ctx, &pb.WatchMessagesRequest{Cursor: "900000000000000000"})
		want.OK(s, err)
		part, err := late.Recv()
		want.OK(s, err)
		want.Equal(s, "gap", part.Gap, true)
		for _, bad := range []*pb.WatchMessagesRequest{{Cursor: "x"}, {Cursor: "-1"}, {State: 99}} {
			stream, err := s.h.Engage().WatchMessages(s.ctx, bad)
			want.OK(s, err)
			_, err = stream.Recv()
			want.Error(s, err, codes.InvalidArgument, "FIELD_INVALID")
		}
	})
}

// A commit wakes the watches of its replica: they are told long before they would ask again.
func TestAWatchIsToldAtOnce(t *testing.T) {
	tellWith(t, plansOnly, func(s *story) {
		s.putTemplate("welcome", "transactional", "Welcome", "Welcome.")
		ann := s.create(&pb.Lead{Email: "ann@watch.example"}).Name
		w := s.watch(&pb.WatchMessagesRequest{})
		soonest := time.Hour
		for n := 1; n <= 20; n++ {
			start := time.Now()
			s.plan(ann, time.Hour)
			w.until(n)
			soonest = min(soonest, time.Since(start))
		}
		want.True(s, soonest < 200*time.Millisecond, "none of 20 changes was told in less than %v", soonest) // it asks again after 250 ms
		w.end()
	})
}

// While somebody writes to the log it is not known what belongs before "now": the watch waits for that, and does not begin with the log.
func TestAWatchBeginsNowWhileOthersWrite(t *testing.T) {
	t.Parallel()
	o := plansOnly
	o.Store = house.PostgreSQL // on SQLite there is one writer, and it is the server
	s := &story{T: t, h: house.New(t, o), ctx: t.Context()}
	s.putTemplate("welcome", "transactional", "Welcome", "Welcome.")
	ann := s.create(&pb.Lead{Email: "ann@watch.example"}).Name
	s.plan(ann, time.Hour)
	written := make(chan error, 1)
	go func() {
		_, err := s.h.Query("BEGIN; LOCK TABLE event IN ROW EXCLUSIVE MODE; SELECT pg_sleep(8); COMMIT")
		written <- err
	}()
	for writers := "0"; writers == "0"; {
		want.True(t, len(written) == 0, "the writer has ended before it was seen")
		rows, err := s.h.Query("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'")
		want.OK(t, err)
		writers = rows[0][0]
	}
	w := s.watch(&pb.WatchMessagesRequest{})
	want.OK(t, <-written)
	later := s.plan(ann, time.Hour)
	want.Equal(t, "changes", fmt.Sprint(w.until(1)), fmt.Sprint([]string{"scheduled " + later}))
	w.end()
}

// What a preview shows is what is sent then, but for ids and dates; nothing is stored by it.
func TestAMessageIsPreviewed(t *testing.T) {
	tellWith(t, sendsToLoopback, func(s *story) {
		sink := s.mails(t)
		lead := s.create(&pb.Lead{Email: "ann@preview.example", FullName: "Ann Pré"}).Name
		ask := &pb.PreviewMessageRequest{Lead: lead, Template: "templates/welcome", Medium: pb.Medium_MEDIUM_EMAIL}
		p, err := s.h.Engage().PreviewMessage(s.ctx, ask)
		want.OK(s, err)
		want.Equal(s, "verdict", p.Decision.Verdict, pb.SendVerdict_SEND_VERDICT_PASS)
		want.Equal(s, "to", p.To, "ann@preview.example")
		want.Equal(s, "subject", p.Subject, "Welcome, Ann Pré")
		want.Equal(s, "channel", p.Channel, "channels/mail")
		want.Equal(s, "messages", len(s.messagesTo(lead)), 0)
		_, err = s.h.Engage().EngageLead(s.ctx, &pb.EngageLeadRequest{Lead: lead, Template: "templates/welcome", Medium: pb.Medium_MEDIUM_EMAIL, RequestId: requestID()})
		want.OK(s, err)
		s.settled(lead, 1)
		want.Equal(s, "mail", steady(string(sink.Mails()[0].Raw)), steady(p.Content))

		_, err = s.h.Engage().PreviewMessage(s.ctx, &pb.PreviewMessageRequest{Lead: lead, Template: "templates/none", Medium: pb.Medium_MEDIUM_EMAIL})
		want.Error(s, err, codes.NotFound, "TEMPLATE_NOT_FOUND")
		_, err = s.h.Engage().PreviewMessage(s.ctx, &pb.PreviewMessageRequest{Lead: lead, Template: "templates/welcome", Medium: pb.Medium_MEDIUM_SMS})
		want.Error(s, err, codes.FailedPrecondition, "CHANNEL_STATE")
	})
}

// steady is a mail without its id and date.
func steady(mail string) string {
	kept := []string{}
	for _, line := range strings.Split(mail, "\r\n") {
		if !strings.HasPrefix(line, "Message-ID:") && !strings.HasPrefix(line, "Date:") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\n")
}
