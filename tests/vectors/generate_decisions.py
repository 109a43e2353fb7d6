"""Writes the shared decision table: tests/vectors/decisions.json, run by pytest and by forge alike.

    python -m tests.vectors.generate_decisions            writes the file
    python -m tests.vectors.generate_decisions --check    fails on a difference, and writes nothing

The rows and their answers stand in `decision_rows` and beside it; here they only become JSON: changes as pairs of
texts,
the reason by number and name, the lapse in seconds from `now`.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from tests.support.world import NOW
from tests.vectors.decision_row import Row
from tests.vectors.decision_rows import rows

FILE = Path(__file__).parent / "decisions.json"


def table() -> bytes:
    """Return the file's bytes: one row on a line."""
    lines = ",\n".join("  " + json.dumps(_as_json(row)) for row in rows())
    return f'{{"now": {NOW}, "rows": [\n{lines}\n]}}\n'.encode()


def _as_json(row: Row) -> dict[str, object]:
    return {
        "name": row.name,
        "own": row.own,
        "changes": [{"field": field, "value": str(value)} for field, value in row.changes.items()],
        "reason": int(row.reason),
        "reason_name": row.reason.name,
        "lapse": row.lapse,
    }


def main(arguments: list[str] | None = None) -> int:
    """Write or check; 1 when a check found a difference."""
    parser = argparse.ArgumentParser(description="Write or check the shared decision table.")
    parser.add_argument("--check", action="store_true", help="fail on a difference instead of writing")
    wanted = table()
    if parser.parse_args(arguments).check:
        same = FILE.is_file() and FILE.read_bytes() == wanted
        print("" if same else f"different: {FILE.name}", file=sys.stderr, end="" if same else "\n")
        return 0 if same else 1
    FILE.write_bytes(wanted)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
