// Package soak looks for leaks: mixed traffic on a fixed set of leads, cancelled calls and connections that come and go included, must
// leave memory and file descriptors as they were once the server is warm.
package soak

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/bank"
	"github.com/marketing-agents/marketing/tests/e2e/house"
	"github.com/marketing-agents/marketing/tests/load"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestMain(m *testing.M) { os.Exit(house.Main(m.Run)) }

const (
	leads       = 500
	memoryLimit = 20 << 20 // who grows by more than this in each of three rounds leaks: page caches fill up once
	rounds      = 3
)

func TestMemoryAndDescriptorsStayFlat(t *testing.T) {
	for _, store := range house.Stores {
		t.Run(string(store), func(t *testing.T) {
			h := house.New(t, house.Options{Store: store, Env: []string{"LOG_CALLS=false"}})
			length := time.Duration(house.Number(t, "SOAK_SECONDS", 24, 4)) * time.Second / 2
			soak(t, h, length/3) // warm-up
			files, grown := descriptors(t, h), int64(memoryLimit+1)
			for round := 0; round < rounds && grown > memoryLimit; round++ {
				memory := load.Resident(h.Pid())
				soak(t, h, length)
				grown = load.Resident(h.Pid()) - memory
				t.Logf("%s: RSS %d MiB, %+d KiB in %v", store, memory>>20, grown>>10, length)
			}
			if grown > memoryLimit {
				t.Errorf("the server's memory grew by %d MiB in %v", grown>>20, length)
			}
			more := descriptors(t, h) - files
			for limit := time.Now().Add(time.Minute); more > 8 && time.Now().Before(limit); more = descriptors(t, h) - files {
				time.Sleep(100 * time.Millisecond) // until closed connections are noticed
			}
			if more > 8 {
				t.Errorf("%d more descriptors are open", more)
			}
		})
	}
}

// Readers of SQLite's file are made as they are needed and kept: 32 at most, with two descriptors each, beside the writer's.
const databaseFiles = 80

// descriptors counts the open files of the server, but for those of the database, of which there may not be too many.
func descriptors(t *testing.T, h *house.House) (n int) {
	t.Helper()
	folder := fmt.Sprintf("/proc/%d/fd", h.Pid())
	files, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	database := 0
	for _, f := range files {
		if path, err := os.Readlink(filepath.Join(folder, f.Name())); err == nil && strings.HasPrefix(path, h.DatabaseFile()) {
			database++
		} else if err == nil {
			n++
		}
	}
	if database > databaseFiles {
		t.Errorf("%d files of the database are open", database)
	}
	return n
}

// soak makes traffic from eight callers.
func soak(t *testing.T, h *house.House, length time.Duration) {
	t.Helper()
	until := time.Now().Add(length)
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(worker), 1))
			for time.Now().Before(until) && !t.Failed() {
				if err := connection(h, random); err != nil {
					t.Errorf("worker %d: %v", worker, err)
				}
			}
		})
	}
	all.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

// connection makes some calls over a connection of its own.
func connection(h *house.House, random *rand.Rand) error {
	conn, err := h.Dial(h.Address)
	if err != nil {
		return err
	}
	defer conn.Close()
	for range 100 {
		step := steps[random.IntN(len(steps))]
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		err := step(ctx, conn, random)
		cancel()
		// Two callers may write one lead at once; a cancelled call is meant to be.
		if code := status.Code(err); err != nil && code != codes.Aborted && code != codes.Canceled && code != codes.DeadlineExceeded {
			return err
		}
	}
	return nil
}

type step func(ctx context.Context, conn *grpc.ClientConn, random *rand.Rand) error

var steps = []step{triage, triage, triage, score, read, list, stream, events, refused, abandoned, late}

func anyLead(random *rand.Rand) *pb.Lead {
	n := random.IntN(leads)
	made, err := bank.Leads("soak", n, 1)
	if err != nil {
		return &pb.Lead{ExternalId: fmt.Sprint("soak-", n)}
	}
	made[0].ExternalId = fmt.Sprint("soak-", n)
	return made[0]
}

func triage(ctx context.Context, conn *grpc.ClientConn, random *rand.Rand) error {
	c := pb.NewTriageServiceClient(conn)
	reply, err := c.TriageLead(ctx, &pb.TriageLeadRequest{Lead: anyLead(random), Explain: random.IntN(2) == 0})
	if err != nil || random.IntN(4) > 0 {
		return err
	}
	if _, err = c.ExplainDecision(ctx, &pb.ExplainDecisionRequest{Name: reply.Decision.Name}); err != nil {
		return err
	}
	_, err = c.ReplayDecision(ctx, &pb.ReplayDecisionRequest{Name: reply.Decision.Name})
	return err
}

func score(ctx context.Context, conn *grpc.ClientConn, random *rand.Rand) error {
	_, err := pb.NewTriageServiceClient(conn).ScoreLead(ctx, &pb.ScoreLeadRequest{Lead: anyLead(random), Explain: true})
	return err
}

func read(ctx context.Context, conn *grpc.ClientConn, _ *rand.Rand) error {
	_, err := pb.NewSystemServiceClient(conn).GetSystemStatus(ctx, &pb.GetSystemStatusRequest{})
	return err
}

func list(ctx context.Context, conn *grpc.ClientConn, _ *rand.Rand) error {
	_, err := pb.NewLeadServiceClient(conn).ListLeads(ctx, &pb.ListLeadsRequest{PageSize: 20, Filter: `attributes.age > 40 AND NOT source = "x"`})
	return err
}

func stream(ctx context.Context, conn *grpc.ClientConn, random *rand.Rand) error {
	s, err := pb.NewTriageServiceClient(conn).StreamTriage(ctx)
	if err != nil {
		return err
	}
	for range 5 {
		if err := s.Send(&pb.StreamTriageRequest{Lead: anyLead(random)}); err != nil {
			return err
		}
		if _, err := s.Recv(); err != nil {
			return err
		}
	}
	return s.CloseSend()
}

func events(ctx context.Context, conn *grpc.ClientConn, random *rand.Rand) error {
	_, err := pb.NewLeadServiceClient(conn).IngestEvents(ctx, &pb.IngestEventsRequest{Events: []*pb.LeadEvent{
		{EventId: fmt.Sprint("soak-", random.IntN(2000)), ExternalId: fmt.Sprint("soak-", random.IntN(leads)), Type: "page_view"}}})
	return err
}

func refused(ctx context.Context, conn *grpc.ClientConn, _ *rand.Rand) error {
	_, err := pb.NewTriageServiceClient(conn).TriageLead(ctx, &pb.TriageLeadRequest{Lead: &pb.Lead{Email: "nonsense"}})
	if status.Code(err) != codes.InvalidArgument {
		return fmt.Errorf("a bad address was answered with %w", err)
	}
	return nil
}

// abandoned hangs up while the call is under way.
func abandoned(ctx context.Context, conn *grpc.ClientConn, random *rand.Rand) error {
	ctx, cancel := context.WithCancel(ctx)
	time.AfterFunc(time.Duration(random.IntN(2000))*time.Microsecond, cancel)
	return triage(ctx, conn, random)
}

// late gives less time than the call takes.
func late(ctx context.Context, conn *grpc.ClientConn, random *rand.Rand) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(50+random.IntN(1000))*time.Microsecond)
	defer cancel()
	return list(ctx, conn, random)
}
