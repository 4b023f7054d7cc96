// Package metrics counts what the gateway does and shows it as Prometheus text. It is small on purpose: the gateway has four kinds of
// numbers, and a client library would be larger than the gateway.
package metrics

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Upper bounds of the latency histogram in seconds: from a local call to the longest that a call may take.
var bounds = [...]float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 30}

type routeKey struct{ protocol, route string }

type codeKey struct {
	routeKey
	code string
}

type histogram struct {
	buckets [len(bounds) + 1]uint64 // of each bucket alone; shown cumulated
	seconds float64
}

// Set holds all numbers of one gateway. The caller bounds the routes: each is a name from the API, never a caller's text.
type Set struct {
	mu       sync.Mutex
	requests map[codeKey]uint64
	latency  map[routeKey]*histogram
	gauges   map[string]gauge
}

type gauge struct {
	help string
	read func() float64
}

// New returns an empty set.
func New() *Set {
	return &Set{
		requests: map[codeKey]uint64{},
		latency:  map[routeKey]*histogram{},
		gauges:   map[string]gauge{},
	}
}

// Done counts one finished call.
func (s *Set) Done(protocol, route, code string, took time.Duration) {
	key := routeKey{protocol, route}
	seconds := took.Seconds()
	i := sort.SearchFloat64s(bounds[:], seconds)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests[codeKey{key, code}]++
	h := s.latency[key]
	if h == nil {
		h = &histogram{}
		s.latency[key] = h
	}
	h.buckets[i]++
	h.seconds += seconds
}

// Gauge registers a number that is read when it is shown. The name may carry labels: `x{listener="http"}`; what ends in _total only grows.
func (s *Set) Gauge(name, help string, read func() float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gauges[name] = gauge{help, read}
}

// Number registers one that is counted here, and returns it.
func (s *Set) Number(name, help string) *atomic.Int64 {
	n := new(atomic.Int64)
	s.Gauge(name, help, func() float64 { return float64(n.Load()) })
	return n
}

// WriteText shows everything in the Prometheus text format, in a fixed order.
func (s *Set) WriteText(w io.Writer) error {
	out := bufio.NewWriter(w)
	s.mu.Lock()
	s.writeRequests(out)
	s.writeLatency(out)
	gauges := maps.Clone(s.gauges)
	s.mu.Unlock()
	writeGauges(out, gauges)
	return out.Flush()
}

func (s *Set) writeRequests(out io.Writer) {
	fmt.Fprint(out, "# HELP gateway_requests_total Calls answered. Many UNAVAILABLE: the server is down or draining.\n# TYPE gateway_requests_total counter\n")
	lines := make([]string, 0, len(s.requests))
	for k, n := range s.requests {
		lines = append(lines, fmt.Sprintf("gateway_requests_total{protocol=%q,route=%q,code=%q} %d\n", k.protocol, k.route, k.code, n))
	}
	slices.Sort(lines)
	for _, l := range lines {
		fmt.Fprint(out, l)
	}
}

func (s *Set) writeLatency(out io.Writer) {
	fmt.Fprint(out, "# HELP gateway_request_seconds From the first byte of a call to its last, server included.\n# TYPE gateway_request_seconds histogram\n")
	byName := func(a, b routeKey) int {
		return cmp.Or(cmp.Compare(a.protocol, b.protocol), cmp.Compare(a.route, b.route))
	}
	for _, k := range slices.SortedFunc(maps.Keys(s.latency), byName) {
		s.latency[k].write(out, fmt.Sprintf("protocol=%q,route=%q", k.protocol, k.route))
	}
}

func (h *histogram) write(out io.Writer, labels string) {
	var sum uint64
	for i, n := range h.buckets {
		sum += n
		le := "+Inf"
		if i < len(bounds) {
			le = strconv.FormatFloat(bounds[i], 'g', -1, 64)
		}
		fmt.Fprintf(out, "gateway_request_seconds_bucket{%s,le=%q} %d\n", labels, le, sum)
	}
	fmt.Fprintf(out, "gateway_request_seconds_sum{%s} %g\ngateway_request_seconds_count{%s} %d\n", labels, h.seconds, labels, sum)
}

func writeGauges(out io.Writer, gauges map[string]gauge) {
	last := ""
	for _, name := range slices.Sorted(maps.Keys(gauges)) {
		family, _, _ := strings.Cut(name, "{")
		if family != last {
			kind := "gauge"
			if strings.HasSuffix(family, "_total") {
				kind = "counter"
			}
			fmt.Fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", family, gauges[name].help, family, kind)
			last = family
		}
		fmt.Fprintf(out, "%s %g\n", name, gauges[name].read())
	}
}
