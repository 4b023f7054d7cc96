package e2e

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/bank"
	"github.com/marketing-agents/marketing/tests/e2e/house"
	"github.com/marketing-agents/marketing/tests/e2e/want"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protojson"
)

// verify is the last message of VerifyAuditChain.
func (s *story) verify(kept *pb.AuditCheckpoint) *pb.VerifyAuditChainResponse {
	s.Helper()
	stream, err := s.h.Audit().VerifyAuditChain(s.ctx, &pb.VerifyAuditChainRequest{Checkpoint: kept})
	want.OK(s, err)
	var last *pb.VerifyAuditChainResponse
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		want.OK(s, err)
		last = m
	}
	want.True(s, last != nil && last.Finished, "the last message finishes: %v", last)
	return last
}

// sealed waits until the chain holds everything that the log holds now.
func (s *story) sealed() *pb.VerifyAuditChainResponse {
	s.Helper()
	rows := s.sql("SELECT count(*) FROM event WHERE workspace = 'default'")
	n, err := strconv.ParseInt(rows[0][0], 10, 64)
	want.OK(s, err)
	var v *pb.VerifyAuditChainResponse
	want.Soon(s, fmt.Sprint(n, " entries are sealed"), func() (bool, any) {
		v = s.verify(nil)
		return v.Damage != nil || v.VerifiedEntries >= n, v
	})
	return v
}

func (s *story) sql(statement string) [][]string {
	s.Helper()
	rows, err := s.h.Query(statement)
	want.OK(s, err)
	return rows
}

func (s *story) wantDamage(v *pb.VerifyAuditChainResponse, kind pb.AuditDamage_Kind, position int64) {
	s.Helper()
	want.True(s, v.Damage != nil && v.Damage.Kind == kind && v.Damage.Position == position, "want %v at %d, got %v", kind, position, v.Damage)
}

func (s *story) auditEvents(filter string) []*pb.AuditEvent {
	s.Helper()
	page, err := s.h.Audit().ListAuditEvents(s.ctx, &pb.ListAuditEventsRequest{Filter: filter, PageSize: 1000})
	want.OK(s, err)
	return page.AuditEvents
}

func TestAMutationSaysWhoAskedForIt(t *testing.T) {
	tell(t, func(s *story) {
		var header metadata.MD
		ctx := metadata.AppendToOutgoingContext(s.ctx, "traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
		lead, err := s.h.Leads().CreateLead(ctx, &pb.CreateLeadRequest{Lead: &pb.Lead{Email: "ann@audit.example"}, RequestId: "request-one"}, grpc.Header(&header))
		want.OK(s, err)
		found := s.auditEvents(fmt.Sprintf("subject = %q", lead.Name))
		want.Equal(s, "entries", len(found), 1)
		e := found[0]
		want.Equal(s, "who and what", fmt.Sprint(e.Action, " ", e.Method, " ", e.RequestId, " ", e.TraceId),
			"lead.created CreateLead request-one 0af7651916cd43dd8448eb211c80319c")
		want.Equal(s, "principal", e.Principal, "serviceAccounts/tests")
	})
}

// A call without a credential, and one without the permission, stand in the log soon after.
func TestDeniedCallsAreInTheLog(t *testing.T) {
	tell(t, func(s *story) {
		viewer, err := s.h.NewKey(s.ctx, "viewer", "roles/viewer")
		want.OK(s, err)
		_, err = s.h.Leads().DeleteLead(house.As(s.ctx, viewer), &pb.DeleteLeadRequest{Name: "leads/x"})
		want.Error(s, err, codes.PermissionDenied, "PERMISSION_MISSING")
		_, err = s.h.Leads().CreateLead(house.As(s.ctx, "forged"), &pb.CreateLeadRequest{})
		want.Error(s, err, codes.Unauthenticated, "CREDENTIAL_INVALID")
		_, err = s.h.Auth().CreateSession(s.ctx, &pb.CreateSessionRequest{User: "users/admin", Password: "no-such-password"})
		want.Error(s, err, codes.Unauthenticated, "LOGIN_FAILED")
		_, err = s.h.Auth().RefreshSession(s.ctx, &pb.RefreshSessionRequest{RefreshToken: "mr_forged"})
		want.Error(s, err, codes.Unauthenticated, "CREDENTIAL_INVALID")
		_, err = s.h.Auth().CreateRole(s.ctx, &pb.CreateRoleRequest{RoleId: "staff", Role: &pb.Role{Scopes: []string{"iam.write"}}})
		want.OK(s, err)
		staff, err := s.h.NewKey(s.ctx, "staff", "roles/staff")
		want.OK(s, err)
		_, err = s.h.Auth().CreateRole(house.As(s.ctx, staff), &pb.CreateRoleRequest{RoleId: "more", Role: &pb.Role{Scopes: []string{"leads.delete"}}})
		want.Error(s, err, codes.PermissionDenied, "PERMISSION_MISSING")
		expected := []string{"serviceAccounts/staff CreateRole PERMISSION_MISSING", "anonymous RefreshSession CREDENTIAL_INVALID", "anonymous CreateSession LOGIN_FAILED", "anonymous CreateLead CREDENTIAL_INVALID", "serviceAccounts/viewer DeleteLead PERMISSION_MISSING"}
		var denied []*pb.AuditEvent
		want.Soon(s, fmt.Sprint(len(expected), " denials are in the log"), func() (bool, any) {
			denied = s.auditEvents(`action = "call.denied"`)
			return len(denied) >= len(expected), denied
		})
		for i, text := range expected {
			e := denied[i]
			want.Equal(s, "denial", fmt.Sprint(e.Principal, " ", e.Method, " ", e.Denial.GetReason()), text)
			want.True(s, i == 0 || e.Denial.GetPeer() != "", "a peer: %v", e)
		}
		want.True(s, s.sealed().Damage == nil, "the chain holds")
	})
}

// What was refused just before the server was stopped is in the log when it is back.
func TestADenialOutlivesAStop(t *testing.T) {
	tell(t, func(s *story) {
		const stops = 5 // at some of them the job that writes denials does not come by
		for range stops {
			_, err := s.h.Leads().CreateLead(house.As(s.ctx, "forged"), &pb.CreateLeadRequest{})
			want.Error(s, err, codes.Unauthenticated, "CREDENTIAL_INVALID")
			want.OK(s, s.h.Restart())
		}
		want.Equal(s, "denials", len(s.auditEvents(`action = "call.denied"`)), stops)
	})
}

// Each call that changes something leaves an entry with its name.
func TestEveryMutationIsInTheLog(t *testing.T) {
	withModels(t, func(s *story, m *bank.Trained) {
		lead := s.create(&pb.Lead{Email: "one@audit.example"})
		other := s.create(&pb.Lead{Email: "two@audit.example"})
		s.update(&pb.Lead{Name: lead.Name, FullName: "One"}, "full_name")
		d := s.triageNamed(lead.Name).Decision
		s.triageAll([]*pb.Lead{{Email: "three@audit.example"}})
		s.ingest(event("audit-1", lead.Name, "page_view", time.Minute))
		s.imports(&pb.LeadImportSpec{ImportId: "audit"}, "email\nfour@audit.example\n")
		_, err := s.h.Leads().BatchCreateLeads(s.ctx, &pb.BatchCreateLeadsRequest{Leads: []*pb.Lead{{Email: "five@audit.example"}}})
		want.OK(s, err)
		_, err = s.h.Leads().RecordOutcome(s.ctx, &pb.RecordOutcomeRequest{Parent: lead.Name, Outcome: &pb.Outcome{Converted: true}})
		want.OK(s, err)
		_, err = s.h.Triage().OverrideDecision(s.ctx, &pb.OverrideDecisionRequest{Name: d.Name, Category: pb.LeadCategory_LEAD_CATEGORY_COLD_LEAD,
			Destination: pb.AgentType_AGENT_TYPE_MEMORY, Priority: pb.Priority_PRIORITY_LOW, Justification: "known"})
		want.OK(s, err)
		_, err = s.h.Leads().MergeLeads(s.ctx, &pb.MergeLeadsRequest{Name: lead.Name, Duplicate: other.Name})
		want.OK(s, err)
		s.manageConsent(lead.Name)
		_, err = s.h.Leads().DeleteLead(s.ctx, &pb.DeleteLeadRequest{Name: lead.Name})
		want.OK(s, err)
		s.publish(s.createPolicy("mine", allTo("webinar", pb.LeadCategory_LEAD_CATEGORY_COLD_LEAD)).Name, 0)
		_, err = s.h.Triage().RollbackRoutingPolicy(s.ctx, &pb.RollbackRoutingPolicyRequest{})
		want.OK(s, err)
		s.publishTemplate(s.createTemplate("mine", plain("Hello")).Name, 0)
		_, err = s.h.Engage().DeleteTemplate(s.ctx, &pb.DeleteTemplateRequest{Name: "templates/mine"})
		want.OK(s, err)
		s.createChannel("mine", inApp())
		_, err = s.h.Engage().UpdateChannel(s.ctx, &pb.UpdateChannelRequest{Channel: &pb.Channel{Name: "channels/mine", Disabled: true}})
		want.OK(s, err)
		_, err = s.h.Engage().DeleteChannel(s.ctx, &pb.DeleteChannelRequest{Name: "channels/mine"})
		want.OK(s, err)
		s.promote(s.importedModel("audit", "v1", m.Files[0], false).Name)
		_, err = s.h.Models().RollbackModel(s.ctx, &pb.RollbackModelRequest{})
		want.OK(s, err)
		s.manageAccess()
		seen := map[string]bool{}
		for _, e := range s.auditEvents("") {
			seen[e.Method] = true
		}
		for _, method := range []string{"CreateLead", "UpdateLead", "TriageLead", "BatchTriageLeads", "IngestEvents", "ImportLeads", "BatchCreateLeads",
			"RecordOutcome", "OverrideDecision", "MergeLeads", "DeleteLead", "CreateRoutingPolicy", "PublishRoutingPolicy", "RollbackRoutingPolicy",
			"CreateTemplate", "PublishTemplate", "DeleteTemplate", "CreateChannel", "UpdateChannel", "DeleteChannel",
			"UpdateConsent", "Unsubscribe", "CreateSuppression", "DeleteSuppression", "UpdateSendPolicy",
			"ImportModel", "PromoteModel", "RollbackModel", "CreateSession", "RefreshSession", "RevokeSession", "ChangePassword", "CreateUser", "UpdateUser",
			"ResetPassword", "DeleteUser", "CreateServiceAccount", "UpdateServiceAccount", "DeleteServiceAccount", "CreateApiKey", "RotateApiKey", "DeleteApiKey",
			"CreateRole", "UpdateRole", "DeleteRole", "CreateWorkspace", "UpdateWorkspace"} {
			want.True(s, seen[method], "%s left no entry", method)
		}
	})
}

// manageAccess calls every method of AuthService that changes something.
func (s *story) manageAccess() {
	s.Helper()
	auth, ctx := s.h.Auth(), s.ctx
	_, err := auth.CreateUser(ctx, &pb.CreateUserRequest{UserId: "bob", User: &pb.User{}, Password: "a-password-of-bobs"})
	want.OK(s, err)
	_, err = auth.UpdateUser(ctx, &pb.UpdateUserRequest{User: &pb.User{Name: "users/bob", DisplayName: "Bob"}})
	want.OK(s, err)
	_, err = auth.ResetPassword(ctx, &pb.ResetPasswordRequest{Name: "users/bob", Password: "another-password-of-bobs"})
	want.OK(s, err)
	session, err := auth.CreateSession(ctx, &pb.CreateSessionRequest{User: "users/bob", Password: "another-password-of-bobs"})
	want.OK(s, err)
	session, err = auth.RefreshSession(ctx, &pb.RefreshSessionRequest{RefreshToken: session.RefreshToken})
	want.OK(s, err)
	_, err = auth.ChangePassword(house.As(ctx, session.AccessToken), &pb.ChangePasswordRequest{OldPassword: "another-password-of-bobs", NewPassword: "a-third-password-of-bobs"})
	want.OK(s, err)
	_, err = auth.RevokeSession(house.As(ctx, session.AccessToken), &pb.RevokeSessionRequest{})
	want.OK(s, err)
	_, err = auth.DeleteUser(ctx, &pb.DeleteUserRequest{Name: "users/bob"})
	want.OK(s, err)
	account, err := auth.CreateServiceAccount(ctx, &pb.CreateServiceAccountRequest{ServiceAccountId: "ci", ServiceAccount: &pb.ServiceAccount{}})
	want.OK(s, err)
	_, err = auth.UpdateServiceAccount(ctx, &pb.UpdateServiceAccountRequest{ServiceAccount: &pb.ServiceAccount{Name: account.Name, DisplayName: "CI"}})
	want.OK(s, err)
	key, err := auth.CreateApiKey(ctx, &pb.CreateApiKeyRequest{Parent: account.Name})
	want.OK(s, err)
	_, err = auth.RotateApiKey(ctx, &pb.RotateApiKeyRequest{Name: key.Name})
	want.OK(s, err)
	_, err = auth.DeleteApiKey(ctx, &pb.DeleteApiKeyRequest{Name: key.Name})
	want.OK(s, err)
	_, err = auth.DeleteServiceAccount(ctx, &pb.DeleteServiceAccountRequest{Name: account.Name})
	want.OK(s, err)
	_, err = auth.CreateRole(ctx, &pb.CreateRoleRequest{RoleId: "reader", Role: &pb.Role{Scopes: []string{"leads.read"}}})
	want.OK(s, err)
	_, err = auth.UpdateRole(ctx, &pb.UpdateRoleRequest{Role: &pb.Role{Name: "roles/reader", Scopes: []string{"models.read"}}})
	want.OK(s, err)
	_, err = auth.DeleteRole(ctx, &pb.DeleteRoleRequest{Name: "roles/reader"})
	want.OK(s, err)
	_, err = auth.CreateWorkspace(ctx, &pb.CreateWorkspaceRequest{WorkspaceId: "second", Workspace: &pb.Workspace{}, AdminPassword: "a-password-of-second"})
	want.OK(s, err)
	_, err = auth.UpdateWorkspace(ctx, &pb.UpdateWorkspaceRequest{Workspace: &pb.Workspace{Name: "workspaces/second", DisplayName: "Second"}})
	want.OK(s, err)
}

func TestDamageToTheLogIsNamedByItsPosition(t *testing.T) {
	tell(t, func(s *story) {
		for i := range 12 {
			s.triage(&pb.Lead{ExternalId: fmt.Sprint("a-", i)})
		}
		good := s.sealed()
		want.True(s, good.Damage == nil && good.VerifiedEntries >= 24, "the chain of 12 new leads: %v", good)
		kept, err := s.h.Audit().CreateCheckpoint(s.ctx, &pb.CreateCheckpointRequest{RequestId: requestID()})
		want.OK(s, err)
		want.True(s, s.sealed().Damage == nil && s.verify(kept).VerifiedCheckpoints == 2, "after the checkpoint: %v", s.verify(kept))

		nth := func(n int) string {
			return fmt.Sprintf("(SELECT seq FROM event WHERE workspace = 'default' ORDER BY seq LIMIT 1 OFFSET %d)", n-1)
		}
		was := s.sql("SELECT subject FROM event WHERE seq = " + nth(9))[0][0]
		s.sql("UPDATE event SET subject = 'leads/another' WHERE seq = " + nth(9))
		s.wantDamage(s.verify(nil), pb.AuditDamage_KIND_ALTERED, 9)
		s.sql(fmt.Sprintf("UPDATE event SET subject = '%s' WHERE seq = %s", was, nth(9)))
		want.True(s, s.verify(nil).Damage == nil, "mended: %v", s.verify(nil))

		s.sql("DELETE FROM audit_seal WHERE workspace = 'default'")
		s.sql("DELETE FROM event WHERE seq >= " + nth(20))
		s.sql("UPDATE audit_cursor SET seq = 0")
		want.Soon(s, "it is sealed anew, as if nothing had been", func() (bool, any) {
			v := s.verify(nil)
			return v.VerifiedEntries >= 19, v
		})
		s.wantDamage(s.verify(nil), pb.AuditDamage_KIND_TAIL_CUT, 20)
		s.sql("DELETE FROM audit_checkpoint")
		want.True(s, s.verify(nil).Damage == nil, "the database alone tells nothing: %v", s.verify(nil))
		s.wantDamage(s.verify(kept), pb.AuditDamage_KIND_TAIL_CUT, 20)
	})
}

func TestAuditAndPrivacyOverREST(t *testing.T) {
	tellWith(t, withGateway, func(s *story) {
		lead := s.create(planted("01"))
		s.sealed()
		text := func(method, path, body string) string {
			s.Helper()
			a, err := s.h.REST(method, path, []byte(body), "content-type: application/json")
			want.OK(s, err)
			want.True(s, a.Code == 200, "%s %s: %d %s", method, path, a.Code, a.Body)
			return string(a.Body)
		}
		want.True(s, strings.Contains(text("GET", "/v1/auditEvents?page_size=5", ""), lead.Name), "the list")
		want.True(s, strings.Contains(text("POST", "/v1/auditCheckpoints", "{}"), "public_key"), "a checkpoint")
		want.True(s, strings.Contains(text("POST", "/v1/auditEvents:verify", "{}"), `"finished":true`), "the verification")
		want.True(s, strings.Contains(text("GET", "/v1/"+lead.Name+":export", ""), canary), "the export")
		s.refusedREST(404, "NOT_FOUND", "LEAD_NOT_FOUND", "GET", "/v1/leads/none:export", "")
		want.True(s, strings.Contains(text("POST", "/v1/"+lead.Name+":erase", "{}"), "STATE_RUNNING"), "the erasure")
	})
}

// statementKey is what a verifier outside knows of this installation: it is public, and needs no credential.
func (s *story) statementKey() ed25519.PublicKey {
	s.Helper()
	set, err := s.h.Auth().GetJwks(s.ctx, &pb.GetJwksRequest{})
	want.OK(s, err)
	want.Equal(s, "keys of statements", len(set.StatementKeys), 1)
	for _, k := range set.Keys {
		want.True(s, k.X != set.StatementKeys[0].X, "a token's key signs no statement")
	}
	key, err := base64.RawURLEncoding.DecodeString(set.StatementKeys[0].X)
	want.OK(s, err)
	return key
}

func TestAVerifierOutsideChecksWhatWasSigned(t *testing.T) {
	tell(t, func(s *story) {
		lead := s.create(&pb.Lead{Email: "signed@audit.example"})
		want.True(s, s.sealed().Damage == nil, "sealed")
		p, err := s.h.Audit().CreateCheckpoint(s.ctx, &pb.CreateCheckpointRequest{RequestId: requestID()})
		want.OK(s, err)
		checkpoint := fmt.Sprintf("marketing audit checkpoint v1\n%s\n%d\n%x\n%d\n", p.Workspace, p.Position, p.Head, p.CreateTime.AsTime().UnixMicro())
		certificate, err := s.h.Audit().GetErasureCertificate(s.ctx, &pb.GetErasureCertificateRequest{Name: s.erase(lead.Name).Name})
		want.OK(s, err)
		erased := "marketing erasure certificate v1\n" + certificate.Workspace + "\n" + string(certificate.Erasure)
		key := s.statementKey()
		want.True(s, ed25519.Verify(key, []byte(checkpoint), p.Signature), "the checkpoint: %v", p)
		want.True(s, ed25519.Verify(key, []byte(erased), certificate.Signature), "the certificate: %v", certificate)
		want.True(s, !ed25519.Verify(key, []byte(checkpoint), certificate.Signature), "each its own")
	})
}

// entries exports the log, oldest first: each entry as it is hashed, in base64.
func (s *story) entries() []string {
	s.Helper()
	var all []string
	for page := ""; ; {
		res, err := s.h.Audit().ListAuditEvents(s.ctx, &pb.ListAuditEventsRequest{Entries: true, PageSize: 7, PageToken: page})
		want.OK(s, err)
		for _, e := range res.AuditEvents {
			all = append(all, base64.StdEncoding.EncodeToString(e.Entry))
		}
		if page = res.NextPageToken; page == "" {
			slices.Reverse(all)
			return all
		}
	}
}

func (s *story) checkpoint() *pb.AuditCheckpoint {
	s.Helper()
	want.True(s, s.sealed().Damage == nil, "sealed")
	p, err := s.h.Audit().CreateCheckpoint(s.ctx, &pb.CreateCheckpointRequest{RequestId: requestID()})
	want.OK(s, err)
	return p
}

// offline is what `marketingctl audit verify` says.
func (s *story) offline(entries []string, key string, checkpoints ...*pb.AuditCheckpoint) string {
	s.Helper()
	tool, err := house.Marketingctl()
	want.OK(s, err)
	folder, lines := s.TempDir(), ""
	for _, p := range checkpoints {
		b, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(p)
		want.OK(s, err)
		lines += string(b) + "\n"
	}
	want.OK(s, os.WriteFile(filepath.Join(folder, "entries"), []byte(strings.Join(entries, "\n")+"\n"), 0o600))
	want.OK(s, os.WriteFile(filepath.Join(folder, "checkpoints"), []byte(lines), 0o600))
	out, err := exec.Command(tool, "audit", "verify", "--entries", filepath.Join(folder, "entries"), "--checkpoints", filepath.Join(folder, "checkpoints"), "--key", key).CombinedOutput()
	want.Equal(s, "status 0 and good", err == nil, strings.HasPrefix(string(out), "good: "))
	return string(out)
}

func TestAnExportedLogIsCheckedWithoutTheServer(t *testing.T) {
	tell(t, func(s *story) {
		for i := range 6 {
			s.create(&pb.Lead{Email: fmt.Sprintf("n%d@offline.example", i)})
		}
		first := s.checkpoint()
		s.triage(&pb.Lead{Email: "later@offline.example"})
		second := s.checkpoint()
		s.triage(&pb.Lead{Email: "last@offline.example"})
		want.True(s, s.sealed().Damage == nil, "sealed")
		all, key := s.entries(), base64.RawURLEncoding.EncodeToString(s.statementKey())
		good := fmt.Sprintf("good: workspace default, entries 1 to %d by 2 checkpoints; %d behind are not covered\n", second.Position, int64(len(all))-second.Position)
		want.Equal(s, "as it is", s.offline(all, key, second, first), good)

		changed := func(change func(e []string) []string) []string { return change(slices.Clone(all)) }
		at := int(first.Position)
		other := ed25519.NewKeyFromSeed(make([]byte, 32)).Public().(ed25519.PublicKey)
		moved := &pb.AuditCheckpoint{Workspace: first.Workspace, Position: first.Position - 1, Head: first.Head, CreateTime: first.CreateTime, Signature: first.Signature}
		upToFirst := fmt.Sprintf("entries up to %d are as they were signed", at)
		for _, c := range []struct{ name, said, wanted string }{
			{"altered behind the first checkpoint", s.offline(changed(func(e []string) []string {
				b, _ := base64.StdEncoding.DecodeString(e[at])
				b[len(b)-1] ^= 1
				e[at] = base64.StdEncoding.EncodeToString(b)
				return e
			}), key, first, second), fmt.Sprintf("the checkpoint at %d was signed over another log; %s", second.Position, upToFirst)},
			{"one is gone", s.offline(changed(func(e []string) []string { return slices.Delete(e, at, at+1) }), key, first, second), upToFirst},
			{"cut off", s.offline(all[:second.Position-1], key, first, second), fmt.Sprintf("the log ends at %d, before the checkpoint at %d", second.Position-1, second.Position)},
			{"changed places", s.offline(changed(func(e []string) []string { e[1], e[2] = e[2], e[1]; return e }), key, first), "not in their order"},
			{"newest first", s.offline(changed(func(e []string) []string { slices.Reverse(e); return e }), key, first), "not in their order"},
			{"not base64", s.offline(changed(func(e []string) []string { e[0] = "!"; return e }), key, first), "not an entry"},
			{"another's key", s.offline(all, base64.RawURLEncoding.EncodeToString(other), first), "was not signed with this key"},
			{"a forged checkpoint", s.offline(all, key, moved), "was not signed with this key"},
			{"no checkpoint", s.offline(all, key), "no checkpoint"},
			{"no key", s.offline(all, "x", first), "--key"},
		} {
			want.True(s, strings.Contains(c.said, c.wanted), "%s: %q, want %q", c.name, c.said, c.wanted)
		}
	})
}
