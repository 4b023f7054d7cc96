package e2e

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/house"
	"github.com/marketing-agents/marketing/tests/e2e/want"
	"google.golang.org/grpc/metadata"
)

// The secrets of a house, one for each place where one can enter.
const (
	inFile     = "canary-in-a-file-0123456789"
	inDatabase = "canary-of-the-database-0123456789"
	inRedis    = "canary-of-redis-0123456789"
	inBearer   = "canary-of-a-caller-0123456789"
	inCookie   = "canary-of-a-cookie-0123456789"
	inQuery    = "canary-of-a-query-0123456789"
	inBody     = "canary-of-a-body-0123456789"
	inArgument = "canary-of-an-argument-0123456789"
	inDraft    = "canary-of-a-draft-key-0123456789"
	inLogin    = "canary-of-a-wrong-password-0123456789"
)

// leaks looks for secrets in what a program let out.
func leaks(t *testing.T, where, text string, secrets ...string) {
	t.Helper()
	for _, secret := range append(secrets, inFile, inDatabase, inRedis, inDraft, inBearer, inCookie, inQuery, inArgument, inLogin, house.AdminPassword) {
		if strings.Contains(text, secret) {
			t.Errorf("%s shows %q:\n%s", where, secret, text[max(0, strings.Index(text, secret)-300):])
		}
	}
}

// secretive is a house whose every secret is one of those above, on PostgreSQL with a password that the server there does not ask for.
func secretive(t *testing.T) *house.House {
	t.Helper()
	base := house.New(t, house.Options{Store: house.PostgreSQL})
	want.OK(t, base.Stop())
	at, err := url.Parse(base.DatabaseURL)
	want.OK(t, err)
	at.User = url.UserPassword(at.User.Username(), inDatabase)
	key := filepath.Join(t.TempDir(), "key")
	want.OK(t, os.WriteFile(key, []byte(inFile+"\n"), 0o600))
	return house.New(t, house.Options{
		Store: house.PostgreSQL, Database: at.String(), Gateway: true, TLS: true,
		Env: []string{"SECRET_KEY=@" + key, "REDIS_URL=redis://u:" + inRedis + "@127.0.0.1:1", "DRAFT_API_KEY=" + inDraft, "DRAFT_URL=https://127.0.0.1:1/v1", "DRAFT_MODEL=none", "GRPC_VERBOSITY=debug"}, GatewayArgs: []string{"--log-calls"},
	})
}

// useSecrets makes calls of every kind, good and bad, that carry secrets, let in or not.
func useSecrets(t *testing.T, h *house.House) (answers string) {
	t.Helper()
	carried := []string{"Cookie: session=" + inCookie, "X-Api-Key: " + inBearer, "Proxy-Authorization: Basic " + inBearer}
	for _, c := range [][3]string{
		{"GET", "/v1/leads", ""},
		{"GET", "/v1/leads/missing", ""},
		{"GET", "/nowhere", ""},
		{"GET", "/v1/leads?access_token=" + inQuery, ""},
		{"POST", "/v1/leads:triage", `{"lead": {"email": "s@secrets.example"}}`},
		{"POST", "/v1/leads:triage", `{"password": "` + inBody + `"}`},
		{"POST", "/v1/leads:triage", `{"lead": {"email": "` + inBody},
		{"DELETE", "/v1/leads/missing", ""},
		{"POST", "/v1/sessions", `{"user": "users/admin", "password": "` + inLogin + `"}`},
		{"POST", "/v1/sessions", `{"user": "users/nobody", "password": "` + inLogin + `"}`},
		{"POST", "/v1/sessions", `{"user": "` + inLogin + `", "password": "` + house.AdminPassword + `"}`},
		{"POST", "/v1/sessions:refresh", `{"refresh_token": "` + inLogin + `"}`},
		{"POST", "/v1/templates:draft", `{"medium": "MEDIUM_SMS", "instructions": "short", "template": {"purpose": "transactional", "default_locale": "en",
			"contents": [{"medium": "MEDIUM_SMS", "locale": "en", "text": "Hello"}]}}`},
		{"GET", "/v1/config", ""},
		{"GET", "/metrics", ""},
		{"GET", "/health", ""},
	} {
		for _, token := range []string{inBearer, h.Token} {
			a, err := h.REST(c[0], c[1], []byte(c[2]), append(carried, "Authorization: Bearer "+token)...)
			want.OK(t, err)
			answers += fmt.Sprintln(a.Code, a.Header, string(a.Body))
		}
	}
	a, err := h.REST("GET", "/v1/leads", nil, "Authorization: Bearer "+inBearer+"\u00e9")
	want.OK(t, err)
	want.Equal(t, "code of a token that is not ASCII", a.Code, http.StatusBadRequest)
	answers += string(a.Body)
	ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(context.Background(), "authorization", "Bearer "+inBearer), patience)
	defer cancel()
	twice := metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+inBearer)
	for _, conn := range []pb.LeadServiceClient{h.Leads(), pb.NewLeadServiceClient(h.GatewayConn())} {
		for _, with := range []context.Context{ctx, twice} {
			_, err := conn.GetLead(with, &pb.GetLeadRequest{Name: "leads/missing"})
			answers += fmt.Sprintln(err)
		}
	}
	return answers
}

// get is what a page holds.
func get(t *testing.T, address string) string {
	t.Helper()
	reply, err := http.Get(address)
	want.OK(t, err)
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	want.OK(t, err)
	return string(text)
}

// dump is all that the database holds, bytes decoded.
func dump(t *testing.T, h *house.House) string {
	t.Helper()
	out, err := exec.Command("pg_dump", "--data-only", "--dbname", h.DatabaseURL).Output()
	want.OK(t, err)
	return regexp.MustCompile(`\\\\x([0-9a-f]+)`).ReplaceAllStringFunc(string(out), func(text string) string {
		decoded, err := hex.DecodeString(text[3:])
		want.OK(t, err)
		return string(decoded)
	})
}

// process is what every user of the machine sees of one.
func process(t *testing.T, pid int) string {
	t.Helper()
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	want.OK(t, err)
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
	want.OK(t, err)
	for _, l := range strings.Split(string(limits), "\n") {
		if f := strings.Fields(l); strings.HasPrefix(l, "Max core file size") && (f[4] != "0" || f[5] != "0") {
			t.Errorf("process %d may write its memory to a core file: %s", pid, l)
		}
	}
	return string(line)
}

func TestSecretsAreNeverShown(t *testing.T) {
	h := secretive(t)
	answers := useSecrets(t, h)
	session, err := h.Auth().CreateSession(t.Context(), &pb.CreateSessionRequest{User: "users/admin", Password: house.AdminPassword})
	want.OK(t, err)
	_, err = h.Auth().GetPrincipal(house.As(t.Context(), session.AccessToken), &pb.GetPrincipalRequest{})
	want.OK(t, err)
	config, err := h.System().GetConfig(t.Context(), &pb.GetConfigRequest{})
	want.OK(t, err)
	text := fmt.Sprint(config)
	want.True(t, strings.Contains(text, "***") && strings.Contains(text, "postgres:***@"), "what is secret is not marked: %s", text)
	keys := []string{h.Token, session.AccessToken, session.RefreshToken} // and a line of each private key
	for _, place := range house.Places {
		_, file := h.Keys.Files(place)
		pem, err := os.ReadFile(file)
		want.OK(t, err)
		keys = append(keys, strings.Split(string(pem), "\n")[1])
	}
	for where, shown := range map[string]string{
		"GetConfig":          text,
		"an answer":          answers,
		"the server's log":   h.Log(),
		"the gateway's log":  h.GatewayLog(),
		"the server's pages": get(t, "http://"+h.Metrics+"/metrics"),
		"the server's line":  process(t, h.Pid()),
		"the gateway's line": process(t, h.GatewayPid()),
	} {
		want.True(t, shown != "", "%s is empty: nothing was looked at", where)
		leaks(t, where, shown, keys...)
	}
	leaks(t, "the server's log", h.Log(), inBody)
	leaks(t, "the gateway's log", h.GatewayLog(), inBody)
	stored := dump(t, h)
	want.True(t, strings.Contains(stored, "s@secrets.example"), "the dump of the database is not read")
	leaks(t, "the database", stored, keys...)
}

// What lies on the disk is the server's user's alone, whatever the umask: it holds people's data and, without a SECRET_KEY, signing keys.
func TestTheDatabaseIsItsOwnersAlone(t *testing.T) {
	h := house.New(t, house.Options{Store: house.SQLite})
	for _, suffix := range []string{"", "-wal", "-shm", "-lock"} {
		file, err := os.Stat(h.DatabaseFile() + suffix)
		want.OK(t, err)
		want.Equal(t, "mode of "+file.Name(), file.Mode().Perm(), os.FileMode(0o600))
	}
}

// refusedStart is all that a program says that must not start.
func refusedStart(t *testing.T, binary string, env []string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	program := exec.CommandContext(ctx, binary, args...)
	program.Env = append(os.Environ(), env...)
	program.Dir = t.TempDir()
	out, err := program.CombinedOutput()
	if err == nil || ctx.Err() != nil || len(out) == 0 {
		t.Errorf("%s %q %q was not refused: %v %s", filepath.Base(binary), env, args, err, out)
	}
	return string(out)
}

func TestRefusedStartsShowNoSecrets(t *testing.T) {
	server, err := house.Binary("MARKETING_SERVER", ".state/bin/server", "./dev build")
	want.OK(t, err)
	gateway, err := house.Binary("MARKETING_GATEWAY", ".state/bin/gateway", "./dev build")
	want.OK(t, err)
	for what, c := range map[string]struct {
		binary string
		env    []string
		args   []string
	}{
		"a secret as an argument":             {server, nil, []string{"--secret-key", inArgument}},
		"the same with =":                     {server, nil, []string{"--secret-key=" + inArgument}},
		"a password in an argument":           {server, nil, []string{"--database-url", "postgresql://u:" + inArgument + "@127.0.0.1:1/x"}},
		"a misspelt option":                   {server, nil, []string{"--secret-kye=" + inArgument}},
		"a value without its option":          {server, nil, []string{inArgument}},
		"a secret that starts with @":         {server, []string{"SECRET_KEY=@" + inFile}, nil},
		"a file that is too long":             {server, []string{"SECRET_KEY=@/proc/kallsyms"}, nil},
		"a database that is not there":        {server, []string{"DATABASE_URL=postgresql://u:" + inDatabase + "@127.0.0.1:1/x"}, nil},
		"a database of another kind":          {server, []string{"DATABASE_URL=mysql://u:" + inDatabase + "@127.0.0.1:1/x"}, nil},
		"a password with an @":                {server, []string{"DATABASE_URL=postgresql://u:a@" + inDatabase + "@127.0.0.1:1/x"}, nil},
		"a password with a /":                 {server, []string{"DATABASE_URL=postgresql://u:1/" + inDatabase + "@127.0.0.1:1/x"}, nil},
		"a password as a parameter":           {server, []string{"DATABASE_URL=postgresql://127.0.0.1:1/x?password=" + inDatabase}, nil},
		"a parameter that does not exist":     {server, []string{"DATABASE_URL=postgresql://u:" + inDatabase + "@127.0.0.1:1/x?pasword=" + inDatabase}, nil},
		"a Redis of another kind":             {server, []string{"REDIS_URL=http://u:" + inRedis + "@127.0.0.1:1"}, nil},
		"a Redis without a host":              {server, []string{"REDIS_URL=rediss://u:" + inRedis + "@"}, nil},
		"a Redis with a password escaped ill": {server, []string{"REDIS_URL=redis://u:%zz" + inRedis + "@127.0.0.1:1"}, nil},
		"the gateway, a value without option": {gateway, nil, []string{inArgument}},
		"the gateway, a misspelt option":      {gateway, nil, []string{"--tokne=" + inArgument}},
		"the gateway, a bad value":            {gateway, nil, []string{"--max-connections=" + inArgument}},
		"the gateway, a bad variable":         {gateway, []string{"GATEWAY_MAX_CONNECTIONS=" + inArgument}, nil},
		"the gateway, a file that is missing": {gateway, nil, []string{"--hosts", "@" + inFile}},
	} {
		t.Run(what, func(t *testing.T) { leaks(t, "the refusal", refusedStart(t, c.binary, c.env, c.args...)) })
	}
	help, err := exec.Command(server, "--help").CombinedOutput()
	want.OK(t, err)
	leaks(t, "--help", string(help), house.SecretKey)
}
