"""Proofs: every test that docs/degradation.md names is there."""
import re

from tree import lines

PAGE = "docs/degradation.md"
# `Suite.Test` of a C++ test, `TestName` of a Go test, in the last column of a table.
NAMED = re.compile(r"`((?:[A-Z]\w*\.[A-Z]\w*)|(?:Test[A-Z]\w*))`")
CPP = re.compile(r"^TEST(?:_F|_P)?\((\w+),\s*(\w+)\)", re.M)
GO = re.compile(r"^func (Test\w+)\(", re.M)


def check(tree):
    if PAGE not in tree.files:
        return
    there = {f"{suite}.{test}" for path in tree.named(".cc") for suite, test in CPP.findall(tree.text(path))}
    there |= {name for path in tree.named("_test.go") for name in GO.findall(tree.text(path))}
    for number, line in lines(tree.text(PAGE)):
        cells = line.strip().strip("|").split("|")
        if not line.startswith("| ") or cells[-1].strip() == "shown by":
            continue
        named = NAMED.findall(cells[-1])
        if not named:
            yield f"{PAGE}:{number}: no test shows this"
        for name in named:
            if name not in there:
                yield f"{PAGE}:{number}: there is no test {name}"
