"""Links: every relative link of a markdown file leads to a file of the tree, and to a heading where it names one."""
import posixpath
import re

from tree import lines

LINK = re.compile(r"(?<!\\)\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$")


def prose(text):
    """Lines outside of fenced code."""
    fenced = False
    for number, line in lines(text):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced:
            yield number, line


def anchors(text):
    """The anchors that a forge makes of a file's headings."""
    found = set()
    for _, line in prose(text):
        heading = HEADING.match(line)
        if heading:
            slug = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading.group(1)).lower()).replace(" ", "-")
            count = sum(1 for a in found if a == slug or re.fullmatch(re.escape(slug) + r"-\d+", a))
            found.add(f"{slug}-{count}" if count else slug)
    return found


def check(tree):
    known = set(tree.files) | {posixpath.dirname(f) for f in tree.files}
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
