"""Links: every relative link of a markdown file leads to a file of the tree, and to a heading where it names one; files that C code or a
guide names by their path are there."""
import collections
import functools
import posixpath
import re

from tree import lines

LINK = re.compile(r"(?<!\\)\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
# A path from the root. One with capitals alone for a name (NAME.c) stands for many.
PATH = re.compile(r"(?<![\w/.$-])((?:%s)/(?:[\w.-]+/)*(?!N[A-Z]+)[\w.-]+\.(?:c|h|cc|def|go|md|proto|py|sh|sql|txt))\b" % "|".join(
    ("agents", "base", "clients", "docs", "gateway", "ml", "proto", "server", "share", "store", "tests", "tools")))
GENERATED = re.compile(r"proto/names\.h|.*\.pb-c\.[ch]")
HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$")


def prose(text):
    """Lines outside of fenced code."""
    fenced = False
    for number, line in lines(text):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced:
            yield number, line


@functools.lru_cache(maxsize=None)
def anchors(text):
    """The anchors that a forge makes of a file's headings."""
    found, times = set(), collections.Counter()
    for _, line in prose(text):
        heading = HEADING.match(line)
        if heading:
            slug = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading.group(1)).lower()).replace(" ", "-")
            found.add(f"{slug}-{times[slug]}" if times[slug] else slug)
            times[slug] += 1
    return found


def named_files(tree, known):
    for path in tree.named(".c", ".h", ".def", ".md"):
        for number, line in lines(tree.text(path)):
            for file in PATH.findall(line):
                if file not in known and not GENERATED.fullmatch(file):
                    yield f"{path}:{number}: there is no {file}"


def check(tree):
    known = set(tree.files) | {posixpath.dirname(f) for f in tree.files}
    yield from named_files(tree, known)
    for path in tree.named(".md"):
        for number, line in prose(tree.text(path)):
            for target in LINK.findall(re.sub(r"`[^`]*`", "", line)):
                if re.match(r"[a-z]+:", target):
                    continue
                file, _, anchor = target.partition("#")
                file = posixpath.normpath(posixpath.join(posixpath.dirname(path), file)) if file else path
                if file not in known and not any(k.startswith(file + "/") for k in known):
                    yield f"{path}:{number}: there is no {file}"
                elif anchor and file.endswith(".md") and anchor not in anchors(tree.text(file)):
                    yield f"{path}:{number}: {file} has no heading #{anchor}"
