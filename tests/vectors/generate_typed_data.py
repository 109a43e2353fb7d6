"""Writes the shared typed data: tests/vectors/typed_data.json, read by pytest, by viem and by forge alike.

    python -m tests.vectors.generate_typed_data            writes the file
    python -m tests.vectors.generate_typed_data --check    fails on a difference, and writes nothing

Every struct that anyone signs, but for those of proofs (no contract's test reads them: `provenance_case` has them), has
rows of zeros, of largest values and of bytes that are all different, with the digest that Python computes; what
brokers deal each other stands in a list of its own, which forge does not read. The hostile rows change one thing; they
say what ours refuses and, as raw words of ABI encoding, what the chain does. A new struct gets its rows by itself;
forge must then learn to hash it.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from fiducia.core import typed_data
from fiducia.core.typed_data import STRUCTS, Contract, Domains
from fiducia.records import provenance, statements, typed
from tests.support.typed_data import BY_NAME, Json, domain_json, members_of, message

FILE = Path(__file__).parent / "typed_data.json"
SHARED = tuple(kind for kind in STRUCTS if kind.__module__ != provenance.__name__)
DOMAINS = Domains(262_144, *(bytes([number]) * 20 for number in range(0xA1, 0xA1 + len(Contract))))

BETWEEN_BROKERS = (
    statements.Deposit,
    statements.Keeping,
    statements.Collect,
    statements.Destroy,
)


def document() -> bytes:
    """Return the file's bytes: one row on a line."""
    parts = {
        "accepted": list(_accepted(kind for kind in SHARED if kind not in BETWEEN_BROKERS)),
        "hostile": list(_hostile()),
        "between_brokers": list(_accepted(BETWEEN_BROKERS)),
    }
    lines = [
        f' "{name}": [\n' + ",\n".join("  " + json.dumps(row) for row in rows) + "\n ]" for name, rows in parts.items()
    ]
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def struct_of(kind: type, fill: str) -> Any:
    """Return a struct of zeros, of the largest values, or of bytes that are all different."""
    counter = itertools.count(1)
    return kind(**{name: _value(solidity, fill, counter) for name, solidity in members_of(kind)})


def _value(solidity: str, fill: str, counter: Iterator[int]) -> Any:
    if solidity.endswith("[]"):
        member = BY_NAME[solidity.removesuffix("[]")]
        inner = [name for name, of in members_of(member)]
        many = {"zeros": 0, "largest": 1}.get(fill, 3)
        return tuple(
            member(**dict(zip(inner, (_value(of, fill, counter) for _, of in members_of(member)), strict=True)))
            for _ in range(many)
        )
    size = int(solidity[4:]) // 8 if solidity.startswith("uint") else _width(solidity)
    data = {"zeros": bytes(size), "largest": b"\xff" * size}.get(fill)
    if data is None:
        data = bytes(next(counter) % 256 for _ in range(size))
    return int.from_bytes(data, "big") if solidity.startswith("uint") else data


def _width(solidity: str) -> int:
    return 20 if solidity == "address" else int(solidity.removeprefix("bytes"))


def _accepted(kinds: Iterable[type]) -> Iterator[Json]:
    for kind in kinds:
        domain = DOMAINS.of(typed_data.home(kind))
        for fill in ("zeros", "largest", "different"):
            struct = struct_of(kind, fill)
            yield {
                "name": f"{kind.__name__} of {fill}",
                "struct": kind.__name__,
                "type": typed_data.type_string(kind),
                "domain": domain_json(domain),
                "message": message(struct),
                "struct_hash": "0x" + typed_data.hash_struct(struct).hex(),
                "digest": "0x" + typed_data.digest(domain, struct).hex(),
            }


def _hostile() -> Iterator[Json]:
    """Grants and requests with one thing wrong: what a careless signer or verifier would let pass."""
    for kind in (typed.Grant, typed.KeyRequest):
        said = message(struct_of(kind, "different"))
        for number, (name, solidity) in enumerate(members_of(kind)):
            camel = typed_data.camel_case(name)
            for what, value, word in _wrong(solidity, said[camel]):
                row = _row(kind, f"{camel} {what}", said | {camel: value})
                yield row | ({"words": _words(kind, number, word)} if word else {})
        first = next(iter(said))
        missing = {name: value for name, value in said.items() if name != first}
        yield _row(kind, f"{first} is missing", missing)
        yield _row(kind, "an undeclared field", said | {"more": "0x01"}, viem="ignores it")
        yield _row(kind, "a declared field under another case", said | {first.upper(): said[first]}, viem="ignores it")
    anchors = message(struct_of(typed.AnchorBatch, "different"))
    spare = {"anchors": [{**anchors["anchors"][0], "more": 1}, *anchors["anchors"][1:]]}
    yield _row(typed.AnchorBatch, "an undeclared field inside an array", spare, viem="ignores it")
    yield _row(typed.AnchorBatch, "an array that is an object", {"anchors": anchors["anchors"][0]})


def _wrong(solidity: str, value: Any) -> Iterator[tuple[str, Any, bytes]]:
    """(what is wrong, the JSON value, and the ABI word that says the same, or nothing)."""
    if solidity.startswith("uint"):
        bits = int(solidity[4:])
        as_json = str if bits > 32 else int
        yield "is one too wide", as_json(1 << bits), (1 << bits).to_bytes(32, "big")
        yield "is negative", as_json(-1), b"\xff" * 32
        return
    size = _width(solidity)
    yield "is one byte short", value[:-2], b""
    yield "is one byte long", value + "00", b""
    if size < 32:
        padded = bytes.fromhex(value[2:]).ljust(32, b"\xee")
        yield "is dirty behind its end", "0x" + padded.hex(), padded


def _row(kind: type, what: str, said: Json, viem: str = "refuses it") -> Json:
    domain = DOMAINS.of(typed_data.home(kind))
    name = f"{kind.__name__}: {what}"
    return {"name": name, "struct": kind.__name__, "domain": domain_json(domain), "message": said, "viem": viem}


def _words(kind: type, changed: int, word: bytes) -> str:
    """The struct's ABI words with one replaced."""
    struct = struct_of(kind, "different")
    words = []
    for number, (name, solidity) in enumerate(members_of(kind)):
        value = getattr(struct, name)
        right = value.to_bytes(32, "big") if solidity.startswith("uint") else value.ljust(32, b"\0")
        words.append(word if number == changed else right)
    return "0x" + b"".join(words).hex()


def main(arguments: list[str] | None = None) -> int:
    """Write or check; 1 when a check found a difference."""
    parser = argparse.ArgumentParser(description="Write or check the shared typed data.")
    parser.add_argument("--check", action="store_true", help="fail on a difference instead of writing")
    wanted = document()
    if parser.parse_args(arguments).check:
        same = FILE.is_file() and FILE.read_bytes() == wanted
        print("" if same else f"different: {FILE.name}", file=sys.stderr, end="" if same else "\n")
        return 0 if same else 1
    FILE.write_bytes(wanted)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
