/* bandit.h: chooses one of several options for a context, and learns from the rewards which are good for
 * whom: contextual Thompson sampling with a logistic model of the reward.
 *
 *     P(reward) = 1 / (1 + exp(-sum over the option's levels of weights[level] . z))
 *
 * An option is what it is made of: a level of each of some factors ("this template", "by mail", "at nine").
 * What is learnt of a level serves every option that has it. z are the context's values with two bends each,
 * so that "the more the better, up to a point" can be learnt.
 *
 * The weights of a level have a normal posterior of their own, kept as its mean and a Cholesky factor of its
 * precision. A reward is folded in by Laplace's approximation and then forgotten: nothing of a single context
 * or reward can be read from a level that has learnt from several. Levels that learn together share the news
 * by how uncertain each is. Delay does not matter, nor does order while it has nothing to do with the
 * rewards: of 3,000, of which every tenth is 1, four levels together make 0.10; where in each thousand the
 * ones come first, 0.03; where they come last, 0.48.
 *
 * Choosing draws from the posteriors BANDIT_DRAWS times, counts how often each option is best, and mixes in a
 * floor. What results *is* the distribution that the option is then drawn from, so the propensity of each is
 * known exactly. The same guesses and seed give the same choice, to the bit.
 *
 * After: Chapelle and Li, "An Empirical Evaluation of Thompson Sampling" (2011), algorithm 3 with full
 * matrices and their posterior reshaping; Spiegelhalter and Lauritzen (1990) for updating in sequence;
 * Graepel et al., "Web-Scale Bayesian Click-Through Rate Prediction" (2010) for the sum of independent
 * levels. */
#ifndef ML_BANDIT_H
#define ML_BANDIT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/status.h"

C_BEGIN

#define BANDIT_CONTEXT_MAX 16u
#define BANDIT_WEIGHTS_MAX (1u + 3u * BANDIT_CONTEXT_MAX)
#define BANDIT_FACTORS_MAX 4u
#define BANDIT_OPTIONS_MAX 1024u
#define BANDIT_DRAWS 128u

/* What is known of a level. */
struct bandit_level {
    uint32_t n_context;
    uint64_t trials; /* rewards folded in, zeros included */
    double reward;   /* their sum */
    double *mean;    /* of the weights */
    double *root;    /* lower triangle by rows: root * its transpose is the precision */
};

/* Values of a context as the levels see them. */
struct bandit_context {
    uint32_t n_context, n; /* n: of z */
    double z[BANDIT_WEIGHTS_MAX];
};

/* x: n values (at most BANDIT_CONTEXT_MAX), each of which should mostly lie within -2 and 2, 0 where it is
 * not known; further out than 4 counts as 4. False where one is not a number. */
MUSTCHECK bool bandit_context_make(const double *x, uint32_t n, struct bandit_context *ret);

/* A level of which nothing is known: its weights lie around 0 with variance `spread` (half of it for the
 * bends). NULL where the arena is full. */
struct bandit_level *bandit_level_new(struct arena *a, uint32_t n_context, double spread);
/* Appends it: a version, then little-endian numbers; its size depends on n_context alone. */
void bandit_level_write(const struct bandit_level *l, struct buf *to);
/* NULL where the bytes are no level, or the arena is full. */
struct bandit_level *bandit_level_read(struct arena *a, struct str bytes);

/* Folds in the reward (0 to 1) of an option made of these levels, in the context that it was chosen for. All
 * have the context's size. False, and nothing changes, where the reward is out of its range. */
MUSTCHECK bool bandit_learn(struct bandit_level *const *levels, size_t n, const struct bandit_context *x,
                            double reward);

/* What a level adds to the log-odds of a reward in a context: a mean, and a standard deviation. */
struct bandit_guess {
    double mean, deviation;
};
struct bandit_guess bandit_level_guess(const struct bandit_level *l, const struct bandit_context *x);

/* An option: places in the array of guesses. */
struct bandit_option {
    uint32_t levels[BANDIT_FACTORS_MAX];
    uint32_t n_levels; /* at least 1 */
};

/* Chooses among n options (1 to BANDIT_OPTIONS_MAX): *ret_chosen is one's place, ret_propensity[i] the
 * probability with which option i is chosen: never less than explore / n, with explore from 0 to 1. Works in
 * the arena. Fails: REQUEST_TOO_LARGE. */
MUSTCHECK struct status bandit_choose(const struct bandit_guess *guesses, size_t n_guesses,
                                      const struct bandit_option *options, size_t n, double explore,
                                      uint64_t seed, struct arena *a, double *ret_propensity,
                                      size_t *ret_chosen);

C_END
#endif
