"""Commands: the table in ./dev and the scripts of tools/dev hold the same subcommands, and the guides name each of them."""
import re

ROW = re.compile(r"^([a-z]+)\|[^|\n]*\|.+$", re.M)


def check(tree):
    if "dev" not in tree.files:
        return
    table = set(ROW.findall(tree.text("dev").split("commands='", 1)[1].split("\n'", 1)[0]))
    scripts = {f for f in tree.files if f.startswith("tools/dev/") and f.endswith(".sh")}
    manuals = {f for f in scripts if f"\n# ./dev {f[10:-3]}" in tree.text(f)}
    guides = "".join(tree.text(f) for f in tree.named(".md"))
    for name in sorted(table):
        if f"tools/dev/{name}.sh" not in manuals:
            yield f"dev: {name} has no tools/dev/{name}.sh that opens with its manual"
        if not re.search(rf"\./dev {name}\b", guides):
            yield f"dev: no guide names ./dev {name}"
    for path in sorted(manuals):
        if path[10:-3] not in table:
            yield f"{path}: not in the table of ./dev"
