package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/house"
	"github.com/marketing-agents/marketing/tests/e2e/want"
	"github.com/marketing-agents/marketing/tests/load"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
)

// ---- Forged tokens, over both edges ----

func decode(text string) string {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		panic(err) // our own token
	}
	return string(b)
}

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// forged makes credentials that nobody gave out from a true access token and a true key; tests/unit/server/iam has the corpus of those
// that bear a true signature.
func forged(token, key, public string) map[string]string {
	parts := strings.Split(token, ".")
	header, payload, signature := decode(parts[0]), decode(parts[1]), parts[2]
	all := map[string]string{
		"nothing": " ", "a word": "x", "dots": "..", "no signature": parts[0] + "." + parts[1] + ".", "two parts": parts[0] + "." + parts[1],
		"five parts": token + ".x.y", "padding": token + "=", "long": strings.Repeat("A", 6000), "key of nobody": "mk_none_" + strings.Repeat("a", 43),
		"key cut": key[:len(key)-1], "key longer": key + "a", "refresh token": "mr_x_1_y_z",
		"other workspace": parts[0] + "." + encode(strings.Replace(payload, `"ws":"default"`, `"ws":"other"`, 1)) + "." + signature,
		"other user":      parts[0] + "." + encode(strings.Replace(payload, "users/admin", "users/root", 1)) + "." + signature,
		"later end":       parts[0] + "." + encode(strings.Replace(payload, `"exp":1`, `"exp":9`, 1)) + "." + signature,
	}
	for _, alg := range []string{"none", "None", "NONE", "HS256", "HS512", "RS256", "ES256", "PS256", "EdDSA "} {
		other := encode(strings.Replace(header, "EdDSA", alg, 1))
		all["alg "+alg] = other + "." + parts[1] + "." + signature
		all["alg "+alg+" unsigned"] = other + "." + parts[1] + "."
		mac := hmac.New(sha256.New, []byte(decode(public)))
		mac.Write([]byte(other + "." + parts[1]))
		all["alg "+alg+" with the public key"] = other + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	}
	for _, more := range []string{`"jwk":{"kty":"OKP","crv":"Ed25519","x":"` + public + `"}`, `"jku":"http://127.0.0.1/k"`, `"crit":["exp"]`, `"typ":"JWT"`} {
		all["header with "+more] = encode(strings.Replace(header, "}", ","+more+"}", 1)) + "." + parts[1] + "." + signature
	}
	for at := 0; at < len(token); at += len(token) / 64 {
		bent := []byte(token)
		if bent[at] = 'A'; token[at] == 'A' {
			bent[at] = 'B'
		}
		all[fmt.Sprint("altered at ", at)] = string(bent)
	}
	for at := 0; at < len(key); at += 3 {
		bent := []byte(key)
		if bent[at] = 'a'; key[at] == 'a' {
			bent[at] = 'b'
		}
		all[fmt.Sprint("key altered at ", at)] = string(bent)
	}
	return all
}

func (s *story) adminSession() *pb.Session {
	s.Helper()
	session, err := s.h.Auth().CreateSession(s.ctx, &pb.CreateSessionRequest{User: "users/admin", Password: house.AdminPassword})
	want.OK(s, err)
	return session
}

func TestForgedCredentialsAreRefusedOnBothEdges(t *testing.T) {
	tellWith(t, house.Options{Gateway: true}, func(s *story) {
		token := s.adminSession().AccessToken
		jwks, err := s.h.Auth().GetJwks(s.ctx, &pb.GetJwksRequest{})
		want.OK(s, err)
		all := forged(token, s.h.Token, jwks.Keys[0].X)
		want.True(s, len(all) >= 120, "only %d credentials", len(all))
		for what, credential := range all {
			for edge, conn := range map[string]*grpc.ClientConn{"server": s.h.Conn(), "edge": s.h.GatewayConn()} {
				_, err := pb.NewLeadServiceClient(conn).ListLeads(house.As(s.ctx, credential), &pb.ListLeadsRequest{})
				want.True(s, want.Code(err) == codes.Unauthenticated, "%s at the %s: %v", what, edge, err)
			}
			want.Equal(s, what+" over REST", s.restAdmission([2]string{"GET", "/v1/leads"}, credential), "CREDENTIAL_INVALID")
		}
		for _, scheme := range []string{"Basic ", "bearer", "", "Token "} {
			_, err := s.h.Leads().ListLeads(metadata.AppendToOutgoingContext(s.ctx, "authorization", scheme+token), &pb.ListLeadsRequest{})
			want.Equal(s, "scheme "+scheme, reasonOf(err), "CREDENTIAL_INVALID")
		}
		_, err = s.h.Leads().ListLeads(metadata.AppendToOutgoingContext(house.As(s.ctx, token), "x-workspace", "other"), &pb.ListLeadsRequest{})
		want.Equal(s, "another workspace named", reasonOf(err), "PERMISSION_MISSING")
		_, err = s.h.Leads().ListLeads(house.As(s.ctx, token), &pb.ListLeadsRequest{})
		want.OK(s, err)
		for _, secret := range []string{house.AdminPassword, s.h.Token, token} {
			want.True(s, !strings.Contains(s.h.Log()+s.h.GatewayLog(), secret), "a credential stands in a log")
		}
	})
}

// ---- Sessions ----

func TestASessionIsRefreshedOnceAndRevokedAtOnce(t *testing.T) {
	tell(t, func(s *story) {
		auth := s.h.Auth()
		first := s.adminSession()
		replies := make(chan *pb.Session, 8)
		for range cap(replies) { // a lawful race: all get the same next token
			go func() {
				next, _ := auth.RefreshSession(s.ctx, &pb.RefreshSessionRequest{RefreshToken: first.RefreshToken})
				replies <- next
			}()
		}
		next := <-replies
		for range cap(replies) - 1 {
			want.Equal(s, "refresh token", (<-replies).GetRefreshToken(), next.GetRefreshToken())
		}
		last, err := auth.RefreshSession(s.ctx, &pb.RefreshSessionRequest{RefreshToken: next.RefreshToken})
		want.OK(s, err)
		_, err = auth.GetPrincipal(house.As(s.ctx, last.AccessToken), &pb.GetPrincipalRequest{})
		want.OK(s, err)
		_, err = auth.RefreshSession(s.ctx, &pb.RefreshSessionRequest{RefreshToken: first.RefreshToken}) // two generations old
		want.Equal(s, "a used token", reasonOf(err), "CREDENTIAL_INVALID")
		_, err = auth.RefreshSession(s.ctx, &pb.RefreshSessionRequest{RefreshToken: last.RefreshToken})
		want.Equal(s, "the family's newest", reasonOf(err), "CREDENTIAL_INVALID")
		_, err = auth.GetPrincipal(house.As(s.ctx, last.AccessToken), &pb.GetPrincipalRequest{})
		want.Equal(s, "the family's access token", reasonOf(err), "CREDENTIAL_INVALID")

		session := s.adminSession()
		_, err = auth.RevokeSession(house.As(s.ctx, session.AccessToken), &pb.RevokeSessionRequest{})
		want.OK(s, err)
		_, err = auth.GetPrincipal(house.As(s.ctx, session.AccessToken), &pb.GetPrincipalRequest{})
		want.Equal(s, "a revoked session", reasonOf(err), "CREDENTIAL_INVALID")
	})
}

func TestARevokedKeyIsOutOnOtherReplicasToo(t *testing.T) {
	pair(t, house.Options{}, func(a, b *story) {
		key, err := a.h.NewKey(a.ctx, "short", "roles/viewer")
		want.OK(a, err)
		_, err = b.h.Leads().ListLeads(house.As(b.ctx, key), &pb.ListLeadsRequest{})
		want.OK(b, err)
		_, err = a.h.Auth().UpdateServiceAccount(a.ctx, &pb.UpdateServiceAccountRequest{ServiceAccount: &pb.ServiceAccount{Name: "serviceAccounts/short", Disabled: true}})
		want.OK(a, err)
		_, err = a.h.Leads().ListLeads(house.As(a.ctx, key), &pb.ListLeadsRequest{})
		want.Equal(a, "here", reasonOf(err), "CREDENTIAL_INVALID")
		want.Soon(b, "the other replica refuses it", func() (bool, any) {
			_, err := b.h.Leads().ListLeads(house.As(b.ctx, key), &pb.ListLeadsRequest{})
			return reasonOf(err) == "CREDENTIAL_INVALID", err
		})
	})
}

// ---- Passwords ----

func TestGuessesAreFewWhoeverIsGuessed(t *testing.T) {
	tellWith(t, house.Options{Gateway: true, Env: []string{"LOG_CALLS=false"}}, func(s *story) {
		const guesses, workers = 10000, 16
		before := load.Resident(s.h.Pid())
		results := make(chan map[string]int, workers)
		began := time.Now()
		for w := range workers {
			go func() {
				reasons := map[string]int{}
				for i := w; i < guesses; i += workers {
					user := "users/admin"
					if i%2 == 1 {
						user = fmt.Sprintf("users/u%d", i)
					}
					_, err := s.h.Auth().CreateSession(s.ctx, &pb.CreateSessionRequest{User: user, Password: fmt.Sprint("guess-number-", i)})
					reasons[reasonOf(err)]++
				}
				results <- reasons
			}()
		}
		all := map[string]int{}
		for range workers {
			for reason, n := range <-results {
				all[reason] += n
			}
		}
		allowed := 20 + int(time.Since(began).Seconds())/6 + 1 // 20 at once and one every six seconds from one address
		want.True(s, all["LOGIN_FAILED"]+all["LOGIN_LIMITED"] == guesses, "answers: %v", all)
		want.True(s, all["LOGIN_FAILED"] <= allowed, "%d guesses were looked at, %d were allowed: %v", all["LOGIN_FAILED"], allowed, all)
		want.True(s, load.Resident(s.h.Pid())-before < 16<<20, "memory grew by %d bytes", load.Resident(s.h.Pid())-before)
		body, err := json.Marshal(map[string]string{"user": "users/admin", "password": "guess-again-and-again"})
		want.OK(s, err)
		var reply *house.Answer
		for range 10 { // some attempts have come back by now
			reply, err = s.h.REST("POST", "/v1/sessions", body, "Authorization: ")
			want.OK(s, err)
			if reply.Code == http.StatusTooManyRequests {
				break
			}
		}
		want.Equal(s, "over REST", reply.Code, http.StatusTooManyRequests)
		want.True(s, reply.Header.Get("Retry-After") != "", "no Retry-After: %v", reply.Header)
		s.Logf("%v in %v", all, time.Since(began))
	})
}
