package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/house"
	"github.com/marketing-agents/marketing/tests/e2e/want"
	"github.com/marketing-agents/marketing/tests/e2e/wire"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

func TestHealth(t *testing.T) {
	tell(t, func(s *story) {
		for _, service := range []string{"", "marketing.v1.LeadService", "marketing.v1.TriageService", "marketing.v1.ModelService", "marketing.v1.SystemService"} {
			reply, err := s.h.Health().Check(s.ctx, &healthpb.HealthCheckRequest{Service: service})
			want.OK(s, err)
			want.Equal(s, "status of "+service, reply.Status, healthpb.HealthCheckResponse_SERVING)
		}
		_, err := s.h.Health().Check(s.ctx, &healthpb.HealthCheckRequest{Service: "no.such.Service"})
		want.Equal(s, "code for an unknown service", want.Code(err), codes.NotFound)
		watch, err := s.h.Health().Watch(s.ctx, &healthpb.HealthCheckRequest{})
		want.OK(s, err)
		reply, err := watch.Recv()
		want.OK(s, err)
		want.Equal(s, "watched status", reply.Status, healthpb.HealthCheckResponse_SERVING)
		want.OK(s, s.h.Terminate())
		reply, err = watch.Recv()
		want.OK(s, err)
		want.Equal(s, "watched status while draining", reply.Status, healthpb.HealthCheckResponse_NOT_SERVING)
		want.OK(s, s.h.Wait(patience))
		want.OK(s, s.h.Up())
	})
}

// Ten restarts by SIGTERM under load: a call is either answered or refused as UNAVAILABLE, and none that was answered is lost.
func TestDrainLosesNothing(t *testing.T) {
	tell(t, func(s *story) {
		var acknowledged []string
		for round := range 5 {
			var stop atomic.Bool
			var answered atomic.Int64
			names := make([][]string, 8)
			go func() {
				for answered.Load() < 50 && !stop.Load() {
					time.Sleep(time.Millisecond)
				}
				_ = s.h.Terminate()
			}()
			conn := s.h.Conn()
			inParallel(s, 8, func(worker int) {
				for i := 0; !stop.Load(); i++ {
					reply, err := pb.NewTriageServiceClient(conn).TriageLead(s.ctx, &pb.TriageLeadRequest{Lead: &pb.Lead{ExternalId: fmt.Sprint("dr-", round, "-", worker, "-", i)}})
					if err != nil {
						if !refusedByDrain(err) {
							s.Errorf("while draining: %v", err)
						}
						stop.Store(true)
						return
					}
					names[worker] = append(names[worker], reply.Decision.Name)
					answered.Add(1)
				}
			})
			want.OK(s, s.h.Wait(patience))
			want.OK(s, s.h.Restart())
			for _, n := range names {
				acknowledged = append(acknowledged, n...)
			}
		}
		stored := map[string]bool{}
		for _, d := range s.allDecisions("", "") {
			stored[d.Name] = true
		}
		for _, name := range acknowledged {
			want.True(s, stored[name], "%s was acknowledged and is gone", name)
		}
		want.True(s, len(acknowledged) > 100, "only %d calls were answered", len(acknowledged))
	})
}

// refusedByDrain: UNAVAILABLE, or the C-core's own CANCELLED for a call that crossed the shutdown on the wire and met no handler.
func refusedByDrain(err error) bool {
	return want.Code(err) == codes.Unavailable || (want.Code(err) == codes.Canceled && len(want.ErrorInfos(err)) == 0)
}

func TestUnknownMethodsAreRefusedAtOnce(t *testing.T) {
	tell(t, func(s *story) {
		for _, method := range []string{"/marketing.v1.TriageService/NoSuchMethod", "/no.such.Service/Method", "/x"} {
			began := time.Now()
			_, err := wire.Call(s.ctx, s.h.Conn(), method, nil)
			want.Equal(s, "code of "+method, want.Code(err), codes.Unimplemented)
			want.True(s, time.Since(began) < patience/2, "%s took %v", method, time.Since(began))
		}
	})
}

func TestDeadlinesAreKept(t *testing.T) {
	tell(t, func(s *story) {
		s.fill(2000)
		slow := &pb.ListLeadsRequest{PageSize: 1000, Filter: `attributes.n : "no such text"`}
		late, expired := 0, 0
		for _, limit := range []time.Duration{time.Nanosecond, 200 * time.Microsecond, time.Millisecond, 5 * time.Millisecond, 50 * time.Millisecond} {
			for range 10 {
				ctx, cancel := context.WithTimeout(s.ctx, limit)
				began := time.Now()
				_, err := s.h.Leads().ListLeads(ctx, slow)
				took := time.Since(began)
				cancel()
				if err != nil {
					want.Equal(s, "code", want.Code(err), codes.DeadlineExceeded)
					expired++
				}
				if took > limit+20*time.Second {
					late++
				}
			}
		}
		want.True(s, expired > 0, "no deadline passed")
		want.True(s, late == 0, "%d of 50 calls were answered over 20 s after their deadline", late)
		ctx, cancel := context.WithTimeout(s.ctx, 300*time.Microsecond)
		defer cancel()
		_, err := s.h.Triage().TriageLead(ctx, &pb.TriageLeadRequest{Lead: &pb.Lead{ExternalId: "late"}, RequestId: "late-0001"})
		if err != nil {
			want.Equal(s, "code", want.Code(err), codes.DeadlineExceeded)
		}
		reply, err := s.h.Triage().TriageLead(s.ctx, &pb.TriageLeadRequest{Lead: &pb.Lead{ExternalId: "late"}, RequestId: "late-0001"})
		want.OK(s, err)
		want.Equal(s, "decisions after a retry of a call that timed out", len(s.allDecisions(reply.Lead, "")), 1)
	})
}

// grpcurl runs the tool against the server, by reflection.
func (s *story) grpcurl(args ...string) string {
	s.Helper()
	tool, err := house.Tool("grpcurl")
	want.OK(s, err)
	out, err := exec.CommandContext(s.ctx, tool, append([]string{"-plaintext", "-H", "authorization: Bearer " + s.h.Token}, args...)...).CombinedOutput()
	if err != nil {
		s.Fatalf("grpcurl %v: %v\n%s", args, err, out)
	}
	return string(out)
}

func TestReflectionServesGrpcurlAndGhz(t *testing.T) {
	tell(t, func(s *story) {
		list := s.grpcurl(s.h.Address, "list")
		for _, service := range []string{"marketing.v1.LeadService", "marketing.v1.TriageService", "marketing.v1.ModelService", "marketing.v1.SystemService",
			"grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"} {
			want.True(s, strings.Contains(list, service+"\n"), "grpcurl list misses %s:\n%s", service, list)
		}
		for symbol, part := range map[string]string{
			"marketing.v1.TriageService":            "rpc ReplayDecision",
			"marketing.v1.TriageService.TriageLead": "rpc TriageLead ( .marketing.v1.TriageLeadRequest )",
			"marketing.v1.TriageLeadRequest":        "string request_id = 5",
			"marketing.v1.LeadCategory":             "LEAD_CATEGORY_COLD_LEAD = 3",
			"marketing.v1.Decision.Kind":            "KIND_OVERRIDE",
		} {
			text := s.grpcurl(s.h.Address, "describe", symbol)
			want.True(s, strings.Contains(text, part), "grpcurl describe %s:\n%s", symbol, text)
		}
		reply := s.grpcurl("-d", `{"lead":{"email":"curl@example.com"}}`, s.h.Address, "marketing.v1.TriageService/TriageLead")
		want.True(s, strings.Contains(reply, `"leadCreated": true`), "grpcurl: %s", reply)

		tool, err := house.Tool("ghz")
		want.OK(s, err)
		for _, call := range []string{"marketing.v1.TriageService.TriageLead", "marketing.v1.TriageService/ScoreLead"} {
			out, err := exec.CommandContext(s.ctx, tool, "--insecure", "--metadata", `{"authorization": "Bearer `+s.h.Token+`"}`, "--call", call, "-d", `{"lead":{"external_id":"ghz-{{.RequestNumber}}"}}`,
				"-n", "300", "-c", "10", "-O", "json", s.h.Address).Output()
			want.OK(s, err)
			var report struct {
				Count        int            `json:"count"`
				Distribution map[string]int `json:"statusCodeDistribution"`
			}
			want.OK(s, json.Unmarshal(out, &report))
			want.Equal(s, "OK answers to ghz", report.Distribution["OK"], 300)
		}
	})
}

// counted tells whether the database is reached, and a call of triage that went well was counted and one that did not.
func counted(status *pb.SystemStatus) bool {
	return status.Dependencies[0].Reachable && slices.ContainsFunc(status.Agents, func(a *pb.AgentStatus) bool {
		return a.AgentType == pb.AgentType_AGENT_TYPE_TRIAGE && a.Healthy && a.SucceededCalls >= 1 && a.FailedCalls >= 1
	})
}

func TestStatusConfigAndMetrics(t *testing.T) {
	tell(t, func(s *story) {
		s.triage(&pb.Lead{Email: "status@example.com"})
		_, err := s.h.Triage().TriageLead(s.ctx, &pb.TriageLeadRequest{})
		want.True(s, err != nil, "an empty request was taken")
		var status *pb.SystemStatus
		want.Soon(s, "the call is counted, once its answer has left", func() (bool, any) {
			status = s.status()
			return counted(status), status.Agents
		})
		want.True(s, status.Serving && status.Version != "" && status.CommittedUnits >= 1 && status.Commits >= 1 && status.ResidentBytes > 1<<20, "status: %v", status)
		want.True(s, len(status.Dependencies) > 0 && status.Dependencies[0].Reachable, "dependencies: %v", status.Dependencies)
		want.Equal(s, "kind of database", status.Dependencies[0].Kind, string(s.h.Options.Store))
		config, err := s.h.System().GetConfig(s.ctx, &pb.GetConfigRequest{})
		want.OK(s, err)
		text := fmt.Sprint(config)
		want.True(s, strings.Contains(text, "SECRET_KEY") && strings.Contains(text, "***"), "config: %s", text)
		want.True(s, !strings.Contains(text, house.SecretKey), "the secret is shown")

		reply, err := http.Get("http://" + s.h.Metrics + "/metrics")
		want.OK(s, err)
		defer reply.Body.Close()
		metrics, err := io.ReadAll(reply.Body)
		want.OK(s, err)
		for _, part := range []string{"rpc_handled_total{", `code="INVALID_ARGUMENT"`, "commit_units_total"} {
			want.True(s, strings.Contains(string(metrics), part), "metrics miss %s:\n%s", part, metrics)
		}
		log := s.h.Log() + string(metrics)
		want.True(s, !strings.Contains(log, house.SecretKey) && !strings.Contains(log, "status@example.com"), "a secret or an address is in the log")
	})
}

func TestStartsAreRefused(t *testing.T) {
	t.Parallel()
	for what, env := range map[string][]string{
		"a public address without TLS": {"LISTEN=0.0.0.0:0"},
		"a short secret":               {"SECRET_KEY=short"},
		"an unknown database":          {"DATABASE_URL=mysql://x/y"},
		"a number out of range":        {"THREADS=1000"},
		"a key file that is missing":   {"MODEL_KEYS=/nonexistent/keys"},
	} {
		h, err := house.Start(house.Options{Env: env})
		if err == nil {
			_ = h.Close()
			t.Errorf("%s: the server started", what)
		} else if !strings.Contains(err.Error(), "ended at its start") {
			t.Errorf("%s: %v", what, err)
		}
	}
}
