"""What a member attests about an erasure, or a move of keys, as the text of a signed note: what it destroyed, and from
when on no copy of it is left.

One spelling of each: a first line that says which kind, then a line `name value` for every field, in order. None can be
read as a checkpoint, whose second line is a number, and no checkpoint as one of these. Who signs, and how, is
`signing`'s. Source: docs/formats.md, section 22; C2SP signed-note.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from fiducia.core.formats.context import U32_MAX
from fiducia.core.tlog.checkpoint import decimal
from fiducia.core.tlog.note import Note, parse_note
from fiducia.core.typed_data import Domain
from fiducia.errors import EncodingError

ATTESTATION_MAX_BYTES: Final = 16 * 1024
"""How long a note may be that is taken: the two signatures that count need 4 KiB."""

_HEX: Final = re.compile("[0-9a-f]*")
_TIME_MAX: Final = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Destroyed:
    """A trustee destroyed the shares that a custody document dealt to it, or all it had of the study.

    Attributes:
        domain: of the contract Studies: which ledger the study is of.
        study_id: 32 bytes.
        trustee: the institution that attests it.
        custody: SHA-256 of the document; zeros for all shares, whichever dealt them.
        destroyed_at: UTC Unix seconds.
        held_until: from then on no copy that it makes of itself holds them either (UTC Unix seconds); 0: it makes none.
    """

    HEAD: ClassVar[str] = "fiducia/v1/destroyed"

    domain: Domain
    study_id: bytes
    trustee: int
    custody: bytes
    destroyed_at: int
    held_until: int

    @property
    def text(self) -> str:
        """The note's text."""
        return _text(
            self.HEAD,
            self.domain,
            ("study", self.study_id.hex()),
            ("trustee", self.trustee),
            ("custody", self.custody.hex()),
            ("destroyed_at", self.destroyed_at),
            ("held_until", self.held_until),
        )


@dataclass(frozen=True, slots=True)
class Cleared:
    """A custodian destroyed its salts, directory entries and objects of an erased study.

    Attributes:
        domain: of the contract Studies: which ledger the study is of.
        study_id: 32 bytes.
        custodian: the institution that attests it.
        cleared_at: UTC Unix seconds.
        held_until: as `Destroyed`'s.
    """

    HEAD: ClassVar[str] = "fiducia/v1/cleared"

    domain: Domain
    study_id: bytes
    custodian: int
    cleared_at: int
    held_until: int

    @property
    def text(self) -> str:
        """The note's text."""
        return _text(
            self.HEAD,
            self.domain,
            ("study", self.study_id.hex()),
            ("custodian", self.custodian),
            ("cleared_at", self.cleared_at),
            ("held_until", self.held_until),
        )


Attestation = Destroyed | Cleared


def parse_destroyed(text: str) -> Destroyed:
    """Return what a trustee attests in a note's text; nothing is verified. Raises: EncodingError."""
    names = ("study", "trustee", "custody", "destroyed_at", "held_until")
    domain, (study, trustee, custody, at, until) = _values(text, Destroyed.HEAD, names)
    return Destroyed(domain, _bytes(study, 32), _institution(trustee), _bytes(custody, 32), _time(at), _time(until))


def parse_cleared(text: str) -> Cleared:
    """Return what a custodian attests in a note's text; nothing is verified. Raises: EncodingError."""
    domain, (study, custodian, at, until) = _values(
        text, Cleared.HEAD, ("study", "custodian", "cleared_at", "held_until")
    )
    return Cleared(domain, _bytes(study, 32), _institution(custodian), _time(at), _time(until))


def parse_attestation(text: str) -> Attestation:
    """Return what is attested in a note's text, of either kind; nothing is verified. Raises: EncodingError."""
    return parse_cleared(text) if text.startswith(Cleared.HEAD + "\n") else parse_destroyed(text)


def parse_attested(data: bytes) -> Note:
    """Return the signed note in `data`, whose text is an attestation; nothing is verified. Raises: EncodingError."""
    if len(data) > ATTESTATION_MAX_BYTES:
        raise EncodingError("longer than any attestation")
    note = parse_note(data)
    parse_attestation(note.text)
    return note


def _text(head: str, domain: Domain, *fields: tuple[str, str | int]) -> str:
    lines = (("chain", domain.chain_id), ("studies", domain.contract.hex()), *fields)
    return f"{head}\n" + "".join(f"{name} {value}\n" for name, value in lines)


def _values(text: str, head: str, names: Sequence[str]) -> tuple[Domain, list[str]]:
    """The values of exactly these fields, in this order, after the ledger's."""
    wanted = ("chain", "studies", *names)
    first, *lines = text.split("\n")
    if first != head or len(lines) != len(wanted) + 1 or lines.pop():
        raise EncodingError(f"not an attestation: {head} and {len(wanted)} lines")
    values = []
    for name, line in zip(wanted, lines, strict=True):
        found, space, value = line.partition(" ")
        if found != name or not space:
            raise EncodingError(f"an attestation has another line where {name} belongs")
        values.append(value)
    chain, studies, *rest = values
    return Domain(decimal(chain), _bytes(studies, 20)), rest


def _bytes(value: str, length: int) -> bytes:
    if len(value) != 2 * length or not _HEX.fullmatch(value):
        raise EncodingError(f"an attestation has something else where {length} bytes in lower-case hex belong")
    return bytes.fromhex(value)


def _institution(value: str) -> int:
    return _bounded(value, 1, U32_MAX)


def _time(value: str) -> int:
    return _bounded(value, 0, _TIME_MAX)


def _bounded(value: str, least: int, most: int) -> int:
    number = decimal(value)
    if not least <= number <= most:
        raise EncodingError("a number of an attestation is out of its bounds")
    return number
