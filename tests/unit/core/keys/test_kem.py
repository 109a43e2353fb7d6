"""Another KEM: told by a published key's length and a secret's number; lists come back, and the two do not mix."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM1024PrivateKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM1024P384PrivateKey, Suite

from fiducia.core.keys.kem import Kem, KemKey, kem_of_public, kem_of_secret, new_secret
from fiducia.core.keys.sealing import key_hash, open_deposit, open_key, open_shares, seal_deposit, seal_key, seal_shares
from fiducia.core.keys.shares import SeriesShare
from fiducia.errors import DecryptionError, EncodingError
from tests.vectors.material import material

SEED, REQUEST = material("recipient seed"), material("request_id")
FIRST, SECOND = (KemKey.from_seed(new_secret(kem, SEED)) for kem in Kem)
SHARES = (SeriesShare(1, 1, 2, material("a"), material("b")), SeriesShare(5, 3, 2, material("c")))


@pytest.mark.parametrize("key", [FIRST, SECOND], ids=[kem.name for kem in Kem])
def test_lists_come_back_and_lengths_are_what_the_page_says(key: KemKey) -> None:
    sealed = seal_shares(SHARES, recipient=key.public, request_id=REQUEST, trustee=7)
    plaintext_bytes = 6 + 7 + 64 + 7 + 32
    assert len(sealed) == key.kem.envelope_bytes + plaintext_bytes
    assert open_shares(sealed, seed=key.seed, request_id=REQUEST, trustee=7) == SHARES
    assert (kem_of_public(key.public), kem_of_secret(key.seed), len(key.public)) == (
        key.kem,
        key.kem,
        key.kem.public_bytes,
    )
    assert key_hash(key.public) == hashlib.sha256(key.public).digest()
    deposit = {"study_id": material("study"), "custody": material("custody"), "trustee": 7}
    dealt = seal_deposit(SHARES, recipient=key.public, **deposit)  # type: ignore[arg-type]
    assert open_deposit(dealt, seed=key.seed, **deposit) == SHARES  # type: ignore[arg-type]


def test_the_second_kem_by_hand() -> None:
    assert FIRST.seed == SEED
    assert SECOND.seed == b"\x00\x51" + SEED
    expanded = hashlib.shake_256(SEED).digest(112)
    mlkem = MLKEM1024PrivateKey.from_seed_bytes(expanded[:64])
    p384 = ec.derive_private_key(int.from_bytes(expanded[64:], "big"), ec.SECP384R1())
    numbers = p384.public_key().public_numbers()
    point = b"\x04" + numbers.x.to_bytes(48, "big") + numbers.y.to_bytes(48, "big")
    assert SECOND.public == mlkem.public_key().public_bytes_raw() + point
    sealed = seal_shares(SHARES, recipient=SECOND.public, request_id=REQUEST, trustee=7)
    suite = Suite(KEM.MLKEM1024_P384, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
    info = b"fiducia/v1/hand-over" + REQUEST + (7).to_bytes(4, "big")
    opened = suite.decrypt(sealed, MLKEM1024P384PrivateKey(mlkem, p384), info=info)
    assert opened.startswith(b"\x01\x02\x00\x00\x00\x02\x00\x00\x00\x01\x00\x01\x03" + material("a"))


def test_one_kem_s_key_opens_nothing_of_the_other_s() -> None:
    for to, other in ((FIRST, SECOND), (SECOND, FIRST)):
        sealed = seal_shares(SHARES, recipient=to.public, request_id=REQUEST, trustee=7)
        with pytest.raises(DecryptionError):
            open_shares(sealed, seed=other.seed, request_id=REQUEST, trustee=7)


@pytest.mark.parametrize("secret", [b"", SEED[:-1], b"\x64\x7a" + SEED, b"\x00\x50" + SEED, b"\x00\x51" + SEED[:-1]])
def test_what_is_no_secret_is_refused(secret: bytes) -> None:
    with pytest.raises(EncodingError):
        KemKey.from_seed(secret)


@pytest.mark.parametrize("public", [SECOND.public[:-1], SECOND.public[:-97] + bytes(97), b"\xff" * 1665])
def test_what_is_no_public_key_is_refused(public: bytes) -> None:
    with pytest.raises(EncodingError):
        seal_shares(SHARES, recipient=public, request_id=REQUEST, trustee=7)


def test_single_keys_are_sealed_to_the_first_kem_alone() -> None:
    with pytest.raises(EncodingError, match="1216"):
        seal_key(bytes(32), recipient=SECOND.public, info=b"x")
    sealed = seal_key(bytes(32), recipient=FIRST.public, info=b"x")
    assert open_key(sealed, seed=FIRST.seed, info=b"x") == bytes(32)
    with pytest.raises(DecryptionError):
        open_key(sealed, seed=SECOND.seed, info=b"x")
