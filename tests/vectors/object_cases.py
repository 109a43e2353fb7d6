"""Cases of the public objects: containers, lengths, digests, trees, CIDs, indexes, manifests."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from fiducia.core.formats import merkle
from fiducia.core.formats.canonical import canonical_json
from fiducia.core.formats.cid import CidBuilder
from fiducia.core.formats.container import Outlet, Sealer
from fiducia.core.formats.digests import IdentityHasher, Leaf, commitment, header_digest
from fiducia.core.formats.manifest import Manifest, SeriesLine, manifest_digest
from fiducia.core.formats.padme import padme
from tests.vectors.material import STUDY_ID, header, material, place

Case = tuple[str, dict[str, Any]]


def object_cases() -> Iterator[Case]:
    """Yield (name, case) of every object."""
    yield from _contexts()
    yield from _containers()
    yield from _padme()
    yield from _digests()
    yield from _trees()
    yield from _cids()
    yield from _manifests()


def seal(key: bytes, context: bytes, salt: bytes, plaintext: bytes) -> bytes:
    """Return one sealed message."""
    outlet = Outlet(4)
    sealer = Sealer(key, context, salt, outlet)
    out = bytearray()
    for view in sealer.update(plaintext):
        out += view
    for view in sealer.finish():
        out += view
    return bytes(out + outlet.flush())


def _contexts() -> Iterator[Case]:
    where = place(series=0x01020304, sealed_in=0x0506)
    numbers = {"study_id": STUDY_ID.hex(), "sealed_in": where.sealed_in, "series": where.series}
    yield "context/instance", numbers | {"instance": 7, "context": where.instance_context(7).hex()}
    yield "context/index", numbers | {"context": where.index_context().hex()}
    yield "context/padding", numbers | {"info": where.padding_info().hex()}


def _containers() -> Iterator[Case]:
    key, salt, context = material("container key"), material("container salt", 24), place().instance_context(1)
    base = {"key": key.hex(), "context": context.hex(), "salt": salt.hex()}
    for size in (0, 1, 16383, 16384, 16385, 40000):
        plaintext = material("container plaintext", size)
        sealed = seal(key, context, salt, plaintext)
        case = base | {"plaintext": {"label": "container plaintext", "size": size}, "outcome": "opens"}
        yield f"container/opens-{size}", case | {"sealed_sha256": hashlib.sha256(sealed).hexdigest()}
    wrong = place(series=2).instance_context(1)
    refused = {"plaintext": {"label": "container plaintext", "size": 40000}, "outcome": "refused"}
    for name, change in {
        "salt-flipped": {"flip_at": 0},
        "commitment-flipped": {"flip_at": 24},
        "chunk-flipped": {"flip_at": 56 + 16400 + 5},
        "tag-flipped": {"flip_at": 56 + 16399},
        "last-chunk-missing": {"cut_to": 56 + 2 * 16400},
        "cut-in-a-tag": {"cut_to": 56 + 2 * 16400 + 15},
        "header-only": {"cut_to": 56},
        "extended": {"append": "00" * 16},
        "chunks-swapped": {"swap_chunks": [0, 1]},
        "another-context": {"open_with_context": wrong.hex()},
        "another-key": {"open_with_key": material("another key").hex()},
    }.items():
        yield f"container/refused-{name}", base | refused | {"change": change}


def _padme() -> Iterator[Case]:
    lengths = [0, 1, 2, 3, 8, 9, 17, 100, 1000, 4097, 65537, 1 << 20, (1 << 20) + 1, 157_800_000, 10**12, 2**53 - 1]
    yield "padme/lengths", {"pairs": [[length, padme(length)] for length in lengths]}


def _digests() -> Iterator[Case]:
    syntax, body, salt = "1.2.840.10008.1.2.1", material("data set", 1000), material("commitment salt")
    identity = IdentityHasher(syntax)
    identity.update(body)
    committed = commitment(salt, identity.digest(), header_digest(header(1)))
    yield (
        "digests/instance",
        {
            "transfer_syntax_uid": syntax,
            "header": header(1).hex(),
            "data_set": {"label": "data set", "size": 1000},
            "salt": salt.hex(),
            "identity_digest": identity.digest().hex(),
            "header_digest": header_digest(header(1)).hex(),
            "commitment": committed.hex(),
            "number": 3,
            "offset": 1 << 33,
            "length": 4711,
            "leaf": Leaf(3, 1 << 33, 4711, committed).to_bytes().hex(),
        },
    )


def _trees() -> Iterator[Case]:
    for size in (1, 2, 3, 5, 8, 13):
        leaves = [material(f"leaf {number}", 52) for number in range(size)]
        position = size * 2 // 3
        yield (
            f"merkle/size-{size}",
            {
                "leaves": [{"label": f"leaf {number}", "size": 52} for number in range(size)],
                "root": merkle.merkle_root(leaves).hex(),
                "position": position,
                "inclusion_proof": [node.hex() for node in merkle.inclusion_proof(leaves, position)],
            },
        )


def _cids() -> Iterator[Case]:
    # The bytes are one repeated block, so that the large cases need no large files.
    block = material("cid block", 1 << 16)
    mebibyte = 1 << 20
    for size in (0, 1, mebibyte - 1, mebibyte, mebibyte + 1, 3 * mebibyte, 1024 * mebibyte, 1024 * mebibyte + 1):
        builder = CidBuilder()
        for at in range(0, size, len(block)):
            builder.update(block[: min(len(block), size - at)])
        repeated = {"repeat": {"label": "cid block", "size": 1 << 16}, "size": size}
        yield f"cid/size-{size}", repeated | {"cid": builder.finish()}


def manifest() -> Manifest:
    """Return the manifest that the manifest cases vary."""
    builder = CidBuilder()
    builder.update(b"object")
    cid = builder.finish()
    lines = tuple(SeriesLine(number, 1, cid, 4096, cid, 2048, material(f"root {number}")) for number in (1, 2))
    return Manifest(STUDY_ID, 2, 7, material("custody"), lines)


def _manifests() -> Iterator[Case]:
    data = manifest().to_bytes()
    yield "manifest/accepted", _document(data, "accepted") | {"sha256": manifest_digest(data).hex()}
    value = json.loads(data)
    line = value["series"][0]
    for name, changed in {
        "unknown-field": value | {"note": ""},
        "missing-field": {name: value[name] for name in value if name != "custody"},
        "another-format": value | {"format": "fiducia/v2/manifest"},
        "revision-0": value | {"revision": 0},
        "revision-true": value | {"revision": True},
        "no-series": value | {"series": []},
        "series-descending": value | {"series": value["series"][::-1]},
        "series-twice": value | {"series": [line, line]},
        "sealed-later": value | {"series": [line | {"sealed_in": 3}]},
        "upper-case-hex": value | {"study_id": value["study_id"].upper().replace("0X", "0x")},
        "upper-case-cid": value | {"series": [line | {"pack_cid": line["pack_cid"].upper()}]},
        "short-root": value | {"series": [line | {"root": line["root"][:-2]}]},
    }.items():
        yield f"manifest/refused-{name}", _document(canonical_json(changed), "refused")
    yield "manifest/refused-white-space", _document(json.dumps(value).encode(), "refused")
    yield "manifest/refused-duplicate-field", _document(data.replace(b"{", b'{"custodian":7,', 1), "refused")
    yield "manifest/refused-cut-short", _document(data[:-1], "refused")


def _document(data: bytes, outcome: str) -> dict[str, Any]:
    return {"document": data.decode(), "outcome": outcome}
