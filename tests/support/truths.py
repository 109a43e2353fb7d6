"""What must be true of a home at any moment, whatever was killed: asserted on the real ledger, store and vaults.

every anchored study opens: manifest, custody document, every series, every byte of every instance
no key was handed over without a final record
no object in the store belongs to nothing (where a test asks for that)
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Container, Iterable, Iterator
from pathlib import Path

from fiducia.app.plan import MEMBERS
from fiducia.app.wiring import House
from fiducia.core.formats.cid import cid_of_digest
from fiducia.core.formats.context import SeriesKeys
from fiducia.core.formats.manifest import Manifest
from fiducia.core.formats.opener import SeriesOpener
from fiducia.core.replay import State
from fiducia.journeys.shared.objects import read_custody, read_manifest
from fiducia.journeys.trustees.shares import share_of
from fiducia.records.events import LedgerEvent
from tests.support.stack import Development


def state_of(house: House) -> State:
    """Return the ledger as it is now."""
    return house.mirror("auditor").catch_up()


def events_of(house: House) -> list[LedgerEvent]:
    """Return every event of the ledger, read from the chain itself."""
    ledger = house.ledger("auditor")
    return list(ledger.events(house.consortium.network.first_block, ledger.head().number))


def manifests_of(house: House) -> Iterator[Manifest]:
    """Yield the manifest of every revision of every anchored study."""
    for study in state_of(house).studies():
        for revision in study.revisions:
            yield read_manifest(house.store(), revision.manifest)


def keys_of(house: House, manifest: Manifest) -> dict[int, SeriesKeys]:
    """Recover a study's keys by series, as the custodian's own broker would: from its vault."""
    custody = read_custody(house.store(), manifest)
    vault = house.vault("hospital-a")
    return {
        line.number: custody.combine([share_of(vault, custody, 1, line.number, line.sealed_in)])
        for line in manifest.series
    }


def opened(house: House, manifest: Manifest) -> list[bytes]:
    """Open every instance of a revision with the keys in the vault; returns the files, in order."""
    keys = keys_of(house, manifest)
    files = []
    for line in manifest.series:
        opener = SeriesOpener(manifest.place(line), line, keys[line.number], house.store().read)
        files += [b"".join(bytes(piece) for piece in opener.instance(entry.number)) for entry in opener.entries]
    return files


def assert_whole(house: House, but: Container[bytes] = ()) -> set[bytes]:
    """Every anchored study, in every revision, has its images and the keys that open them.

    Returns the digests of the manifests; those in `but` were opened before and are left out.
    """
    digests = {revision.manifest for study in state_of(house).studies() for revision in study.revisions}
    for one in digests:
        if one not in but:
            assert opened(house, read_manifest(house.store(), one))
    return digests


def assert_recorded(house: House) -> None:
    """No key left a broker without a release that the chain shows, and the chain records each release once."""
    releases = [release.request_id for release in state_of(house).releases()]
    handed_over = {entry.subject_id for member in MEMBERS for entry in house.journal(member).entries("handed_over")}
    assert handed_over <= set(releases)
    assert_once(house)


def assert_once(house: House) -> None:
    """No event of the ledger says the same thing twice."""
    told: Counter[tuple[object, ...]] = Counter()
    for event in events_of(house):
        names = [name for name in ("request_id", "grant_id", "study_id", "subject", "key_hash") if hasattr(event, name)]
        if names:
            what = getattr(event, names[0]), getattr(event, "revision", 0), getattr(event, "epoch", 0)
            told[(type(event).__name__, getattr(event, "institution", 0), *what)] += 1
    assert [what for what, times in told.items() if times > 1] == []


def assert_same_files(out: Path, originals: Iterable[Path]) -> None:
    """What was fetched is byte for byte what was registered, each file once."""
    fetched = sorted(digest(path) for path in out.glob("series-*/instance-*.dcm"))
    assert fetched == sorted(map(digest, originals))


def objects_of(development: Development) -> set[str]:
    """Return the CIDs of all objects in the embedded store."""
    folder = development.home.embedded_store
    return {path.name for path in folder.rglob("*") if path.is_file()}


def assert_named(development: Development, objects: set[str]) -> None:
    """Each of these objects is named by an anchored manifest: nothing was left lying about."""
    with development.house() as house:
        named = set()
        for study in state_of(house).studies():
            named |= {cid_of_digest(revision.manifest) for revision in study.revisions}
        for manifest in manifests_of(house):
            named.add(cid_of_digest(manifest.custody))
            named |= {cid for line in manifest.series for cid in (line.pack_cid, line.index_cid)}
    assert objects - named == set()


def digest(path: Path) -> bytes:
    """Return a file's SHA-256."""
    return hashlib.sha256(path.read_bytes()).digest()
