// Which client certificate stands for whom, and who may say so.
#include "tests/unit/server/iam/access_fixture.h"

namespace access_test
{

using Certificates = Access;

TEST_F(Certificates, ACertificateStandsForOneServiceAccount)
{
    const char spiffe[] = "spiffe://cluster.local/ns/crm/sa/sync";
    string name;
    ASSERT_EQ(makeAccount("sync", "roles/agent"), "OK");
    ASSERT_EQ(makeAccount("other", "roles/agent"), "OK");
    EXPECT_EQ(peer({ spiffe }), "CREDENTIAL_MISSING");
    ASSERT_EQ(changeAccount("serviceAccounts/sync", "certificate_name", spiffe), "OK");
    EXPECT_EQ(peer({ spiffe }, &name), "OK");
    EXPECT_EQ(name, "serviceAccounts/sync");
    EXPECT_EQ(peer({ "spiffe://other/x", spiffe, "localhost" }), "OK") << "any name of the certificate";
    EXPECT_EQ(peer({ "spiffe://cluster.local/ns/crm/sa/Sync" }), "CREDENTIAL_MISSING");
    EXPECT_EQ(check(spiffe), "CREDENTIAL_INVALID") << "a name is no bearer credential, even if remembered";
    EXPECT_EQ(changeAccount("serviceAccounts/other", "certificate_name", spiffe), "ACCOUNT_ALREADY_EXISTS");

    ASSERT_EQ(changeAccount("serviceAccounts/other", "certificate_name", "worker.internal"), "OK");
    EXPECT_EQ(peer({ spiffe, "worker.internal" }, &name), "OK");
    EXPECT_EQ(name, "serviceAccounts/sync") << "the first that is an account's";
    ASSERT_EQ(changeAccount("serviceAccounts/sync", "disabled", "", true), "OK");
    EXPECT_EQ(peer({ spiffe }), "CREDENTIAL_INVALID");
    EXPECT_EQ(peer({ spiffe, "worker.internal" }), "CREDENTIAL_INVALID")
        << "the next name makes up for nothing";
    ASSERT_EQ(changeAccount("serviceAccounts/sync", "certificate_name", "spiffe://new/name"), "OK");
    EXPECT_EQ(peer({ spiffe }), "CREDENTIAL_MISSING") << "the name before is nobody's";
    ASSERT_EQ(changeAccount("serviceAccounts/other", "certificate_name", ""), "OK");
    EXPECT_EQ(peer({ "worker.internal" }), "CREDENTIAL_MISSING");

    DeleteServiceAccountRequest gone = DELETE_SERVICE_ACCOUNT_REQUEST_INIT;
    gone.name = const_cast<char *>("serviceAccounts/sync");
    ASSERT_EQ(call(delete_service_account, gone, &Empty_descriptor).reason(), "OK");
    EXPECT_EQ(changeAccount("serviceAccounts/other", "certificate_name", "spiffe://new/name"), "OK")
        << "what the deleted account had is free";
}

TEST_F(Certificates, ACertificateNameHasTheFormOfOne)
{
    ASSERT_EQ(makeAccount("sync", "roles/agent"), "OK");
    for (const char *good : { "urn:uuid:1", "spiffe://a/b?c#d", "a", "a-1.b", "10.example" })
        EXPECT_EQ(changeAccount("serviceAccounts/sync", "certificate_name", good), "OK") << good;
    for (const char *bad : { "*.internal", "Worker.internal", "-a", "a-", "a..b", ".a", "a.", "a b", ":x",
                             "urn:", "Urn:x", "urn:a b", "urn:a\nb", "urn:\xc3\xa4", "1:x", "a/b" })
        EXPECT_EQ(changeAccount("serviceAccounts/sync", "certificate_name", bad), "FIELD_INVALID") << bad;
    string longest = "urn:" + string(508, 'x');
    EXPECT_EQ(changeAccount("serviceAccounts/sync", "certificate_name", longest.c_str()), "OK");
    EXPECT_EQ(changeAccount("serviceAccounts/sync", "certificate_name", (longest + "x").c_str()),
              "FIELD_TOO_LONG");
}

TEST_F(Certificates, ATenantLetsNoCertificateIn)
{
    ASSERT_EQ(setRole("keeper", { "iam.read", "iam.write", "leads.read" }, true), "OK");
    ASSERT_EQ(makeUser("keeper", "roles/keeper"), "OK");
    ASSERT_EQ(changeAccount("serviceAccounts/none", "certificate_name", "a"), "ACCOUNT_NOT_FOUND");
    actAs(login("users/keeper", "password-of-a-user"));
    ASSERT_EQ(makeAccount("mine", "roles/keeper"), "OK");
    EXPECT_EQ(changeAccount("serviceAccounts/mine", "certificate_name", "gateway.internal"),
              "PERMISSION_MISSING");
    EXPECT_EQ(changeAccount("serviceAccounts/mine", "display_name", "gateway.internal"), "OK")
        << "what the mask does not name is not looked at";
    EXPECT_EQ(peer({ "gateway.internal" }), "CREDENTIAL_MISSING");
}

} // namespace access_test
