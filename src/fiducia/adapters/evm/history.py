"""The five contracts' past: events of a stretch of blocks, and the one event that tells of an act.

Owns how logs are asked for: numbered windows of at most 10,000 blocks (nodes refuse more, and some answer
nothing at all to "earliest"), smaller ones where a node finds an answer too long, and the blocks' times
where logs do not carry them. Order and origin are checked in `logs`. Source: eth_getLogs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from fiducia.adapters.evm import logs
from fiducia.adapters.evm.acts import Topics
from fiducia.adapters.evm.chain import Chain, head_of, said
from fiducia.adapters.evm.rpc import Answer, Call, hexed, quantity
from fiducia.errors import LedgerInconsistencyError, LedgerUnreachableError
from fiducia.records.events import LedgerEvent
from fiducia.records.ledger import Head

WINDOW_BLOCKS = 10_000
_SEARCH_WINDOWS = 12
_TIMES_PER_BATCH = 200


class History:
    """Reads events of one chain. Safe for threads."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._addresses = [hexed(address) for address in chain.contracts]

    def events(self, first_block: int, last_block: int) -> Iterator[LedgerEvent]:
        """Yield events in order, both ends inclusive.

        Raises:
            LedgerInconsistencyError: an event that does not decode, is out of order or was not asked for.
            LedgerUnreachableError, ConfigError.
        """
        block, window = first_block, WINDOW_BLOCKS
        while block <= last_block:
            end = min(block + window - 1, last_block)
            answer = self._chain.call("eth_getLogs", self._filter(block, end, ()))
            if answer.fault is None:
                yield from self._decoded(self._in_order(answer, block, end))
                block = end + 1
            elif window > 1:
                window = max(1, window // 4)
            else:
                raise LedgerUnreachableError(f"the chain endpoint gives no events of block {block} ({said(answer)})")

    def find(self, head: Head, topics: Topics, tells: Callable[[LedgerEvent], bool]) -> tuple[LedgerEvent, ...]:
        """Return the newest events with those topics of which `tells` is true, from one transaction.

        Looks back a bounded number of windows, in one request; an empty answer means that it was not found.
        """
        bottom = max(self._chain.network.first_block, head.number - WINDOW_BLOCKS * _SEARCH_WINDOWS + 1)
        starts = range(bottom, head.number + 1, WINDOW_BLOCKS)
        windows = [(start, min(start + WINDOW_BLOCKS - 1, head.number)) for start in starts]
        answers = self._chain.batch([Call("eth_getLogs", (self._filter(*window, topics),)) for window in windows])
        for window, answer in reversed(list(zip(windows, answers, strict=True))):
            if answer.fault is not None:
                return ()
            found = [event for event in self._decoded(self._in_order(answer, *window)) if tells(event)]
            if found:
                return tuple(event for event in found if event.transaction_hash == found[-1].transaction_hash)
        return ()

    def of_receipt(self, raw_logs: Sequence[Any], head: Head) -> tuple[LedgerEvent, ...]:
        """Return the events of one transaction's receipt, which stands in block `head`."""
        ours = [logs.read(self._chain.contracts, raw) for raw in raw_logs]
        return tuple(logs.decode(log, head.time_at) for log in logs.in_order(ours, head.number, head.number))

    def _filter(self, first: int, last: int, topics: Topics) -> dict[str, Any]:
        asked: dict[str, Any] = {
            "fromBlock": quantity(first),
            "toBlock": quantity(last),
            "address": self._addresses,
        }
        if topics:
            asked["topics"] = [
                [hexed(t) for t in topic] if isinstance(topic, tuple) else topic and hexed(topic) for topic in topics
            ]
        return asked

    def _in_order(self, answer: Answer, first: int, last: int) -> list[logs.Log]:
        if not isinstance(answer.result, list):
            raise LedgerInconsistencyError("the chain endpoint gave something else where logs are due")
        found = (logs.read(self._chain.contracts, raw) for raw in answer.result)
        return logs.in_order(found, first, last)

    def _decoded(self, found: Sequence[logs.Log]) -> Iterator[LedgerEvent]:
        times = self._times(sorted({log.block_number for log in found if log.time_at is None}))
        for log in found:
            yield logs.decode(log, times[log.block_number] if log.time_at is None else log.time_at)

    def _times(self, numbers: Sequence[int]) -> dict[int, int]:
        """Ask for the times of blocks whose logs do not carry them."""
        times: dict[int, int] = {}
        for start in range(0, len(numbers), _TIMES_PER_BATCH):
            some = numbers[start : start + _TIMES_PER_BATCH]
            calls = [Call("eth_getBlockByNumber", (quantity(number), False)) for number in some]
            heads = [head_of(answer) for answer in self._chain.batch(calls)]
            times.update(zip(some, (head.time_at for head in heads), strict=True))
        return times
