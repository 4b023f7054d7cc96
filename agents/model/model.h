/* model.h: what the model agent offers: the handlers of ModelService, and the loaders of what scores.
 *
 * proto/marketing/v1/model.proto documents each RPC, its limits and its errors. */
#ifndef AGENTS_MODEL_MODEL_H
#define AGENTS_MODEL_MODEL_H

#include "agents/record/active.h"
#include "agents/record/scoring.h"

C_BEGIN

struct model_import;
MUSTCHECK struct status import_model_open(struct ctx *c, struct model_import **ret);
MUSTCHECK struct status import_model_item(struct ctx *c, struct model_import *s,
                                          const ImportModelRequest *req);
void import_model_committed(struct ctx *c, struct model_import *s);
MUSTCHECK struct status import_model_finish(struct ctx *c, struct model_import *s, ModelVersion *res);

MUSTCHECK struct status get_model_version(struct ctx *c, const GetModelVersionRequest *req,
                                          ModelVersion *res);
MUSTCHECK struct status list_model_versions(struct ctx *c, const ListModelVersionsRequest *req,
                                            ListModelVersionsResponse *res);
MUSTCHECK struct status promote_model(struct ctx *c, const PromoteModelRequest *req, ModelVersion *res);
MUSTCHECK struct status rollback_model(struct ctx *c, const RollbackModelRequest *req,
                                       RollbackModelResponse *res);
MUSTCHECK struct status fit_engagement_model(struct ctx *c, const FitEngagementModelRequest *req,
                                             EngagementModel *res);
MUSTCHECK struct status get_engagement_model(struct ctx *c, const GetEngagementModelRequest *req,
                                             EngagementModel *res);

/* The loader of ACTIVE_MODEL: gives a struct scorer. */
MUSTCHECK struct status model_slot_load(struct ctx *c, const char *resource_id, const char *version,
                                        void **ret);
void model_slot_unload(void *scorer);

/* The loader of ACTIVE_ENGAGEMENT: gives a struct engagement_axis. */
MUSTCHECK struct status engagement_slot_load(struct ctx *c, const char *resource_id, const char *version,
                                             void **ret);
void engagement_slot_unload(void *axis);

extern const struct stmt_table model_statements;

C_END
#endif
