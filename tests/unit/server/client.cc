#include "tests/unit/server/client.h"

#include "google/rpc/error_details.pb-c.h"
#include "google/rpc/status.pb-c.h"
#include "server/rpc/idem.h"
#include "tests/unit/server/test_service.h"

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc_security.h>
#include <grpc/slice.h>
#include <grpc/support/alloc.h>
#include <grpc/support/time.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace test
{
namespace
{

struct InitGrpc {
    InitGrpc()
    {
        grpc_init();
    }
};

std::string File(const std::string &path)
{
    std::ifstream in(path);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
}

std::string Text(grpc_slice s)
{
    return { reinterpret_cast<const char *>(GRPC_SLICE_START_PTR(s)), GRPC_SLICE_LENGTH(s) };
}

std::string Take(grpc_byte_buffer *b)
{
    grpc_byte_buffer_reader reader;
    if (!b || !grpc_byte_buffer_reader_init(&reader, b))
        return "";
    grpc_slice all = grpc_byte_buffer_reader_readall(&reader);
    std::string text = Text(all);
    grpc_slice_unref(all);
    grpc_byte_buffer_reader_destroy(&reader);
    grpc_byte_buffer_destroy(b);
    return text;
}

grpc_byte_buffer *Buffer(const std::string &bytes)
{
    grpc_slice s = grpc_slice_from_copied_buffer(bytes.data(), bytes.size());
    grpc_byte_buffer *b = grpc_raw_byte_buffer_create(&s, 1);
    grpc_slice_unref(s);
    return b;
}

// The first detail of a type, unpacked.
template <typename Message>
std::shared_ptr<Message> Detail(const Outcome &o, const ProtobufCMessageDescriptor &d)
{
    auto status = Unpack<Google__Rpc__Status>(google__rpc__status__descriptor, o.details);
    for (size_t i = 0; status && i < status->n_details; i++)
        if (std::string(status->details[i]->type_url) == std::string("type.googleapis.com/") + d.name) {
            const auto &v = status->details[i]->value;
            return Unpack<Message>(d, { reinterpret_cast<char *>(v.data), v.len });
        }
    return nullptr;
}

} // namespace

std::string Outcome::reason() const
{
    auto e = Detail<Google__Rpc__ErrorInfo>(*this, google__rpc__error_info__descriptor);
    return e ? e->reason : "";
}

std::string Outcome::trace_id() const
{
    auto e = Detail<Google__Rpc__RequestInfo>(*this, google__rpc__request_info__descriptor);
    return e ? e->request_id : "";
}

std::vector<std::pair<std::string, std::string>> Outcome::violations() const
{
    std::vector<std::pair<std::string, std::string>> all;
    auto b = Detail<Google__Rpc__BadRequest>(*this, google__rpc__bad_request__descriptor);
    for (size_t i = 0; b && i < b->n_field_violations; i++)
        all.emplace_back(b->field_violations[i]->field, b->field_violations[i]->description);
    return all;
}

bool Outcome::has_retry_info() const
{
    return Detail<Google__Rpc__RetryInfo>(*this, google__rpc__retry_info__descriptor) != nullptr;
}

void Channel::Open(const std::string &target, grpc_channel_credentials *credentials)
{
    grpc_arg args[2];
    args[0].type = args[1].type = GRPC_ARG_INTEGER;
    args[0].key = const_cast<char *>("grpc.use_local_subchannel_pool"); // a connection of its own
    args[0].value.integer = 1;
    args[1].key = const_cast<char *>(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH);
    args[1].value.integer = -1;
    grpc_channel_args list = { 2, args };
    channel_ = grpc_channel_create(target.c_str(), credentials, &list);
    grpc_channel_credentials_release(credentials);
}

Channel::Channel(const std::string &target)
{
    static InitGrpc once;
    Open(target, grpc_insecure_credentials_create());
}

Channel::Channel(const std::string &target, const std::string &cert, const std::string &key,
                 const std::string &ca)
{
    static InitGrpc once;
    std::string certs = File(cert), keys = File(key), roots = File(ca);
    grpc_ssl_pem_key_cert_pair pair = { keys.c_str(), certs.c_str() };
    Open(target, grpc_ssl_credentials_create(roots.c_str(), &pair, nullptr, nullptr));
}

Channel::~Channel()
{
    grpc_channel_destroy(channel_);
}

Outcome Channel::Unary(const std::string &path, const std::string &request, int deadline_ms,
                       const Metadata &metadata) const
{
    Call call(*this, path, deadline_ms, metadata);
    std::string reply;
    if (call.Write(request) && call.WritesDone())
        call.Read(&reply);
    Outcome o = call.Finish();
    o.reply = reply;
    return o;
}

Call::Call(const Channel &channel, const std::string &path, int deadline_ms, const Metadata &metadata)
{
    gpr_timespec until = deadline_ms ? gpr_time_add(gpr_now(GPR_CLOCK_REALTIME),
                                                    gpr_time_from_millis(deadline_ms, GPR_TIMESPAN))
                                     : gpr_inf_future(GPR_CLOCK_REALTIME);
    std::vector<grpc_metadata> md(metadata.size());
    for (size_t i = 0; i < md.size(); i++) {
        md[i].key = grpc_slice_from_copied_string(metadata[i].first.c_str());
        md[i].value = grpc_slice_from_copied_buffer(metadata[i].second.data(), metadata[i].second.size());
    }
    grpc_metadata_array_init(&initial_);
    grpc_slice method = grpc_slice_from_copied_string(path.c_str());
    cq_ = grpc_completion_queue_create_for_next(nullptr);
    call_ = grpc_channel_create_call(channel.get(), nullptr, 0, cq_, method, nullptr, until, nullptr);
    grpc_slice_unref(method);
    grpc_op op = {};
    op.op = GRPC_OP_SEND_INITIAL_METADATA;
    op.data.send_initial_metadata.metadata = md.data();
    op.data.send_initial_metadata.count = md.size();
    Batch(&op, 1);
    for (auto &m : md) {
        grpc_slice_unref(m.key);
        grpc_slice_unref(m.value);
    }
}

Call::~Call()
{
    grpc_metadata_array_destroy(&initial_);
    grpc_call_unref(call_);
    grpc_completion_queue_shutdown(cq_);
    while (grpc_completion_queue_next(cq_, gpr_inf_future(GPR_CLOCK_REALTIME), nullptr).type !=
           GRPC_QUEUE_SHUTDOWN)
        ;
    grpc_completion_queue_destroy(cq_);
}

bool Call::Batch(const grpc_op *ops, size_t n)
{
    EXPECT_EQ(grpc_call_start_batch(call_, ops, n, this, nullptr), GRPC_CALL_OK);
    return grpc_completion_queue_next(cq_, gpr_inf_future(GPR_CLOCK_REALTIME), nullptr).success;
}

bool Call::Write(const std::string &message)
{
    grpc_byte_buffer *b = Buffer(message);
    grpc_op op = {};
    op.op = GRPC_OP_SEND_MESSAGE;
    op.data.send_message.send_message = b;
    bool ok = Batch(&op, 1);
    grpc_byte_buffer_destroy(b);
    return ok;
}

bool Call::WritesDone()
{
    grpc_op op = {};
    op.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT;
    return Batch(&op, 1);
}

bool Call::Read(std::string *message)
{
    grpc_byte_buffer *b = nullptr;
    grpc_op ops[2] = {};
    ops[0].op = GRPC_OP_RECV_MESSAGE;
    ops[0].data.recv_message.recv_message = &b;
    ops[1].op = GRPC_OP_RECV_INITIAL_METADATA; // no message is delivered before it
    ops[1].data.recv_initial_metadata.recv_initial_metadata = &initial_;
    Batch(ops, got_initial_ ? 1 : 2);
    got_initial_ = true;
    if (!b)
        return false;
    *message = Take(b);
    return true;
}

void Call::Cancel()
{
    grpc_call_cancel(call_, nullptr);
}

Outcome Call::Finish()
{
    grpc_metadata_array trailing;
    grpc_status_code code = GRPC_STATUS_UNKNOWN;
    grpc_slice message = grpc_empty_slice();
    grpc_metadata_array_init(&trailing);
    grpc_op ops[2] = {};
    ops[0].op = GRPC_OP_RECV_STATUS_ON_CLIENT;
    ops[0].data.recv_status_on_client.trailing_metadata = &trailing;
    ops[0].data.recv_status_on_client.status = &code;
    ops[0].data.recv_status_on_client.status_details = &message;
    ops[1].op = GRPC_OP_RECV_INITIAL_METADATA;
    ops[1].data.recv_initial_metadata.recv_initial_metadata = &initial_;
    Batch(ops, got_initial_ ? 1 : 2);
    got_initial_ = true;
    Outcome o;
    o.code = code;
    o.message = Text(message);
    for (size_t i = 0; i < trailing.count; i++)
        if (Text(trailing.metadata[i].key) == "grpc-status-details-bin")
            o.details = Text(trailing.metadata[i].value);
    grpc_slice_unref(message);
    grpc_metadata_array_destroy(&trailing);
    return o;
}

static status Stay(void *, const rpc_call *, ctx *)
{
    return ok();
}

rpc_options Server::Defaults()
{
    rpc_options o;
    rpc_options_init(&o);
    o.address = "127.0.0.1:0";
    o.methods = test_methods;
    o.n_methods = test_methods_n;
    o.descriptors = test_descriptors();
    o.log_calls = false;
    o.drain_linger_ms = 20;
    o.readmit = Stay;
    o.readmit_ms = 1; // before nearly every step, and while it waits
    return o;
}

Server::Server(rpc_options options) : options_(options)
{
    const char *base = getenv("TEST_TMPDIR");
    char text[256];
    snprintf(text, sizeof text, "%s/rpc.XXXXXX", base ? base : "/tmp");
    folder_ = mkdtemp(text);
    arena_init(&arena_, 8u << 20);
    Start();
}

void Server::Start()
{
    static const stmt_table *const tables[] = { &idem_statements, &test_statements, nullptr };
    std::string url = "sqlite:///" + folder_ + "/test.db";
    db_options o = {};
    o.url = url.c_str();
    o.tables = tables;
    o.migrations = test_migrations;
    status s = db_open(&o, &arena_, &db_);
    ASSERT_EQ(s.code, CODE_OK) << s.message;
    s = committer_start(db_, 4096, &arena_, &committer_);
    ASSERT_EQ(s.code, CODE_OK) << s.message;
    options_.db = db_;
    options_.committer = committer_;
    s = rpc_serve(&options_, &arena_, &rpc_);
    ASSERT_EQ(s.code, CODE_OK) << s.message;
}

void Server::Stop()
{
    rpc_stop(rpc_);
    rpc_ = nullptr;
    committer_stop(committer_);
    committer_ = nullptr;
    db_close(db_);
    db_ = nullptr;
}

void Server::Restart()
{
    Stop();
    Start();
}

Server::~Server()
{
    Stop();
    arena_done(&arena_);
    if (system(("rm -rf '" + folder_ + "'").c_str()) != 0)
        fprintf(stderr, "%s stays\n", folder_.c_str());
}

std::string Server::target() const
{
    return "127.0.0.1:" + std::to_string(rpc_port(rpc_));
}

} // namespace test
