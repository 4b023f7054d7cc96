// Who is let in over TLS, and what happens when the files change while it serves.
#include "tests/unit/server/calls.h"

#include <cstdio>
#include <fstream>
#include <sstream>

namespace test
{
namespace
{

// Certificates of two throw-away authorities, made by the openssl command, and the files that a server reads.
class Pki
{
  public:
    Pki()
    {
        const char *base = getenv("TEST_TMPDIR");
        folder_ = std::string(base ? base : "/tmp") + "/pki";
        std::ofstream(folder_ + ".sh")
            << "set -e; rm -rf '" << folder_ << "'; mkdir '" << folder_ << "'; cd '" << folder_ << "'\n"
            << R"(exec 2>/dev/null
for n in ca other; do
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=$n -keyout $n.key -out $n.pem
done
echo 'subjectAltName=DNS:localhost,IP:127.0.0.1' >san
for n in server:ca client:ca renewed:other stranger:other; do
    o=${n%:*} i=${n#*:}
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=$o -keyout $o.key -out $o.csr
    openssl x509 -req -in $o.csr -CA $i.pem -CAkey $i.key -CAcreateserial -days 2 -extfile san -out $o.pem
done
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days -1 -extfile san -out expired.pem
openssl pkey -in server.key -aes256 -passout pass:x -out locked.key
cat ca.pem other.pem >both.pem
)";
        made_ = system(("bash '" + folder_ + ".sh'").c_str()) == 0;
        Install("server", "server", "ca");
    }

    bool made() const
    {
        return made_;
    }

    std::string path(const std::string &name) const
    {
        return folder_ + "/" + name;
    }

    std::string Text(const std::string &name) const
    {
        std::stringstream text;
        text << std::ifstream(path(name)).rdbuf();
        return text.str();
    }

    void Write(const std::string &name, const std::string &text) const
    {
        std::ofstream(path(name)) << text;
    }

    // Writes the files that the server reads, one after the other.
    void Install(const std::string &cert, const std::string &key, const std::string &client_ca) const
    {
        Write("live.pem", Text(cert + ".pem"));
        Write("live.key", Text(key + ".key"));
        Write("live.ca", Text(client_ca + ".pem"));
    }

  private:
    std::string folder_;
    bool made_;
};

class Tls : public testing::Test
{
  protected:
    void SetUp() override
    {
        ASSERT_TRUE(pki_.made());
        cert_ = pki_.path("live.pem");
        key_ = pki_.path("live.key");
        ca_ = pki_.path("live.ca");
    }

    rpc_options Options() const
    {
        rpc_options o = Server::Defaults();
        o.tls_cert = cert_.c_str();
        o.tls_key = key_.c_str();
        o.tls_client_ca = ca_.c_str();
        return o;
    }

    // A new connection that shows the certificate `who` and believes the authority `root`.
    std::unique_ptr<Channel> Connect(const Server &server, const std::string &who,
                                     const std::string &root) const
    {
        return std::make_unique<Channel>(server.target(), pki_.path(who + ".pem"), pki_.path(who + ".key"),
                                         pki_.path(root + ".pem"));
    }

    static bool Works(const Channel &c)
    {
        return c.Unary(kEcho, EchoBytes("x")).code == 0;
    }

    Pki pki_;
    std::string cert_, key_, ca_;
};

TEST_F(Tls, TakesOnlyClientsWithACertificateOfItsAuthority)
{
    Server server(Options());
    auto known = Connect(server, "client", "ca");
    EXPECT_TRUE(Works(*known));
    EXPECT_FALSE(Works(*Connect(server, "stranger", "ca")));
    EXPECT_FALSE(Works(Channel(server.target())));
    EXPECT_TRUE(Works(*known));
}

status AdmitAll(void *, const struct rpc_call *, struct ctx *)
{
    return ok();
}

TEST_F(Tls, APublicAddressIsServedOnlyWhereCallersAreKnown)
{
    rpc_options o = Options();
    o.address = "0.0.0.0:0";
    o.admit = AdmitAll;
    for (bool known : { false, true }) {
        arena a;
        rpc *r = nullptr;
        arena_init(&a, 1u << 20);
        o.knows_callers = known;
        EXPECT_EQ(rpc_serve(&o, &a, &r).code, known ? CODE_OK : CODE_INVALID_ARGUMENT);
        rpc_stop(r);
        arena_done(&a);
    }
}

TEST_F(Tls, RefusesHalfAConfigurationAndFilesItCannotUse)
{
    const struct {
        std::string cert, key, ca, why;
    } cases[] = {
        { pki_.path("no"), pki_.path("server.key"), pki_.path("ca.pem"), "cannot read" },
        { pki_.path("server.key"), pki_.path("server.key"), pki_.path("ca.pem"),
          "holds no whole certificate" },
        { pki_.path("server.pem"), pki_.path("client.key"), pki_.path("ca.pem"),
          "is not that of the certificate" },
        { pki_.path("server.pem"), pki_.path("locked.key"), pki_.path("ca.pem"), "without a password" },
        { pki_.path("expired.pem"), pki_.path("server.key"), pki_.path("ca.pem"), "has expired" },
        { pki_.path("server.pem"), pki_.path("server.key"), pki_.path("san"), "holds no whole certificate" },
        { pki_.path("server.pem"), pki_.path("server.key"), "", "go together" },
    };
    for (const auto &c : cases) {
        cert_ = c.cert, key_ = c.key, ca_ = c.ca;
        rpc_options o = Options();
        if (c.ca.empty())
            o.tls_client_ca = nullptr;
        arena a;
        rpc *r = nullptr;
        arena_init(&a, 1u << 20);
        status s = rpc_serve(&o, &a, &r);
        EXPECT_EQ(s.code, CODE_INVALID_ARGUMENT) << c.why;
        EXPECT_NE(std::string(s.message ? s.message : "").find(c.why), std::string::npos) << s.message;
        arena_done(&a);
    }
}

TEST_F(Tls, NewFilesCostNoCallAndServeTheNextConnection)
{
    pki_.Install("server", "server", "both");
    Server server(Options());
    auto unary = Connect(server, "client", "both"), streaming = Connect(server, "client", "both");
    Call stream(*streaming, kChat, 0);
    std::atomic<bool> over{ false };
    std::atomic<int> calls{ 0 }, failed{ 0 };
    std::thread caller([&] {
        for (; !over; calls++)
            failed += unary->Unary(kEcho, EchoBytes("x")).code != 0;
    });
    std::string message;
    for (int swap = 0; swap < 20; swap++) {
        bool first = swap % 2;
        pki_.Install(first ? "server" : "renewed", first ? "server" : "renewed", "both");
        EXPECT_TRUE(Works(*Connect(server, "client", first ? "ca" : "other"))) << swap;
        EXPECT_FALSE(Works(*Connect(server, "client", first ? "other" : "ca"))) << swap;
        EXPECT_TRUE(stream.Write(AddBytes("swaps", 1)) && stream.Read(&message)) << swap;
        int so_far = calls;
        EXPECT_TRUE(Eventually([&] { return calls > so_far; })) << swap;
    }
    over = true;
    caller.join();
    EXPECT_EQ(failed, 0);
    stream.WritesDone();
    EXPECT_EQ(stream.Finish().code, 0);
}

TEST_F(Tls, UnusableFilesChangeNothingAndAreToldOnce)
{
    Server server(Options());
    ASSERT_TRUE(Works(*Connect(server, "client", "ca")));
    auto still = [&] {
        return Works(*Connect(server, "client", "ca")) && Works(*Connect(server, "client", "ca"));
    };
    const std::string whole = pki_.Text("renewed.pem");
    testing::internal::CaptureStderr();
    pki_.Write("live.pem", whole);
    EXPECT_TRUE(still()) << "the key of another certificate";
    pki_.Write("live.pem", whole.substr(0, whole.size() / 2));
    EXPECT_TRUE(still()) << "half written";
    pki_.Write("live.pem", pki_.Text("server.pem") + whole.substr(0, whole.size() / 2));
    EXPECT_TRUE(still()) << "half a chain";
    pki_.Write("live.pem", pki_.Text("expired.pem"));
    EXPECT_TRUE(still()) << "expired";
    pki_.Write("live.pem", pki_.Text("server.pem"));
    pki_.Write("live.key", "");
    EXPECT_TRUE(still()) << "emptied";
    std::remove(key_.c_str());
    EXPECT_TRUE(still()) << "gone";
    pki_.Install("server", "server", "ca");
    EXPECT_TRUE(still());
    const std::string log = testing::internal::GetCapturedStderr();
    size_t told = 0;
    for (size_t at = 0; (at = log.find("event=tls_refused", at)) != std::string::npos; at++)
        told++;
    EXPECT_EQ(told, 6u) << log;
    for (const char *why : { "is not that of the certificate", "no whole certificate", "damaged certificate",
                             "has expired", "no whole private key", "cannot read" })
        EXPECT_NE(log.find(why), std::string::npos) << why << "\n" << log;
    EXPECT_EQ(log.find("PRIVATE KEY"), std::string::npos);
}

TEST_F(Tls, AnAuthorityTakenAwayShutsNewConnectionsOut)
{
    Server server(Options());
    auto before = Connect(server, "client", "ca");
    ASSERT_TRUE(Works(*before));
    pki_.Install("server", "server", "other");
    EXPECT_FALSE(Works(*Connect(server, "client", "ca")));
    EXPECT_TRUE(Works(*Connect(server, "stranger", "ca")));
    EXPECT_TRUE(Works(*before)) << "calls on a connection from before go on";
}

} // namespace
} // namespace test
