"""What a test needs of the machine, and what happens when it is not there."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def unavailable(reason: str) -> NoReturn:
    """Skip with `reason`; with FIDUCIA_REQUIRE_ALL=1, as a CI sets it, fail instead."""
    if os.environ.get("FIDUCIA_REQUIRE_ALL") == "1":
        pytest.fail(f"FIDUCIA_REQUIRE_ALL is set, but {reason}", pytrace=False)
    pytest.skip(reason)
