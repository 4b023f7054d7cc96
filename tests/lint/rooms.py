"""Rooms: who may include whom. proto <- base <- {ml, store} <- agents/record <- agents/<one> <- server; never a sibling agent."""
import re

from tree import lines

INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"')

BASE = {"proto", "base"}
KEEP = BASE | {"ml", "store"}

# Room -> the rooms that it may include besides itself. A room is the longest name here that a path starts with.
ALLOWED = {
    "proto": set(),
    "base": {"proto"},
    "ml": BASE,
    "store": BASE,
    "agents/record": KEEP,
    "agents/*": KEEP | {"agents/record"},
    "server/iam": KEEP | {"agents/record"},
    "server/gate": KEEP | {"agents/record", "server/iam", "server/rpc"},
    "server/rpc": BASE | {"store"},
    "server": KEEP | {"agents/record", "agents/*", "server/rpc", "server/gate", "server/iam"},
    "tools": KEEP,
}
# Tests know all.
FREE = ("tests/",)


def room(path):
    """(name in ALLOWED, the folder itself), or None outside of all rooms."""
    parts = path.split("/")
    two = "/".join(parts[:2])
    if two in ALLOWED:
        return two, two
    if parts[0] == "agents" and len(parts) > 2:
        return "agents/*", two
    return (parts[0], parts[0]) if parts[0] in ALLOWED and len(parts) > 1 else None


def check(tree):
    for path in tree.named(".c", ".h", ".cc", ".def"):
        here = room(path)
        if path.startswith(FREE) or here is None:
            continue
        for number, line in lines(tree.text(path)):
            found = INCLUDE.match(line)
            there = room(found.group(1)) if found else None
            if there is None or there[1] == here[1]:
                continue
            if there[0] not in ALLOWED[here[0]]:
                yield f"{path}:{number}: {here[1]} must not include {there[1]} ({found.group(1)})"
