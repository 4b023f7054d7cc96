package e2e

import (
	"math"
	"strings"
	"testing"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/bank"
	"github.com/marketing-agents/marketing/tests/e2e/want"
	"google.golang.org/protobuf/proto"
)

func (s *story) explain(name string, immutable ...string) *pb.ExplainDecisionResponse {
	s.Helper()
	reply, err := s.h.Triage().ExplainDecision(s.ctx, &pb.ExplainDecisionRequest{Name: name, ImmutableFields: immutable})
	want.OK(s, err)
	return reply
}

// checkSum checks that the contributions add up to the margin and come in order of effect.
func (s *story) checkSum(e *pb.ExplainDecisionResponse) {
	s.Helper()
	sum, last := e.BaseValue, math.Inf(1)
	seen := map[string]bool{}
	for _, c := range e.Contributions {
		want.True(s, !seen[c.Field], "field %s is listed twice", c.Field)
		want.True(s, math.Abs(c.Contribution) <= last, "contributions are not in order of effect")
		want.Equal(s, "value of "+c.Field, c.Value, e.Decision.Inputs.GetFields()[c.Field])
		seen[c.Field], last = true, math.Abs(c.Contribution)
		sum += c.Contribution
	}
	want.Near(s, "base value and contributions", sum, e.Decision.Fit.Margin, 1e-5)
}

// changed applies a smallest change to a lead.
func changed(lead *pb.Lead, changes []*pb.FieldChange) *pb.Lead {
	l := proto.Clone(lead).(*pb.Lead)
	fields := map[string]*string{"source": &l.Source, "country": &l.Country, "company": &l.Company, "job_title": &l.JobTitle, "time_zone": &l.TimeZone}
	for _, c := range changes {
		switch {
		case fields[c.Field] != nil:
			*fields[c.Field] = c.ToValue
		case c.Field == "email_domain":
			l.Email = "someone@" + c.ToValue
		case c.Field == "has_phone":
			l.Phone = map[string]string{"true": "+43660123456"}[c.ToValue]
		case c.ToValue == "":
			delete(l.Attributes, c.Field)
		default:
			if l.Attributes == nil {
				l.Attributes = map[string]string{}
			}
			l.Attributes[c.Field] = c.ToValue
		}
	}
	return l
}

// checkSmallestChange sends the changed lead to ScoreLead: it must come out as promised. It returns whether there was a change.
func (s *story) checkSmallestChange(lead *pb.Lead, e *pb.ExplainDecisionResponse) bool {
	s.Helper()
	if len(e.SmallestChange) == 0 {
		return false
	}
	want.True(s, len(e.SmallestChange) <= 2, "%d fields changed", len(e.SmallestChange))
	for _, c := range e.SmallestChange {
		want.True(s, c.FromValue != c.ToValue, "change of %s to what it is: %q", c.Field, c.ToValue)
		want.Equal(s, "old value of "+c.Field, c.FromValue, e.Decision.Inputs.GetFields()[c.Field])
	}
	want.True(s, e.ChangedCategory != e.Decision.Category && e.ChangedCategory != 0, "the changed category is %v", e.ChangedCategory)
	stored := s.get(e.Decision.Lead)
	probe := changed(lead, e.SmallestChange)
	probe.Engagement = stored.Engagement
	again := s.score(probe)
	want.Equal(s, "category after the change", again.Category, e.ChangedCategory)
	want.Near(s, "probability after the change", again.Fit.Probability, e.ChangedProbability, 1e-12)
	return true
}

func TestExplanationsOfAModelAddUpAndTheirSmallestChangeFlips(t *testing.T) {
	withModels(t, func(s *story, m *bank.Trained) {
		s.importedModel("bank", "full", m.Files[0], true)
		leads := s.bankLeads("x", 0, 60)
		flips := 0
		for i, d := range s.triageAll(leads) {
			e := s.explain(d.Name)
			want.Same(s, "fit in the explanation", e.Decision.Fit, d.Fit)
			s.checkSum(e)
			if s.checkSmallestChange(leads[i], e) {
				flips++
				first := e.SmallestChange[0].Field
				other := s.explain(d.Name, first)
				for _, c := range other.SmallestChange {
					want.True(s, c.Field != first, "an immutable field was changed")
				}
				s.checkSmallestChange(leads[i], other)
			}
		}
		want.True(s, flips >= 10, "only %d of 60 decisions have a smallest change", flips)
	})
}

func TestExplanationsOfThePriorAddUp(t *testing.T) {
	tell(t, func(s *story) {
		leads := []*pb.Lead{
			{Email: "cto@acme.example", JobTitle: "CTO", Source: "webinar", Country: "AT", Company: "Acme"},
			{Email: "x@gmail.com"},
			{ExternalId: "nothing-known"},
			{Email: "vp@big.example", JobTitle: "VP Marketing", Source: "demo_request", Phone: "+43660777777"},
		}
		flips := 0
		for _, lead := range leads {
			e := s.explain(s.triage(lead).Decision.Name)
			s.checkSum(e)
			if s.checkSmallestChange(lead, e) {
				flips++
			}
		}
		want.True(s, flips > 0, "no decision by the prior has a smallest change")
	})
}

func TestTriageReasonsAreTheExplanationsFirstThree(t *testing.T) {
	withModels(t, func(s *story, m *bank.Trained) {
		s.importedModel("bank", "full", m.Files[0], true)
		reply, err := s.h.Triage().TriageLead(s.ctx, &pb.TriageLeadRequest{Lead: s.bankLeads("r", 7, 1)[0], Explain: true})
		want.OK(s, err)
		e := s.explain(reply.Decision.Name)
		want.Equal(s, "reasons", len(reply.Decision.Contributions), 3)
		for i, c := range reply.Decision.Contributions {
			want.Same(s, "reason", c, e.Contributions[i])
			want.True(s, !strings.HasPrefix(c.Field, "attributes."), "a field is named %s", c.Field)
		}
	})
}
