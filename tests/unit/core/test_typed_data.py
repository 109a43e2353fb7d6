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
from fiducia.records import provenance, statements, typed

addresses = st.binary(min_size=20, max_size=20)
domains = st.builds(Domain, st.integers(0, 2**256 - 1), addresses)


def _values(kind: str) -> st.SearchStrategy[Any]:
    if kind.startswith("uint"):
        return st.integers(0, 2 ** int(kind[4:]) - 1)
    size = 20 if kind == "address" else int(kind.removeprefix("bytes"))
    return st.binary(min_size=size, max_size=size)


# Structs that are one array of another.
ARRAYS: dict[type, type] = {typed.AnchorBatch: typed.Anchor, typed.EnrolBatch: typed.Enrol}


def _structs(kind: type) -> st.SearchStrategy[Any]:
    if kind in ARRAYS:
        return st.builds(kind, st.lists(_structs(ARRAYS[kind]), max_size=5).map(tuple))
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
    if kind in ARRAYS:
        member, (field,) = ARRAYS[kind], dataclasses.fields(kind)
        types = {
            kind.__name__: [{"name": field.name, "type": f"{member.__name__}[]"}],
            member.__name__: _types(member),
        }
        message = {field.name: [_message(each) for each in getattr(struct, field.name)]}
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
    typed.Suspend: "Suspend(uint32 institution,uint64 round)",
    typed.Reinstate: "Reinstate(uint32 institution,uint64 round)",
    typed.ReplaceGovernor: "ReplaceGovernor(uint32 institution,address governor,uint64 round)",
    typed.ChangeExports: "ChangeExports(uint32 institution,uint64 exports,uint64 round)",
    typed.NarrowExports: "NarrowExports(uint32 institution,uint64 exports,uint64 round)",
    typed.EnrolBatch: "EnrolBatch(Enrol[] enrolments)Enrol(uint32 custodian,bytes32 salt,bytes32 signerHash)",
    typed.Rotate: "Rotate(bytes20 subject,bytes32 signerHash,uint32 serial)",
    typed.Appoint: "Appoint(bytes20 subject,bytes32 representative,uint32 powers,uint32 purposes,uint64 notAfter,"
    "uint32 serial,bytes32 terms)",
    typed.Dismiss: "Dismiss(bytes20 subject,bytes32 representative,uint32 serial)",
    typed.Restrict: "Restrict(bytes20 subject,uint32 serial)",
    typed.Lift: "Lift(bytes20 subject,uint32 serial)",
    typed.Recover: "Recover(bytes20 subject,bytes32 signerHash,uint8 attempt,uint32 serial)",
    typed.Veto: "Veto(bytes20 subject,bytes32 matter)",
    typed.Transfer: "Transfer(bytes20 subject,uint32 custodian,uint32 serial)",
    typed.Withdraw: "Withdraw(bytes32 studyId,uint16 revision)",
    typed.Retain: "Retain(bytes32 studyId,uint32 retainUntilDay)",
    typed.Hold: "Hold(bytes32 studyId,uint32 serial,bytes32 terms)",
    typed.LiftHold: "LiftHold(bytes32 studyId,uint32 serial)",
    typed.RequestErasure: "RequestErasure(bytes32 studyId)",
    typed.Erase: "Erase(bytes32 studyId,bytes32 certificate)",
    typed.Review: "Review(bytes32 grantId,uint8 outcome,bytes32 report)",
    typed.Late: "Late(bytes32 requestId,uint64 handedOverAt)",
    typed.HandOverStatement: "HandOverStatement(bytes32 requestId,uint32 trustee,bytes32 sealed)",
    statements.Deposit: "Deposit(bytes32 studyId,bytes20 subject,uint32 custodian,uint32 trustee,bytes32 custody,"
    "bytes32 sealed)",
    statements.Keeping: "Keeping(bytes32 studyId,uint32 trustee,bytes32 custody,bytes32 sealed)",
    statements.Collect: "Collect(bytes32 studyId,uint16 revision,uint32 custodian,uint32 trustee,bytes32 recipient)",
    statements.Destroy: "Destroy(bytes32 studyId,uint32 custodian,uint32 trustee,bytes32 custody)",
    statements.LookUp: "LookUp(uint32 custodian,bytes32 identity,uint64 notAfter,bytes32 salt)",
    statements.Ask: "Ask(bytes20 subject,bytes32 scope,uint64 anchoredBy,bytes32 grantee,uint32 purposes,"
    "uint32 actions,uint64 notAfter,uint64 askUntil,bytes32 salt)",
    statements.AskList: "AskList(bytes20 subject,uint64 notAfter)",
    statements.Decline: "Decline(bytes32 askId)",
    provenance.LedgerCheckpoint: "LedgerCheckpoint(uint32 institution,uint64 blockNumber,bytes32 blockHash,"
    "uint64 blockAt,uint64 events,bytes32 root,uint64 signedAt)",
    provenance.Provenance: "Provenance(uint32 custodian,bytes32 studyId,uint16 revision,bytes32 manifest,uint32 series,"
    "uint32 instance,bytes32 identity,bytes32 header,uint64 signedAt)",
}


def test_the_structs_are_the_final_ones() -> None:
    assert {kind: typed_data.type_string(kind) for kind in STRUCTS} == TYPE_STRINGS


KEPT_BY = {
    Contract.MEMBERS: "Badge Admit Suspend Reinstate ReplaceGovernor ChangeExports NarrowExports Publish "
    "WithdrawPerson RaiseBadgeEpoch LedgerCheckpoint",
    Contract.SUBJECTS: "Enrol EnrolBatch Rotate Appoint Dismiss Restrict Lift Recover Veto Transfer RevokeAll LookUp",
    Contract.STUDIES: "Anchor AnchorBatch Revise Withdraw Retain Hold LiftHold RequestErasure Erase Provenance "
    "Deposit Keeping Collect Destroy",
    Contract.GRANTS: "Grant Revoke Review Ask AskList Decline",
    Contract.RELEASES: "KeyRequest Late HandOverStatement",
}


def test_each_struct_is_signed_where_its_state_is_kept() -> None:
    homes = {kind.__name__: typed_data.home(kind) for kind in STRUCTS}
    assert homes == {name: contract for contract, names in KEPT_BY.items() for name in names.split()}


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
