"""Vendors: each outside library is known to one room or file."""
import re

from tree import lines

INCLUDE = re.compile(r"^\s*#\s*include\s*[<\"]([^>\"]+)[>\"]")

# What the included path starts with -> the paths that may include it (tests may include anything).
HOMES = {
    "sqlite3": r"store/sqlite[^/]*\.(c|h)",
    "libpq": r"store/postgres[^/]*\.(c|h)",
    "postgresql/": r"store/postgres[^/]*\.(c|h)",
    "hiredis": r"store/redis[^/]*\.(c|h)",
    "xgboost": r"ml/booster\.c",
    "curl/": r"agents/engage/send/(transfer|transfer_private|stream)\.(c|h)",
    "crypt.h": r"server/iam/password\.c",
    "grpc/": r"server/rpc/[^/]*\.(c|h)",
    "openssl/": r"(base/ids|base/seal|base/sign|agents/engage/send/dkim|server/iam/[^/]*|server/rpc/tls|store/redis[^/]*)\.(c|h)",
}


def check(tree):
    for path in tree.named(".c", ".h", ".cc"):
        if path.startswith("tests/"):
            continue
        for number, line in lines(tree.text(path)):
            found = INCLUDE.match(line)
            for vendor, home in HOMES.items() if found else ():
                if found.group(1).startswith(vendor) and not re.fullmatch(home, path):
                    yield f"{path}:{number}: {found.group(1)} belongs in {home} only"
