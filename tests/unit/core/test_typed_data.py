"""EIP-712 digests against eth-account's independent encoder, over generated structs."""

from __future__ import annotations

import dataclasses
from typing import Any

import hypothesis.strategies as st
import pytest
from eth_account.messages import encode_typed_data
from hypothesis import given

from fiducia.core import typed_data
from fiducia.core.keccak import keccak256
from fiducia.core.typed_data import STRUCTS, Contract, Domain, Domains, Struct
from fiducia.errors import EncodingError
from fiducia.records import typed

addresses = st.binary(min_size=20, max_size=20)
domains = st.builds(Domain, st.integers(0, 2**256 - 1), addresses)


def _values(kind: str) -> st.SearchStrategy[Any]:
    if kind.startswith("uint"):
        return st.integers(0, 2 ** int(kind[4:]) - 1)
    size = 20 if kind == "address" else int(kind.removeprefix("bytes"))
    return st.binary(min_size=size, max_size=size)


def _structs(kind: type) -> st.SearchStrategy[Any]:
    if kind is typed.AnchorBatch:
        return st.builds(kind, st.lists(_structs(typed.Anchor), max_size=5).map(tuple))
    return st.builds(kind, **{name: _values(solidity) for name, solidity in typed_data.solidity_fields(kind)})


structs = st.one_of(*map(_structs, STRUCTS))


def _types(kind: type) -> list[dict[str, str]]:
    return [
        {"name": typed_data.camel_case(name), "type": solidity} for name, solidity in typed_data.solidity_fields(kind)
    ]


def _message(struct: Any) -> dict[str, Any]:
    return {typed_data.camel_case(field.name): getattr(struct, field.name) for field in dataclasses.fields(struct)}


def _reference(domain: Domain, struct: Any) -> bytes:
    """The digest as eth-account computes it from a wallet's JSON."""
    kind = type(struct)
    types = {kind.__name__: _types(kind)}
    message = _message(struct)
    if kind is typed.AnchorBatch:
        types = {"AnchorBatch": [{"name": "anchors", "type": "Anchor[]"}], "Anchor": _types(typed.Anchor)}
        message = {"anchors": [_message(each) for each in struct.anchors]}
    full = {
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"},
                {"name": "verifyingContract", "type": "address"},
            ],
            **types,
        },
        "primaryType": kind.__name__,
        "domain": {
            "name": "fiducia",
            "version": "1",
            "chainId": domain.chain_id,
            "verifyingContract": "0x" + domain.contract.hex(),
        },
        "message": message,
    }
    signable = encode_typed_data(full_message=full)
    return keccak256(b"\x19" + signable.version + signable.header + signable.body)


@given(domains, structs)
def test_digests_equal_eth_accounts(domain: Domain, struct: Struct) -> None:
    assert typed_data.digest(domain, struct) == _reference(domain, struct)


TYPE_STRINGS = {
    typed.Grant: "Grant(uint8 basis,bytes20 subject,bytes32 scope,uint64 anchoredBy,bytes32 grantee,uint32 purposes,"
    "uint32 actions,uint64 notBefore,uint64 notAfter,uint32 epoch,uint64 relayBy,bytes32 terms,bytes32 salt)",
    typed.Revoke: "Revoke(bytes32 grantId)",
    typed.RevokeAll: "RevokeAll(bytes20 subject,uint32 epoch)",
    typed.Badge: "Badge(uint32 institution,bytes32 person,address session,uint32 roles,uint64 trainedUntil,"
    "uint64 notBefore,uint64 notAfter,uint32 epoch)",
    typed.KeyRequest: "KeyRequest(bytes32 studyId,uint16 revision,uint32 series,bytes32 grantId,uint8 purpose,"
    "uint8 action,bytes32 person,bytes32 recipient,uint64 notAfter,bytes32 salt)",
    typed.Enrol: "Enrol(uint32 custodian,bytes32 salt,bytes32 signerHash)",
    typed.Anchor: "Anchor(bytes20 subject,bytes32 salt,bytes32 manifest,uint32 retainUntilDay)",
    typed.AnchorBatch: "AnchorBatch(Anchor[] anchors)"
    "Anchor(bytes20 subject,bytes32 salt,bytes32 manifest,uint32 retainUntilDay)",
    typed.Revise: "Revise(bytes32 studyId,uint16 revision,bytes32 manifest)",
    typed.Admit: "Admit(address governor,uint8 region,uint64 exports,uint64 round)",
    typed.Publish: "Publish(uint32 institution,uint8 kind,bytes32 keyHash,uint64 notAfter)",
    typed.WithdrawPerson: "WithdrawPerson(bytes32 person)",
    typed.RaiseBadgeEpoch: "RaiseBadgeEpoch(uint32 institution,uint32 epoch)",
    typed.HandOverStatement: "HandOverStatement(bytes32 requestId,uint32 trustee,bytes32 sealed)",
}


def test_the_structs_are_the_final_ones() -> None:
    assert {kind: typed_data.type_string(kind) for kind in STRUCTS} == TYPE_STRINGS


def test_each_struct_is_signed_where_its_state_is_kept() -> None:
    homes = {kind.__name__: typed_data.home(kind) for kind in STRUCTS}
    assert {name for name, home in homes.items() if home is Contract.MEMBERS} == {
        "Badge",
        "Admit",
        "Publish",
        "WithdrawPerson",
        "RaiseBadgeEpoch",
    }
    assert {name for name, home in homes.items() if home is Contract.SUBJECTS} == {"Enrol", "RevokeAll"}
    assert {name for name, home in homes.items() if home is Contract.STUDIES} == {"Anchor", "AnchorBatch", "Revise"}
    assert {name for name, home in homes.items() if home is Contract.GRANTS} == {"Grant", "Revoke"}
    assert {name for name, home in homes.items() if home is Contract.RELEASES} == {"KeyRequest", "HandOverStatement"}


@given(structs)
def test_a_digest_is_bound_to_contract_and_chain(struct: Struct) -> None:
    one = Domains(7, *(bytes([i]) * 20 for i in range(5)))
    assert one.digest(struct) == typed_data.digest(one.of(typed_data.home(type(struct))), struct)
    assert one.digest(struct) != dataclasses.replace(one, chain_id=8).digest(struct)
    others = {typed_data.digest(one.of(contract), struct) for contract in Contract}
    assert len(others) == 5


def _flat() -> list[tuple[type, str, str]]:
    return [(kind, *field) for kind in STRUCTS for field in typed_data.solidity_fields(kind)]


@pytest.mark.parametrize(("kind", "name", "solidity"), _flat(), ids=lambda value: getattr(value, "__name__", value))
def test_what_does_not_fit_its_type_is_refused(kind: type, name: str, solidity: str) -> None:
    fields: dict[str, Any] = {
        field: 0 if of.startswith("uint") else bytes(20 if of == "address" else int(of[5:]))
        for field, of in typed_data.solidity_fields(kind)
    }
    typed_data.hash_struct(kind(**fields))
    if solidity.startswith("uint"):
        wrong: list[Any] = [-1, 2 ** int(solidity[4:]), b"\0", "0", True, None, 0.0]
    else:
        size = len(fields[name])
        wrong = [bytes(size - 1), bytes(size + 1), bytearray(size), 0, "0x", None]
    for value in wrong:
        with pytest.raises(EncodingError, match=f"{kind.__name__}.{name}"):
            typed_data.hash_struct(kind(**(fields | {name: value})))


def test_an_array_holds_its_own_kind_only() -> None:
    with pytest.raises(EncodingError):
        typed_data.hash_struct(typed.AnchorBatch((typed.Revoke(bytes(32)),)))  # type: ignore[arg-type]
    with pytest.raises(EncodingError):
        typed_data.hash_struct(typed.AnchorBatch([]))  # type: ignore[arg-type]


def test_what_nobody_signs_has_no_home() -> None:
    with pytest.raises(EncodingError, match="SignedBadge"):
        typed_data.home(typed.SignedBadge)


@pytest.mark.parametrize("domain", [Domain(-1, bytes(20)), Domain(2**256, bytes(20)), Domain(1, bytes(19))])
def test_a_bad_domain_is_refused(domain: Domain) -> None:
    with pytest.raises(EncodingError):
        typed_data.separator(domain)
