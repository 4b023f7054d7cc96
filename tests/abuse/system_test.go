// Package abuse attacks the gateway's two ports as strangers do and checks that everybody else is still served, in bounded memory.
// Everything is real: the gateway is the built program, the attacks are frames on sockets. Only the server behind it is a small one of
// our own, for it is the edge that is tested.
package abuse

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/house"
	"github.com/marketing-agents/marketing/tests/e2e/want"
	"github.com/marketing-agents/marketing/tests/lib/pki"
	"github.com/marketing-agents/marketing/tests/load"
)

var binary string

func TestMain(m *testing.M) {
	if name := os.Getenv("ABUSE_ATTACK"); name != "" {
		attackMain(name, os.Getenv("ABUSE_ADDRESS"), os.Getenv("ABUSE_SECURE") == "true")
		os.Exit(1) // an attack ends by being killed
	}
	dir, err := os.MkdirTemp("", "abuse")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(dir, "gateway")
	build := exec.Command("go", "build", "-o", binary, "github.com/marketing-agents/marketing/gateway")
	build.Stderr = os.Stderr
	code := 1
	if err = build.Run(); err == nil {
		code = m.Run()
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

type leads struct {
	pb.UnimplementedLeadServiceServer
}

func (leads) GetLead(_ context.Context, r *pb.GetLeadRequest) (*pb.Lead, error) {
	return &pb.Lead{Name: r.GetName()}, nil
}

// gateway is one running process.
type gateway struct {
	t          *testing.T
	pid        int
	http, grpc string
	secure     bool
	calls      *grpc.ClientConn
	client     *http.Client
	rest       string
}

// start runs a server and a gateway in front of it, with TLS (so that REST speaks HTTP/2 too) or without.
func start(t *testing.T, secure bool) *gateway {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	pb.RegisterLeadServiceServer(server, leads{})
	grpc_health_v1.RegisterHealthServer(server, health.NewServer())
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)

	ports, err := house.FreePorts(2)
	if err != nil {
		t.Fatal(err)
	}
	g := &gateway{t: t, http: ports[0], grpc: ports[1], secure: secure, client: &http.Client{Timeout: time.Minute}}
	args := []string{"--http", g.http, "--grpc", g.grpc, "--upstream", listener.Addr().String()}
	g.rest = "http://" + g.http
	if secure {
		dir := t.TempDir()
		cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
		if err = pki.NewAuthority("abuse").Issue(time.Hour).Write(cert, key); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--tls-cert", cert, "--tls-key", key)
		g.rest = "https://" + g.http
		g.client.Transport = &http.Transport{TLSClientConfig: anyCert(), ForceAttemptHTTP2: true}
	} else {
		if g.calls, err = grpc.NewClient(g.grpc, grpc.WithTransportCredentials(insecure.NewCredentials())); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = g.calls.Close() })
	}
	g.run(args)
	return g
}

func (g *gateway) run(args []string) {
	g.t.Helper()
	process := exec.Command(binary, args...)
	process.Stderr = io.Discard
	if err := process.Start(); err != nil {
		g.t.Fatal(err)
	}
	g.pid = process.Process.Pid
	g.t.Cleanup(func() {
		_ = process.Process.Kill()
		_ = process.Wait()
	})
	want.Soon(g.t, "the gateway serves", func() (bool, any) {
		res, err := g.client.Get(g.rest + "/health")
		if err != nil {
			return false, err
		}
		_ = res.Body.Close()
		return res.StatusCode == http.StatusOK, res.Status
	})
}

// rss is the process's resident memory in bytes.
func (g *gateway) rss() int64 {
	n := load.Resident(g.pid)
	if n == 0 {
		g.t.Fatal("the gateway has ended")
	}
	return n
}

// call is one honest call: over gRPC where the gateway speaks plain text, and over REST.
func (g *gateway) call() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if g.calls != nil {
		if _, err := pb.NewLeadServiceClient(g.calls).GetLead(ctx, &pb.GetLeadRequest{Name: "leads/victim"}); err != nil {
			return err
		}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, g.rest+"/v1/leads/victim", nil)
	if err != nil {
		return err
	}
	res, err := g.client.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err = io.Copy(io.Discard, res.Body); err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("HTTP %d", res.StatusCode)
	}
	return nil
}

// during runs an attack while honest callers call, and holds the gateway to its promise: none is lost or slow, memory stays bounded.
func (g *gateway) during(attack func(stop <-chan struct{}), lasts time.Duration, growth int64) {
	g.t.Helper()
	for range 20 {
		if err := g.call(); err != nil {
			g.t.Fatal("before the attack: ", err)
		}
	}
	base := g.rss()
	stop := make(chan struct{})
	var attackers sync.WaitGroup
	attackers.Go(func() { attack(stop) })
	clock := load.NewAwake()
	defer clock.Stop()
	var took []time.Duration
	most := base
	for end := time.Now().Add(lasts); time.Now().Before(end) || len(took) < load.Enough; time.Sleep(5 * time.Millisecond) {
		began := clock.Now()
		if err := g.call(); err != nil {
			g.t.Errorf("an honest call was lost: %v", err)
			break
		}
		took = append(took, clock.Now()-began)
		most = max(most, g.rss())
	}
	close(stop)
	attackers.Wait()
	if err := g.call(); err != nil {
		g.t.Errorf("after the attack: %v", err)
	}
	g.report(took, base, most, growth)
}

func (g *gateway) report(took []time.Duration, base, most, growth int64) {
	g.t.Helper()
	if len(took) == 0 {
		g.t.Error("no honest call was made")
		return
	}
	slices.Sort(took)
	p99 := load.P99(took)
	g.t.Logf("%d honest calls, p50 %v, p99 %v; memory %.1f MiB + %.1f", len(took), took[len(took)/2], p99, mib(base), mib(most-base))
	if bound := load.Slowest(); p99 > bound {
		g.t.Errorf("p99 of honest calls is %v, promised %v", p99, bound)
	}
	if most-base > growth {
		g.t.Errorf("memory grew by %.1f MiB, promised %.1f", mib(most-base), mib(growth))
	}
}

func mib(n int64) float64 { return float64(n) / (1 << 20) }

func anyCert() *tls.Config {
	return &tls.Config{InsecureSkipVerify: true} // it is our own, made a moment ago
}
