package load

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Idle is a measurement of what idle connections cost a process and those who call it meanwhile.
type Idle struct {
	Pid     int
	Address string
	Manner  Manner
	Size    int
	Hold    time.Duration // how long all of them are there; and nobody before they come
	Victim  func() error  // one honest call over a connection that lasts
	Comer   func() error  // one over a new connection
}

// IdleResult is what came of it.
type IdleResult struct {
	Opened, Lost  int
	Opening       time.Duration
	PerConnection int64 // bytes of resident memory
	// How long honest calls took before the crowd, while it came, and while it was there; sorted.
	Quiet, Arriving, Crowded []time.Duration

	Failed     int // honest calls, new connections included
	FirstError error

	clock *Awake // by which calls are timed
}

// P99 is the 99th percentile of sorted durations, 0 where there are none.
func P99(sorted []time.Duration) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)*99/100, len(sorted)-1)]
}

// Slowest is the longest that 99 of 100 honest calls may take on a machine with other work: 250 ms, and in proportion more where more wants to
// run than there are CPUs.
func Slowest() time.Duration {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 250 * time.Millisecond
	}
	load, _ := strconv.ParseFloat(strings.Fields(string(text))[0], 64)
	return time.Duration(250 * max(1, load/float64(runtime.NumCPU())) * float64(time.Millisecond))
}

const (
	pause = 5 * time.Millisecond
	fresh = 10 // every so many calls one over a new connection

	// Enough is how many calls it takes to know what 99 of 100 of them take: of a hundred the slowest alone would decide.
	Enough = 200
)

// Run measures. An error means that the crowd could not be gathered.
func (i Idle) Run() (*IdleResult, error) {
	r := &IdleResult{clock: NewAwake()}
	defer r.clock.Stop()
	for range fresh { // warm
		r.note(i.Victim())
		r.note(i.Comer())
	}
	r.Quiet = i.call(r, time.After(i.Hold), Enough)
	before := Resident(i.Pid)
	gathered := make(chan time.Time)
	var crowd *Crowd
	var err error
	began := time.Now()
	go func() {
		crowd, err = Gather(i.Address, i.Size, i.Manner)
		r.Opening = time.Since(began)
		crowd.Settle()
		close(gathered)
	}()
	r.Arriving = i.call(r, gathered, 1)
	r.Crowded = i.call(r, time.After(i.Hold), Enough)
	r.Opened, r.Lost = crowd.Size(), crowd.Lost()
	if r.Opened > 0 {
		r.PerConnection = (Resident(i.Pid) - before) / int64(r.Opened)
	}
	crowd.Leave()
	return r, err
}

// call makes honest calls until the end, and so many at least, and returns how long they took.
func (i Idle) call(r *IdleResult, end <-chan time.Time, least int) (took []time.Duration) {
	ended := false
	for n := 1; !ended || len(took) < least; n++ {
		select {
		case <-end:
			ended, end = true, nil
		case <-time.After(pause):
		}
		began := r.clock.Now()
		call := i.Victim
		if n%fresh == 0 {
			call = i.Comer
		}
		r.note(call())
		took = append(took, r.clock.Now()-began)
	}
	slices.Sort(took)
	return took
}

func (r *IdleResult) note(err error) {
	if err == nil {
		return
	}
	r.Failed++
	if r.FirstError == nil {
		r.FirstError = err
	}
}

// Kept tells what was promised and is not: that no connection and no honest call is lost, that a connection costs so many bytes at most, and
// that calls beside them are not held up once all of them are there.
func (r *IdleResult) Kept(size int, bytes int64) error {
	switch bound := Slowest(); {
	case r.Opened < size || r.Lost > 0:
		return fmt.Errorf("%d of %d connections were opened and %d of them lost", r.Opened, size, r.Lost)
	case r.Failed > 0:
		return fmt.Errorf("%d honest calls were lost, the first: %w", r.Failed, r.FirstError)
	case r.PerConnection > bytes:
		return fmt.Errorf("a connection costs %d bytes, promised %d", r.PerConnection, bytes)
	case P99(r.Crowded) > bound:
		return fmt.Errorf("p99 of honest calls is %v, promised %v", P99(r.Crowded), bound)
	}
	return nil
}
