package e2e

import (
	"fmt"
	"testing"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/want"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
)

// allTo is a policy that sends leads of one source into a campaign and all others to `rest`.
func allTo(source string, rest pb.LeadCategory) *pb.RoutingPolicy {
	return &pb.RoutingPolicy{DisplayName: "by source", Rules: []*pb.RoutingRule{
		{Id: "the-source", Filter: fmt.Sprintf("source = %q", source), Category: pb.LeadCategory_LEAD_CATEGORY_CAMPAIGN_QUALIFIED,
			Priority: pb.Priority_PRIORITY_HIGH, Destination: pb.AgentType_AGENT_TYPE_ENGAGE, Reason: "it came from there"},
		{Id: "rest", Category: rest, Priority: pb.Priority_PRIORITY_LOW, Destination: pb.AgentType_AGENT_TYPE_MEMORY, Reason: "everyone else"},
	}}
}

func (s *story) createPolicy(id string, p *pb.RoutingPolicy) *pb.RoutingPolicy {
	s.Helper()
	made, err := s.h.Triage().CreateRoutingPolicy(s.ctx, &pb.CreateRoutingPolicyRequest{RoutingPolicyId: id, RoutingPolicy: p})
	want.OK(s, err)
	want.Equal(s, "name", made.Name, "routingPolicies/"+id)
	return made
}

func (s *story) publish(name string, version int64) *pb.RoutingPolicy {
	s.Helper()
	p, err := s.h.Triage().PublishRoutingPolicy(s.ctx, &pb.PublishRoutingPolicyRequest{Name: name, Version: version})
	want.OK(s, err)
	want.Equal(s, "state", p.State, pb.RoutingPolicy_STATE_PUBLISHED)
	return p
}

func (s *story) policy(name string, version int64) *pb.RoutingPolicy {
	s.Helper()
	p, err := s.h.Triage().GetRoutingPolicy(s.ctx, &pb.GetRoutingPolicyRequest{Name: name, Version: version})
	want.OK(s, err)
	return p
}

func TestPolicyIsDraftedPublishedAndRolledBack(t *testing.T) {
	tell(t, func(s *story) {
		lead := &pb.Lead{ExternalId: "p-1", Source: "webinar"}
		_, err := s.h.Triage().RollbackRoutingPolicy(s.ctx, &pb.RollbackRoutingPolicyRequest{})
		want.Error(s, err, codes.FailedPrecondition, "POLICY_STATE")

		cold := s.createPolicy("mine", allTo("webinar", pb.LeadCategory_LEAD_CATEGORY_COLD_LEAD))
		want.True(s, cold.Version == 1 && cold.State == pb.RoutingPolicy_STATE_DRAFT && cold.CreateTime != nil, "draft: %v", cold)
		want.Equal(s, "policy of a decision before", s.triage(lead).Decision.RoutingPolicy, "routingPolicies/default")
		s.publish(cold.Name, 0)
		d := s.triage(lead).Decision
		want.Equal(s, "policy", fmt.Sprint(d.RoutingPolicy, d.RoutingPolicyVersion, d.RuleId), "routingPolicies/mine1the-source")
		want.Equal(s, "category", d.Category, pb.LeadCategory_LEAD_CATEGORY_CAMPAIGN_QUALIFIED)
		want.Equal(s, "priority", d.Priority, pb.Priority_PRIORITY_HIGH)
		want.Equal(s, "reason", d.Reason, "it came from there")
		want.Equal(s, "rule of another lead", s.triage(&pb.Lead{ExternalId: "p-2", Source: "fair"}).Decision.RuleId, "rest")

		second := s.createPolicy("mine", allTo("fair", pb.LeadCategory_LEAD_CATEGORY_GENERAL_INQUIRY))
		want.Equal(s, "version", second.Version, 2)
		want.Equal(s, "version in force while 2 is a draft", s.triage(lead).Decision.RoutingPolicyVersion, 1)
		s.publish(second.Name, 2)
		want.Equal(s, "rule", s.triage(lead).Decision.RuleId, "rest")
		want.Equal(s, "state of version 1", s.policy(second.Name, 1).State, pb.RoutingPolicy_STATE_RETIRED)
		want.Equal(s, "version in service", s.policy(second.Name, 0).Version, 2)

		back, err := s.h.Triage().RollbackRoutingPolicy(s.ctx, &pb.RollbackRoutingPolicyRequest{})
		want.OK(s, err)
		want.True(s, back.Name == cold.Name && back.Version == 1 && back.State == pb.RoutingPolicy_STATE_PUBLISHED, "rolled back to %v", back)
		want.OK(s, s.h.Restart())
		want.Equal(s, "version after a restart", s.triage(lead).Decision.RoutingPolicyVersion, 1)
		back, err = s.h.Triage().RollbackRoutingPolicy(s.ctx, &pb.RollbackRoutingPolicyRequest{})
		want.OK(s, err)
		want.Equal(s, "rolled back to", back.Name, "routingPolicies/default")
	})
}

func TestPoliciesAreListedWithTheBuiltInOne(t *testing.T) {
	tell(t, func(s *story) {
		for i := range 7 {
			s.createPolicy(fmt.Sprint("p", i%3), allTo("a", pb.LeadCategory_LEAD_CATEGORY_COLD_LEAD))
		}
		var seen []string
		for token := ""; ; {
			page, err := s.h.Triage().ListRoutingPolicies(s.ctx, &pb.ListRoutingPoliciesRequest{PageSize: 3, PageToken: token})
			want.OK(s, err)
			for _, p := range page.RoutingPolicies {
				seen = append(seen, fmt.Sprint(p.Name[len("routingPolicies/"):], p.Version))
			}
			if token = page.NextPageToken; token == "" {
				break
			}
		}
		want.Equal(s, "policies", fmt.Sprint(seen), "[default0 p01 p02 p03 p11 p12 p21 p22]")
	})
}

func TestUnsoundPoliciesAreRefused(t *testing.T) {
	good := allTo("webinar", pb.LeadCategory_LEAD_CATEGORY_COLD_LEAD)
	change := func(f func(p *pb.RoutingPolicy)) *pb.RoutingPolicy {
		p := proto.Clone(good).(*pb.RoutingPolicy)
		f(p)
		return p
	}
	unsound := map[string]*pb.RoutingPolicy{
		"no rules":              change(func(p *pb.RoutingPolicy) { p.Rules = nil }),
		"last rule not for all": change(func(p *pb.RoutingPolicy) { p.Rules[1].MinFit = 0.5 }),
		"two rules of one id":   change(func(p *pb.RoutingPolicy) { p.Rules[1].Id = p.Rules[0].Id }),
		"a rule without an id":  change(func(p *pb.RoutingPolicy) { p.Rules[0].Id = "" }),
		"no category":           change(func(p *pb.RoutingPolicy) { p.Rules[0].Category = 0 }),
		"a filter that is none": change(func(p *pb.RoutingPolicy) { p.Rules[0].Filter = "source = = 1" }),
		"unknown filter field":  change(func(p *pb.RoutingPolicy) { p.Rules[0].Filter = "nonsense = 1" }),
		"bounds crossed":        change(func(p *pb.RoutingPolicy) { p.Rules[0].MinFit, p.Rules[0].MaxFit = 0.9, 0.1 }),
		"threshold over 1":      change(func(p *pb.RoutingPolicy) { p.ConfidenceThreshold = 1.5 }),
		"threshold under 0.5":   change(func(p *pb.RoutingPolicy) { p.ConfidenceThreshold = 0.2 }),
		"unknown level":         change(func(p *pb.RoutingPolicy) { p.ConformalLevel = 0.5 }),
		"65 rules": change(func(p *pb.RoutingPolicy) {
			last := p.Rules[1]
			p.Rules = p.Rules[:1]
			for i := range 63 {
				r := proto.Clone(p.Rules[0]).(*pb.RoutingRule)
				r.Id, r.Filter = fmt.Sprint("r", i), fmt.Sprintf("source = \"s%d\"", i)
				p.Rules = append(p.Rules, r)
			}
			p.Rules = append(p.Rules, last)
		}),
	}
	tell(t, func(s *story) {
		for what, p := range unsound {
			_, err := s.h.Triage().CreateRoutingPolicy(s.ctx, &pb.CreateRoutingPolicyRequest{RoutingPolicyId: "bad", RoutingPolicy: p})
			if err == nil {
				s.Fatalf("%s: taken", what)
			}
			want.Error(s, err, codes.InvalidArgument, "POLICY_INVALID")
			want.True(s, len(want.Violations(err)) > 0, "%s: no violations", what)
			_, err = s.h.Triage().TestRoutingPolicy(s.ctx, &pb.TestRoutingPolicyRequest{RoutingPolicy: p})
			want.Error(s, err, codes.InvalidArgument, "POLICY_INVALID")
		}
		_, err := s.h.Triage().CreateRoutingPolicy(s.ctx, &pb.CreateRoutingPolicyRequest{RoutingPolicyId: "good", RoutingPolicy: good, ValidateOnly: true})
		want.OK(s, err)
		_, err = s.h.Triage().GetRoutingPolicy(s.ctx, &pb.GetRoutingPolicyRequest{Name: "routingPolicies/good"})
		want.Error(s, err, codes.NotFound, "POLICY_NOT_FOUND")
		_, err = s.h.Triage().PublishRoutingPolicy(s.ctx, &pb.PublishRoutingPolicyRequest{Name: "routingPolicies/none"})
		want.Error(s, err, codes.NotFound, "POLICY_NOT_FOUND")
		page, err := s.h.Triage().ListRoutingPolicies(s.ctx, &pb.ListRoutingPoliciesRequest{})
		want.OK(s, err)
		want.Equal(s, "policies stored", len(page.RoutingPolicies), 1)
	})
}

func TestPolicyTrialCountsWhoWouldMove(t *testing.T) {
	tell(t, func(s *story) {
		sources := []string{"webinar", "fair", "ads"}
		var leads []*pb.Lead
		for i := range 90 {
			leads = append(leads, &pb.Lead{ExternalId: fmt.Sprint("t-", i), Source: sources[i%3]})
		}
		decisions := s.triageAll(leads)
		policy := allTo("webinar", pb.LeadCategory_LEAD_CATEGORY_COLD_LEAD)
		reply, err := s.h.Triage().TestRoutingPolicy(s.ctx, &pb.TestRoutingPolicyRequest{RoutingPolicy: policy, SegmentField: "source"})
		want.OK(s, err)
		want.Equal(s, "sample", reply.SampleCount, 90)

		moved := int32(0)
		expected := map[string]int32{}
		for i, d := range decisions {
			to := pb.LeadCategory_LEAD_CATEGORY_COLD_LEAD
			if sources[i%3] == "webinar" {
				to = pb.LeadCategory_LEAD_CATEGORY_CAMPAIGN_QUALIFIED
			}
			if d.Category != to {
				moved++
			}
			for _, segment := range []string{"", sources[i%3]} {
				expected[fmt.Sprint(segment, " ", d.Category, " ", to)]++
			}
		}
		want.Equal(s, "moved", reply.MovedCount, moved)
		for _, m := range reply.Moves {
			key := fmt.Sprint(m.Segment, " ", m.FromCategory, " ", m.ToCategory)
			want.Equal(s, "moves "+key, m.Count, expected[key])
			delete(expected, key)
		}
		want.Equal(s, "moves not reported", len(expected), 0)
		reply, err = s.h.Triage().TestRoutingPolicy(s.ctx, &pb.TestRoutingPolicyRequest{RoutingPolicy: policy, SampleSize: 10})
		want.OK(s, err)
		want.Equal(s, "sample of 10", reply.SampleCount, 10)
		want.Equal(s, "decisions made by trials", len(s.allDecisions("", "")), 90)
	})
}
