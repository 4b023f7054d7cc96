// The two services of gRPC itself: health and reflection.
#include "google/protobuf/descriptor.pb-c.h"
#include "grpc/health/v1/health.pb-c.h"
#include "grpc/reflection/v1/reflection.pb-c.h"
#include "tests/unit/server/client.h"
#include "tests/unit/server/test_service.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

namespace test
{
namespace
{

using HealthResponse = Grpc__Health__V1__HealthCheckResponse;
using Request = Grpc__Reflection__V1__ServerReflectionRequest;
using Response = Grpc__Reflection__V1__ServerReflectionResponse;

const char kCheck[] = "/grpc.health.v1.Health/Check", kHealthWatch[] = "/grpc.health.v1.Health/Watch";
enum { UNKNOWN, SERVING, NOT_SERVING, SERVICE_UNKNOWN };

std::string HealthBytes(const char *service)
{
    Grpc__Health__V1__HealthCheckRequest m = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    m.service = const_cast<char *>(service);
    return Pack(m);
}

int HealthOf(const std::string &bytes)
{
    return Unpack<HealthResponse>(grpc__health__v1__health_check_response__descriptor, bytes)->status;
}

TEST(Health, ChecksServerAndServices)
{
    Server server;
    Channel channel(server.target());
    for (const char *service : { "", "test.v1.TestService", "grpc.health.v1.Health" })
        EXPECT_EQ(HealthOf(channel.Unary(kCheck, HealthBytes(service)).reply), SERVING) << service;
    Outcome o = channel.Unary(kCheck, HealthBytes("no.such.Service"));
    EXPECT_EQ(o.code, CODE_NOT_FOUND);
    rpc_health_set(server.get(), "test.v1.TestService", false);
    EXPECT_EQ(HealthOf(channel.Unary(kCheck, HealthBytes("test.v1.TestService")).reply), NOT_SERVING);
    EXPECT_EQ(HealthOf(channel.Unary(kCheck, HealthBytes("")).reply), SERVING);
}

TEST(Health, WatchTellsEachChangeAndTheDrainFirst)
{
    rpc_options o = Server::Defaults();
    o.drain_linger_ms = 5000; // so long that a machine that stands still makes no difference
    Server server(o);
    Channel channel(server.target());
    Call watch(channel, kHealthWatch, 0), unknown(channel, kHealthWatch, 0);
    std::string message;
    watch.Write(HealthBytes("test.v1.TestService"));
    watch.WritesDone();
    ASSERT_TRUE(watch.Read(&message));
    EXPECT_EQ(HealthOf(message), SERVING);
    rpc_health_set(server.get(), "test.v1.TestService", false);
    ASSERT_TRUE(watch.Read(&message));
    EXPECT_EQ(HealthOf(message), NOT_SERVING);
    rpc_health_set(server.get(), "test.v1.TestService", true);
    ASSERT_TRUE(watch.Read(&message));
    EXPECT_EQ(HealthOf(message), SERVING);

    unknown.Write(HealthBytes("no.such.Service"));
    unknown.WritesDone();
    ASSERT_TRUE(unknown.Read(&message));
    EXPECT_EQ(HealthOf(message), SERVICE_UNKNOWN);

    std::thread drain([&] { rpc_drain(server.get(), 60000); });
    ASSERT_TRUE(watch.Read(&message));
    EXPECT_EQ(HealthOf(message), NOT_SERVING);
    EXPECT_FALSE(watch.Read(&message));
    EXPECT_EQ(watch.Finish().reason(), "DRAINING");
    EXPECT_EQ(unknown.Finish().reason(), "DRAINING");
    drain.join();
}

class Reflection : public ::testing::TestWithParam<const char *>
{
  protected:
    std::shared_ptr<Response> Ask(const Request &req)
    {
        std::string bytes;
        EXPECT_TRUE(call_.Write(Pack(req)));
        EXPECT_TRUE(call_.Read(&bytes));
        return Unpack<Response>(grpc__reflection__v1__server_reflection_response__descriptor, bytes);
    }
    std::shared_ptr<Response> AskSymbol(const char *name)
    {
        Request req = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__INIT;
        req.message_request_case =
            GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_SYMBOL;
        req.file_containing_symbol = const_cast<char *>(name);
        return Ask(req);
    }
    static std::string FileName(const Response &res)
    {
        if (!res.file_descriptor_response || res.file_descriptor_response->n_file_descriptor_proto != 1)
            return "(none)";
        const ProtobufCBinaryData &b = res.file_descriptor_response->file_descriptor_proto[0];
        auto file = Unpack<Google__Protobuf__FileDescriptorProto>(
            google__protobuf__file_descriptor_proto__descriptor, { reinterpret_cast<char *>(b.data), b.len });
        return file ? file->name : "(damaged)";
    }

    Server server_;
    Channel channel_{ server_.target() };
    Call call_{ channel_, GetParam() };
};

TEST_P(Reflection, ListsServices)
{
    Request req = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__INIT;
    req.message_request_case = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_LIST_SERVICES;
    req.list_services = const_cast<char *>("*");
    req.host = const_cast<char *>("some.host");
    auto res = Ask(req);
    ASSERT_NE(res->list_services_response, nullptr);
    std::set<std::string> names;
    for (size_t i = 0; i < res->list_services_response->n_service; i++)
        names.insert(res->list_services_response->service[i]->name);
    EXPECT_EQ(names, (std::set<std::string>{ "test.v1.TestService", "grpc.health.v1.Health",
                                             "grpc.reflection.v1.ServerReflection",
                                             "grpc.reflection.v1alpha.ServerReflection" }));
    EXPECT_STREQ(res->valid_host, "some.host");
    EXPECT_STREQ(res->original_request->list_services, "*");
}

TEST_P(Reflection, FindsSymbolsOfEveryKind)
{
    for (const char *symbol : { "test.v1.TestService", "test.v1.TestService.Chat", "test.v1.Everything",
                                "test.v1.Color", "test.v1.Everything.LabelsEntry" })
        EXPECT_EQ(FileName(*AskSymbol(symbol)), "test.proto") << symbol;
    EXPECT_EQ(FileName(*AskSymbol("grpc.health.v1.Health.Check")), "grpc/health/v1/health.proto");
    auto res = AskSymbol("test.v1.Missing");
    ASSERT_NE(res->error_response, nullptr);
    EXPECT_EQ(res->error_response->error_code, CODE_NOT_FOUND);
}

TEST_P(Reflection, FindsFilesAndHasNoExtensions)
{
    Request req = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__INIT;
    req.message_request_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_BY_FILENAME;
    req.file_by_filename = const_cast<char *>("grpc/health/v1/health.proto");
    EXPECT_EQ(FileName(*Ask(req)), "grpc/health/v1/health.proto");
    req.file_by_filename = const_cast<char *>("no/such.proto");
    ASSERT_NE(Ask(req)->error_response, nullptr);
    req.message_request_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_ALL_EXTENSION_NUMBERS_OF_TYPE;
    req.all_extension_numbers_of_type = const_cast<char *>("test.v1.Everything");
    auto res = Ask(req);
    ASSERT_NE(res->error_response, nullptr);
    EXPECT_EQ(res->error_response->error_code, CODE_NOT_FOUND);
    call_.WritesDone();
    EXPECT_EQ(call_.Finish().code, 0);
}

INSTANTIATE_TEST_SUITE_P(Versions, Reflection,
                         ::testing::Values("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
                                           "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"),
                         [](const auto &info) {
                             return std::string(info.param).find("v1alpha") == std::string::npos ? "v1"
                                                                                                 : "v1alpha";
                         });

} // namespace
} // namespace test
