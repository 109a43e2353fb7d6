"""The certificate of erasure: what shows, with the ledger, that fewer than t shares of a study are unaccounted for.

Owns its JSON (RFC 8785): every revision's manifest and the custody documents they name, as they are, and what was
attested, as signed notes. Nothing in it is secret, and nobody's name. What it proves is `core.erasing`'s. Source:
docs/formats.md, "Certificate of erasure".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fiducia.core.formats.canonical import Fields, canonical_json, parse_canonical, to_hex
from fiducia.core.formats.context import U32_MAX
from fiducia.core.tlog.attestation import parse_attested, parse_cleared, parse_destroyed
from fiducia.core.tlog.note import Note
from fiducia.errors import EncodingError

ERASURE_FORMAT = "fiducia/v1/erasure"
ERASURE_MAX_BYTES = 64 << 20
_WHAT = "the certificate"


@dataclass(frozen=True, slots=True)
class ErasureCertificate:
    """A certificate.

    Attributes:
        study_id: 32 bytes.
        custodian: the institution that erased it.
        manifests: the bytes of every revision's, in order.
        custodies: the bytes of every custody document that they name, each once.
        destroyed: what trustees attest (`Destroyed`), signed, ascending by trustee.
        cleared: what the custodian attests (`Cleared`), signed.
    """

    study_id: bytes
    custodian: int
    manifests: tuple[bytes, ...]
    custodies: tuple[bytes, ...]
    destroyed: tuple[Note, ...]
    cleared: Note

    def to_bytes(self) -> bytes:
        """Return the canonical JSON. Raises: EncodingError (it would not be read back)."""
        document: dict[str, Any] = {
            "format": ERASURE_FORMAT,
            "study_id": to_hex(self.study_id),
            "custodian": self.custodian,
            "manifests": [_text(data) for data in self.manifests],
            "custodies": [_text(data) for data in self.custodies],
            "destroyed": [bytes(each).decode() for each in self.destroyed],
            "cleared": bytes(self.cleared).decode(),
        }
        data = canonical_json(document)
        parse_erasure(data)
        return data


def parse_erasure(data: bytes) -> ErasureCertificate:
    """Read a certificate; nothing is verified. Raises: EncodingError."""
    fields = Fields(parse_canonical(data, what=_WHAT, max_bytes=ERASURE_MAX_BYTES), _WHAT)
    fields.constant("format", ERASURE_FORMAT)
    certificate = ErasureCertificate(
        study_id=fields.hex_bytes("study_id", 32),
        custodian=fields.integer("custodian", 1, U32_MAX),
        manifests=_texts(fields.items("manifests")),
        custodies=_texts(fields.items("custodies")),
        destroyed=tuple(map(parse_attested, _texts(fields.items("destroyed")))),
        cleared=parse_attested(fields.text("cleared").encode()),
    )
    fields.close()
    parse_cleared(certificate.cleared.text)
    trustees = [parse_destroyed(each.text).trustee for each in certificate.destroyed]
    if trustees != sorted(set(trustees)):
        raise EncodingError(f"{_WHAT}'s attestations are not ascending by trustee, each once")
    return certificate


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise EncodingError("a public document is not UTF-8") from None


def _texts(items: Sequence[Any]) -> tuple[bytes, ...]:
    if not all(isinstance(item, str) for item in items):
        raise EncodingError(f"{_WHAT} has something else where texts belong")
    return tuple(item.encode() for item in items)
