"""JSON-RPC 2.0 over HTTP, single or batched, to one of several endpoints.

Owns the transport: timeouts, the size bound, the next endpoint when one fails, and the borders between
hex text and bytes or integers. Does not know blocks, contracts or finality. Every transport failure ends
in LedgerUnreachableError; a JSON-RPC error is an `Answer` with a `fault`, for the caller to judge.
Every request may safely be sent twice: reads change nothing, and a raw transaction is one by its hash.
Source: JSON-RPC 2.0; the Ethereum execution API specification.
"""

from __future__ import annotations

import http.client
import itertools
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson

from fiducia.adapters.evm.endpoint import Endpoint, NobodyThereError
from fiducia.errors import ConfigError, LedgerInconsistencyError, LedgerUnreachableError

_TRIES_PER_ENDPOINT = 2  # the second one for a kept-alive connection that the node had closed meanwhile


@dataclass(frozen=True, slots=True)
class Call:
    """One method call; `params` as JSON has them."""

    method: str
    params: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Fault:
    """A JSON-RPC error object; `data` is a revert's return data where the node sends it."""

    code: int
    message: str
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a node said to one call: a result, or a fault."""

    result: Any
    fault: Fault | None = None


class Rpc:
    """A client for the endpoints of one chain. Safe for threads; endpoints are tried in order.

    Args:
        urls: http or https, at least one.
        timeout_s: for connecting, and for each pause of an answer.
        max_answer_bytes: answers over this size are refused.
    """

    def __init__(self, urls: Sequence[str], *, timeout_s: float = 10.0, max_answer_bytes: int = 64 << 20) -> None:
        if not urls or any(urlsplit(url).scheme not in ("http", "https") for url in urls):
            raise ConfigError("a network needs at least one chain endpoint, http:// or https://")
        self._max_answer_bytes = max_answer_bytes
        self._ids = itertools.count(1)
        self._lock = threading.Lock()
        self._current = 0
        self._generation = 0
        try:
            self._endpoints = [Endpoint(url, timeout_s) for url in urls]
        except ValueError as error:
            raise ConfigError("a chain endpoint's URL has a host, and a port below 65536 if any") from error

    @property
    def generation(self) -> int:
        """Rises when a connection failed or another endpoint is asked: what was checked must be checked again."""
        return self._generation

    @property
    def endpoints(self) -> int:
        """How many endpoints there are."""
        return len(self._endpoints)

    def turn(self) -> None:
        """Ask the next endpoint first from now on: the current one answers, but not with what others know."""
        with self._lock:
            self._current = (self._current + 1) % len(self._endpoints)
            self._generation += 1

    def close(self) -> None:
        """Close the connections."""
        for endpoint in self._endpoints:
            endpoint.close()

    def call(self, method: str, *params: Any) -> Answer:
        """Ask for one thing. Raises: LedgerUnreachableError."""
        identity = next(self._ids)
        body = orjson.dumps({"jsonrpc": "2.0", "id": identity, "method": method, "params": params})
        answer: Answer = self._ask(body, lambda found: _answer_of(found, identity))
        return answer

    def batch(self, calls: Sequence[Call]) -> list[Answer]:
        """Ask for several things in one HTTP request; answers come in the order of the calls.

        Raises: LedgerUnreachableError.
        """
        if not calls:
            return []
        first = next(self._ids)
        body = orjson.dumps(
            [
                {"jsonrpc": "2.0", "id": f"{first}.{i}", "method": call.method, "params": call.params}
                for i, call in enumerate(calls)
            ]
        )
        answers: list[Answer] = self._ask(body, lambda found: _answers_of(found, first, len(calls)))
        return answers

    def _ask(self, body: bytes, read: Any) -> Any:
        """Send to the current endpoint, then to the others; the one that answers becomes the current one."""
        start = self._current
        reasons = []
        for step in range(len(self._endpoints)):
            index = (start + step) % len(self._endpoints)
            for attempt in range(_TRIES_PER_ENDPOINT):
                try:
                    answer = read(self._exchange(self._endpoints[index], body))
                except (OSError, http.client.HTTPException, _UnusableError) as error:
                    reasons.append(f"{self._endpoints[index].name}: {_why(error)}")
                    with self._lock:
                        self._generation += 1
                    if attempt == 0 and not _is_hopeless(error):
                        continue
                    break
                if index != self._current:
                    self._current = index
                return answer
        raise LedgerUnreachableError(f"no chain endpoint answered ({'; '.join(reasons)})")

    def _exchange(self, endpoint: Endpoint, body: bytes) -> Any:
        status, received = endpoint.post(body, self._max_answer_bytes)
        if status != 200:
            raise _UnusableError(f"HTTP status {status}")
        if len(received) > self._max_answer_bytes:
            raise _UnusableError(f"an answer over {self._max_answer_bytes} bytes")
        try:
            return orjson.loads(received)
        except orjson.JSONDecodeError as error:
            raise _UnusableError("an answer that is not JSON") from error


class _UnusableError(Exception):
    """An endpoint that answers, but not as a chain node; never leaves this module."""


def _answer_of(found: Any, identity: int | str) -> Answer:
    if not isinstance(found, dict) or found.get("id") != identity:
        raise _UnusableError("an answer that is not JSON-RPC")
    fault = found.get("error")
    if fault is None:
        if "result" not in found:
            raise _UnusableError("an answer that is not JSON-RPC")
        return Answer(found["result"])
    if not isinstance(fault, dict):
        raise _UnusableError("an answer that is not JSON-RPC")
    code = fault.get("code")
    return Answer(None, Fault(code if isinstance(code, int) else 0, str(fault.get("message", "")), _data_of(fault)))


def _answers_of(found: Any, first: int, count: int) -> list[Answer]:
    """Put a batch's answers into the order of its calls: the specification lets a node answer in any order."""
    if not isinstance(found, list):
        raise _UnusableError("no batch in answer to a batch")
    by_id = {item.get("id"): item for item in found if isinstance(item, dict)}
    answers = []
    for i in range(count):
        identity = f"{first}.{i}"
        if identity not in by_id:
            raise _UnusableError("a batch without all of its answers")
        answers.append(_answer_of(by_id[identity], identity))
    return answers


def _data_of(fault: dict[str, Any]) -> bytes:
    """Return a revert's data: a hex text, or an object that holds one (nodes differ)."""
    data = fault.get("data")
    if isinstance(data, dict):
        data = data.get("data")
    if not isinstance(data, str):
        return b""
    try:
        return bytes.fromhex(data.removeprefix("0x"))
    except ValueError:
        return b""


def _is_hopeless(error: Exception) -> bool:
    """Nobody listens, no answer came in time, or it was none of a node: asking once more only costs time."""
    return isinstance(error, (NobodyThereError, TimeoutError, _UnusableError))


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, NobodyThereError):
        return "nobody listens there"
    return str(error) if isinstance(error, _UnusableError) else "the connection broke"


def quantity(value: int) -> str:
    """Return an integer as JSON-RPC's 0x quantity."""
    return hex(value)


def hexed(value: bytes) -> str:
    """Return bytes as 0x lower-case hex."""
    return "0x" + value.hex()


def as_int(value: Any) -> int:
    """Return a 0x quantity as an integer. Raises: LedgerInconsistencyError."""
    if not isinstance(value, str) or not value.startswith("0x"):
        raise LedgerInconsistencyError("the chain endpoint gave something else where a number is due")
    try:
        return int(value, 16)
    except ValueError as error:
        raise LedgerInconsistencyError("the chain endpoint gave something else where a number is due") from error


def as_bytes(value: Any, size: int | None = None) -> bytes:
    """Return 0x hex as bytes, of exactly `size` bytes when it is given. Raises: LedgerInconsistencyError."""
    try:
        found = bytes.fromhex(value.removeprefix("0x"))
    except (AttributeError, ValueError, TypeError) as error:
        raise LedgerInconsistencyError("the chain endpoint gave something else where bytes are due") from error
    if size is not None and len(found) != size:
        raise LedgerInconsistencyError(f"the chain endpoint gave {len(found)} bytes where {size} are due")
    return found
