/* journey.h: what is done with leads over days (proto/marketing/v1/journey.proto, docs/journeys.md).
 *
 * A lead in a journey is a row of `enrollment`. Events and time push it on (plan.h says where to); each move
 * states the version of the row that it read, so that none is made twice, and adds the messages that it plans
 * to the same commit. */
#ifndef AGENTS_ENGAGE_JOURNEY_JOURNEY_H
#define AGENTS_ENGAGE_JOURNEY_JOURNEY_H

#include "agents/record/event_log.h"

C_BEGIN

/* Handlers. */
MUSTCHECK struct status create_journey(struct ctx *c, const CreateJourneyRequest *req, Journey *res);
MUSTCHECK struct status get_journey(struct ctx *c, const GetJourneyRequest *req, Journey *res);
MUSTCHECK struct status list_journeys(struct ctx *c, const ListJourneysRequest *req,
                                      ListJourneysResponse *res);
MUSTCHECK struct status publish_journey(struct ctx *c, const PublishJourneyRequest *req, Journey *res);
MUSTCHECK struct status pause_journey(struct ctx *c, const PauseJourneyRequest *req, Journey *res);
MUSTCHECK struct status resume_journey(struct ctx *c, const ResumeJourneyRequest *req, Journey *res);
MUSTCHECK struct status retire_journey(struct ctx *c, const RetireJourneyRequest *req, Journey *res);
MUSTCHECK struct status enroll_lead(struct ctx *c, const EnrollLeadRequest *req, Enrollment *res);
MUSTCHECK struct status unenroll_lead(struct ctx *c, const UnenrollLeadRequest *req, Enrollment *res);
MUSTCHECK struct status get_enrollment(struct ctx *c, const GetEnrollmentRequest *req, Enrollment *res);
MUSTCHECK struct status list_enrollments(struct ctx *c, const ListEnrollmentsRequest *req,
                                         ListEnrollmentsResponse *res);

/* Reactions (agents/orchestrator): the event may make its lead enter journeys, move in them, or leave. */
MUSTCHECK struct status journeys_on_lead(struct ctx *c, const struct event_seen *e);
MUSTCHECK struct status journeys_on_lead_event(struct ctx *c, const struct event_seen *e);
MUSTCHECK struct status journeys_on_released(struct ctx *c, const struct event_seen *e);
MUSTCHECK struct status journeys_on_lead_gone(struct ctx *c, const struct event_seen *e);

/* A job: moves the leads whose wait has ended, and lets in those who were there when a segment's journey was
 * published, in commits of its own. */
MUSTCHECK struct status journeys_on_time(struct ctx *c);

/* The journeys in service, for active.h. */
MUSTCHECK struct status journeys_load(struct ctx *c, const char *resource_id, const char *version,
                                      void **ret);
void journeys_unload(void *journeys);

extern const struct stmt_table journey_statements;

C_END
#endif
