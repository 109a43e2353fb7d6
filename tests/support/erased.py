"""What could still open an erased study: tried with every key that is left, and looked for in every file.

A study opens with shares out of vaults and ciphertext out of stores. A vault's file lets go of a secret by overwriting
its salt, without which the secret's row opens for no key; so a salt that is nowhere is a share that is nowhere.
"""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from fiducia.app.wiring import House
from fiducia.core.keys.custody import Custody
from fiducia.errors import FiduciaError, KeyMissingError
from fiducia.journeys.shared.objects import read_custody, read_manifest
from fiducia.journeys.trustees.shares import share_of
from fiducia.ports import Vault
from tests.support.postgresql import Cluster

SALTS = "SELECT name, salt FROM {0}vault JOIN {0}vault_salts ON vault_salts.id = salt_id"
SCHEMAS = "SELECT table_schema FROM information_schema.tables WHERE table_name = 'vault_salts' ORDER BY 1"
STRETCH_BYTES = 64


@dataclass(frozen=True, slots=True)
class Openers:
    """What opens a study.

    Attributes:
        custodies: how its keys were split, for each revision.
        objects: the CID of each object with its images -> a stretch from the middle of its ciphertext.
    """

    custodies: tuple[Custody, ...]
    objects: dict[str, bytes]


def openers_of(house: House, study_id: bytes) -> Openers:
    """Return what opens a study that is not erased yet."""
    study = house.mirror("auditor").catch_up().study(study_id)
    assert study is not None
    manifests = [read_manifest(house.store(), each.manifest) for each in study.revisions]
    lines = [line for manifest in manifests for line in manifest.series]
    cids = {cid for line in lines for cid in (line.pack_cid, line.index_cid)}
    stretch = {cid: house.store().read(cid, house.store().size(cid) // 2, STRETCH_BYTES) for cid in cids}
    return Openers(tuple(read_custody(house.store(), manifest) for manifest in manifests), stretch)


def opened(vaults: Iterable[Vault], custodies: Iterable[Custody]) -> int:
    """Try every share of every deal out of every vault; returns how many series open."""
    found = 0
    kept = list(vaults)
    for custody in custodies:
        for series in custody.series:
            shares = []
            for vault, index in itertools.product(kept, range(1, len(custody.trustees) + 1)):
                try:
                    shares.append(share_of(vault, custody, index, series.number, series.sealed_in))
                except KeyMissingError:
                    continue
            try:
                custody.combine(shares)
            except (FiduciaError, IndexError):
                continue
            found += 1
    return found


def salts_in(home: Path) -> dict[str, bytes]:
    """Return the salt of each secret in every SQLite vault below a directory, by file and name."""
    found: dict[str, bytes] = {}
    for path in sorted(home.rglob("vault.sqlite")):
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            rows = connection.execute(SALTS.format("")).fetchall()
        found |= {f"{path.parent.name}: {name}": bytes(salt) for name, salt in rows}
    return found


def salts_of(cluster: Cluster, database: str) -> dict[str, bytes]:
    """Return the salt of each secret in every vault of a PostgreSQL database, by schema and name."""
    found: dict[str, bytes] = {}
    for (schema,) in cluster.run(SCHEMAS, database):
        rows = cluster.run(SALTS.format(f'"{schema}".'), database)
        found |= {f"{schema}: {name}": bytes(salt) for name, salt in rows}  # type: ignore[call-overload]
    return found
