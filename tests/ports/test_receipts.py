"""`ports.Receipts`: proofs that lead to the block's hash, or none where blocks have no Ethereum header."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fiducia.adapters.evm.ledger import EvmLedger
from fiducia.adapters.evm.rpc import Answer, Fault, Rpc
from fiducia.adapters.memory.ledger import MemoryLedger
from fiducia.adapters.system import SystemClock
from fiducia.core.receipts import Anchoring, verify_receipt
from fiducia.errors import LedgerInconsistencyError, LedgerUnreachableError, ProofError
from fiducia.records.events import StudyAnchored, StudyRevised
from fiducia.records.ledger import Network
from tests.ports.conftest import LAB, World, evm_world
from tests.support.signers import Scene, prepare


def anchorings(world: World) -> list[Anchoring]:
    """The events that anchored something."""
    head = world.ledger.head().number
    return [event for event in world.ledger.events(world.first_block, head) if isinstance(event, Anchoring)]


def prepared(world: World) -> Scene:
    """Two revisions of one study, and ten studies that were anchored together."""
    scene = prepare(world.ledger, world.c)
    world.ledger.submit(scene.c.revise(scene.study_id, 2))
    world.ledger.submit(scene.c.anchor(10))
    return scene


def test_a_receipt_leads_to_its_block_where_blocks_have_headers(world: World) -> None:
    prepared(world)
    ledger = world.ledger
    assert isinstance(ledger, EvmLedger | MemoryLedger)
    found = anchorings(world)
    assert [type(event) for event in found] == [StudyAnchored, StudyRevised, *[StudyAnchored] * 10]
    # Anvil's blocks have Ethereum headers; those of the lab and of the memory have other hashes.
    assert ledger.has_receipt_proofs() == (isinstance(ledger, EvmLedger) and not LAB)
    for event in found:
        proof = ledger.receipt_proof(event)
        assert (proof is not None) == ledger.has_receipt_proofs()
        if proof is not None:
            block = ledger.block(event.block_number)
            verify_receipt(proof, block, world.domains.studies, event)
            with pytest.raises(ProofError):
                verify_receipt(proof, replace(block, hash=bytes(32)), world.domains.studies, event)


Change = Any


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda receipts: receipts[:-1], LedgerInconsistencyError),
        (lambda receipts: [{**receipts[-1], "cumulativeGasUsed": "0x1"}], LedgerInconsistencyError),
        (lambda receipts: [{**receipts[-1], "logs": None}], LedgerInconsistencyError),
        (lambda receipts: [None], LedgerUnreachableError),
        (lambda receipts: None, LedgerUnreachableError),
    ],
    ids=["missing", "other gas", "no logs", "no receipt", "nothing"],
)
def test_receipts_that_are_not_the_headers_are_refused(
    network: Network, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, change: Change, error: type[Exception]
) -> None:
    with evm_world(network, tmp_path) as world:
        scene = prepare(world.ledger, world.c)
        assert scene.study_id
        (event,) = anchorings(world)
        asked = Rpc.call

        def call(rpc: Rpc, method: str, *params: Any) -> Answer:
            answer = asked(rpc, method, *params)
            return Answer(change(answer.result)) if method == "eth_getBlockReceipts" else answer

        monkeypatch.setattr(Rpc, "call", call)
        assert isinstance(world.ledger, EvmLedger)
        with pytest.raises(error):
            world.ledger.receipt_proof(event)
        elsewhere = replace(event, transaction_hash=bytes(32))
        monkeypatch.setattr(Rpc, "call", asked)
        with pytest.raises(LedgerInconsistencyError, match="does not have the event's transaction"):
            world.ledger.receipt_proof(elsewhere)


def test_a_node_without_receipts_by_block_is_asked_one_by_one(
    network: Network, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with evm_world(network, tmp_path) as world, EvmLedger(network, clock=SystemClock()) as reader:
        prepare(world.ledger, world.c)
        (event,) = anchorings(world)
        whole = reader.receipt_proof(event)
        asked = Rpc.call

        def call(rpc: Rpc, method: str, *params: Any) -> Answer:
            unknown = method == "eth_getBlockReceipts"
            return Answer(None, Fault(-32601, "the method does not exist")) if unknown else asked(rpc, method, *params)

        monkeypatch.setattr(Rpc, "call", call)
        assert whole is not None
        assert reader.receipt_proof(event) == whole
