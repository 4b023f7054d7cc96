"""The files that the checks of this folder read: what git knows of, and new files that it does not ignore."""
import functools
import pathlib
import re
import subprocess

GENERATED = re.compile(r"^(// Code generated|/\* Generated)", re.M)


class Tree:
    def __init__(self, root):
        self.root = pathlib.Path(root)
        listed = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard", "--deduplicate", "-z"], cwd=self.root, check=True, capture_output=True
        ).stdout.decode()
        self.files = sorted(f for f in listed.split("\0") if f and (self.root / f).is_file())

    def named(self, *suffixes):
        return [f for f in self.files if f.endswith(suffixes)]

    @functools.lru_cache(maxsize=None)
    def text(self, path):
        return (self.root / path).read_text(encoding="utf-8", errors="replace")

    def generated(self, path):
        return GENERATED.search(self.text(path)[:2000]) is not None

    @functools.lru_cache(maxsize=None)
    def code(self, path):
        """The text of a C or C++ file with comments and string contents blanked, line numbers kept."""
        return TOKEN.sub(blank, self.text(path))


TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def blank(match):
    token = match.group(0)
    if token.startswith("/"):
        return re.sub(r"[^\n]", " ", token)
    return token[0] + " " * (len(token) - 2) + token[-1]


def lines(text):
    return enumerate(text.split("\n"), 1)
