package sendgate

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/marketing-agents/marketing/tests/e2e/house"
)

var (
	requests = flag.Int("requests", 20000, "how many random requests are compared")
	seed     = flag.Uint64("seed", 1, "of the random requests")
)

// gate is the C program that answers.
type gate struct {
	in  io.WriteCloser
	out *bufio.Reader
}

func start(t *testing.T) *gate {
	t.Helper()
	path, err := house.Binary("MARKETING_GATE", ".state/bin/gate-decide", "./dev build")
	must(t, err)
	cmd := exec.Command(path)
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	g := &gate{in, bufio.NewReaderSize(out, 1<<20)}
	t.Cleanup(func() {
		closed := in.Close()
		_, err := io.Copy(io.Discard, out) // where a test stopped early
		must(t, errors.Join(closed, err, cmd.Wait()))
	})
	return g
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (g *gate) verdict() (v Verdict, err error) {
	line, err := g.out.ReadString('\n')
	if err != nil {
		return v, err
	}
	rest := strings.NewReader(line)
	to := []any{&v.Answer, &v.DecidedBy, &v.Next}
	for i := range Gates {
		to = append(to, &v.Answers[i], &v.Until[i])
	}
	_, err = fmt.Fscan(rest, to...)
	return v, err
}

// ask sends the requests and hands each to `check` with its answer.
func (g *gate) ask(n int, make func() *Facts, check func(*Facts, Verdict)) error {
	asked, failed := startAsking(g.in, n, make)
	for f := range asked {
		v, err := g.verdict()
		if err != nil {
			return err
		}
		check(f, v)
	}
	return <-failed
}

func startAsking(to io.Writer, n int, make_ func() *Facts) (<-chan *Facts, <-chan error) {
	asked, failed := make(chan *Facts, 256), make(chan error, 1)
	go func() {
		defer close(asked)
		w := bufio.NewWriter(to)
		for i := range n {
			f := make_()
			if _, err := w.WriteString(f.Line()); err != nil {
				failed <- err
				return
			}
			asked <- f
			if i%128 == 127 || i == n-1 {
				if err := w.Flush(); err != nil {
					failed <- err
					return
				}
			}
		}
		failed <- nil
	}()
	return asked, failed
}

// tally says what was met, so that a generator that misses a rule is seen.
type tally struct {
	answers         [3]int
	decided         [Gates + 1]int
	waited, stepped int
}

// Every verdict is the one that trying gives.
func TestGateAgainstOracle(t *testing.T) {
	zones, err := Zones()
	must(t, err)
	random := NewRandom(*seed, zones)
	var met tally
	err = start(t).ask(*requests, random.Facts, func(f *Facts, got Verdict) {
		if want := f.Decide(); got != want {
			t.Fatalf("seed %d: %s\ngot  %v\nwant %v", *seed, f.Line(), got, want)
		}
		met.answers[got.Answer]++
		met.decided[got.DecidedBy]++
		if got.Answer == Defer && got.Next != Never {
			met.waited++
			met.stepped += step(t, f, got.Next)
		}
	})
	must(t, err)
	t.Logf("%d requests over %d zones, seed %d: %d pass, %d wait (%d until a known time), %d refused; decided by gate: %v; %d minutes tried one by one",
		*requests, len(zones), *seed, met.answers[Pass], met.answers[Defer], met.waited, met.answers[Refuse], met.decided, met.stepped)
	for gate, n := range met.decided {
		if n == 0 {
			t.Errorf("gate %d never decided", gate)
		}
	}
}

// step walks from now to the time that was given, minute by minute: before it nothing passes, and at it all do. Requests at a whole second, up to
// two weeks.
func step(t *testing.T, f *Facts, next int64) (minutes int) {
	t.Helper()
	if f.Now%second != 0 || next-f.Now > 14*day {
		return 0
	}
	for at := f.Now; at < next; at += 60 * second {
		if minutes++; f.Passes(at) {
			t.Fatalf("seed %d: %s passes already at %d, not only at %d", *seed, f.Line(), at, next)
		}
	}
	if f.Passes(next-1) || !f.Passes(next) {
		t.Fatalf("seed %d: %s does not begin to pass at %d", *seed, f.Line(), next)
	}
	return minutes
}

// Every zone has the offsets that Go's reader finds, a second before and at each change from 1900 to 2200 and at random times.
func TestZones(t *testing.T) {
	zones, err := Zones()
	must(t, err)
	g := start(t)
	random := rand.New(rand.NewPCG(*seed, 2))
	asked := 0
	check := func(z *time.Location, at int64) {
		var offset int
		var until int64
		_, err := fmt.Fprintf(g.in, "z %v %d\n", z, at)
		must(t, err)
		line, err := g.out.ReadString('\n')
		must(t, err)
		_, err = fmt.Sscan(line, &offset, &until)
		must(t, err)
		_, want := time.Unix(at, 0).In(z).Zone()
		if offset != want || until <= at {
			t.Fatalf("%v at %d: offset %d until %d, Go says %d", z, at, offset, until, want)
		}
		if _, end := time.Unix(at, 0).In(z).ZoneBounds(); !end.IsZero() && end.Unix() < until {
			if _, after := end.Zone(); after != want {
				t.Fatalf("%v at %d: until %d, but Go has %d from %d on", z, at, until, after, end.Unix())
			}
		}
		asked++
	}
	for _, z := range zones {
		for at := time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC).In(z); at.Year() < 2200; {
			check(z, at.Unix())
			at = nextChange(at)
			check(z, at.Unix()-1)
		}
		for range 20 {
			check(z, random.Int64N(7258118400))
		}
	}
	t.Logf("%d zones, %d instants", len(zones), asked)
}
