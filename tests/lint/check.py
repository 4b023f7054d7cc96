"""check.py NAME [ROOT]: runs the check of that name (a module of this folder) over the tree; prints what it finds, status 1 if anything."""
import importlib
import pathlib
import sys

from tree import Tree


def main(name, root=pathlib.Path(__file__).resolve().parents[2]):
    found = list(importlib.import_module(name).check(Tree(root)))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
