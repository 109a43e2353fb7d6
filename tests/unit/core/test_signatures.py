"""Signatures: one accepted encoding, and the same arithmetic as everybody else's."""

from __future__ import annotations

import hashlib
import importlib
import json
from pathlib import Path
from typing import Any

import coincurve
import hypothesis.strategies as st
import pytest
from eth_account import Account
from eth_keys.datatypes import PrivateKey
from hypothesis import given

from fiducia.core.keccak import keccak256
from fiducia.core.signatures import ORDER, EoaKey, recover, recover_or_none, verify
from fiducia.errors import EncodingError, SignatureError

secrets = st.integers(1, ORDER - 1).map(lambda number: number.to_bytes(32, "big"))
digests = st.binary(min_size=32, max_size=32)

DIGEST = keccak256(b"a digest")
KEY = EoaKey(bytes(31) + b"\x01")


def test_the_address_of_key_one() -> None:
    # The address of private key 1, known everywhere.
    assert KEY.address.hex() == "7e5f4552091a69125d5dfcb7b8c2659029395bdf"


@given(secrets, digests)
def test_who_signed_is_recovered(secret: bytes, digest: bytes) -> None:
    key = EoaKey(secret)
    signature = key.sign(digest)
    assert recover(digest, signature) == key.address
    verify(digest, signature, key.address)


@given(secrets, digests)
def test_signatures_equal_eth_keys(secret: bytes, digest: bytes) -> None:
    theirs = PrivateKey(secret)
    ours = EoaKey(secret)
    signed = theirs.sign_msg_hash(digest)
    assert ours.address == theirs.public_key.to_canonical_address()
    assert ours.sign(digest) == signed.to_bytes()[:64] + bytes([signed.v + 27])


@given(secrets, digests, st.integers(0, 519))
def test_one_flipped_bit_is_somebody_else_or_nothing(secret: bytes, digest: bytes, bit: int) -> None:
    key = EoaKey(secret)
    signature = bytearray(key.sign(digest))
    signature[bit // 8] ^= 1 << bit % 8
    assert recover_or_none(digest, bytes(signature)) != key.address


def test_of_225_encodings_one_is_accepted() -> None:
    """eth-account takes every one of these for the same signer; here a decision has one encoding."""
    signature = KEY.sign(DIGEST)
    r, s, parity = signature[:32], int.from_bytes(signature[32:64], "big"), signature[64] - 27
    encodings = []
    for v in (0, 1, 27, 28, *range(35, 256)):
        bit = v if v < 2 else v - 27 if v < 35 else (v - 35) % 2
        number = s if bit == parity else ORDER - s
        encodings.append(r + number.to_bytes(32, "big") + bytes([v]))
    assert len(encodings) == len(set(encodings)) == 225
    accepted_by_eth_account = [
        each for each in encodings if bytes.fromhex(Account._recover_hash(DIGEST, signature=each)[2:]) == KEY.address
    ]
    assert len(accepted_by_eth_account) == 225
    assert [each for each in encodings if recover_or_none(DIGEST, each) is not None] == [signature]


def _with(r: int | None = None, s: int | None = None, v: int | None = None) -> bytes:
    signature = KEY.sign(DIGEST)
    first = signature[:32] if r is None else r.to_bytes(32, "big")
    second = signature[32:64] if s is None else s.to_bytes(32, "big")
    return first + second + (signature[64:] if v is None else bytes([v]))


@pytest.mark.parametrize(
    "signature",
    [
        b"",
        KEY.sign(DIGEST)[:64],
        KEY.sign(DIGEST) + b"\0",
        _with(r=0),
        _with(r=ORDER),
        _with(r=2**256 - 1),
        _with(s=0),
        _with(s=ORDER // 2 + 1),
        _with(s=ORDER),
        _with(v=0),
        _with(v=1),
        _with(v=26),
        _with(v=29),
        _with(v=255),
        _with(r=5),  # no point of the curve has this x
    ],
    ids=["empty", "64", "66", "r0", "rn", "rmax", "s0", "high s", "sn", "v0", "v1", "v26", "v29", "v255", "no point"],
)
def test_what_is_not_canonical_is_refused(signature: bytes) -> None:
    with pytest.raises(SignatureError):
        recover(DIGEST, signature)
    assert recover_or_none(DIGEST, signature) is None


@pytest.mark.parametrize("v", [29, 30])
def test_points_beyond_the_order_are_refused(v: int) -> None:
    """With recovery ids 2 and 3 a small r names the point whose x is r plus the order; Ethereum has neither."""
    small = [_with(r=r, v=v) for r in range(1, 20)]
    assert any(_recoverable(signature[:64] + bytes([v - 27])) for signature in small)
    assert not any(recover_or_none(DIGEST, signature) for signature in small)


def _recoverable(compact: bytes) -> bool:
    try:
        coincurve.PublicKey.from_signature_and_message(compact, DIGEST, hasher=None)
    except ValueError:
        return False
    return True


def test_somebody_else_is_refused() -> None:
    with pytest.raises(SignatureError, match="somebody else"):
        verify(DIGEST, KEY.sign(DIGEST), EoaKey(bytes(31) + b"\x02").address)


def test_a_digest_has_32_bytes() -> None:
    with pytest.raises(SignatureError):
        recover(DIGEST[:31], KEY.sign(DIGEST))
    with pytest.raises(EncodingError):
        KEY.sign(DIGEST + b"\0")


@pytest.mark.parametrize(
    "secret", [b"", bytes(32), ORDER.to_bytes(32, "big"), b"\xff" * 32, b"\x01" * 31, b"\x01" * 33]
)
def test_what_is_no_key_is_refused(secret: bytes) -> None:
    with pytest.raises(EncodingError):
        EoaKey(secret)


def test_a_key_never_prints_its_secret() -> None:
    key = EoaKey(b"\x5a" * 32)
    assert "5a5a" not in repr(key)
    assert key.address.hex() in repr(key)


def test_recovery_runs_on_libsecp256k1() -> None:
    """In pure Python it would be 50 to 130 times slower: the C library must be the one that answers."""
    binding = importlib.import_module("coincurve._libsecp256k1")
    assert callable(binding.lib.secp256k1_ecdsa_recover)


VECTORS = "data/vectors/ecdsa_secp256k1_sha256_bitcoin_test.json"


def _public_vectors(shared: Path) -> list[tuple[bytes, dict[str, Any]]]:
    path = shared / VECTORS
    if not path.is_file():
        pytest.skip(f"the public vectors are not here: ../shared/{VECTORS}")
    return [
        (bytes.fromhex(group["publicKey"]["uncompressed"]), test)
        for group in json.loads(path.read_bytes())["testGroups"]
        for test in group["tests"]
    ]


def _rs(der: bytes) -> tuple[int, int] | None:
    """r and s of a strict DER signature, or None: fiducia's form carries the numbers, not DER."""
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

    try:
        r, s = decode_dss_signature(der)
        return (r, s) if encode_dss_signature(r, s) == der else None
    except ValueError:
        return None


def test_public_vectors(shared: Path) -> None:
    """Wycheproof's vectors of ECDSA with low s: what is valid recovers to its key, what is not does not."""
    seen = {"valid": 0, "invalid": 0}
    for public, test in _public_vectors(shared):
        numbers = _rs(bytes.fromhex(test["sig"]))
        if numbers is None or not all(0 <= number < 2**256 for number in numbers):
            assert test["result"] == "invalid"
            continue
        digest = hashlib.sha256(bytes.fromhex(test["msg"])).digest()
        body = b"".join(number.to_bytes(32, "big") for number in numbers)
        recovered = {recover_or_none(digest, body + bytes([v])) for v in (27, 28)}
        address = keccak256(public[1:])[-20:]
        if test["comment"] == "k*G has a large x-coordinate":
            # Valid ECDSA, but r lost the order: naming the point takes v 29 or 30, which Ethereum does not have.
            assert address not in recovered
            continue
        assert (address in recovered) == (test["result"] == "valid"), test["tcId"]
        seen[test["result"]] += 1
    assert seen["valid"] > 100
    assert seen["invalid"] > 50
