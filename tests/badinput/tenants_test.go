package badinput

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/house"
	"github.com/marketing-agents/marketing/tests/e2e/want"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// What only the other workspace knows: none of it may reach a caller of another.
const canary = "CANARY-OF-THE-OTHER-WORKSPACE"

// tenant is a workspace with a key that may do everything in it.
type tenant struct {
	ctx   context.Context
	token string
	seeds []seed
}

func newTenant(ctx context.Context, h *house.House, id string) (*tenant, error) {
	const password = "password-of-a-tenant"
	if _, err := h.Auth().CreateWorkspace(ctx, &pb.CreateWorkspaceRequest{WorkspaceId: id, Workspace: &pb.Workspace{}, AdminPassword: password}); err != nil {
		return nil, err
	}
	session, err := h.Auth().CreateSession(ctx, &pb.CreateSessionRequest{User: "users/admin", Password: password, Workspace: "workspaces/" + id})
	if err != nil {
		return nil, err
	}
	token, err := h.NewKey(house.As(ctx, session.AccessToken), "tests", "roles/admin")
	return &tenant{ctx: house.As(ctx, token), token: token}, err
}

// furnish makes what the others must not find, and returns its names, each with one of the same form that nobody has.
func furnish(h *house.House, t *tenant) ([][2]string, error) {
	lead, err := h.Leads().CreateLead(t.ctx, &pb.CreateLeadRequest{LeadId: "bonly", Lead: &pb.Lead{Email: "bonly@secret.example", ExternalId: "bonly-crm",
		Phone: "+436609991111", Company: canary}})
	if err != nil {
		return nil, err
	}
	triaged, err := h.Triage().TriageLead(t.ctx, &pb.TriageLeadRequest{LeadName: lead.Name})
	if err != nil {
		return nil, err
	}
	drafted := policy()
	drafted.DisplayName = canary
	if _, err := h.Triage().CreateRoutingPolicy(t.ctx, &pb.CreateRoutingPolicyRequest{RoutingPolicyId: "bonly", RoutingPolicy: drafted}); err != nil {
		return nil, err
	}
	words := template()
	words.DisplayName = canary
	if _, err := h.Engage().CreateTemplate(t.ctx, &pb.CreateTemplateRequest{TemplateId: "bonly", Template: words}); err != nil {
		return nil, err
	}
	way := channel()
	way.DisplayName = canary
	if _, err := h.Engage().CreateChannel(t.ctx, &pb.CreateChannelRequest{ChannelId: "bonly", Channel: way}); err != nil {
		return nil, err
	}
	if _, err := h.Auth().CreateRole(t.ctx, &pb.CreateRoleRequest{RoleId: "bonly", Role: &pb.Role{DisplayName: canary, Scopes: []string{"leads.read"}}}); err != nil {
		return nil, err
	}
	if _, err := h.Auth().CreateUser(t.ctx, &pb.CreateUserRequest{UserId: "bonly", User: &pb.User{DisplayName: canary}, Password: "password-of-b"}); err != nil {
		return nil, err
	}
	if _, err := h.NewKey(t.ctx, "bonly"); err != nil {
		return nil, err
	}
	keys, err := h.Auth().ListApiKeys(t.ctx, &pb.ListApiKeysRequest{Parent: "serviceAccounts/bonly"})
	if err != nil {
		return nil, err
	}
	decision, key := triaged.Decision.Name, keys.ApiKeys[0].Name
	return [][2]string{{decision, decision[:len(decision)-4] + "0000"}, {key, strings.Replace(key[:len(key)-4]+"0000", "bonly", "bnone", 1)},
		{"leads/bonly", "leads/bnone"}, {"routingPolicies/bonly", "routingPolicies/bnone"},
		{"templates/bonly", "templates/bnone"}, {"channels/bonly", "channels/bnone"}, {"users/bonly", "users/bnone"},
		{"roles/bonly", "roles/bnone"}, {"serviceAccounts/bonly", "serviceAccounts/bnone"}, {"bonly", "bnone"},
		{"bonly@secret.example", "bnone@secret.example"}, {"bonly-crm", "bnone-crm"}, {"+436609991111", "+436609992222"}}, nil
}

// texts are the paths of all string fields of a message that are there to be set. Passwords name nothing, nor do signed documents.
func texts(m protoreflect.Message, path []protoreflect.FieldDescriptor, each func([]protoreflect.FieldDescriptor)) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		here := append(path[:len(path):len(path)], f)
		switch {
		case f.Name() == "request_id" || strings.HasSuffix(string(f.Name()), "password") || f.IsMap():
		case f.Kind() == protoreflect.StringKind:
			each(here)
		case f.Kind() == protoreflect.MessageKind && f.Message().Name() == "AuditCheckpoint":
		case f.Kind() == protoreflect.MessageKind && !f.IsList() && m.Has(f):
			texts(m.Get(f).Message(), here, each)
		case f.Kind() == protoreflect.MessageKind && f.IsList() && m.Get(f).List().Len() > 0:
			texts(m.Get(f).List().Get(0).Message(), here, each)
		}
	}
}

func with(body proto.Message, path []protoreflect.FieldDescriptor, value string) []byte {
	c := proto.Clone(body)
	m := c.ProtoReflect()
	for _, f := range path[:len(path)-1] {
		if f.IsList() {
			m = m.Mutable(f).List().Get(0).Message()
		} else {
			m = m.Mutable(f).Message()
		}
	}
	f := path[len(path)-1]
	if f.IsList() {
		m.Mutable(f).List().Append(protoreflect.ValueOfString(value))
	} else {
		m.Set(f, protoreflect.ValueOfString(value))
	}
	b, err := proto.Marshal(c)
	if err != nil {
		panic(err) // our own message
	}
	return b
}

var nameOrPart = regexp.MustCompile(`bonly|bnone`)

var made = regexp.MustCompile(`\b[0-9a-v]{26}\b|\b[0-9a-f]{16}\b`)

// outcome is how a call ended, with what differs from call to call made alike.
func outcome(err error, name string) string {
	reason := ""
	if infos := want.ErrorInfos(err); len(infos) == 1 {
		reason = infos[0].Reason
	}
	text := nameOrPart.ReplaceAllString(strings.ReplaceAll(status.Convert(err).Message(), name, "NAME"), "NAME")
	return fmt.Sprintf("%v %s %s", status.Code(err), reason, made.ReplaceAllString(text, "ID"))
}

// Two workspaces alike are asked the same, one for what the third has and one for what nobody has: their answers are the same.
func TestAnotherWorkspacesNamesAreNobodys(t *testing.T) {
	for _, store := range house.Stores {
		t.Run(string(store), func(t *testing.T) {
			h := house.New(t, house.Options{Store: store, Env: []string{"LOG_CALLS=false"}})
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
			defer cancel()
			var all [3]*tenant
			for i, id := range []string{"other", "asks", "twin"} {
				var err error
				all[i], err = newTenant(ctx, h, id)
				want.OK(t, err)
			}
			names, err := furnish(h, all[0])
			want.OK(t, err)
			for _, a := range all[1:] {
				w, err := prepare(a.ctx, h)
				want.OK(t, err)
				a.seeds = seeds(w)
			}
			before, err := h.Leads().GetLead(all[0].ctx, &pb.GetLeadRequest{Name: "leads/bonly"})
			want.OK(t, err)
			cells := askAll(t, h.Conn(), all[1], all[2], names)
			after, err := h.Leads().GetLead(all[0].ctx, &pb.GetLeadRequest{Name: "leads/bonly"})
			want.OK(t, err)
			want.Same(t, "the other workspace's lead", after, before)
			t.Logf("%d cells", cells)
		})
	}
}

func askAll(t *testing.T, conn *grpc.ClientConn, asks, twin *tenant, names [][2]string) int {
	bodies := map[string]proto.Message{}
	for _, s := range twin.seeds {
		bodies[s.method] = s.body
	}
	cells := 0
	for _, s := range asks.seeds {
		if !strings.HasPrefix(s.method, "/marketing.v1.") {
			continue
		}
		texts(s.body.ProtoReflect(), nil, func(path []protoreflect.FieldDescriptor) {
			for _, name := range names {
				cells++
				replies, err := sendAs(conn, asks.token, s, with(s.body, path, name[0]))
				_, nobody := sendAs(conn, twin.token, s, with(bodies[s.method], path, name[1]))
				got, should := outcome(err, name[0]), outcome(nobody, name[1])
				if got != should {
					t.Errorf("%s, %s = %q: %q, but for what nobody has %q", s.method, path[len(path)-1].FullName(), name[0], got, should)
				}
				if bytes.Contains(bytes.Join(replies, nil), []byte(canary)) || strings.Contains(got, canary) {
					t.Errorf("%s, %s = %q shows what the other workspace has", s.method, path[len(path)-1].FullName(), name[0])
				}
			}
		})
	}
	return cells
}
