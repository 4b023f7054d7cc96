/* gate.h: may this message go to this lead now, and if not, when. Facts in, verdicts out: no I/O, no memory,
 * any thread. agents/engage/contact/admit.h gathers the facts; docs/sending.md tells the rules in plain
 * words, and tests/sendgate holds them against a second reading of them.
 *
 * Every gate looks at the same facts as if it were some time t, and gives PASS, DEFER (with the first instant
 * from t on at which it would pass) or REFUSE. The message may go where all pass. All times are microseconds
 * since 1970 UTC.
 *
 * To add a gate: a row in enum gate_name and in the table of gate.c, a value of SendGate in contact.proto,
 * its rule in docs/sending.md and in the oracle. */
#ifndef AGENTS_ENGAGE_GATE_GATE_H
#define AGENTS_ENGAGE_GATE_GATE_H

#include "base/clock.h"
#include "base/zone.h"

C_BEGIN

#define GATE_NEVER INT64_MAX /* no instant is known: only a change of the facts lets the message go */
#define GATE_MEDIA 7         /* Medium of common.proto; 0 stands for all of them */
#define GATE_CAP_LIMIT 50    /* of a cap: so many newest sends of a medium have to be known */
#define GATE_QUIET_MAX (400 * US_PER_DAY) /* quiet hours that last longer never end */
#define GATE_WINDOW_MAX (92 * US_PER_DAY)

/* In the order in which they are asked: the first that refuses decides, else the first that defers. */
enum gate_name {
    GATE_PAUSE,       /* the workspace sends nothing */
    GATE_EXPIRY,      /* the message is too old */
    GATE_PURPOSE,     /* the policy has no such purpose */
    GATE_ADDRESS,     /* the lead cannot be reached that way */
    GATE_SUPPRESSION, /* nobody may write to that address */
    GATE_CONSENT,     /* the lead did not agree to that purpose by that medium */
    GATE_OWNER,       /* a person owns the conversation */
    GATE_HOLD_OUT,    /* the lead belongs to the control group */
    GATE_QUIET_HOURS, /* it is night where the lead lives */
    GATE_CAP,         /* the lead had enough messages */
    GATE_MAX_MEDIA,   /* the lead is reached in enough ways */
    GATE_PRIORITY,    /* a more important message of the lead needs the slot */
    GATE_NAMES
};

enum gate_answer { GATE_PASS, GATE_DEFER, GATE_REFUSE };

enum gate_cause { /* of a suppression */
                  GATE_HARD_BOUNCE = 1,
                  GATE_COMPLAINT,
                  GATE_UNSUBSCRIBE, /* binds purposes that require consent, until a later consent */
                  GATE_MANUAL,
                  GATE_ERASURE
};

enum gate_consent_state { GATE_GRANTED = 1, GATE_WITHDRAWN, GATE_CONSENT_PAUSED };

/* ---- The rules: a send policy, compiled ---- */

/* Which gates a purpose passes through; the others ask all. */
struct gate_purpose {
    bool consent, owner, hold_out, quiet_hours, caps;
};

/* At most `limit` messages within any time of length `window`: fewer than that were sent after t - window. */
struct gate_cap {
    int medium; /* 0: all together */
    int64_t window_us;
    uint32_t limit; /* 1 to GATE_CAP_LIMIT */
};

/* Nothing goes while a clock at the lead's shows start <= time < end; where end <= start that is over
 * midnight. */
struct gate_quiet {
    int32_t start, end; /* seconds of the day; end up to 86400 */
    uint8_t days;       /* bit 0: the time that begins on a Sunday, ... bit 6: on a Saturday */
};

struct gate_policy {
    bool paused;
    const struct gate_cap *caps;
    size_t n_caps;
    const struct gate_quiet *quiet;
    size_t n_quiet;
    uint32_t max_media;      /* a lead is reached by at most so many media ... */
    int64_t media_window_us; /* ... within so much time */
    uint64_t hold_out_below; /* leads with a smaller hold_out_point are held out */
};

/* ---- The facts ---- */

/* Of a purpose by a medium (0: by any that has none of its own). */
struct gate_consent {
    const char *purpose, *entry; /* entry: the ledger's */
    int medium;
    enum gate_consent_state state;
    int64_t time_us, until_us; /* given; until_us: end of the pause */
};

struct gate_suppression {
    enum gate_cause cause;
    const char *purpose; /* "": all */
    int medium;          /* 0: all */
    int64_t time_us;
};

/* What went out and counts for caps. */
struct gate_send {
    int64_t time_us;
    int medium;
};

/* A message of the lead that waits, counts for caps, and has a priority of its own. */
struct gate_pending {
    int64_t due_us;
    int medium, priority;
};

struct gate_facts {
    int64_t now_us;
    const char *purpose;
    int medium, priority;
    int64_t expire_us; /* GATE_NEVER: does not */
    const struct gate_policy *policy;
    const struct gate_purpose *rules; /* of the purpose; NULL: the policy has none of that name */
    const struct zone *const
        *zones; /* of the lead; of its country, where no more is known: quiet in one is quiet */
    size_t n_zones;
    bool has_address, owned;
    uint64_t hold_out_point;
    const struct gate_consent *consents;
    size_t n_consents;
    const struct gate_suppression *suppressions; /* of the address that would be used */
    size_t n_suppressions;
    const struct gate_send *sends; /* oldest first */
    size_t n_sends;
    const struct gate_pending *pending;
    size_t n_pending;
};

/* ---- The verdict ---- */

struct gate_line {
    enum gate_answer answer;
    int64_t until_us; /* DEFER: the first instant at which this gate would pass; GATE_NEVER: not known */
    int detail; /* SUPPRESSION: enum gate_cause; CONSENT: enum gate_consent_state, 0 for none; CAP: its index
                 */
};

struct gate_decision {
    enum gate_answer answer;
    enum gate_name decided_by; /* GATE_NAMES where all pass */
    /* The earliest instant at which all gates would pass if nothing else changes: now for PASS, GATE_NEVER
     * for REFUSE and wherever only a change can help (a pause, an owner, an expiry before then). */
    int64_t next_us;
    const struct gate_consent *consent; /* what it relies on; NULL: none given */
    struct gate_line lines[GATE_NAMES];
};

void gate_decide(const struct gate_facts *f, struct gate_decision *ret);

/* True where some second of a week is outside of all quiet hours. */
bool gate_quiet_leaves_time(const struct gate_policy *p);

C_END
#endif
