/* app.h: the parts of the running house that main opened. Handlers reach them through ctx->app; nothing is
 * global. */
#ifndef AGENTS_RECORD_APP_H
#define AGENTS_RECORD_APP_H

#include "base/ctx.h"
#include "proto/names.h"

C_BEGIN

struct db;
struct committer;
struct scoring;
struct known;
struct iam;
struct audit;
struct moved;
struct denied;
struct signer;
struct orchestrator;
struct forms;
struct delivery;
struct drafting;
struct send_limits;
struct zones;
struct lead_row; /* agents/record/leads.h */
struct active;

struct app {
    struct db *db;
    struct committer *committer;
    struct active *active; /* agents/record/active.h: what each workspace has in service */
    struct known *known;   /* agents/record/known.h: identities that may exist; NULL: all */
    const char *code_version;
    struct zones *zones;         /* agents/engage/gate/zones.h: time zones */
    unsigned max_channels;       /* of the built-in send policy, 1 to 6 */
    double confidence_threshold; /* of the built-in routing policy, 0.5 to 1 */
    double chooser_explore;      /* agents/engage/chooser: the share of a choice that is spread evenly */
    int64_t chooser_window_us;   /* after a message has left: a reward counts for so long */
    struct scoring *scoring;     /* agents/record/scoring.h: trusted model keys, and the models kept loaded */
    struct iam *iam;             /* who calls: server/iam/iam.h */
    struct signer *signer;       /* agents/record/signer.h: signs what others keep */
    struct audit *audit;         /* agents/audit/audit.h: the chain over the event log */
    struct moved *moved;         /* agents/record/moved.h: whether things may leave; NULL: they may */
    struct denied *denied;       /* agents/record/denied.h: refused calls on their way into the event log */
    struct forms *forms;         /* agents/engage/template/templates.h: compiled templates */
    struct orchestrator *orchestrator; /* agents/orchestrator/orchestrator.h: reactions to events */
    const struct send_limits *send;    /* agents/engage/send/send.h: what holds for all channels */
    struct drafting *drafting;         /* agents/engage/draft/draft.h: who drafts templates */
    /* agents/engage/delivery/delivery.h: sends what is due; NULL: nothing is sent. */
    struct delivery *delivery;
    /* The link by which the lead of a message says that it wants no more of them, in the ctx's arena; NULL
     * where there is none to give. */
    const char *(*unsubscribe_url)(struct ctx *c, const Message *m);
    const char *public_url; /* what links in messages begin with, "https://host"; "": there are none */
    struct str secret_key;  /* keys of page tokens and signatures are derived from it */
    /* Decides on a lead that was resolved and adds lead, decision and event to the ctx's unit:
     * agents/triage/triage.h. Through this port other agents have a lead triaged in their own commit. */
    struct status (*triage)(struct ctx *c, struct lead_row *row, bool explain, Decision **ret);
    /* Chooses again by what a decision of kind CHOICE holds: agents/engage/chooser/chooser.h. */
    struct status (*choose_again)(struct ctx *c, const Decision *d, Decision **ret);
};

C_END
#endif
