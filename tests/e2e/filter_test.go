package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/want"
)

func TestFiltersSelectLeads(t *testing.T) {
	leads := map[string]*pb.Lead{
		"f1": {Email: "f1@acme.example", Company: "Acme Inc", Country: "AT", Source: "webinar", Attributes: map[string]string{"age": "30", "job": "admin."}},
		"f2": {Email: "f2@acme.example", Company: "acme ltd", Country: "DE", Source: "fair", Attributes: map[string]string{"age": "9", "job": "services"}},
		"f3": {Phone: "+4366012345", Company: "Globex", Country: "AT", Attributes: map[string]string{"age": "100", "last contact": "may"}},
		"f4": {ExternalId: "crm-4", FullName: `quote " and \ back`, TimeZone: "Europe/Vienna", Attributes: map[string]string{"age": "unknown"}},
	}
	future := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	cases := []struct{ filter, names string }{
		{`source = "webinar"`, "f1"},
		{`source != "webinar"`, "f2 f3 f4"},
		{`company : "acme"`, "f1 f2"},
		{`company = "Acme Inc"`, "f1"},
		{`attributes.age > 10`, "f1 f3"},
		{`attributes.age <= 30 AND attributes.job = "services"`, "f2"},
		{`attributes.job = admin.`, "f1"},
		{`attributes."last contact" = may`, "f3"},
		{`NOT country = "AT"`, "f2 f4"},
		{`-country = "AT" source = fair`, "f2"},
		{`country = "AT" OR country = "DE"`, "f1 f2 f3"},
		{`(country = "AT" AND source = "webinar") OR external_id = "crm-4"`, "f1 f4"},
		{`phone : *`, "f3"},
		{`full_name = "quote \" and \\ back"`, "f4"},
		{`time_zone = "Europe/Vienna"`, "f4"},
		{`email = "f1@acme.example"`, "f1"},
		{fmt.Sprintf(`create_time < %q`, future), "f1 f2 f3 f4"},
		{fmt.Sprintf(`update_time > %q`, future), ""},
		{`triage.category = CAMPAIGN_QUALIFIED OR triage.category = GENERAL_INQUIRY OR triage.category = COLD_LEAD`, "f1"},
		{`triage.fit_score > 0 AND triage.engagement_score >= 0 AND triage.priority != URGENT`, "f1"},
		{`attributes.missing = 1`, ""},
		{"", "f1 f2 f3 f4"},
	}
	tell(t, func(s *story) {
		for id, lead := range leads {
			s.createAs(id, lead)
		}
		s.triageNamed("leads/f1")
		for _, c := range cases {
			var names []string
			for _, lead := range s.allLeads(c.filter, 2) {
				names = append(names, strings.TrimPrefix(lead.Name, "leads/"))
			}
			slices.Sort(names)
			want.Equal(s, "leads of "+c.filter, strings.Join(names, " "), c.names)
		}
	})
}

func TestFiltersThatAreNone(t *testing.T) {
	deep := strings.Repeat("(", 17) + `source = "a"` + strings.Repeat(")", 17)
	long := `source = "` + strings.Repeat("x", 1024) + `"`
	bad := []string{`source =`, `= "a"`, `source = "a" AND`, `(source = "a"`, `source = "a")`, `nonsense = 1`, `triage.category = NO_SUCH`,
		`create_time > "not a time"`, `triage.fit_score > "x"`, `source ~ "a"`, `"unterminated`, deep, long, `attributes = 1`, `attributes. = 1`, `;DROP TABLE lead`}
	tell(t, func(s *story) {
		for _, filter := range bad {
			_, err := s.h.Leads().ListLeads(s.ctx, &pb.ListLeadsRequest{Filter: filter})
			if err == nil {
				s.Fatalf("filter %q was taken", filter)
			}
			want.Violation(s, err, "FILTER_INVALID", "filter")
			_, err = s.h.Triage().ListDecisions(s.ctx, &pb.ListDecisionsRequest{Filter: filter})
			want.Violation(s, err, "FILTER_INVALID", "filter")
		}
	})
}

func TestFiltersSelectDecisions(t *testing.T) {
	tell(t, func(s *story) {
		decisions := s.triageAll(s.bankLeads("fd", 0, 60))
		byCategory := map[pb.LeadCategory]int{}
		high := 0
		for _, d := range decisions {
			byCategory[d.Category]++
			if d.Fit.Probability >= 0.3 {
				high++
			}
		}
		for number, name := range map[pb.LeadCategory]string{1: "CAMPAIGN_QUALIFIED", 2: "GENERAL_INQUIRY", 3: "LEAD_CATEGORY_COLD_LEAD"} {
			want.Equal(s, name, len(s.allDecisions("", "category = "+name)), byCategory[number])
		}
		want.Equal(s, "by probability", len(s.allDecisions("", "fit.probability >= 0.3")), high)
		want.Equal(s, "by kind", len(s.allDecisions("", "kind = TRIAGE AND abstained = false")), 60)
		want.Equal(s, "by policy", len(s.allDecisions("", `routing_policy = "routingPolicies/default"`)), 60)
		want.Equal(s, "by lead and filter", len(s.allDecisions(decisions[0].Lead, "kind = OVERRIDE")), 0)
	})
}
