"""Relaying on the lab's chain: what a node accepts may be lost, and what it says about nonces is not all of it."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator

import pytest

from fiducia.adapters.evm.deploy import deploy
from fiducia.adapters.evm.ledger import EvmLedger
from fiducia.adapters.system import SystemClock
from fiducia.errors import FiduciaError
from fiducia.records.events import KeyPublished
from fiducia.records.ledger import KeyKind, Network, Receipt
from tests.support.lab import Lab
from tests.support.passkeys import RP_ID
from tests.support.signers import FOUNDERS, Signers, account

AT_ONCE = 48
"""More than the thirty waiting transactions that a node counts as pending."""


@pytest.fixture
def network(lab: Lab) -> Network:
    """Fresh contracts, created by an account that the chain has never seen."""
    return deploy(lab.urls, account(f"deployer {secrets.token_hex(8)}"), FOUNDERS, rp_id=RP_ID)


@pytest.fixture
def ledger(network: Network) -> Iterator[EvmLedger]:
    """A ledger whose relayer is new, too."""
    relayer = account(f"relayer {secrets.token_hex(8)}")
    with EvmLedger(network, clock=SystemClock(), relayer=relayer, timeout_s=60) as ledger:
        yield ledger


def published(ledger: EvmLedger) -> list[KeyPublished]:
    told = ledger.events(0, ledger.head().number)
    return [event for event in told if isinstance(event, KeyPublished)]


def test_many_acts_at_once_by_a_new_account_are_all_carried(ledger: EvmLedger) -> None:
    c = Signers(ledger.domains, int(time.time()))
    acts = [c.publish(1, KeyKind.LOG, f"key {number}".encode()) for number in range(AT_ONCE)]
    answers: list[Receipt | FiduciaError] = []

    def carry(place: int) -> None:
        try:
            answers.append(ledger.submit(acts[place]))
        except FiduciaError as error:
            answers.append(error)

    threads = [threading.Thread(target=carry, args=(place,)) for place in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=90)
    assert [answer for answer in answers if not isinstance(answer, Receipt)] == []
    assert len(answers) == AT_ONCE
    assert sorted(event.key for event in published(ledger)) == sorted(act.key for act in acts)


def test_gas_is_what_was_used(ledger: EvmLedger) -> None:
    """Not half of a limit that was generous; the same act costs the same on Anvil."""
    c = Signers(ledger.domains, int(time.time()))
    receipt = ledger.submit(c.publish(1, KeyKind.LOG, b"a log's key"))
    assert 40_000 < receipt.gas_used < 80_000
