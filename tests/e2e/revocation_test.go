package e2e

import (
	"fmt"
	"testing"
	"time"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/house"
	"github.com/marketing-agents/marketing/tests/e2e/want"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

// outWithin is what is promised of a stream whose caller lost its rights.
const outWithin = 60 * time.Second

// talk is an open StreamTriage of a caller that is going to lose its rights.
type talk struct {
	what, reason string // with which it ends
	silent       bool   // else it says something all the time
	stream       grpc.BidiStreamingClient[pb.StreamTriageRequest, pb.StreamTriageResponse]
}

// say sends a row and reads its answer.
func (k talk) say() error {
	_ = k.stream.Send(&pb.StreamTriageRequest{Lead: &pb.Lead{Email: "row@revoked.example"}}) // what it fails of, Recv tells
	_, err := k.stream.Recv()
	return err
}

// ends waits for the end.
func (k talk) ends() error {
	for !k.silent {
		if err := k.say(); err != nil {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
	_, err := k.stream.Recv()
	return err
}

func (s *story) talk(what, credential, reason string, silent bool) talk {
	s.Helper()
	stream, err := s.h.Triage().StreamTriage(house.As(s.ctx, credential))
	want.OK(s, err)
	k := talk{what, reason, silent, stream}
	want.OK(s, k.say())
	return k
}

// loss is a credential that may triage until it is taken away, and how that is done.
type loss struct {
	what, credential, reason string
	take                     func() error
}

func (s *story) losses(suffix string) []loss {
	s.Helper()
	auth, session := s.h.Auth(), s.adminSession()
	account := func(id string) (key string, change func(field string, to *pb.ServiceAccount) func() error) {
		key, err := s.h.NewKey(s.ctx, id+suffix, "roles/agent")
		want.OK(s, err)
		return key, func(field string, to *pb.ServiceAccount) func() error {
			to.Name = "serviceAccounts/" + id + suffix
			return func() error {
				_, err := auth.UpdateServiceAccount(s.ctx, &pb.UpdateServiceAccountRequest{ServiceAccount: to, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{field}}})
				return err
			}
		}
	}
	disabledKey, disable := account("disabled")
	lowerKey, lower := account("lower")
	return []loss{
		{"a revoked session", session.AccessToken, "CREDENTIAL_INVALID", func() error {
			_, err := auth.RevokeSession(house.As(s.ctx, session.AccessToken), &pb.RevokeSessionRequest{})
			return err
		}},
		{"a disabled account", disabledKey, "CREDENTIAL_INVALID", disable("disabled", &pb.ServiceAccount{Disabled: true})},
		{"a role taken away", lowerKey, "PERMISSION_MISSING", lower("roles", &pb.ServiceAccount{Roles: []string{"roles/viewer"}})},
	}
}

// Whoever loses its rights on one replica is out of the streams that it has open on both, whether it talks or is silent.
func TestOpenStreamsEndWithTheRightsOfTheirCaller(t *testing.T) {
	pair(t, house.Options{Env: []string{"LOG_CALLS=false"}}, func(a, b *story) {
		stays := b.talk("a caller that keeps its rights", b.h.Token, "", false)
		var open []talk
		var losses []loss
		for _, silent := range []bool{false, true} {
			for _, l := range a.losses(fmt.Sprint("-", silent)) {
				losses = append(losses, l)
				open = append(open, a.talk(l.what+", here", l.credential, l.reason, silent), b.talk(l.what+", on the other replica", l.credential, l.reason, silent))
			}
		}
		for _, l := range losses {
			want.OK(a, l.take())
		}
		lost := time.Now()
		inParallel(t, len(open), func(i int) {
			k := open[i]
			err := k.ends()
			if took := time.Since(lost); reasonOf(err) != k.reason || took > outWithin {
				t.Errorf("%s, silent: %v: ended after %v: %v", k.what, k.silent, took, err)
			}
		})
		t.Logf("all %d streams ended within %v", len(open), time.Since(lost))
		want.OK(t, stays.say())
	})
}
