"""Passkeys of staff that sign in: how one is made known, and how it answers a challenge.

A challenge here has 48 bytes and a digest of the ledger 32, so what was signed for one is never taken for the other.
What counts of a new passkey is its authenticator's own data (RP id, flags, credential id, COSE key); without an
attestation nobody vouches for the device. Source: W3C Web Authentication 2, sections 6.1, 7.1 and 7.2; RFC 9053.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from fiducia.core import passkeys
from fiducia.errors import SignatureError

CHALLENGE_BYTES = 48
ID_MAX_BYTES = 1023
_ATTESTED, _EXTENDED = 0x40, 0x80
_HEAD_BYTES, _AAGUID_BYTES = 37, 16
# An ES256 key has one form in CTAP2's canonical CBOR: {1: 2, 3: -7, -1: 1, -2: x, -3: y}.
_COSE_HEAD, _COSE_Y = bytes.fromhex("a5010203262001215820"), bytes.fromhex("225820")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a browser says it is: its page's origin, such as https://gateway.example, and that origin's host."""

    origin: str
    host: str

    @property
    def rp_id_hash(self) -> bytes:
        """SHA-256 of the relying party's id, which is the host."""
        return hashlib.sha256(self.host.encode()).digest()


@dataclass(frozen=True, slots=True)
class Credential:
    """A passkey as its authenticator made it: its id, its key (x ‖ y) and its counter."""

    credential_id: bytes
    key: bytes = field(repr=False)
    counter: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What navigator.credentials.get gave for a credential, all in bytes."""

    credential_id: bytes
    authenticator_data: bytes
    client_data: bytes
    signature: bytes
    user_handle: bytes


def made(place: Place, challenge: bytes, authenticator_data: bytes, client_data: bytes) -> Credential:
    """Return the passkey that navigator.credentials.create made.

    Args:
        place: where it was made.
        challenge: which one it was to be made with, 48 bytes.
        authenticator_data, client_data: getAuthenticatorData() and clientDataJSON of its response.

    Raises:
        SignatureError: made elsewhere, for another challenge, without verifying its user, or no ES256 key.
    """
    _check_client(client_data, "webauthn.create", challenge, place)
    passkeys.check_authenticator(authenticator_data, place.rp_id_hash)
    flags = authenticator_data[32]
    rest = authenticator_data[_HEAD_BYTES + _AAGUID_BYTES :]
    size = int.from_bytes(rest[:2], "big")
    credential_id, cose = rest[2 : 2 + size], rest[2 + size :]
    if not flags & _ATTESTED or not 0 < size <= ID_MAX_BYTES or len(credential_id) != size:
        raise SignatureError("the browser made no passkey")
    if (len(cose) > 77) != bool(flags & _EXTENDED):
        raise SignatureError("the passkey is followed by what does not belong to it")
    return Credential(credential_id, _key_of(cose[:77]), _counter(authenticator_data))


def answered(key: bytes, counter: int, place: Place, challenge: bytes, answer: Answer) -> int:
    """Return a passkey's new counter, when it answered a challenge.

    Args:
        key: x ‖ y, 64 bytes.
        counter: the one of its answer before, 0 for none.
        place: where the answer comes from.
        challenge: 48 bytes.
        answer: what the browser gave.

    Raises:
        SignatureError: it is another passkey's, another challenge's or another page's, its user was not verified,
            or the passkey was copied (its counter did not grow).
    """
    if len(challenge) != CHALLENGE_BYTES:
        raise SignatureError("a challenge has 48 bytes")
    _check_client(answer.client_data, "webauthn.get", challenge, place)
    signature = passkeys.from_browser(answer.authenticator_data, answer.client_data, answer.signature)
    passkeys.verify_challenge(key, challenge, signature, place.rp_id_hash)
    now = _counter(answer.authenticator_data)
    if (now or counter) and now <= counter:  # those without a counter always say 0
        raise SignatureError("the passkey's counter did not grow: there may be a copy of it. Have it removed")
    return now


def _check_client(client_data: bytes, kind: str, challenge: bytes, place: Place) -> None:
    said: dict[str, Any] = passkeys.client_data_of(client_data)
    if said.get("type") != kind or said.get("challenge") != passkeys.base64url(challenge).decode():
        raise SignatureError("the browser answers something that was not asked")
    if said.get("origin") != place.origin or said.get("crossOrigin") not in (None, False) or "topOrigin" in said:
        raise SignatureError("the passkey was used on another page")


def _key_of(cose: bytes) -> bytes:
    x, y = cose[10:42], cose[45:77]
    if len(cose) != 77 or cose[:10] != _COSE_HEAD or cose[42:45] != _COSE_Y:
        raise SignatureError("the passkey is not of the one kind that is taken here: ES256")
    passkeys.check_key(x + y)
    return x + y


def _counter(authenticator_data: bytes) -> int:
    return int.from_bytes(authenticator_data[33:_HEAD_BYTES], "big")
