"""The checks' own test: each check finds every planted mistake, and nothing in the innocent lines beside it."""
import pathlib
import subprocess
import sys
import tempfile

import banned
import commands
import links
import proofs
import reasons
import rooms
import sizes
import unused
import vendors
import ways_out
import words
from tree import Tree

SLASH = "/"
LONG = "int long_one(void)\n{\n" + "    f();\n" * 60 + "}\n"

# Check -> ({path: content}, what it must say, each a substring of its own line; nothing else may be said).
CASES = {
    rooms: (
        {
            "base/a.c": '#include "base/a.h"\n#include "store/db.h"\n',
            "agents/lead/a.c": '#include "agents/record/app.h"\n#include "agents/triage/triage.h"\n',
            "ml/a.c": '#include "base/a.h"\n// #include "server/x.h"\n#include "agents/record/app.h"\n',
            "server/rpc/a.c": '#include "agents/lead/lead.h"\n#include "store/committer.h"\n',
            "server/house.c": '#include "agents/lead/lead.h"\n#include "server/rpc/rpc.h"\n',
            "tests/unit/a.cc": '#include "server/rpc/rpc.h"\n',
        },
        ["base/a.c:2:", "agents/lead/a.c:2:", "ml/a.c:3:", "server/rpc/a.c:1:"],
    ),
    vendors: (
        {
            "store/sqlite_read.c": "#include <sqlite3.h>\n",
            "agents/lead/a.c": "#include <sqlite3.h>\n#include <stdio.h>\n",
            "ml/train.c": "#include <xgboost/c_api.h>\n",
            "server/main.c": "#include <grpc/grpc.h>\n",
            "store/sqlite.c": "#include <libpq-fe.h>\n",
        },
        ["agents/lead/a.c:1:", "ml/train.c:1:", "server/main.c:1:", "store/sqlite.c:1:"],
    ),
    banned: (
        {
            "base/a.c": '/* strcpy(a, b) */ char *s = "sprintf(";\nsprintf(a, b);\nsnprintf(a, 1, b);\nvoid *p = malloc(1);\n',
            "agents/lead/a.c": "x = malloc(1);\nstr_malloc(1);\np->malloc(1);\nn = atoi (s);\n",
            "agents/lead/b.c": "x = calloc(1, 2);\n",
            "tests/lint/malloc-allowed.txt": "agents/lead/b.c  # outlives a request\nagents/lead/gone.c\n",
        },
        ["base/a.c:2: sprintf", "agents/lead/a.c:1: malloc", "agents/lead/a.c:4: atoi", "agents/lead/gone.c is not there"],
    ),
    sizes: (
        {
            "base/a.c": LONG + LONG.replace("long_one", "known") + LONG.replace("long_one", "ok").replace("    f();\n", "", 3),
            "tests/a_test.cc": "namespace\n{\nclass Fixture : public Base\n{\n" + "    int x;\n" * 70 + "};\n"
            + LONG.replace("int long_one(void)", "TEST(A, B)") + "}\n",
            "base/long.py": "x = 1\n" * 501,
            "base/fell.c": "int x;\n",
            "tests/lint/sizes.txt": "base/a.c known 62  # the parser\nbase/fell.c 700\n",
        },
        ["base/a.c long_one: 62 lines, 60", "tests/a_test.cc TEST(A,B): 62 lines, 60", "base/long.py: 501 lines, 500", "base/fell.c has fallen from 700"],
    ),
    words: (
        {
            "a.md": f"See {SLASH}work{SLASH}main and {SLASH}home{SLASH}me.\nSee $HOME{SLASH}work{SLASH}x or base{SLASH}work{SLASH}.\n",
            "b.json": '"resolved": "https://registry.' + 'npmjs.org/x"\n',
            "c.c": "/* TO" + "DO: later */\nint todo;\n",
        },
        ["a.md:1:", "b.json:1:", "c.c:1:"],
    ),
    links: (
        {
            "a.md": "# One two\n[x](b.md) [y](docs/) [z](#one-two) [w](http://example.com) `[v](nowhere)`\n[x](c.md)\n[x](b.md#two)\n[z](#gone)\n",
            "b.md": "# One\n```\n# Two\n```\n",
            "docs/x.md": "[up](../a.md#one-two)\n[up](a.md)\n",
            "c.h": "/* c.h: after base/gone.h and docs/x.md, not base/NAME.c, as in x/base/y.h */\n",
        },
        ["a.md:3: there is no c.md", "c.h:1: there is no base/gone.h", "a.md:4: b.md has no heading", "a.md:5: a.md has no heading", "docs/x.md:2: there is no docs/a.md"],
    ),
    proofs: (
        {
            "docs/degradation.md": "| what | shown by |\n|---|---|\n| x | `A.Works`, `TestGo` |\n| y | `A.Gone` |\n| `A.Works` | by eye |\n",
            "tests/a.cc": "TEST_F(A, Works)\n{\n}\n",
            "tests/a_test.go": "func TestGo(t *testing.T) {}\n",
        },
        ["degradation.md:4: there is no test A.Gone", "degradation.md:5: no test shows this"],
    ),
    ways_out: (
        {
            "agents/engage/delivery/attempt.c": "smtp_send(t, s, l, from, to, mail, &came);\n",
            "agents/engage/send/smtp.c": "transfer_run(t, &x, &came);\n",
            "agents/engage/journey.c": "/* smtp_send(t) */\nwebhook_send(t, w, l, key, body, now, &came);\nf = smtp_send;\nmy_smtp_send(t);\n",
            "server/jobs.c": "transfer_run (t, &x, &came);\n",
        },
        ["agents/engage/journey.c:2: webhook_send", "agents/engage/journey.c:3: smtp_send", "server/jobs.c:1: transfer_run"],
    ),
    unused: (
        {
            "base/a.h": "#define A_MAX 3\n#define A_MIN 1 /* A_MIN */\nC_BEGIN\nstruct a {\n    int (*f)(int);\n};\n"
            "MUSTCHECK struct a *a_new(int);\nvoid a_free(struct a *a);\nstatic inline int a_one(void)\n{\n    return g(1);\n}\n"
            "int a_rpc_open(void);\nint b_rpc_open(void);\nC_END\n",
            "base/a.c": "struct a *a_new(int n)\n{\n    return A_MAX;\n}\nvoid a_free(struct a *a) {}\nint a_rpc_open(void) {}\nint b_rpc_open(void) {}\n",
            "server/b.c": "/* a_free */ a_new(2);\nRPC(a_rpc)\n",
        },
        ["base/a.h: nobody uses A_MIN", "a_free is used by no file", "b_rpc_open is used by no file"],
    ),
    reasons: (
        {
            "base/reasons.def": "".join(
                f'REASON({name}, {number}, NOT_FOUND, "gone")\n' for number, name in enumerate(["A", "SENT", "NEVER", "OTHER", "ROW"], 1)
            ),
            "proto/marketing/v1/reason.proto": "enum Reason {\n  // Never sent.\n  REASON_UNSPECIFIED = 0;\n" + "".join(
                f"  // [NOT_FOUND] Gone.\n  REASON_{name} = {number};\n" for name, number in dict(A=1, SENT=2, NEVER=3, OTHER=5, WORD=6).items()
            ) + "}\n",
            "base/a.c": "fail(REASON_A);\nfail(REASON_OTHER);\nfail(REASON_ROW); /* REASON_NEVER */\n",
            "gateway/a.go": "x := Reason_REASON_SENT\n",
        },
        ["ROW stands in one of them only", "WORD stands in one of them only", "OTHER is ('5'", "nobody gives NEVER"],
    ),
    commands: (
        {
            "dev": "commands='\nrun||Runs.\nstop||Stops.\nold||Gone.\n'\n",
            "tools/dev/run.sh": "#!/usr/bin/env bash\n# ./dev run\n",
            "tools/dev/stop.sh": "#!/usr/bin/env bash\n# ./dev stop\n",
            "tools/dev/extra.sh": "#!/usr/bin/env bash\n# ./dev extra\n",
            "tools/dev/lib.sh": "#!/usr/bin/env bash\n# Sourced.\n",
            "README.md": "`./dev run`, `./dev old`\n",
        },
        ["old has no tools/dev/old.sh", "no guide names ./dev stop", "tools/dev/extra.sh: not in the table"],
    ),
}


def run(check, files):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["git", "init", "-q", folder], check=True)
        for path, content in files.items():
            file = pathlib.Path(folder, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
        return list(check.check(Tree(folder)))


def main():
    wrong = 0
    for check, (files, wanted) in CASES.items():
        found = run(check, files)
        missed = [w for w in wanted if not any(w in line for line in found)]
        extra = [line for line in found if not any(w in line for w in wanted)]
        wrong += len(missed) + len(extra)
        for what, rows in (("did not find", missed), ("wrongly found", extra)):
            for row in rows:
                print(f"{check.__name__} {what}: {row}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
