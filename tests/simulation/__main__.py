"""Runs single seeds, and shows what happened: `python -m tests.simulation SEED...`."""

from __future__ import annotations

import sys

from tests.simulation.run import told, watch


def main() -> int:
    """Run the seeds that are named; return 1 when one breaks a promise."""
    bad = False
    for argument in sys.argv[1:]:
        outcome = watch(int(argument))
        print(told(outcome, whole=True))
        bad = bad or bool(outcome.broken)
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
