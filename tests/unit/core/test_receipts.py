"""Receipts and their tries, held against a general trie and against every kind of change."""

from __future__ import annotations

from dataclasses import replace

import pytest
import rlp
from hypothesis import given
from hypothesis import strategies as st
from trie.hexary import HexaryTrie

from fiducia.core.keccak import keccak256
from fiducia.core.receipts import Anchoring, trie_value, verify_receipt
from fiducia.errors import ProofError
from fiducia.records.events import StudyAnchored
from fiducia.records.ledger import Head
from tests.vectors.provenance_case import AT, BLOCK, LEDGER, block_of, event_of, log_of, made, manifest_of

FIRST = event_of(manifest_of(made().manifest))
REVISED = event_of(manifest_of(made(revision=3).manifest))
OTHER = [LEDGER.members, [], b""]


def nodes_of(trie: HexaryTrie, key: bytes) -> list[bytes]:
    """The nodes on the way; the library also repeats those that lie inside another one."""
    nodes = [rlp.encode(node) for node in trie.get_proof(key)]  # type: ignore[no-untyped-call]
    return [node for at, node in enumerate(nodes) if at == 0 or len(node) >= 32]


@given(
    st.dictionaries(st.binary(min_size=1, max_size=3), st.binary(min_size=1, max_size=40), min_size=1, max_size=40),
    st.data(),
)
def test_a_tries_values_are_those_that_a_general_trie_has(content: dict[bytes, bytes], data: st.DataObject) -> None:
    trie = HexaryTrie({})
    for key, value in content.items():
        trie[key] = value
    key = data.draw(st.sampled_from(sorted(content)))
    nodes = nodes_of(trie, key)
    assert trie_value(trie.root_hash, key, nodes) == content[key]
    for wrong in (nodes[:-1], [*nodes, nodes[-1]], nodes[1:]):
        with pytest.raises(ProofError):
            trie_value(trie.root_hash, key, wrong)
    missing = data.draw(st.binary(min_size=1, max_size=4).filter(lambda key: key not in content))
    with pytest.raises(ProofError):
        trie_value(trie.root_hash, missing, nodes_of(trie, missing))


@given(st.data())
def test_a_changed_node_is_no_node_of_the_trie(data: st.DataObject) -> None:
    block = block_of([OTHER, log_of(FIRST), OTHER])
    nodes = list(block.proofs[1].nodes)
    at = data.draw(st.integers(0, len(nodes) - 1))
    changed = bytearray(nodes[at])
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
    nodes[at] = bytes(changed)
    with pytest.raises(ProofError):
        verify_receipt(replace(block.proofs[1], nodes=tuple(nodes)), block.head, LEDGER.studies, FIRST)


@pytest.mark.parametrize("event", [FIRST, REVISED], ids=["anchored", "revised"])
@pytest.mark.parametrize("count", [1, 2, 20, 130])
def test_a_receipt_is_proved_wherever_it_stands(event: Anchoring, count: int) -> None:
    for at in {0, count // 2, count - 1}:
        block = block_of([log_of(event) if index == at else OTHER for index in range(count)])
        verify_receipt(block.proofs[at], block.head, LEDGER.studies, event)
        for other in {0, count - 1} - {at}:
            with pytest.raises(ProofError, match="does not tell"):
                verify_receipt(block.proofs[other], block.head, LEDGER.studies, event)


def test_a_receipt_tells_of_its_own_event_alone() -> None:
    assert isinstance(FIRST, StudyAnchored)
    block = block_of([log_of(FIRST)])
    for other in (
        replace(FIRST, study_id=bytes(32)),
        replace(FIRST, manifest=bytes(32)),
        replace(FIRST, subject=bytes(20)),
        replace(FIRST, time_at=FIRST.time_at + 1),
        replace(FIRST, retain_until_day=1),
        REVISED,
    ):
        with pytest.raises(ProofError, match="does not tell"):
            verify_receipt(block.proofs[0], block.head, LEDGER.studies, other)
    with pytest.raises(ProofError, match="does not tell"):
        verify_receipt(block.proofs[0], block.head, LEDGER.members, FIRST)


def test_a_failed_transaction_proves_nothing() -> None:
    block = block_of([log_of(FIRST)], status=b"")
    with pytest.raises(ProofError, match="failed"):
        verify_receipt(block.proofs[0], block.head, LEDGER.studies, FIRST)


def test_the_header_is_the_blocks() -> None:
    block = block_of([log_of(FIRST)])
    proof = block.proofs[0]
    for head in (replace(block.head, hash=bytes(32)), replace(block.head, number=1), replace(block.head, time_at=1)):
        with pytest.raises(ProofError, match="header"):
            verify_receipt(proof, head, LEDGER.studies, FIRST)
    for header in (b"", b"\x80", b"\xc0", b"no RLP at all"):
        head = Head(BLOCK, keccak256(header), AT)
        with pytest.raises(ProofError):
            verify_receipt(replace(proof, header=header), head, LEDGER.studies, FIRST)


@pytest.mark.parametrize(
    "node", [b"\x80", b"\xc0", b"\xc1\x80", b"\xc2\x80\x80", b"\xc3\x01\x02\x03", b"\xf8", b"\xc2\x40\x01"]
)
def test_nodes_that_are_none_are_refused(node: bytes) -> None:
    with pytest.raises(ProofError):
        trie_value(keccak256(node), b"\x01", [node])


@pytest.mark.parametrize("receipt", [b"\x01", b"\x02\xc0", b"\xc1\x01", b"\xc4\x01\x01\x01\x01", b"\x02"])
def test_what_is_no_receipt_is_refused(receipt: bytes) -> None:
    trie = HexaryTrie({})
    trie[rlp.encode(0)] = receipt
    block = block_of([log_of(FIRST)])
    fields = rlp.decode(block.proofs[0].header)
    fields[5] = trie.root_hash
    header = rlp.encode(fields)
    proof = replace(block.proofs[0], header=header, nodes=tuple(nodes_of(trie, rlp.encode(0))))
    with pytest.raises(ProofError):
        verify_receipt(proof, Head(BLOCK, keccak256(header), AT), LEDGER.studies, FIRST)
