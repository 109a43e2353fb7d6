"""Proofs of receipts: a block's header and receipts rebuilt from what a node says, until they hash to the block.

Owns the encodings and the trie's making; nothing of an endpoint is believed that does not lead to the block's hash.
Where that hash is none of an Ethereum header (CometBFT chains), there is no proof. Of a QBFT header the seals of the
commit are not part of the hash. Verifying is `core.receipts`'. Source: Ethereum yellow paper, sections 4.3 and 4.4;
EIP-2718; Besu's QBFT header hash.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import rlp
from trie.hexary import HexaryTrie

from fiducia.adapters.evm.chain import Chain, said
from fiducia.adapters.evm.rpc import Call, as_bytes, as_int, quantity
from fiducia.core.keccak import keccak256
from fiducia.errors import LedgerInconsistencyError, LedgerUnreachableError
from fiducia.records.events import LedgerEvent
from fiducia.records.provenance import ReceiptProof

_NUMBERS = frozenset({"difficulty", "number", "gasLimit", "gasUsed", "timestamp"})
_HEADER = (
    "parentHash",
    "sha3Uncles",
    "miner",
    "stateRoot",
    "transactionsRoot",
    "receiptsRoot",
    "logsBloom",
    "difficulty",
    "number",
    "gasLimit",
    "gasUsed",
    "timestamp",
    "extraData",
    "mixHash",
    "nonce",
)
_LATER = (  # each fork's field after the ones before it
    "baseFeePerGas",
    "withdrawalsRoot",
    "blobGasUsed",
    "excessBlobGas",
    "parentBeaconBlockRoot",
    "requestsHash",
)
_LATER_NUMBERS = frozenset({"baseFeePerGas", "blobGasUsed", "excessBlobGas"})
_EXTRA_DATA = 12
_QBFT_ITEMS = 5


class ReceiptProofs:
    """Proves receipts of one chain. Safe for threads."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain

    def exist(self) -> bool:
        """Tell whether blocks' hashes are those of Ethereum headers; see `fiducia.ports.Receipts`."""
        return header_of(self._block(self._chain.head().number)) is not None

    def of(self, event: LedgerEvent) -> ReceiptProof | None:
        """Return the proof of an event's receipt; see `fiducia.ports.Receipts.receipt_proof`."""
        block = self._block(event.block_number)
        header = header_of(block)
        if header is None:
            return None
        receipts = self._receipts(event.block_number, block.get("transactions"))
        trie = HexaryTrie({})
        for index, receipt in enumerate(receipts):
            trie[rlp.encode(index)] = encode_receipt(receipt)
        if trie.root_hash != as_bytes(block.get("receiptsRoot"), 32):
            raise LedgerInconsistencyError(
                f"the chain endpoint's receipts of block {event.block_number} are not those of its header"
            )
        hashes = [as_bytes(receipt.get("transactionHash"), 32) for receipt in receipts]
        if event.transaction_hash not in hashes:
            raise LedgerInconsistencyError(f"block {event.block_number} does not have the event's transaction")
        index = hashes.index(event.transaction_hash)
        # No node on the way is short enough to lie inside another one: a receipt is longer than a hash.
        nodes = trie.get_proof(rlp.encode(index))  # type: ignore[no-untyped-call]
        return ReceiptProof(header, index, tuple(map(rlp.encode, nodes)))

    def _block(self, number: int) -> Mapping[str, Any]:
        answer = self._chain.call("eth_getBlockByNumber", quantity(number), False)
        if not isinstance(answer.result, dict):
            raise LedgerUnreachableError(f"the chain endpoint does not give block {number} ({said(answer)})")
        return answer.result

    def _receipts(self, number: int, transactions: Any) -> Sequence[Mapping[str, Any]]:
        answer = self._chain.call("eth_getBlockReceipts", quantity(number))
        if answer.fault is None:
            receipts = answer.result
        else:  # an older node: one by one, in one request
            if not isinstance(transactions, list):
                raise LedgerInconsistencyError("the chain endpoint gave a block without transactions")
            answers = self._chain.batch([Call("eth_getTransactionReceipt", (each,)) for each in transactions])
            receipts = [answer.result for answer in answers]
        if not isinstance(receipts, list) or not all(isinstance(receipt, dict) for receipt in receipts):
            raise LedgerUnreachableError(f"the chain endpoint does not give block {number}'s receipts")
        return receipts


def header_of(block: Mapping[str, Any]) -> bytes | None:
    """Return the RLP of a block's header that hashes to the block's hash, or None where there is none."""
    wanted = as_bytes(block.get("hash"), 32)
    return next((header for header in _headers(block) if keccak256(header) == wanted), None)


def encode_receipt(receipt: Mapping[str, Any]) -> bytes:
    """Return a JSON-RPC receipt as its trie has it. Raises: LedgerInconsistencyError."""
    logs = receipt.get("logs")
    if not isinstance(logs, list):
        raise LedgerInconsistencyError("the chain endpoint gave something else where a receipt is due")
    content: bytes = rlp.encode(
        [
            _minimal(as_int(receipt.get("status"))),
            _minimal(as_int(receipt.get("cumulativeGasUsed"))),
            as_bytes(receipt.get("logsBloom"), 256),
            [_log(log) for log in logs],
        ]
    )
    kind = as_int(receipt.get("type", "0x0"))
    return bytes([kind]) + content if kind else content


def _log(log: Any) -> list[Any]:
    if not isinstance(log, dict) or not isinstance(log.get("topics"), list):
        raise LedgerInconsistencyError("the chain endpoint gave something else where a log is due")
    topics = [as_bytes(topic, 32) for topic in log["topics"]]
    return [as_bytes(log.get("address"), 20), topics, as_bytes(log.get("data"))]


def _headers(block: Mapping[str, Any]) -> Iterator[bytes]:
    """Every form in which the header may have been hashed."""
    if any(name not in block for name in _HEADER):
        return
    fields = [_minimal(as_int(block[name])) if name in _NUMBERS else as_bytes(block[name]) for name in _HEADER]
    for name in _LATER:
        if block.get(name) is None:
            break
        fields.append(_minimal(as_int(block[name])) if name in _LATER_NUMBERS else as_bytes(block[name]))
    yield rlp.encode(fields)
    try:
        extra = rlp.decode(fields[_EXTRA_DATA])
    except rlp.exceptions.RLPException:
        return
    if isinstance(extra, list) and len(extra) == _QBFT_ITEMS:
        fields[_EXTRA_DATA] = rlp.encode([*extra[:-1], []])
        yield rlp.encode(fields)


def _minimal(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")
