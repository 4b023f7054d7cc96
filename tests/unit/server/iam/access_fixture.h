// access_fixture.h: an installation with its administrator logged in, and the calls by which rights are given
// and taken.
#ifndef TESTS_UNIT_SERVER_IAM_ACCESS_FIXTURE_H
#define TESTS_UNIT_SERVER_IAM_ACCESS_FIXTURE_H

#include "server/iam/iam.h"
#include "tests/unit/agents/harness.h"

namespace access_test
{

using harness::Answer;
using std::string;

const char kPassword[] = "first-password";

class Access : public ::testing::Test
{
  protected:
    Access()
    {
        start(house_, "a secret of the installation");
        house_.workspace = "default";
        EXPECT_EQ(first(kPassword), kPassword);
        admin_ = login("users/admin", kPassword);
        actAs(admin_);
    }
    ~Access() override
    {
        principal_unref(caller_);
        iam_close(house_.app.iam);
    }

    static void start(harness::House &h, const char *secret)
    {
        EXPECT_EQ(iam_open(str_of(secret), &h.app.iam).code, CODE_OK);
        for (int i = 0; i < 3 && !iam_ready(h.app.iam, clock_wall_us()); i++)
            EXPECT_EQ(h.run([](ctx *c) { return iam_refresh(c); }).reason(), "OK");
    }
    string first(const char *given)
    {
        string password;
        auto a = house_.run([&](ctx *c) {
            const char *made;
            TRY(iam_first_start(c, given, &made));
            password = made ? made : "";
            return ok();
        });
        EXPECT_EQ(a.reason(), "OK") << a.message();
        return password;
    }
    // As the runtime has LANE_GLANCE; other handlers do not mind that they are run again.
    struct status glance(ctx *c, const std::function<struct status()> &handler)
    {
        c->may_not_wait = true;
        c->had_to_wait = false;
        struct status s = handler();
        c->may_not_wait = false;
        return c->had_to_wait ? handler() : s;
    }
    template <class Req, class Res>
    Answer<Res> call(struct status (*handler)(ctx *, const Req *, Res *), const Req &req,
                     const ProtobufCMessageDescriptor *answers)
    {
        return house_.run<Res>(
            [&](ctx *c, Res *res) {
                c->caller = caller_;
                c->principal = caller_ ? caller_->name : "anonymous";
                c->peer = peer_.c_str();
                struct status s = glance(c, [&] { return handler(c, &req, res); });
                verdict_ = c->verdict;
                return s;
            },
            answers);
    }
    Answer<Session> tryLogin(const string &user, const string &password, const string &workspace = "")
    {
        CreateSessionRequest req = CREATE_SESSION_REQUEST_INIT;
        req.user = const_cast<char *>(user.c_str());
        req.password = const_cast<char *>(password.c_str());
        req.workspace = const_cast<char *>(workspace.c_str());
        auto a = call(create_session, req, &Session_descriptor);
        if (a.ok_())
            refresh_ = a->refresh_token;
        return a;
    }
    string login(const string &user, const string &password, const string &workspace = "")
    {
        auto a = tryLogin(user, password, workspace);
        EXPECT_EQ(a.reason(), "OK") << a.message();
        return a.ok_() ? a->access_token : "";
    }
    // The reason for which a credential is refused, "OK" where it stands for somebody (then in *ret).
    string check(const string &credential, principal **ret = nullptr)
    {
        principal *p = nullptr;
        auto a = house_.run(
            [&](ctx *c) { return iam_caller(c, str_make(credential.data(), credential.size()), &p); });
        if (ret)
            *ret = p;
        else
            principal_unref(p);
        return a.reason();
    }
    // The same of the names in a client certificate.
    string peer(std::initializer_list<const char *> names, string *ret_name = nullptr)
    {
        principal *p = nullptr;
        std::vector<str> all;
        for (const char *name : names)
            all.push_back(str_of(name));
        auto a = house_.run([&](ctx *c) { return iam_peer(c, all.data(), all.size(), &p); });
        if (p && ret_name)
            *ret_name = p->name;
        principal_unref(p);
        return a.reason();
    }
    // Sets what the mask names ("" for all) of a service account.
    string changeAccount(const char *name, const char *mask, const char *certificate, bool disabled = false)
    {
        UpdateServiceAccountRequest req = UPDATE_SERVICE_ACCOUNT_REQUEST_INIT;
        ServiceAccount account = SERVICE_ACCOUNT_INIT;
        FieldMask fields = GOOGLE__PROTOBUF__FIELD_MASK__INIT;
        char *paths[] = { const_cast<char *>(mask) };
        account.name = const_cast<char *>(name);
        account.certificate_name = const_cast<char *>(certificate);
        account.disabled = disabled;
        fields.paths = paths;
        fields.n_paths = *mask ? 1 : 0;
        req.service_account = &account;
        req.update_mask = &fields;
        return call(update_service_account, req, &ServiceAccount_descriptor).reason();
    }
    void actAs(const string &credential)
    {
        principal_unref(caller_);
        EXPECT_EQ(check(credential, &caller_), "OK");
        house_.workspace = caller_ ? caller_->workspace : "";
    }
    Answer<Session> refresh(const string &token)
    {
        RefreshSessionRequest req = REFRESH_SESSION_REQUEST_INIT;
        req.refresh_token = const_cast<char *>(token.c_str());
        return call(refresh_session, req, &Session_descriptor);
    }
    string makeUser(const char *id, const char *role, const char *password = "password-of-a-user")
    {
        CreateUserRequest req = CREATE_USER_REQUEST_INIT;
        User user = USER_INIT;
        char *roles[] = { const_cast<char *>(role) };
        user.roles = roles;
        user.n_roles = 1;
        req.user_id = const_cast<char *>(id);
        req.user = &user;
        req.password = const_cast<char *>(password);
        return call(create_user, req, &User_descriptor).reason();
    }
    string disableUser(const char *name)
    {
        UpdateUserRequest req = UPDATE_USER_REQUEST_INIT;
        User user = USER_INIT;
        FieldMask fields = GOOGLE__PROTOBUF__FIELD_MASK__INIT;
        char *paths[] = { const_cast<char *>("disabled") };
        user.name = const_cast<char *>(name);
        user.disabled = true;
        fields.paths = paths;
        fields.n_paths = 1;
        req.user = &user;
        req.update_mask = &fields;
        return call(update_user, req, &User_descriptor).reason();
    }
    string makeAccount(const char *id, const char *role)
    {
        CreateServiceAccountRequest req = CREATE_SERVICE_ACCOUNT_REQUEST_INIT;
        ServiceAccount account = SERVICE_ACCOUNT_INIT;
        char *roles[] = { const_cast<char *>(role) };
        account.roles = roles;
        account.n_roles = 1;
        req.service_account_id = const_cast<char *>(id);
        req.service_account = &account;
        return call(create_service_account, req, &ServiceAccount_descriptor).reason();
    }
    Answer<ApiKey> makeKey(const string &account)
    {
        CreateApiKeyRequest req = CREATE_API_KEY_REQUEST_INIT;
        req.parent = const_cast<char *>(account.c_str());
        return call(create_api_key, req, &ApiKey_descriptor);
    }
    string setRole(const char *id, std::vector<const char *> scopes, bool create)
    {
        Role role = ROLE_INIT;
        string name = string("roles/") + id;
        role.name = const_cast<char *>(name.c_str());
        role.scopes = const_cast<char **>(scopes.data());
        role.n_scopes = scopes.size();
        if (create) {
            CreateRoleRequest req = CREATE_ROLE_REQUEST_INIT;
            req.role_id = const_cast<char *>(id);
            req.role = &role;
            return call(create_role, req, &Role_descriptor).reason();
        }
        UpdateRoleRequest req = UPDATE_ROLE_REQUEST_INIT;
        req.role = &role;
        return call(update_role, req, &Role_descriptor).reason();
    }

    harness::House house_{ { &iam_statements } };
    principal *caller_ = nullptr;
    struct status verdict_ = ok();
    string admin_, refresh_, peer_ = "127.0.0.1";
};

} // namespace access_test
#endif
