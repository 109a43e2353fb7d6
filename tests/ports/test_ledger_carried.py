"""What a chain's ledger tells of the acts that it carries, for the journal: once each, and nothing of refused ones."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fiducia.adapters.evm.ledger import EvmLedger
from fiducia.adapters.system import SystemClock
from fiducia.errors import JournalError, SignatureError
from fiducia.records.ledger import Act, KeyKind, Network
from tests.support.signers import A, Signers, account, key


class Told(list[Act]):
    """Acts that were told of; while `broken`, telling fails as a journal does."""

    broken = False

    def take(self, act: Act) -> None:
        if self.broken:
            raise JournalError("the journal cannot be written")
        self.append(act)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def ledger(network: Network, tmp_path: Path, told: Told) -> Iterator[EvmLedger]:
    relayer, lock = account("relayer"), tmp_path / "relayer.lock"
    with EvmLedger(network, clock=SystemClock(), relayer=relayer, lock_path=lock, carried=told.take) as made:
        yield made


def test_what_is_carried_is_told_once_and_what_is_refused_is_not(ledger: EvmLedger, told: Told) -> None:
    c = Signers(ledger.domains, int(time.time()))
    act = c.publish(A, KeyKind.LOG, b"a log's key")
    ledger.submit(act)
    ledger.submit(act)
    assert told == [act], "the second time it was so already"
    with pytest.raises(SignatureError):
        ledger.submit(replace(act, signature=c.sign(key("governor 2"), act.publish)))
    assert told == [act]


def test_what_cannot_be_told_is_not_sent(ledger: EvmLedger, told: Told) -> None:
    c = Signers(ledger.domains, int(time.time()))
    act = c.publish(A, KeyKind.LOG, b"a log's key")
    told.broken = True
    with pytest.raises(JournalError):
        ledger.submit(act)
    told.broken = False
    assert ledger.submit(act).gas_used > 0, "it was not there yet"
    assert told == [act]
