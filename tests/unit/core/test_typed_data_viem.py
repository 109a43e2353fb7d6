"""EIP-712 digests against viem: over generated structs, at every boundary, and over the shared vectors."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import hypothesis.strategies as st
import pytest
from eth_account.messages import encode_typed_data
from hypothesis import HealthCheck, given, settings

from fiducia.core import typed_data, wire
from fiducia.core.keccak import keccak256
from fiducia.core.typed_data import STRUCTS, Domain, Struct
from fiducia.errors import EncodingError
from tests.support import typed_data as wallet
from tests.unit.core.test_typed_data import domains, structs
from tests.vectors.generate_typed_data import FILE, SHARED, struct_of

VECTORS = json.loads(FILE.read_text())
ACCEPTED = VECTORS["accepted"] + VECTORS["between_brokers"]
DOMAIN = Domain(262_144, b"\xa1" * 20)


@pytest.fixture(scope="module")
def node() -> str:
    return wallet.viem()


def asked(domain: Domain, struct: Any) -> wallet.Json:
    return wallet.request(domain, type(struct), wallet.message(struct))


# One run of Node digests many structs: it starts in half a second, and a digest takes microseconds.
@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(cases=st.lists(st.tuples(domains, structs), min_size=40, max_size=60))
def test_digests_equal_viems(node: str, cases: list[tuple[Domain, Struct]]) -> None:
    ours = [typed_data.digest(domain, struct) for domain, struct in cases]
    assert wallet.viem_digests(node, [asked(domain, struct) for domain, struct in cases]) == ours


def boundaries() -> Iterator[Any]:
    """Every struct with each field in turn at its largest and at zero, the others being different bytes."""
    for kind in STRUCTS:
        plain, zeros, largest = (struct_of(kind, fill) for fill in ("different", "zeros", "largest"))
        for field in dataclasses.fields(kind):
            for extreme in (zeros, largest):
                yield dataclasses.replace(plain, **{field.name: getattr(extreme, field.name)})


def test_digests_equal_viems_at_every_boundary(node: str) -> None:
    found = list(boundaries())
    assert {type(each) for each in found} == set(STRUCTS)
    ours = [typed_data.digest(DOMAIN, each) for each in found]
    assert len(set(ours)) == len(set(found))
    assert wallet.viem_digests(node, [asked(DOMAIN, each) for each in found]) == ours


def test_every_struct_has_vectors() -> None:
    assert {row["struct"] for row in ACCEPTED} == {kind.__name__ for kind in SHARED}


@pytest.mark.parametrize("row", ACCEPTED, ids=lambda row: row["name"])
def test_a_vectors_message_is_read_hashed_and_written_back(row: wallet.Json) -> None:
    kind = wallet.BY_NAME[row["struct"]]
    struct: Any = wire.decode(kind, wallet.wire_form(kind, row["message"]))
    domain = Domain(int(row["domain"]["chainId"]), bytes.fromhex(row["domain"]["verifyingContract"][2:]))
    assert typed_data.type_string(kind) == row["type"]
    assert "0x" + typed_data.hash_struct(struct).hex() == row["struct_hash"]
    assert "0x" + typed_data.digest(domain, struct).hex() == row["digest"]
    assert wallet.message(struct) == row["message"]


def test_viem_and_eth_account_agree_with_every_vector(node: str) -> None:
    rows = ACCEPTED
    requests = [
        wallet.request(DOMAIN, wallet.BY_NAME[row["struct"]], row["message"]) | {"domain": row["domain"]}
        for row in rows
    ]
    expected = [bytes.fromhex(row["digest"][2:]) for row in rows]
    assert wallet.viem_digests(node, requests) == expected
    assert list(map(eth_account_digest, requests)) == expected


def eth_account_digest(request: wallet.Json) -> bytes:
    domain = {**request["domain"], "chainId": int(request["domain"]["chainId"])}
    own = [("name", "string"), ("version", "string"), ("chainId", "uint256"), ("verifyingContract", "address")]
    types = {"EIP712Domain": [{"name": name, "type": kind} for name, kind in own], **request["types"]}
    signable = encode_typed_data(full_message={**request, "types": types, "domain": domain})
    return keccak256(b"\x19" + signable.version + signable.header + signable.body)


@pytest.mark.parametrize("row", VECTORS["hostile"], ids=lambda row: row["name"])
def test_a_hostile_message_is_refused(row: wallet.Json) -> None:
    kind = wallet.BY_NAME[row["struct"]]
    with pytest.raises(EncodingError):
        wire.decode(kind, wallet.wire_form(kind, row["message"]))


def test_viem_refuses_wrong_widths_and_signs_past_undeclared_fields(node: str) -> None:
    """Why ours must refuse what nobody declared: a wallet shows it, and signs as if it were not there."""
    rows = VECTORS["hostile"]
    kinds = [wallet.BY_NAME[row["struct"]] for row in rows]
    requests = [
        wallet.request(DOMAIN, kind, row["message"]) | {"domain": row["domain"]}
        for kind, row in zip(kinds, rows, strict=True)
    ]
    plain = {row["struct"]: bytes.fromhex(row["digest"][2:]) for row in ACCEPTED if row["name"].endswith("different")}
    expected = [plain[row["struct"]] if row["viem"] == "ignores it" else None for row in rows]
    assert wallet.viem_digests(node, requests) == expected
