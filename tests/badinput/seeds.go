// Package badinput sends every method of every service what no honest client sends, over gRPC to the byte and over REST, and accepts only
// the documented refusals. The corpus is made from the descriptors: a new method or field is covered when it is there.
package badinput

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/house"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	reflectpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	alphapb "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// seed is a valid request of a method with every field set, from which the bad ones are made.
type seed struct {
	method string // "/package.Service/Method"
	body   proto.Message
}

// valid is the seed's bytes; an import gets an id of its own each time, for a finished one takes no more.
func (s seed) valid() []byte {
	m := proto.Clone(s.body)
	if r, ok := m.(*pb.ImportLeadsRequest); ok {
		r.Spec.ImportId = fmt.Sprintf("seed-%016x", rand.Uint64())
	}
	b, err := proto.Marshal(m)
	if err != nil {
		panic(err) // our own message
	}
	return b
}

// world is what the seeds name.
type world struct{ lead, other, decision, policy, template string }

// prepare makes it.
func prepare(ctx context.Context, h *house.House) (*world, error) {
	w := &world{lead: "leads/known", other: "leads/other", policy: "routingPolicies/known", template: "templates/known"}
	for _, id := range []string{"known", "other"} {
		if _, err := h.Leads().CreateLead(ctx, &pb.CreateLeadRequest{LeadId: id, Lead: &pb.Lead{Email: id + "@bad.example", ExternalId: id}}); err != nil {
			return nil, err
		}
	}
	triaged, err := h.Triage().TriageLead(ctx, &pb.TriageLeadRequest{LeadName: w.lead})
	if err != nil {
		return nil, err
	}
	w.decision = triaged.Decision.Name
	if _, err = h.Triage().CreateRoutingPolicy(ctx, &pb.CreateRoutingPolicyRequest{RoutingPolicyId: "known", RoutingPolicy: policy()}); err != nil {
		return nil, err
	}
	if _, err = h.Engage().CreateTemplate(ctx, &pb.CreateTemplateRequest{TemplateId: "known", Template: template()}); err != nil {
		return nil, err
	}
	_, err = h.Engage().CreateChannel(ctx, &pb.CreateChannelRequest{ChannelId: "known", Channel: &pb.Channel{Medium: pb.Medium_MEDIUM_IN_APP}})
	return w, err
}

func lead() *pb.Lead {
	now := timestamppb.Now()
	return &pb.Lead{Email: "seed@bad.example", Phone: "+43660123456", ExternalId: "seed", FullName: "Seed", Company: "Seed Inc", JobTitle: "CTO",
		Source: "webinar", Country: "AT", TimeZone: "Europe/Vienna", Attributes: map[string]string{"age": "30"}, Etag: "",
		Triage:     &pb.LeadTriage{Decision: "decisions/x", Category: 1, Destination: 1, Priority: 1, FitScore: 0.5, EngagementScore: 0.5, DecideTime: now},
		Engagement: &pb.EngagementState{Value: 1, AsOfTime: now, EventCount: 1}, CreateTime: now, UpdateTime: now}
}

func event() *pb.LeadEvent {
	return &pb.LeadEvent{EventId: "seed-event", Email: "known@bad.example", Type: "page_view", EventTime: timestamppb.Now(),
		Attributes: map[string]string{"page": "/"}, IngestTime: timestamppb.Now()}
}

func policy() *pb.RoutingPolicy {
	return &pb.RoutingPolicy{DisplayName: "seed", ConfidenceThreshold: 0.8, ConformalLevel: 0.9, CreateTime: timestamppb.Now(), Rules: []*pb.RoutingRule{
		{Id: "some", MinFit: 0.1, MaxFit: 0.9, MinEngagement: 0.1, MaxEngagement: 0.9, Filter: `source = "webinar"`, Category: 1, Priority: 1, Destination: 1, Reason: "some"},
		{Id: "rest", Category: 3, Priority: 1, Destination: 5, Reason: "rest"},
	}}
}

func template() *pb.Template {
	return &pb.Template{DisplayName: "seed", Purpose: "transactional", DefaultLocale: "en", CreateTime: timestamppb.Now(), Fields: []*pb.TemplateField{
		{Path: "attributes.since", Type: pb.TemplateField_TYPE_DATE, DateFormat: pb.TemplateField_DATE_FORMAT_ENGLISH, DefaultValue: "2026-01-02"},
		{Path: "full_name", Type: pb.TemplateField_TYPE_TEXT, Required: true},
	}, Contents: []*pb.TemplateContent{{Locale: "en", Medium: pb.Medium_MEDIUM_EMAIL, Subject: "Hello {{full_name}}", Text: "Since {{attributes.since}}",
		Html: `<p title="{{full_name}}">Since {{attributes.since}}</p>`}}}
}

// channel leads nowhere: nothing tries it out.
func channel() *pb.Channel {
	return &pb.Channel{DisplayName: "seed", Medium: pb.Medium_MEDIUM_EMAIL, MessagesPerSecond: 5, MessagesPerSecondPerDomain: 1, Smtp: &pb.SmtpSettings{
		Host: "mail.bad.example", Port: 587, Security: pb.SmtpSettings_SECURITY_STARTTLS, Username: "u", Password: "p", FromAddress: "a@bad.example",
		FromName: "A", ReplyTo: "r@bad.example", BounceAddress: "b@bad.example", HeloName: "bad.example"}}
}

func sendPolicy() *pb.SendPolicy {
	return &pb.SendPolicy{Purposes: []*pb.SendPolicy_Purpose{{Id: "marketing", RequiresConsent: true, RespectsCaps: true}},
		FrequencyCaps: []*pb.SendPolicy_FrequencyCap{{Medium: 1, Limit: 3, Window: durationpb.New(time.Hour)}},
		QuietHours:    []*pb.SendPolicy_QuietHours{{Start: "21:00", End: "08:00", Days: []pb.SendPolicy_Weekday{1}}},
		MaxChannels:   5, MaxChannelsWindow: durationpb.New(24 * time.Hour), HoldOutFraction: 0.1, DefaultTimeZone: "Europe/Vienna"}
}

// seeds has one of every method. The seed of a mutation carries no request id, so that each call is a new one.
func leadServiceSeeds(w *world) map[string]proto.Message {
	return map[string]proto.Message{
		"CreateLead":       &pb.CreateLeadRequest{Lead: lead(), LeadId: "seed-id"},
		"GetLead":          &pb.GetLeadRequest{Name: w.lead},
		"ListLeads":        &pb.ListLeadsRequest{PageSize: 10, Filter: `source = "webinar"`},
		"UpdateLead":       &pb.UpdateLeadRequest{Lead: &pb.Lead{Name: w.lead, Company: "A"}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"company"}}},
		"DeleteLead":       &pb.DeleteLeadRequest{Name: "leads/none", Etag: "x", AllowMissing: true},
		"BatchCreateLeads": &pb.BatchCreateLeadsRequest{Leads: []*pb.Lead{lead()}},
		"ImportLeads": &pb.ImportLeadsRequest{Spec: &pb.LeadImportSpec{ImportId: "seed", Columns: map[string]string{"mail": "email"}, Separator: ","},
			Content: []byte("mail,age\na@bad.example,1\n")},
		"GetLeadImport":         &pb.GetLeadImportRequest{Name: "leadImports/seed"},
		"ListLeadImportRejects": &pb.ListLeadImportRejectsRequest{Parent: "leadImports/seed", PageSize: 10},
		"MergeLeads":            &pb.MergeLeadsRequest{Name: w.lead, Duplicate: "leads/none"},
		"IngestEvents":          &pb.IngestEventsRequest{Events: []*pb.LeadEvent{event()}},
		"ListLeadEvents":        &pb.ListLeadEventsRequest{Parent: w.lead, PageSize: 10},
		"RecordOutcome": &pb.RecordOutcomeRequest{Parent: w.lead, Outcome: &pb.Outcome{Converted: true, Currency: "EUR", ValueMicros: 1,
			OutcomeTime: timestamppb.Now(), Decision: w.decision}},
	}
}

func triageServiceSeeds(w *world) map[string]proto.Message {
	return map[string]proto.Message{
		"TriageLead":            &pb.TriageLeadRequest{Lead: lead(), Explain: true},
		"BatchTriageLeads":      &pb.BatchTriageLeadsRequest{Leads: []*pb.Lead{lead()}, Explain: true},
		"StreamTriage":          &pb.StreamTriageRequest{Lead: lead(), CorrelationId: "c", Explain: true},
		"ScoreLead":             &pb.ScoreLeadRequest{Lead: lead(), Explain: true},
		"GetDecision":           &pb.GetDecisionRequest{Name: w.decision, View: 2},
		"ListDecisions":         &pb.ListDecisionsRequest{Lead: w.lead, PageSize: 10, Filter: "abstained = false"},
		"ExplainDecision":       &pb.ExplainDecisionRequest{Name: w.decision, ImmutableFields: []string{"age"}},
		"ReplayDecision":        &pb.ReplayDecisionRequest{Name: w.decision},
		"OverrideDecision":      &pb.OverrideDecisionRequest{Name: w.decision, Category: 1, Destination: 2, Priority: 3, Justification: "why"},
		"CreateRoutingPolicy":   &pb.CreateRoutingPolicyRequest{RoutingPolicyId: "seed", RoutingPolicy: policy(), ValidateOnly: true},
		"GetRoutingPolicy":      &pb.GetRoutingPolicyRequest{Name: w.policy, Version: 1},
		"ListRoutingPolicies":   &pb.ListRoutingPoliciesRequest{PageSize: 10},
		"PublishRoutingPolicy":  &pb.PublishRoutingPolicyRequest{Name: w.policy, Version: 1},
		"TestRoutingPolicy":     &pb.TestRoutingPolicyRequest{RoutingPolicy: policy(), SampleSize: 10, SegmentField: "source"},
		"RollbackRoutingPolicy": &pb.RollbackRoutingPolicyRequest{},
	}
}

func engageServiceSeeds(w *world) map[string]proto.Message {
	return map[string]proto.Message{
		"CreateTemplate":  &pb.CreateTemplateRequest{TemplateId: "seed", Template: template(), ValidateOnly: true},
		"GetTemplate":     &pb.GetTemplateRequest{Name: w.template, Version: 1},
		"ListTemplates":   &pb.ListTemplatesRequest{PageSize: 10},
		"PublishTemplate": &pb.PublishTemplateRequest{Name: w.template, Version: 1},
		"DeleteTemplate":  &pb.DeleteTemplateRequest{Name: "templates/none"},
		"DraftTemplate":   &pb.DraftTemplateRequest{Template: template(), Medium: pb.Medium_MEDIUM_EMAIL, Locale: "en", Instructions: "shorter", Tone: "friendly"},
		"RenderTemplate": &pb.RenderTemplateRequest{Template: template(), SampleLead: lead(), Medium: pb.Medium_MEDIUM_EMAIL, Locale: "en",
			SystemValues: &pb.TemplateSystemValues{UnsubscribeUrl: "https://u.example", SenderName: "S", SenderEmail: "s@bad.example", SenderAddress: "A"}},
		"CreateChannel":     &pb.CreateChannelRequest{ChannelId: "seed", Channel: channel()},
		"GetChannel":        &pb.GetChannelRequest{Name: "channels/known"},
		"ListChannels":      &pb.ListChannelsRequest{PageSize: 10},
		"ListChooserLevels": &pb.ListChooserLevelsRequest{PageSize: 10},
		"UpdateChannel": &pb.UpdateChannelRequest{Channel: &pb.Channel{Name: "channels/known", DisplayName: "A", Webhook: &pb.WebhookSettings{
			Url: "https://bad.example/", SigningSecret: "sixteen bytes, at least"}}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"display_name"}}},
		"DeleteChannel": &pb.DeleteChannelRequest{Name: "channels/none", Etag: "1"},
		"TestChannel":   &pb.TestChannelRequest{Name: "channels/known"},
		"EngageLead": &pb.EngageLeadRequest{Lead: w.lead, Template: w.template, Medium: 1, Channel: "channels/none", SendTime: timestamppb.Now(), ExpireTime: timestamppb.New(time.Now().Add(time.Hour)),
			Priority: 1, ValidateOnly: true},
		"GetMessage":            &pb.GetMessageRequest{Name: "messages/none"},
		"ListMessages":          &pb.ListMessagesRequest{Lead: w.lead, State: 1, PageSize: 10},
		"CancelMessage":         &pb.CancelMessageRequest{Name: "messages/none"},
		"IngestMailReport":      &pb.IngestMailReportRequest{Mail: []byte("In-Reply-To: <none@bad.example>\r\n\r\nYes.\r\n")},
		"ReceiveDeliveryEvents": &pb.ReceiveDeliveryEventsRequest{Workspace: "workspaces/default", Channel: "channels/known", Signature: "t=1,v1=00", Body: []byte("{}")},
		"ResolveMessageLink":    &pb.ResolveMessageLinkRequest{Token: "none"},
		"RecordMessageLink":     &pb.RecordMessageLinkRequest{Token: "none"},
		"RecordDeliveryEvents": &pb.RecordDeliveryEventsRequest{Events: []*pb.DeliveryEvent{{EventId: "seed", TransportId: "none@bad.example",
			Type: pb.DeliveryEvent_TYPE_BOUNCED, EventTime: timestamppb.Now(), Url: "https://bad.example/", Bounce: pb.Message_BOUNCE_HARD, Status: "5.1.1", Detail: "x"}}},
		"GetConsent": &pb.GetConsentRequest{Name: w.lead},
		"UpdateConsent": &pb.UpdateConsentRequest{Name: w.lead, Consent: &pb.Consent{Purpose: "marketing", Medium: 1, State: pb.Consent_STATE_PAUSED,
			PauseEndTime: timestamppb.Now(), Source: "form", TextVersion: "1", IpAddress: "::1", UserAgent: "x", CreateTime: timestamppb.Now()}},
		"AssignOwner":       &pb.AssignOwnerRequest{Name: "leads/none", Owner: "queues/sales"},
		"ReleaseOwner":      &pb.ReleaseOwnerRequest{Name: "leads/none", Owner: "users/ann"},
		"Unsubscribe":       &pb.UnsubscribeRequest{Email: "nobody@bad.example", Purpose: "marketing", Medium: 1, Source: "link", IpAddress: "::1", UserAgent: "x"},
		"UnsubscribeByLink": &pb.UnsubscribeByLinkRequest{Token: "none"},
		"CreateSuppression": &pb.CreateSuppressionRequest{Phone: "+431234567", Cause: pb.Suppression_CAUSE_MANUAL, Purpose: "marketing", Medium: 2},
		"GetSuppression":    &pb.GetSuppressionRequest{Name: "suppressions/-", Email: "nobody@bad.example"},
		"ListSuppressions":  &pb.ListSuppressionsRequest{PageSize: 10},
		"DeleteSuppression": &pb.DeleteSuppressionRequest{Name: "suppressions/none", Cause: pb.Suppression_CAUSE_MANUAL},
		"GetSendPolicy":     &pb.GetSendPolicyRequest{},
		"UpdateSendPolicy":  &pb.UpdateSendPolicyRequest{SendPolicy: sendPolicy(), ValidateOnly: true},
		"ExplainSendDecision": &pb.ExplainSendDecisionRequest{Lead: w.lead, Purpose: "marketing", Medium: 1, Priority: 1,
			ExpireTime: timestamppb.Now()},
		"ResolveUnknownMessage": &pb.ResolveUnknownMessageRequest{Name: "messages/none", Resolution: pb.ResolveUnknownMessageRequest_RESOLUTION_SENT},
	}
}

func journey() *pb.Journey {
	return &pb.Journey{DisplayName: "seed", Entry: &pb.JourneyEntry{Event: "demo_request", Filter: `country = "AT"`}, ExitFilter: `company = "Seed"`,
		ExitEvents: []string{"purchase"}, ReEntry: pb.Journey_RE_ENTRY_AFTER_EXIT, ReEntryDelay: durationpb.New(time.Hour), CreateTime: timestamppb.Now(), Steps: []*pb.JourneyStep{
			{Id: "first", Action: &pb.JourneyStep_Send{Send: &pb.JourneySend{Template: "templates/known", Medium: pb.Medium_MEDIUM_EMAIL, Expiry: durationpb.New(time.Hour), Priority: 1}}},
			{Id: "wait", Action: &pb.JourneyStep_Wait{Wait: &pb.JourneyWait{Duration: durationpb.New(time.Hour), Event: "click", EventNext: "fork"}}},
			{Id: "fork", Next: "end", Action: &pb.JourneyStep_Branch{Branch: &pb.JourneyBranch{Arms: []*pb.JourneyArm{{Filter: `country = "DE"`, Next: "wait"}}}}},
		}}
}

func journeySeeds(w *world) map[string]proto.Message {
	return map[string]proto.Message{
		"CreateJourney":   &pb.CreateJourneyRequest{JourneyId: "seed", Journey: journey(), ValidateOnly: true},
		"GetJourney":      &pb.GetJourneyRequest{Name: "journeys/none", Version: 1},
		"ListJourneys":    &pb.ListJourneysRequest{PageSize: 10},
		"PublishJourney":  &pb.PublishJourneyRequest{Name: "journeys/none", Version: 1},
		"PauseJourney":    &pb.PauseJourneyRequest{Name: "journeys/none"},
		"ResumeJourney":   &pb.ResumeJourneyRequest{Name: "journeys/none"},
		"RetireJourney":   &pb.RetireJourneyRequest{Name: "journeys/none"},
		"WatchMessages":   &pb.WatchMessagesRequest{Lead: "leads/none", Cursor: "7"},
		"PreviewMessage":  &pb.PreviewMessageRequest{Lead: "leads/none", Template: "templates/known", Medium: pb.Medium_MEDIUM_EMAIL, Channel: "channels/mail"},
		"SimulateJourney": &pb.SimulateJourneyRequest{Journey: "journeys/-", Draft: &pb.Journey{Steps: []*pb.JourneyStep{{Id: "end-it", Action: &pb.JourneyStep_Wait{Wait: &pb.JourneyWait{Duration: durationpb.New(time.Hour)}}}}}},
		"EnrollLead":      &pb.EnrollLeadRequest{Journey: "journeys/none", Lead: w.lead, ValidateOnly: true},
		"UnenrollLead":    &pb.UnenrollLeadRequest{Journey: "journeys/none", Lead: w.lead},
		"GetEnrollment":   &pb.GetEnrollmentRequest{Name: "journeys/none/enrollments/none"},
		"ListEnrollments": &pb.ListEnrollmentsRequest{Parent: "journeys/-", Lead: w.lead, PageSize: 10},
	}
}

func modelServiceSeeds(_ *world) map[string]proto.Message {
	return map[string]proto.Message{
		"ImportModel":        &pb.ImportModelRequest{ModelId: "seed", VersionId: "v", Content: []byte("no model"), Promote: true},
		"GetModelVersion":    &pb.GetModelVersionRequest{Name: "models/seed/versions/v"},
		"ListModelVersions":  &pb.ListModelVersionsRequest{Parent: "models/-", PageSize: 10},
		"PromoteModel":       &pb.PromoteModelRequest{Name: "models/seed/versions/v", Force: true},
		"RollbackModel":      &pb.RollbackModelRequest{},
		"FitEngagementModel": &pb.FitEngagementModelRequest{ValidateOnly: true},
		"GetEngagementModel": &pb.GetEngagementModelRequest{},
	}
}

// authServiceSeeds name accounts that there are not, and passwords too short to be hashed, which would take a quarter of a second.
func authServiceSeeds(_ *world) map[string]proto.Message {
	user := &pb.User{Name: "users/none", DisplayName: "N", Roles: []string{"roles/viewer"}, Disabled: true}
	account := &pb.ServiceAccount{Name: "serviceAccounts/none", DisplayName: "N", Roles: []string{"roles/viewer"}, Disabled: true}
	role := &pb.Role{Name: "roles/none", DisplayName: "N", Scopes: []string{"leads.read"}}
	workspace := &pb.Workspace{Name: "workspaces/none", DisplayName: "N", Disabled: true}
	mask := &fieldmaskpb.FieldMask{Paths: []string{"display_name"}}
	return map[string]proto.Message{
		"CreateSession":        &pb.CreateSessionRequest{User: "users/none", Password: "short", Workspace: "workspaces/none"},
		"RefreshSession":       &pb.RefreshSessionRequest{RefreshToken: "mr_none_1_x_y"},
		"RevokeSession":        &pb.RevokeSessionRequest{All: true},
		"GetPrincipal":         &pb.GetPrincipalRequest{},
		"GetJwks":              &pb.GetJwksRequest{},
		"TestPermissions":      &pb.TestPermissionsRequest{Scopes: []string{"leads.read"}},
		"ChangePassword":       &pb.ChangePasswordRequest{OldPassword: "short", NewPassword: "short"},
		"CreateUser":           &pb.CreateUserRequest{UserId: "none", User: user, Password: "short"},
		"GetUser":              &pb.GetUserRequest{Name: "users/none"},
		"ListUsers":            &pb.ListUsersRequest{PageSize: 10},
		"UpdateUser":           &pb.UpdateUserRequest{User: user, UpdateMask: mask},
		"ResetPassword":        &pb.ResetPasswordRequest{Name: "users/none", Password: "short"},
		"DeleteUser":           &pb.DeleteUserRequest{Name: "users/none", Etag: "x"},
		"CreateServiceAccount": &pb.CreateServiceAccountRequest{ServiceAccountId: "seed", ServiceAccount: account},
		"GetServiceAccount":    &pb.GetServiceAccountRequest{Name: "serviceAccounts/none"},
		"ListServiceAccounts":  &pb.ListServiceAccountsRequest{PageSize: 10},
		"UpdateServiceAccount": &pb.UpdateServiceAccountRequest{ServiceAccount: account, UpdateMask: mask},
		"DeleteServiceAccount": &pb.DeleteServiceAccountRequest{Name: "serviceAccounts/none", Etag: "x"},
		"CreateApiKey":         &pb.CreateApiKeyRequest{Parent: "serviceAccounts/none", ExpireTime: timestamppb.Now()},
		"ListApiKeys":          &pb.ListApiKeysRequest{Parent: "serviceAccounts/none"},
		"RotateApiKey":         &pb.RotateApiKeyRequest{Name: "serviceAccounts/none/apiKeys/none", OverlapSeconds: 1},
		"DeleteApiKey":         &pb.DeleteApiKeyRequest{Name: "serviceAccounts/none/apiKeys/none"},
		"CreateRole":           &pb.CreateRoleRequest{RoleId: "seed", Role: role},
		"GetRole":              &pb.GetRoleRequest{Name: "roles/viewer"},
		"ListRoles":            &pb.ListRolesRequest{PageSize: 10},
		"UpdateRole":           &pb.UpdateRoleRequest{Role: role, UpdateMask: mask},
		"DeleteRole":           &pb.DeleteRoleRequest{Name: "roles/none", Etag: "x"},
		"CreateWorkspace":      &pb.CreateWorkspaceRequest{WorkspaceId: "seed", Workspace: workspace, AdminPassword: "short"},
		"GetWorkspace":         &pb.GetWorkspaceRequest{Name: "workspaces/default"},
		"ListWorkspaces":       &pb.ListWorkspacesRequest{PageSize: 10},
		"UpdateWorkspace":      &pb.UpdateWorkspaceRequest{Workspace: workspace, UpdateMask: mask},
	}
}

func auditServiceSeeds(_ *world) map[string]proto.Message {
	return map[string]proto.Message{
		"ListAuditEvents": &pb.ListAuditEventsRequest{Filter: `action = "lead.created"`, PageSize: 10},
		"VerifyAuditChain": &pb.VerifyAuditChainRequest{Checkpoint: &pb.AuditCheckpoint{Name: "auditCheckpoints/1", Position: 1,
			Head: make([]byte, 32), PublicKey: make([]byte, 32), Signature: make([]byte, 64), CreateTime: timestamppb.Now()}},
		"CreateCheckpoint":      &pb.CreateCheckpointRequest{},
		"EraseSubject":          &pb.EraseSubjectRequest{Name: "leads/none"},
		"GetErasure":            &pb.GetErasureRequest{Name: "erasures/none"},
		"GetErasureCertificate": &pb.GetErasureCertificateRequest{Name: "erasures/none"},
		"ExportSubject":         &pb.ExportSubjectRequest{Name: "leads/none"},
	}
}

func systemServiceSeeds(_ *world) map[string]proto.Message {
	return map[string]proto.Message{
		"GetSystemStatus":    &pb.GetSystemStatusRequest{},
		"ResumeDelivery":     &pb.ResumeDeliveryRequest{Overdue: pb.ResumeDeliveryRequest_OVERDUE_SEND},
		"ListParkedEvents":   &pb.ListParkedEventsRequest{PageSize: 5},
		"DismissParkedEvent": &pb.DismissParkedEventRequest{Name: "parkedEvents/engage-7", Reason: "done by hand"},
		"RetryParkedEvent":   &pb.RetryParkedEventRequest{Name: "parkedEvents/engage-7"},
		"GetConfig":          &pb.GetConfigRequest{},
	}
}

func seeds(w *world) []seed {
	all := []seed{}
	add := func(service string, bodies map[string]proto.Message) {
		for method, body := range bodies {
			all = append(all, seed{"/" + service + "/" + method, body})
		}
	}
	add("marketing.v1.LeadService", leadServiceSeeds(w))
	add("marketing.v1.TriageService", triageServiceSeeds(w))
	add("marketing.v1.ModelService", modelServiceSeeds(w))
	add("marketing.v1.EngageService", engageServiceSeeds(w))
	add("marketing.v1.EngageService", journeySeeds(w))
	add("marketing.v1.AuthService", authServiceSeeds(w))
	add("marketing.v1.AuditService", auditServiceSeeds(w))
	add("marketing.v1.SystemService", systemServiceSeeds(w))
	add("grpc.health.v1.Health", map[string]proto.Message{"Check": &healthpb.HealthCheckRequest{Service: "marketing.v1.LeadService"}})
	add("grpc.reflection.v1.ServerReflection", map[string]proto.Message{"ServerReflectionInfo": &reflectpb.ServerReflectionRequest{
		Host: "h", MessageRequest: &reflectpb.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: "marketing.v1.Lead"}}})
	add("grpc.reflection.v1alpha.ServerReflection", map[string]proto.Message{"ServerReflectionInfo": &alphapb.ServerReflectionRequest{
		Host: "h", MessageRequest: &alphapb.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: "marketing.v1.Lead"}}})
	return all
}

// missing names the methods of our package that have no seed.
func missing(all []seed, methods []string) error {
	have := map[string]bool{}
	for _, s := range all {
		have[s.method] = true
	}
	for _, m := range methods {
		if !have[m] {
			return fmt.Errorf("%s has no seed in tests/badinput/seeds.go", m)
		}
	}
	return nil
}
