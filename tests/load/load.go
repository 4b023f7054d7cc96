// Package load makes load on a gRPC server and measures it: a small HTTP/2 client of its own that costs a few microseconds a request, so
// that on a small machine the server gets most of the processor, and that can give every request another body.
package load

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Maker writes the next request's message into the buffer (which is empty, with room) and returns it. Each connection has its own.
type Maker func(into []byte) []byte

// Plan says what load to make.
type Plan struct {
	Address     string // host:port
	Method      string // "/package.Service/Method", unary
	Connections int
	Concurrent  int // calls under way at once, over all connections (closed loop)
	Duration    time.Duration
	// Rate makes an open loop instead: so many calls a second begin at their time, whether or not others were answered. A call's latency
	// then counts from the time at which it was due.
	Rate  float64
	Maker func(connection int) Maker
	// Authorization is the header of that name; empty: none.
	Authorization string
}

// Result is what came of it.
type Result struct {
	Calls     int // answered with OK
	Left      int // of an open loop: due, but not begun before the end
	Refused   map[string]int
	Elapsed   time.Duration
	latencies []time.Duration // sorted
}

// PerSecond is the rate of calls answered with OK.
func (r *Result) PerSecond() float64 { return float64(r.Calls) / r.Elapsed.Seconds() }

// Percentile is the latency that a share p of the calls did not exceed.
func (r *Result) Percentile(p float64) time.Duration {
	if len(r.latencies) == 0 {
		return 0
	}
	return r.latencies[min(int(p*float64(len(r.latencies))), len(r.latencies)-1)]
}

// Err is an error where any call was not answered with OK.
func (r *Result) Err() error {
	if len(r.Refused) > 0 {
		return fmt.Errorf("not all calls were answered with OK: %v of %d", r.Refused, r.Calls)
	}
	if r.Calls == 0 {
		return errors.New("no call was answered")
	}
	return nil
}

// Run makes the load and waits until every call is answered.
func Run(p Plan) (*Result, error) {
	conns := make([]*conn, p.Connections)
	for i := range conns {
		c, err := dial(p, i)
		if err != nil {
			return nil, err
		}
		defer c.close()
		conns[i] = c
	}
	began := time.Now()
	errs := make([]error, len(conns))
	var all sync.WaitGroup
	for i, c := range conns {
		all.Go(func() { errs[i] = c.run(began.Add(p.Duration)) })
	}
	all.Wait()
	r := &Result{Refused: map[string]int{}, Elapsed: time.Since(began)}
	for i, c := range conns {
		if errs[i] != nil {
			return nil, errs[i]
		}
		r.Calls += c.answered
		r.Left += c.left
		r.latencies = append(r.latencies, c.latencies...)
		for status, n := range c.refused {
			r.Refused[status] += n
		}
	}
	slices.Sort(r.latencies)
	return r, nil
}
