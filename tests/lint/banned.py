"""Banned functions: unbounded writes, hidden state, unchecked numbers; and plain allocation outside of the rooms that own memory."""
import re

from tree import lines

NEVER = {
    "strcpy": "buf_put or memcpy with a checked length",
    "stpcpy": "buf_put or memcpy with a checked length",
    "strcat": "buf_put",
    "strncat": "buf_put",
    "strncpy": "memcpy with a checked length",
    "sprintf": "snprintf or buf_printf",
    "vsprintf": "vsnprintf or buf_printf",
    "strtok": "str_split",
    "localtime": "base/clock.h",
    "gmtime": "gmtime_r",
    "ctime": "base/clock.h",
    "asctime": "base/clock.h",
    "atoi": "str_to_i64",
    "atol": "str_to_i64",
    "atoll": "str_to_i64",
    "atof": "str_to_f64",
    "gets": "getline",
    "alloca": "the arena",
    "rand": "base/ids.h",
}
ALLOCATION = ("malloc", "calloc", "realloc", "reallocarray", "strdup", "strndup", "asprintf")
# Rooms with state of their own; everything else lives in a request's arena, but for the files of malloc-allowed.txt.
OWNERS = ("base/", "store/", "ml/", "server/", "tools/", "tests/")
CALL = re.compile(r"(?<![\w.>])(%s)\s*\(" % "|".join([*NEVER, *ALLOCATION]))


def allowed(tree):
    path = "tests/lint/malloc-allowed.txt"
    if path not in tree.files:
        return set()
    return {line.split("#")[0].strip() for _, line in lines(tree.text(path))} - {""}


def check(tree):
    exempt = allowed(tree)
    for path in sorted(exempt - set(tree.files)):
        yield f"tests/lint/malloc-allowed.txt: {path} is not there any more"
    for path in tree.named(".c", ".h", ".cc"):
        for number, line in lines(tree.code(path)):
            for found in CALL.finditer(line):
                name = found.group(1)
                if name in NEVER:
                    yield f"{path}:{number}: {name} is banned: use {NEVER[name]}"
                elif not path.startswith(OWNERS) and path not in exempt:
                    yield f"{path}:{number}: {name} outside of the rooms that own memory: use the arena"
