"""Passkeys: WebAuthn assertions by P-256 keys over EIP-712 digests, as `WebAuthnVerifier` on chain takes them.

Owns the one form of such a signature, its checks (the contract's, in the same order, with the same answers)
and how it is made from what a browser gave. Which signers a ledger accepts is `core.approvals`. The form is
abi.encode(r, s, challengeIndex, typeIndex, authenticatorData, clientDataJSON) without a byte after it. The
checks, after the form: relying party, user present and verified, backup flags, type, challenge, key on the
curve, r and s in range, s in the lower half, the signature itself. clientDataJSON is never compared with a
template: browsers add members. Source: W3C Web Authentication 2, sections 5.8.1, 6.1 and 7.2; FIPS 186-5.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from fiducia.errors import EncodingError, SignatureError

P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
"""The field of P-256 (NIST SP 800-186, 3.2.1.3)."""

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""The order of P-256's group."""

KEY_BYTES = 64
"""A public key: x, then y."""

_HALF_ORDER = ORDER // 2
_WORD = 32
_HEAD = 6 * _WORD
_AUTHENTICATOR_BYTES = 37  # hash of the relying party, flags, counter; extensions may follow
_PRESENT, _VERIFIED, _BACKUP_ELIGIBLE, _BACKED_UP = 0x01, 0x04, 0x08, 0x10
_CLIENT_DATA_AT_MOST = 4096  # browsers write some 150; a parser is not led deeper than that
_GET = b'"type":"webauthn.get"'
_CHALLENGE = b'"challenge":"'


@dataclass(frozen=True, slots=True)
class Assertion:
    """One signature by a passkey, and what it was made over; `challenge_index` and `type_index` are places in
    `client_data` (clientDataJSON, UTF-8)."""

    r: int
    s: int
    challenge_index: int
    type_index: int
    authenticator_data: bytes
    client_data: bytes


def encode(assertion: Assertion) -> bytes:
    """Return the signature's one form. Raises: EncodingError (a number does not fit 32 bytes)."""
    first = _field(assertion.authenticator_data)
    numbers = (assertion.r, assertion.s, assertion.challenge_index, assertion.type_index, _HEAD, _HEAD + len(first))
    if any(not 0 <= number < 2**256 for number in numbers):
        raise EncodingError("a number of the assertion does not fit 32 bytes")
    return b"".join([number.to_bytes(_WORD, "big") for number in numbers]) + first + _field(assertion.client_data)


def decode(signature: bytes) -> Assertion:
    """Read a signature. Raises: SignatureError (not in its one form)."""
    if len(signature) < _HEAD:
        raise SignatureError(_NOT_ONE_FORM)
    r, s, challenge_index, type_index, first, second = (_word(signature, place * _WORD) for place in range(6))
    authenticator_data, end = _read_field(signature, _HEAD)
    if (first, second) != (_HEAD, end):
        raise SignatureError(_NOT_ONE_FORM)
    client_data, end = _read_field(signature, end)
    if end != len(signature):
        raise SignatureError(_NOT_ONE_FORM)
    return Assertion(r, s, challenge_index, type_index, authenticator_data, client_data)


def verify(key: bytes, digest: bytes, signature: bytes, rp_id_hash: bytes) -> None:
    """Return when a passkey signed a digest, as the contract judges it.

    Args:
        key: x ‖ y, 64 bytes.
        digest: the EIP-712 digest, 32 bytes; the assertion's challenge.
        signature: in the form of `encode`.
        rp_id_hash: SHA-256 of the consortium's relying party id.

    Raises:
        SignatureError: anything is otherwise.
    """
    if len(digest) != _WORD:
        raise SignatureError("a digest has 32 bytes")
    verify_challenge(key, digest, signature, rp_id_hash)


def verify_challenge(key: bytes, challenge: bytes, signature: bytes, rp_id_hash: bytes) -> None:
    """Return when a passkey answered a challenge of any length; for the ledger's digests use `verify`.

    Raises:
        SignatureError: as `verify`.
    """
    assertion = decode(signature)
    check_authenticator(assertion.authenticator_data, rp_id_hash)
    wanted = _CHALLENGE + base64url(challenge) + b'"'
    if not _stands_at(assertion.client_data, assertion.type_index, _GET):
        raise SignatureError("the passkey was not asked to sign, but to do something else")
    if not _stands_at(assertion.client_data, assertion.challenge_index, wanted):
        raise SignatureError("the passkey signed something else")
    _check_signature(key, assertion)


def from_browser(authenticator_data: bytes, client_data: bytes, der: bytes) -> bytes:
    """Return the one form of what navigator.credentials.get gave.

    Args:
        authenticator_data, client_data, der: the response's authenticatorData, clientDataJSON and signature
            (an ASN.1 sequence of r and s, either s).

    Raises:
        SignatureError: it is no ES256 assertion.
    """
    said = client_data_of(client_data)
    if said.get("type") != "webauthn.get" or not isinstance(said.get("challenge"), str):
        raise SignatureError("the browser's client data are of no assertion")
    type_index = client_data.find(_GET)
    challenge_index = client_data.find(_CHALLENGE + said["challenge"].encode() + b'"')
    if type_index < 0 or challenge_index < 0:
        raise SignatureError("the browser writes its client data in an unknown way")
    try:
        r, s = decode_dss_signature(der)
    except ValueError as error:
        raise SignatureError("the passkey's signature is no ASN.1: was it asked for ES256?") from error
    # Authenticators sign with either s; both say the same, and one of them is the accepted form.
    low = ORDER - s if _HALF_ORDER < s < ORDER else s
    return encode(Assertion(r, low, challenge_index, type_index, authenticator_data, client_data))


def key_of_spki(der: bytes) -> bytes:
    """Return x ‖ y of a credential's public key (getPublicKey: SubjectPublicKeyInfo). Raises: EncodingError."""
    try:
        public = serialization.load_der_public_key(der)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise EncodingError("this is no public key") from error
    if not isinstance(public, ec.EllipticCurvePublicKey) or not isinstance(public.curve, ec.SECP256R1):
        raise EncodingError("the passkey is not of the one kind that this ledger takes: ask for ES256")
    numbers = public.public_numbers()
    return numbers.x.to_bytes(_WORD, "big") + numbers.y.to_bytes(_WORD, "big")


def check_key(key: bytes) -> None:
    """Return when x ‖ y is a point of P-256. Raises: SignatureError."""
    _public_key(key)


def check_authenticator(data: bytes, rp_id_hash: bytes) -> None:
    """Return when authenticator data are of a relying party, and say that the user was there and verified.

    Raises:
        SignatureError.
    """
    if len(data) < _AUTHENTICATOR_BYTES or data[:_WORD] != rp_id_hash:
        raise SignatureError("the passkey belongs to another relying party")
    flags = data[_WORD]
    if not flags & _PRESENT or not flags & _VERIFIED:
        raise SignatureError("the passkey did not verify its user (PIN or biometrics)")
    if flags & _BACKED_UP and not flags & _BACKUP_ELIGIBLE:
        raise SignatureError("the passkey contradicts itself about its backup")


def base64url(content: bytes) -> bytes:
    """Return bytes as WebAuthn writes them: base64url without padding."""
    return base64.urlsafe_b64encode(content).rstrip(b"=")


_NOT_ONE_FORM = "the passkey's signature is not in its one accepted form"


def _field(content: bytes) -> bytes:
    return len(content).to_bytes(_WORD, "big") + content + bytes(-len(content) % _WORD)


def _word(encoded: bytes, offset: int) -> int:
    return int.from_bytes(encoded[offset : offset + _WORD], "big")


def _read_field(encoded: bytes, start: int) -> tuple[bytes, int]:
    """The content of the field at `start`, and where it ends, zeros up to a whole word included."""
    begin = start + _WORD
    if begin > len(encoded) or (size := _word(encoded, start)) > len(encoded):
        raise SignatureError(_NOT_ONE_FORM)
    end = begin + size + -size % _WORD
    if end > len(encoded) or any(encoded[begin + size : end]):
        raise SignatureError(_NOT_ONE_FORM)
    return encoded[begin : begin + size], end


def _stands_at(text: bytes, index: int, part: bytes) -> bool:
    return index <= len(text) - len(part) and text[index : index + len(part)] == part


def _check_signature(key: bytes, assertion: Assertion) -> None:
    r, s = assertion.r, assertion.s
    if not 0 < r < ORDER or not 0 < s <= _HALF_ORDER:
        raise SignatureError("the passkey's signature is not canonical: r out of range, or s not in the lower half")
    signed = assertion.authenticator_data + hashlib.sha256(assertion.client_data).digest()
    try:
        _public_key(key).verify(encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature as error:
        raise SignatureError("the signature is by somebody else") from error


def _public_key(key: bytes) -> ec.EllipticCurvePublicKey:
    x, y = _word(key, 0), _word(key, _WORD)
    if len(key) != KEY_BYTES or x >= P or y >= P:
        raise SignatureError("the passkey is no point of P-256")
    try:
        return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    except ValueError as error:
        raise SignatureError("the passkey is no point of P-256") from error


def client_data_of(text: bytes) -> dict[str, Any]:
    """Read clientDataJSON; a member that stands twice could be read in two ways. Raises: SignatureError."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        if len(members) != len(pairs):
            raise ValueError("a member stands twice")
        return members

    if len(text) > _CLIENT_DATA_AT_MOST:
        raise SignatureError("the browser's client data are too long")
    try:
        found = json.loads(text.decode("utf-8"), object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise SignatureError("the browser's client data are no JSON") from error
    if not isinstance(found, dict):
        raise SignatureError("the browser's client data are no JSON object")
    return found
