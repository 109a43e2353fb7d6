"""What one person may find: held releases as studies, series and instances, by UID.

Owns the way from UIDs to what is held, and what is kept of it in memory: each series' first instance, for searches.
All of it goes with the releases that it came from. Where two releases hold the same series, the first counts.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson

from fiducia.core.dicom.query import instance_object, series_object, study_object, with_parents
from fiducia.core.formats.entry import IndexEntry
from fiducia.core.formats.opener import SeriesOpener
from fiducia.errors import NotThereError, VerificationError
from fiducia.journeys.reading.opening import Held
from fiducia.journeys.reading.viewing import Viewing

NOT_THERE = "there is no such study, series or instance here"
_NO_JSON = "an instance's attributes are not DICOM JSON: its custodian must register it anew"


class SeenSeries:
    """One series that may be seen, with what is kept of its index."""

    def __init__(self, held: Held, number: int, opener: SeriesOpener) -> None:
        self.held = held
        self.number = number
        self.opener = opener

    @property
    def study_uid(self) -> str:
        """Its Study Instance UID."""
        return self.opener.uids.study_instance_uid

    @property
    def uid(self) -> str:
        """Its Series Instance UID."""
        return self.opener.uids.series_instance_uid

    @cached_property
    def candidate(self) -> dict[str, Any]:
        """The series as it is searched; one instance's attributes are read for it."""
        first = self.opener.dicom_json(self.opener.entries[0].number)
        return series_object(_searched(first), len(self.opener.entries))

    @cached_property
    def sop_classes(self) -> frozenset[str]:
        """What its instances are."""
        return frozenset(entry.sop_class_uid for entry in self.opener.entries)

    @cached_property
    def _by_uid(self) -> dict[str, IndexEntry]:
        return {entry.sop_instance_uid: entry for entry in self.opener.entries}

    def find(self, sop_instance_uid: str) -> IndexEntry | None:
        """Return an instance, or None."""
        return self._by_uid.get(sop_instance_uid)

    def instances(self) -> Iterator[dict[str, Any]]:
        """Yield its instances as they are searched, one in memory at a time."""
        for _, text in self.opener.dicom_jsons():
            yield instance_object(_searched(text))


@dataclass(frozen=True, slots=True)
class SeenStudy:
    """A study's series that may be seen, in order; there is one at least."""

    uid: str
    series: tuple[SeenSeries, ...]

    def candidate(self) -> dict[str, Any]:
        """Return the study as it is searched."""
        classes = frozenset[str]().union(*(series.sop_classes for series in self.series))
        return study_object([series.candidate for series in self.series], classes)

    def series_candidates(self) -> Iterator[dict[str, Any]]:
        """Yield its series as they are searched."""
        mine = self.candidate()
        for series in self.series:
            yield with_parents(series.candidate, mine)

    def instance_candidates(self, series_uid: str = "") -> Iterator[dict[str, Any]]:
        """Yield its instances, of one series or of all, as they are searched."""
        mine = self.candidate()
        for series in self.series:
            if series_uid in ("", series.uid):
                parents = (mine, series.candidate)
                yield from (with_parents(instance, *parents) for instance in series.instances())


@dataclass(frozen=True, slots=True)
class Target:
    """One instance that a request is about."""

    series: SeenSeries
    entry: IndexEntry

    @property
    def path(self) -> str:
        """What its URL has after the service's."""
        return f"studies/{self.series.study_uid}/series/{self.series.uid}/instances/{self.entry.sop_instance_uid}"


class Catalogue:
    """One person's studies. Safe for threads."""

    def __init__(self, viewing: Viewing) -> None:
        self.viewing = viewing
        self._lock = threading.Lock()
        self._seen: dict[Held, tuple[SeenSeries, ...]] = {}

    def studies(self) -> tuple[SeenStudy, ...]:
        """Return all studies that are listed, in a stable order."""
        return _grouped(self._of(self.viewing.listed()))

    def study(self, study_uid: str) -> SeenStudy:
        """Return one study, its metadata alone. Raises: NotThereError."""
        return _one(self.studies(), study_uid)

    def opened(self, study_uid: str) -> SeenStudy:
        """Return one study with its pixels, which are requested when nobody did so before.

        Raises:
            NotThereError: it is not listed. DeniedError: only its metadata may be seen.
            LedgerError, StoreError: it cannot be opened now.
        """
        listed = self.study(study_uid)
        study_ids = {series.held.offer.study_id: None for series in listed.series}
        held = [each for study_id in study_ids for each in self.viewing.opened(study_id)]
        return _one(_grouped(self._of(held)), study_uid)

    def _of(self, held: tuple[Held, ...] | list[Held]) -> list[SeenSeries]:
        """Return what is kept of these, and forget what is gone."""
        with self._lock:
            self._seen = {each: mine for each, mine in self._seen.items() if not each.gone.is_set()}
            for each in held:
                if each not in self._seen:
                    self._seen[each] = tuple(SeenSeries(each, one.number, one.opener) for one in each.series)
            return [series for each in held for series in self._seen[each]]


def attributes_of(text: bytes) -> dict[str, dict[str, Any]]:
    """Return an instance's DICOM JSON as a value. Raises: VerificationError (its custodian wrote something else)."""
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise VerificationError(_NO_JSON) from error
    if not isinstance(found, dict) or not all(isinstance(value, dict) for value in found.values()):
        raise VerificationError(_NO_JSON)
    return found


def _searched(text: bytes) -> dict[str, Any]:
    """An instance's attributes without its bulk values, which no search shows."""
    return {tag: value for tag, value in attributes_of(text).items() if "BulkDataURI" not in value}


def _grouped(series: list[SeenSeries]) -> tuple[SeenStudy, ...]:
    studies: dict[str, dict[str, SeenSeries]] = {}
    for one in series:
        studies.setdefault(one.study_uid, {}).setdefault(one.uid, one)
    return tuple(SeenStudy(uid, tuple(found.values())) for uid, found in studies.items())


def targets_in(study: SeenStudy, series_uid: str = "", instance_uid: str = "") -> list[Target]:
    """Return a study's instances, or those of one series, or one. Raises: NotThereError."""
    found = [
        Target(series, entry)
        for series in study.series
        if series_uid in ("", series.uid)
        for entry in ((series.find(instance_uid),) if instance_uid else series.opener.entries)
        if entry is not None
    ]
    if not found:
        raise NotThereError(NOT_THERE)
    return found


def _one(studies: tuple[SeenStudy, ...], study_uid: str) -> SeenStudy:
    for study in studies:
        if study.uid == study_uid:
            return study
    raise NotThereError(NOT_THERE)
