"""Sealed lists; the envelope is also opened by hand, so that the page says which HPKE this is."""

from __future__ import annotations

import hashlib
import hmac
import struct

import pytest
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from fiducia.core.keys.kem import Kem, KemKey, public_key
from fiducia.core.keys.sealing import (
    ENVELOPE_BYTES,
    PUBLIC_KEY_BYTES,
    key_hash,
    open_deposit,
    open_shares,
    seal_deposit,
    seal_shares,
)
from fiducia.core.keys.shares import SeriesShare
from fiducia.errors import DecryptionError, EncodingError
from tests.vectors.material import material

SEED, REQUEST = material("recipient seed"), material("request_id")
KEY = KemKey.from_seed(SEED)
SHARES = (
    SeriesShare(1, 1, 2, material("a"), material("b")),
    SeriesShare(5, 3, 2, material("c")),
    SeriesShare(2**32 - 1, 2**16 - 1, 2, material("d"), material("e")),
)
PLAINTEXT = (
    b"\x01\x02\x00\x00\x00\x03"
    + (b"\x00\x00\x00\x01\x00\x01\x03" + material("a") + material("b"))
    + (b"\x00\x00\x00\x05\x00\x03\x01" + material("c"))
    + (b"\xff\xff\xff\xff\xff\xff\x03" + material("d") + material("e"))
)


def seal(shares: tuple[SeriesShare, ...] = SHARES) -> bytes:
    return seal_shares(shares, recipient=KEY.public, request_id=REQUEST, trustee=7)


def open_(sealed: bytes) -> tuple[SeriesShare, ...]:
    return open_shares(sealed, seed=SEED, request_id=REQUEST, trustee=7)


def seal_plaintext(plaintext: bytes) -> bytes:
    """A list as a hostile trustee could write it."""
    info = b"fiducia/v1/hand-over" + REQUEST + struct.pack(">I", 7)
    return Kem.MLKEM768_X25519.suite.encrypt(plaintext, public_key(KEY.public), info=info)


def test_round_trip() -> None:
    sealed = seal()
    assert len(sealed) == ENVELOPE_BYTES + len(PLAINTEXT)
    assert open_(sealed) == SHARES
    assert open_(seal_plaintext(PLAINTEXT)) == SHARES
    assert seal() != sealed


def expand(secret: bytes, info: bytes, length: int) -> bytes:
    out = block = b""
    while len(out) < length:
        block = hmac.digest(secret, block + info + bytes((len(out) // 32 + 1,)), "sha256")
        out += block
    return out[:length]


def test_the_envelope_is_rfc_9180_base_mode_with_kem_0x647a() -> None:
    sealed = seal()
    expanded = hashlib.shake_256(SEED).digest(96)
    mlkem = MLKEM768PrivateKey.from_seed_bytes(expanded[:64])
    x25519 = X25519PrivateKey.from_private_bytes(expanded[64:])
    assert KEY.public == mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw()
    lattice, curve = mlkem.decapsulate(sealed[:1088]), sealed[1088:1120]
    exchanged = x25519.exchange(X25519PublicKey.from_public_bytes(curve))
    shared = hashlib.sha3_256(lattice + exchanged + curve + KEY.public[1184:] + b"\\.//^\\").digest()
    suite = b"HPKE" + bytes.fromhex("647a00010002")

    def labeled_extract(salt: bytes, label: bytes, secret: bytes) -> bytes:
        return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + secret, "sha256")

    def labeled_expand(secret: bytes, label: bytes, info: bytes, length: int) -> bytes:
        return expand(secret, length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info, length)

    info = b"fiducia/v1/hand-over" + REQUEST + struct.pack(">I", 7)
    schedule = b"\x00" + labeled_extract(b"", b"psk_id_hash", b"") + labeled_extract(b"", b"info_hash", info)
    secret = labeled_extract(shared, b"secret", b"")
    key, nonce = labeled_expand(secret, b"key", schedule, 32), labeled_expand(secret, b"base_nonce", schedule, 12)
    assert AESGCM(key).decrypt(nonce, sealed[1120:], b"") == PLAINTEXT


@pytest.mark.parametrize("wrong", ["seed", "request_id", "trustee"])
def test_another_recipient_request_or_trustee_opens_nothing(wrong: str) -> None:
    seed = material("other") if wrong == "seed" else SEED
    request_id = material("other") if wrong == "request_id" else REQUEST
    with pytest.raises(DecryptionError):
        open_shares(seal(), seed=seed, request_id=request_id, trustee=8 if wrong == "trustee" else 7)


@settings(max_examples=30)
@given(data=st.data())
def test_a_flipped_bit_opens_nothing(data: st.DataObject) -> None:
    sealed = bytearray(seal())
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(DecryptionError):
        open_(bytes(sealed))


@pytest.mark.parametrize("length", [0, 1, 1119, 1120, ENVELOPE_BYTES, ENVELOPE_BYTES + 1, (1 << 20) + 1])
def test_another_length_opens_nothing(length: int) -> None:
    with pytest.raises(DecryptionError):
        open_(seal()[:length] if length < 1200 else bytes(length))


HEAD, ITEM = b"\x01\x02\x00\x00\x00\x01", b"\x00\x00\x00\x01\x00\x01\x01" + material("a")


@pytest.mark.parametrize(
    "plaintext",
    [
        b"\x01",
        HEAD,
        b"\x02" + HEAD[1:] + ITEM,
        b"\x01\x00" + HEAD[2:] + ITEM,
        b"\x01\x02\x00\x00\x00\x00",
        HEAD + ITEM[:-1],
        HEAD + ITEM + b"\x00",
        HEAD + ITEM + ITEM,
        HEAD[:-1] + b"\x02" + ITEM,
        HEAD[:-1] + b"\x02" + ITEM + ITEM,
        HEAD + ITEM[:6] + b"\x02" + ITEM[7:],
        HEAD + ITEM[:6] + b"\x03" + ITEM[7:],
        HEAD + bytes(4) + ITEM[4:],
        HEAD + ITEM[:4] + bytes(2) + ITEM[6:],
    ],
)
def test_a_hostile_list_is_refused(plaintext: bytes) -> None:
    with pytest.raises((EncodingError, DecryptionError)):
        open_(seal_plaintext(plaintext))


@pytest.mark.parametrize(
    "shares",
    [
        (),
        (SHARES[1], SHARES[0]),
        (SHARES[0], SHARES[0]),
        (SHARES[0], SeriesShare(5, 3, 1, material("c"))),
        tuple(SeriesShare(number, 1, 1, bytes(32), bytes(32)) for number in range(1, 16_000)),
    ],
    ids=["empty", "descending", "twice", "two trustees", "too many"],
)
def test_a_list_that_would_not_be_read_back_is_not_sealed(shares: tuple[SeriesShare, ...]) -> None:
    with pytest.raises(EncodingError):
        seal(shares)


@pytest.mark.parametrize("public", [b"", KEY.public[:-1], KEY.public + b"\0", b"\xff" * PUBLIC_KEY_BYTES])
def test_what_is_not_a_public_key_is_refused(public: bytes) -> None:
    with pytest.raises(EncodingError):
        key_hash(public)
    with pytest.raises(EncodingError):
        seal_shares(SHARES, recipient=public, request_id=REQUEST, trustee=7)


def test_a_public_key_that_shares_no_secret_is_refused() -> None:
    with pytest.raises(EncodingError, match="cannot be sealed to"):
        seal_shares(SHARES, recipient=KEY.public[:1184] + bytes(32), request_id=REQUEST, trustee=7)


def test_key_pairs_come_from_seeds_and_never_show() -> None:
    assert KemKey.from_seed(SEED) == KEY != KemKey.from_seed(material("other"))
    assert key_hash(KEY.public) == hashlib.sha256(KEY.public).digest()
    assert repr(KEY) == "KemKey()"
    for seed in (b"", SEED[:-1], SEED + b"x"):
        with pytest.raises(EncodingError):
            KemKey.from_seed(seed)


@pytest.mark.parametrize(("request_id", "trustee"), [(REQUEST[:-1], 7), (REQUEST, 0), (REQUEST, 2**32)])
def test_ids_out_of_range_are_refused(request_id: bytes, trustee: int) -> None:
    with pytest.raises(EncodingError):
        seal_shares(SHARES, recipient=KEY.public, request_id=request_id, trustee=trustee)


DEPOSIT = {"study_id": material("study_id"), "custody": material("custody"), "trustee": 7}


def test_a_deposit_comes_back() -> None:
    sealed = seal_deposit(SHARES, recipient=KEY.public, **DEPOSIT)  # type: ignore[arg-type]
    assert open_deposit(sealed, seed=SEED, **DEPOSIT) == SHARES  # type: ignore[arg-type]
    info = b"fiducia/v1/deposit" + material("study_id") + material("custody") + struct.pack(">I", 7)
    by_hand = Kem.MLKEM768_X25519.suite.encrypt(PLAINTEXT, public_key(KEY.public), info=info)
    assert open_deposit(by_hand, seed=SEED, **DEPOSIT) == SHARES  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changed", [{"study_id": bytes(32)}, {"custody": bytes(32)}, {"trustee": 8}, {"seed": bytes(32)}]
)
def test_a_deposit_opens_for_its_trustee_study_and_custody_alone(changed: dict[str, object]) -> None:
    sealed = seal_deposit(SHARES, recipient=KEY.public, **DEPOSIT)  # type: ignore[arg-type]
    with pytest.raises(DecryptionError):
        open_deposit(sealed, **{"seed": SEED, **DEPOSIT, **changed})  # type: ignore[arg-type]


def test_a_deposit_is_no_hand_over() -> None:
    sealed = seal_deposit(SHARES, recipient=KEY.public, **DEPOSIT)  # type: ignore[arg-type]
    with pytest.raises(DecryptionError):
        open_shares(sealed, seed=SEED, request_id=material("study_id"), trustee=7)


@pytest.mark.parametrize("changed", [{"study_id": b""}, {"custody": b""}, {"trustee": 0}])
def test_a_deposit_for_nothing_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(EncodingError):
        seal_deposit(SHARES, recipient=KEY.public, **{**DEPOSIT, **changed})  # type: ignore[arg-type]
