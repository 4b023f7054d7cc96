// Command triagebench measures TriageLead against a bare echo of the same messages, in one run, interleaved. tests/bench/triage.sh calls
// it; docs/benchmarks.md says what it measured where.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/marketing-agents/marketing/tests/e2e/house"
	"github.com/marketing-agents/marketing/tests/load"
)

const triageLead = "/marketing.v1.TriageService/TriageLead"

type options struct {
	rounds  int
	seconds float64
	rate    float64
	echo    string
	only    string
	streams int
}

func main() {
	var o options
	flag.IntVar(&o.rounds, "rounds", 5, "rounds; figures are medians over them")
	flag.Float64Var(&o.seconds, "seconds", 3, "seconds of each measurement")
	flag.Float64Var(&o.rate, "rate", 3000, "calls a second of the open loop")
	flag.StringVar(&o.echo, "echo", "", "the echo server's binary")
	flag.StringVar(&o.only, "only", "", "measure only the echo and the servers whose name holds this text")
	flag.IntVar(&o.streams, "streams", 1, "calls under way at once on one connection; 1: each caller has a connection of its own")
	flag.Parse()
	os.Exit(house.Main(func() int {
		if err := bench(o); err != nil {
			fmt.Fprintln(os.Stderr, "triagebench:", err)
			return 1
		}
		return 0
	}))
}

func bench(o options) error {
	all, err := open(o)
	defer closeAll(all)
	if err != nil {
		return err
	}
	subjects := choose(all, o.only)
	fmt.Println(load.Machine(os.TempDir()))
	fmt.Printf("messages: a TriageLead request of %d fields, %d bytes, each with a random address and request id of its own, so that it makes a lead "+
		"(known leads: 1,000 that come again, no request id); %d calls at once on a connection; rounds of %.0f s, %d of them, interleaved\n\n",
		subjects[0].lead.Fields, subjects[0].lead.Bytes, o.streams, o.seconds, o.rounds)
	for _, concurrent := range []int{50, 200} {
		if err := closedLoop(o, subjects, concurrent); err != nil {
			return err
		}
	}
	if err := openLoop(o, subjects); err != nil {
		return err
	}
	if err := startUp(); err != nil {
		return err
	}
	if err := recovery(subjects[0].lead); err != nil {
		return err
	}
	fmt.Println(load.Machine(os.TempDir()))
	return nil
}

// choose keeps the echo and what is asked for.
func choose(all []*subject, text string) []*subject {
	chosen := all[:1]
	for _, s := range all[1:] {
		if strings.Contains(s.name, text) {
			chosen = append(chosen[:len(chosen):len(chosen)], s)
		}
	}
	return chosen
}

// sample is one measurement.
type sample struct{ perSecond, p50, p99, cpu float64 }

// measure makes load on a subject. cpu is in microseconds of the subject's processes a call.
func measure(s *subject, p load.Plan) (sample, error) {
	p.Address, p.Method, p.Maker = s.address, triageLead, s.lead.Maker
	before, err := load.CPU(s.pids...)
	if err != nil {
		return sample{}, err
	}
	r, err := load.Run(p)
	if err != nil {
		return sample{}, fmt.Errorf("%s: %w", s.name, err)
	}
	if err := r.Err(); err != nil {
		return sample{}, fmt.Errorf("%s: %w", s.name, err)
	}
	after, err := load.CPU(s.pids...)
	if err != nil {
		return sample{}, err
	}
	return sample{r.PerSecond(), load.Milliseconds(r.Percentile(0.5)), load.Milliseconds(r.Percentile(0.99)),
		float64((after - before).Microseconds()) / float64(r.Calls)}, nil
}

// closedLoop measures all subjects in turn, round by round, and prints medians. Ratios are medians of the rounds' ratios to the echo.
func closedLoop(o options, subjects []*subject, concurrent int) error {
	samples := map[*subject][]sample{}
	for round := range o.rounds {
		for _, s := range subjects {
			got, err := measure(s, load.Plan{Connections: max(1, concurrent/o.streams), Concurrent: concurrent, Duration: time.Duration(o.seconds * float64(time.Second))})
			if err != nil {
				return err
			}
			samples[s] = append(samples[s], got)
			fmt.Fprintf(os.Stderr, "round %d, %d concurrent, %s: %.0f/s, %.1f us\n", round+1, concurrent, s.name, got.perSecond, got.cpu)
		}
	}
	fmt.Printf("### %d concurrent\n\n| server | req/s | ratio | p50 ms | p99 ms | CPU us/request | CPU ratio to the echo | p99 ratio | RSS MiB |\n"+
		"|---|---|---|---|---|---|---|---|---|\n", concurrent)
	echo := samples[subjects[0]]
	for _, s := range subjects {
		of := func(f func(sample) float64) float64 { return median(samples[s], f) }
		ratio := func(f func(sample) float64) float64 {
			var ratios []float64
			for i := range echo {
				ratios = append(ratios, f(samples[s][i])/f(echo[i]))
			}
			return load.Median(ratios)
		}
		fmt.Printf("| %s | %.0f | %.2f | %.2f | %.2f | %.1f | **%.2f** | %.2f | %d |\n", s.name, of(perSecond), ratio(perSecond), of(p50), of(p99),
			of(cpu), ratio(cpu), ratio(p99), s.resident()>>20)
	}
	fmt.Println()
	return nil
}

func perSecond(s sample) float64 { return s.perSecond }
func p50(s sample) float64       { return s.p50 }
func p99(s sample) float64       { return s.p99 }
func cpu(s sample) float64       { return s.cpu }

func median(samples []sample, f func(sample) float64) float64 {
	var numbers []float64
	for _, s := range samples {
		numbers = append(numbers, f(s))
	}
	return load.Median(numbers)
}

// openLoop measures the latency at a fixed rate, counted from when each call was due.
func openLoop(o options, subjects []*subject) error {
	fmt.Printf("### open loop, %.0f calls a second\n\n| server | req/s | p50 ms | p99 ms | CPU us/request |\n|---|---|---|---|---|\n", o.rate)
	samples := map[*subject][]sample{}
	for range o.rounds {
		for _, s := range subjects {
			if !s.paced {
				continue
			}
			got, err := measure(s, load.Plan{Connections: 4, Rate: o.rate, Duration: time.Duration(o.seconds * float64(time.Second))})
			if err != nil {
				return err
			}
			samples[s] = append(samples[s], got)
		}
	}
	for _, s := range subjects {
		if s.paced {
			of := func(f func(sample) float64) float64 { return median(samples[s], f) }
			fmt.Printf("| %s | %.0f | %.2f | %.2f | %.1f |\n", s.name, of(perSecond), of(p50), of(p99), of(cpu))
		}
	}
	fmt.Println()
	return nil
}
