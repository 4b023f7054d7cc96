package e2e

import (
	"bytes"
	"fmt"
	"testing"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/bank"
	"github.com/marketing-agents/marketing/tests/e2e/house"
	"github.com/marketing-agents/marketing/tests/e2e/want"
	"github.com/marketing-agents/marketing/tests/e2e/wire"
	"google.golang.org/protobuf/proto"
)

// pair tells a story of two servers on one PostgreSQL database.
func pair(t *testing.T, o house.Options, body func(a, b *story)) {
	t.Helper()
	t.Parallel()
	o.Store = house.PostgreSQL
	first := house.New(t, o)
	o.Database = first.DatabaseURL
	second := house.New(t, o)
	ctx := t.Context()
	body(&story{T: t, h: first, ctx: ctx}, &story{T: t, h: second, ctx: ctx})
}

func TestReplicasDecideAlikeAndSeeEachOthersLeads(t *testing.T) {
	m, err := bank.Models()
	want.OK(t, err)
	pair(t, house.Options{Env: []string{"MODEL_KEYS=" + m.Keys}}, func(a, b *story) {
		version := a.importedModel("bank", "full", m.Files[0], true)
		want.Soon(t, "the other replica sees the promotion", func() (bool, any) {
			seen := b.score(&pb.Lead{Email: "probe@example.com"}).Fit.ModelVersion
			return seen == version.Name, seen
		})
		for i, lead := range a.bankLeads("pair", 0, 40) {
			made := a.triage(lead)
			again := b.triage(lead)
			want.Equal(t, "lead", again.Lead, made.Lead)
			want.Same(t, fmt.Sprint("fit of lead ", i), again.Decision.Fit, made.Decision.Fit)
			want.Equal(t, "rule", again.Decision.RuleId, made.Decision.RuleId)
			reply, err := b.h.Triage().ReplayDecision(b.ctx, &pb.ReplayDecisionRequest{Name: made.Decision.Name})
			want.OK(t, err)
			want.True(t, reply.Identical, "replay by the other replica differs in %v", reply.Differences)
		}
	})
}

// The same request and the same identity, sent to both replicas at once, many times: one effect each.
func TestReplicasDoNothingTwice(t *testing.T) {
	pair(t, house.Options{}, func(a, b *story) {
		const rounds = 60
		for round := range rounds {
			id := fmt.Sprint("replica-", round)
			body := withID(&pb.TriageLeadRequest{Lead: &pb.Lead{Email: id + "@example.com"}}, "request-"+id)
			replies := make([][]byte, 8)
			inParallel(t, len(replies), func(i int) {
				s := a
				if i%2 == 1 {
					s = b
				}
				var err error
				if replies[i], err = wire.Call(s.ctx, s.h.Conn(), triageService+"TriageLead", body); err != nil {
					t.Errorf("round %d: %v", round, err)
				}
			})
			for _, reply := range replies {
				want.True(t, bytes.Equal(reply, replies[0]), "round %d: replies differ", round)
			}
			// The same address without a request id, by both at once: two decisions, one lead.
			names := make([]string, 2)
			inParallel(t, 2, func(i int) {
				s := []*story{a, b}[i]
				reply, err := s.h.Triage().TriageLead(s.ctx, &pb.TriageLeadRequest{Lead: &pb.Lead{ExternalId: id}})
				if err != nil {
					t.Errorf("round %d: %v", round, err)
					return
				}
				names[i] = reply.Lead
			})
			want.Equal(t, "lead by the other replica", names[1], names[0])
		}
		want.Equal(t, "leads", len(a.allLeads("", 1000)), 2*rounds)
		want.Equal(t, "decisions", len(b.allDecisions("", "")), 3*rounds)
		first := &pb.TriageLeadResponse{}
		reply, err := wire.Call(b.ctx, b.h.Conn(), triageService+"TriageLead",
			withID(&pb.TriageLeadRequest{Lead: &pb.Lead{Email: "replica-0@example.com"}}, "request-replica-0"))
		want.OK(t, err)
		want.OK(t, proto.Unmarshal(reply, first))
		want.Equal(t, "decision of a lead triaged once", a.get(first.Lead).Triage.Decision, first.Decision.Name)
	})
}

// Tokens of one replica are taken by the other: they are signed by the shared SECRET_KEY, not by the process.
func TestReplicasShareLists(t *testing.T) {
	pair(t, house.Options{}, func(a, b *story) {
		a.fill(250)
		page, err := a.h.Leads().ListLeads(a.ctx, &pb.ListLeadsRequest{PageSize: 100})
		want.OK(t, err)
		seen := len(page.Leads)
		for s := b; page.NextPageToken != ""; s = a {
			page, err = s.h.Leads().ListLeads(s.ctx, &pb.ListLeadsRequest{PageSize: 100, PageToken: page.NextPageToken})
			want.OK(t, err)
			seen += len(page.Leads)
		}
		want.Equal(t, "leads over both", seen, 250)
	})
}
