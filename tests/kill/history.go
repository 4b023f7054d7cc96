package kill

import (
	"fmt"
	"strings"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/house"
	"google.golang.org/protobuf/proto"
)

// history is what lies in the database at the end, read by SQL past the server.
type history struct {
	leads        map[string]*pb.Lead // by id
	identities   map[string]string   // "kind value" -> lead id
	decisions    map[string]string   // decision id -> lead id
	newest       map[string]string   // lead id -> its newest decision
	count        map[string]int      // lead id -> decisions
	decisionLog  map[string]int      // decision id -> events "lead.triaged"
	leadEvents   map[string]string   // event id -> lead id
	outcomes     map[string]string   // outcome id -> lead id
	doubleEvents int                 // events "lead.created" of one lead beyond the first
}

// read loads everything.
func read(h *house.House) (*history, error) {
	x := &history{leads: map[string]*pb.Lead{}, decisions: map[string]string{}, newest: map[string]string{}, count: map[string]int{},
		decisionLog: map[string]int{}}
	rows, err := h.Query("SELECT id, " + h.Hex("data") + " FROM lead")
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		b, err := house.Bytes(r[1])
		if err != nil {
			return nil, err
		}
		lead := &pb.Lead{}
		if err := proto.Unmarshal(b, lead); err != nil {
			return nil, fmt.Errorf("the row of lead %s is no message: %w", r[0], err)
		}
		x.leads[r[0]] = lead
	}
	if err := x.readDecisions(h); err != nil {
		return nil, err
	}
	for sql, into := range map[string]*map[string]string{
		"SELECT kind || ' ' || value, lead_id FROM lead_identity": &x.identities,
		"SELECT event_id, lead_id FROM lead_event":                &x.leadEvents,
		"SELECT id, lead_id FROM outcome":                         &x.outcomes,
	} {
		if *into, err = pairs(h, sql); err != nil {
			return nil, err
		}
	}
	return x, nil
}

func (x *history) readDecisions(h *house.House) error {
	rows, err := h.Query("SELECT id, lead_id, kind, " + h.Hex("data") + ", length(sealed) FROM decision")
	if err != nil {
		return err
	}
	for _, r := range rows {
		x.decisions[r[0]] = r[1]
		x.count[r[1]]++
		b, err := house.Bytes(r[3])
		if err != nil {
			return err
		}
		d := &pb.Decision{}
		if err := proto.Unmarshal(b, d); err != nil || d.Category == 0 || d.Fit == nil || r[4] == "" {
			return fmt.Errorf("decision %s is half written: %v %v", r[0], err, d)
		}
	}
	log, err := h.Query("SELECT decision_id, subject FROM event WHERE action = 'lead.triaged' ORDER BY seq")
	if err != nil {
		return err
	}
	for _, r := range log { // in the order of the log: ids of one millisecond are in none
		id := strings.TrimPrefix(r[0], "decisions/")
		x.decisionLog[id]++
		x.newest[strings.TrimPrefix(r[1], "leads/")] = id
	}
	doubles, err := h.Query("SELECT subject FROM event WHERE action = 'lead.created' GROUP BY subject HAVING count(*) > 1")
	x.doubleEvents = len(doubles)
	return err
}

func pairs(h *house.House, sql string) (map[string]string, error) {
	rows, err := h.Query(sql)
	found := map[string]string{}
	for _, r := range rows {
		found[r[0]] = r[1]
	}
	return found, err
}

// whole checks that no decision is half written and that all that belongs together is there.
func (x *history) whole() error {
	for id, lead := range x.decisions {
		if x.leads[lead] == nil {
			return fmt.Errorf("decision %s has no lead %s", id, lead)
		}
		if n := x.decisionLog[id]; n != 1 {
			return fmt.Errorf("decision %s has %d events in the log, want 1", id, n)
		}
	}
	if len(x.decisionLog) != len(x.decisions) {
		return fmt.Errorf("%d decisions and %d of them in the event log", len(x.decisions), len(x.decisionLog))
	}
	for id, lead := range x.leads {
		if newest := x.newest[id]; newest != strings.TrimPrefix(lead.Triage.GetDecision(), "decisions/") {
			return fmt.Errorf("lead %s says its last decision is %q, it is %q", id, lead.Triage.GetDecision(), newest)
		}
		if lead.ExternalId != "" && x.identities["3 "+lead.ExternalId] != id {
			return fmt.Errorf("external id %s of lead %s leads to %q", lead.ExternalId, id, x.identities["3 "+lead.ExternalId])
		}
	}
	for identity, id := range x.identities {
		if x.leads[id] == nil {
			return fmt.Errorf("identity %s leads to no lead (%s)", identity, id)
		}
	}
	for event, id := range x.leadEvents {
		if x.leads[id] == nil {
			return fmt.Errorf("event %s has no lead (%s)", event, id)
		}
	}
	if x.doubleEvents > 0 {
		return fmt.Errorf("%d leads were made twice by the event log", x.doubleEvents)
	}
	return nil
}

// triagedOnce checks that the lead of a TriageLead call has exactly the decision that was acknowledged.
func (x *history) triagedOnce(c *call, externalID string) error {
	if err := x.decisionStored(c); err != nil {
		return err
	}
	id := x.identities["3 "+externalID]
	if x.leads[id] == nil {
		return fmt.Errorf("acknowledged lead %s is missing", externalID)
	}
	if n := x.count[id]; n != 1 {
		return fmt.Errorf("lead %s was decided on %d times, sent once (retried: %v)", externalID, n, c.retried)
	}
	return nil
}

func (x *history) decisionStored(c *call) error {
	r := &pb.TriageLeadResponse{}
	if err := proto.Unmarshal(c.reply, r); err != nil {
		return err
	}
	return x.stored(r.Decision, r.Lead)
}

func (x *history) stored(d *pb.Decision, lead string) error {
	if got, ok := x.decisions[strings.TrimPrefix(d.GetName(), "decisions/")]; !ok || "leads/"+got != lead || d.Lead != lead {
		return fmt.Errorf("acknowledged decision %q of %s is missing or another lead's (%q)", d.GetName(), lead, got)
	}
	return nil
}

func (x *history) batchStored(c *call, id string) error {
	r := &pb.BatchTriageLeadsResponse{}
	if err := proto.Unmarshal(c.reply, r); err != nil {
		return err
	}
	for i, row := range r.Results {
		if row.Status.GetCode() != 0 {
			return fmt.Errorf("row refused: %v", row.Status)
		}
		if err := x.stored(row.Decision, row.Lead); err != nil {
			return err
		}
		lead := x.identities[fmt.Sprint("3 ", id, "-", i)]
		if n := x.count[lead]; n != 1 {
			return fmt.Errorf("lead %s-%d was decided on %d times, sent once (retried: %v)", id, i, n, c.retried)
		}
	}
	return nil
}

func (x *history) outcomeStored(c *call) error {
	r := &pb.Outcome{}
	if err := proto.Unmarshal(c.reply, r); err != nil {
		return err
	}
	if id := r.Name[strings.LastIndexByte(r.Name, '/')+1:]; x.outcomes[id] == "" {
		return fmt.Errorf("acknowledged outcome %s is missing", r.Name)
	}
	return nil
}

// agrees compares one worker's acknowledgements with what is stored.
func (x *history) agrees(w *worker) error {
	for _, c := range w.history {
		if c.expect != nil {
			if err := c.expect(x, c); err != nil {
				return fmt.Errorf("worker %d, %s: %w", w.id, c.method, err)
			}
		}
	}
	lead := x.leads[strings.TrimPrefix(w.lead, "leads/")]
	if lead == nil || lead.Company != w.company {
		return fmt.Errorf("worker %d: lead %s holds %q, acknowledged was %q", w.id, w.lead, lead.GetCompany(), w.company)
	}
	for _, id := range w.events {
		if "leads/"+x.leadEvents[id] != w.lead {
			return fmt.Errorf("worker %d: acknowledged event %s is missing", w.id, id)
		}
	}
	if n := lead.Engagement.GetEventCount(); n != int64(len(w.events)) {
		return fmt.Errorf("worker %d: %d events counted into the lead's engagement, acknowledged were %d", w.id, n, len(w.events))
	}
	return nil
}
