/* What the agents bring besides methods: their statements, what they keep loaded, and how they react. */
#include "server/services.h"

#include "agents/audit/audit.h"
#include "agents/engage/channel/channel.h"
#include "agents/engage/chooser/chooser.h"
#include "agents/engage/contact/policy.h"
#include "agents/engage/delivery/delivery.h"
#include "agents/engage/feedback/feedback.h"
#include "agents/engage/journey/journey.h"
#include "agents/engage/message/message.h"
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
#include "server/iam/iam.h"
#include "server/rpc/idem.h"

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

#define JOURNEYS "journeys" /* a slot of what is in service */

const struct active_loader active_loaders[ACTIVE_SLOTS] = {
    { "model", model_slot_load, model_slot_unload },
    { "routing_policy", policy_load, policy_unload },
    { "engagement_model", engagement_slot_load, engagement_slot_unload },
    { JOURNEYS, journeys_load, journeys_unload },
};

const struct reaction reactions[] = {
    { "engage", "lead.created", JOURNEYS, journeys_on_lead },
    { "engage", "lead.updated", JOURNEYS, journeys_on_lead },
    { "engage", "lead.triaged", JOURNEYS, journeys_on_lead },
    { "engage", "lead.event_recorded", JOURNEYS, journeys_on_lead_event },
    { "engage", "lead.owner_released", JOURNEYS, journeys_on_released },
    { "engage", "lead.merged", JOURNEYS, journeys_on_lead_gone },
    { "engage", "lead.deleted", JOURNEYS, journeys_on_lead_gone },
    { "engage", "subject.erased", JOURNEYS, journeys_on_lead_gone },
    { "chooser", "lead.outcome_recorded", "", chooser_on_outcome },
    { NULL, NULL, NULL, NULL },
};
