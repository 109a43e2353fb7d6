"""A release that was decided a moment ago is recorded without asking again, and a forecast that failed harms nobody."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from fiducia.adapters.evm.deploy import deploy
from fiducia.adapters.evm.ledger import EvmLedger
from fiducia.adapters.system import SystemClock
from fiducia.errors import DeniedError
from fiducia.records import events
from fiducia.records.ledger import Network, RecordAct
from fiducia.records.typed import StaffAccess
from tests.support.anvil import AnvilNode
from tests.support.passkeys import RP_ID
from tests.support.signers import FOUNDERS, Scene, Signers, account, prepare


@pytest.fixture
def own_network(own_anvil: AnvilNode) -> Network:
    return deploy([own_anvil.url], account("deployer"), FOUNDERS, rp_id=RP_ID)


@pytest.fixture
def ledger(own_network: Network) -> Iterator[EvmLedger]:
    with EvmLedger(own_network, clock=SystemClock(), relayer=account("relayer")) as ledger:
        yield ledger


@pytest.fixture
def scene(ledger: EvmLedger) -> Scene:
    return prepare(ledger, Signers(ledger.domains, int(time.time())))


def recorded(ledger: EvmLedger) -> int:
    return sum(isinstance(event, events.ReleaseRecorded) for event in ledger.events(0, ledger.head().number))


def checks(ledger: EvmLedger, monkeypatch: pytest.MonkeyPatch) -> list[StaffAccess]:
    """Return what the recorder asks the chain about from now on, before it sends."""
    asked: list[StaffAccess] = []
    recorder: Any = ledger._recorder
    check = recorder._check

    def noted(access: StaffAccess) -> Any:
        asked.append(access)
        return check(access)

    monkeypatch.setattr(recorder, "_check", noted)
    return asked


def test_nothing_is_asked_twice(ledger: EvmLedger, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = checks(ledger, monkeypatch)
    access = scene.c.access(scene.study_id, scene.grant)
    ledger.facts(access)
    assert ledger.submit(RecordAct(access)).events
    assert not asked
    # The note is used up, and a release that is recorded gets no other.
    ledger.facts(access)
    assert not ledger.submit(RecordAct(access)).gas_used
    assert asked == [access]
    assert recorded(ledger) == 1


def test_without_the_facts_the_chain_is_asked(ledger: EvmLedger, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = checks(ledger, monkeypatch)
    access = scene.c.access(scene.study_id, scene.grant)
    ledger.facts(access)
    forged = replace(access, badge=replace(access.badge, signature=bytes(65)))
    with pytest.raises(DeniedError):
        ledger.submit(RecordAct(forged))  # the same request, other evidence
    assert asked == [forged]


def test_a_grant_that_was_revoked_meanwhile_is_refused_by_the_ledger(
    ledger: EvmLedger, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = scene.c.access(scene.study_id, scene.grant)
    ledger.facts(access)
    ledger.submit(scene.c.revoke(scene.grant))
    foresight: Any = ledger._foresight
    foresight._noted_at[access] = time.monotonic()  # however long the revoke took
    asked = checks(ledger, monkeypatch)
    with pytest.raises(DeniedError, match="GRANT_REVOKED"):
        ledger.submit(RecordAct(access))
    assert not asked
    assert not recorded(ledger)


def test_what_another_recorded_meanwhile_is_recorded_once(
    ledger: EvmLedger, own_network: Network, scene: Scene
) -> None:
    access = scene.c.access(scene.study_id, scene.grant)
    with EvmLedger(own_network, clock=SystemClock(), relayer=account("another")) as other:
        first = other.submit(RecordAct(access))
    foresight: Any = ledger._foresight
    foresight._noted_at[access] = time.monotonic()
    assert [event.transaction_hash for event in ledger.submit(RecordAct(access)).events] == [first.transaction_hash]
    assert recorded(ledger) == 1


def test_a_reader_foresees_nothing(own_network: Network, scene: Scene) -> None:
    with EvmLedger(own_network, clock=SystemClock()) as reader:
        assert reader.facts(scene.c.access(scene.study_id, scene.grant)).request_recorded_at == 0
