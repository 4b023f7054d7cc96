package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/house"
	"github.com/marketing-agents/marketing/tests/e2e/mailsink"
	"github.com/marketing-agents/marketing/tests/e2e/want"
	"github.com/marketing-agents/marketing/tests/lib/pki"
)

const mailLogin = "sender:a password of a mail server"

// tryMail makes a channel to a mail server and has it tried out.
func (s *story) tryMail(id, host string, sink *mailsink.Sink, security pb.SmtpSettings_Security, password string) *pb.TestChannelResponse {
	s.Helper()
	settings := &pb.SmtpSettings{Host: host, Port: int32(sink.Port), Security: security, FromAddress: "news@sender.example"}
	if password != "" {
		settings.Username, settings.Password = "sender", password
	}
	made := s.createChannel(id, &pb.Channel{Medium: pb.Medium_MEDIUM_EMAIL, Smtp: settings})
	tried, err := s.h.Engage().TestChannel(s.ctx, &pb.TestChannelRequest{Name: made.Name, ToAddress: "ann@lead.example"})
	want.OK(s, err)
	return tried
}

// Mails go over TLS to a server whose certificate is in order, and to no other, whoever that is; a password goes nowhere else.
func TestMailOverTLS(t *testing.T) {
	ours, theirs := pki.NewAuthority("ours"), pki.NewAuthority("theirs")
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, ours.PEM, 0o600); err != nil {
		t.Fatal(err)
	}
	const starttls, implicit = pb.SmtpSettings_SECURITY_STARTTLS, pb.SmtpSettings_SECURITY_TLS
	tellWith(t, house.Options{Env: []string{"CHANNEL_HOSTS=localhost,127.0.0.1,127.0.0.2", "CHANNEL_CA=" + ca}}, func(s *story) {
		_, password, _ := strings.Cut(mailLogin, ":")
		for name, security := range map[string]pb.SmtpSettings_Security{"starttls": starttls, "tls": implicit} {
			start := func(host string, authority *pki.Authority, valid time.Duration) *mailsink.Sink {
				return mailsink.StartSecured(s, host, authority.Issue(valid).TLS(), security == implicit, mailLogin)
			}
			good := start("127.0.0.1", ours, time.Hour)
			tried := s.tryMail(name+"-good", "localhost", good, security, password)
			if !tried.Accepted || len(good.Mails()) != 1 || good.Mails()[0].Secured != (security == starttls) {
				s.Errorf("%s: %v, %d mails", name, tried, len(good.Mails()))
			}
			if tried = s.tryMail(name+"-password", "localhost", good, security, "another password"); tried.Accepted || tried.Code != 535 {
				s.Errorf("%s: a wrong password: %v", name, tried)
			}
			for _, bad := range []struct {
				id, host, told string
				sink           *mailsink.Sink
			}{
				{"-expired", "localhost", "expired", start("127.0.0.1", ours, -time.Minute)},
				{"-untrusted", "localhost", "issuer", start("127.0.0.1", theirs, time.Hour)},
				{"-host", "127.0.0.2", "127.0.0.2", start("127.0.0.2", ours, time.Hour)},
			} {
				tried := s.tryMail(name+bad.id, bad.host, bad.sink, security, password)
				if tried.Accepted || !strings.Contains(tried.Detail, bad.told) || len(bad.sink.Mails()) != 0 {
					s.Errorf("%s%s: %v, want it refused for %q", name, bad.id, tried, bad.told)
				}
			}
		}
		plain := mailsink.Start(s)
		if tried := s.tryMail("stripped", "localhost", plain, starttls, ""); tried.Accepted || !strings.Contains(tried.Detail, "STARTTLS") || len(plain.Mails()) != 0 {
			s.Errorf("a server without STARTTLS: %v", tried)
		}
	})
}
