package badinput

import (
	"context"
	"os"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/marketing-agents/marketing/tests/e2e/house"
	"github.com/marketing-agents/marketing/tests/e2e/want"
	"github.com/marketing-agents/marketing/tests/load"
	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/proto"
)

func TestMain(m *testing.M) { os.Exit(house.Main(m.Run)) }

// Bad input may not make the server hold more than this much more memory.
const memoryLimit = 64 << 20

func TestEveryMethodRefusesBadInput(t *testing.T) {
	for _, store := range house.Stores {
		t.Run(string(store), func(t *testing.T) {
			h := house.New(t, house.Options{Store: store, Env: []string{"LOG_CALLS=false"}})
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
			defer cancel()
			w, err := prepare(ctx, h)
			if err != nil {
				t.Fatal(err)
			}
			all := seeds(w)
			if err := missing(all, methods()); err != nil {
				t.Fatal(err)
			}
			warmUp(h, all)
			before := load.Resident(h.Pid())
			total := 0
			for _, s := range all {
				t.Run(strings.ReplaceAll(strings.TrimPrefix(s.method, "/"), "/", "."), func(t *testing.T) { total += tryAll(t, h, s) })
			}
			t.Logf("%d bad messages to %d methods", total, len(all))
			settles(t, h, before)
		})
	}
}

// settles waits until the server's memory is within the limit of what it was, which it must be soon after the last bad message.
func settles(t *testing.T, h *house.House, before int64) {
	t.Helper()
	want.Soon(t, "the server holds no more MiB than before", func() (bool, any) {
		grown := load.Resident(h.Pid()) - before
		return grown <= memoryLimit, grown >> 20
	})
}

// warmUp makes the server reserve what it keeps for good.
func warmUp(h *house.House, all []seed) {
	for range 20 {
		for _, s := range all {
			_, _ = send(h.Conn(), input{method: s.method, bytes: s.valid()}, s, false)
		}
	}
	big := make([]byte, messageLimit-64)
	_, _ = send(h.Conn(), input{method: all[0].method, bytes: big}, all[0], false)
}

// tryAll sends a seed's whole corpus over one connection and returns how many messages that were.
func tryAll(t *testing.T, h *house.House, s seed) int {
	inputs := corpus(s)
	var next, failures atomic.Int64
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i := next.Add(1) - 1; int(i) < len(inputs) && failures.Load() < 5; i = next.Add(1) - 1 {
				if !try(t, h.Conn(), inputs[i], s) {
					failures.Add(1)
				}
			}
		})
	}
	all.Wait()
	stillServes(t, h)
	return len(inputs)
}

// try sends one input, to a stream also as its second message.
func try(t *testing.T, conn *grpc.ClientConn, in input, s seed) bool {
	fine := true
	for _, asSecond := range []bool{false, true} {
		if asSecond && !streams(in.method) {
			continue
		}
		replies, err := send(conn, in, s, asSecond)
		if fault := judge(in, replies, err); fault != nil {
			t.Errorf("%s, %s (second message: %v): %v", path.Base(in.method), in.what, asSecond, fault)
			fine = false
		}
	}
	return fine
}

// stillServes asks on a new connection, as a probe would.
func stillServes(t *testing.T, h *house.House) {
	t.Helper()
	conn, err := h.Dial(h.Address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if _, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{}); err != nil {
		t.Fatalf("the server does not serve any more: %v", err)
	}
}

// The corpus itself: it is what the test says it is.
func TestTheCorpusIsLargeAndMostlyBad(t *testing.T) {
	w := &world{lead: "leads/a", other: "leads/b", decision: "decisions/c", policy: "routingPolicies/d", template: "templates/e"}
	all := seeds(w)
	if err := missing(all, methods()); err != nil {
		t.Fatal(err)
	}
	counts := map[verdict]int{}
	for _, s := range all {
		before := proto.Clone(s.body)
		for _, in := range corpus(s) {
			counts[in.verdict]++
		}
		if !proto.Equal(before, s.body) {
			t.Errorf("%s: making the corpus changed the seed", s.method)
		}
	}
	t.Logf("%d inputs: %d malformed, %d too large, %d odd", counts[lawful]+counts[malformed]+counts[tooLarge], counts[malformed], counts[tooLarge], counts[lawful])
	if counts[malformed] < 2000 || counts[tooLarge] < 40 || counts[lawful] < 4000 {
		t.Errorf("too few inputs: %v", counts)
	}
}
