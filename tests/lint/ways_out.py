"""Ways out: what hands a message to a provider is named in the delivery loop and in a channel's own test alone, so nothing leaves past the gate."""
import re

from tree import lines

HOME = "agents/engage/send/"
CALLERS = ("agents/engage/delivery/", "agents/engage/channel/test.c")
NAME = re.compile(r"\b(smtp_send|webhook_send|transfer_run)\b")


def check(tree):
    for path in tree.named(".c", ".h", ".def"):
        if path.startswith((HOME, "tests/", *CALLERS)):
            continue
        for number, line in lines(tree.code(path)):
            for found in NAME.finditer(line):
                yield f"{path}:{number}: {found.group(1)} is a way out past the gate"
