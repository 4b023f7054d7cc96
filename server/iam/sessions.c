/* Sessions: a user's login, and what carries it on.
 *
 * A refresh token is mr_<session>_<generation>_<family>_<proof>. The family part is the caller's alone (the
 * row has its hash), the seed the row's alone, and the proof of a generation is made of both: neither a copy
 * of the table nor a stolen old token gives the next one, every token that was ever given out is known again,
 * and one that is sent twice in a row gets the same answer. */
#include "server/iam/iam_private.h"
#include "server/iam/password.h"
#include "server/iam/token.h"

#include "agents/record/events.h"
#include "agents/record/times.h"
#include "base/base64.h"
#include "base/clock.h"

#include <inttypes.h>

#define SESSION_US (30 * US_PER_DAY) /* after its last refresh */
#define GRACE_US (10 * US_PER_SECOND)
#define SEED_BYTES 32
#define FAMILY_CHARS 43 /* of 62: 256 bits */
#define REFRESH_MAX 256

struct session {
    const char *workspace, *user_id, *id;
    int64_t generation;          /* of the token at hand */
    int64_t current, refresh_us; /* the row's generation, and since when it is */
    struct str seed;
    const char *family;
};

/* ---- Tokens ---- */

/* Of a session's generation, in the arena; NULL over the budget. */
static const char *refresh_text(struct arena *a, const struct session *s, int64_t generation)
{
    unsigned char proof[SHA256_BYTES];
    const char *what = arena_printf(a, "%s %" PRId64 " %s", s->id, generation, s->family);
    if (!what)
        return NULL;
    hmac_sha256(s->seed, str_of(what), proof);
    const char *text = base64url_text(a, str_make((const char *)proof, sizeof proof));
    return text ? arena_printf(a, "mr_%s_%" PRId64 "_%s_%s", s->id, generation, s->family, text) : NULL;
}

static struct status access_text(struct ctx *c, const struct session *s, int64_t issued, const char **ret)
{
    char jti[ID_TEXT];
    struct claims claims;
    id_new(jti);
    claims.user = arena_printf(c->arena, "users/%s", s->user_id);
    claims.workspace = s->workspace;
    claims.session = s->id;
    claims.id = jti;
    claims.issued = issued;
    claims.expires = issued + TOKEN_SECONDS;
    return claims.user ? token_make(c->app->iam->keys, &claims, c->arena, ret) : fail_memory();
}

/* The tokens of a generation. */
static struct status answer(struct ctx *c, const struct session *s, int64_t generation, Session *res)
{
    const char *access;
    int64_t issued = c->now_us / US_PER_SECOND;
    TRY(access_text(c, s, issued, &access));
    res->access_token = (char *)access;
    res->access_expire_time = time_message(c->arena, (issued + TOKEN_SECONDS) * US_PER_SECOND);
    res->refresh_token = (char *)refresh_text(c->arena, s, generation);
    res->refresh_expire_time = time_message(c->arena, c->now_us + SESSION_US);
    res->user = arena_printf(c->arena, "users/%s", s->user_id);
    res->workspace = arena_printf(c->arena, "workspaces/%s", s->workspace);
    bool whole = res->access_expire_time && res->refresh_token && res->refresh_expire_time && res->user &&
                 res->workspace;
    return whole ? ok() : fail_memory();
}

/* ---- Guessing ---- */

static struct str account_key(struct ctx *c, const char *workspace, const char *user)
{
    return str_of(arena_printf(c->arena, "%s/%s", workspace, user));
}

static struct str peer_key(struct ctx *c)
{
    return str_of(peer_network(c->arena, c->peer));
}

/* Takes an attempt to guess the account's password, from the ctx's peer. A peer that has none left uses up no
 * account's: else it could keep everybody from logging in. */
static struct status guess_take(struct ctx *c, const char *workspace, const char *user)
{
    struct limits *l = c->app->iam->limits;
    int64_t now = clock_mono_us();
    int64_t wait_us = limit_take(l, LIMIT_PEER, peer_key(c), now);
    if (!wait_us)
        wait_us = limit_take(l, LIMIT_ACCOUNT, account_key(c, workspace, user), now);
    if (!wait_us)
        return ok();
    struct status s = fail(NULL, REASON_LOGIN_LIMITED, "too many attempts; wait before the next one");
    s.retry_after_ms = (uint32_t)(wait_us / 1000 + 1);
    return s;
}

static void guess_return(struct ctx *c, const char *workspace, const char *user)
{
    struct limits *l = c->app->iam->limits;
    int64_t now = clock_mono_us();
    limit_return(l, LIMIT_ACCOUNT, account_key(c, workspace, user), now);
    limit_return(l, LIMIT_PEER, peer_key(c), now);
}

/* For the audit log, of the workspace that the session is in. */
static struct status note(struct ctx *c, const struct session *s, const char *action)
{
    struct ctx as = *c;
    const char *user = arena_printf(c->arena, "users/%s", s->user_id);
    if (!user)
        return fail_memory();
    as.workspace = s->workspace;
    as.principal = user;
    event_note(&as, "iam", action, user);
    return ok();
}

/* ---- CreateSession ---- */

/* On the receiving thread: whoever guessed too often does not get into the queue of those whose passwords are
 * hashed. */
static struct status glance(struct ctx *c, const char *workspace, const char *user)
{
    TRY(guess_take(c, workspace, user));
    c->had_to_wait = true;
    return fail(NULL, REASON_OVERLOADED, "this thread hashes no passwords");
}

/* Whether the password is the user's, after an attempt was taken; it is given back where it is. *ret_hash is
 * what the password was compared with: what rests on it names it, so that a password that is replaced
 * meanwhile gives nothing any more. LANE_GLANCE. */
static struct status check_login(struct ctx *c, const char *workspace, const char *user, const char *field,
                                 const char *password, const char **ret_hash)
{
    struct rows rows;
    bool right;
    if (c->may_not_wait)
        return glance(c, workspace, user);
    TRY(DB_QUERY(c, &iam_sql[LOGIN_GET], &rows, v_text(workspace), v_text(user)));
    *ret_hash = rows.n ? row_at(&rows, 0)[0].s.p : NULL;
    db_read_done(c); /* nothing is held while the hash is made */
    TRY(password_check(c->arena, field, *ret_hash, password, &right));
    if (!right)
        return denied(c, REASON_LOGIN_FAILED, "no such user, or another password");
    guess_return(c, workspace, user);
    return ok();
}

static struct status new_session(struct ctx *c, const char *workspace, const char *user_id,
                                 const char *password_hash, struct session *ret)
{
    char id[ID_TEXT], family[FAMILY_CHARS + 1], seed[SEED_BYTES];
    id_new(id);
    random_text(family, FAMILY_CHARS);
    random_bytes(seed, sizeof seed);
    ret->workspace = workspace;
    ret->user_id = user_id;
    ret->id = arena_dup(c->arena, str_of(id));
    ret->generation = 1;
    ret->seed = str_make(arena_dup(c->arena, str_make(seed, sizeof seed)), sizeof seed);
    ret->family = arena_dup(c->arena, str_of(family));
    struct str hash = digest_of(c->arena, str_of(family));
    if (!ret->id || !ret->seed.p || !ret->family || !hash.p)
        return fail_memory();
    UNIT_ADD(c->unit, &iam_sql[SESSION_INSERT], 1, REASON_CONFLICT, v_text(workspace), v_text(ret->id),
             v_text(user_id), v_int(c->now_us), v_int(c->now_us + SESSION_US), v_int(1), v_int(c->now_us),
             v_bytes(ret->seed), v_bytes(hash), v_text(password_hash));
    return ok();
}

struct status create_session(struct ctx *c, const CreateSessionRequest *req, Session *res)
{
    const char *user, *hash, *workspace = FIRST_WORKSPACE;
    struct session s = { 0 };
    db_reach_all(c); /* nobody is in a workspace yet */
    TRY(resource_id(c, RESOURCE_USER, req->user, "user", &user));
    if (*req->workspace)
        TRY(resource_id(c, RESOURCE_WORKSPACE, req->workspace, "workspace", &workspace));
    if (!*req->password)
        return fail_field(c->arena, REASON_FIELD_REQUIRED, "password", "give the password");
    TRY(check_login(c, workspace, user, "password", req->password, &hash));
    TRY(new_session(c, workspace, user, hash, &s));
    TRY(note(c, &s, "session.created"));
    return answer(c, &s, s.generation, res);
}

/* ---- RefreshSession ---- */

static struct status refused(struct ctx *c)
{
    return denied(c, REASON_CREDENTIAL_INVALID,
                  "the refresh token is malformed, unknown, used up or expired");
}

/* What a refresh token says of itself, before any of it is believed. */
static bool split(struct ctx *c, const char *text, struct session *ret)
{
    struct str rest = str_of(text);
    if (rest.n > REFRESH_MAX || !str_eq(str_split(&rest, '_'), STR("mr")))
        return false;
    struct str id = str_split(&rest, '_'), generation = str_split(&rest, '_'), family = str_split(&rest, '_');
    ret->id = arena_dup(c->arena, id);
    ret->family = arena_dup(c->arena, family);
    return id_valid(id) && family.n == FAMILY_CHARS && str_to_i64(generation, &ret->generation) && ret->id &&
           ret->family;
}

static bool texts_equal(const char *a, const char *b)
{
    size_t n = strlen(a);
    return n == strlen(b) && same_bytes(a, b, n);
}

/* Fills the session from the token and its row. The token is one that was given out, or the call is refused.
 */
static struct status find_session(struct ctx *c, const char *text, struct session *s)
{
    struct rows rows;
    if (!split(c, text, s))
        return refused(c);
    TRY(DB_QUERY(c, &iam_sql[SESSION_GET], &rows, v_text(s->id), v_int(c->now_us)));
    if (!rows.n)
        return refused(c);
    const struct value *v = row_at(&rows, 0);
    s->workspace = v[0].s.p;
    s->user_id = v[1].s.p;
    s->current = v[2].i;
    s->refresh_us = v[3].i;
    s->seed = v[4].s;
    struct str hash = digest_of(c->arena, str_of(s->family));
    const char *own = refresh_text(c->arena, s, s->generation);
    if (!own || !hash.p)
        return fail_memory();
    return str_eq(hash, v[5].s) && texts_equal(own, text) ? ok() : refused(c);
}

/* Somebody has a copy of the token: whose it is cannot be told, so nobody goes on with this session. */
static struct status end_stolen(struct ctx *c, const struct session *s)
{
    UNIT_ADD(c->unit, &iam_sql[SESSION_DELETE], -1, REASON_CONFLICT, v_text(s->id), v_text(s->workspace));
    rights_changed(c);
    c->verdict = refused(c);
    return note(c, s, "session.stolen");
}

struct status refresh_session(struct ctx *c, const RefreshSessionRequest *req, Session *res)
{
    struct session s = { 0 };
    db_reach_all(c); /* the token says which session, the session in which workspace */
    TRY(find_session(c, req->refresh_token, &s));
    if (s.generation == s.current) {
        UNIT_ADD(c->unit, &iam_sql[SESSION_REFRESH], 1, REASON_CONFLICT, v_int(c->now_us + SESSION_US),
                 v_int(s.current + 1), v_int(c->now_us), v_text(s.id), v_int(s.current));
        TRY(note(c, &s, "session.refreshed"));
        return answer(c, &s, s.current + 1, res);
    }
    if (s.generation == s.current - 1 && c->now_us - s.refresh_us <= GRACE_US)
        return answer(c, &s, s.current, res);
    return end_stolen(c, &s);
}

/* ---- Ending ---- */

static struct status no_session(void)
{
    return fail(NULL, REASON_ACCOUNT_STATE, "the credential is not that of a user's session");
}

struct status revoke_session(struct ctx *c, const RevokeSessionRequest *req, Empty *res)
{
    const struct principal *who = c->caller;
    if (!who || !*who->session)
        return no_session();
    if (req->all)
        UNIT_ADD(c->unit, &iam_sql[SESSION_DELETE_OTHERS], -1, REASON_CONFLICT, v_text(c->workspace),
                 v_text(who->name + strlen("users/")), v_text(""));
    else
        UNIT_ADD(c->unit, &iam_sql[SESSION_DELETE], -1, REASON_CONFLICT, v_text(who->session),
                 v_text(c->workspace));
    rights_changed(c);
    event_note(c, "iam", "session.revoked", who->name);
    return ok();
}

struct status change_password(struct ctx *c, const ChangePasswordRequest *req, Empty *res)
{
    const struct principal *who = c->caller;
    const char *old, *hash;
    if (!who || !*who->session)
        return no_session();
    const char *user = who->name + strlen("users/");
    TRY(password_acceptable(c->arena, "new_password", req->new_password));
    db_reach_all(c); /* whether the workspace is disabled is not written in it */
    TRY(check_login(c, c->workspace, user, "old_password", req->old_password, &old));
    db_reach_own(c);
    TRY(password_hash(c->arena, req->new_password, &hash));
    UNIT_ADD(c->unit, &iam_sql[PASSWORD_CHANGE], 1, REASON_CONFLICT, v_text(hash), v_text(c->workspace),
             v_text(user), v_text(old));
    UNIT_ADD(c->unit, &iam_sql[SESSION_DELETE_OTHERS], -1, REASON_CONFLICT, v_text(c->workspace),
             v_text(user), v_text(who->session));
    rights_changed(c);
    event_note(c, "iam", "user.password_changed", who->name);
    return ok();
}
