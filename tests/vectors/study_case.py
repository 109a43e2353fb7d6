"""A whole sealed study as a folder: objects by CID, manifest, custody document, keys, and what must come out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from fiducia.core.formats.canonical import to_hex
from fiducia.core.formats.cid import cid_of_digest
from fiducia.core.formats.context import SeriesKeys, SeriesPlace
from fiducia.core.formats.frames import FrameLayout, FrameTable
from fiducia.core.formats.index import SeriesUids
from fiducia.core.formats.manifest import Manifest, SeriesLine, manifest_digest
from fiducia.core.formats.sealer import Description, NewInstance, SeriesSealer
from fiducia.core.keys.custody import Custody, custody_digest, deal_series
from tests.vectors.material import STUDY_ID, header, keys, material, place

SYNTAX = "1.2.840.10008.1.2.1"
CUSTODIAN = 7


@dataclass(frozen=True, slots=True)
class SealedSeries:
    """One sealed series with all its bytes."""

    line: SeriesLine
    pack: bytes
    index: bytes


def seal_series(
    where: SeriesPlace, series_keys: SeriesKeys, files: Sequence[tuple[int, bytes, bytes]], piece_bytes: int = 1 << 20
) -> SealedSeries:
    """Seal files given as (number, header, data set), with salts from labels."""
    sealer = SeriesSealer(where, series_keys, SeriesUids("2.25.1", f"2.25.1.{where.series}"))
    pack = bytearray()
    for number, head, body in files:
        instance = _new_instance(where, number, head)
        for view in sealer.add(instance, _pieces(body, piece_bytes), lambda: _describe(number, head, body)):  # noqa: B023
            pack += view
    for view in sealer.finish_pack():
        pack += view
    index = b"".join(bytes(view) for view in sealer.index(material(f"index salt {where.series}", 24)))
    return SealedSeries(sealer.line(), bytes(pack), index)


def study_files() -> dict[str, bytes]:
    """Return the study's files by name."""
    sizes = {1: {1: 0, 2: 40000, 5: 16384 - 172}, 4: {3: 100}}
    files: dict[str, bytes] = {}
    lines, custodies, key_list, instances = [], [], [], []
    for series, numbers in sizes.items():
        inputs = [
            (number, header(number), material(f"body {series}/{number}", size)) for number, size in numbers.items()
        ]
        sealed = seal_series(place(series), keys(series), inputs)
        lines.append(sealed.line)
        custodies.append(deal_series(place(series), keys(series), threshold=1, holders=1, randomness=b"")[0])
        files[f"objects/{sealed.line.pack_cid}"] = sealed.pack
        files[f"objects/{sealed.line.index_cid}"] = sealed.index
        key_list.append(key_json(series, keys(series)))
        for number, head, body in inputs:
            digest = hashlib.sha256(head + body).hexdigest()
            instances.append({"series": series, "number": number, "size": len(head + body), "sha256": digest})
    custody = Custody(STUDY_ID, 1, (CUSTODIAN,), tuple(custodies)).to_bytes()
    manifest = Manifest(STUDY_ID, 1, CUSTODIAN, custody_digest(custody), tuple(lines)).to_bytes()
    files[f"objects/{cid_of_digest(custody_digest(custody))}"] = custody
    files["manifest.json"] = manifest
    files["keys.json"] = _json({"series": key_list})
    files["expected.json"] = _json({"digest": to_hex(manifest_digest(manifest)), "instances": instances})
    return files


def key_json(series: int, series_keys: SeriesKeys) -> dict[str, Any]:
    """Return one series' keys as the reader takes them."""
    assert series_keys.pack_key is not None
    return {"number": series, "index_key": to_hex(series_keys.index_key), "pack_key": to_hex(series_keys.pack_key)}


def _new_instance(where: SeriesPlace, number: int, head: bytes) -> NewInstance:
    label = f"salt {where.series}/{number}"
    return NewInstance(number, SYNTAX, head, material(f"message {label}", 24), material(f"commitment {label}"))


def _describe(number: int, head: bytes, body: bytes) -> Description:
    dicom_json = f'{{"00200013":{{"vr":"IS","Value":[{number}]}}}}'.encode()
    half = len(body) // 2
    ranges = ((len(head), half), (len(head) + half, len(body) - half))
    frames = FrameTable(FrameLayout.FRAMES, 2, ranges) if body else FrameTable()
    return Description("1.2.840.10008.5.1.4.1.1.2", f"2.25.2.{number}", dicom_json, frames)


def _pieces(body: bytes, piece_bytes: int) -> Iterator[bytes]:
    yield from (body[at : at + piece_bytes] for at in range(0, len(body), piece_bytes))


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=2) + "\n").encode()
