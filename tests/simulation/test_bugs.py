"""The simulation finds bugs: each that is planted breaks its promise in some of the worlds that `scripts/test` runs."""

from __future__ import annotations

import pytest

from tests.simulation.bugs import BUGS
from tests.simulation.house import House
from tests.simulation.run import watch

WITHIN = 300
PROMISES = {
    "AsksNobody": "keys leave for a live grant only",
    "JournalsNoHandOver": "keys leave after they are journalled",
    "RevokesInMemory": "a revoke that was taken comes to the chain",
    "WaitsForTheChain": "a revoke that was taken is denied",
    "KeepsOpen": "what is opened is still open",
    "ReadsUnnoted": "a gateway journals what it reads",
    "AnchorsInHope": "what was registered stays so",
    "ForgetsShares": "in the end it is done",
    "CutsItsLog": "what is journalled stays in the log",
}


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.__name__)
def test_a_planted_bug_is_found(bug: type[House]) -> None:
    promise = PROMISES[bug.__name__]
    assert any(promise in {each.promise for each in watch(seed, bug).broken} for seed in range(WITHIN))
