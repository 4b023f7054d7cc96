/* lead.h: what the lead agent offers: the handlers of LeadService.
 *
 * proto/marketing/v1/lead.proto documents each RPC, its limits and its errors. Handlers that change something
 * leave it in ctx->unit, with an event of the log for each lead. How leads are found, merged and saved is in
 * agents/record/leads.h. */
#ifndef AGENTS_LEAD_LEAD_H
#define AGENTS_LEAD_LEAD_H

#include "agents/record/app.h"

C_BEGIN

MUSTCHECK struct status create_lead(struct ctx *c, const CreateLeadRequest *req, Lead *res);
MUSTCHECK struct status get_lead(struct ctx *c, const GetLeadRequest *req, Lead *res);
MUSTCHECK struct status list_leads(struct ctx *c, const ListLeadsRequest *req, ListLeadsResponse *res);
MUSTCHECK struct status update_lead(struct ctx *c, const UpdateLeadRequest *req, Lead *res);
MUSTCHECK struct status delete_lead(struct ctx *c, const DeleteLeadRequest *req, Empty *res);
MUSTCHECK struct status merge_leads(struct ctx *c, const MergeLeadsRequest *req, Lead *res);
MUSTCHECK struct status batch_create_leads(struct ctx *c, const BatchCreateLeadsRequest *req,
                                           BatchCreateLeadsResponse *res);

struct lead_import; /* a stream's state */
MUSTCHECK struct status import_leads_open(struct ctx *c, struct lead_import **ret);
MUSTCHECK struct status import_leads_item(struct ctx *c, struct lead_import *s,
                                          const ImportLeadsRequest *req);
void import_leads_committed(struct ctx *c, struct lead_import *s);
MUSTCHECK struct status import_leads_finish(struct ctx *c, struct lead_import *s, LeadImport *res);
MUSTCHECK struct status get_lead_import(struct ctx *c, const GetLeadImportRequest *req, LeadImport *res);
MUSTCHECK struct status list_lead_import_rejects(struct ctx *c, const ListLeadImportRejectsRequest *req,
                                                 ListLeadImportRejectsResponse *res);

MUSTCHECK struct status ingest_events(struct ctx *c, const IngestEventsRequest *req,
                                      IngestEventsResponse *res);
MUSTCHECK struct status list_lead_events(struct ctx *c, const ListLeadEventsRequest *req,
                                         ListLeadEventsResponse *res);
MUSTCHECK struct status record_outcome(struct ctx *c, const RecordOutcomeRequest *req, Outcome *res);

extern const struct stmt_table lead_statements; /* events, outcomes, imports, lists */

C_END
#endif
