"""Read an exported CSV and NDJSON file with Python's own modules; print the rows of both as JSON."""

import csv
import decimal
import json
import sys

with open(sys.argv[1], newline="", encoding="utf-8") as f:
    rows = list(csv.DictReader(f))
table = [
    {
        "cy": int(r["cycles"]),
        "ps": int(decimal.Decimal(r["time_s"]).scaleb(12)),
        "sig": r["signal"],
        "v": int(r["value"]),
    }
    for r in rows
]
assert all(None not in r and None not in r.values() for r in rows), "rows differ in length"
with open(sys.argv[2], encoding="utf-8") as f:
    lines = [json.loads(line) for line in f]
json.dump({"csv": table, "ndjson": lines}, sys.stdout)
