#!/usr/bin/env python3
"""Makes the reference pages that come from tables: docs/options.md, docs/errors.md, docs/metrics.md, docs/methods.md,
docs/access.md.

  tools/docs.py          write them
  tools/docs.py --check  fail if one is stale
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
STRING = r'((?:"(?:[^"\\]|\\.)*"\s*)+)'


def rows(path, pattern):
    text = re.sub(r"/\*.*?\*/", "", (ROOT / path).read_text(encoding="utf-8"), flags=re.S)
    return re.findall(pattern, text, re.S)


def literal(text):
    return "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', text)).replace('\\"', '"').replace("|", "\\|")


def table(head, body):
    return "\n".join(["| " + " | ".join(line) + " |" for line in [head, ["---"] * len(head), *body]])


OPTIONS = """# Options of the server

An argument wins over the environment, the environment over the default. A text that starts with `@` is read from the
file it names. Secrets, and URLs with a password, are not taken as arguments, which every user of the machine can read.

"""


def options():
    found = rows("server/options.def", r"OPT\((\w+), \w+, (\w+), " + STRING + r", ([-\d.e]+), ([-\d.e]+), (\w+),\s*" + STRING + r"\)")
    body = [
        [f"`{name}`", f"`--{name.lower().replace('_', '-')}`", kind.lower(), f"`{literal(default)}`" if literal(default) else "",
         f"{low} to {high}" if kind in ("UINT", "REAL") else "", literal(text)]
        for kind, name, default, low, high, _, text in found
    ]
    return OPTIONS + table(["environment", "argument", "type", "default", "range", "what it does"], body)


def errors():
    found = rows("base/reasons.def", r"REASON\((\w+), (\d+), (\w+), " + STRING + r"\)")
    body = [[f"`{name}`", f"`{code}`", literal(text)] for name, _, code, text in found]
    return (
        "# Errors\n\nEvery failed call carries one `google.rpc.ErrorInfo` with domain `marketing.v1` and one of these reasons, in\n"
        "`grpc-status-details-bin` over gRPC and in `error.reason` over REST. Fields at fault are listed in `google.rpc.BadRequest`,\n"
        "whose limit it was in `google.rpc.QuotaFailure`, and when to come again in `google.rpc.RetryInfo` (over REST: `Retry-After`).\n\n"
        + table(["reason", "gRPC code", "meaning"], body))


def metrics():
    found = rows("base/metrics.def", r"METRIC\((\w+), (\w+), " + STRING + r", (\w+),\s*" + STRING + r"\)")
    body = [[f"`{literal(name)}`", kind.lower(), label.lower().replace("_", ", ") if label != "NONE" else "", literal(text)]
            for _, kind, name, label, text in found]
    return "# Metrics of the server\n\nServed at `/metrics` of `METRICS_LISTEN`.\n\n" + table(["name", "type", "labels", "what it tells and what to do"], body)


def methods():
    found = rows("server/services.c", r'METHOD\((\w+),\s*"(\w+)",\s*(\w+),\s*(\w+),\s*(OPEN|"[\w.]+"),\s*QUOTA_(\w+),\s*([\w |]+),\s*([\w *()]+)\)')
    body = [[f"`{service.title()}Service/{name}`", scope_of(scope), "yes" if flags != "0" else "", lane.removeprefix("LANE_").lower(), quota.lower()]
            for service, name, _, lane, scope, quota, flags, _ in found]
    return ("# Methods\n\nThe scope is the permission that the caller must hold. A method that changes something takes a `request_id`,\n"
            "unless a secret is part of its request or reply. The limit that counts its calls is that of `QUOTA_...` and `QUOTA_WORKSPACE_...`\n"
            "([options](options.md)).\n\n"
            + table(["method", "scope", "changes something", "lane", "limit"], body))


def scope_of(text):
    return "none" if text == "OPEN" else f"`{text[1:-1]}`"


def access():
    scopes = rows("server/iam/scopes.def", r'SCOPE\((\w+), "([\w.]+)", (\w+), ' + STRING + r"\)")
    roles = rows("server/iam/roles.def", r"ROLE(_ALL)?\((\w+), " + STRING + r"((?:,\s*S\(\w+\))*)\)")
    held = {name: None if everything else set(re.findall(r"S\((\w+)\)", ids)) for everything, name, _, ids in roles}
    ticks = {"SCOPE_EVERYBODY": "every credential", "SCOPE_PLATFORM": "only in the workspace `default`"}
    return (
        "# Access\n\nA credential's roles are sets of scopes; [methods.md](methods.md) names the scope of each method. A workspace may have roles of\n"
        "its own beside these (`CreateRole`). Nobody gives away more than they hold. What keeps workspaces apart: [workspaces.md](workspaces.md).\n\n"
        + table(["role", "who it is for"], [[f"`roles/{name}`", literal(text)] for _, name, text, _ in roles]) + "\n\n"
        + table(["scope", "allows to", *held, "note"], [
            [f"`{name}`", literal(text), *("yes" if ids is None or key in ids or flag == "SCOPE_EVERYBODY" else "" for ids in held.values()),
             ticks.get(flag, "")] for key, name, flag, text in scopes]))


def main():
    stale = []
    for name, make in {"options": options, "errors": errors, "metrics": metrics, "methods": methods, "access": access}.items():
        path = ROOT / "docs" / f"{name}.md"
        text = make() + "\n"
        if text.count("\n|") < 3:
            sys.exit(f"docs.py: no rows found for {path.name}")
        if "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(path.name)
    if stale:
        sys.exit(f"stale, run tools/docs.py: {', '.join(stale)}")


main()
