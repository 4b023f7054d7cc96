// Every method names a scope that there is; roles are what roles.def says.
#include "server/gate/auth.h"
#include "server/iam/scopes.h"
#include "server/services.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace
{

// Logins, the keys that check tokens, links that are their own credential, and what is signed.
TEST(Scopes, EveryMethodNamesOneButThoseThatNeedNoCredential)
{
    arena a;
    size_t n;
    std::set<std::string> open;
    arena_init(&a, 1 << 20);
    const rpc_method *rows = services(1000, &a, &n);
    for (size_t i = 0; i < n; i++) {
        if (*rows[i].scope)
            EXPECT_LT(scope_find(rows[i].scope), SCOPE_COUNT) << rows[i].name << " names " << rows[i].scope;
        else
            open.insert(rows[i].name);
    }
    EXPECT_EQ(open,
              (std::set<std::string>{ "CreateSession", "RefreshSession", "GetJwks", "UnsubscribeByLink",
                                      "ReceiveDeliveryEvents", "ResolveMessageLink", "RecordMessageLink" }));
    arena_done(&a);
}

TEST(Scopes, AnUnknownScopeEndsTheStart)
{
    arena a;
    size_t n;
    struct auth *auth;
    arena_init(&a, 1 << 20);
    const rpc_method *rows = services(1000, &a, &n);
    EXPECT_EQ(auth_open(rows, n, &a, &auth).code, CODE_OK);
    rpc_method wrong = rows[0];
    wrong.scope = "leads.typo";
    struct status s = auth_open(&wrong, 1, &a, &auth);
    EXPECT_EQ(s.reason, REASON_SCHEMA_INVALID);
    EXPECT_NE(strstr(s.message, "leads.typo"), nullptr) << s.message;
    arena_done(&a);
}

TEST(Scopes, EveryScopeIsNeededBySomeMethod)
{
    arena a;
    size_t n;
    std::set<std::string> needed;
    arena_init(&a, 1 << 20);
    const rpc_method *rows = services(1000, &a, &n);
    for (size_t i = 0; i < n; i++)
        needed.insert(rows[i].scope);
    for (int x = 0; x < SCOPE_COUNT; x++)
        EXPECT_EQ(needed.count(scope_name(scope(x))), 1u) << scope_name(scope(x));
    arena_done(&a);
}

TEST(Roles, PlatformScopesAreHeldInTheDefaultWorkspaceOnly)
{
    scope_set all = scope_everything(), none = { { 0, 0 } };
    scope_set here = scope_within(all, "default"), there = scope_within(all, "acme"),
              nothing = scope_within(none, "acme");
    EXPECT_TRUE(scope_in(&here, SCOPE_workspaces_write));
    EXPECT_FALSE(scope_in(&there, SCOPE_workspaces_write));
    EXPECT_FALSE(scope_in(&there, SCOPE_system_admin));
    EXPECT_TRUE(scope_in(&there, SCOPE_iam_write));
    EXPECT_TRUE(scope_in(&nothing, SCOPE_self));
    EXPECT_FALSE(scope_in(&nothing, SCOPE_leads_read));
}

TEST(Roles, AreOrderedByWhatTheyMayDo)
{
    const role *admin = role_find("admin"), *operates = role_find("operator"), *viewer = role_find("viewer");
    ASSERT_TRUE(admin && operates && viewer);
    EXPECT_TRUE(scope_covers(&admin->scopes, &operates->scopes));
    EXPECT_TRUE(scope_covers(&operates->scopes, &viewer->scopes));
    EXPECT_FALSE(scope_covers(&viewer->scopes, &operates->scopes));
    EXPECT_FALSE(scope_in(&operates->scopes, SCOPE_iam_write));
    EXPECT_EQ(role_find("root"), nullptr);
}

} // namespace
