"""Words that have no business in the tree: paths of one machine, hosts of package registries, and work put off."""
import re

from tree import lines

# Written in pieces, so that this file does not find itself.
PATTERNS = {
    "a path of one machine": r"(?<![\w.$}/-])/(?:work|home|root|tmp/w)/",
    "the host of a registry": r"\b(?:%s)\b" % "|".join(
        host.replace("+", r"\.")
        for host in ("deb+debian+org", "pypi+org", "pythonhosted+org", "registry+npmjs+org", "proxy+golang+org", "sum+golang+org", "crates+io")
    ),
    "work put off": r"\b(?:TO" + "DO|FIX" + "ME|X" + "XX)\\b",
}
BINARY = (".binpb", ".png", ".gz", ".bin", ".mdl")


def check(tree):
    for path in tree.files:
        if path.endswith(BINARY) or path.startswith("testdata/"):
            continue
        for number, line in lines(tree.text(path)):
            for what, pattern in PATTERNS.items():
                if re.search(pattern, line):
                    yield f"{path}:{number}: {what}: {line.strip()[:100]}"
