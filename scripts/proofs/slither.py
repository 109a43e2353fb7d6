"""slither over contracts/src: clean, or each finding answered in contracts/proofs/slither.answers.json.

Run by `scripts/test`, as `python -m scripts.proofs.slither`; prints what is not answered and what answers nothing.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from scripts.proofs import answers
from scripts.proofs.answers import Finding
from scripts.proofs.tools import CONTRACTS, FILES, Json, StepFailed, run, tail

ANSWERS = FILES / "slither.answers.json"
STYLE = ("Informational", "Optimization")
DECIDED = ("timestamp",)  # as foundry.toml says
# slither cleans before it builds: in folders of its own, so that forge's are not built anew.
FOLDERS = {"FOUNDRY_OUT": "cache/slither/out", "FOUNDRY_CACHE_PATH": "cache/slither/cache"}


def findings(results: list[Json]) -> list[Finding]:
    """Return what slither's JSON has under results.detectors, one finding a detector and place."""
    found: dict[tuple[str, str], Finding] = {}
    for each in results:
        finding = Finding(
            each["check"],
            place(each["elements"][0]) if each["elements"] else "",
            each["impact"] in STYLE or each["check"] in DECIDED,
            " ".join(each["description"].split())[:200],
        )
        found.setdefault((finding.kind, finding.place), finding)
    return [found[key] for key in sorted(found)]


def place(element: Json) -> str:
    """Return Contract.function or Contract.variable (Contract.function.local), without lines."""
    parent = element.get("type_specific_fields", {}).get("parent")
    name = str(element["name"])
    return f"{place(parent)}.{name}" if parent and parent["type"] != "file" else name


def analyse() -> list[Finding]:
    """Run slither.

    Raises:
        StepFailed: it did not come to an end.
    """
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "slither.json"
        # Its exit code says whether there are findings, too.
        done = run(
            ["slither", ".", "--filter-paths", "node_modules", "--json", str(written), "--disable-color"],
            FOLDERS,
            CONTRACTS,
        )
        report: Json = json.loads(written.read_text(encoding="utf-8")) if written.is_file() else {}
    if not report.get("success"):
        raise StepFailed(tail(done))
    return findings(report["results"].get("detectors", []))


def main() -> int:
    """Print what is wrong; 1 when something is."""
    try:
        found = analyse()
        lines = answers.complaints(found, answers.read(ANSWERS, "detector", "places"))
    except (StepFailed, ValueError) as problem:
        lines = [str(problem)]
        found = []
    print(*lines, sep="\n", file=sys.stderr, end="\n" if lines else "")
    if not lines:
        print(f"slither: {len(found)} findings, all answered")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
