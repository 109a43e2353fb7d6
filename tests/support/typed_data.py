"""Typed data as wallets take it: one JSON for viem, eth-account, forge and ourselves; and viem itself, through Node.

In a message integers up to 32 bits are JSON numbers and wider ones decimal strings, as in `core.wire`; names are
Solidity's.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fiducia.core import typed_data, wire
from fiducia.core.typed_data import NAME, STRUCTS, VERSION, Domain
from fiducia.core.wire_types import TAG
from tests.support.needs import unavailable

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "tests" / "typed_data" / "viem.mjs"
TIMEOUT_S = 120

Json = dict[str, Any]

BY_NAME = {kind.__name__: kind for kind in STRUCTS}


def members_of(kind: type) -> tuple[tuple[str, str], ...]:
    """Each field's Python name and Solidity type, arrays of structs as ``Anchor[]``."""
    own = typed_data.type_string(kind).partition("(")[2].partition(")")[0]
    kinds = [member.partition(" ")[0] for member in own.split(",")]
    return tuple(zip((field.name for field in dataclasses.fields(kind)), kinds, strict=True))


def message(struct: Any) -> Json:
    """A struct as a wallet's message."""
    return {typed_data.camel_case(name): _value(getattr(struct, name), kind) for name, kind in members_of(type(struct))}


def types(kind: type) -> dict[str, list[dict[str, str]]]:
    """The types of a struct and of its members."""
    found: dict[str, list[dict[str, str]]] = {}
    for name, solidity in members_of(kind):
        if solidity.endswith("[]"):
            found |= types(BY_NAME[solidity.removesuffix("[]")])
        found.setdefault(kind.__name__, []).append({"name": typed_data.camel_case(name), "type": solidity})
    return found


def domain_json(domain: Domain) -> Json:
    """A domain as wallets take it."""
    return {
        "name": NAME,
        "version": VERSION,
        "chainId": str(domain.chain_id),
        "verifyingContract": "0x" + domain.contract.hex(),
    }


def request(domain: Domain, kind: type, said: Json) -> Json:
    """What a wallet is asked to sign."""
    return {"domain": domain_json(domain), "types": types(kind), "primaryType": kind.__name__, "message": said}


def wire_form(kind: type, said: Json) -> bytes:
    """A message as `core.wire` takes it: Python's names and a vote's tag; an unknown name stays as it is."""
    tag = wire.schema(kind)["properties"].get(TAG)
    return json.dumps(_renamed(kind, said) | ({TAG: tag["const"]} if tag else {})).encode()


def viem() -> str:
    """The path of Node, where viem is installed, too."""
    node = shutil.which("node")
    if node is None:
        unavailable("Node >= 20 is not on PATH")
    if not (ROOT / "contracts" / "node_modules" / "viem").is_dir():
        unavailable("viem is not installed: scripts/install")
    return node


def viem_digests(node: str, requests: Sequence[Json]) -> list[bytes | None]:
    """What viem would have a wallet sign, in one run of Node; None where it refuses."""
    done = subprocess.run(
        [node, str(SCRIPT)],
        input=json.dumps(requests),
        capture_output=True,
        text=True,
        check=True,
        timeout=TIMEOUT_S,
    )
    return [None if each is None else bytes.fromhex(each[2:]) for each in json.loads(done.stdout)]


def _value(value: Any, kind: str) -> Any:
    if kind.endswith("[]"):
        return [message(each) for each in value]
    if kind.startswith("uint"):
        return str(value) if int(kind[4:]) > 32 else value
    return "0x" + value.hex()


def _renamed(kind: type, said: Any) -> Any:
    if not isinstance(said, dict):
        return said
    names = {typed_data.camel_case(name): (name, solidity) for name, solidity in members_of(kind)}
    found = {}
    for name, value in said.items():
        own, solidity = names.get(name, (name, ""))
        if solidity.endswith("[]") and isinstance(value, list):
            value = [_renamed(BY_NAME[solidity.removesuffix("[]")], each) for each in value]
        found[own] = value
    return found
