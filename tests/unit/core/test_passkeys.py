"""Passkeys: the one form of an assertion, every check, and what is made of a browser's answer."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from fiducia.adapters.memory.ledger import MEMORY_DOMAINS
from fiducia.core import approvals
from fiducia.core.passkeys import ORDER, Assertion, decode, encode, from_browser, key_of_spki, verify
from fiducia.errors import EncodingError, SignatureError
from tests.support import world as w
from tests.support.altered import altered
from tests.support.passkeys import (
    BACKED_UP,
    BACKUP_ELIGIBLE,
    PRESENT,
    VERIFIED,
    SoftPasskey,
    client_data_of,
    with_high_s,
)

DIGEST = hashlib.sha256(b"a digest").digest()
RP_ID_HASH = hashlib.sha256(b"localhost").digest()
PASSKEY = SoftPasskey(151, MEMORY_DOMAINS)
OTHER = SoftPasskey(152, MEMORY_DOMAINS)
SIGNED = PASSKEY.sign(DIGEST)


def refused(signature: bytes, key: bytes = PASSKEY.key, digest: bytes = DIGEST) -> str:
    """Why a signature is refused."""
    with pytest.raises(SignatureError) as caught:
        verify(key, digest, signature, RP_ID_HASH)
    return str(caught.value)


@given(st.integers(1, ORDER - 1), st.binary(min_size=32, max_size=32))
def test_a_passkeys_own_signature(number: int, digest: bytes) -> None:
    signer = SoftPasskey(number, MEMORY_DOMAINS)
    verify(signer.key, digest, signer.sign(digest), RP_ID_HASH)
    assert "something else" in refused(signer.sign(digest), signer.key, bytes(byte ^ 1 for byte in digest))


def test_another_passkeys_signature() -> None:
    assert "somebody else" in refused(SIGNED, OTHER.key)


def test_high_s() -> None:
    assert "lower half" in refused(with_high_s(SIGNED))


@pytest.mark.parametrize("changes", [{"r": 0}, {"r": ORDER}, {"s": 0}, {"s": ORDER}, {"r": 2**256 - 1}])
def test_numbers_out_of_range(changes: dict[str, Any]) -> None:
    assert "not canonical" in refused(encode(replace(decode(SIGNED), **changes)))


def test_another_relying_party() -> None:
    assert "relying party" in refused(PASSKEY.make(DIGEST, rp_id="example.org"))


@pytest.mark.parametrize("flags", range(256))
def test_flags(flags: int) -> None:
    signature = PASSKEY.make(DIGEST, flags=flags)
    backed_up_though_not_eligible = flags & (BACKED_UP | BACKUP_ELIGIBLE) == BACKED_UP
    if flags & (PRESENT | VERIFIED) == PRESENT | VERIFIED and not backed_up_though_not_eligible:
        verify(PASSKEY.key, DIGEST, signature, RP_ID_HASH)
    else:
        refused(signature)


def test_user_verification_is_asked_for() -> None:
    assert "verify its user" in refused(PASSKEY.make(DIGEST, flags=PRESENT))


def test_another_kind_of_ceremony() -> None:
    assert "something else" in refused(PASSKEY.make(DIGEST, kind="webauthn.create"))


def test_extensions_and_more_members_do_not_matter() -> None:
    verify(PASSKEY.key, DIGEST, PASSKEY.make(DIGEST, extensions=b"\xa0" * 40), RP_ID_HASH)
    more = client_data_of(DIGEST)[:-1] + b',"other_keys_can_be_added_here":"do not compare"}'
    assertion = decode(PASSKEY.make(DIGEST, client_data=more))
    verify(PASSKEY.key, DIGEST, encode(replace(assertion, type_index=1)), RP_ID_HASH)


@given(st.integers(0, 2**256 - 1), st.integers(0, 2**256 - 1))
def test_no_other_index(challenge_index: int, type_index: int) -> None:
    assertion = decode(SIGNED)
    for changes in (dict[str, Any](challenge_index=challenge_index), dict[str, Any](type_index=type_index)):
        changed = replace(assertion, **changes)
        if changed != assertion:
            refused(encode(changed))


@given(st.integers(0, len(SIGNED) - 1), st.integers(1, 255))
def test_any_changed_byte(place: int, change: int) -> None:
    changed = bytearray(SIGNED)
    changed[place] ^= change
    refused(bytes(changed))


@given(st.integers(0, len(SIGNED) - 1), st.binary(min_size=1, max_size=64))
def test_cut_short_or_longer(size: int, tail: bytes) -> None:
    assert "one accepted form" in refused(SIGNED[:size])
    assert "one accepted form" in refused(SIGNED + tail)


@given(st.binary(max_size=600))
def test_any_bytes_are_nobodys(signature: bytes) -> None:
    refused(signature)


assertions = st.builds(
    Assertion,
    *[st.integers(0, 2**256 - 1)] * 4,
    authenticator_data=st.binary(max_size=100),
    client_data=st.binary(max_size=100),
)


@given(assertions)
def test_the_form_comes_back(assertion: Assertion) -> None:
    assert decode(encode(assertion)) == assertion


@given(st.binary(max_size=600))
def test_what_decodes_is_the_one_form(signature: bytes) -> None:
    try:
        assertion = decode(signature)
    except SignatureError:
        return
    assert encode(assertion) == signature


def test_the_form_is_the_abis() -> None:
    from eth_abi.abi import encode as abi_encode

    one = decode(SIGNED)
    words = (one.r, one.s, one.challenge_index, one.type_index, one.authenticator_data, one.client_data)
    assert abi_encode(("uint256", "uint256", "uint256", "uint256", "bytes", "bytes"), words) == SIGNED


def test_a_number_that_does_not_fit() -> None:
    with pytest.raises(EncodingError):
        encode(replace(decode(SIGNED), r=2**256))


@pytest.mark.parametrize(
    "key",
    [b"", bytes(63), bytes(64), bytes(65), PASSKEY.key + b"\0", PASSKEY.key[:63] + b"\0", b"\xff" * 64],
    ids=["none", "short", "infinity", "long", "a byte more", "off the curve", "beyond the field"],
)
def test_keys_that_are_none(key: bytes) -> None:
    assert "no point" in refused(SIGNED, key)


def test_a_digest_has_32_bytes() -> None:
    assert "32 bytes" in refused(PASSKEY.sign(DIGEST[:31]), digest=DIGEST[:31])


# -- what a browser gives


def answer(s_is_high: bool = False, **changes: bytes) -> tuple[bytes, bytes, bytes]:
    """A browser's answer: authenticatorData, clientDataJSON, signature in ASN.1."""
    found = decode(SIGNED)
    der = encode_dss_signature(found.r, ORDER - found.s if s_is_high else found.s)
    return (
        changes.get("authenticator_data", found.authenticator_data),
        changes.get("client_data", found.client_data),
        changes.get("der", der),
    )


@pytest.mark.parametrize("s_is_high", [False, True])
def test_either_s_becomes_the_accepted_form(s_is_high: bool) -> None:
    assert decode_dss_signature(answer(s_is_high)[2])[1] > 0
    assert from_browser(*answer(s_is_high)) == SIGNED


@pytest.mark.parametrize(
    "changes",
    [
        {"client_data": b""},
        {"client_data": b"[]"},
        {"client_data": b"\xff"},
        {"client_data": b"{}"},
        {"client_data": b'{"type":"webauthn.get"}'},
        {"client_data": b'{"type":"webauthn.get","challenge":7}'},
        {"client_data": b'{"type":"webauthn.create","challenge":"AAAA"}'},
        {"client_data": b'{"type": "webauthn.get", "challenge": "AAAA"}'},
        {"client_data": b'{"type":"webauthn.get","challenge":"AAAA","challenge":"BBBB"}'},
        {"client_data": b"[" * 4097},
        {"der": b""},
        {"der": bytes(64)},
    ],
)
def test_an_answer_that_is_no_assertion(changes: dict[str, Any]) -> None:
    with pytest.raises(SignatureError):
        from_browser(*answer(**changes))


def spki(key: Any) -> bytes:
    """A public key as getPublicKey gives it."""
    made: bytes = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return made


def test_a_credentials_public_key() -> None:
    assert key_of_spki(spki(ec.derive_private_key(151, ec.SECP256R1()))) == PASSKEY.key
    for wrong in (b"", bytes(91), spki(ec.generate_private_key(ec.SECP384R1()))):
        with pytest.raises(EncodingError):
            key_of_spki(wrong)


# -- which signers a ledger takes


def test_signers_of_both_kinds() -> None:
    assert PASSKEY.address == MEMORY_DOMAINS.verifier + PASSKEY.key
    for signer in (PASSKEY, w.PATIENT):
        assert approvals.approves(MEMORY_DOMAINS, DIGEST, signer.address, signer.sign(DIGEST))
        assert not approvals.approves(MEMORY_DOMAINS, bytes(32), signer.address, signer.sign(DIGEST))
    assert not approvals.approves(MEMORY_DOMAINS, DIGEST, PASSKEY.address, w.PATIENT.sign(DIGEST))
    assert not approvals.approves(MEMORY_DOMAINS, DIGEST, w.PATIENT.address, PASSKEY.sign(DIGEST))


@pytest.mark.parametrize(
    "signer",
    [
        b"",
        bytes(20),
        PASSKEY.address[:83],
        PASSKEY.address + b"\0",
        altered(PASSKEY.address, 0),
        w.PATIENT.address + PASSKEY.key,
    ],
    ids=["none", "zero", "short", "long", "another verifier", "an account as verifier"],
)
def test_any_other_signer_is_refused(signer: bytes) -> None:
    assert not approvals.is_supported(MEMORY_DOMAINS, signer)
    with pytest.raises(SignatureError, match="kind"):
        approvals.require_approved(MEMORY_DOMAINS, DIGEST, signer, SIGNED)


def test_a_ledger_without_a_verifier_takes_no_passkeys() -> None:
    without = replace(MEMORY_DOMAINS, verifier=b"")
    assert not approvals.is_supported(without, PASSKEY.key)
    assert not approvals.is_supported(without, PASSKEY.address)
    with pytest.raises(SignatureError):
        approvals.passkey_signer(without, PASSKEY.key)
