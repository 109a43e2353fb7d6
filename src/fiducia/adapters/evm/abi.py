"""The contracts' ABIs: calls encoded, results, events and custom errors decoded.

Owns what is in adapters/evm/artifacts (built by scripts/build_artifacts.py: ABI and bytecode per contract)
and nothing else; what an event or an error means is said in `events` and `reverts`. Structs are tuples
here, in the order of their Solidity fields, which is the order of the dataclasses in `records.typed`.
Addresses are 20 bytes on both sides. Source: the Solidity contract ABI specification.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any

import orjson
from eth_abi.codec import ABICodec
from eth_abi.decoding import StringDecoder
from eth_abi.exceptions import DecodingError as AbiDecodingError
from eth_abi.exceptions import EncodingError as AbiEncodingError
from eth_abi.exceptions import ParseError
from eth_abi.registry import BaseEquals, registry
from eth_utils.abi import collapse_if_tuple

from fiducia.core.keccak import keccak256
from fiducia.core.typed_data import VERIFIER
from fiducia.errors import ConfigError, EncodingError, LedgerInconsistencyError

CONTRACTS = (VERIFIER, "Members", "Subjects", "Studies", "Grants", "Releases")
"""The verifier of passkeys, then the five contracts from left to right of the arrows: the order of deployment."""


def _codec() -> ABICodec:
    """Build a codec that takes any bytes for a string: an endpoint is a hint of whoever carried it, and one that
    is no UTF-8 must not keep a member from reading the whole ledger."""
    ours = registry.copy()  # type: ignore[no-untyped-call]
    ours.unregister_decoder("string")
    lenient = StringDecoder(handle_string_errors="replace")  # type: ignore[no-untyped-call]
    exactly_string = BaseEquals("string", with_sub=False)  # type: ignore[no-untyped-call]
    ours.register_decoder(exactly_string, lenient, label="string")
    return ABICodec(ours)


_CODEC = _codec()


@dataclasses.dataclass(frozen=True, slots=True)
class Item:
    """A function, event or error: its name, its selector (events: topic 0) and its arguments' types."""

    name: str
    selector: bytes
    inputs: tuple[str, ...]
    input_names: tuple[str, ...]
    indexed: tuple[bool, ...] = ()
    outputs: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Artifact:
    """One contract as it was built: its functions and errors by name, its events by topic."""

    name: str
    bytecode: bytes
    interface: list[dict[str, Any]]
    functions: dict[str, Item]
    events: dict[bytes, Item]
    errors: dict[bytes, Item]


@dataclasses.dataclass(frozen=True, slots=True)
class Named:
    """A decoded event or error: its name and its arguments by Solidity name."""

    name: str
    values: dict[str, Any]


@cache
def artifact(contract: str) -> Artifact:
    """Return one contract's artifact, read once. Raises: ConfigError (not part of this installation)."""
    try:
        built = orjson.loads(resources.files(__package__).joinpath("artifacts", f"{contract}.json").read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise ConfigError(f"this installation has no build of the contract {contract}: run scripts/build") from error
    entries = built["abi"]
    return Artifact(
        name=contract,
        bytecode=bytes.fromhex(built["bytecode"].removeprefix("0x")),
        interface=entries,
        functions={entry["name"]: _item(entry, 4) for entry in entries if entry["type"] == "function"},
        events={item.selector: item for item in _items(entries, "event", 32)},
        errors={item.selector: item for item in _items(entries, "error", 4)},
    )


def call_data(contract: str, function: str, *arguments: Any) -> bytes:
    """Return the calldata of a function. Raises: EncodingError (an argument does not fit its type)."""
    item = artifact(contract).functions[function]
    return item.selector + encoded(item.inputs, arguments)


def result_of(contract: str, function: str, data: bytes) -> tuple[Any, ...]:
    """Return a function's decoded results. Raises: LedgerInconsistencyError (they do not decode)."""
    return _decode(artifact(contract).functions[function].outputs, data)


def event_of(contract: str, topics: Sequence[bytes], data: bytes) -> Named:
    """Return a decoded event. Raises: LedgerInconsistencyError (unknown, or it does not decode)."""
    item = artifact(contract).events.get(topics[0]) if topics else None
    if item is None or len(topics) != 1 + sum(item.indexed):
        raise LedgerInconsistencyError(f"the contract {contract} emitted an event that it does not have")
    from_topics = [kind for kind, indexed in zip(item.inputs, item.indexed, strict=True) if indexed]
    from_data = [kind for kind, indexed in zip(item.inputs, item.indexed, strict=True) if not indexed]
    topic_values = iter(_decode(from_topics, b"".join(topics[1:])))
    data_values = iter(_decode(from_data, data))
    values = [next(topic_values) if indexed else next(data_values) for indexed in item.indexed]
    return Named(item.name, dict(zip(item.input_names, values, strict=True)))


def error_of(data: bytes) -> Named | None:
    """Return a decoded custom error of any of the contracts; None when the data are of no such error."""
    item = errors_by_selector().get(data[:4])
    if item is None:
        return None
    try:
        return Named(item.name, dict(zip(item.input_names, _decode(item.inputs, data[4:]), strict=True)))
    except LedgerInconsistencyError:
        return None


@cache
def errors_by_selector() -> dict[bytes, Item]:
    """Return every custom error of every ABI."""
    return {selector: item for name in CONTRACTS for selector, item in artifact(name).errors.items()}


def topic_of(contract: str, event: str) -> bytes:
    """Return an event's topic 0 (32 bytes)."""
    return next(topic for topic, item in artifact(contract).events.items() if item.name == event)


def encoded(kinds: Sequence[str], values: Sequence[Any]) -> bytes:
    """Return abi.encode of values of the given types. Raises: EncodingError (one does not fit)."""
    try:
        return _CODEC.encode(kinds, values)
    except AbiEncodingError as error:
        # The library's message quotes the value: it stays out of ours.
        raise EncodingError("a value does not fit the type that the contract has for it") from error


def values_of(struct: Any) -> tuple[Any, ...]:
    """Return a struct of `records.typed` as the tuple that the ABI wants."""
    return tuple(getattr(struct, field.name) for field in dataclasses.fields(struct))


def _items(entries: list[dict[str, Any]], kind: str, size: int) -> list[Item]:
    return [_item(entry, size) for entry in entries if entry["type"] == kind]


def _item(entry: dict[str, Any], size: int) -> Item:
    inputs = _types(entry["inputs"])
    return Item(
        name=entry["name"],
        selector=keccak256(f"{entry['name']}({','.join(inputs)})".encode())[:size],
        inputs=inputs,
        input_names=tuple(each["name"] for each in entry["inputs"]),
        indexed=tuple(bool(each.get("indexed")) for each in entry["inputs"]) if entry["type"] == "event" else (),
        outputs=_types(entry.get("outputs", [])),
    )


def _types(parameters: list[Any]) -> tuple[str, ...]:
    return tuple(collapse_if_tuple(each) for each in parameters)


def _decode(kinds: Sequence[str], data: bytes) -> tuple[Any, ...]:
    try:
        values = _CODEC.decode(kinds, data)
    except (AbiDecodingError, ParseError, OverflowError) as error:
        raise LedgerInconsistencyError("a contract's answer does not decode: is it another contract?") from error
    return tuple(_plain(kind, value) for kind, value in zip(kinds, values, strict=True))


def _plain(kind: str, value: Any) -> Any:
    """Turn addresses, which the library gives as hex text, into bytes, at the top level (all that we have)."""
    return bytes.fromhex(value[2:]) if kind == "address" else value
