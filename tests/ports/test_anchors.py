"""What every place for anchors does, in memory and on a real chain."""

from __future__ import annotations

import os

import pytest

from fiducia.adapters.evm.anchors import NOTE_MAX_BYTES, creation
from fiducia.adapters.evm.ledger import EvmLedger
from fiducia.adapters.memory.anchors import MemoryAnchors
from fiducia.adapters.system import SystemClock
from fiducia.errors import ConfigError, EncodingError
from fiducia.ports import Anchors
from tests.ports.conftest import World

LOG, OTHER = os.urandom(32), os.urandom(32)


@pytest.fixture
def anchors(world: World) -> tuple[Anchors, int]:
    """Anchors, and the block from which they are looked for."""
    ledger = world.ledger
    place = ledger.anchors() if isinstance(ledger, EvmLedger) else MemoryAnchors(lambda: ledger.head().number)
    return place, world.first_block


def test_what_was_anchored_is_found_by_its_log_in_order(anchors: tuple[Anchors, int]) -> None:
    place, first = anchors
    done = [
        place.anchor(LOG, b"first \xe2\x80\x94 note\n"),
        place.anchor(OTHER, b"another log's"),
        place.anchor(LOG, b"s"),
    ]
    last = max(each.block_number for each in done)
    assert place.anchored(LOG, first, last) == (done[0], done[2])
    assert place.anchored(OTHER, first, last) == (done[1],)
    assert place.anchored(LOG, last + 1, last) == ()
    assert place.anchored(bytes(32), first, last) == ()


def test_a_reader_anchors_nothing(request: pytest.FixtureRequest) -> None:
    with EvmLedger(request.getfixturevalue("network"), clock=SystemClock()) as reader, pytest.raises(ConfigError):
        reader.anchors().anchor(LOG, b"note")


@pytest.mark.parametrize(("log", "note"), [(b"short", b"note"), (LOG, b""), (LOG, bytes(NOTE_MAX_BYTES + 1))])
def test_what_no_anchor_holds_is_refused(log: bytes, note: bytes) -> None:
    with pytest.raises(EncodingError):
        creation(log, note)
