package e2e

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/house"
	"github.com/marketing-agents/marketing/tests/e2e/want"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"
)

func inApp() *pb.Channel { return &pb.Channel{Medium: pb.Medium_MEDIUM_IN_APP} }

func (s *story) createChannel(id string, c *pb.Channel) *pb.Channel {
	s.Helper()
	made, err := s.h.Engage().CreateChannel(s.ctx, &pb.CreateChannelRequest{ChannelId: id, Channel: c})
	want.OK(s, err)
	want.Equal(s, "name", made.Name, "channels/"+id)
	return made
}

// hook takes what is posted to it.
type hook struct {
	sync.Mutex
	url   string
	posts []http.Header
}

func newHook(s *story) *hook {
	s.Helper()
	h := &hook{}
	h.url = s.serveHTTP(func(w http.ResponseWriter, r *http.Request) {
		h.Lock()
		defer h.Unlock()
		h.posts = append(h.posts, r.Header.Clone())
	}) + "hook"
	return h
}

// serveHTTP serves at a port of loopback until the story ends.
func (s *story) serveHTTP(handler http.HandlerFunc) (url string) {
	s.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	want.OK(s, err)
	server := &http.Server{Handler: handler}
	go server.Serve(l)
	s.Cleanup(func() { _ = server.Close() })
	return fmt.Sprintf("http://%s/", l.Addr())
}

func (h *hook) taken() []http.Header {
	h.Lock()
	defer h.Unlock()
	return h.posts
}

const channelSecret = "canary-4711-secret-of-a-channel"

// holds tells whether one of the tables that a change of a channel touches has the word in it.
func (s *story) holds(word string) bool {
	s.Helper()
	for _, column := range []string{"channel.data", "channel.sealed", "event.payload", "idempotency.response"} {
		table, name, _ := strings.Cut(column, ".")
		expression := "hex(" + name + ")"
		if s.h.Options.Store == house.PostgreSQL {
			expression = "upper(encode(" + name + ", 'hex'))"
		}
		rows, err := s.h.Query("SELECT count(*) FROM " + table + " WHERE " + expression + " LIKE '%" + fmt.Sprintf("%X", word) + "%'")
		want.OK(s, err)
		if fmt.Sprint(rows) != "[[0]]" {
			return true
		}
	}
	return false
}

func TestAChannelKeepsItsSecretAndIsTriedOut(t *testing.T) {
	tellWith(t, house.Options{Env: []string{"CHANNEL_HOSTS=127.0.0.1"}}, func(s *story) {
		provider := newHook(s)
		sms := &pb.Channel{Medium: pb.Medium_MEDIUM_SMS, DisplayName: "sms of ours", Webhook: &pb.WebhookSettings{Url: provider.url, SigningSecret: channelSecret}}
		id := requestID()
		made, err := s.h.Engage().CreateChannel(s.ctx, &pb.CreateChannelRequest{ChannelId: "sms", Channel: sms, RequestId: id})
		want.OK(s, err)
		for range 2 { // the second time as it was stored for the request id
			text := protojson.Format(made)
			want.True(s, !strings.Contains(text, channelSecret) && strings.Contains(text, "webhook.signing_secret"), "the reply: %s", text)
			made, err = s.h.Engage().CreateChannel(s.ctx, &pb.CreateChannelRequest{ChannelId: "sms", Channel: sms, RequestId: id})
			want.OK(s, err)
		}
		want.True(s, !s.holds(channelSecret), "the database holds the secret in plain")
		want.True(s, s.holds("sms of ours"), "the database is looked through")
		want.OK(s, s.h.Restart())
		tried, err := s.h.Engage().TestChannel(s.ctx, &pb.TestChannelRequest{Name: made.Name})
		want.OK(s, err)
		want.True(s, tried.Accepted && tried.Code == 200, "%v", tried)
		posts := provider.taken()
		want.Equal(s, "posts", len(posts), 1)
		want.True(s, strings.HasPrefix(posts[0].Get("Marketing-Signature"), "t=") && posts[0].Get("Idempotency-Key") != "", "headers: %v", posts[0])
	})
}

// Without the operator's word a channel reaches nothing but the public internet.
func TestAChannelReachesNoPrivateAddress(t *testing.T) {
	tell(t, func(s *story) {
		var hits sync.WaitGroup
		l, err := net.Listen("tcp", "127.0.0.1:0")
		want.OK(s, err)
		s.Cleanup(func() { l.Close() })
		taken := make(chan string, 16)
		hits.Go(func() {
			for c, err := l.Accept(); err == nil; c, err = l.Accept() {
				line, _ := bufio.NewReader(c).ReadString('\n')
				taken <- line
				c.Close()
			}
		})
		port := l.Addr().(*net.TCPAddr).Port
		for i, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "[::1]", "2130706433", "169.254.169.254"} {
			made := s.createChannel(fmt.Sprint("hook", i), &pb.Channel{Medium: pb.Medium_MEDIUM_CRM, Webhook: &pb.WebhookSettings{
				Url: fmt.Sprintf("https://%s:%d/", host, port), SigningSecret: channelSecret}})
			tried, err := s.h.Engage().TestChannel(s.ctx, &pb.TestChannelRequest{Name: made.Name})
			want.OK(s, err)
			want.True(s, !tried.Accepted && tried.Code == 0, "%s: %v", host, tried)
		}
		_, err = s.h.Engage().CreateChannel(s.ctx, &pb.CreateChannelRequest{ChannelId: "plain", Channel: &pb.Channel{Medium: pb.Medium_MEDIUM_CRM,
			Webhook: &pb.WebhookSettings{Url: fmt.Sprintf("http://127.0.0.1:%d/", port), SigningSecret: channelSecret}}})
		want.Error(s, err, codes.InvalidArgument, "FIELD_INVALID")
		l.Close()
		hits.Wait()
		want.Equal(s, "connections", len(taken), 0)
	})
}
