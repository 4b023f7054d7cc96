#include "store/postgres.h"

/* A role of the whole server, shared by its databases; grants belong to one of them. */
#define ROLE "marketing_server"
#define SELF_CAN_BYPASS " FROM pg_roles WHERE rolname = current_user AND (rolsuper OR rolbypassrls)"

/* Without a setting (NULL or '') no row is seen: '' is itself the workspace that workspaces lie in. */
#define WALL                                                                                                 \
    "workspace = NULLIF(current_setting('marketing.workspace', true), '')"                                   \
    " OR current_setting('marketing.workspace', true) = '" EVERY_WORKSPACE "'"

/* FORCE, since the login role may own the tables. What is there is left as it is: another text of WALL needs
 * another name than `wall`. */
static const char policies[] =
    "DO $do$ DECLARE t name; BEGIN FOR t IN SELECT c.relname FROM pg_class AS c JOIN pg_attribute AS a"
    " ON a.attrelid = c.oid AND a.attname = 'workspace' AND NOT a.attisdropped"
    " WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')"
    " AND NOT (c.relrowsecurity AND c.relforcerowsecurity"
    " AND EXISTS (SELECT 1 FROM pg_policy WHERE polrelid = c.oid AND polname = 'wall'))"
    " LOOP"
    " EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', t);"
    " EXECUTE format('DROP POLICY IF EXISTS wall ON %I', t);"
    " EXECUTE format('CREATE POLICY wall ON %I USING (%s)', t, $wall$" WALL "$wall$);"
    " END LOOP; END $do$";

/* Only a login role that can bypass policies needs another one. Databases of one server may make it at the
 * same moment. */
static const char role[] =
    "DO $do$ BEGIN IF EXISTS (SELECT 1" SELF_CAN_BYPASS ") THEN"
    " IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '" ROLE "') THEN"
    " BEGIN CREATE ROLE " ROLE " NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END;"
    " END IF;"
    " IF NOT pg_has_role('" ROLE "', 'MEMBER') THEN EXECUTE format('GRANT " ROLE " TO %I', current_user);"
    " END IF;"
    " EXECUTE format('GRANT USAGE ON SCHEMA %I TO " ROLE "', current_schema());"
    " EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %I TO " ROLE "',"
    " current_schema());"
    " END IF; END $do$";

/* The role's own search path might begin elsewhere. The last statement says whether it was of use. */
static const char enter[] = "PREPARE store_wall (text) AS SELECT set_config('marketing.workspace', $1, true);"
                            "SELECT set_config('search_path', quote_ident(current_schema()), false),"
                            " set_config('role', '" ROLE "', false)" SELF_CAN_BYPASS ";"
                            "SELECT count(*)" SELF_CAN_BYPASS;

static struct status no_wall(struct arena *a, const char *why)
{
    return fail(a, REASON_STORE_UNAVAILABLE,
                "PostgreSQL: no wall between workspaces, see docs/workspaces.md: %s", why);
}

static struct status walled(const struct pg_conn *c, struct status s, struct arena *a)
{
    return is_ok(s) || c->dead ? s : no_wall(a, s.message);
}

struct status pg_wall_build(struct pg_conn *c, int64_t deadline_us, struct arena *a)
{
    TRY(walled(c, pg_simple(c, policies, deadline_us, a, NULL), a));
    TRY(walled(c, pg_simple(c, role, deadline_us, a, NULL), a));
    return pg_wall_enter(c, deadline_us, a);
}

struct status pg_wall_enter(struct pg_conn *c, int64_t deadline_us, struct arena *a)
{
    int64_t can_bypass = 1;
    TRY(walled(c, pg_simple(c, enter, deadline_us, a, &can_bypass), a));
    return can_bypass ? no_wall(a, "the role can bypass row-level security") : ok();
}

bool pg_wall_send(struct pg_conn *c, const char *workspace)
{
    static const struct stmt wall = { "store_wall", "t", "t", NULL, NULL, NULL }; /* prepared by `enter` */
    struct pg_params p;
    const struct value v = v_text(workspace);
    pg_params_row(&p, &wall, &v);
    return pg_send(c, &wall, PG_ROW, &p);
}
