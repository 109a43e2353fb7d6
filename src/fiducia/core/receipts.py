"""Receipts proved to a block's hash: header, receipts' trie, the one log that tells of an event.

Owns verifying. It walks a trie's nodes itself, because a general trie takes three times as long and files are verified
by the thousand; the tests hold it against one. Making proofs is `adapters.evm.receipts`'. Holds where a block's hash
is keccak256 of an Ethereum header's RLP. Source: Ethereum yellow paper, sections 4.3 and 4.4 and appendices B and D;
EIP-2718.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import rlp

from fiducia.core.keccak import keccak256
from fiducia.errors import ProofError
from fiducia.records.events import StudyAnchored, StudyRevised
from fiducia.records.ledger import Head
from fiducia.records.provenance import ReceiptProof

_RECEIPTS_ROOT, _NUMBER, _TIME, _FIELDS = 5, 8, 11, 15
_BRANCH_ITEMS, _PATH_ITEMS, _RECEIPT_ITEMS, _LOG_ITEMS = 17, 2, 4, 3
_SUCCESS = b"\x01"
_ANCHORED = keccak256(b"Anchored(bytes32,bytes20,bytes32,uint32,uint40)")
_REVISED = keccak256(b"Revised(bytes32,bytes20,uint16,bytes32)")

Anchoring = StudyAnchored | StudyRevised


def verify_receipt(proof: ReceiptProof, block: Head, studies: bytes, event: Anchoring) -> None:
    """Check that a block has a successful transaction whose receipt tells of an event.

    Args:
        proof: the header, the receipt and its way to the header.
        block: which block it must be.
        studies: the address of the contract Studies (20 bytes).
        event: what the receipt must tell.

    Raises:
        ProofError: it does not.
    """
    if keccak256(proof.header) != block.hash:
        raise ProofError("its header is not that of the block")
    header = _decoded(proof.header)
    if len(header) < _FIELDS or (_number(header[_NUMBER]), _number(header[_TIME])) != (block.number, block.time_at):
        raise ProofError("its header has another number or time")
    receipt = trie_value(header[_RECEIPTS_ROOT], rlp.encode(proof.index), proof.nodes)
    # EIP-2718: a receipt of a typed transaction begins with its type, a plain one with its list's length.
    content = _decoded(receipt[1:] if receipt and receipt[0] < 0x80 else receipt)
    if len(content) != _RECEIPT_ITEMS or not isinstance(content[3], list):
        raise ProofError("it is no receipt")
    if content[0] != _SUCCESS:
        raise ProofError("its transaction failed")
    if not any(_tells(log, studies, event) for log in content[3]):
        raise ProofError("it does not tell of the event")


def trie_value(root: bytes, key: bytes, nodes: Sequence[bytes]) -> bytes:
    """Return what a Merkle Patricia trie has under a key.

    Args:
        root: keccak256 of the first node.
        key: the key's bytes.
        nodes: the nodes from the root to the value, and no others; nodes that lie inside another one are not repeated.

    Raises:
        ProofError: these nodes do not show it.
    """
    given, path = iter(nodes), _nibbles(key)
    node = _opened(root, given)
    while True:
        if len(node) == _BRANCH_ITEMS:
            if not path:
                return _value(node[16], given)
            following, path = node[path[0]], path[1:]
        elif len(node) == _PATH_ITEMS and isinstance(node[0], bytes) and node[0]:
            kind, step = node[0][0] >> 4, _nibbles(node[0])
            step = step[1:] if kind & 1 else step[2:]
            if kind > 3 or path[: len(step)] != step:
                raise ProofError("its trie has something else at that place")
            path = path[len(step) :]
            if kind & 2:
                if path:
                    raise ProofError("its trie has something else at that place")
                return _value(node[1], given)
            following = node[1]
        else:
            raise ProofError("its trie has a node that is none")
        node = following if isinstance(following, list) else _opened(following, given)


def _opened(digest: bytes, given: Iterator[bytes]) -> list[Any]:
    node = next(given, None)
    if node is None:
        raise ProofError("its trie's nodes are too few")
    if keccak256(node) != digest:
        raise ProofError("its trie leads to another root")
    return _decoded(node)


def _value(value: Any, given: Iterator[bytes]) -> bytes:
    if next(given, None) is not None:
        raise ProofError("its trie's nodes are too many")
    if not isinstance(value, bytes) or not value:
        raise ProofError("its trie has nothing at that place")
    return value


def _nibbles(data: bytes) -> bytes:
    return bytes(half for byte in data for half in (byte >> 4, byte & 15))


def _decoded(data: bytes) -> list[Any]:
    try:
        found = rlp.decode(data)
    except (rlp.exceptions.RLPException, RecursionError) as error:
        raise ProofError("it is not RLP") from error
    if not isinstance(found, list):
        raise ProofError("it is no RLP list")
    return found


def _number(field: Any) -> int:
    return int.from_bytes(field, "big") if isinstance(field, bytes) else -1


def _tells(log: Any, studies: bytes, event: Anchoring) -> bool:
    """Tell whether a log is the event's."""
    if not isinstance(log, list) or len(log) != _LOG_ITEMS or log[0] != studies or not isinstance(log[1], list):
        return False
    topics, data = log[1], log[2]
    if len(topics) != 3 or topics[1] != event.study_id:
        return False
    if isinstance(event, StudyAnchored):
        words = event.manifest, _word(event.retain_until_day), _word(event.time_at)
        return ([*topics], data) == ([_ANCHORED, event.study_id, event.subject.ljust(32, b"\0")], b"".join(words))
    # A revision's subject is in the log alone.
    return (topics[0], data) == (_REVISED, _word(event.revision) + event.manifest)


def _word(value: int) -> bytes:
    return value.to_bytes(32, "big")
