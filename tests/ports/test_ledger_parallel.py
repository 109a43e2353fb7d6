"""Acts of many threads on a chain whose blocks are slow: nobody waits for anybody else's block."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from fiducia.adapters.evm.deploy import deploy
from fiducia.adapters.evm.ledger import EvmLedger
from fiducia.adapters.system import SystemClock
from fiducia.core import ids
from fiducia.errors import FiduciaError, InputError, SignatureError
from fiducia.records import events
from fiducia.records.ledger import Act, GrantAct, GrantBatchAct, KeyKind, Receipt, RecordAct
from tests.support import deeds
from tests.support.anvil import AnvilNode, running_anvil
from tests.support.passkeys import RP_ID
from tests.support.signers import FOUNDERS, A, Scene, Signers, account, key, prepare
from tests.support.staff import published_issuers


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AnvilNode]:
    """A chain whose blocks come at once, until a test makes it slow."""
    with running_anvil(tmp_path_factory.mktemp("slow")) as node:
        yield node


@pytest.fixture
def ledger(node: AnvilNode, tmp_path: Path) -> Iterator[EvmLedger]:
    """One broker's ledger: one relayer's account, one lock."""
    network = deploy([node.url], account("deployer"), FOUNDERS, rp_id=RP_ID)
    lock = tmp_path / "relayer.lock"
    with EvmLedger(network, clock=SystemClock(), relayer=account("relayer"), lock_path=lock) as ledger:
        yield ledger


@pytest.fixture
def scene(ledger: EvmLedger, node: AnvilNode) -> Iterator[Scene]:
    """Everything ready; from then on no block comes until a test lets it."""
    made = prepare(ledger, Signers(ledger.domains, int(time.time())))
    for act in published_issuers(made.c, A):
        ledger.submit(act)
    node.do("evm_setAutomine", False)
    node.do("evm_setIntervalMining", 0)
    yield made
    node.do("evm_setIntervalMining", 1)
    node.do("evm_setAutomine", True)


def at_once(node: AnvilNode, ledger: EvmLedger, acts: Sequence[Act], pending: int) -> list[Receipt | FiduciaError]:
    """Submit every act from a thread of its own; blocks come once `pending` transactions wait for one.

    Returns: the outcomes, in order.
    """
    outcomes: dict[int, Receipt | FiduciaError] = {}

    def submit(place: int, act: Act) -> None:
        try:
            outcomes[place] = ledger.submit(act)
        except FiduciaError as error:
            outcomes[place] = error

    threads = [threading.Thread(target=submit, args=each) for each in enumerate(acts)]
    for thread in threads:
        thread.start()
    for _ in range(3000):
        if int(node.do("txpool_status")["pending"], 16) >= pending:
            break
        time.sleep(0.01)
    node.do("evm_setIntervalMining", 1)
    for thread in threads:
        thread.join(timeout=60)
    return [outcomes[place] for place in range(len(acts))]


DIFFERENT: tuple[Callable[[Scene], Act], ...] = (
    lambda s: s.c.anchor(),
    lambda s: s.c.anchor(3),
    lambda s: s.c.revise(s.study_id, 2),
    lambda s: deeds.retain(s.c, s.study_id, 40_000),
    lambda s: deeds.hold(s.c, s.study_id),
    lambda s: deeds.enrol_batch(s.c, key("one"), None),
    lambda s: deeds.appoint(s.c, key("mother"), serial=1),
    lambda s: s.c.publish(A, KeyKind.LOG, s.c.fresh(32)),
    lambda s: s.c.grant(s.study_id),
    lambda s: deeds.on_paper(s.c, s.study_id),
    lambda s: s.c.revoke(s.c.grant(s.study_id).grant),
    lambda s: RecordAct(s.c.access(s.study_id, s.grant)),
    lambda s: RecordAct(s.c.own_access(s.study_id)),
)


def test_different_acts_share_a_block(node: AnvilNode, ledger: EvmLedger, scene: Scene) -> None:
    acts = [make(scene) for make in DIFFERENT]
    outcomes = at_once(node, ledger, acts, pending=len(acts) - 1)  # the two records may share a transaction
    blocks = {outcome.head.number for outcome in outcomes if isinstance(outcome, Receipt)}
    assert (len(blocks), [outcome for outcome in outcomes if not isinstance(outcome, Receipt)]) == (1, [])


def test_grants_in_company_share_a_transaction(
    node: AnvilNode, ledger: EvmLedger, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Who comes first waits for everybody who is on the way, however slowly they are let run here.
    monkeypatch.setattr("fiducia.adapters.evm.granting._COMPANY_S", 5.0)
    c = scene.c
    good: list[GrantAct] = [c.grant(scene.study_id) for _ in range(12)]
    good += [deeds.on_paper(c, scene.study_id), deeds.in_emergency(c, scene.study_id)]
    forged = replace(c.grant(scene.study_id), approvals=good[0].approvals)
    over = c.grant(scene.study_id, relay_by=1)
    outcomes = at_once(node, ledger, [*good, forged, over, good[0]], pending=1)
    receipts = [*outcomes[: len(good)], outcomes[-1]]
    for act, receipt in zip([*good, good[0]], receipts, strict=True):
        assert isinstance(receipt, Receipt)
        given = [event for event in receipt.events if isinstance(event, events.GrantGiven)]
        assert [event.grant_id for event in given] == [ids.grant_id(act.grant)]
    assert isinstance(outcomes[len(good)], SignatureError)
    assert type(outcomes[len(good) + 1]) is InputError
    emergency = receipts[len(good) - 1]
    assert isinstance(emergency, Receipt)
    assert [type(event) for event in emergency.events] == [events.GrantGiven, events.ReviewOwed]
    transactions = {receipt.transaction_hash for receipt in receipts if isinstance(receipt, Receipt)}
    # Each alone would be a transaction of its own; how many join depends on how close together the threads come.
    assert len(transactions) <= len(good) // 2


def test_a_batch_with_too_little_gas_loses_nothing(
    ledger: EvmLedger, scene: Scene, node: AnvilNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    node.do("evm_setAutomine", True)
    monkeypatch.setattr("fiducia.adapters.evm.granting.GAS_PER_ITEM", {1: 40_000})
    acts = [scene.c.grant(scene.study_id) for _ in range(4)]
    receipt = ledger.submit(GrantBatchAct(tuple(acts)))
    given = [event.grant_id for event in receipt.events if isinstance(event, events.GrantGiven)]
    assert sorted(given) == sorted(ids.grant_id(act.grant) for act in acts)
    assert len({event.transaction_hash for event in receipt.events}) > 1


def test_a_batch_tells_of_what_lived_before(ledger: EvmLedger, scene: Scene, node: AnvilNode) -> None:
    node.do("evm_setAutomine", True)
    first, second, third = (scene.c.grant(scene.study_id) for _ in range(3))
    ledger.submit(first)
    ledger.submit(third)
    ledger.submit(scene.c.revoke(third.grant))
    act = GrantBatchAct((first, second, third))
    for _ in range(2):
        receipt = ledger.submit(act)
        given = [event.grant_id for event in receipt.events if isinstance(event, events.GrantGiven)]
        assert given == [ids.grant_id(each.grant) for each in (first, second)]
        assert receipt.transaction_hash != bytes(32)
    again = ledger.submit(GrantBatchAct((first, second)))
    assert (again.gas_used, len(again.events)) == (0, 2)
    assert ledger.submit(GrantBatchAct((third,))).events == ()
