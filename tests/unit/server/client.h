// client.h: a blocking gRPC client on the C-core, and a server with a database to call. For tests.
#ifndef TESTS_UNIT_SERVER_CLIENT_H
#define TESTS_UNIT_SERVER_CLIENT_H

#include "server/rpc/rpc.h"

#include <grpc/grpc.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace test
{

using Metadata = std::vector<std::pair<std::string, std::string>>;

// How a call ended.
struct Outcome {
    int code = -1;
    std::string message;
    std::string details; // grpc-status-details-bin
    std::string reply;   // unary: the response's bytes

    // From the details; empty where there are none.
    std::string reason() const;
    std::vector<std::pair<std::string, std::string>> violations() const; // field, description
    bool has_retry_info() const;
    std::string trace_id() const;
};

class Channel
{
  public:
    explicit Channel(const std::string &target);
    // With TLS; PEM files.
    Channel(const std::string &target, const std::string &cert, const std::string &key,
            const std::string &ca);
    ~Channel();
    Channel(const Channel &) = delete;
    grpc_channel *get() const
    {
        return channel_;
    }

    // "/package.Service/Method". deadline_ms 0: none.
    Outcome Unary(const std::string &path, const std::string &request, int deadline_ms = 60000,
                  const Metadata &metadata = {}) const;

  private:
    void Open(const std::string &target, grpc_channel_credentials *credentials);
    grpc_channel *channel_;
};

// One call of any shape, driven step by step by one thread.
class Call
{
  public:
    Call(const Channel &channel, const std::string &path, int deadline_ms = 60000,
         const Metadata &metadata = {});
    ~Call();
    Call(const Call &) = delete;

    bool Write(const std::string &message);
    bool WritesDone();
    bool Read(std::string *message); // false at the end
    Outcome Finish();
    void Cancel();

  private:
    bool Batch(const grpc_op *ops, size_t n);
    grpc_completion_queue *cq_;
    grpc_call *call_;
    grpc_metadata_array initial_;
    bool got_initial_ = false;
};

// A server of the test service on a SQLite file of its own.
class Server
{
  public:
    explicit Server(rpc_options options = Defaults());
    ~Server();
    static rpc_options Defaults();

    void Stop();    // drained at once; the database stays
    void Restart(); // on the same file, as after a crash or an upgrade
    std::string target() const;
    rpc *get() const
    {
        return rpc_;
    }

  private:
    void Start();
    rpc_options options_;
    std::string folder_;
    arena arena_;
    db *db_ = nullptr;
    committer *committer_ = nullptr;
    rpc *rpc_ = nullptr;
};

// A message packed by protobuf-c.
template <typename Message> std::string Pack(const Message &m)
{
    std::string bytes(protobuf_c_message_get_packed_size(&m.base), 0);
    protobuf_c_message_pack(&m.base, reinterpret_cast<uint8_t *>(&bytes[0]));
    return bytes;
}

// Unpacked for as long as the pointer lives.
template <typename Message>
std::shared_ptr<Message> Unpack(const ProtobufCMessageDescriptor &d, const std::string &bytes)
{
    auto *m =
        protobuf_c_message_unpack(&d, nullptr, bytes.size(), reinterpret_cast<const uint8_t *>(bytes.data()));
    return std::shared_ptr<Message>(reinterpret_cast<Message *>(m),
                                    [](Message *p) { protobuf_c_message_free_unpacked(&p->base, nullptr); });
}

} // namespace test
#endif
