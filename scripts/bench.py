"""The bench: one interleaved run over a real stack, printed as a table of ratios with raw medians and spreads.

Owns options, order and printing; what a row is stands in scripts/benches. Rows that only need a chain come
first; those that need blocks every second and at no other time change the chain for good and come last.
Run through `scripts/bench`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from fiducia.app.interruptions import ended_by_signals
from scripts.benches import (
    calibrate,
    fetching,
    gas,
    handing,
    journalling,
    measure,
    proving,
    reading,
    receiving,
    registering,
    releasing,
    restoring,
    rewrapping,
    throughput,
    viewing,
    world,
)
from scripts.benches.calibrate import Calibration
from scripts.benches.measure import Row

Rows = Callable[..., list[Row]]
SECTIONS: dict[str, Rows] = {
    "register": registering.rows,
    "receive": receiving.rows,
    "fetch": fetching.rows,
    "reading": reading.rows,
    "prove": proving.rows,
    "view": viewing.rows,
    "restore": restoring.rows,
    "hand-over": handing.rows,
    "re-wrap": rewrapping.rows,
    "gas": gas.rows,
    "journal": journalling.rows,
    "release": releasing.rows,
    "throughput": throughput.rows,
}


def run(root: Path, sections: list[str], *, quick: bool) -> tuple[list[Row], Calibration]:
    """Measure the sections in their order."""
    calibration = calibrate.Calibration(root)
    rows: list[Row] = []
    with world.running(root) as stack:
        for name, measured in SECTIONS.items():
            if name in sections:
                rows += measured(stack, calibration, quick=quick)
    return [measure.ungated(row) for row in rows] if quick else rows, calibration


def print_table(rows: list[Row], calibration: Calibration, seconds: float) -> None:
    """Print rows, then what the machine was like."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    table = Table(title="fiducia bench", title_justify="left", pad_edge=False)
    for name in ("row", "value", "gate", "", "raw medians ± half the spread"):
        table.add_column(name, justify="right" if name in ("value", "gate") else "left", overflow="fold")
    for cells in measure.table(rows):
        table.add_row(*cells)
    console.print(table)
    console.print(f"{machine()}; {seconds:.0f} s", soft_wrap=True)
    console.print("; ".join(map(str, calibration.series())), soft_wrap=True)
    if noise := measure.noise(calibration.series()):
        console.print(
            f"NOISY MACHINE: {noise} (over {measure.NOISY_SPREAD:.0%}); trust ratios, not times", soft_wrap=True
        )


def machine() -> str:
    """Return what this was measured on."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    processor = f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs"
    return f"{processor}, Python {platform.python_version()}, load {load}"


def to_json(rows: list[Row], calibration: Calibration, seconds: float) -> str:
    """Return everything, raw values too."""
    return json.dumps(
        {
            "machine": machine(),
            "noisy": measure.noise(calibration.series()),
            "calibration": [series.to_json() for series in calibration.series()],
            "rows": [row.to_json() for row in rows],
            "seconds": round(seconds, 1),
        },
        indent=2,
    )


def parse() -> argparse.Namespace:
    """Read the options."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description="A table of ratios from one interleaved run.")
    parser.add_argument("--quick", action="store_true", help="small sizes, few repetitions: does everything work?")
    parser.add_argument("--json", action="store_true", help="print everything as JSON, raw values too")
    parser.add_argument("--rows", default=",".join(SECTIONS), help=f"some of: {','.join(SECTIONS)}")
    options = parser.parse_args()
    options.sections = options.rows.split(",")
    if unknown := set(options.sections) - set(SECTIONS):
        parser.error(f"no such rows: {', '.join(sorted(unknown))}")
    return options


@ended_by_signals()
def main() -> int:
    """Run, print, and leave nothing behind."""
    options = parse()
    begun = time.perf_counter()
    root = Path(tempfile.mkdtemp(prefix="fiducia-bench-"))
    try:
        rows, calibration = run(root, options.sections, quick=options.quick)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    finally:
        shutil.rmtree(root, ignore_errors=True)
    seconds = time.perf_counter() - begun
    if options.json:
        print(to_json(rows, calibration, seconds))
    else:
        print_table(rows, calibration, seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
