package e2e

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/house"
	"github.com/marketing-agents/marketing/tests/e2e/want"
	"github.com/marketing-agents/marketing/tests/load"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

func TestACallOverTheLimitSaysWhoseItIsAndWhenToComeAgain(t *testing.T) {
	t.Parallel()
	h := house.New(t, house.Options{Gateway: true, Env: []string{"QUOTA_READ=0.1", "QUOTA_WORKSPACE_WRITE=0.1"}})
	s := &story{T: t, h: h, ctx: t.Context()}
	look := func() error {
		_, err := h.Leads().GetLead(s.ctx, &pb.GetLeadRequest{Name: "leads/none"})
		return err
	}
	want.Error(s, look(), codes.NotFound, "LEAD_NOT_FOUND")
	err := look()
	want.Error(s, err, codes.ResourceExhausted, "QUOTA_EXCEEDED")
	failure, again := detail[*errdetails.QuotaFailure](err), detail[*errdetails.RetryInfo](err)
	want.True(s, failure != nil && again != nil, "details: %v", status.Convert(err).Details())
	want.Equal(s, "violations", len(failure.Violations), 1)
	want.Equal(s, "description", failure.Violations[0].Description, "more than 0.1 read calls a second")
	want.Equal(s, "subject", failure.Violations[0].Subject, "serviceAccounts/tests")
	wait := again.RetryDelay.AsDuration()
	want.True(s, wait > 0 && wait <= 10100*time.Millisecond, "retry in %v", wait)

	answer, err := h.REST("GET", "/v1/leads/none", nil)
	want.OK(s, err)
	problem, err := answer.Problem()
	want.OK(s, err)
	want.Equal(s, "HTTP status", answer.Code, http.StatusTooManyRequests)
	want.Equal(s, "reason", problem.Error.Reason, "QUOTA_EXCEEDED")
	seconds, err := strconv.Atoi(answer.Header.Get("Retry-After"))
	want.OK(s, err)
	want.True(s, seconds >= 1 && seconds <= 10, "Retry-After: %d", seconds)

	time.Sleep(time.Duration(seconds) * time.Second)
	want.Error(s, look(), codes.NotFound, "LEAD_NOT_FOUND")

	// Classes are apart, and a workspace has a limit of its own.
	s.create(&pb.Lead{Email: "one@example.com"})
	_, err = h.Leads().CreateLead(s.ctx, &pb.CreateLeadRequest{Lead: &pb.Lead{Email: "two@example.com"}})
	want.Error(s, err, codes.ResourceExhausted, "QUOTA_EXCEEDED")
	want.Equal(s, "subject", detail[*errdetails.QuotaFailure](err).Violations[0].Subject, "workspaces/default")
}

func TestAWorkspaceHasLimitsOfItsOwn(t *testing.T) {
	pair(t, house.Options{Env: []string{"LOG_CALLS=false"}}, func(a, b *story) {
		set := func(w *pb.Workspace, paths ...string) error {
			w.Name = "workspaces/default"
			_, err := a.h.Auth().UpdateWorkspace(a.ctx, &pb.UpdateWorkspaceRequest{Workspace: w, UpdateMask: &fieldmaskpb.FieldMask{Paths: paths}})
			return err
		}
		look := func(s *story) error {
			_, err := s.h.Leads().GetLead(s.ctx, &pb.GetLeadRequest{Name: "leads/none"})
			return err
		}
		becomes := func(s *story, code codes.Code) error {
			for began := time.Now(); ; {
				if err := look(s); status.Code(err) == code {
					return err
				}
				want.True(s, time.Since(began) < patience, "the limit does not reach the other replica")
			}
		}
		for _, rate := range []float64{-1, 1e-9, 1e9, math.NaN(), math.Inf(1)} {
			want.Error(a, set(&pb.Workspace{Limits: &pb.CallLimits{Bulk: rate}}, "limits"), codes.InvalidArgument, "FIELD_INVALID")
		}
		want.Error(a, look(a), codes.NotFound, "LEAD_NOT_FOUND")

		want.OK(a, set(&pb.Workspace{Limits: &pb.CallLimits{Read: 0.1}}, "limits"))
		want.Error(a, look(a), codes.NotFound, "LEAD_NOT_FOUND")
		for _, err := range []error{look(a), becomes(b, codes.ResourceExhausted)} {
			want.Error(a, err, codes.ResourceExhausted, "QUOTA_EXCEEDED")
			violation := detail[*errdetails.QuotaFailure](err).Violations[0]
			want.Equal(a, "subject", violation.Subject, "workspaces/default")
			want.Equal(a, "description", violation.Description, "more than 0.1 read calls a second")
		}

		want.OK(a, set(&pb.Workspace{CallerLimits: &pb.CallLimits{Read: 0.1}}, "limits", "caller_limits"))
		want.Error(a, look(a), codes.NotFound, "LEAD_NOT_FOUND")
		err := look(a)
		want.Error(a, err, codes.ResourceExhausted, "QUOTA_EXCEEDED")
		want.Equal(a, "subject", detail[*errdetails.QuotaFailure](err).Violations[0].Subject, "serviceAccounts/tests")

		want.OK(a, set(&pb.Workspace{}, "caller_limits"))
		for range 5 {
			want.Error(a, look(a), codes.NotFound, "LEAD_NOT_FOUND")
		}
		becomes(b, codes.NotFound)
	})
}

func TestLoginsAreCountedByAddress(t *testing.T) {
	t.Parallel()
	h := house.New(t, house.Options{Gateway: true, Env: []string{"QUOTA_LOGIN=0.05"}}) // the house's own login was the one
	_, err := h.Auth().CreateSession(t.Context(), &pb.CreateSessionRequest{User: "users/none", Password: "a password of nobody"})
	want.Error(t, err, codes.ResourceExhausted, "QUOTA_EXCEEDED")
	subject := detail[*errdetails.QuotaFailure](err).Violations[0].Subject
	want.True(t, strings.Contains(subject, "127.0.0.1"), "whose limit it is: %q", subject)
	_, err = h.Leads().ListLeads(t.Context(), &pb.ListLeadsRequest{})
	want.OK(t, err)
}

// detail is the first detail of a type; nil where there is none.
func detail[M any](err error) M {
	var none M
	for _, d := range status.Convert(err).Details() {
		if m, ok := d.(M); ok {
			return m
		}
	}
	return none
}

const (
	sharedRate  = 200.0
	sharedBurst = 0.25 * sharedRate
)

// flood calls all replicas as fast as they answer for a while, and counts what they let through: half of what they may at least.
func flood(t *testing.T, replicas []*house.House, during time.Duration) (float64, float64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), during)
	defer cancel()
	var through atomic.Int64
	clock := load.NewAwake()
	defer clock.Stop()
	start := time.Now()
	inParallel(t, 4*len(replicas), func(i int) {
		leads := replicas[i%len(replicas)].Leads()
		for ctx.Err() == nil {
			_, err := leads.GetLead(ctx, &pb.GetLeadRequest{Name: "leads/none"})
			switch status.Code(err) {
			case codes.NotFound:
				through.Add(1)
			case codes.ResourceExhausted, codes.DeadlineExceeded, codes.Canceled:
			default:
				t.Errorf("a call failed: %v", err)
				return
			}
		}
	})
	calls, seconds, ran := float64(through.Load()), time.Since(start).Seconds(), clock.Now().Seconds()
	t.Logf("%d replicas let %g calls a second through", len(replicas), calls/seconds)
	want.True(t, calls >= 0.5*sharedRate*ran, "%d replicas let only %g calls through in %g s, in %g of which the machine ran", len(replicas), calls, seconds, ran)
	return calls, seconds
}

func TestReplicasShareALimitAndGoOnWithoutRedis(t *testing.T) {
	t.Parallel()
	redis := house.NewRedis(t)
	o := house.Options{Env: []string{"LOG_CALLS=false", "REDIS_URL=" + redis.URL, fmt.Sprint("QUOTA_READ=", sharedRate), "QUOTA_BURST=0.25"}}
	replicas := []*house.House{house.New(t, o), house.New(t, o)}
	n := float64(len(replicas))
	gauges(t, replicas, "quota_replicas", len(replicas))

	through, seconds := flood(t, replicas, 4*time.Second)
	most := sharedRate*seconds + 2*sharedBurst + n
	want.True(t, through <= most, "%g calls in %g s, at most %g are within the stated error", through, seconds, most)

	flood(t, replicas[:1], 4*time.Second) // one alone lets as much through

	want.OK(t, redis.Kill())
	gauges(t, replicas, "quota_in_step", 0)
	want.True(t, !sharesLimits(t, replicas[0]), "the status does not say that Redis is away")
	through, seconds = flood(t, replicas, 4*time.Second)
	most = sharedRate*seconds + sharedBurst + n
	want.True(t, through <= most, "without Redis %g calls in %g s, their parts are %g", through, seconds, most)

	want.OK(t, redis.Start())
	gauges(t, replicas, "quota_in_step", 1)
	want.True(t, sharesLimits(t, replicas[0]), "the status says that Redis is away")
	gauges(t, replicas, "quota_replicas", len(replicas))
	through, seconds = flood(t, replicas, 4*time.Second)
	most = sharedRate*seconds + 2*sharedBurst + n
	want.True(t, through <= most, "after Redis came back %g calls in %g s, at most %g are within the stated error", through, seconds, most)

	for _, h := range replicas {
		want.True(t, !strings.Contains(h.Log(), house.RedisPassword), "the log shows the password of Redis")
	}
}

// sharesLimits is what the status says of Redis.
func sharesLimits(t *testing.T, h *house.House) bool {
	t.Helper()
	now, err := h.System().GetSystemStatus(t.Context(), &pb.GetSystemStatusRequest{})
	for status.Code(err) == codes.ResourceExhausted { // the flood has to be paid back first
		time.Sleep(detail[*errdetails.RetryInfo](err).RetryDelay.AsDuration())
		now, err = h.System().GetSystemStatus(t.Context(), &pb.GetSystemStatusRequest{})
	}
	want.OK(t, err)
	want.Equal(t, "dependencies", len(now.Dependencies), 2)
	redis := now.Dependencies[1]
	want.True(t, redis.Name == "shared limits" && redis.Kind == "redis" && redis.Reachable == (redis.Message == ""), "dependency: %v", redis)
	return redis.Reachable
}

// gauges waits until a metric of every replica has this value.
func gauges(t *testing.T, replicas []*house.House, name string, value int) {
	t.Helper()
	for _, h := range replicas {
		want.Soon(t, fmt.Sprint(name, " is ", value), func() (bool, any) {
			seen := gauge(t, h, name)
			return seen == strconv.Itoa(value), seen
		})
	}
}

// gauge is a metric's value; empty where it was never set.
func gauge(t *testing.T, h *house.House, name string) string {
	t.Helper()
	for _, line := range strings.Split(get(t, "http://"+h.Metrics+"/metrics"), "\n") {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return value
		}
	}
	return ""
}
