// Package exactlyonce proves that each send takes effect once, whatever dies: leads are written to by EngageLead and by a journey, every
// call is made by several clients at once, proxies lose answers of the providers, and the server is killed at each fault point and at random.
// Then what the providers took is held against what the server says of it.
package exactlyonce

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/house"
	"github.com/marketing-agents/marketing/tests/e2e/want"
)

const (
	round    = 2500 // messages, with each of which all fault points are met again
	workers  = 8
	longest  = 8 * time.Second // that a server lives that brings nothing more while it is killed
	patience = 3 * time.Minute // with what takes moments on a machine with no other work

	deliveryThreads = 4 // of the server
)

// walk is one system, its clients and its providers.
type walk struct {
	*testing.T
	ctx                   context.Context
	h                     *house.House
	clients               *clients
	phones                *phones
	mailbox               *mailbox
	phoneProxy, mailProxy *proxy
	random                *rand.Rand

	work    chan int
	enough  func() // no more errands come
	given   int    // errands
	running sync.WaitGroup
	reports sync.WaitGroup // of messages that arrived
	deaths  []time.Time

	mu      sync.Mutex
	errands []*errand
}

func newWalk(t *testing.T, store house.Store) *walk {
	t.Helper()
	server, err := house.FaultServer()
	want.OK(t, err)
	w := &walk{T: t, ctx: t.Context(), random: rand.New(rand.NewPCG(rand.Uint64(), 1)), work: make(chan int, 1<<16)}
	w.phones, w.mailbox = startPhones(t, w.report), startMailbox(t)
	w.phoneProxy, w.mailProxy = startProxy(t, w.phones.port, 8), startProxy(t, w.mailbox.port, 24)
	w.h = house.New(t, house.Options{Store: store, Server: server, Env: []string{"LOG_CALLS=false", "CHANNEL_HOSTS=127.0.0.1",
		"RESPONSE_TIMEOUT=10", // much longer than any machine stands still: no attempt ends in doubt on its own
		"TAKEOVER_WAIT=1", "RETRY_WAIT=1", "RETRY_ATTEMPTS=20", fmt.Sprint("DELIVERY_THREADS=", deliveryThreads)}})
	w.clients, err = newClients(w.h)
	want.OK(t, err)
	t.Cleanup(func() { _ = w.clients.conn.Close() })
	w.enough = sync.OnceFunc(func() { close(w.work) })
	t.Cleanup(func() { // also where the test failed in the middle
		w.enough()
		w.running.Wait()
		w.reports.Wait()
	})
	want.OK(t, w.furnish())
	return w
}

// prove walks, with so many messages, and looks at what came of it.
func (w *walk) prove(messages int) {
	points, err := house.FaultPoints()
	want.OK(w, err)
	for range workers {
		w.running.Go(w.runErrands)
	}
	want.OK(w, w.h.Stop())
	all, rounds := messages/sendsOfErrand+1, messages/round+1
	for i := range rounds * len(points) {
		if i == len(points)/2 {
			w.running.Go(w.openToEverybody)
		}
		w.meet(points[i%len(points)].Name, max(all/2/rounds/len(points), 1))
	}
	atPoints := len(w.deaths)
	w.hand(max(all-w.given, all/2))
	w.killAtRandom()
	want.OK(w, w.h.Up())
	w.finish()
	w.Logf("%s: %d messages, killed %d times at a fault point and %d times at random, %d answers lost, %d posts to %d phones, %d mails", w.h.Options.Store,
		w.given*sendsOfErrand, atPoints, len(w.deaths)-atPoints, w.phoneProxy.cuts+w.mailProxy.cuts, w.phones.posts, len(w.phones.taken), len(w.mailbox.taken))
	w.Logf("calls whose answer died: %v", w.clients.cut)
	w.reckon()
}

// proveStops stops the server in order again and again, each time with so many errands more. What nobody interrupts is told, at once and once.
func (w *walk) proveStops(stops, errands int) {
	w.phoneProxy.cutting.Store(false)
	w.mailProxy.cutting.Store(false)
	for range workers {
		w.running.Go(w.runErrands)
	}
	want.OK(w, w.h.Stop())
	for i := range stops {
		want.OK(w, w.h.Up())
		w.hand(errands)
		if i == stops/2 {
			w.running.Go(w.openToEverybody)
		}
		time.Sleep(time.Duration(w.random.IntN(300)) * time.Millisecond)
		want.OK(w, w.h.Stop())
		w.nothingIsHalf()
	}
	want.OK(w, w.h.Up())
	w.finish()
	w.Logf("%s: %d messages, calls that met a stop: %v", w.h.Options.Store, w.given*sendsOfErrand, w.clients.cut)
	want.Equal(w, "posts", w.phones.posts, len(w.phones.taken))
	w.reckon()
}

// nothingIsHalf: a server that has ended has no message on its way.
func (w *walk) nothingIsHalf() {
	w.Helper()
	sending, err := w.h.Query(fmt.Sprint("SELECT id FROM message WHERE state = ", int(pb.Message_STATE_SENDING)))
	want.OK(w, err)
	want.Equal(w, "messages on their way", fmt.Sprint(sending), "[]")
}

// runErrands makes errands until there are no more to come.
func (w *walk) runErrands() {
	for n := range w.work {
		e, err := w.clients.run(w.ctx, n)
		if err != nil {
			w.Errorf("errand %d: %v", n, err)
			return
		}
		w.mu.Lock()
		w.errands = append(w.errands, e)
		w.mu.Unlock()
	}
}

// openToEverybody lets all leads into a journey, those that are there as well as those to come.
func (w *walk) openToEverybody() {
	if err := w.clients.open(w.ctx, everybody); err != nil {
		w.Errorf("journeys/%s: %v", everybody, err)
	}
}

func (w *walk) hand(errands int) {
	for range errands {
		w.work <- w.given
		w.given++
	}
}

// report is what a phone tells of a message that it got.
func (w *walk) report(key string) {
	w.reports.Go(func() {
		if err := w.clients.arrived(w.ctx, key); err != nil {
			w.Errorf("report of %s: %v", key, err)
		}
	})
}

// spawn starts the server, which dies where the plan says.
func (w *walk) spawn(faults string) {
	w.Helper()
	plain := w.h.Options.Env
	w.h.Options.Env = append(plain[:len(plain):len(plain)], "FAULTS="+faults)
	want.OK(w, w.h.Spawn())
	w.h.Options.Env = plain
}

// depth is how many passes through a point may go well: every call and commit passes the first ones.
func depth(point string) int {
	if strings.HasPrefix(point, "rpc_") || strings.HasPrefix(point, "store_") {
		return 20
	}
	return 3
}

// meet has the server die at the point, while it has so many new errands, and more if it takes them to get there.
func (w *walk) meet(point string, errands int) {
	w.Helper()
	w.spawn(fmt.Sprintf("%s:kill:%d", point, 1+w.random.IntN(depth(point))))
	w.hand(errands)
	died := make(chan error)
	go func() { died <- w.h.Died(patience) }()
	for {
		select {
		case err := <-died:
			w.deaths = append(w.deaths, time.Now())
			want.True(w, err == nil, "%s was not reached: %v", point, err)
			return
		case <-time.After(time.Second):
			w.hand(1)
		}
	}
}

// arrived is how many messages have reached their providers.
func (w *walk) arrived() int {
	w.phones.mu.Lock()
	defer w.phones.mu.Unlock()
	w.mailbox.mu.Lock()
	defer w.mailbox.mu.Unlock()
	return len(w.phones.taken) + len(w.mailbox.taken)
}

// killAtRandom kills the server at any moment, again and again, until nine messages in ten have arrived. It lives longer where it gets nowhere,
// as on a busy machine.
func (w *walk) killAtRandom() {
	w.Helper()
	const shortest, fewest = 100 * time.Millisecond, 10 // messages
	lives, all := shortest, w.given*sendsOfErrand
	for before := 0; before < all*9/10 && lives < longest; {
		w.spawn("")
		time.Sleep(lives + time.Duration(w.random.IntN(500))*time.Millisecond)
		want.OK(w, w.h.Kill())
		w.deaths = append(w.deaths, time.Now())
		now := w.arrived()
		if now-before < fewest {
			lives *= 2
		} else {
			lives = max(lives/2, shortest)
		}
		before = now
	}
}

// finish lets everything come to its end.
func (w *walk) finish() {
	w.Helper()
	w.phoneProxy.cutting.Store(false)
	w.mailProxy.cutting.Store(false)
	w.enough()
	w.running.Wait()
	w.settle()
	w.reports.Wait()
}
