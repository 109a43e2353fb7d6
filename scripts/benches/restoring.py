"""Restoring: how long a home with very many studies takes to come back, and how long its copy took to make."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from fiducia.app import backup, settings
from fiducia.app.home import Home
from fiducia.app.profiles import Kind, new_profile
from fiducia.app.provision import FOUNDER
from fiducia.app.wiring import House
from fiducia.records.images import (
    InstanceEntry,
    JournalEntry,
    PatientIdentity,
    SeriesEntry,
    StudyEntry,
    SubjectEntry,
)
from scripts.benches.calibrate import Calibration
from scripts.benches.measure import Row, Series, median
from scripts.benches.world import World, say

_INSTANCES = 100


def rows(world: World, calibration: Calibration, *, quick: bool) -> list[Row]:
    """Fill a home, copy it, restore it into empty ones."""
    studies, repetitions = (200, 1) if quick else (10_000, 3)
    name = f"restore {studies:,} studies of {_INSTANCES} instances"
    say(name)
    root = world.fresh("restoring")
    place, shares = root / "second", root / "shares"
    for folder in (place, shares):
        folder.mkdir(parents=True)
    with House(Home(root / "home"), settings.load()) as house:
        fill(house, studies)
        backup.create_key(house, 2, 3, shares)
        started = time.perf_counter()
        _, contents = backup.create(house, place, follow=None, keep_days=None)
        copying_s = time.perf_counter() - started
    some = sorted(shares.iterdir())[:2]
    times = []
    for number in range(repetitions):
        calibration.sample()
        times.append(_restored_s(root / f"restored-{number}", place, some))
    shutil.rmtree(root)
    raw = (
        Series("restore", "s", tuple(times)),
        Series("copy", "s", (copying_s,)),
        Series("size of the copy", "MB", (contents.sealed_bytes / 1e6,)),
    )
    return [Row(name, "s", median(times), None, raw)]


def _restored_s(root: Path, place: Path, shares: list[Path]) -> float:
    with House(Home(root), settings.load()) as house:
        started = time.perf_counter()
        backup.restore(house, place, shares)
        return time.perf_counter() - started


def fill(house: House, studies: int) -> None:
    """Have a member keep that many studies, each of a patient of its own, with a share and two acts."""
    house.home.create()
    house.custody.create()
    house.new_profiles().save(new_profile(FOUNDER, Kind.INSTITUTION, house.entropy, member=FOUNDER))
    numbers = range(studies)
    vault, patients = house.plain_vault(FOUNDER), house.plain_patients(FOUNDER)
    directory, journal = house.plain_studies(FOUNDER), house.plain_journal(FOUNDER)
    vault.put({f"share/{_id(number).hex()}/1/1": b"\1" + bytes(64) for number in numbers})
    with patients.together():
        for number in numbers:
            identity = PatientIdentity("", f"PATIENT-{number}")
            patients.add(SubjectEntry(identity, _id(number)[:20], _id(number), bytes(20), f"patient-{number}"))
    with directory.together():
        for number in numbers:
            directory.confirm(_study(number))
    journal.append(
        [JournalEntry(kind, number, _id(number)) for number in numbers for kind in ("release_asked", "handed_over")]
    )


def _study(number: int) -> StudyEntry:
    uid = f"1.2.826.0.1.3680043.10.1338.{number}"
    instances = tuple(InstanceEntry(f"{uid}.1.{each}", each, _id(each)) for each in range(1, _INSTANCES + 1))
    series = (SeriesEntry(f"{uid}.1", 1, 1, instances),)
    return StudyEntry(uid, _id(number), _id(number)[:20], _id(number), 1, _id(number), series, 30_000)


def _id(number: int) -> bytes:
    return number.to_bytes(32, "big")
