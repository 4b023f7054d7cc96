#include "server/services.h"

#include "agents/audit/audit.h"
#include "agents/engage/channel/channel.h"
#include "agents/engage/chooser/chooser.h"
#include "agents/engage/contact/consent.h"
#include "agents/engage/contact/owner.h"
#include "agents/engage/draft/draft.h"
#include "agents/engage/engage.h"
#include "agents/engage/feedback/feedback.h"
#include "agents/engage/journey/journey.h"
#include "agents/engage/journey/simulate.h"
#include "agents/engage/link/link.h"
#include "agents/engage/message/message.h"
#include "agents/engage/message/watch.h"
#include "agents/engage/template/templates.h"
#include "agents/lead/lead.h"
#include "agents/model/model.h"
#include "agents/orchestrator/orchestrator.h"
#include "agents/privacy/privacy.h"
#include "agents/triage/triage.h"
#include "server/gate/auth.h"
#include "server/gate/quota.h"
#include "server/iam/iam.h"
#include "server/system.h"

/* Agents know no RPC: what one says of a stream, as the runtime asks for it. */
#define NEXT(fn, State, Res, otherwise)                                                                      \
    static struct status fn##_next(struct ctx *c, State *state, Res *res, enum rpc_next *ret)                \
    {                                                                                                        \
        bool send = false;                                                                                   \
        struct status s = fn(c, state, res, &send);                                                          \
        *ret = send ? RPC_SEND : otherwise;                                                                  \
        return s;                                                                                            \
    }

NEXT(watch_messages, struct message_watch, WatchMessagesResponse, RPC_WAIT)
NEXT(simulate_journey, struct simulation, SimulateJourneyResponse, RPC_END)
NEXT(verify_audit_chain, struct verification, VerifyAuditChainResponse, RPC_END)
NEXT(export_subject, struct subject_export, ExportSubjectResponse, RPC_END)

static struct status draft_template_next(struct ctx *c, struct draft *d, DraftTemplateResponse *res,
                                         enum rpc_next *ret)
{
    bool found = false, ended = false;
    struct status s = draft_template(c, d, res, &found, &ended);
    *ret = found ? RPC_SEND : ended ? RPC_END : RPC_WAIT;
    return s;
}

/* The handlers as the runtime calls them: a handler of another type does not compile. */
RPC_UNARY(create_lead, CreateLeadRequest, Lead)
RPC_UNARY(get_lead, GetLeadRequest, Lead)
RPC_UNARY(list_leads, ListLeadsRequest, ListLeadsResponse)
RPC_UNARY(update_lead, UpdateLeadRequest, Lead)
RPC_UNARY(delete_lead, DeleteLeadRequest, Empty)
RPC_UNARY(batch_create_leads, BatchCreateLeadsRequest, BatchCreateLeadsResponse)
RPC_CLIENT_STREAM(import_leads, ImportLeadsRequest, LeadImport, struct lead_import)
RPC_UNARY(get_lead_import, GetLeadImportRequest, LeadImport)
RPC_UNARY(list_lead_import_rejects, ListLeadImportRejectsRequest, ListLeadImportRejectsResponse)
RPC_UNARY(merge_leads, MergeLeadsRequest, Lead)
RPC_UNARY(ingest_events, IngestEventsRequest, IngestEventsResponse)
RPC_UNARY(list_lead_events, ListLeadEventsRequest, ListLeadEventsResponse)
RPC_UNARY(record_outcome, RecordOutcomeRequest, Outcome)

RPC_UNARY(triage_lead, TriageLeadRequest, TriageLeadResponse)
RPC_UNARY(batch_triage_leads, BatchTriageLeadsRequest, BatchTriageLeadsResponse)
RPC_BIDI(stream_triage, StreamTriageRequest, StreamTriageResponse, struct triage_stream)
RPC_UNARY(score_lead, ScoreLeadRequest, ScoreLeadResponse)
RPC_UNARY(get_decision, GetDecisionRequest, Decision)
RPC_UNARY(list_decisions, ListDecisionsRequest, ListDecisionsResponse)
RPC_UNARY(explain_decision, ExplainDecisionRequest, ExplainDecisionResponse)
RPC_UNARY(replay_decision, ReplayDecisionRequest, ReplayDecisionResponse)
RPC_UNARY(override_decision, OverrideDecisionRequest, Decision)
RPC_UNARY(create_routing_policy, CreateRoutingPolicyRequest, RoutingPolicy)
RPC_UNARY(get_routing_policy, GetRoutingPolicyRequest, RoutingPolicy)
RPC_UNARY(list_routing_policies, ListRoutingPoliciesRequest, ListRoutingPoliciesResponse)
RPC_UNARY(publish_routing_policy, PublishRoutingPolicyRequest, RoutingPolicy)
RPC_UNARY(test_routing_policy, TestRoutingPolicyRequest, TestRoutingPolicyResponse)
RPC_UNARY(rollback_routing_policy, RollbackRoutingPolicyRequest, RoutingPolicy)

RPC_UNARY(create_template, CreateTemplateRequest, Template)
RPC_UNARY(get_template, GetTemplateRequest, Template)
RPC_UNARY(list_templates, ListTemplatesRequest, ListTemplatesResponse)
RPC_UNARY(publish_template, PublishTemplateRequest, Template)
RPC_UNARY(delete_template, DeleteTemplateRequest, Empty)
RPC_UNARY(render_template, RenderTemplateRequest, RenderTemplateResponse)
RPC_UNARY(create_channel, CreateChannelRequest, Channel)
RPC_UNARY(get_channel, GetChannelRequest, Channel)
RPC_UNARY(list_channels, ListChannelsRequest, ListChannelsResponse)
RPC_UNARY(update_channel, UpdateChannelRequest, Channel)
RPC_UNARY(delete_channel, DeleteChannelRequest, Empty)
RPC_UNARY(test_channel, TestChannelRequest, TestChannelResponse)
RPC_UNARY(engage_lead, EngageLeadRequest, EngageLeadResponse)
RPC_UNARY(list_chooser_levels, ListChooserLevelsRequest, ListChooserLevelsResponse)
RPC_UNARY(get_message, GetMessageRequest, Message)
RPC_UNARY(list_messages, ListMessagesRequest, ListMessagesResponse)
RPC_UNARY(preview_message, PreviewMessageRequest, PreviewMessageResponse)
RPC_UNARY(cancel_message, CancelMessageRequest, Message)
RPC_UNARY(resolve_unknown_message, ResolveUnknownMessageRequest, Message)
RPC_UNARY(record_delivery_events, RecordDeliveryEventsRequest, RecordDeliveryEventsResponse)
RPC_UNARY(ingest_mail_report, IngestMailReportRequest, IngestMailReportResponse)
RPC_UNARY(receive_delivery_events, ReceiveDeliveryEventsRequest, ReceiveDeliveryEventsResponse)
RPC_UNARY(resolve_message_link, ResolveMessageLinkRequest, ResolveMessageLinkResponse)
RPC_UNARY(record_message_link, RecordMessageLinkRequest, RecordMessageLinkResponse)
RPC_UNARY(get_consent, GetConsentRequest, GetConsentResponse)
RPC_UNARY(update_consent, UpdateConsentRequest, Consent)
RPC_UNARY(assign_owner, AssignOwnerRequest, Contact)
RPC_UNARY(release_owner, ReleaseOwnerRequest, Contact)
RPC_UNARY(unsubscribe, UnsubscribeRequest, UnsubscribeResponse)
RPC_UNARY(unsubscribe_by_link, UnsubscribeByLinkRequest, UnsubscribeByLinkResponse)
RPC_UNARY(create_suppression, CreateSuppressionRequest, Suppression)
RPC_UNARY(get_suppression, GetSuppressionRequest, Suppression)
RPC_UNARY(list_suppressions, ListSuppressionsRequest, ListSuppressionsResponse)
RPC_UNARY(delete_suppression, DeleteSuppressionRequest, Empty)
RPC_UNARY(get_send_policy, GetSendPolicyRequest, SendPolicy)
RPC_UNARY(update_send_policy, UpdateSendPolicyRequest, SendPolicy)
RPC_UNARY(explain_send_decision, ExplainSendDecisionRequest, ExplainSendDecisionResponse)
RPC_UNARY(create_journey, CreateJourneyRequest, Journey)
RPC_UNARY(get_journey, GetJourneyRequest, Journey)
RPC_UNARY(list_journeys, ListJourneysRequest, ListJourneysResponse)
RPC_UNARY(publish_journey, PublishJourneyRequest, Journey)
RPC_UNARY(pause_journey, PauseJourneyRequest, Journey)
RPC_UNARY(resume_journey, ResumeJourneyRequest, Journey)
RPC_UNARY(retire_journey, RetireJourneyRequest, Journey)
RPC_SERVER_STREAM(watch_messages, WatchMessagesRequest, WatchMessagesResponse, struct message_watch)
RPC_SERVER_STREAM(simulate_journey, SimulateJourneyRequest, SimulateJourneyResponse, struct simulation)
RPC_UNARY(enroll_lead, EnrollLeadRequest, Enrollment)
RPC_UNARY(unenroll_lead, UnenrollLeadRequest, Enrollment)
RPC_UNARY(get_enrollment, GetEnrollmentRequest, Enrollment)
RPC_UNARY(list_enrollments, ListEnrollmentsRequest, ListEnrollmentsResponse)

RPC_CLIENT_STREAM(import_model, ImportModelRequest, ModelVersion, struct model_import)
RPC_UNARY(get_model_version, GetModelVersionRequest, ModelVersion)
RPC_UNARY(list_model_versions, ListModelVersionsRequest, ListModelVersionsResponse)
RPC_UNARY(promote_model, PromoteModelRequest, ModelVersion)
RPC_UNARY(rollback_model, RollbackModelRequest, RollbackModelResponse)
RPC_UNARY(fit_engagement_model, FitEngagementModelRequest, EngagementModel)
RPC_UNARY(get_engagement_model, GetEngagementModelRequest, EngagementModel)

RPC_UNARY(create_session, CreateSessionRequest, Session)
RPC_UNARY(refresh_session, RefreshSessionRequest, Session)
RPC_UNARY(revoke_session, RevokeSessionRequest, Empty)
RPC_UNARY(get_principal, GetPrincipalRequest, Principal)
RPC_UNARY(get_jwks, GetJwksRequest, Jwks)
RPC_UNARY(test_permissions, TestPermissionsRequest, TestPermissionsResponse)
RPC_UNARY(change_password, ChangePasswordRequest, Empty)
RPC_UNARY(create_user, CreateUserRequest, User)
RPC_UNARY(get_user, GetUserRequest, User)
RPC_UNARY(list_users, ListUsersRequest, ListUsersResponse)
RPC_UNARY(update_user, UpdateUserRequest, User)
RPC_UNARY(reset_password, ResetPasswordRequest, Empty)
RPC_UNARY(delete_user, DeleteUserRequest, Empty)
RPC_UNARY(create_service_account, CreateServiceAccountRequest, ServiceAccount)
RPC_UNARY(get_service_account, GetServiceAccountRequest, ServiceAccount)
RPC_UNARY(list_service_accounts, ListServiceAccountsRequest, ListServiceAccountsResponse)
RPC_UNARY(update_service_account, UpdateServiceAccountRequest, ServiceAccount)
RPC_UNARY(delete_service_account, DeleteServiceAccountRequest, Empty)
RPC_UNARY(create_api_key, CreateApiKeyRequest, ApiKey)
RPC_UNARY(list_api_keys, ListApiKeysRequest, ListApiKeysResponse)
RPC_UNARY(rotate_api_key, RotateApiKeyRequest, ApiKey)
RPC_UNARY(delete_api_key, DeleteApiKeyRequest, Empty)
RPC_UNARY(create_role, CreateRoleRequest, Role)
RPC_UNARY(get_role, GetRoleRequest, Role)
RPC_UNARY(list_roles, ListRolesRequest, ListRolesResponse)
RPC_UNARY(update_role, UpdateRoleRequest, Role)
RPC_UNARY(delete_role, DeleteRoleRequest, Empty)
RPC_UNARY(create_workspace, CreateWorkspaceRequest, Workspace)
RPC_UNARY(get_workspace, GetWorkspaceRequest, Workspace)
RPC_UNARY(list_workspaces, ListWorkspacesRequest, ListWorkspacesResponse)
RPC_UNARY(update_workspace, UpdateWorkspaceRequest, Workspace)

RPC_UNARY(list_audit_events, ListAuditEventsRequest, ListAuditEventsResponse)
RPC_SERVER_STREAM(verify_audit_chain, VerifyAuditChainRequest, VerifyAuditChainResponse, struct verification)
RPC_UNARY(create_checkpoint, CreateCheckpointRequest, AuditCheckpoint)
RPC_UNARY(erase_subject, EraseSubjectRequest, Erasure)
RPC_UNARY(get_erasure, GetErasureRequest, Erasure)
RPC_UNARY(get_erasure_certificate, GetErasureCertificateRequest, ErasureCertificate)
RPC_SERVER_STREAM(draft_template, DraftTemplateRequest, DraftTemplateResponse, struct draft)
RPC_SERVER_STREAM(export_subject, ExportSubjectRequest, ExportSubjectResponse, struct subject_export)

RPC_UNARY(get_system_status, GetSystemStatusRequest, SystemStatus)
RPC_UNARY(list_parked_events, ListParkedEventsRequest, ListParkedEventsResponse)
RPC_UNARY(retry_parked_event, RetryParkedEventRequest, ParkedEvent)
RPC_UNARY(dismiss_parked_event, DismissParkedEventRequest, ParkedEvent)
RPC_UNARY(resume_delivery, ResumeDeliveryRequest, SystemStatus)
RPC_UNARY(get_config, GetConfigRequest, Config)

#define LEAD &marketing__v1__lead_service__descriptor
#define TRIAGE &marketing__v1__triage_service__descriptor
#define ENGAGE &marketing__v1__engage_service__descriptor
#define MODEL &marketing__v1__model_service__descriptor
#define AUTH &marketing__v1__auth_service__descriptor
#define AUDIT &marketing__v1__audit_service__descriptor
#define SYSTEM &marketing__v1__system_service__descriptor

#define LEAD_KB (12 * 1024)

/* The longest time is set by services(): that of unary calls is an option, streams end with their caller. */
#define METHOD(service, name, handler, lane, scope, quota, flags, budget_kb)                                 \
    {                                                                                                        \
        service, name, &handler##_rpc, lane, scope, quota, flags, budget_kb, 0                               \
    }

/* A legal lead holds 2 MiB of attributes, so methods that take one have a budget of some copies of it; arenas
 * grow only when they must. */
static const struct rpc_method methods[] = {
    METHOD(LEAD, "CreateLead", create_lead, LANE_READ, "leads.write", QUOTA_WRITE, RPC_MUTATES, LEAD_KB),
    METHOD(LEAD, "GetLead", get_lead, LANE_READ, "leads.read", QUOTA_READ, 0, LEAD_KB),
    METHOD(LEAD, "ListLeads", list_leads, LANE_DB, "leads.read", QUOTA_READ, 0, 16384),
    METHOD(LEAD, "UpdateLead", update_lead, LANE_READ, "leads.write", QUOTA_WRITE, RPC_MUTATES, LEAD_KB),
    METHOD(LEAD, "DeleteLead", delete_lead, LANE_DB, "leads.delete", QUOTA_WRITE, RPC_MUTATES, 128),
    METHOD(LEAD, "BatchCreateLeads", batch_create_leads, LANE_DB, "leads.write", QUOTA_BULK, RPC_MUTATES,
           65536),
    METHOD(LEAD, "ImportLeads", import_leads, LANE_DB, "leads.import", QUOTA_BULK, RPC_MUTATES | RPC_AHEAD,
           131072),
    METHOD(LEAD, "GetLeadImport", get_lead_import, LANE_READ, "leads.read", QUOTA_READ, 0, 128),
    METHOD(LEAD, "ListLeadImportRejects", list_lead_import_rejects, LANE_DB, "leads.read", QUOTA_READ, 0,
           16384),
    METHOD(LEAD, "MergeLeads", merge_leads, LANE_DB, "leads.write", QUOTA_WRITE, RPC_MUTATES, LEAD_KB),
    METHOD(LEAD, "IngestEvents", ingest_events, LANE_DB, "leads.write", QUOTA_BULK, RPC_MUTATES, 32768),
    METHOD(LEAD, "ListLeadEvents", list_lead_events, LANE_DB, "leads.read", QUOTA_READ, 0, 16384),
    METHOD(LEAD, "RecordOutcome", record_outcome, LANE_READ, "leads.write", QUOTA_WRITE, RPC_MUTATES,
           LEAD_KB),

    METHOD(TRIAGE, "TriageLead", triage_lead, LANE_READ, "leads.triage", QUOTA_WRITE, RPC_MUTATES, LEAD_KB),
    METHOD(TRIAGE, "BatchTriageLeads", batch_triage_leads, LANE_DB, "leads.triage", QUOTA_BULK, RPC_MUTATES,
           131072),
    METHOD(TRIAGE, "StreamTriage", stream_triage, LANE_READ, "leads.triage", QUOTA_BULK, RPC_MUTATES,
           LEAD_KB),
    METHOD(TRIAGE, "ScoreLead", score_lead, LANE_READ, "leads.score", QUOTA_READ, 0, LEAD_KB),
    METHOD(TRIAGE, "GetDecision", get_decision, LANE_READ, "decisions.read", QUOTA_READ, 0, LEAD_KB),
    METHOD(TRIAGE, "ListDecisions", list_decisions, LANE_DB, "decisions.read", QUOTA_READ, 0, 16384),
    METHOD(TRIAGE, "ExplainDecision", explain_decision, LANE_DB, "decisions.read", QUOTA_READ, 0, LEAD_KB),
    METHOD(TRIAGE, "ReplayDecision", replay_decision, LANE_DB, "decisions.read", QUOTA_READ, 0, LEAD_KB),
    METHOD(TRIAGE, "OverrideDecision", override_decision, LANE_DB, "decisions.override", QUOTA_WRITE,
           RPC_MUTATES, LEAD_KB),
    METHOD(TRIAGE, "CreateRoutingPolicy", create_routing_policy, LANE_DB, "policies.write", QUOTA_ADMIN,
           RPC_MUTATES, 1024),
    METHOD(TRIAGE, "GetRoutingPolicy", get_routing_policy, LANE_DB, "policies.read", QUOTA_READ, 0, 512),
    METHOD(TRIAGE, "ListRoutingPolicies", list_routing_policies, LANE_DB, "policies.read", QUOTA_READ, 0,
           16384),
    METHOD(TRIAGE, "PublishRoutingPolicy", publish_routing_policy, LANE_DB, "policies.publish", QUOTA_ADMIN,
           RPC_MUTATES, 1024),
    METHOD(TRIAGE, "TestRoutingPolicy", test_routing_policy, LANE_SLOW, "policies.read", QUOTA_BULK, 0,
           65536),
    METHOD(TRIAGE, "RollbackRoutingPolicy", rollback_routing_policy, LANE_DB, "policies.publish", QUOTA_ADMIN,
           RPC_MUTATES, 1024),

    METHOD(ENGAGE, "CreateTemplate", create_template, LANE_DB, "engage.write", QUOTA_ADMIN, RPC_MUTATES,
           8192),
    METHOD(ENGAGE, "GetTemplate", get_template, LANE_DB, "engage.read", QUOTA_READ, 0, 4096),
    METHOD(ENGAGE, "ListTemplates", list_templates, LANE_DB, "engage.read", QUOTA_READ, 0, 131072),
    METHOD(ENGAGE, "PublishTemplate", publish_template, LANE_DB, "engage.write", QUOTA_ADMIN, RPC_MUTATES,
           8192),
    METHOD(ENGAGE, "DeleteTemplate", delete_template, LANE_DB, "engage.write", QUOTA_ADMIN, RPC_MUTATES, 128),
    METHOD(ENGAGE, "DraftTemplate", draft_template, LANE_SLOW, "engage.write", QUOTA_ADMIN, 0, 16384),
    METHOD(ENGAGE, "RenderTemplate", render_template, LANE_DB, "engage.read", QUOTA_READ, 0, LEAD_KB),
    METHOD(ENGAGE, "CreateChannel", create_channel, LANE_DB, "channels.write", QUOTA_ADMIN, RPC_MUTATES, 256),
    METHOD(ENGAGE, "GetChannel", get_channel, LANE_READ, "engage.read", QUOTA_READ, 0, 128),
    METHOD(ENGAGE, "ListChannels", list_channels, LANE_DB, "engage.read", QUOTA_READ, 0, 16384),
    METHOD(ENGAGE, "UpdateChannel", update_channel, LANE_DB, "channels.write", QUOTA_ADMIN, RPC_MUTATES, 256),
    METHOD(ENGAGE, "DeleteChannel", delete_channel, LANE_DB, "channels.write", QUOTA_ADMIN, RPC_MUTATES, 128),
    METHOD(ENGAGE, "TestChannel", test_channel, LANE_SLOW, "channels.write", QUOTA_ADMIN, 0, 1024),
    METHOD(ENGAGE, "EngageLead", engage_lead, LANE_DB, "engage.send", QUOTA_WRITE, RPC_MUTATES, LEAD_KB),
    METHOD(ENGAGE, "ListChooserLevels", list_chooser_levels, LANE_DB, "engage.read", QUOTA_READ, 0, 16384),
    METHOD(ENGAGE, "GetMessage", get_message, LANE_READ, "engage.read", QUOTA_READ, 0, 128),
    METHOD(ENGAGE, "ListMessages", list_messages, LANE_DB, "engage.read", QUOTA_READ, 0, 16384),
    METHOD(ENGAGE, "WatchMessages", watch_messages, LANE_DB, "engage.read", QUOTA_READ, 0, 4096),
    METHOD(ENGAGE, "PreviewMessage", preview_message, LANE_DB, "engage.read", QUOTA_READ, 0, LEAD_KB),
    METHOD(ENGAGE, "ResolveUnknownMessage", resolve_unknown_message, LANE_READ, "engage.send", QUOTA_WRITE,
           RPC_MUTATES, 128),
    METHOD(ENGAGE, "CancelMessage", cancel_message, LANE_READ, "engage.send", QUOTA_WRITE, RPC_MUTATES, 128),
    METHOD(ENGAGE, "RecordDeliveryEvents", record_delivery_events, LANE_DB, "feedback.write", QUOTA_BULK,
           RPC_MUTATES, 32768),
    METHOD(ENGAGE, "IngestMailReport", ingest_mail_report, LANE_DB, "feedback.write", QUOTA_WRITE,
           RPC_MUTATES, 32768),
    METHOD(ENGAGE, "ReceiveDeliveryEvents", receive_delivery_events, LANE_DB, OPEN, QUOTA_BULK, RPC_MUTATES,
           32768),
    METHOD(ENGAGE, "ResolveMessageLink", resolve_message_link, LANE_INLINE, OPEN, QUOTA_READ, 0, 64),
    METHOD(ENGAGE, "RecordMessageLink", record_message_link, LANE_DB, OPEN, QUOTA_WRITE, RPC_MUTATES,
           LEAD_KB),
    METHOD(ENGAGE, "GetConsent", get_consent, LANE_READ, "engage.read", QUOTA_READ, 0, LEAD_KB),
    METHOD(ENGAGE, "UpdateConsent", update_consent, LANE_READ, "consent.write", QUOTA_WRITE, RPC_MUTATES,
           LEAD_KB),
    METHOD(ENGAGE, "AssignOwner", assign_owner, LANE_READ, "engage.send", QUOTA_WRITE, RPC_MUTATES, LEAD_KB),
    METHOD(ENGAGE, "ReleaseOwner", release_owner, LANE_READ, "engage.send", QUOTA_WRITE, RPC_MUTATES,
           LEAD_KB),
    METHOD(ENGAGE, "Unsubscribe", unsubscribe, LANE_READ, "consent.write", QUOTA_WRITE, RPC_MUTATES, LEAD_KB),
    METHOD(ENGAGE, "UnsubscribeByLink", unsubscribe_by_link, LANE_READ, OPEN, QUOTA_WRITE, RPC_MUTATES,
           LEAD_KB),
    METHOD(ENGAGE, "CreateSuppression", create_suppression, LANE_READ, "consent.write", QUOTA_WRITE,
           RPC_MUTATES, LEAD_KB),
    METHOD(ENGAGE, "GetSuppression", get_suppression, LANE_READ, "engage.read", QUOTA_READ, 0, LEAD_KB),
    METHOD(ENGAGE, "ListSuppressions", list_suppressions, LANE_DB, "engage.read", QUOTA_READ, 0, 16384),
    METHOD(ENGAGE, "DeleteSuppression", delete_suppression, LANE_READ, "consent.write", QUOTA_WRITE,
           RPC_MUTATES, 1024),
    METHOD(ENGAGE, "GetSendPolicy", get_send_policy, LANE_READ, "engage.read", QUOTA_READ, 0, 1024),
    METHOD(ENGAGE, "UpdateSendPolicy", update_send_policy, LANE_READ, "engage.write", QUOTA_ADMIN,
           RPC_MUTATES, 1024),
    METHOD(ENGAGE, "ExplainSendDecision", explain_send_decision, LANE_DB, "engage.read", QUOTA_READ, 0,
           LEAD_KB),
    METHOD(ENGAGE, "CreateJourney", create_journey, LANE_DB, "engage.write", QUOTA_ADMIN, RPC_MUTATES, 4096),
    METHOD(ENGAGE, "GetJourney", get_journey, LANE_DB, "engage.read", QUOTA_READ, 0, 2048),
    METHOD(ENGAGE, "ListJourneys", list_journeys, LANE_DB, "engage.read", QUOTA_READ, 0, 131072),
    METHOD(ENGAGE, "PublishJourney", publish_journey, LANE_DB, "engage.write", QUOTA_ADMIN, RPC_MUTATES,
           131072),
    METHOD(ENGAGE, "PauseJourney", pause_journey, LANE_DB, "engage.write", QUOTA_ADMIN, RPC_MUTATES, 2048),
    METHOD(ENGAGE, "ResumeJourney", resume_journey, LANE_DB, "engage.write", QUOTA_ADMIN, RPC_MUTATES, 2048),
    METHOD(ENGAGE, "RetireJourney", retire_journey, LANE_DB, "engage.write", QUOTA_ADMIN, RPC_MUTATES, 2048),
    METHOD(ENGAGE, "SimulateJourney", simulate_journey, LANE_DB, "engage.read", QUOTA_BULK, 0, 16384),
    METHOD(ENGAGE, "EnrollLead", enroll_lead, LANE_DB, "engage.send", QUOTA_WRITE, RPC_MUTATES, LEAD_KB),
    METHOD(ENGAGE, "UnenrollLead", unenroll_lead, LANE_DB, "engage.send", QUOTA_WRITE, RPC_MUTATES, LEAD_KB),
    METHOD(ENGAGE, "GetEnrollment", get_enrollment, LANE_DB, "engage.read", QUOTA_READ, 0, 128),
    METHOD(ENGAGE, "ListEnrollments", list_enrollments, LANE_DB, "engage.read", QUOTA_READ, 0, 16384),

    METHOD(MODEL, "ImportModel", import_model, LANE_SLOW, "models.write", QUOTA_ADMIN, RPC_MUTATES,
           80 * 1024),
    METHOD(MODEL, "GetModelVersion", get_model_version, LANE_DB, "models.read", QUOTA_READ, 0, 1024),
    METHOD(MODEL, "ListModelVersions", list_model_versions, LANE_DB, "models.read", QUOTA_READ, 0, 16384),
    METHOD(MODEL, "PromoteModel", promote_model, LANE_DB, "models.promote", QUOTA_ADMIN, RPC_MUTATES, 1024),
    METHOD(MODEL, "RollbackModel", rollback_model, LANE_DB, "models.promote", QUOTA_ADMIN, RPC_MUTATES, 1024),
    METHOD(MODEL, "FitEngagementModel", fit_engagement_model, LANE_SLOW, "models.write", QUOTA_ADMIN,
           RPC_MUTATES, 131072),
    METHOD(MODEL, "GetEngagementModel", get_engagement_model, LANE_DB, "models.read", QUOTA_READ, 0, 256),

    METHOD(AUTH, "CreateSession", create_session, LANE_GLANCE, OPEN, QUOTA_LOGIN, RPC_MUTATES, 128),
    METHOD(AUTH, "RefreshSession", refresh_session, LANE_READ, OPEN, QUOTA_LOGIN, RPC_MUTATES, 64),
    METHOD(AUTH, "RevokeSession", revoke_session, LANE_READ, "self", QUOTA_ADMIN, RPC_MUTATES, 64),
    METHOD(AUTH, "GetPrincipal", get_principal, LANE_INLINE, "self", QUOTA_READ, 0, 64),
    METHOD(AUTH, "GetJwks", get_jwks, LANE_INLINE, OPEN, QUOTA_READ, 0, 64),
    METHOD(AUTH, "TestPermissions", test_permissions, LANE_INLINE, "self", QUOTA_READ, 0, 64),
    METHOD(AUTH, "ChangePassword", change_password, LANE_GLANCE, "self", QUOTA_LOGIN, RPC_MUTATES, 256),
    METHOD(AUTH, "CreateUser", create_user, LANE_SLOW, "iam.write", QUOTA_ADMIN, RPC_MUTATES, 256),
    METHOD(AUTH, "GetUser", get_user, LANE_READ, "iam.read", QUOTA_READ, 0, 128),
    METHOD(AUTH, "ListUsers", list_users, LANE_DB, "iam.read", QUOTA_READ, 0, 16384),
    METHOD(AUTH, "UpdateUser", update_user, LANE_DB, "iam.write", QUOTA_ADMIN, RPC_MUTATES, 128),
    METHOD(AUTH, "ResetPassword", reset_password, LANE_SLOW, "iam.write", QUOTA_ADMIN, RPC_MUTATES, 256),
    METHOD(AUTH, "DeleteUser", delete_user, LANE_DB, "iam.write", QUOTA_ADMIN, RPC_MUTATES, 128),
    METHOD(AUTH, "CreateServiceAccount", create_service_account, LANE_DB, "iam.write", QUOTA_ADMIN,
           RPC_MUTATES, 128),
    METHOD(AUTH, "GetServiceAccount", get_service_account, LANE_READ, "iam.read", QUOTA_READ, 0, 128),
    METHOD(AUTH, "ListServiceAccounts", list_service_accounts, LANE_DB, "iam.read", QUOTA_READ, 0, 16384),
    METHOD(AUTH, "UpdateServiceAccount", update_service_account, LANE_DB, "iam.write", QUOTA_ADMIN,
           RPC_MUTATES, 128),
    METHOD(AUTH, "DeleteServiceAccount", delete_service_account, LANE_DB, "iam.write", QUOTA_ADMIN,
           RPC_MUTATES, 128),
    METHOD(AUTH, "CreateApiKey", create_api_key, LANE_DB, "iam.write", QUOTA_ADMIN, RPC_MUTATES, 128),
    METHOD(AUTH, "ListApiKeys", list_api_keys, LANE_DB, "iam.read", QUOTA_READ, 0, 256),
    METHOD(AUTH, "RotateApiKey", rotate_api_key, LANE_DB, "iam.write", QUOTA_ADMIN, RPC_MUTATES, 128),
    METHOD(AUTH, "DeleteApiKey", delete_api_key, LANE_DB, "iam.write", QUOTA_ADMIN, RPC_MUTATES, 128),
    METHOD(AUTH, "CreateRole", create_role, LANE_DB, "iam.write", QUOTA_ADMIN, RPC_MUTATES, 128),
    METHOD(AUTH, "GetRole", get_role, LANE_READ, "iam.read", QUOTA_READ, 0, 128),
    METHOD(AUTH, "ListRoles", list_roles, LANE_DB, "iam.read", QUOTA_READ, 0, 16384),
    METHOD(AUTH, "UpdateRole", update_role, LANE_DB, "iam.write", QUOTA_ADMIN, RPC_MUTATES, 128),
    METHOD(AUTH, "DeleteRole", delete_role, LANE_DB, "iam.write", QUOTA_ADMIN, RPC_MUTATES, 128),
    METHOD(AUTH, "CreateWorkspace", create_workspace, LANE_SLOW, "workspaces.write", QUOTA_ADMIN, RPC_MUTATES,
           256),
    METHOD(AUTH, "GetWorkspace", get_workspace, LANE_READ, "workspaces.read", QUOTA_READ, 0, 128),
    METHOD(AUTH, "ListWorkspaces", list_workspaces, LANE_DB, "workspaces.read", QUOTA_READ, 0, 16384),
    METHOD(AUTH, "UpdateWorkspace", update_workspace, LANE_DB, "workspaces.write", QUOTA_ADMIN, RPC_MUTATES,
           128),

    METHOD(AUDIT, "ListAuditEvents", list_audit_events, LANE_DB, "audit.read", QUOTA_READ, 0, 16384),
    METHOD(AUDIT, "VerifyAuditChain", verify_audit_chain, LANE_DB, "audit.read", QUOTA_BULK, 0, 512),
    METHOD(AUDIT, "CreateCheckpoint", create_checkpoint, LANE_DB, "audit.write", QUOTA_ADMIN, RPC_MUTATES,
           128),
    METHOD(AUDIT, "EraseSubject", erase_subject, LANE_DB, "subjects.erase", QUOTA_WRITE, RPC_MUTATES,
           LEAD_KB),
    METHOD(AUDIT, "GetErasure", get_erasure, LANE_DB, "subjects.read", QUOTA_READ, 0, 128),
    METHOD(AUDIT, "GetErasureCertificate", get_erasure_certificate, LANE_DB, "subjects.read", QUOTA_READ, 0,
           128),
    METHOD(AUDIT, "ExportSubject", export_subject, LANE_DB, "subjects.read", QUOTA_BULK, 0, LEAD_KB),

    METHOD(SYSTEM, "GetSystemStatus", get_system_status, LANE_DB, "system.read", QUOTA_READ, 0, 128),
    METHOD(SYSTEM, "ListParkedEvents", list_parked_events, LANE_DB, "system.read", QUOTA_READ, 0, 4096),
    METHOD(SYSTEM, "RetryParkedEvent", retry_parked_event, LANE_DB, "engage.send", QUOTA_WRITE, RPC_MUTATES,
           65536),
    METHOD(SYSTEM, "DismissParkedEvent", dismiss_parked_event, LANE_DB, "engage.send", QUOTA_WRITE,
           RPC_MUTATES, 128),
    METHOD(SYSTEM, "ResumeDelivery", resume_delivery, LANE_DB, "system.admin", QUOTA_ADMIN, RPC_MUTATES, 128),
    METHOD(SYSTEM, "GetConfig", get_config, LANE_INLINE, "system.admin", QUOTA_READ, 0, 128),
};

const struct rpc_method *services(unsigned max_processing_ms, struct arena *a, size_t *ret_n)
{
    struct rpc_method *rows = ARENA_ARRAY(a, COUNT(methods), struct rpc_method);
    if (!rows)
        return NULL;
    memcpy(rows, methods, sizeof methods);
    for (size_t i = 0; i < COUNT(methods); i++)
        if (rows[i].handler->shape == RPC_SHAPE_UNARY)
            rows[i].max_deadline_ms = max_processing_ms;
    *ret_n = COUNT(methods);
    return rows;
}
