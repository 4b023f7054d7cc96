"""tools/dev/results.py on what the runners really write, cut to the fields that count."""
import contextlib
import importlib.util
import io
import json
import pathlib
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2] / "tools/dev/results.py"
spec = importlib.util.spec_from_file_location("results", SOURCE)
results = importlib.util.module_from_spec(spec)
spec.loader.exec_module(results)

XML = """<testsuites><testsuite name="Arena">
<testcase name="Grows" status="run" classname="Arena"/>
<testcase name="Fails" status="run" classname="Arena"><failure message="no"/></testcase>
<testcase name="Waits" status="run" classname="Arena"><skipped message="why"/></testcase>
</testsuite></testsuites>"""


class Results(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def write(self, name, content):
        path = pathlib.Path(self.folder.name, name)
        path.write_text(content)
        return str(path)

    def bazel(self, status, xml):
        target = "//tests/unit/base:arena_test"
        output = [{"name": "test.xml", "uri": "file://" + self.write("test.xml", xml)}] if xml else []
        events = [
            {"id": {"targetCompleted": {"label": target}}, "completed": {"success": True}},
            {"id": {"targetCompleted": {"label": "//tests/unit/ml:ml_test"}}, "completed": {}},
            {"id": {"testResult": {"label": target}}, "testResult": {"status": status, "testActionOutput": output}},
        ]
        return list(results.bazel_cases(self.write("events", "\n".join(map(json.dumps, events)))))

    def test_bazel_counts_cases_and_targets_that_did_not_build(self):
        found = self.bazel("FAILED", XML)
        self.assertEqual([s for s, _ in found], ["passed", "failed", "skipped", "failed"])
        self.assertIn("ml_test (not built)", found[-1][1])
        self.assertTrue(found[2][1].endswith("Arena.Waits: why"), found[2])

    def test_bazel_a_target_that_fails_beyond_its_cases_is_a_failed_case(self):
        whole = XML.replace('<failure message="no"/>', "")
        self.assertEqual([s for s, _ in self.bazel("FAILED", whole)], ["passed", "passed", "skipped", "failed", "failed"])
        self.assertEqual([s for s, _ in self.bazel("TIMEOUT", "")], ["failed", "failed"])

    def test_bazel_a_target_without_cases_is_one(self):
        self.assertEqual([s for s, _ in self.bazel("PASSED", "")], ["passed", "failed"])

    def go(self, *events):
        rows = [{"Package": "p", "Action": action, **({"Test": test} if test else {})} for action, test in events]
        return sorted(results.go_cases(self.write("go", "\n".join(map(json.dumps, rows)))))

    def test_go_counts_the_innermost_tests(self):
        found = self.go(("run", "TestA"), ("pass", "TestA/x"), ("fail", "TestA/y"), ("fail", "TestA"), ("skip", "TestB"), ("fail", None))
        self.assertEqual(found, [("failed", "p TestA/y"), ("passed", "p TestA/x"), ("skipped", "p TestB: ")])

    def test_go_a_parent_that_fails_by_itself_counts(self):
        found = self.go(("pass", "TestA/x"), ("fail", "TestA"), ("fail", None))
        self.assertEqual(found, [("failed", "p TestA"), ("passed", "p TestA/x")])

    def test_go_a_package_that_does_not_build_or_panics_is_a_failed_case(self):
        self.assertEqual(self.go(("fail", None)), [("failed", "p (package)")])

    def test_sum(self):
        for lines, text, status in (
            ("passed a\npassed b\n", "2 passed, 0 failed\n", 0),
            ("passed a\nfailed b\nskipped c\n", "1 passed, 1 failed, 1 skipped\n", 1),
        ):
            said = io.StringIO()
            with contextlib.redirect_stdout(said):
                self.assertEqual(results.add_up([self.write("sum", lines)]), status)
            self.assertEqual(said.getvalue(), text)


if __name__ == "__main__":
    unittest.main()
