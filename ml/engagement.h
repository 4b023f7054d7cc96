/* engagement.h: how awake a lead is: decayed counts of its events, joined by a logistic function.
 *
 * Each event type has a count that loses half its value every half-life and grows by 1 with each event, so
 * the state of a lead is one number and one time a type, and taking an event costs O(1) whatever came before.
 * The score is 1 / (1 + exp(-(bias + sum over types of weight * log(1 + count now)))) Until outcomes allow a
 * fit, engagement_prior() is used and its decisions are to be marked as such. */
#ifndef ML_ENGAGEMENT_H
#define ML_ENGAGEMENT_H

#include "base/arena.h"
#include "base/status.h"

C_BEGIN

/* Event types by what they say about the lead; callers map their own event names to these. */
enum engagement_type {
    ENGAGEMENT_VIEW,     /* page or content viewed */
    ENGAGEMENT_OPEN,     /* message opened */
    ENGAGEMENT_CLICK,    /* link followed */
    ENGAGEMENT_REPLY,    /* message answered */
    ENGAGEMENT_FORM,     /* form submitted, content requested */
    ENGAGEMENT_MEETING,  /* demo, call or meeting booked or held */
    ENGAGEMENT_NEGATIVE, /* complaint, unsubscribe, bounce */
    ENGAGEMENT_TYPES
};

struct engagement_model {
    double half_life_s;
    double bias;
    double weights[ENGAGEMENT_TYPES];
};

/* State of one lead; zero-initialised it has seen nothing. Plain data: may be stored and copied. */
struct engagement_state {
    double counts[ENGAGEMENT_TYPES]; /* as of at_us */
    int64_t at_us;
};

/* The model before anything was learnt: half-life 7 days; of the weights, log-odds a doubling is worth, in
 * order of intent: view 0.3, open 0.25, click 0.7, reply 1.6, form 1.4, meeting 2.2, negative -1.8; bias -2.2
 * (a lead without events scores 0.10). */
void engagement_prior(struct engagement_model *ret);

/* Takes one event. An event older than the state counts with what is left of it, so the order of arrival does
 * not matter. */
void engagement_take(const struct engagement_model *m, struct engagement_state *s, enum engagement_type type,
                     int64_t at_us);
/* In (0, 1). now_us before the state's time counts as that time. */
double engagement_score(const struct engagement_model *m, const struct engagement_state *s, int64_t now_us);
/* weight * log(1 + count now) of each type: with the bias they sum to the score's log-odds. */
void engagement_contributions(const struct engagement_model *m, const struct engagement_state *s,
                              int64_t now_us, double ret[ENGAGEMENT_TYPES]);

/* One lead's past: its events (any order), the time at which the score was asked, and what came of it. Events
 * after asked_us are not looked at. */
struct engagement_event {
    enum engagement_type type;
    int64_t at_us;
};
struct engagement_history {
    const struct engagement_event *events;
    size_t n_events;
    int64_t asked_us;
    bool outcome;
};

/* Fits weights, bias and half-life by penalised likelihood: a grid of half-lives from an hour to a year, then
 * golden section; the ridge pulls to the prior's weights, so few rows change little. Positive types never get
 * a weight below 0, the negative one never above. Fails: DATA_INSUFFICIENT (fewer than 20 histories of either
 * outcome), REQUEST_TOO_LARGE. */
MUSTCHECK struct status engagement_fit(const struct engagement_history *h, size_t n, struct arena *errors,
                                       struct engagement_model *ret);

C_END
#endif
