"""Checkpoints on chain: events without a contract.

An anchor is a transaction that creates nothing: its code runs once, emits one event and returns empty code. So no
contract has to know of journals, no address is pinned, nobody needs a right, and every note of one log is found by its
topic. Whoever likes can emit such an event; a note counts when its signatures do. Source: ADR 25; EIP-3860.
"""

from __future__ import annotations

from typing import Any, Final

from fiducia.adapters.evm.chain import Chain, said
from fiducia.adapters.evm.history import WINDOW_BLOCKS
from fiducia.adapters.evm.lane import Outgoing
from fiducia.adapters.evm.relay import Relay
from fiducia.adapters.evm.rpc import as_bytes, as_int, hexed, quantity
from fiducia.core.keccak import keccak256
from fiducia.errors import (
    ConfigError,
    EncodingError,
    LedgerInconsistencyError,
    LedgerUnreachableError,
    UnexpectedRevertError,
)
from fiducia.records.journal import AnchoredNote

TOPIC: Final = keccak256(b"fiducia/v1/anchor")
NOTE_MAX_BYTES: Final = 8 * 1024
_SPARE_GAS: Final = 20_000
_HEAD_BYTES: Final = 85


class EvmAnchors:
    """`fiducia.ports.Anchors` on a real chain; safe for threads. Without a relay it reads only."""

    def __init__(self, chain: Chain, relay: Relay | None) -> None:
        self._chain = chain
        self._relay = relay

    def anchor(self, origin_hash: bytes, note: bytes) -> AnchoredNote:
        """Put a note on chain and wait until it is final; see `fiducia.ports.Anchors.anchor`."""
        if self._relay is None:
            raise ConfigError("this profile has no relayer's account: it can read the ledger only")
        data = creation(origin_hash, note)
        answer = self._chain.call("eth_estimateGas", {"data": hexed(data)})
        if answer.fault is not None:
            raise LedgerUnreachableError(f"the chain endpoint does not simulate an anchor ({said(answer)})")
        estimate = as_int(answer.result)
        included = self._relay.carry(Outgoing(None, data, estimate + estimate // 4 + _SPARE_GAS))
        if not included.succeeded:
            raise UnexpectedRevertError("the anchor failed in its block; try again")
        return AnchoredNote(note, included.head.number, included.transaction_hash)

    def anchored(self, origin_hash: bytes, first_block: int, last_block: int) -> tuple[AnchoredNote, ...]:
        """Return the notes of a log in a stretch of blocks; see `fiducia.ports.Anchors.anchored`."""
        found: list[AnchoredNote] = []
        block, window = first_block, WINDOW_BLOCKS
        while block <= last_block:
            end = min(block + window - 1, last_block)
            topics = [hexed(TOPIC), hexed(origin_hash)]
            asked = {"fromBlock": quantity(block), "toBlock": quantity(end), "topics": topics}
            answer = self._chain.call("eth_getLogs", asked)
            if answer.fault is None:
                found += _notes(answer.result, origin_hash, block, end)
                block = end + 1
            elif window > 1:
                window = max(1, window // 4)
            else:
                raise LedgerUnreachableError(f"the chain endpoint gives no anchors of block {block} ({said(answer)})")
        return tuple(found)


def creation(origin_hash: bytes, note: bytes) -> bytes:
    """Return the code that emits `note` under the topics of a log, and leaves nothing behind.

    Raises:
        EncodingError: an origin hash of another length, or a note that is too long.
    """
    if len(origin_hash) != 32 or not 0 < len(note) <= NOTE_MAX_BYTES:
        raise EncodingError(f"an anchor has a log's hash and a note of at most {NOTE_MAX_BYTES} bytes")
    length = b"\x61" + len(note).to_bytes(2, "big")  # PUSH2
    zero = b"\x60\x00"  # PUSH1 0
    copy = length + b"\x60" + bytes([_HEAD_BYTES]) + zero + b"\x39"  # CODECOPY the note to memory
    emit = b"\x7f" + origin_hash + b"\x7f" + TOPIC + length + zero + b"\xa2"  # LOG2
    code = copy + emit + zero + zero + b"\xf3"  # RETURN nothing
    assert len(code) == _HEAD_BYTES
    return code + note


def _notes(raw: Any, origin_hash: bytes, first: int, last: int) -> list[AnchoredNote]:
    """The notes in an answer. Raises: LedgerInconsistencyError (not what was asked for)."""
    if not isinstance(raw, list):
        raise LedgerInconsistencyError("the chain endpoint gave something else where logs are due")
    found: list[AnchoredNote] = []
    for log in raw:
        if not isinstance(log, dict) or log.get("removed") or not isinstance(log.get("topics"), list):
            raise LedgerInconsistencyError("the chain endpoint gave something else where an anchor is due")
        topics = [as_bytes(topic, 32) for topic in log["topics"]]
        block = as_int(log.get("blockNumber"))
        if topics != [TOPIC, origin_hash] or not first <= block <= last:
            raise LedgerInconsistencyError("the chain endpoint gave anchors that were not asked for")
        found.append(AnchoredNote(as_bytes(log.get("data")), block, as_bytes(log.get("transactionHash"), 32)))
    return found
