"""Unused: what a header declares another file uses, every macro is named, every error reason is given by somebody."""
import collections
import re

WORD = re.compile(r"\b[A-Za-z_]\w*\b")
MACRO = re.compile(r"^\s*#\s*define\s+(\w+)", re.M)
# A statement at the top level of a header that declares a function: a type, the name, parameters. Not a pointer to one.
DECLARED = re.compile(r"^\s*(?!typedef|extern|static)(?:\w+[\s*]+)+(\w+)\s*\([^;]*$", re.S)
# Ends of names that the macros of server/rpc/rpc.h make from a method's.
PASTED = re.compile(r"(\w+)_(?:open|item|next|committed|refused|finish|stop)")
REASON = re.compile(r"^REASON\((\w+),", re.M)
REASONS = "base/reasons.def"


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
    yield from unused_reasons(tree, times)


def unused_reasons(tree, times):
    edge = "".join(tree.text(path) for path in tree.named(".go") if path.startswith("gateway/") and not path.endswith("_test.go"))
    for name in REASON.findall(tree.text(REASONS)) if REASONS in tree.files else ():
        if not times[f"REASON_{name}"] and f"Reason_REASON_{name}" not in edge:
            yield f"{REASONS}: nobody gives {name}"
