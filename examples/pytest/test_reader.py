"""Tests of the reader itself, without pytest: `python3 -m unittest` in this folder."""

import json
import os
import unittest

import tickscope_results
from tickscope_results import ResultError

HERE = os.path.dirname(os.path.abspath(__file__))

HEAD = {"type": "bench", "schema": 1, "tool": "tickscope", "name": "b"}
RUN = {"type": "run", "id": "r", "firmware": "fw", "seed": 1}
METRIC = {"type": "metric", "run": "r", "signal": "tick", "metric": "period.pp", "value": 12, "unit": "cy", "n": 9}
VERDICT = {
    "type": "verdict",
    "run": "r",
    "signal": "tick",
    "metric": "period.pp",
    "kind": "budget",
    "wanted": "<= 10cy",
    "got": "12cy",
    "status": "fail",
    "message": "the worst period ends at cycle 77",
    "place": {"cycle": 77, "pc": 0x8000100, "function": "main", "file": "src/main.c", "line": 7},
    "asked_at": 22,
}


def summary(code):
    return {"type": "summary", "runs": 1, "passed": 0, "failed": 1, "errors": 0, "exit_code": code}


def parse(*records):
    return tickscope_results.parse([json.dumps(record) for record in records], "r.ndjson")


class Reader(unittest.TestCase):
    def test_a_result(self):
        results = tickscope_results.read(os.path.join(HERE, "result.ndjson"))
        self.assertEqual(results.head.name, "schedulers")
        self.assertEqual(len(results.runs), 2)
        self.assertEqual(results.value("period.pp", signal="tick", firmware="rtic-4"), 908)
        self.assertIn("exact", results.metric("period.mean", firmware="rtic-4"))
        self.assertEqual(results.metric("period.pp", firmware="embassy-two-4").unit, "cy")
        self.assertTrue(all(verdict.passed for verdict in results.verdicts))
        self.assertEqual(results.exit_code, 0)

    def test_a_failed_verdict_explains_itself(self):
        (verdict,) = parse(HEAD, RUN, METRIC, VERDICT, summary(1)).verdicts
        self.assertFalse(verdict.passed)
        for part in ("<= 10cy", "12cy", "worst period", "src/main.c:7"):
            self.assertIn(part, verdict.explain())
        (verdict,) = parse(HEAD, RUN, dict(VERDICT, place={"cycle": 77, "pc": 0x8000100}), summary(1)).verdicts
        self.assertIn("0x08000100", verdict.explain())

    def test_an_error_is_no_pass(self):
        (verdict,) = parse(HEAD, RUN, dict(VERDICT, status="error"), summary(2)).verdicts
        self.assertFalse(verdict.passed)

    def test_lines_of_a_newer_tool_are_passed_over(self):
        results = parse(HEAD, {"type": "weather"}, RUN, METRIC, summary(0))
        self.assertEqual(results.value("period.pp"), 12)

    def test_what_is_not_there_is_not_found(self):
        results = parse(HEAD, RUN, METRIC, summary(0))
        for wrong in ({"metric": "period.rms"}, {"metric": "period.pp", "signal": "tock"}, {"metric": "period.pp", "seed": 2}):
            with self.assertRaises(LookupError):
                results.value(**wrong)
        with self.assertRaisesRegex(LookupError, "no runs with firmware='x'"):
            results.run(firmware="x")

    def test_what_is_not_whole_is_an_error(self):
        for records, message in (
            ((), "empty"),
            ((RUN, summary(0)), "starts with"),
            ((HEAD, HEAD, summary(0)), "starts with"),
            ((dict(HEAD, schema=2), summary(0)), "schema 2"),
            ((HEAD, RUN, METRIC), "did not come to its end"),
            ((HEAD, summary(0), RUN), "after the summary"),
            ((HEAD, METRIC, summary(0)), "not there"),
            ((HEAD, RUN, dict(VERDICT, status="meh"), summary(1)), "meh"),
            ((HEAD, RUN, VERDICT, summary(0)), "exit code is 0"),
            ((HEAD, {"type": "run"}, summary(0)), "without `id`"),
        ):
            with self.assertRaisesRegex(ResultError, message):
                parse(*records)

    def test_bad_lines_are_named(self):
        for line in ("{", "[]", "7", "null"):
            with self.assertRaisesRegex(ResultError, "^r.ndjson:2: "):
                tickscope_results.parse([json.dumps(HEAD), line], "r.ndjson")


if __name__ == "__main__":
    unittest.main()
