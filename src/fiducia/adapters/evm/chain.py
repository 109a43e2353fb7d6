"""One network's chain: its pins checked, its final head, views read at one block.

Owns which block counts (the newest final one, by the network's profile), whether it is fresh by this
machine's clock, and that the endpoint serves the pinned chain: chain id, genesis hash, code at the
addresses, P-256, the relying party of passkeys. Knows no act and no event. Views are read at a block hash
(EIP-1898), so an answer cannot mix two blocks, and the newest head comes in the same HTTP request. An endpoint
whose head is stale, or behind what another one served, is passed over for the next.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from fiducia.adapters.evm import abi, p256, reverts
from fiducia.adapters.evm.joining import Joiner
from fiducia.adapters.evm.rpc import Answer, Call, Rpc, as_bytes, as_int, hexed, quantity
from fiducia.core.keccak import keccak256
from fiducia.core.typed_data import VERIFIER
from fiducia.errors import (
    ConfigError,
    LedgerInconsistencyError,
    LedgerStaleError,
    LedgerUnreachableError,
)
from fiducia.ports import Clock
from fiducia.records.ledger import Head, Network

Asked = TypeVar("Asked")
_TAGS = {"instant": "latest", "tag": "finalized"}
_CALLS_PER_BATCH = 500  # nodes bound a request's size; more calls go to the same block in further requests
_CATCH_UP_S = 2.0  # how long the endpoints may take to know what one of them served
_CATCH_UP_PAUSE_S = 0.05
_ATTEMPTS = 3  # at a remembered head, at the head that came with it, and once more behind a load balancer


@dataclass(frozen=True, slots=True)
class Question:
    """A view of a contract and its calldata."""

    contract: str
    function: str
    address: bytes
    data: bytes


class _BehindError(Exception):
    """An endpoint has not seen yet what another one has; in a moment it will. Never leaves this module."""


class Chain:
    """Reads one chain. Safe for threads."""

    def __init__(self, network: Network, rpc: Rpc, clock: Clock) -> None:
        """Take the pins; the chain is asked when something is read. Raises: ConfigError (pins incomplete)."""
        self.addresses = dict(network.contracts)
        if set(self.addresses) != set(abi.CONTRACTS) or set(dict(network.code_hashes)) != set(abi.CONTRACTS):
            raise ConfigError(f"the network's settings must name {', '.join(abi.CONTRACTS)}, with their code hashes")
        if network.finality not in _TAGS:
            raise ConfigError('a network\'s finality is "instant" or "tag"')
        self.network = network
        self.rpc = rpc
        self.contracts = {address: name for name, address in network.contracts}
        self._clock = clock
        self.newest_call = Call("eth_getBlockByNumber", (_TAGS[network.finality], False))
        self._lock = threading.Lock()
        self._checked_generation = -1
        self._last: Head | None = None
        self._highest = 0
        self._joined: Joiner[Sequence[Question], tuple[Head, list[Answer]]] = Joiner(self._ask_group, at_most=256)

    def view(self, contract: str, function: str, *arguments: Any) -> Question:
        """Return a question to one of the contracts. Raises: EncodingError (an argument does not fit)."""
        return Question(contract, function, self.addresses[contract], abi.call_data(contract, function, *arguments))

    def check(self) -> None:
        """Compare the endpoint with the network's pins, once, and again after a connection broke.

        Raises:
            ConfigError: another network, no contracts, other code at an address, no P-256, or passkeys of another
                relying party.
            LedgerUnreachableError: no endpoint answers.
        """
        while self._checked_generation != (generation := self.rpc.generation):
            self._check_at(generation)

    def call(self, method: str, *params: Any) -> Answer:
        """Ask the pinned chain for one thing; see `Rpc.call`. Raises: ConfigError, LedgerUnreachableError."""
        return self._of_pinned(lambda: self.rpc.call(method, *params))

    def batch(self, calls: Sequence[Call]) -> list[Answer]:
        """Ask the pinned chain for several things; see `Rpc.batch`. Raises: ConfigError, LedgerUnreachableError."""
        return self._of_pinned(lambda: self.rpc.batch(calls))

    def _of_pinned(self, ask: Callable[[], Asked]) -> Asked:
        """Ask; what came from an endpoint that took over meanwhile counts only once its pins are checked."""
        for _ in range(_ATTEMPTS):
            self.check()
            answer = ask()
            if self._checked_generation == self.rpc.generation:
                return answer
        raise LedgerUnreachableError("connections to the chain's endpoints keep breaking; try again")

    def _check_at(self, generation: int) -> None:
        with self._lock:
            if self._checked_generation == generation:
                return
            names = list(self.addresses)
            calls = [Call("eth_chainId"), *GENESIS]
            calls += [Call("eth_getCode", (hexed(self.addresses[name]), "latest")) for name in names]
            party = {"to": hexed(self.addresses[VERIFIER]), "data": hexed(abi.call_data(VERIFIER, "rpIdHash"))}
            calls += [Call("eth_call", (party, "latest")), *p256.CALLS]
            chain_id, zero, one, *answers = self.rpc.batch(calls)
            self._check_identity(chain_id, genesis_of(zero, one))
            p256.require(answers[len(names) + 1 :])
            pinned = dict(self.network.code_hashes)
            for name, code in zip(names, answers, strict=False):
                _check_code(name, as_bytes(code.result), pinned[name])
            _check_party(self.network.webauthn_rp_id, answers[len(names)])
            self._checked_generation = generation
            self._last = None

    def head(self) -> Head:
        """Return the newest final head. Raises: LedgerStaleError, LedgerUnreachableError, ConfigError."""
        return self._of_an_endpoint(
            lambda floor: self._fresh(head_of(self.call(self.newest_call.method, *self.newest_call.params)), floor)
        )

    def block(self, number: int) -> Head:
        """Return one block by number. Raises: LedgerInconsistencyError (there is none), LedgerUnreachableError."""
        answer = self.call("eth_getBlockByNumber", quantity(number), False)
        if answer.fault is None and answer.result is None:
            raise LedgerInconsistencyError(f"the chain has no block {number}")
        return head_of(answer)

    def saw(self, head: Head) -> None:
        """Take note of a newer final head that was seen in passing: the next questions are asked at it first."""
        self._highest = max(self._highest, head.number)
        if self._last is None or head.number > self._last.number:
            self._last = head

    def ask(self, *questions: Question) -> tuple[Head, list[tuple[Any, ...]]]:
        """Answer questions at one final block, joined with those of other threads into one HTTP request.

        Raises:
            LedgerStaleError: the head is too old or too young.
            LedgerUnreachableError, LedgerInconsistencyError, ConfigError, UnexpectedRevertError.
        """
        head, answers = self._joined(questions)
        return head, [_result(question, answer) for question, answer in zip(questions, answers, strict=True)]

    def _ask_group(self, group: Sequence[Sequence[Question]]) -> list[tuple[Head, list[Answer]]]:
        together = [question for questions in group for question in questions]
        head, answers = self._of_an_endpoint(lambda floor: self._ask_at_head(together, floor))
        pending = iter(answers)
        return [(head, [next(pending) for _ in questions]) for questions in group]

    def _ask_at_head(self, questions: Sequence[Question], floor: int) -> tuple[Head, list[Answer]]:
        """Ask at the head that was seen last; when there is a newer one by now, once more at that."""
        at, was_newest = self._last, False
        for _ in range(_ATTEMPTS):
            calls = [_call(question, at) for question in questions] if at else []
            newest, *answers = self.batch([self.newest_call, *calls[:_CALLS_PER_BATCH]])
            for start in range(_CALLS_PER_BATCH, len(calls), _CALLS_PER_BATCH):
                answers += self.batch(calls[start : start + _CALLS_PER_BATCH])
            head = self._fresh(head_of(newest), floor)
            # What was the newest head a request ago still counts: it was so after the caller had asked.
            if at and (head.hash == at.hash or was_newest) and not any(map(_head_unknown, answers)):
                return at, answers
            at, was_newest = head, True
        raise LedgerUnreachableError("the chain endpoint does not answer at its own head; try again")

    def _of_an_endpoint(self, ask: Callable[[int], Asked]) -> Asked:
        """Ask one endpoint after the other until one has a head that counts: `ask` is told the lowest that does."""
        give_up_at, asked = time.monotonic() + _CATCH_UP_S, 0
        while True:
            try:
                return ask(self._highest)
            except LedgerStaleError:
                asked += 1
                if asked >= self.rpc.endpoints:
                    raise
            except _BehindError as error:
                if time.monotonic() > give_up_at:
                    raise LedgerStaleError(str(error)) from error
                time.sleep(_CATCH_UP_PAUSE_S)
            self.rpc.turn()

    def _fresh(self, head: Head, floor: int) -> Head:
        age_s = self._clock.now() - head.time_at
        if abs(age_s) > self.network.max_head_age_s:
            side = "older" if age_s > 0 else "ahead"
            raise LedgerStaleError(
                f"the chain's newest block is {abs(age_s)} s {side} by this machine's clock, "
                f"{self.network.max_head_age_s} s are allowed: is the chain stalled, or the clock wrong?"
            )
        if self.rpc.endpoints > 1 and head.number < floor:
            raise _BehindError(f"the chain endpoint is at block {head.number}, another one was at {floor}; try again")
        self._highest = max(self._highest, head.number)
        self._last = head
        return head

    def _check_identity(self, chain_id: Answer, genesis: bytes) -> None:
        found = number_of(chain_id)
        if found != self.network.chain_id:
            raise ConfigError(
                f"wrong network: the endpoint serves chain {found}, the settings name {self.network.chain_id}; "
                "correct the endpoints"
            )
        if genesis != self.network.genesis_hash:
            raise ConfigError(
                "wrong network: the endpoint serves a chain with another first block; correct the endpoints, "
                "or set up the network anew if the chain was"
            )


GENESIS = (Call("eth_getBlockByNumber", ("0x0", False)), Call("eth_getBlockByNumber", ("0x1", False)))
"""The first block: number 0, or 1 on chains that have none of that number."""


def genesis_of(zero: Answer, one: Answer) -> bytes:
    """Return the first block's hash (32 bytes) from the answers to `GENESIS`."""
    return head_of(zero if zero.result else one).hash


def head_of(answer: Answer) -> Head:
    """Return a block object's head. Raises: LedgerUnreachableError (the node has no such block)."""
    if answer.fault is not None or answer.result is None:
        raise LedgerUnreachableError(f"the chain endpoint names no such block ({said(answer)})")
    block = answer.result
    if not isinstance(block, dict):
        raise LedgerInconsistencyError("the chain endpoint gave something else where a block is due")
    return Head(as_int(block.get("number")), as_bytes(block.get("hash"), 32), as_int(block.get("timestamp")))


def number_of(answer: Answer) -> int:
    """Return a quantity. Raises: LedgerUnreachableError (a fault instead), LedgerInconsistencyError."""
    if answer.fault is not None:
        raise LedgerUnreachableError(f"the chain endpoint does not say what it must know ({said(answer)})")
    return as_int(answer.result)


def said(answer: Answer) -> str:
    """Return what a node said instead of a result, short enough for one line."""
    return answer.fault.message.replace("\n", " ")[:120] if answer.fault else "nothing"


def _call(question: Question, at: Head) -> Call:
    target = {"to": hexed(question.address), "data": hexed(question.data)}
    return Call("eth_call", (target, {"blockHash": hexed(at.hash)}))


def _head_unknown(answer: Answer) -> bool:
    """Another node behind the same address may not have the block yet; a contract's refusal carries data."""
    return answer.fault is not None and not answer.fault.data


def _result(question: Question, answer: Answer) -> tuple[Any, ...]:
    if answer.fault is not None:
        raise reverts.error_for(answer.fault.data)
    return abi.result_of(question.contract, question.function, as_bytes(answer.result))


def _check_party(rp_id: str, answer: Answer) -> None:
    if answer.fault is not None or as_bytes(answer.result) != hashlib.sha256(rp_id.encode()).digest():
        raise ConfigError(
            "the ledger's passkeys belong to another relying party than the settings name; correct the settings"
        )


def _check_code(name: str, code: bytes, pinned: bytes) -> None:
    if not code:
        raise ConfigError(
            f"contracts not deployed: there is no code at the address of {name}; deploy, or correct the settings"
        )
    if keccak256(code) != pinned:
        raise ConfigError(f"other code at the address of {name} than the settings pin: do not use this network")
