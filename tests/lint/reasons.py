"""Reasons: base/reasons.def and reason.proto say the same of every error reason, and somebody gives each."""
import re

TABLE, WORDS = "base/reasons.def", "proto/marketing/v1/reason.proto"
ROW = re.compile(r'^REASON\((\w+), (\d+), (\w+),\s*"([^\n]*)"\)$', re.M)
VALUE = re.compile(r"^((?:  //[^\n]*\n)+)  REASON_(\w+) = (\d+);", re.M)
COMMENT = re.compile(r"\[(\w+)\] (.*)\.")


def rows(text):
    """name -> (number, code, meaning)"""
    return {name: (number, code, meaning.replace('\\"', '"')) for name, number, code, meaning in ROW.findall(text)}


def values(text):
    """The same of the enum's values, whose comments read "[CODE] Meaning."; 0, which is never sent, left out."""
    found = {}
    for comment, name, number in VALUE.findall(text):
        said = COMMENT.fullmatch(" ".join(line.strip(" /") for line in comment.splitlines()))
        if number != "0":
            found[name] = (number, *said.groups()) if said else (number, "", "")
    return found


def same(row, value):
    return row[:2] == value[:2] and row[2].lower() == value[2].lower()


def check(tree):
    if TABLE not in tree.files:
        return
    table, words = rows(tree.text(TABLE)), values(tree.text(WORDS))
    for name in sorted(table.keys() ^ words.keys()):
        yield f"{TABLE}, {WORDS}: {name} stands in one of them only"
    for name in sorted(table.keys() & words.keys()):
        if not same(table[name], words[name]):
            yield f"{WORDS}: {name} is {words[name]}, in {TABLE} {table[name]}"
    code = "".join(tree.code(path) for path in tree.named(".c", ".h", ".def"))
    edge = "".join(tree.text(path) for path in tree.named(".go") if path.startswith("gateway/") and not path.endswith("_test.go"))
    given = set(re.findall(r"\bREASON_(\w+)", code)) | set(re.findall(r"\bReason_REASON_(\w+)", edge))
    for name in sorted(table.keys() - given):
        yield f"{TABLE}: nobody gives {name}"
