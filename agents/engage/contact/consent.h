/* consent.h: the handlers of EngageService that say what may be sent: consent, suppression, the send policy,
 * and what the gate says of a message. proto/marketing/v1/engage.proto documents each. */
#ifndef AGENTS_ENGAGE_CONTACT_CONSENT_H
#define AGENTS_ENGAGE_CONTACT_CONSENT_H

#include "agents/record/app.h"

C_BEGIN

MUSTCHECK struct status get_consent(struct ctx *c, const GetConsentRequest *req, GetConsentResponse *res);
MUSTCHECK struct status update_consent(struct ctx *c, const UpdateConsentRequest *req, Consent *res);
MUSTCHECK struct status unsubscribe(struct ctx *c, const UnsubscribeRequest *req, UnsubscribeResponse *res);

MUSTCHECK struct status create_suppression(struct ctx *c, const CreateSuppressionRequest *req,
                                           Suppression *res);
MUSTCHECK struct status get_suppression(struct ctx *c, const GetSuppressionRequest *req, Suppression *res);
MUSTCHECK struct status list_suppressions(struct ctx *c, const ListSuppressionsRequest *req,
                                          ListSuppressionsResponse *res);
MUSTCHECK struct status delete_suppression(struct ctx *c, const DeleteSuppressionRequest *req, Empty *res);

MUSTCHECK struct status get_send_policy(struct ctx *c, const GetSendPolicyRequest *req, SendPolicy *res);
MUSTCHECK struct status update_send_policy(struct ctx *c, const UpdateSendPolicyRequest *req,
                                           SendPolicy *res);

MUSTCHECK struct status explain_send_decision(struct ctx *c, const ExplainSendDecisionRequest *req,
                                              ExplainSendDecisionResponse *res);

/* The answer of a gate, for people. */
struct gate_result;
MUSTCHECK struct status send_decision_show(struct ctx *c, const struct gate_result *g,
                                           ExplainSendDecisionResponse *res);

C_END
#endif
