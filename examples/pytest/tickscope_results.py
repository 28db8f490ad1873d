"""Reads the result.ndjson that `tickscope bench --ndjson` writes. Needs nothing but Python 3.8.

    results = tickscope_results.read("result.ndjson")
    results.value("period.pp", signal="tick", firmware="rtic")   # 948
    for verdict in results.verdicts: ...

What is not whole is an error, never an empty result: no first line, no last line, a line that is no JSON, a verdict of a
run that is not there.
"""

import json

SCHEMA = 1
STATUSES = ("pass", "fail", "error")


class ResultError(ValueError):
    """The file is not a whole result; the message says where."""


class Record(dict):
    """One line of the file. Its fields are attributes too; one that is absent is None."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self.get(name)

    def has(self, **fields):
        """Has it all these values?"""
        return all(self.get(name) == value for name, value in fields.items())


class Verdict(Record):
    """A budget or a baseline with what came out."""

    @property
    def passed(self):
        return self["status"] == "pass"

    @property
    def title(self):
        """Short: the name of a test."""
        parts = [self.get(name) for name in ("run", "signal", "metric", "kind", "wanted")]
        return " ".join(str(part) for part in parts if part)

    def explain(self):
        """Some lines for a person: what was wanted, what came out, and where to look."""
        lines = [f"{self.title}: {self['status']}"]
        if self.got:
            lines.append(f"wanted {self.wanted}, got {self.got}")
        if self.message:
            lines.append(str(self.message))
        place = Record(self.place or {})
        if place.file is not None:
            lines.append(f"at {place.file}:{place.line}, cycle {place.cycle}")
        elif place.pc is not None:
            lines.append(f"at {place.function or ''} pc {place.pc:#010x}, cycle {place.cycle}")
        return "\n".join(lines)


class Results:
    """A whole result."""

    def __init__(self, name, head, runs, metrics, verdicts, summary):
        self.name = name
        self.head = head
        self.runs = runs
        self.metrics = metrics
        self.verdicts = verdicts
        self.summary = summary

    @property
    def exit_code(self):
        """What tickscope ended with."""
        return self.summary["exit_code"]

    def run(self, **fields):
        """The one run that has these fields (id, firmware, machine, seed ...)."""
        return _one(self.name, "run", [run for run in self.runs if run.has(**fields)], fields)

    def metric(self, metric, signal=None, **run):
        """The one record of a metric; `run` chooses among the runs, as in `run()`."""
        ids = {r["id"] for r in self.runs if r.has(**run)}
        wanted = dict(run, metric=metric)
        found = [m for m in self.metrics if m["run"] in ids and m["metric"] == metric]
        if signal is not None:
            wanted["signal"] = signal
            found = [m for m in found if m.get("signal") == signal]
        return _one(self.name, "metric", found, wanted)

    def value(self, metric, signal=None, **run):
        """The value of `metric()`."""
        return self.metric(metric, signal, **run)["value"]


def _one(name, what, found, fields):
    if len(found) != 1:
        wanted = ", ".join(f"{key}={value!r}" for key, value in fields.items())
        raise LookupError(f"{name}: {len(found) or 'no'} {what}s with {wanted or 'no condition'}; one is wanted")
    return found[0]


def _need(where, record, *fields):
    for field in fields:
        if field not in record:
            raise ResultError(f"{where}: a {record['type']} without `{field}`")


def parse(lines, name="result.ndjson"):
    """Reads lines of text; `name` is for messages."""
    head = summary = None
    runs, metrics, verdicts = [], [], []
    where = name
    for number, text in enumerate(lines, 1):
        where = f"{name}:{number}"
        if not text.strip():
            continue
        try:
            record = Record(json.loads(text))
        except (ValueError, TypeError) as error:
            raise ResultError(f"{where}: no JSON object: {error}") from None
        kind = record.get("type")
        if summary is not None:
            raise ResultError(f"{where}: something after the summary")
        if (kind == "bench") != (head is None):
            raise ResultError(f"{where}: a result starts with its one `bench` line, this is `{kind}`")
        if kind == "bench":
            if record.get("schema") != SCHEMA:
                raise ResultError(f"{where}: schema {record.get('schema')!r}, this reader knows {SCHEMA}")
            head = record
        elif kind == "run":
            _need(where, record, "id")
            runs.append(record)
        elif kind == "metric":
            _need(where, record, "run", "metric", "value")
            metrics.append(record)
        elif kind == "verdict":
            _need(where, record, "run", "status")
            if record["status"] not in STATUSES:
                raise ResultError(f"{where}: status `{record['status']}` is none of {', '.join(STATUSES)}")
            verdicts.append(Verdict(record))
        elif kind == "summary":
            _need(where, record, "exit_code")
            summary = record
        # A newer tickscope may write more kinds of lines.
    if head is None:
        raise ResultError(f"{name}: empty")
    if summary is None:
        raise ResultError(f"{where}: no summary: tickscope did not come to its end")
    ids = {run["id"] for run in runs}
    for record in metrics + verdicts:
        # A verdict about all runs (a whole bench) names none.
        if record["run"] is not None and record["run"] not in ids:
            raise ResultError(f"{name}: a {record['type']} of the run `{record['run']}`, which is not there")
    failed = sum(not verdict.passed for verdict in verdicts)
    if failed and summary["exit_code"] == 0:
        raise ResultError(f"{name}: {failed} verdicts did not pass, and the exit code is 0")
    return Results(name, head, runs, metrics, verdicts, summary)


def read(path):
    """Reads a file."""
    with open(path, encoding="utf-8") as file:
        return parse(file, str(path))
