package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/want"
)

// fill makes n leads of ids l-00000 and so on; a tenth of them come from a fair.
func (s *story) fill(n int) {
	s.Helper()
	for first := 0; first < n; first += 1000 {
		var leads []*pb.Lead
		for i := first; i < min(first+1000, n); i++ {
			source := "web"
			if i%10 == 0 {
				source = "fair"
			}
			leads = append(leads, &pb.Lead{ExternalId: fmt.Sprintf("fill-%05d", i), Source: source, Attributes: map[string]string{"n": fmt.Sprint(i)}})
		}
		reply, err := s.h.Leads().BatchCreateLeads(s.ctx, &pb.BatchCreateLeadsRequest{Leads: leads})
		want.OK(s, err)
		for _, r := range reply.Results {
			want.RowOK(s, r.Status)
		}
	}
}

func TestPagesCoverEverythingOnceInOrder(t *testing.T) {
	tell(t, func(s *story) {
		const n = 3500
		s.fill(n)
		for _, size := range []int32{7, 100, 1000, 5000} {
			if size == 7 && testing.Short() {
				continue
			}
			leads := s.allLeads("", size)
			want.Equal(s, "leads", len(leads), n)
			for i := 1; i < len(leads); i++ {
				want.True(s, leads[i-1].Name < leads[i].Name, "pages of %d: %s before %s", size, leads[i-1].Name, leads[i].Name)
			}
		}
		want.Equal(s, "leads from the fair", len(s.allLeads(`source = "fair"`, 100)), n/10)
		want.Equal(s, "none", len(s.allLeads(`source = "moon"`, 100)), 0)
		page, err := s.h.Leads().ListLeads(s.ctx, &pb.ListLeadsRequest{})
		want.OK(s, err)
		want.Equal(s, "default page", len(page.Leads), 50)
		page, err = s.h.Leads().ListLeads(s.ctx, &pb.ListLeadsRequest{PageSize: 1_000_000_000})
		want.OK(s, err)
		want.Equal(s, "page cut", len(page.Leads), 1000)
		_, err = s.h.Leads().ListLeads(s.ctx, &pb.ListLeadsRequest{PageSize: -1})
		want.Violation(s, err, "FIELD_OUT_OF_RANGE", "page_size")
	})
}

func TestWhatIsMadeOrDeletedBetweenPagesDoesNotDisturbThem(t *testing.T) {
	tell(t, func(s *story) {
		s.fill(300)
		first, err := s.h.Leads().ListLeads(s.ctx, &pb.ListLeadsRequest{PageSize: 100})
		want.OK(s, err)
		_, err = s.h.Leads().DeleteLead(s.ctx, &pb.DeleteLeadRequest{Name: first.Leads[99].Name}) // the one that the token stands on
		want.OK(s, err)
		s.createAs("0000-before-everything", &pb.Lead{ExternalId: "early"})
		seen := map[string]bool{}
		for token := first.NextPageToken; token != ""; {
			page, err := s.h.Leads().ListLeads(s.ctx, &pb.ListLeadsRequest{PageSize: 100, PageToken: token})
			want.OK(s, err)
			for _, l := range page.Leads {
				want.True(s, !seen[l.Name] && l.Name > first.Leads[99].Name, "%s came out of order or twice", l.Name)
				seen[l.Name] = true
			}
			token = page.NextPageToken
		}
		want.Equal(s, "leads on later pages", len(seen), 200)
	})
}

func TestPageTokensAreBound(t *testing.T) {
	tell(t, func(s *story) {
		s.fill(120)
		s.triageAll(s.bankLeads("tok", 0, 120))
		list := func(filter, token string) error {
			_, err := s.h.Leads().ListLeads(s.ctx, &pb.ListLeadsRequest{PageSize: 10, Filter: filter, PageToken: token})
			return err
		}
		page, err := s.h.Leads().ListLeads(s.ctx, &pb.ListLeadsRequest{PageSize: 10, Filter: `source = "web"`})
		want.OK(s, err)
		token := page.NextPageToken
		want.OK(s, list(`source = "web"`, token))
		refused := func(what string, err error) {
			s.Helper()
			if err == nil {
				s.Fatalf("%s was taken", what)
			}
			want.Violation(s, err, "PAGE_TOKEN_INVALID", "page_token")
		}
		refused("the token for another filter", list(`source = "fair"`, token))
		refused("the token without the filter", list("", token))
		refused("a token cut short", list(`source = "web"`, token[:len(token)-1]))
		refused("a token that is none", list("", "nonsense"))
		for i := range len(token) {
			other := byte('A')
			if token[i] == 'A' {
				other = 'B'
			}
			if err := list(`source = "web"`, token[:i]+string(other)+token[i+1:]); err == nil {
				s.Fatalf("the token was taken with character %d changed", i)
			}
		}
		_, err = s.h.Triage().ListDecisions(s.ctx, &pb.ListDecisionsRequest{PageToken: token})
		refused("a token of another method", err)
		decisions, err := s.h.Triage().ListDecisions(s.ctx, &pb.ListDecisionsRequest{PageSize: 5})
		want.OK(s, err)
		_, err = s.h.Triage().ListDecisions(s.ctx, &pb.ListDecisionsRequest{PageSize: 5, Lead: "leads/" + strings.Repeat("a", 26), PageToken: decisions.NextPageToken})
		refused("a token of another lead", err)
		want.OK(s, s.h.Restart()) // SECRET_KEY is set: tokens outlive the process
		want.OK(s, list(`source = "web"`, token))
	})
}

func TestEveryListPages(t *testing.T) {
	tell(t, func(s *story) {
		lead := s.createAs("pia", &pb.Lead{Email: "pia@example.com"})
		var events []*pb.LeadEvent
		for i := range 450 {
			events = append(events, event(fmt.Sprintf("pg-%03d", i), lead.Name, "page_view", time.Duration(i%90)*time.Hour))
		}
		s.ingest(events...)
		seen := map[string]bool{}
		var last time.Time
		for token := ""; ; {
			page, err := s.h.Leads().ListLeadEvents(s.ctx, &pb.ListLeadEventsRequest{Parent: lead.Name, PageSize: 40, PageToken: token})
			want.OK(s, err)
			for _, e := range page.Events {
				at := e.EventTime.AsTime()
				want.True(s, !seen[e.EventId] && !at.Before(last), "event %s twice or out of order", e.EventId)
				seen[e.EventId], last = true, at
			}
			if token = page.NextPageToken; token == "" {
				break
			}
		}
		want.Equal(s, "events", len(seen), 450)

		s.triageAll(s.bankLeads("pg", 0, 150))
		for range 30 {
			s.triageNamed(lead.Name)
		}
		want.Equal(s, "decisions", len(s.allDecisions("", "")), 180)
		paged := 0
		for token := ""; ; paged++ {
			page, err := s.h.Triage().ListDecisions(s.ctx, &pb.ListDecisionsRequest{Lead: lead.Name, PageSize: 10, PageToken: token})
			want.OK(s, err)
			for _, d := range page.Decisions {
				want.Equal(s, "lead of the decision", d.Lead, lead.Name)
			}
			if token = page.NextPageToken; token == "" {
				break
			}
		}
		want.True(s, paged == 2 || paged == 3, "30 decisions came in %d pages of 10", paged+1)

		s.imports(&pb.LeadImportSpec{ImportId: "rejects", Columns: bigColumns}, bigFile(5000))
		var lines []int64
		for token := ""; ; {
			page, err := s.h.Leads().ListLeadImportRejects(s.ctx, &pb.ListLeadImportRejectsRequest{Parent: "leadImports/rejects", PageSize: 30, PageToken: token})
			want.OK(s, err)
			for _, r := range page.Rejects {
				lines = append(lines, r.Line)
			}
			if token = page.NextPageToken; token == "" {
				break
			}
		}
		want.Equal(s, "rejects", len(lines), 100)
		for i, line := range lines {
			want.Equal(s, "line of the reject", line, int64(i*50+7+2))
		}
	})
}
