#include "server/services.h"

#include "agents/audit/audit.h"
#include "agents/engage/channel/channel.h"
#include "agents/engage/chooser/chooser.h"
#include "agents/engage/contact/consent.h"
#include "agents/engage/contact/owner.h"
#include "agents/engage/contact/policy.h"
#include "agents/engage/delivery/delivery.h"
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
#include "agents/record/contact.h"
#include "agents/record/decisions.h"
#include "agents/record/engagement.h"
#include "agents/record/event_log.h"
#include "agents/record/events.h"
#include "agents/record/known.h"
#include "agents/record/lead_events.h"
#include "agents/record/leads.h"
#include "agents/record/moved.h"
#include "agents/record/scoring.h"
#include "agents/record/suppression.h"
#include "agents/triage/triage.h"
#include "server/gate/auth.h"
#include "server/gate/idem.h"
#include "server/gate/quota.h"
#include "server/iam/iam.h"
#include "server/system.h"

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
static struct status watch_messages_next(struct ctx *c, struct message_watch *w, WatchMessagesResponse *res,
                                         enum rpc_next *ret)
{
    bool send = false;
    struct status s = watch_messages(c, w, res, &send);
    *ret = send ? RPC_SEND : RPC_WAIT;
    return s;
}

static struct status simulate_journey_next(struct ctx *c, struct simulation *sim,
                                           SimulateJourneyResponse *res, enum rpc_next *ret)
{
    bool more = false;
    struct status s = simulate_journey(c, sim, res, &more);
    *ret = more ? RPC_SEND : RPC_END;
    return s;
}

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

static struct status verify_audit_chain_next(struct ctx *c, struct verification *v,
                                             VerifyAuditChainResponse *res, enum rpc_next *ret)
{
    bool more = false;
    struct status s = verify_audit_chain(c, v, res, &more);
    *ret = more ? RPC_SEND : RPC_END;
    return s;
}

static struct status draft_template_next(struct ctx *c, struct draft *d, DraftTemplateResponse *res,
                                         enum rpc_next *ret)
{
    bool found = false, ended = false;
    struct status s = draft_template(c, d, res, &found, &ended);
    *ret = found ? RPC_SEND : ended ? RPC_END : RPC_WAIT;
    return s;
}

static struct status export_subject_next(struct ctx *c, struct subject_export *x, ExportSubjectResponse *res,
                                         enum rpc_next *ret)
{
    bool more = false;
    struct status s = export_subject(c, x, res, &more);
    *ret = more ? RPC_SEND : RPC_END;
    return s;
}

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

/* A legal lead holds 2 MiB of attributes, so methods that take one have a budget of some copies of it; arenas
 * grow only when they must. Longest time of unary calls: 0 stands for the option max_processing_time. Streams
 * end with their caller. */
static const struct rpc_method methods[] = {
    { LEAD, "CreateLead", &create_lead_rpc, LANE_READ, "leads.write", QUOTA_WRITE, RPC_MUTATES, LEAD_KB, 0 },
    { LEAD, "GetLead", &get_lead_rpc, LANE_READ, "leads.read", QUOTA_READ, 0, LEAD_KB, 0 },
    { LEAD, "ListLeads", &list_leads_rpc, LANE_DB, "leads.read", QUOTA_READ, 0, 16384, 0 },
    { LEAD, "UpdateLead", &update_lead_rpc, LANE_READ, "leads.write", QUOTA_WRITE, RPC_MUTATES, LEAD_KB, 0 },
    { LEAD, "DeleteLead", &delete_lead_rpc, LANE_DB, "leads.delete", QUOTA_WRITE, RPC_MUTATES, 128, 0 },
    { LEAD, "BatchCreateLeads", &batch_create_leads_rpc, LANE_DB, "leads.write", QUOTA_BULK, RPC_MUTATES,
      65536, 0 },
    { LEAD, "ImportLeads", &import_leads_rpc, LANE_DB, "leads.import", QUOTA_BULK, RPC_MUTATES | RPC_AHEAD,
      131072, 0 },
    { LEAD, "GetLeadImport", &get_lead_import_rpc, LANE_READ, "leads.read", QUOTA_READ, 0, 128, 0 },
    { LEAD, "ListLeadImportRejects", &list_lead_import_rejects_rpc, LANE_DB, "leads.read", QUOTA_READ, 0,
      16384, 0 },
    { LEAD, "MergeLeads", &merge_leads_rpc, LANE_DB, "leads.write", QUOTA_WRITE, RPC_MUTATES, LEAD_KB, 0 },
    { LEAD, "IngestEvents", &ingest_events_rpc, LANE_DB, "leads.write", QUOTA_BULK, RPC_MUTATES, 32768, 0 },
    { LEAD, "ListLeadEvents", &list_lead_events_rpc, LANE_DB, "leads.read", QUOTA_READ, 0, 16384, 0 },
    { LEAD, "RecordOutcome", &record_outcome_rpc, LANE_READ, "leads.write", QUOTA_WRITE, RPC_MUTATES, LEAD_KB,
      0 },

    { TRIAGE, "TriageLead", &triage_lead_rpc, LANE_READ, "leads.triage", QUOTA_WRITE, RPC_MUTATES, LEAD_KB,
      0 },
    { TRIAGE, "BatchTriageLeads", &batch_triage_leads_rpc, LANE_DB, "leads.triage", QUOTA_BULK, RPC_MUTATES,
      131072, 0 },
    { TRIAGE, "StreamTriage", &stream_triage_rpc, LANE_READ, "leads.triage", QUOTA_BULK, RPC_MUTATES, LEAD_KB,
      0 },
    { TRIAGE, "ScoreLead", &score_lead_rpc, LANE_READ, "leads.score", QUOTA_READ, 0, LEAD_KB, 0 },
    { TRIAGE, "GetDecision", &get_decision_rpc, LANE_READ, "decisions.read", QUOTA_READ, 0, LEAD_KB, 0 },
    { TRIAGE, "ListDecisions", &list_decisions_rpc, LANE_DB, "decisions.read", QUOTA_READ, 0, 16384, 0 },
    { TRIAGE, "ExplainDecision", &explain_decision_rpc, LANE_DB, "decisions.read", QUOTA_READ, 0, LEAD_KB,
      0 },
    { TRIAGE, "ReplayDecision", &replay_decision_rpc, LANE_DB, "decisions.read", QUOTA_READ, 0, LEAD_KB, 0 },
    { TRIAGE, "OverrideDecision", &override_decision_rpc, LANE_DB, "decisions.override", QUOTA_WRITE,
      RPC_MUTATES, LEAD_KB, 0 },
    { TRIAGE, "CreateRoutingPolicy", &create_routing_policy_rpc, LANE_DB, "policies.write", QUOTA_ADMIN,
      RPC_MUTATES, 1024, 0 },
    { TRIAGE, "GetRoutingPolicy", &get_routing_policy_rpc, LANE_DB, "policies.read", QUOTA_READ, 0, 512, 0 },
    { TRIAGE, "ListRoutingPolicies", &list_routing_policies_rpc, LANE_DB, "policies.read", QUOTA_READ, 0,
      16384, 0 },
    { TRIAGE, "PublishRoutingPolicy", &publish_routing_policy_rpc, LANE_DB, "policies.publish", QUOTA_ADMIN,
      RPC_MUTATES, 1024, 0 },
    { TRIAGE, "TestRoutingPolicy", &test_routing_policy_rpc, LANE_SLOW, "policies.read", QUOTA_BULK, 0, 65536,
      0 },
    { TRIAGE, "RollbackRoutingPolicy", &rollback_routing_policy_rpc, LANE_DB, "policies.publish", QUOTA_ADMIN,
      RPC_MUTATES, 1024, 0 },

    { ENGAGE, "CreateTemplate", &create_template_rpc, LANE_DB, "engage.write", QUOTA_ADMIN, RPC_MUTATES, 8192,
      0 },
    { ENGAGE, "GetTemplate", &get_template_rpc, LANE_DB, "engage.read", QUOTA_READ, 0, 4096, 0 },
    { ENGAGE, "ListTemplates", &list_templates_rpc, LANE_DB, "engage.read", QUOTA_READ, 0, 131072, 0 },
    { ENGAGE, "PublishTemplate", &publish_template_rpc, LANE_DB, "engage.write", QUOTA_ADMIN, RPC_MUTATES,
      8192, 0 },
    { ENGAGE, "DeleteTemplate", &delete_template_rpc, LANE_DB, "engage.write", QUOTA_ADMIN, RPC_MUTATES, 128,
      0 },
    { ENGAGE, "DraftTemplate", &draft_template_rpc, LANE_SLOW, "engage.write", QUOTA_ADMIN, 0, 16384, 0 },
    { ENGAGE, "RenderTemplate", &render_template_rpc, LANE_DB, "engage.read", QUOTA_READ, 0, LEAD_KB, 0 },
    { ENGAGE, "CreateChannel", &create_channel_rpc, LANE_DB, "channels.write", QUOTA_ADMIN, RPC_MUTATES, 256,
      0 },
    { ENGAGE, "GetChannel", &get_channel_rpc, LANE_READ, "engage.read", QUOTA_READ, 0, 128, 0 },
    { ENGAGE, "ListChannels", &list_channels_rpc, LANE_DB, "engage.read", QUOTA_READ, 0, 16384, 0 },
    { ENGAGE, "UpdateChannel", &update_channel_rpc, LANE_DB, "channels.write", QUOTA_ADMIN, RPC_MUTATES, 256,
      0 },
    { ENGAGE, "DeleteChannel", &delete_channel_rpc, LANE_DB, "channels.write", QUOTA_ADMIN, RPC_MUTATES, 128,
      0 },
    { ENGAGE, "TestChannel", &test_channel_rpc, LANE_SLOW, "channels.write", QUOTA_ADMIN, 0, 1024, 0 },
    { ENGAGE, "EngageLead", &engage_lead_rpc, LANE_DB, "engage.send", QUOTA_WRITE, RPC_MUTATES, LEAD_KB, 0 },
    { ENGAGE, "ListChooserLevels", &list_chooser_levels_rpc, LANE_DB, "engage.read", QUOTA_READ, 0, 16384,
      0 },
    { ENGAGE, "GetMessage", &get_message_rpc, LANE_READ, "engage.read", QUOTA_READ, 0, 128, 0 },
    { ENGAGE, "ListMessages", &list_messages_rpc, LANE_DB, "engage.read", QUOTA_READ, 0, 16384, 0 },
    { ENGAGE, "WatchMessages", &watch_messages_rpc, LANE_DB, "engage.read", QUOTA_READ, 0, 4096, 0 },
    { ENGAGE, "PreviewMessage", &preview_message_rpc, LANE_DB, "engage.read", QUOTA_READ, 0, LEAD_KB, 0 },
    { ENGAGE, "ResolveUnknownMessage", &resolve_unknown_message_rpc, LANE_READ, "engage.send", QUOTA_WRITE,
      RPC_MUTATES, 128, 0 },
    { ENGAGE, "CancelMessage", &cancel_message_rpc, LANE_READ, "engage.send", QUOTA_WRITE, RPC_MUTATES, 128,
      0 },
    { ENGAGE, "RecordDeliveryEvents", &record_delivery_events_rpc, LANE_DB, "feedback.write", QUOTA_BULK,
      RPC_MUTATES, 32768, 0 },
    { ENGAGE, "IngestMailReport", &ingest_mail_report_rpc, LANE_DB, "feedback.write", QUOTA_WRITE,
      RPC_MUTATES, 32768, 0 },
    { ENGAGE, "ReceiveDeliveryEvents", &receive_delivery_events_rpc, LANE_DB, OPEN, QUOTA_BULK, RPC_MUTATES,
      32768, 0 },
    { ENGAGE, "ResolveMessageLink", &resolve_message_link_rpc, LANE_INLINE, OPEN, QUOTA_READ, 0, 64, 0 },
    { ENGAGE, "RecordMessageLink", &record_message_link_rpc, LANE_DB, OPEN, QUOTA_WRITE, RPC_MUTATES, LEAD_KB,
      0 },
    { ENGAGE, "GetConsent", &get_consent_rpc, LANE_READ, "engage.read", QUOTA_READ, 0, LEAD_KB, 0 },
    { ENGAGE, "UpdateConsent", &update_consent_rpc, LANE_READ, "consent.write", QUOTA_WRITE, RPC_MUTATES,
      LEAD_KB, 0 },
    { ENGAGE, "AssignOwner", &assign_owner_rpc, LANE_READ, "engage.send", QUOTA_WRITE, RPC_MUTATES, LEAD_KB,
      0 },
    { ENGAGE, "ReleaseOwner", &release_owner_rpc, LANE_READ, "engage.send", QUOTA_WRITE, RPC_MUTATES, LEAD_KB,
      0 },
    { ENGAGE, "Unsubscribe", &unsubscribe_rpc, LANE_READ, "consent.write", QUOTA_WRITE, RPC_MUTATES, LEAD_KB,
      0 },
    { ENGAGE, "UnsubscribeByLink", &unsubscribe_by_link_rpc, LANE_READ, OPEN, QUOTA_WRITE, RPC_MUTATES,
      LEAD_KB, 0 },
    { ENGAGE, "CreateSuppression", &create_suppression_rpc, LANE_READ, "consent.write", QUOTA_WRITE,
      RPC_MUTATES, LEAD_KB, 0 },
    { ENGAGE, "GetSuppression", &get_suppression_rpc, LANE_READ, "engage.read", QUOTA_READ, 0, LEAD_KB, 0 },
    { ENGAGE, "ListSuppressions", &list_suppressions_rpc, LANE_DB, "engage.read", QUOTA_READ, 0, 16384, 0 },
    { ENGAGE, "DeleteSuppression", &delete_suppression_rpc, LANE_READ, "consent.write", QUOTA_WRITE,
      RPC_MUTATES, 1024, 0 },
    { ENGAGE, "GetSendPolicy", &get_send_policy_rpc, LANE_READ, "engage.read", QUOTA_READ, 0, 1024, 0 },
    { ENGAGE, "UpdateSendPolicy", &update_send_policy_rpc, LANE_READ, "engage.write", QUOTA_ADMIN,
      RPC_MUTATES, 1024, 0 },
    { ENGAGE, "ExplainSendDecision", &explain_send_decision_rpc, LANE_DB, "engage.read", QUOTA_READ, 0,
      LEAD_KB, 0 },
    { ENGAGE, "CreateJourney", &create_journey_rpc, LANE_DB, "engage.write", QUOTA_ADMIN, RPC_MUTATES, 4096,
      0 },
    { ENGAGE, "GetJourney", &get_journey_rpc, LANE_DB, "engage.read", QUOTA_READ, 0, 2048, 0 },
    { ENGAGE, "ListJourneys", &list_journeys_rpc, LANE_DB, "engage.read", QUOTA_READ, 0, 131072, 0 },
    { ENGAGE, "PublishJourney", &publish_journey_rpc, LANE_DB, "engage.write", QUOTA_ADMIN, RPC_MUTATES,
      131072, 0 },
    { ENGAGE, "PauseJourney", &pause_journey_rpc, LANE_DB, "engage.write", QUOTA_ADMIN, RPC_MUTATES, 2048,
      0 },
    { ENGAGE, "ResumeJourney", &resume_journey_rpc, LANE_DB, "engage.write", QUOTA_ADMIN, RPC_MUTATES, 2048,
      0 },
    { ENGAGE, "RetireJourney", &retire_journey_rpc, LANE_DB, "engage.write", QUOTA_ADMIN, RPC_MUTATES, 2048,
      0 },
    { ENGAGE, "SimulateJourney", &simulate_journey_rpc, LANE_DB, "engage.read", QUOTA_BULK, 0, 16384, 0 },
    { ENGAGE, "EnrollLead", &enroll_lead_rpc, LANE_DB, "engage.send", QUOTA_WRITE, RPC_MUTATES, LEAD_KB, 0 },
    { ENGAGE, "UnenrollLead", &unenroll_lead_rpc, LANE_DB, "engage.send", QUOTA_WRITE, RPC_MUTATES, LEAD_KB,
      0 },
    { ENGAGE, "GetEnrollment", &get_enrollment_rpc, LANE_DB, "engage.read", QUOTA_READ, 0, 128, 0 },
    { ENGAGE, "ListEnrollments", &list_enrollments_rpc, LANE_DB, "engage.read", QUOTA_READ, 0, 16384, 0 },

    { MODEL, "ImportModel", &import_model_rpc, LANE_SLOW, "models.write", QUOTA_ADMIN, RPC_MUTATES, 80 * 1024,
      0 },
    { MODEL, "GetModelVersion", &get_model_version_rpc, LANE_DB, "models.read", QUOTA_READ, 0, 1024, 0 },
    { MODEL, "ListModelVersions", &list_model_versions_rpc, LANE_DB, "models.read", QUOTA_READ, 0, 16384, 0 },
    { MODEL, "PromoteModel", &promote_model_rpc, LANE_DB, "models.promote", QUOTA_ADMIN, RPC_MUTATES, 1024,
      0 },
    { MODEL, "RollbackModel", &rollback_model_rpc, LANE_DB, "models.promote", QUOTA_ADMIN, RPC_MUTATES, 1024,
      0 },
    { MODEL, "FitEngagementModel", &fit_engagement_model_rpc, LANE_SLOW, "models.write", QUOTA_ADMIN,
      RPC_MUTATES, 131072, 0 },
    { MODEL, "GetEngagementModel", &get_engagement_model_rpc, LANE_DB, "models.read", QUOTA_READ, 0, 256, 0 },

    { AUTH, "CreateSession", &create_session_rpc, LANE_GLANCE, OPEN, QUOTA_LOGIN, RPC_MUTATES, 128, 0 },
    { AUTH, "RefreshSession", &refresh_session_rpc, LANE_READ, OPEN, QUOTA_LOGIN, RPC_MUTATES, 64, 0 },
    { AUTH, "RevokeSession", &revoke_session_rpc, LANE_READ, "self", QUOTA_ADMIN, RPC_MUTATES, 64, 0 },
    { AUTH, "GetPrincipal", &get_principal_rpc, LANE_INLINE, "self", QUOTA_READ, 0, 64, 0 },
    { AUTH, "GetJwks", &get_jwks_rpc, LANE_INLINE, OPEN, QUOTA_READ, 0, 64, 0 },
    { AUTH, "TestPermissions", &test_permissions_rpc, LANE_INLINE, "self", QUOTA_READ, 0, 64, 0 },
    { AUTH, "ChangePassword", &change_password_rpc, LANE_GLANCE, "self", QUOTA_LOGIN, RPC_MUTATES, 256, 0 },
    { AUTH, "CreateUser", &create_user_rpc, LANE_SLOW, "iam.write", QUOTA_ADMIN, RPC_MUTATES, 256, 0 },
    { AUTH, "GetUser", &get_user_rpc, LANE_READ, "iam.read", QUOTA_READ, 0, 128, 0 },
    { AUTH, "ListUsers", &list_users_rpc, LANE_DB, "iam.read", QUOTA_READ, 0, 16384, 0 },
    { AUTH, "UpdateUser", &update_user_rpc, LANE_DB, "iam.write", QUOTA_ADMIN, RPC_MUTATES, 128, 0 },
    { AUTH, "ResetPassword", &reset_password_rpc, LANE_SLOW, "iam.write", QUOTA_ADMIN, RPC_MUTATES, 256, 0 },
    { AUTH, "DeleteUser", &delete_user_rpc, LANE_DB, "iam.write", QUOTA_ADMIN, RPC_MUTATES, 128, 0 },
    { AUTH, "CreateServiceAccount", &create_service_account_rpc, LANE_DB, "iam.write", QUOTA_ADMIN,
      RPC_MUTATES, 128, 0 },
    { AUTH, "GetServiceAccount", &get_service_account_rpc, LANE_READ, "iam.read", QUOTA_READ, 0, 128, 0 },
    { AUTH, "ListServiceAccounts", &list_service_accounts_rpc, LANE_DB, "iam.read", QUOTA_READ, 0, 16384, 0 },
    { AUTH, "UpdateServiceAccount", &update_service_account_rpc, LANE_DB, "iam.write", QUOTA_ADMIN,
      RPC_MUTATES, 128, 0 },
    { AUTH, "DeleteServiceAccount", &delete_service_account_rpc, LANE_DB, "iam.write", QUOTA_ADMIN,
      RPC_MUTATES, 128, 0 },
    { AUTH, "CreateApiKey", &create_api_key_rpc, LANE_DB, "iam.write", QUOTA_ADMIN, RPC_MUTATES, 128, 0 },
    { AUTH, "ListApiKeys", &list_api_keys_rpc, LANE_DB, "iam.read", QUOTA_READ, 0, 256, 0 },
    { AUTH, "RotateApiKey", &rotate_api_key_rpc, LANE_DB, "iam.write", QUOTA_ADMIN, RPC_MUTATES, 128, 0 },
    { AUTH, "DeleteApiKey", &delete_api_key_rpc, LANE_DB, "iam.write", QUOTA_ADMIN, RPC_MUTATES, 128, 0 },
    { AUTH, "CreateRole", &create_role_rpc, LANE_DB, "iam.write", QUOTA_ADMIN, RPC_MUTATES, 128, 0 },
    { AUTH, "GetRole", &get_role_rpc, LANE_READ, "iam.read", QUOTA_READ, 0, 128, 0 },
    { AUTH, "ListRoles", &list_roles_rpc, LANE_DB, "iam.read", QUOTA_READ, 0, 16384, 0 },
    { AUTH, "UpdateRole", &update_role_rpc, LANE_DB, "iam.write", QUOTA_ADMIN, RPC_MUTATES, 128, 0 },
    { AUTH, "DeleteRole", &delete_role_rpc, LANE_DB, "iam.write", QUOTA_ADMIN, RPC_MUTATES, 128, 0 },
    { AUTH, "CreateWorkspace", &create_workspace_rpc, LANE_SLOW, "workspaces.write", QUOTA_ADMIN, RPC_MUTATES,
      256, 0 },
    { AUTH, "GetWorkspace", &get_workspace_rpc, LANE_READ, "workspaces.read", QUOTA_READ, 0, 128, 0 },
    { AUTH, "ListWorkspaces", &list_workspaces_rpc, LANE_DB, "workspaces.read", QUOTA_READ, 0, 16384, 0 },
    { AUTH, "UpdateWorkspace", &update_workspace_rpc, LANE_DB, "workspaces.write", QUOTA_ADMIN, RPC_MUTATES,
      128, 0 },

    { AUDIT, "ListAuditEvents", &list_audit_events_rpc, LANE_DB, "audit.read", QUOTA_READ, 0, 16384, 0 },
    { AUDIT, "VerifyAuditChain", &verify_audit_chain_rpc, LANE_DB, "audit.read", QUOTA_BULK, 0, 512, 0 },
    { AUDIT, "CreateCheckpoint", &create_checkpoint_rpc, LANE_DB, "audit.write", QUOTA_ADMIN, RPC_MUTATES,
      128, 0 },
    { AUDIT, "EraseSubject", &erase_subject_rpc, LANE_DB, "subjects.erase", QUOTA_WRITE, RPC_MUTATES, LEAD_KB,
      0 },
    { AUDIT, "GetErasure", &get_erasure_rpc, LANE_DB, "subjects.read", QUOTA_READ, 0, 128, 0 },
    { AUDIT, "GetErasureCertificate", &get_erasure_certificate_rpc, LANE_DB, "subjects.read", QUOTA_READ, 0,
      128, 0 },
    { AUDIT, "ExportSubject", &export_subject_rpc, LANE_DB, "subjects.read", QUOTA_BULK, 0, LEAD_KB, 0 },

    { SYSTEM, "GetSystemStatus", &get_system_status_rpc, LANE_DB, "system.read", QUOTA_READ, 0, 128, 0 },
    { SYSTEM, "ListParkedEvents", &list_parked_events_rpc, LANE_DB, "system.read", QUOTA_READ, 0, 4096, 0 },
    { SYSTEM, "RetryParkedEvent", &retry_parked_event_rpc, LANE_DB, "engage.send", QUOTA_WRITE, RPC_MUTATES,
      65536, 0 },
    { SYSTEM, "DismissParkedEvent", &dismiss_parked_event_rpc, LANE_DB, "engage.send", QUOTA_WRITE,
      RPC_MUTATES, 128, 0 },
    { SYSTEM, "ResumeDelivery", &resume_delivery_rpc, LANE_DB, "system.admin", QUOTA_ADMIN, RPC_MUTATES, 128,
      0 },
    { SYSTEM, "GetConfig", &get_config_rpc, LANE_INLINE, "system.admin", QUOTA_READ, 0, 128, 0 },
};

const struct rpc_method *services(unsigned max_processing_ms, struct arena *a, size_t *ret_n)
{
    struct rpc_method *rows = ARENA_ARRAY(a, COUNT(methods), struct rpc_method);
    if (!rows)
        return NULL;
    memcpy(rows, methods, sizeof methods);
    for (size_t i = 0; i < COUNT(methods); i++)
        if (rows[i].handler->shape == RPC_SHAPE_UNARY && rows[i].max_deadline_ms == 0)
            rows[i].max_deadline_ms = max_processing_ms;
    *ret_n = COUNT(methods);
    return rows;
}

const struct stmt_table *const all_statements[] = {
    &leads_statements,
    &known_statements,
    &events_statements,
    &event_log_statements,
    &decisions_statements,
    &active_statements,
    &engagement_statements,
    &lead_events_statements,
    &scoring_statements,
    &lead_statements,
    &triage_statements,
    &model_statements,
    &idem_statements,
    &iam_statements,
    &audit_statements,
    &privacy_statements,
    &suppression_statements,
    &moved_statements,
    &message_statements,
    &channel_statements,
    &delivery_statements,
    &feedback_statements,
    &contact_statements,
    &send_policy_statements,
    &template_statements,
    &journey_statements,
    &chooser_statements,
    &orchestrator_statements,
    NULL,
};

const struct active_loader active_loaders[ACTIVE_SLOTS] = {
    { "model", model_slot_load, model_slot_unload },
    { "routing_policy", policy_load, policy_unload },
    { "engagement_model", engagement_slot_load, engagement_slot_unload },
    { "journeys", journeys_load, journeys_unload },
};

const struct reaction reactions[] = {
    { "engage", "lead.created", journeys_on_lead },
    { "engage", "lead.updated", journeys_on_lead },
    { "engage", "lead.triaged", journeys_on_lead },
    { "engage", "lead.event_recorded", journeys_on_lead_event },
    { "engage", "lead.owner_released", journeys_on_released },
    { "engage", "lead.merged", journeys_on_lead_gone },
    { "engage", "lead.deleted", journeys_on_lead_gone },
    { "engage", "subject.erased", journeys_on_lead_gone },
    { "chooser", "lead.outcome_recorded", chooser_on_outcome },
    { NULL, NULL, NULL },
};
