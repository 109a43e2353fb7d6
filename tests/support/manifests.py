"""Manifests of the default study for tests of audits, with any series lines."""

from __future__ import annotations

from typing import Any

from fiducia.adapters.memory.ledger import MemoryLedger
from fiducia.core.formats.cid import cid_of_digest
from fiducia.core.formats.manifest import Manifest, SeriesLine, manifest_digest
from fiducia.core.keccak import keccak256
from tests.support import world as w


def line(number: int, sealed_in: int = 1, seed: bytes = b"") -> SeriesLine:
    name = b"%d %d %b" % (number, sealed_in, seed)
    pack, index = cid_of_digest(keccak256(b"pack" + name)), cid_of_digest(keccak256(b"index" + name))
    return SeriesLine(number, sealed_in, pack, 1000, index, 100, keccak256(b"root" + name))


def manifest(revision: int, *lines: SeriesLine, **changes: Any) -> bytes:
    fields: dict[str, Any] = {
        "study_id": w.STUDY,
        "revision": revision,
        "custodian": 1,
        "custody": b"\7" * 32,
        "series": lines or (line(1),),
    }
    return Manifest(**(fields | changes)).to_bytes()


def with_manifests(*manifests: bytes) -> tuple[w.World, MemoryLedger]:
    world, ledger, _ = w.settled(anchored=manifest_digest(manifests[0]))
    for revision, data in enumerate(manifests[1:], start=2):
        world.revise(revision, manifest_digest(data))
    return world, ledger
