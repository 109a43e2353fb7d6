"""`fiducia`, for tests of the lab: the same program, whose validators wait less between two blocks."""

from __future__ import annotations

import sys
from typing import Any

from fiducia.app import evmd
from fiducia.app.cli import main

settings = evmd.settings


def quick() -> dict[str, Any]:
    """The lab's settings, but for the pauses that only spare the machine."""
    found = settings()
    found["config.toml"]["consensus"] |= {"timeout_commit": "100ms", "peer_gossip_sleep_duration": "20ms"}
    return found


if __name__ == "__main__":
    evmd.settings = quick
    sys.exit(main())
