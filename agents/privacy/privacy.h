/* privacy.h: the right to be forgotten and the right to know: the handlers of AuditService's EraseSubject,
 * GetErasure, GetErasureCertificate and ExportSubject (proto/marketing/v1/privacy.proto).
 *
 * By its nature this room reaches every table that holds something about a person, whoever owns the table:
 * privacy_sql.c is the list, and tests/e2e/privacy_test.go refuses a table that neither the list nor the test
 * knows. Erasing begins in the commit of EraseSubject, which takes the lead, all rows that bear its id and
 * the person's keys (agents/record/subject_key.h); what has to be searched (decisions of builds without keys,
 * stored replies, rejected rows of imports) is swept by a job in small steps that go on after a restart. */
#ifndef AGENTS_PRIVACY_PRIVACY_H
#define AGENTS_PRIVACY_PRIVACY_H

#include "agents/record/app.h"

C_BEGIN

MUSTCHECK struct status erase_subject(struct ctx *c, const EraseSubjectRequest *req, Erasure *res);
MUSTCHECK struct status get_erasure(struct ctx *c, const GetErasureRequest *req, Erasure *res);
MUSTCHECK struct status get_erasure_certificate(struct ctx *c, const GetErasureCertificateRequest *req,
                                                ErasureCertificate *res);

struct subject_export;
MUSTCHECK struct status export_subject_open(struct ctx *c, const ExportSubjectRequest *req,
                                            struct subject_export **ret);
/* Fills the next message; *ret_more: there is one. */
MUSTCHECK struct status export_subject(struct ctx *c, struct subject_export *x, ExportSubjectResponse *res,
                                       bool *ret_more);

/* A job: the next step of the oldest erasure under way. */
MUSTCHECK struct status privacy_sweep(struct ctx *c);

extern const struct stmt_table privacy_statements;

C_END
#endif
