"""What a member signs as a log, as a witness and in attestations, with an Ed25519 and an ML-DSA-44 key, and how it is
verified.

Both must hold: a checkpoint stays believed when either of the two kinds of signature falls. One LOG key on the ledger
is the concatenation of three public keys: Ed25519 to sign notes, Ed25519 to cosign, ML-DSA-44 for both (its message
names who signs). ML-DSA signatures of trees carry a time: as of then, the signer has seen no larger tree of that log.

An attestation is signed whole, by both keys. What a key signs tells by its beginning what it is: a tree's ML-DSA
message is `subtree/v1`, and of the two kinds of notes only a checkpoint has a number in its second line.
Source: C2SP signed-note, tlog-checkpoint, tlog-cosignature; FIPS 204, RFC 8032.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from fiducia.core.tlog.attestation import Attestation, parse_attestation
from fiducia.core.tlog.checkpoint import Checkpoint
from fiducia.core.tlog.note import (
    ED25519,
    ED25519_COSIGNATURE,
    MLDSA44,
    UNASSIGNED,
    Note,
    NoteSignature,
    decoded,
    key_id,
    vkey,
)
from fiducia.errors import EncodingError, SignatureError

SEED_BYTES: Final = 32
_ED_BYTES: Final = 32
_MLDSA_BYTES: Final = 1312
PUBLIC_BYTES: Final = 2 * _ED_BYTES + _MLDSA_BYTES
_LABEL: Final = b"fiducia/v1/log-key/"
_SUBTREE: Final = b"subtree/v1\n\0"
_ATTESTS: Final = b"fiducia/v1/attestation/ml-dsa-44"
"""What C2SP recommends after the byte 0xff: which kind of signature it is."""


class LogKey:
    """A member's secret LOG key; everything in it comes from one seed of 32 bytes."""

    def __init__(self, seed: bytes) -> None:
        """Take the seed. Raises: EncodingError (of another length)."""
        if len(seed) != SEED_BYTES:
            raise EncodingError("a LOG key's seed has 32 bytes")
        self._log = Ed25519PrivateKey.from_private_bytes(_derived(seed, b"ed25519"))
        self._witness = Ed25519PrivateKey.from_private_bytes(_derived(seed, b"ed25519-cosignature"))
        self._mldsa = MLDSA44PrivateKey.from_seed_bytes(_derived(seed, b"ml-dsa-44"))

    @cached_property
    def public(self) -> bytes:
        """What is published: 1376 bytes."""
        keys = (self._log, self._witness)
        return (
            b"".join(key.public_key().public_bytes_raw() for key in keys) + self._mldsa.public_key().public_bytes_raw()
        )

    def sign(self, checkpoint: Checkpoint, at: int) -> Note:
        """Return a checkpoint of one's own log, signed, as of a time in UTC Unix seconds."""
        public = split(self.public)
        name, text = checkpoint.origin, checkpoint.text
        plain = NoteSignature(name, _log_id(name, public), self._log.sign(text.encode()))
        return Note(text, (plain, self._timestamped(name, checkpoint, at)))

    def cosign(self, name: str, checkpoint: Checkpoint, at: int) -> tuple[NoteSignature, ...]:
        """Return a witness's two cosignatures of another's checkpoint, as of a time in UTC Unix seconds."""
        public = split(self.public)
        signed = at.to_bytes(8, "big") + self._witness.sign(_cosigned(checkpoint, at))
        plain = NoteSignature(name, key_id(name, ED25519_COSIGNATURE, public.witness), signed)
        return plain, self._timestamped(name, checkpoint, at)

    def attest(self, name: str, attestation: Attestation) -> Note:
        """Return an attestation, signed under the member's name. Raises: EncodingError (it would not be read back)."""
        text, public = attestation.text, split(self.public)
        parse_attestation(text)
        signed = ((_log_id(name, public), self._log), (_attesting_id(name, public), self._mldsa))
        return Note(text, tuple(NoteSignature(name, found, key.sign(text.encode())) for found, key in signed))

    def _timestamped(self, name: str, checkpoint: Checkpoint, at: int) -> NoteSignature:
        signed = at.to_bytes(8, "big") + self._mldsa.sign(_subtree(name, checkpoint, at))
        return NoteSignature(name, key_id(name, MLDSA44, split(self.public).mldsa), signed)


@dataclass(frozen=True, slots=True)
class PublicKeys:
    """The three keys in a published LOG key."""

    log: bytes
    witness: bytes
    mldsa: bytes


def split(public: bytes) -> PublicKeys:
    """Return the keys in a published LOG key. Raises: EncodingError (of another length)."""
    if len(public) != PUBLIC_BYTES:
        raise EncodingError(f"a LOG key has {PUBLIC_BYTES} bytes")
    return PublicKeys(public[:_ED_BYTES], public[_ED_BYTES : 2 * _ED_BYTES], public[2 * _ED_BYTES :])


def vkeys(name: str, public: bytes) -> tuple[str, ...]:
    """Return a LOG key as verifier keys that other programs read: log, witness, and ML-DSA-44 for both."""
    keys = split(public)
    kinds = ((ED25519, keys.log), (ED25519_COSIGNATURE, keys.witness), (MLDSA44, keys.mldsa))
    return tuple(vkey(name, kind, key) for kind, key in kinds)


def keys_in(text: str) -> tuple[tuple[str, bytes], ...]:
    """Return (name, LOG key) of a list of verifier keys, in threes as `vkeys` has them. Raises: EncodingError."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    found: list[tuple[str, bytes]] = []
    for at in range(0, len(lines), 3):
        names, public = set(), b""
        for line in lines[at : at + 3]:
            name, _, rest = line.partition("+")
            names.add(name)
            public += decoded(rest.partition("+")[2])[1:]
        (name,) = names if len(names) == 1 else ("",)
        if len(public) != PUBLIC_BYTES or list(vkeys(name, public)) != lines[at : at + 3]:
            raise EncodingError("not a list of verifier keys as `fiducia audit keys` writes it")
        found.append((name, public))
    return tuple(found)


def require_signed(note: Note, checkpoint: Checkpoint, public: bytes) -> int:
    """Return as of when a log signed its checkpoint (UTC Unix seconds), with both its keys.

    Raises:
        SignatureError: one of the two is missing, or does not hold.
    """
    keys, name = split(public), checkpoint.origin
    plain = _found(note, name, _log_id(name, keys))
    _verify_ed25519(keys.log, plain.signature, note.text.encode())
    return _verify_mldsa(keys.mldsa, name, checkpoint, _found(note, name, key_id(name, MLDSA44, keys.mldsa)))


def require_plainly_signed(note: Note, checkpoint: Checkpoint, public: bytes) -> None:
    """Return when a log signed its checkpoint with its Ed25519 key: what it puts on chain. Raises: SignatureError."""
    keys, name = split(public), checkpoint.origin
    plain = _found(note, name, _log_id(name, keys))
    _verify_ed25519(keys.log, plain.signature, note.text.encode())


def require_cosigned(note: Note, checkpoint: Checkpoint, name: str, public: bytes) -> int:
    """Return as of when a witness cosigned a checkpoint, with both its keys.

    Raises:
        SignatureError: one of the two is missing, does not hold, or is of another time.
    """
    keys = split(public)
    plain = _found(note, name, key_id(name, ED25519_COSIGNATURE, keys.witness))
    at = int.from_bytes(plain.signature[:8], "big")
    _verify_ed25519(keys.witness, plain.signature[8:], _cosigned(checkpoint, at))
    if _verify_mldsa(keys.mldsa, name, checkpoint, _found(note, name, key_id(name, MLDSA44, keys.mldsa))) != at:
        raise SignatureError("a witness's two signatures are of two times")
    return at


def require_attested(note: Note, name: str, public: bytes) -> None:
    """Return when a member signed an attestation, with both its keys.

    Raises:
        SignatureError: one of the two is missing, or does not hold. EncodingError: the note is no attestation.
    """
    parse_attestation(note.text)
    keys, text = split(public), note.text.encode()
    _verify_ed25519(keys.log, _found(note, name, _log_id(name, keys)).signature, text)
    try:
        found = _found(note, name, _attesting_id(name, keys))
        MLDSA44PublicKey.from_public_bytes(keys.mldsa).verify(found.signature, text)
    except (InvalidSignature, ValueError) as error:
        raise SignatureError("an ML-DSA-44 signature of the note does not hold") from error


def _log_id(name: str, keys: PublicKeys) -> bytes:
    return key_id(name, ED25519, keys.log)


def _attesting_id(name: str, keys: PublicKeys) -> bytes:
    return key_id(name, UNASSIGNED, _ATTESTS + keys.mldsa)


def _found(note: Note, name: str, wanted: bytes) -> NoteSignature:
    for each in note.signatures:
        if (each.name, each.key_id) == (name, wanted):
            return each
    raise SignatureError("the note lacks a signature of a key that it must have")


def _verify_ed25519(public: bytes, signature: bytes, message: bytes) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError) as error:
        raise SignatureError("an Ed25519 signature of the note does not hold") from error


def _verify_mldsa(public: bytes, name: str, checkpoint: Checkpoint, found: NoteSignature) -> int:
    at = int.from_bytes(found.signature[:8], "big")
    if not 0 < at < 1 << 63:
        raise SignatureError("a signature of the checkpoint says no time")
    try:
        MLDSA44PublicKey.from_public_bytes(public).verify(found.signature[8:], _subtree(name, checkpoint, at))
    except (InvalidSignature, ValueError) as error:
        raise SignatureError("an ML-DSA-44 signature of the checkpoint does not hold") from error
    return at


def _cosigned(checkpoint: Checkpoint, at: int) -> bytes:
    return f"cosignature/v1\ntime {at}\n{checkpoint.text}".encode()


def _subtree(name: str, checkpoint: Checkpoint, at: int) -> bytes:
    """The message of an ML-DSA-44 cosignature over a whole tree."""
    numbers = (0).to_bytes(8, "big") + checkpoint.size.to_bytes(8, "big")
    return _SUBTREE + _opaque(name) + at.to_bytes(8, "big") + _opaque(checkpoint.origin) + numbers + checkpoint.root


def _opaque(text: str) -> bytes:
    data = text.encode()
    if not 0 < len(data) < 256:
        raise EncodingError("a log's or a witness's name has 1 to 255 bytes")
    return bytes([len(data)]) + data


def _derived(seed: bytes, what: bytes) -> bytes:
    return HKDFExpand(algorithm=SHA256(), length=32, info=_LABEL + what).derive(seed)
