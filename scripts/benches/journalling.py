"""Journalling: durable appends a second with group commit, beside bare write + fsync; and proofs checked offline.

Each append is one hand-over's entry, sealed, with its leaf, durable when it returns. The limit writes and syncs about
as many bytes, one after the other: what a journal without group commit could do at best.
"""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fiducia.adapters.key_encryption import KeyText
from fiducia.adapters.sql import SqlJournal, SqlLogbook
from fiducia.adapters.system import SilentSteps, SystemClock
from fiducia.core.tlog.checkpoint import origin_of
from fiducia.core.tlog.signing import LogKey
from fiducia.journeys.logs.checkpoints import LogTrouble, SignCheckpoint
from fiducia.journeys.logs.log_tree import JournalTree
from fiducia.journeys.logs.proving import ProveEntries, check_entries
from fiducia.records.images import JournalEntry
from scripts.benches.calibrate import Calibration
from scripts.benches.measure import Row, Series, median, ratio_row
from scripts.benches.world import World, say

APPENDERS = 16
_KEY = KeyText("5a" * 32)
_ROW_BYTES = 400  # about what one entry takes with its leaf


def rows(world: World, calibration: Calibration, *, quick: bool) -> list[Row]:
    """Append with one appender and with many, and check proofs of what was appended."""
    runs, count = (2, 200) if quick else (7, 2000)
    alone, many, bare, checked = [], [], [], []
    for turn in range(runs):
        say(f"journal: run {turn + 1} of {runs}")
        calibration.sample()
        path = world.fresh("journal")
        with SqlJournal(path / "journal.db", _KEY) as journal:
            bare.append(_bare(world.fresh("bare"), count // 4))
            alone.append(_appended(journal, 1, count // 4))
            many.append(_appended(journal, APPENDERS, count))
            checked.append(_checked(world, journal, path / "log.db", count // 10))
    per_append = Series("write + fsync", "s", tuple(bare))
    return [
        ratio_row(
            f"journal appends, {APPENDERS} at once, of write + fsync one by one",
            per_append,
            Series(f"{APPENDERS} at once", "s", tuple(many)),
        ),
        ratio_row("journal appends, one by one, of write + fsync", per_append, Series("alone", "s", tuple(alone))),
        _per_second(f"journal appends a second, {APPENDERS} at once", many),
        _per_second("journal proofs checked a second", checked),
    ]


def _per_second(name: str, seconds: list[float]) -> Row:
    values = Series("each", "/s", tuple(1 / each for each in seconds))
    return Row(name, "/s", median(values.values), None, (values,))


def _entry(number: int) -> JournalEntry:
    return JournalEntry("handed_over", 1_800_000_000, number.to_bytes(32, "big"))


def _appended(journal: SqlJournal, appenders: int, count: int) -> float:
    """Return the seconds for one append."""
    begun = time.perf_counter()
    with ThreadPoolExecutor(appenders) as pool:
        list(pool.map(lambda number: journal.append([_entry(number)]), range(count)))
    return (time.perf_counter() - begun) / count


def _bare(path: Path, count: int) -> float:
    """Return the seconds for one write + fsync."""
    with path.open("wb", buffering=0) as file:
        begun = time.perf_counter()
        for _ in range(count):
            file.write(bytes(_ROW_BYTES))
            os.fsync(file.fileno())
        return (time.perf_counter() - begun) / count


def _checked(world: World, journal: SqlJournal, logbook_path: Path, count: int) -> float:
    """Return the seconds for one check of a proof: its path, and two signatures of the log."""
    domains, key = world.house.domains, LogKey(bytes(32))
    origin = origin_of(domains, 1)
    with SqlLogbook(logbook_path) as logbook:
        SignCheckpoint(
            tree=JournalTree(journal),
            logbook=logbook,
            clock=SystemClock(),
            steps=SilentSteps(),
            trouble=LogTrouble(),
            key=key,
            origin=origin,
        ).run()
        written = ProveEntries(journal=journal, logbook=logbook, domains=domains, institution=1).run(
            _entry(1).subject_id
        )
    begun = time.perf_counter()
    for _ in range(count):
        check_entries(written.data, [(origin, key.public)])
    return (time.perf_counter() - begun) / (count * written.entries)
