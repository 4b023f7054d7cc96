"""Sizes: functions of at most 60 lines, files of at most 500. What is larger stands in sizes.txt with its size, which may only fall."""
import re

from tree import lines

FUNCTION_LINES = 60
FILE_LINES = 500
RATCHET = "tests/lint/sizes.txt"
NAME = re.compile(r"([\w:~]+)\s*\(")
TEST = re.compile(r"TEST\w*\([^)]*\)")


def name_of(line):
    """Of the function that begins on the line: `TEST(Suite, Case)` for a test; empty for a class, a namespace, a declaration's end."""
    test = TEST.match(line)
    if test:
        return test.group(0).replace(" ", "")
    name = NAME.search(line)
    return name.group(1) if name else ""


def functions(tree):
    """{"path name": lines} of what is too long: from the column-0 brace that opens a function to the one that closes it."""
    found = {}
    for path in tree.named(".c", ".h", ".cc"):
        if tree.generated(path):
            continue
        head, opened = "", None
        for number, line in lines(tree.code(path)):
            if line.rstrip() == "{":
                opened = number if head else None
            elif opened and line.startswith("}"):
                if number - opened + 1 > FUNCTION_LINES:
                    found[f"{path} {head}"] = number - opened + 1
                opened = None
            elif not opened and line[:1].isalpha():
                head = name_of(line)
    return found


def files(tree):
    sources = tree.named(".c", ".h", ".cc", ".go", ".py", ".sh")
    count = {p: len(tree.text(p).splitlines()) for p in sources if not tree.generated(p)}
    return {p: n for p, n in count.items() if n > FILE_LINES}


def ratchet(tree):
    if RATCHET not in tree.files:
        return {}
    rows = (line.split("#")[0].rsplit(None, 1) for _, line in lines(tree.text(RATCHET)))
    return {row[0]: int(row[1]) for row in rows if row}


def check(tree):
    allowed = ratchet(tree)
    found = {**functions(tree), **files(tree)}
    for what, size in sorted(found.items()):
        limit = FUNCTION_LINES if " " in what else FILE_LINES
        if size > allowed.get(what, limit):
            yield f"{what}: {size} lines, {allowed.get(what, limit)} are allowed"
    for what, size in sorted(allowed.items()):
        if found.get(what, 0) < size:
            yield f"{RATCHET}: {what} has fallen from {size} to {found.get(what, 'within the limit')}: lower or remove its row"
