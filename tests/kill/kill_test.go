package kill

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/marketing-agents/marketing/tests/e2e/house"
	"github.com/marketing-agents/marketing/tests/e2e/want"
	"github.com/marketing-agents/marketing/tests/e2e/wire"
)

func TestMain(m *testing.M) { os.Exit(house.Main(m.Run)) }

// How often the server is killed; KILL_SQLITE and KILL_POSTGRESQL choose another number.
var kills = map[house.Store]int{house.SQLite: 100, house.PostgreSQL: 20}

func TestAcknowledgedWritesSurviveSIGKILL(t *testing.T) {
	for _, store := range house.Stores {
		t.Run(string(store), func(t *testing.T) {
			n := house.Number(t, "KILL_"+strings.ToUpper(string(store)), kills[store], 1)
			killAndCompare(t, house.New(t, house.Options{Store: store, Env: []string{"LOG_CALLS=false"}}), n)
		})
	}
}

func makeWorkers(seed uint64) []*worker {
	var workers []*worker
	for i := range 12 {
		workers = append(workers, &worker{id: i, random: rand.New(rand.NewPCG(seed, uint64(i)+2))})
	}
	return workers
}

func killAndCompare(t *testing.T, h *house.House, n int) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 1))
	workers := makeWorkers(seed)
	for i := range n {
		cycle(t, h, workers, random, i)
	}
	calls, retried := reckon(t, h, workers)
	t.Logf("%s: %d kills, %d acknowledged calls, %d of them sent again after a kill: none missing, none twice (seed %d)",
		h.Options.Store, n, calls, retried, seed)
	if calls < underLoad*n {
		t.Fatalf("only %d calls were acknowledged over %d kills: too little load to prove anything", calls, n)
	}
}

// reckon has every unanswered call answered, then holds what was acknowledged against what is stored. It returns the number of
// acknowledged calls, and of those among them that were sent more than once.
func reckon(t *testing.T, h *house.House, workers []*worker) (calls, retried int) {
	t.Helper()
	conn := h.Conn()
	stop := make(chan struct{})
	time.AfterFunc(200*time.Millisecond, func() { close(stop) })
	want.OK(t, each(workers, func(w *worker) error { return w.run(conn, stop) }))
	for _, w := range workers {
		calls += len(w.history)
		for _, c := range w.history {
			if c.retried {
				retried++
			}
		}
	}
	resend(t, h, workers)
	want.OK(t, h.Stop())
	want.OK(t, h.CheckIntegrity())
	compare(t, h, workers)
	want.OK(t, h.Up())
	return calls, retried
}

// underLoad is how many calls a server has answered at least when it is killed.
const underLoad = 20

func answered(workers []*worker) (n int64) {
	for _, w := range workers {
		n += w.answered.Load()
	}
	return n
}

// kill kills the server at a random moment, but not before it is under load.
func kill(h *house.House, workers []*worker, random *rand.Rand) <-chan error {
	killed, before := make(chan error, 1), answered(workers)
	wait := time.Duration(20+random.IntN(300)) * time.Millisecond
	go func() {
		time.Sleep(wait)
		for limit := time.Now().Add(patience); answered(workers)-before < underLoad && time.Now().Before(limit); {
			time.Sleep(time.Millisecond)
		}
		killed <- h.Kill()
	}()
	return killed
}

// cycle: load, a kill at a random moment, a restart, a look at each worker's lead. Each tenth time the next start is killed too, while it
// recovers.
func cycle(t *testing.T, h *house.House, workers []*worker, random *rand.Rand, i int) {
	t.Helper()
	conn := h.Conn()
	killed := kill(h, workers, random)
	err := each(workers, func(w *worker) error { return w.run(conn, nil) })
	want.OK(t, <-killed)
	want.OK(t, err)
	if i%10 == 9 {
		want.OK(t, h.Spawn())
		time.Sleep(time.Duration(random.IntN(100)) * time.Millisecond)
		want.OK(t, h.Kill())
	}
	want.OK(t, h.Up())
	if h.Options.Store == house.SQLite && i%20 == 0 {
		want.OK(t, h.CheckIntegrity())
	}
	conn = h.Conn()
	want.OK(t, each(workers, func(w *worker) error { return w.look(conn) }))
}

// resend sends a sample of the acknowledged calls again: the stored reply must come back to the byte.
func resend(t *testing.T, h *house.House, workers []*worker) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*patience)
	defer cancel()
	for _, w := range workers {
		for i := 0; i < len(w.history); i += 1 + len(w.history)/100 {
			c := w.history[i]
			reply, err := wire.Call(ctx, h.Conn(), c.method, c.request)
			want.OK(t, err)
			if !bytes.Equal(reply, c.reply) {
				t.Fatalf("worker %d: the repeated %s was answered otherwise:\n%x\n%x", w.id, c.method, reply, c.reply)
			}
		}
	}
}

func compare(t *testing.T, h *house.House, workers []*worker) {
	t.Helper()
	x, err := read(h)
	want.OK(t, err)
	want.OK(t, x.whole())
	decisions := 0
	for _, w := range workers {
		want.OK(t, x.agrees(w))
		decisions += w.decisions()
	}
	if decisions != len(x.decisions) {
		t.Fatalf("%d decisions are stored, %d were acknowledged", len(x.decisions), decisions)
	}
}

// decisions is how many decisions the worker's calls made.
func (w *worker) decisions() int {
	n := 0
	for _, c := range w.history {
		switch c.method {
		case triageService + "TriageLead":
			n++
		case triageService + "BatchTriageLeads":
			n += 10
		}
	}
	return n
}
