package e2e

import (
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/house"
	"github.com/marketing-agents/marketing/tests/e2e/want"
	"github.com/marketing-agents/marketing/tests/load"
)

// arrival of an attempt at the provider, by the clock and by that of the machine where it ran.
type arrival struct {
	at    time.Time
	awake time.Duration
}

// How long to wait for another attempt, and for a server that died, is as the options say: the provider fails once, and falls silent as the server dies.
func TestAttemptsAreMadeAgainInTime(t *testing.T) {
	o := house.Options{Env: []string{"CHANNEL_HOSTS=127.0.0.1", "RETRY_WAIT=1", "TAKEOVER_WAIT=1", "RESPONSE_TIMEOUT=5"}}
	tellWith(t, o, func(s *story) {
		const silent = 2 // the attempt that is not answered
		var attempts atomic.Int32
		reached := make(chan arrival, 8)
		clock := load.NewAwake()
		s.Cleanup(clock.Stop)
		url := s.serveHTTP(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			n := attempts.Add(1)
			reached <- arrival{time.Now(), clock.Now()}
			switch n {
			case 1:
				w.WriteHeader(http.StatusInternalServerError)
			case silent:
				<-r.Context().Done()
			}
		})
		s.createChannel("hook", &pb.Channel{Medium: pb.Medium_MEDIUM_EMAIL, Webhook: &pb.WebhookSettings{Url: url, SigningSecret: channelSecret}})
		s.putTemplate("note", "transactional", "A note", "A note.")
		lead := s.create(&pb.Lead{Email: "ann@attempts.example"}).Name
		_, err := s.h.Engage().EngageLead(s.ctx, &pb.EngageLeadRequest{Lead: lead, Template: "templates/note", Medium: pb.Medium_MEDIUM_EMAIL, RequestId: requestID()})
		want.OK(s, err)
		first := <-reached
		second := <-reached
		wait := second.at.Sub(first.at)
		want.True(s, wait > 700*time.Millisecond && second.awake-first.awake < 3700*time.Millisecond, "the second attempt came after %s", wait)
		want.OK(s, s.h.Kill())
		want.OK(s, s.h.Up())
		m := s.settled(lead, 1)[0]
		third := time.Since(second.at)
		want.Equal(s, "state", m.State, pb.Message_STATE_SENT)
		want.Equal(s, "attempts", attempts.Load(), 3)
		soonest := 11 * time.Second // when the lease of the server that died has ended
		if s.h.Options.Store == house.SQLite {
			soonest = 3 * time.Second // nobody else can have it: only the wait for another attempt
		}
		want.True(s, third > soonest && third < patience, "the third attempt came after %s", third)
	})
}
