package e2e

import (
	"bytes"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/house"
	"github.com/marketing-agents/marketing/tests/e2e/want"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// marketingctl runs the tool, which must succeed where ok, and returns what it says.
func (s *story) marketingctl(ok bool, args ...string) string {
	s.Helper()
	tool, err := house.Marketingctl()
	want.OK(s, err)
	out, err := exec.Command(tool, args...).CombinedOutput()
	want.True(s, (err == nil) == ok, "marketingctl %v: %v: %s", args, err, out)
	return string(out)
}

// backUp copies the database as it is now. What it returns makes a database of the copy, suppresses there whom the old one does, as docs/backup.md
// has it, and says where.
func (s *story) backUp() (restore func() string) {
	s.Helper()
	if s.h.Options.Store == house.SQLite {
		folder := s.TempDir()
		file := filepath.Join(folder, "backup")
		s.marketingctl(true, "backup", "create", "--database", s.h.DatabaseURL, "--out", file)
		return func() string {
			at := "sqlite:///" + filepath.Join(folder, "restored.sqlite")
			s.marketingctl(true, "backup", "restore", "--file", file, "--database", at, "--suppressions-of", s.h.DatabaseURL)
			return at
		}
	}
	at, err := url.Parse(s.h.DatabaseURL)
	want.OK(s, err)
	own := strings.TrimPrefix(at.Path, "/")
	at.Path += "_copy"
	want.OK(s, s.h.Stop())
	s.sql(fmt.Sprintf("CREATE DATABASE %s_copy TEMPLATE %s", own, own))
	s.Cleanup(func() { _, _ = s.h.Query("DROP DATABASE " + own + "_copy WITH (FORCE)") })
	want.OK(s, s.h.Up())
	return func() string {
		dump := exec.Command("pg_dump", "--data-only", "--inserts", "--on-conflict-do-nothing", "-t", "suppression", "-t", "suppression_key", s.h.DatabaseURL)
		known, err := dump.Output()
		want.OK(s, err)
		load := exec.Command("psql", "-Xq", "-v", "ON_ERROR_STOP=1", at.String())
		load.Stdin = bytes.NewReader(known)
		want.OK(s, load.Run())
		return at.String()
	}
}

func (s *story) status() *pb.SystemStatus {
	s.Helper()
	now, err := s.h.System().GetSystemStatus(s.ctx, &pb.GetSystemStatusRequest{})
	want.OK(s, err)
	return now
}

func (s *story) resumeDelivery(overdue pb.ResumeDeliveryRequest_Overdue) {
	s.Helper()
	now, err := s.h.System().ResumeDelivery(s.ctx, &pb.ResumeDeliveryRequest{Overdue: overdue, RequestId: requestID()})
	want.OK(s, err)
	want.True(s, now.DeliveryHold == nil && s.status().DeliveryHold == nil, "nothing is held any more")
}

func (s *story) plan(lead string, in time.Duration) string {
	s.Helper()
	r, err := s.h.Engage().EngageLead(s.ctx, &pb.EngageLeadRequest{Lead: lead, Template: "templates/welcome", Medium: pb.Medium_MEDIUM_EMAIL,
		SendTime: timestamppb.New(time.Now().Add(in)), RequestId: requestID()})
	want.OK(s, err)
	return r.Message.Name
}

// A backup that is put back knows messages that have left since. None of them leaves again by itself, those who unsubscribed since stay
// unsubscribed, and what is new leaves once somebody has said how to go on.
func TestARestoredDatabaseSendsNothingTwice(t *testing.T) {
	tellWith(t, sendsToLoopback, func(s *story) {
		const later = 15 * time.Second // than the backup, which stops the server
		sink := s.mails(t)
		s.publishJourney("welcome", &pb.Journey{Entry: &pb.JourneyEntry{Event: "lead.triaged", Filter: "triage.category = CAMPAIGN_QUALIFIED"},
			Steps: []*pb.JourneyStep{waitStep("pause", later, "", ""), sendStep("hello", "welcome")}})
		s.qualifiesWebinars()
		planned := s.create(&pb.Lead{Email: "planned@backup.example"}).Name
		s.plan(planned, later)
		waiting := s.triage(&pb.Lead{Email: "waiting@backup.example", Source: "webinar"}).Lead
		gone := s.create(&pb.Lead{Email: "gone@backup.example"}).Name
		s.plan(gone, time.Hour)
		s.eventually(waiting, "at pause")
		restore := s.backUp()

		want.Equal(s, "planned", s.settled(planned, 1)[0].State, pb.Message_STATE_SENT)
		want.Equal(s, "waiting", s.settled(waiting, 1)[0].State, pb.Message_STATE_SENT)
		want.Equal(s, "mails", len(sink.Mails()), 2)
		s.suppress("gone@backup.example")
		want.OK(s, s.h.Stop())

		o := s.h.Options
		o.Database = restore()
		s.h = house.New(t, o)
		want.True(s, s.status().DeliveryHold != nil, "the hold is shown")
		want.OK(s, s.h.Restart())
		want.True(s, s.status().DeliveryHold != nil, "it outlives a restart")
		fresh := s.triage(&pb.Lead{Email: "fresh@backup.example", Source: "webinar"}).Lead
		now := s.create(&pb.Lead{Email: "now@backup.example"}).Name
		s.plan(now, 0)
		time.Sleep(1500 * time.Millisecond)
		want.Equal(s, "mails while it is held", len(sink.Mails()), 2)

		_, err := s.h.System().ResumeDelivery(s.ctx, &pb.ResumeDeliveryRequest{})
		want.Error(s, err, codes.InvalidArgument, "FIELD_REQUIRED")
		s.resumeDelivery(pb.ResumeDeliveryRequest_OVERDUE_UNKNOWN)
		for _, lead := range []string{planned, waiting} {
			m := s.settled(lead, 1)[0]
			want.Equal(s, "state", m.State, pb.Message_STATE_UNKNOWN)
			want.Equal(s, "cause", m.Cause, pb.Message_CAUSE_RESTORED)
		}
		for _, lead := range []string{fresh, now} {
			want.Equal(s, "state of what is new", s.settled(lead, 1)[0].State, pb.Message_STATE_SENT)
		}
		want.Equal(s, "mails", len(sink.Mails()), 4)
		again := s.messagesTo(planned)[0]
		_, err = s.h.Engage().ResolveUnknownMessage(s.ctx, &pb.ResolveUnknownMessageRequest{Name: again.Name, Resolution: pb.ResolveUnknownMessageRequest_RESOLUTION_RESEND})
		want.OK(s, err)
		want.Equal(s, "sent again as somebody decided", s.settled(planned, 1)[0].State, pb.Message_STATE_SENT)
		known, err := s.h.Engage().GetSuppression(s.ctx, &pb.GetSuppressionRequest{Name: "suppressions/-", Email: "gone@backup.example"})
		want.OK(s, err)
		want.Equal(s, "suppressions", len(known.Entries), 1)
	})
}

// A backup is what was committed at one moment: all that was acknowledged before it began, under load as well.
func TestABackupIsOfOneMoment(t *testing.T) {
	t.Parallel()
	s := &story{T: t, h: house.New(t, house.Options{}), ctx: t.Context()}
	var mu sync.Mutex
	var acknowledged []string
	stop := make(chan struct{})
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				made, err := s.h.Leads().CreateLead(s.ctx, &pb.CreateLeadRequest{Lead: &pb.Lead{Email: fmt.Sprintf("w%d-%d@moment.example", w, i)}})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				acknowledged = append(acknowledged, made.Name)
				mu.Unlock()
			}
		})
	}
	folder := t.TempDir()
	for i := range 5 {
		time.Sleep(200 * time.Millisecond)
		mu.Lock()
		before := slices.Clone(acknowledged)
		mu.Unlock()
		file := filepath.Join(folder, fmt.Sprint(i))
		s.marketingctl(true, "backup", "create", "--database", s.h.DatabaseURL, "--out", file)
		s.marketingctl(false, "backup", "create", "--database", s.h.DatabaseURL, "--out", file)
		out, err := exec.Command("sqlite3", "-readonly", file, "SELECT 'leads/' || id FROM lead").Output()
		want.OK(s, err)
		held := map[string]bool{}
		for _, name := range strings.Fields(string(out)) {
			held[name] = true
		}
		for _, name := range before {
			want.True(s, held[name], "%s was acknowledged before the backup", name)
		}
	}
	close(stop)
	writers.Wait()
	want.OK(s, s.h.CheckIntegrity())
}

// A database file that is put back in its place, or elsewhere, by other means than ours is noticed as well; a restart is none.
func TestADatabaseFilePutBackIsNoticed(t *testing.T) {
	t.Parallel()
	s := &story{T: t, h: house.New(t, house.Options{}), ctx: t.Context()}
	want.OK(s, s.h.Restart())
	want.True(s, s.status().DeliveryHold == nil, "a restart moves nothing")
	want.OK(s, s.h.Stop())
	old, err := os.ReadFile(s.h.DatabaseFile())
	want.OK(s, err)
	want.OK(s, s.h.Up())
	noted := func() string {
		text, err := os.ReadFile(s.h.DatabaseFile() + "-lock")
		want.OK(s, err)
		return string(text)
	}
	before := noted()
	s.create(&pb.Lead{Email: "lost@backup.example"})
	want.Soon(s, "the end of the log is written down", func() (bool, any) { return noted() != before, before })
	want.OK(s, s.h.Stop())
	want.OK(s, os.WriteFile(s.h.DatabaseFile(), old, 0o600)) // into the same file
	want.OK(s, s.h.Up())
	want.True(s, s.status().DeliveryHold != nil, "the log ends before what was seen of it")
	s.resumeDelivery(pb.ResumeDeliveryRequest_OVERDUE_SEND)
	want.OK(s, s.h.Restart())
	want.True(s, s.status().DeliveryHold == nil, "it is noticed once")
	want.OK(s, s.h.Stop())
	want.OK(s, os.Rename(s.h.DatabaseFile(), s.h.DatabaseFile()+".old"))
	want.OK(s, exec.Command("cp", s.h.DatabaseFile()+".old", s.h.DatabaseFile()).Run())
	want.OK(s, s.h.Up())
	want.True(s, s.status().DeliveryHold != nil, "the file is another one")
}
