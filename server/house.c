#include "server/house.h"

#include "agents/audit/audit.h"
#include "agents/engage/chooser/chooser.h"
#include "agents/engage/delivery/delivery.h"
#include "agents/engage/gate/zones.h"
#include "agents/engage/link/link.h"
#include "agents/engage/template/templates.h"
#include "agents/orchestrator/orchestrator.h"
#include "agents/record/active.h"
#include "agents/record/denied.h"
#include "agents/record/known.h"
#include "agents/record/moved.h"
#include "agents/record/signer.h"
#include "agents/triage/triage.h"
#include "base/clock.h"
#include "base/ids.h"
#include "proto/descriptors.h"
#include "server/access.h"
#include "server/admit.h"
#include "server/iam/iam.h"
#include "server/jobs.h"
#include "server/metrics_listener.h"
#include "server/report.h"
#include "server/rpc/rpc.h"
#include "server/services.h"
#include "server/version.h"
#include "store/committer.h"

#include <sys/stat.h>
#include <unistd.h>

#define RANDOM_KEY_BYTES 32
#define SLOW_THREADS 2 /* a login does not wait for a model that is being fitted */

static struct status open_secret(struct house *h)
{
    const char *given = h->options.secret_key;
    char *random = arena_alloc(&h->arena, RANDOM_KEY_BYTES);
    if (!random)
        return fail_memory();
    random_bytes(random, RANDOM_KEY_BYTES);
    h->app.secret_key = given[0] ? str_of(given) : str_make(random, RANDOM_KEY_BYTES);
    return ok();
}

static struct status open_store(struct house *h)
{
    struct db_options o;
    memset(&o, 0, sizeof o);
    o.url = h->options.database_url;
    o.tables = all_statements;
    o.read_connections = (unsigned)h->options.db_connections;
    TRY(db_open(&o, &h->arena, &h->app.db));
    TRY(committer_start(h->app.db, h->options.commit_queue, &h->arena, &h->app.committer));
    TRY(known_open(h->options.known_identities, &h->arena, &h->app.known));
    TRY(signer_open(h->app.secret_key, &h->arena, &h->app.signer));
    TRY(audit_open(&h->arena, &h->app.audit));
    TRY(denied_open(&h->arena, &h->app.denied));
    TRY(forms_open(&h->arena, &h->app.forms));
    TRY(orchestrator_open(reactions, &h->arena, &h->app.orchestrator));
    return active_open(active_loaders, &h->arena, &h->app.active);
}

static struct status open_delivery(struct house *h)
{
    struct delivery_options o = { (unsigned)h->options.delivery_threads, (unsigned)h->options.retry_attempts,
                                  (int64_t)h->options.retry_wait * US_PER_SECOND,
                                  (int64_t)h->options.takeover_wait * US_PER_SECOND };
    return o.threads ? delivery_start(&h->app, &o, &h->arena, &h->app.delivery) : ok();
}

static void open_channels(struct house *h)
{
    h->send.timeout_ms = (int64_t)h->options.response_timeout * 1000;
    h->send.private_hosts = h->options.channel_hosts;
    h->send.ca_file = h->options.channel_ca[0] ? h->options.channel_ca : NULL;
    h->app.send = &h->send;
}

static struct status open_drafting(struct house *h)
{
    const struct options *o = &h->options;
    h->drafting.url = o->draft_url;
    h->drafting.model = o->draft_model;
    h->drafting.api_key = o->draft_api_key;
    h->drafting.timeout_ms = (int64_t)o->draft_timeout * 1000;
    h->drafting.tokens = (unsigned)o->draft_tokens;
    h->app.drafting = &h->drafting;
    return drafting_check(&h->arena, &h->drafting, o->channel_hosts);
}

static struct status open_rpc(struct house *h)
{
    const struct options *o = &h->options;
    struct rpc_options r;
    rpc_options_init(&r);
    r.address = o->listen;
    r.methods = services((unsigned)o->max_processing_time * 1000, &h->arena, &r.n_methods);
    if (!r.methods)
        return fail_memory();
    r.descriptors = str_make((const char *)proto_descriptor_set, proto_descriptor_set_size);
    TRY(admit_open(h, r.methods, r.n_methods));
    r.admit = admit_call;
    r.readmit = readmit_call;
    r.admit_arg = h;
    r.knows_callers = access_required(h);
    r.app = &h->app;
    r.db = h->app.db;
    r.committer = h->app.committer;
    r.tls_cert = o->tls_cert[0] ? o->tls_cert : NULL;
    r.tls_key = o->tls_key[0] ? o->tls_key : NULL;
    r.tls_client_ca = o->tls_client_ca[0] ? o->tls_client_ca : NULL;
    r.threads = (unsigned)o->threads;
    r.slots = (unsigned)o->slots;
    r.streams = (unsigned)o->streams;
    r.db_threads = (unsigned)o->db_connections;
    r.slow_threads = SLOW_THREADS;
    r.log_calls = o->log_calls;
    return rpc_serve(&r, &h->arena, &h->rpc);
}

static struct status open_all(struct house *h)
{
    h->start_us = clock_wall_us();
    h->app.code_version = CODE_VERSION;
    h->app.triage = triage_decide;
    h->app.unsubscribe_url = unsubscribe_url;
    h->app.public_url = h->options.public_url;
    h->app.confidence_threshold = h->options.confidence_threshold;
    h->app.max_channels = (unsigned)h->options.max_channels;
    h->app.choose_again = choose_again;
    h->app.chooser_explore = h->options.chooser_explore;
    h->app.chooser_window_us = (int64_t)h->options.chooser_window * US_PER_SECOND;
    TRY(zones_open(ZONES_FOLDER, &h->arena, &h->app.zones));
    TRY(open_secret(h));
    open_channels(h);
    TRY(open_drafting(h));
    TRY(model_trust_open(&h->app, h->options.model_keys, h->options.accept_unsigned_models, &h->arena));
    TRY(open_store(h));
    TRY(moved_open(&h->app, &h->arena, &h->app.moved));
    TRY(access_open(h));
    if (h->options.metrics_listen[0])
        TRY(metrics_listen(h->options.metrics_listen, &h->arena, &h->metrics));
    TRY(jobs_start(&h->app, &h->jobs));
    TRY(open_delivery(h));
    return open_rpc(h);
}

struct status house_open(struct house *h)
{
    struct log_line l;
    struct status s = open_all(h);
    if (!is_ok(s)) {
        house_close(h);
        return s;
    }
    log_begin(&l, LEVEL_INFO, "serving");
    log_text(&l, "address", h->options.listen);
    log_text(&l, "database", h->app.db->ops->name);
    log_text(&l, "version", CODE_VERSION);
    log_int(&l, "start_ms", (clock_wall_us() - h->start_us) / 1000);
    log_end(&l);
    return s;
}

void house_close(struct house *h)
{
    if (h->rpc)
        rpc_drain(h->rpc, (unsigned)h->options.drain_seconds * 1000);
    rpc_stop(h->rpc);
    admit_close(h);
    delivery_stop(h->app.delivery);
    jobs_stop(h->jobs);
    metrics_listener_stop(h->metrics);
    committer_stop(h->app.committer);
    active_close(h->app.active);
    zones_close(h->app.zones);
    audit_close(h->app.audit);
    orchestrator_close(h->app.orchestrator);
    known_close(h->app.known);
    scoring_close(h->app.scoring);
    forms_close(h->app.forms);
    iam_close(h->app.iam);
    db_close(h->app.db);
}
