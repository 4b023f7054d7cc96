// Package kill proves that what the server acknowledged survives SIGKILL, and that what it did not acknowledge happened wholly or not at
// all: load with recorded acknowledgements, a kill at a random moment, a restart, the unanswered calls again with their request ids, many
// times over; then the recorded history is compared with what is stored.
package kill

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/wire"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// call is one mutation, as it was sent and as it was answered.
type call struct {
	method  string
	request []byte // to the byte, so that a repetition is the same call
	reply   []byte // the acknowledgement
	retried bool   // it was sent again after a kill took its answer
	expect  func(h *history, c *call) error
}

// worker makes one call after the other on leads of its own.
type worker struct {
	id        int
	random    *rand.Rand
	serial    int
	lead      string   // of updates, events and outcomes; "" before it is made
	company   string   // what the last acknowledged update of that lead wrote
	events    []string // acknowledged events of that lead
	pending   *call    // sent, not answered
	onPending func(reply []byte) error
	history   []*call
	cut       bool         // the server cuts calls: CANCELLED is no answer either
	answered  atomic.Int64 // calls
}

// run makes calls until one is not answered (the server was killed), or stop is closed and none is pending. An answer that a healthy server
// never gives is an error.
func (w *worker) run(conn *grpc.ClientConn, stop <-chan struct{}) error {
	for {
		if w.pending == nil {
			if ended(stop) {
				return nil
			}
			w.pending, w.onPending = w.next()
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		reply, err := wire.Call(ctx, conn, w.pending.method, w.pending.request)
		cancel()
		if code := status.Code(err); code == codes.Unavailable || (w.cut && code == codes.Canceled) {
			w.pending.retried = true
			return nil
		}
		if err != nil {
			return fmt.Errorf("worker %d, %s: %w", w.id, w.pending.method, err)
		}
		w.pending.reply = reply
		if err := w.onPending(reply); err != nil {
			return fmt.Errorf("worker %d, %s: %w", w.id, w.pending.method, err)
		}
		w.history = append(w.history, w.pending)
		w.answered.Add(1)
		w.pending = nil
	}
}

// patience is how long anything may take that takes moments on a machine with no other work.
const patience = 2 * time.Minute

func ended(stop <-chan struct{}) bool {
	select {
	case <-stop:
		return true
	default:
		return false
	}
}

const (
	leadService   = "/marketing.v1.LeadService/"
	triageService = "/marketing.v1.TriageService/"
)

// name is a text that no other call uses.
func (w *worker) name(kind string) string {
	w.serial++
	return fmt.Sprintf("%s-%d-%d", kind, w.id, w.serial)
}

// next chooses the next call, and what to note when it is answered.
func (w *worker) next() (*call, func([]byte) error) {
	if w.lead == "" {
		return w.create()
	}
	switch n := w.random.IntN(100); {
	case n < 45:
		return w.triage()
	case n < 60:
		return w.update()
	case n < 75:
		return w.ingest()
	case n < 85:
		return w.batch()
	case n < 92:
		return w.outcome()
	default:
		return w.triageOwn()
	}
}

func (w *worker) call(method string, m proto.Message, expect func(*history, *call) error) *call {
	request, err := proto.Marshal(m)
	if err != nil {
		panic(err) // our own message
	}
	return &call{method: method, request: request, expect: expect}
}

func (w *worker) create() (*call, func([]byte) error) {
	id := w.name("own")
	m := &pb.CreateLeadRequest{LeadId: id, Lead: &pb.Lead{ExternalId: id, Company: "0"}, RequestId: "kill-" + id}
	return w.call(leadService+"CreateLead", m, nil), func([]byte) error {
		w.lead, w.company = "leads/"+id, "0"
		return nil
	}
}

func (w *worker) update() (*call, func([]byte) error) {
	company := w.name("company")
	m := &pb.UpdateLeadRequest{Lead: &pb.Lead{Name: w.lead, Company: company}, RequestId: "kill-" + company}
	return w.call(leadService+"UpdateLead", m, nil), func([]byte) error {
		w.company = company
		return nil
	}
}

func (w *worker) triage() (*call, func([]byte) error) {
	id := w.name("new")
	m := &pb.TriageLeadRequest{Lead: &pb.Lead{ExternalId: id, Email: id + "@kill.example", Attributes: map[string]string{"age": "30", "job": "admin."}}, RequestId: "kill-" + id}
	expect := func(h *history, c *call) error { return h.triagedOnce(c, id) }
	return w.call(triageService+"TriageLead", m, expect), nothing
}

// triageOwn decides on the worker's own lead again: its version grows, and its summary must follow.
func (w *worker) triageOwn() (*call, func([]byte) error) {
	m := &pb.TriageLeadRequest{LeadName: w.lead, RequestId: "kill-" + w.name("again")}
	expect := func(h *history, c *call) error { return h.decisionStored(c) }
	return w.call(triageService+"TriageLead", m, expect), nothing
}

func (w *worker) batch() (*call, func([]byte) error) {
	id := w.name("batch")
	m := &pb.BatchTriageLeadsRequest{RequestId: "kill-" + id}
	for i := range 10 {
		m.Leads = append(m.Leads, &pb.Lead{ExternalId: fmt.Sprint(id, "-", i)})
	}
	expect := func(h *history, c *call) error { return h.batchStored(c, id) }
	return w.call(triageService+"BatchTriageLeads", m, expect), nothing
}

func (w *worker) ingest() (*call, func([]byte) error) {
	m := &pb.IngestEventsRequest{RequestId: "kill-" + w.name("ingest")}
	var ids []string
	for range 5 {
		id := w.name("event")
		ids = append(ids, id)
		m.Events = append(m.Events, &pb.LeadEvent{EventId: id, Lead: w.lead, Type: "page_view"})
	}
	return w.call(leadService+"IngestEvents", m, nil), func(reply []byte) error {
		r := &pb.IngestEventsResponse{}
		if err := proto.Unmarshal(reply, r); err != nil {
			return err
		}
		if r.StoredCount != 5 || r.DuplicateCount != 0 {
			return fmt.Errorf("new events were stored %d times, %d known", r.StoredCount, r.DuplicateCount)
		}
		w.events = append(w.events, ids...)
		return nil
	}
}

func (w *worker) outcome() (*call, func([]byte) error) {
	m := &pb.RecordOutcomeRequest{Parent: w.lead, Outcome: &pb.Outcome{Converted: true}, RequestId: "kill-" + w.name("outcome")}
	expect := func(h *history, c *call) error { return h.outcomeStored(c) }
	return w.call(leadService+"RecordOutcome", m, expect), nothing
}

func nothing([]byte) error { return nil }

// look reads the worker's lead right after a restart: it must be as the last acknowledgement left it, or as the unanswered call would.
func (w *worker) look(conn *grpc.ClientConn) error {
	if w.lead == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	lead, err := pb.NewLeadServiceClient(conn).GetLead(ctx, &pb.GetLeadRequest{Name: w.lead})
	if err != nil {
		return fmt.Errorf("worker %d: its lead is gone after a kill: %w", w.id, err)
	}
	lawful := lead.Company == w.company
	if w.pending != nil && w.pending.method == leadService+"UpdateLead" {
		m := &pb.UpdateLeadRequest{}
		if err := proto.Unmarshal(w.pending.request, m); err != nil {
			return err
		}
		lawful = lawful || lead.Company == m.Lead.Company
	}
	if !lawful {
		return fmt.Errorf("worker %d: company is %q after a kill, acknowledged was %q", w.id, lead.Company, w.company)
	}
	return nil
}

// each runs a step of all workers at once.
func each(workers []*worker, step func(*worker) error) error {
	errs := make([]error, len(workers))
	var all sync.WaitGroup
	for i, w := range workers {
		all.Go(func() { errs[i] = step(w) })
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
