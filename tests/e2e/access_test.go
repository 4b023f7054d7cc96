package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/marketing-agents/marketing/tests/e2e/house"
	"github.com/marketing-agents/marketing/tests/e2e/want"
	"github.com/marketing-agents/marketing/tests/e2e/wire"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// ---- The tables: which scope a method needs, which scopes a role has ----

func readTable(t *testing.T, path, pattern string) [][]string {
	t.Helper()
	root, err := house.Root()
	want.OK(t, err)
	text, err := os.ReadFile(filepath.Join(root, path))
	want.OK(t, err)
	found := regexp.MustCompile(pattern).FindAllStringSubmatch(string(text), -1)
	want.True(t, len(found) > 0, "%s: no rows", path)
	return found
}

// scopes maps "TriageLead" to "leads.triage"; "" for methods that need no credential.
func methodScopes(t *testing.T) map[string]string {
	scopes := map[string]string{}
	for _, row := range readTable(t, "server/services.c", `METHOD\(\w+, "(\w+)",\s*\w+,\s*\w+,\s*(?:OPEN|"([\w.]+)"),`) {
		scopes[row[1]] = row[2]
	}
	return scopes
}

// roleScopes maps roles to what they hold in the workspace `default`.
func roleScopes(t *testing.T) map[string][]string {
	names := map[string]string{}
	var all []string
	for _, row := range readTable(t, "server/iam/scopes.def", `(?m)^SCOPE\((\w+), "([\w.]+)"`) {
		names[row[1]] = row[2]
		all = append(all, row[2])
	}
	roles := map[string][]string{}
	for _, row := range readTable(t, "server/iam/roles.def", `(?ms)^ROLE(_ALL)?\((\w+), "[^"]*"((?:,\s*S\(\w+\))*)\)`) {
		held := []string{"self"}
		for _, id := range regexp.MustCompile(`S\((\w+)\)`).FindAllStringSubmatch(row[3], -1) {
			held = append(held, names[id[1]])
		}
		if row[1] != "" {
			held = all
		}
		roles[row[2]] = held
	}
	return roles
}

func ourMethods() []protoreflect.MethodDescriptor {
	var all []protoreflect.MethodDescriptor
	protoregistry.GlobalFiles.RangeFilesByPackage("marketing.v1", func(f protoreflect.FileDescriptor) bool {
		for i := range f.Services().Len() {
			for j := range f.Services().Get(i).Methods().Len() {
				all = append(all, f.Services().Get(i).Methods().Get(j))
			}
		}
		return true
	})
	return all
}

// isWatch: it has no end but its caller's.
func isWatch(m protoreflect.MethodDescriptor) bool {
	return strings.HasPrefix(string(m.Name()), "Watch")
}

// ---- Every call with an empty request: all that is asked is whether it is admitted ----

func callEmpty(ctx context.Context, conn *grpc.ClientConn, m protoreflect.MethodDescriptor) error {
	path := fmt.Sprintf("/%s/%s", m.Parent().FullName(), m.Name())
	if !m.IsStreamingClient() && !m.IsStreamingServer() {
		_, err := wire.Call(ctx, conn, path, nil)
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: m.IsStreamingClient(), ServerStreams: m.IsStreamingServer()}, path, wire.Option())
	if err != nil {
		return err
	}
	empty := []byte{}
	if err := stream.SendMsg(&empty); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	for err == nil {
		var reply []byte
		err = stream.RecvMsg(&reply)
		if isWatch(m) && err == nil {
			return nil
		}
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// admission is "in", or the reason for which the call was not admitted.
func admission(reason string) string {
	switch reason {
	case "CREDENTIAL_MISSING", "CREDENTIAL_INVALID", "PERMISSION_MISSING":
		return reason
	}
	return "in"
}

func reasonOf(err error) string {
	infos := want.ErrorInfos(err)
	if len(infos) != 1 {
		return ""
	}
	return infos[0].Reason
}

var segment = regexp.MustCompile(`\{[\w.]+(?:=([^}]*))?\}`)

// routes are the REST paths of a method, with ids of things that there are not.
func routes(m protoreflect.MethodDescriptor) [][2]string {
	rule, _ := proto.GetExtension(m.Options(), annotations.E_Http).(*annotations.HttpRule)
	var all [][2]string
	for _, r := range append([]*annotations.HttpRule{rule}, rule.GetAdditionalBindings()...) {
		for verb, path := range map[string]string{"GET": r.GetGet(), "POST": r.GetPost(), "PATCH": r.GetPatch(), "DELETE": r.GetDelete()} {
			if path != "" {
				path = segment.ReplaceAllStringFunc(path, func(s string) string {
					if of := segment.FindStringSubmatch(s)[1]; of != "" {
						return strings.ReplaceAll(of, "*", "none")
					}
					return "none"
				})
				if isWatch(m) {
					path += "?cursor=none" // refused, so that it ends
				}
				all = append(all, [2]string{verb, path})
			}
		}
	}
	return all
}

var reasonInBody = regexp.MustCompile(`"reason": ?"(\w+)"`)

// restAdmission makes a call that asks for nothing; an empty token is none at all.
func (s *story) restAdmission(route [2]string, token string) string {
	s.Helper()
	var body []byte
	if route[0] == "POST" || route[0] == "PATCH" {
		body = []byte("{}")
	}
	header := "Authorization: Bearer " + token
	if token == "" {
		header = "Authorization: "
	}
	a, err := s.h.REST(route[0], route[1], body, header)
	want.OK(s, err)
	if a.Code == http.StatusOK {
		return "in"
	}
	reason := reasonInBody.FindSubmatch(a.Body)
	want.True(s, len(reason) == 2, "HTTP %d without a reason: %s", a.Code, a.Body)
	refused := strings.HasPrefix(string(reason[1]), "CREDENTIAL_") || slices.Contains([]string{"LOGIN_FAILED", "SIGNATURE_INVALID"}, string(reason[1]))
	want.True(s, (a.Code == http.StatusUnauthorized) == refused, "HTTP %d for %s", a.Code, reason[1])
	return admission(string(reason[1]))
}

func expected(scope string, held []string, credential bool) string {
	switch {
	case scope == "":
		return "in"
	case !credential:
		return "CREDENTIAL_MISSING"
	case slices.Contains(held, scope):
		return "in"
	}
	return "PERMISSION_MISSING"
}

func TestEveryRoleMayDoWhatTheTableSays(t *testing.T) {
	tellWith(t, house.Options{Gateway: true, Env: []string{"LOG_CALLS=false"}}, func(s *story) {
		scopes, cells := methodScopes(s.T), 0
		tokens := map[string]string{"": ""}
		roles := roleScopes(s.T)
		for role := range roles {
			var err error
			tokens[role], err = s.h.NewKey(s.ctx, "matrix-"+role, "roles/"+role)
			want.OK(s, err)
		}
		bare, err := grpc.NewClient(s.h.Address, grpc.WithTransportCredentials(insecure.NewCredentials()))
		want.OK(s, err)
		defer bare.Close()
		for _, m := range ourMethods() {
			scope, known := scopes[string(m.Name())]
			want.True(s, known, "%s has no row", m.Name())
			for role, token := range tokens {
				ctx := s.ctx
				if token != "" {
					ctx = house.As(ctx, token)
				}
				should := expected(scope, roles[role], token != "")
				got := admission(reasonOf(callEmpty(ctx, bare, m)))
				if m.Name() == "RefreshSession" {
					want.Equal(s, "RefreshSession without a refresh token", got, "CREDENTIAL_INVALID") // it was let in
					continue
				}
				want.Equal(s, fmt.Sprintf("%s as %q", m.Name(), role), got, should)
				for _, route := range routes(m) {
					want.Equal(s, fmt.Sprintf("%s %s as %q", route[0], route[1], role), s.restAdmission(route, token), should)
					cells++
				}
				cells++
			}
		}
		s.Logf("%d cells", cells)
	})
}

func TestUploadsAndUnknownMethodsAreAdmittedToo(t *testing.T) {
	tellWith(t, house.Options{Gateway: true}, func(s *story) {
		viewer, err := s.h.NewKey(s.ctx, "viewer", "roles/viewer")
		want.OK(s, err)
		for path, media := range map[string]string{"/v1/leadImports/x:upload": "text/csv", "/v1/models/x/versions:upload": "application/octet-stream",
			"/v1/leads:streamTriage": "application/x-ndjson"} {
			a, err := s.h.REST("POST", path, []byte("{}\n"), "Authorization: Bearer "+viewer, "Content-Type: "+media)
			want.OK(s, err)
			want.True(s, strings.Contains(string(a.Body), "PERMISSION_MISSING"), "%s: HTTP %d %s", path, a.Code, a.Body)
		}
		_, err = wire.Call(s.ctx, s.h.Conn(), "/marketing.v1.LeadService/NoSuch", nil)
		want.Equal(s, "an unknown method", want.Code(err), codes.Unimplemented)
	})
}
