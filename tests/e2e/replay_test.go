package e2e

import (
	"fmt"
	"testing"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/bank"
	"github.com/marketing-agents/marketing/tests/e2e/want"
	"google.golang.org/protobuf/proto"
)

// replayAll replays decisions in parallel and returns how many were identical.
func (s *story) replayAll(decisions []*pb.Decision) {
	s.Helper()
	const workers = 8
	inParallel(s, workers, func(worker int) {
		for i := worker; i < len(decisions); i += workers {
			d := decisions[i]
			reply, err := s.h.Triage().ReplayDecision(s.ctx, &pb.ReplayDecisionRequest{Name: d.Name})
			if err != nil {
				s.Errorf("replay %s: %v", d.Name, err)
				return
			}
			r := reply.Replayed
			if !reply.Identical || len(reply.Differences) > 0 || !proto.Equal(r.Fit, d.Fit) || !proto.Equal(r.Engagement, d.Engagement) ||
				r.Category != d.Category || r.Priority != d.Priority || r.Destination != d.Destination || r.RuleId != d.RuleId ||
				r.Abstained != d.Abstained || r.RoutingPolicyVersion != d.RoutingPolicyVersion {
				s.Errorf("replay of %s differs in %v:\n%v\n%v", d.Name, reply.Differences, r, d)
				return
			}
		}
	})
}

// 1,000 decisions by the prior scorecard and by a model are replayed after a promotion, a policy change and a restart: the same score
// bits and the same route.
func TestDecisionsReplayAfterPromotionAndPolicyChange(t *testing.T) {
	withModels(t, func(s *story, m *bank.Trained) {
		decisions := s.triageAll(s.bankLeads("before", 0, 300))
		s.importedModel("bank", "full", m.Files[0], true)
		withEvents := s.bankLeads("after", 300, 700)
		made, err := s.h.Leads().BatchCreateLeads(s.ctx, &pb.BatchCreateLeadsRequest{Leads: withEvents})
		want.OK(s, err)
		var events []*pb.LeadEvent
		for i, r := range made.Results {
			if i%3 == 0 {
				events = append(events, event(fmt.Sprint("replay-", i), r.Lead, "page_view", 0))
			}
		}
		s.ingest(events...)
		decisions = append(decisions, s.triageAll(withEvents)...)
		want.Equal(s, "decisions", len(decisions), 1000)
		sources := map[pb.FitScore_Source]int{}
		for _, d := range decisions {
			sources[d.Fit.Source]++
		}
		want.True(s, sources[pb.FitScore_SOURCE_PRIOR_SCORECARD] == 300 && sources[pb.FitScore_SOURCE_MODEL] == 700, "sources: %v", sources)

		s.promote(s.importedModel("bank", "few", m.Files[1], false).Name)
		s.createPolicy("other", allTo("nowhere", pb.LeadCategory_LEAD_CATEGORY_GENERAL_INQUIRY))
		s.publish("routingPolicies/other", 0)
		want.Equal(s, "rule in force now", s.score(withEvents[0]).RuleId, "rest")
		s.replayAll(decisions)
		want.OK(s, s.h.Restart())
		s.replayAll(decisions[250:350])
	})
}

// A person's verdict has no rule to compute it: the replay takes it as it is and compares the scores that the person saw.
func TestOverridesReplay(t *testing.T) {
	tell(t, func(s *story) {
		d := s.triage(&pb.Lead{Email: "rob@example.com"}).Decision
		over, err := s.h.Triage().OverrideDecision(s.ctx, &pb.OverrideDecisionRequest{Name: d.Name, Category: pb.LeadCategory_LEAD_CATEGORY_COLD_LEAD, Justification: "bankrupt"})
		want.OK(s, err)
		reply, err := s.h.Triage().ReplayDecision(s.ctx, &pb.ReplayDecisionRequest{Name: over.Name})
		want.OK(s, err)
		want.True(s, reply.Identical, "differences: %v", reply.Differences)
		want.Equal(s, "category", reply.Replayed.Category, over.Category)
	})
}
