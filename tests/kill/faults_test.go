package kill

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/marketing-agents/marketing/tests/e2e/house"
	"github.com/marketing-agents/marketing/tests/e2e/want"
)

// fault is what a server does at a fault point.
type fault struct{ point, action string }

// faults lists what the points that every call and commit passes can do: each can kill; those that say what a failure looks like can fail.
// Where messages leave, tests/exactlyonce walks all points.
func faults(t *testing.T) []fault {
	t.Helper()
	points, err := house.FaultPoints()
	want.OK(t, err)
	var all []fault
	for _, p := range points {
		if !strings.HasPrefix(p.Name, "rpc_") && !strings.HasPrefix(p.Name, "store_") {
			continue
		}
		all = append(all, fault{p.Name, "kill"})
		if strings.Contains(p.Meaning, "fail:") {
			all = append(all, fault{p.Name, "fail"})
		}
	}
	return all
}

// Each fault point kills the server, or fails, under load and at a random pass: what was acknowledged is there, what was not happened
// wholly or not at all, and a repeated request id is answered to the byte.
func TestEveryFaultPoint(t *testing.T) {
	server, err := house.FaultServer()
	want.OK(t, err)
	for _, store := range house.Stores {
		t.Run(string(store), func(t *testing.T) {
			seed := rand.Uint64()
			random := rand.New(rand.NewPCG(seed, 1))
			workers := makeWorkers(seed)
			h := house.New(t, house.Options{Store: store, Server: server, Env: []string{"LOG_CALLS=false"}})
			all := faults(t)
			for _, f := range all {
				meet(t, h, workers, f, 20+random.IntN(80))
			}
			calls, retried := reckon(t, h, workers)
			t.Logf("%s: %d faults, %d acknowledged calls, %d of them sent again: none missing, none twice (seed %d)",
				store, len(all), calls, retried, seed)
		})
	}
}

// meet runs load until the fault has struck, and looks at each worker's lead on a server without it.
func meet(t *testing.T, h *house.House, workers []*worker, f fault, pass int) {
	t.Helper()
	plain := h.Options.Env
	h.Options.Env = append(plain[:len(plain):len(plain)], fmt.Sprintf("FAULTS=%s:%s:%d", f.point, f.action, pass))
	want.OK(t, h.Restart())
	h.Options.Env = plain
	if !struck(t, h, workers) {
		t.Fatalf("%s: no call went unanswered and no unit failed", f)
	}
	if f.action == "kill" {
		want.OK(t, h.Died(patience))
	} else {
		want.OK(t, h.Stop())
	}
	want.OK(t, h.Up())
	conn := h.Conn()
	want.OK(t, each(workers, func(w *worker) error { return w.look(conn) }))
}

// struck runs load until a worker's call is not answered, or the server counts a unit that failed (whose call may be answered all the
// same); false where neither comes.
func struck(t *testing.T, h *house.House, workers []*worker) bool {
	t.Helper()
	conn, stop := h.Conn(), make(chan struct{})
	end := sync.OnceFunc(func() { close(stop) })
	var failed atomic.Bool
	go func() {
		defer end()
		for limit := time.Now().Add(patience); !failed.Load() && time.Now().Before(limit) && !ended(stop); {
			time.Sleep(100 * time.Millisecond)
			failed.Store(unitFailed(h.Metrics))
		}
	}()
	want.OK(t, each(workers, func(w *worker) error {
		defer end()
		w.cut = true
		defer func() { w.cut = false }()
		return w.run(conn, stop)
	}))
	unanswered := slices.ContainsFunc(workers, func(w *worker) bool { return w.pending != nil })
	return unanswered || failed.Load()
}

var failedUnits = regexp.MustCompile(`(?m)^commit_failed_units_total [1-9]`)

// unitFailed asks the server's metrics; false too where it is gone.
func unitFailed(address string) bool {
	reply, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		return false
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	return err == nil && failedUnits.Match(text)
}
