"""The manifest: the public table of a study's sealed series at one revision.

Owns its JSON (RFC 8785, at most 1 MiB, one raw IPFS block). Its SHA-256 is what the chain holds and
therefore its CID: fetch by `cid_of_digest`, check by `parse_manifest`. It names no identity, UID or key.
Source: docs/formats.md, "Manifest".
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from fiducia.core.formats.canonical import SAFE_INTEGER_MAX, Fields, canonical_json, parse_canonical, to_hex
from fiducia.core.formats.cid import check_cid
from fiducia.core.formats.context import U16_MAX, U32_MAX, SeriesPlace
from fiducia.errors import DigestError, EncodingError

MANIFEST_MAX_BYTES = 1 << 20
_FORMAT = "fiducia/v1/manifest"


@dataclass(frozen=True, slots=True)
class SeriesLine:
    """One series' line. Unchanged series keep their line in the next revision.

    Attributes:
        number: series number, 1 to 2**32 - 1, given once and never reused.
        sealed_in: the revision in which this pack and index were sealed.
        pack_cid: CID text of the pack.
        pack_size_bytes: its padded size.
        index_cid: CID text of the index.
        index_size_bytes: its padded size.
        root: 32 bytes, the Merkle root over the series' instances.
    """

    number: int
    sealed_in: int
    pack_cid: str
    pack_size_bytes: int
    index_cid: str
    index_size_bytes: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Manifest:
    """A study's manifest.

    Attributes:
        study_id: 32 bytes.
        revision: 1 to 65535.
        custodian: the institution's number on the ledger, 1 to 2**32 - 1.
        custody: 32 bytes, SHA-256 of the custody document.
        series: the lines in ascending order of number; at least one.
    """

    study_id: bytes
    revision: int
    custodian: int
    custody: bytes
    series: tuple[SeriesLine, ...]

    def to_bytes(self) -> bytes:
        """Return the canonical JSON.

        Raises:
            EncodingError: a field is out of range, the lines are not ascending, or it exceeds 1 MiB.
        """
        document = {
            "format": _FORMAT,
            "study_id": to_hex(self.study_id),
            "revision": self.revision,
            "custodian": self.custodian,
            "custody": to_hex(self.custody),
            "series": [_line_to_json(line) for line in self.series],
        }
        data = canonical_json(document)
        _parse(data)  # nothing is written that would not be read back
        return data

    def place(self, line: SeriesLine) -> SeriesPlace:
        """Return the place to which a line's keys and objects are bound."""
        return SeriesPlace(self.study_id, line.sealed_in, line.number)

    def line(self, number: int) -> SeriesLine:
        """Return the line of a series.

        Raises:
            EncodingError: this revision has no such series.
        """
        for line in self.series:
            if line.number == number:
                return line
        raise EncodingError(f"revision {self.revision} has no series {number}")


def manifest_digest(data: bytes) -> bytes:
    """Return SHA-256 of the manifest's bytes: what the chain holds, and its CID's digest."""
    return hashlib.sha256(data).digest()


def parse_manifest(data: bytes, digest: bytes) -> Manifest:
    """Read the manifest that the chain names.

    Args:
        data: its bytes, from a store nobody trusts.
        digest: 32 bytes, the manifest digest from the ledger.

    Raises:
        DigestError: these are other bytes.
        EncodingError: they are not a manifest (or are one of an unknown format).
    """
    if manifest_digest(data) != digest:
        raise DigestError("the manifest is not the one that the ledger names")
    return _parse(data)


def _parse(data: bytes) -> Manifest:
    fields = Fields(parse_canonical(data, what="the manifest", max_bytes=MANIFEST_MAX_BYTES), "the manifest")
    fields.constant("format", _FORMAT)
    revision = fields.integer("revision", 1, U16_MAX)
    manifest = Manifest(
        study_id=fields.hex_bytes("study_id", 32),
        revision=revision,
        custodian=fields.integer("custodian", 1, U32_MAX),
        custody=fields.hex_bytes("custody", 32),
        series=tuple(_line_from_json(line, revision) for line in fields.items("series")),
    )
    fields.close()
    numbers = [line.number for line in manifest.series]
    if not numbers or numbers != sorted(set(numbers)):
        raise EncodingError("the manifest's series are not one or more in ascending order")
    return manifest


def _line_to_json(line: SeriesLine) -> dict[str, Any]:
    return {
        "number": line.number,
        "sealed_in": line.sealed_in,
        "pack_cid": line.pack_cid,
        "pack_size_bytes": line.pack_size_bytes,
        "index_cid": line.index_cid,
        "index_size_bytes": line.index_size_bytes,
        "root": to_hex(line.root),
    }


def _line_from_json(value: object, revision: int) -> SeriesLine:
    fields = Fields(value, "a series line")
    line = SeriesLine(
        number=fields.integer("number", 1, U32_MAX),
        sealed_in=fields.integer("sealed_in", 1, revision),
        pack_cid=check_cid(fields.text("pack_cid")),
        pack_size_bytes=fields.integer("pack_size_bytes", 1, SAFE_INTEGER_MAX),
        index_cid=check_cid(fields.text("index_cid")),
        index_size_bytes=fields.integer("index_size_bytes", 1, SAFE_INTEGER_MAX),
        root=fields.hex_bytes("root", 32),
    )
    fields.close()
    return line
