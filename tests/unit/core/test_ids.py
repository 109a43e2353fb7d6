"""Identifiers: their derivations, written out a second time."""

from __future__ import annotations

import hashlib

import hypothesis.strategies as st
import pytest
from Crypto.Hash import keccak
from eth_abi.abi import encode as abi_encode
from eth_abi.packed import encode_packed
from hypothesis import given

from fiducia.core import ids
from fiducia.core.keccak import keccak256
from fiducia.errors import EncodingError
from fiducia.records.ledger import KeyKind
from tests.support import world as w

words = st.binary(min_size=32, max_size=32)
numbers = st.integers(0, 2**32 - 1)


def _keccak(data: bytes) -> bytes:
    return keccak.new(digest_bits=256).update(data).digest()


def test_keccak_is_the_old_padding() -> None:
    # keccak-256 of nothing, as Ethereum has it; SHA3-256 of nothing is another value.
    assert keccak256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"


@given(numbers, words)
def test_study_and_subject(custodian: int, salt: bytes) -> None:
    packed = encode_packed(["string", "uint32", "bytes32"], ["fiducia/v1/study", custodian, salt])
    assert ids.study_id(custodian, salt) == _keccak(packed)
    packed = encode_packed(["string", "uint32", "bytes32"], ["fiducia/v1/subject", custodian, salt])
    assert ids.subject(custodian, salt) == _keccak(packed)[:20]


@given(words, numbers)
def test_series_scope(study: bytes, series: int) -> None:
    assert ids.series_scope(study, series) == _keccak(abi_encode(["bytes32", "uint32"], [study, series]))


@given(numbers, st.binary(min_size=28, max_size=28))
def test_persons_and_institutions(institution: int, random: bytes) -> None:
    person = ids.person(institution, random)
    assert ids.institution_of(person) == institution
    assert ids.is_institution(person) == (random == bytes(28))
    grantee = ids.institution_grantee(institution)
    assert ids.is_institution(grantee)
    assert ids.institution_of(grantee) == institution


def test_grant_and_request_ids_change_with_every_field() -> None:
    grant = w.default_grant()
    assert ids.grant_id(grant) != ids.grant_id(w.default_grant(salt=bytes(32)))
    request = w.default_request(grant)
    assert ids.request_id(request) != ids.request_id(w.default_request(grant, series=1))


@pytest.mark.parametrize("kind", [KeyKind.REGISTRAR, KeyKind.ISSUER, KeyKind.BROKER_SIGN])
def test_signing_keys_are_addresses(kind: KeyKind) -> None:
    address = bytes(range(20))
    assert ids.key_hash(kind, address) == _keccak(address) == ids.signer_hash(address)
    for wrong in (b"", bytes(19), bytes(21), bytes(32)):
        with pytest.raises(EncodingError):
            ids.key_hash(kind, wrong)


@pytest.mark.parametrize("kind", [KeyKind.GATEWAY, KeyKind.BROKER_KEM, KeyKind.LOG])
def test_other_keys_are_raw(kind: KeyKind) -> None:
    assert ids.key_hash(kind, b"a public key") == hashlib.sha256(b"a public key").digest()
    with pytest.raises(EncodingError):
        ids.key_hash(kind, b"")


@pytest.mark.parametrize(("at", "day"), [(0, 0), (86_399, 0), (86_400, 1), (1_800_000_000, 20_833)])
def test_days(at: int, day: int) -> None:
    assert ids.day_of(at) == day


@pytest.mark.parametrize("size", [0, 31, 33])
def test_salts_have_32_bytes(size: int) -> None:
    for derive in (ids.study_id, ids.subject):
        with pytest.raises(EncodingError):
            derive(1, bytes(size))
    with pytest.raises(EncodingError):
        ids.series_scope(bytes(size), 1)


@pytest.mark.parametrize("number", [-1, 2**32])
def test_numbers_have_32_bits(number: int) -> None:
    with pytest.raises(EncodingError):
        ids.study_id(number, bytes(32))
    with pytest.raises(EncodingError):
        ids.series_scope(bytes(32), number)
    with pytest.raises(EncodingError):
        ids.institution_grantee(number)


def test_a_person_has_28_random_bytes() -> None:
    with pytest.raises(EncodingError):
        ids.person(1, bytes(27))
    with pytest.raises(EncodingError):
        ids.institution_of(bytes(31))
