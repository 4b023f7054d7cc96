"""Unused: what a header declares another file uses, and every macro is named."""
import collections
import re

WORD = re.compile(r"\b[A-Za-z_]\w*\b")
MACRO = re.compile(r"^\s*#\s*define\s+(\w+)", re.M)
# A statement at the top level of a header that declares a function: a type, the name, parameters. Not a pointer to one.
DECLARED = re.compile(r"^\s*(?!typedef|extern|static)(?:\w+[\s*]+)+(\w+)\s*\([^;]*$", re.S)
# Ends of names that the macros of server/rpc/rpc.h make from a method's.
PASTED = re.compile(r"(\w+)_(?:open|item|next|committed|refused|finish|stop)")


def top_level(code):
    """The statements outside of all braces, but for those of extern "C", without preprocessor lines."""
    code = re.sub(r"^\s*#(?:[^\n]*\\\n)*[^\n]*$", "", code, flags=re.M)
    depth, out = 0, []
    for c in code:
        depth += {"{": 1, "}": -1}.get(c, 0)
        if depth == 0:
            out.append(";" if c == "}" else c)
    return "".join(out).replace("C_BEGIN", "").replace("C_END", "").split(";")


def declared(code):
    """The functions that a header declares and does not define."""
    return [found.group(1) for found in map(DECLARED.match, top_level(code)) if found]


def check(tree):
    named = {path: collections.Counter(WORD.findall(tree.code(path))) for path in tree.named(".c", ".h", ".cc", ".def")}
    files = collections.Counter(name for words in named.values() for name in words)
    times = sum(named.values(), collections.Counter())
    for path, words in named.items():
        if path.startswith("tests/"):
            continue
        for name in MACRO.findall(tree.code(path)):
            if times[name] < 2:
                yield f"{path}: nobody uses {name}"
        for name in declared(tree.code(path)) if path.endswith(".h") else ():
            method = PASTED.fullmatch(name)
            if words[name] < 2 and files[name] < 3 and not (method and files[method.group(1)]):
                yield f"{path}: {name} is used by no file but its own"
