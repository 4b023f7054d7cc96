"""Turns what a test runner reports into one line a test case: `passed NAME`, `failed NAME` or `skipped NAME`.

results.py bazel EVENTS.json   the build event file of a `bazel test` (--build_event_json_file)
results.py go OUTPUT.json      the output of `go test -json`
results.py go-output OUTPUT.json   what failed tests and packages of it printed
results.py sum FILE...         adds such lines up: prints `N passed, N failed` (`, N skipped` where any were); status 1 where one failed
"""
import collections
import json
import pathlib
import sys
import urllib.parse
import xml.etree.ElementTree


def xml_cases(path, target):
    """The cases of a JUnit file, as (status, name)."""
    for case in xml.etree.ElementTree.parse(path).getroot().iter("testcase"):
        name = ".".join(filter(None, [case.get("classname"), case.get("name")]))
        if case.find("failure") is not None or case.find("error") is not None:
            status = "failed"
        elif case.find("skipped") is not None or case.get("status") == "notrun":
            status = "skipped"
            name += ": " + (case.find("skipped").get("message", "") if case.find("skipped") is not None else "disabled")
        else:
            status = "passed"
        yield status, f"{target} {name}"


def bazel_cases(path):
    """Cases of every target that ran. A target that fails beyond its cases (it crashed, leaked, or did not build) is a failed case."""
    unbuilt = set()
    for line in pathlib.Path(path).read_text().splitlines():
        event = json.loads(line)
        ident = event.get("id", {})
        if "targetCompleted" in ident and not event.get("completed", {}).get("success"):
            unbuilt.add(ident["targetCompleted"]["label"])
        elif "testResult" in ident:
            target = ident["testResult"]["label"]
            unbuilt.discard(target)
            result = event["testResult"]
            cases = []
            for output in result.get("testActionOutput", []):
                if output["name"] == "test.xml":
                    cases = list(xml_cases(urllib.parse.urlparse(output["uri"]).path, target))
            yield from cases
            if result["status"] not in ("PASSED", "FLAKY") and not any(s == "failed" for s, _ in cases):
                yield "failed", f"{target} ({result['status']})"
            elif not cases:
                yield "passed", target
    for target in sorted(unbuilt):
        yield "failed", f"{target} (not built)"


def go_cases(path):
    """Tests and subtests, those with subtests left out unless they fail by themselves; a package that fails beyond its tests is a failed case."""
    ended, parents, blamed, broken, said = {}, set(), set(), collections.Counter(), {}
    for line in pathlib.Path(path).read_text().splitlines():
        if not line.startswith("{"):
            continue
        event = json.loads(line)
        test, package, action = event.get("Test"), event.get("Package"), event["Action"]
        if action == "output" and not event["Output"].lstrip().startswith(("---", "===")):
            said[package, test] = event["Output"].strip()
        if action not in ("pass", "fail", "skip"):
            continue
        if test:
            ended[package, test] = action
            if "/" in test:
                parents.add((package, test.rsplit("/", 1)[0]))
                if action == "fail":
                    blamed.add((package, test.rsplit("/", 1)[0]))
            broken[package] += action == "fail"
        elif action == "fail" and not broken[package]:
            yield "failed", f"{package} (package)"
    word = {"pass": "passed", "fail": "failed", "skip": "skipped"}
    for (package, test), action in ended.items():
        if (package, test) not in parents or (action == "fail" and (package, test) not in blamed):
            why = f": {said.get((package, test), '')}" if action == "skip" else ""
            yield word[action], f"{package} {test}{why}"


def go_output(path):
    """Output of the tests that failed, and what packages that failed printed outside of tests."""
    said, failed = collections.defaultdict(str), set()
    for line in pathlib.Path(path).read_text().splitlines():
        if not line.startswith("{"):
            continue
        event = json.loads(line)
        key = event.get("Package") or event.get("ImportPath"), event.get("Test")
        if event["Action"] in ("output", "build-output"):
            said[key] += event["Output"]
        elif event["Action"] in ("fail", "build-fail"):
            failed.add(key)
    for (package, test), text in said.items():
        if (package, test) in failed:
            print(f"--- {package} {test or ''}\n{text}", end="")


def add_up(paths):
    count = collections.Counter()
    for path in paths:
        for line in pathlib.Path(path).read_text().splitlines():
            count[line.split(" ", 1)[0]] += 1
    skipped = f", {count['skipped']} skipped" if count["skipped"] else ""
    print(f"{count['passed']} passed, {count['failed']} failed{skipped}")
    return 1 if count["failed"] else 0


def main(kind, *paths):
    if kind == "sum":
        return add_up(paths)
    if kind == "go-output":
        return go_output(paths[0])
    for status, name in {"bazel": bazel_cases, "go": go_cases}[kind](paths[0]):
        print(status, name.replace("\n", " "))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
