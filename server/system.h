/* system.h: SystemService: what runs, and how it does. */
#ifndef SERVER_SYSTEM_H
#define SERVER_SYSTEM_H

#include "base/ctx.h"
#include "proto/names.h"

C_BEGIN

/* Fails: nothing but memory; a dependency that is away is part of the answer. */
MUSTCHECK struct status get_system_status(struct ctx *c, const GetSystemStatusRequest *req,
                                          SystemStatus *res);
MUSTCHECK struct status resume_delivery(struct ctx *c, const ResumeDeliveryRequest *req, SystemStatus *res);
MUSTCHECK struct status get_config(struct ctx *c, const GetConfigRequest *req, Config *res);

C_END
#endif
