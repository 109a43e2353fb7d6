"""Signed notes: a text, a blank line, and signature lines, each with a key's name and short id.

Owns the form and key ids; which keys count, and what a signature is over, is `signing`'s. Source: C2SP signed-note.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import Final

from fiducia.errors import EncodingError

ED25519: Final = 0x01
ED25519_COSIGNATURE: Final = 0x04
MLDSA44: Final = 0x06
UNASSIGNED: Final = 0xFF
"""The type whose key is preceded by a longer identifier: kinds of signature that C2SP has not."""
_DASH: Final = "— "
_KEY_ID_BYTES: Final = 4
NOTE_MAX_BYTES: Final = 512 * 1024
_MAX_SIGNATURES: Final = 128


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One line: the key's name, its id (4 bytes), and what it signed with."""

    name: str
    key_id: bytes
    signature: bytes

    @property
    def line(self) -> str:
        """The line, with its newline."""
        return f"{_DASH}{self.name} {base64.b64encode(self.key_id + self.signature).decode()}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A text that ends in a newline, and who signed it."""

    text: str
    signatures: tuple[NoteSignature, ...]

    def __bytes__(self) -> bytes:
        """The note as it travels."""
        return (self.text + "\n" + "".join(each.line for each in self.signatures)).encode()

    def with_more(self, more: tuple[NoteSignature, ...]) -> Note:
        """Return the note with further signatures; a key's earlier one is replaced."""
        keys = {(each.name, each.key_id) for each in more}
        kept = (each for each in self.signatures if (each.name, each.key_id) not in keys)
        return Note(self.text, (*kept, *more))


def parse_note(data: bytes) -> Note:
    """Return the note in `data`; nothing is verified. Raises: EncodingError."""
    text = _text(data)
    body, blank, lines = text.rpartition("\n\n")
    if not blank or not body or not lines.endswith("\n"):
        raise EncodingError("not a signed note: no blank line before its signatures")
    return Note(body + "\n", signatures_in(lines))


def signatures_in(lines: str) -> tuple[NoteSignature, ...]:
    """Return what signature lines say. Raises: EncodingError (none, too many, or not in their form)."""
    found = tuple(_signature(line) for line in lines.removesuffix("\n").split("\n"))
    if len(found) > _MAX_SIGNATURES:
        raise EncodingError(f"a note has at most {_MAX_SIGNATURES} signatures")
    return found


def parse_signatures(data: bytes) -> tuple[NoteSignature, ...]:
    """Return signature lines that came without their note. Raises: EncodingError."""
    return signatures_in(_text(data))


def key_id(name: str, kind: int, public: bytes) -> bytes:
    """Return a key's short id (4 bytes) under a name, for one type of signature."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:_KEY_ID_BYTES]


def vkey(name: str, kind: int, public: bytes) -> str:
    """Return a verifier key as others write it down."""
    return f"{name}+{key_id(name, kind, public).hex()}+{base64.b64encode(bytes([kind]) + public).decode()}"


def decoded(text: str) -> bytes:
    """Return what standard base64 says. Raises: EncodingError (not the one spelling of it)."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise EncodingError("a line of the log is not base64") from None
    if base64.b64encode(data).decode() != text:
        raise EncodingError("a line of the log is not base64 in its one spelling")
    return data


def _text(data: bytes) -> str:
    if len(data) > NOTE_MAX_BYTES:
        raise EncodingError("longer than any note")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise EncodingError("a note is UTF-8") from None
    if any(each < " " and each != "\n" for each in text):
        raise EncodingError("a note has no control characters but newlines")
    return text


def _signature(line: str) -> NoteSignature:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space or not name or "+" in name or any(each.isspace() for each in name):
        raise EncodingError("a signature line is a dash, a name and base64")
    data = decoded(encoded)
    if len(data) <= _KEY_ID_BYTES:
        raise EncodingError("a signature line holds no signature")
    return NoteSignature(name, data[:_KEY_ID_BYTES], data[_KEY_ID_BYTES:])
