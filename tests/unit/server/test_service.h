/* test_service.h: the handlers of testdata/test.proto, and a server around them. */
#ifndef TESTS_UNIT_SERVER_TEST_SERVICE_H
#define TESTS_UNIT_SERVER_TEST_SERVICE_H

#include "server/rpc/rpc.h"

C_BEGIN

extern const struct rpc_method test_methods[];
extern const size_t test_methods_n;
extern const struct stmt_table test_statements;
extern const struct migration test_migrations[];

/* The descriptor set of test.proto and of what every server serves. */
struct str test_descriptors(void);

/* What the handlers saw since the start of the process. */
struct test_seen {
    int slept;      /* Sleep calls that began */
    int cancelled;  /* Sleep calls that saw their caller hang up */
    int add_runs;   /* runs of Add's handler, re-runs included */
    int committed;  /* stream items told to be durable */
    int held;       /* runs of Add's handler that take lose_ms */
    int went_ahead; /* items of Sum that ran while the one before was being committed */
};
struct test_seen test_seen_now(void);

/* Ends the runs of Add's handler that take lose_ms now. */
void test_release(void);

C_END
#endif
