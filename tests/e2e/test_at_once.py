"""Races between real processes on one home: registrations, enrolments, fetches and revokes at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fiducia.records.events import SubjectEnrolled
from tests.support.cli import Cli
from tests.support.images import small_series, small_study
from tests.support.stack import Development, Ran, ended, fetch_words
from tests.support.truths import (
    assert_named,
    assert_once,
    assert_recorded,
    assert_same_files,
    assert_whole,
    events_of,
    objects_of,
    state_of,
)


@pytest.fixture
def development(embedded: Cli) -> Development:
    """The consortium that is up for all tests."""
    return Development(embedded.home.parent)


@pytest.fixture(autouse=True)
def _sound(development: Development) -> Iterator[None]:
    """Whatever ran at once, the home is sound afterwards."""
    yield
    with development.house() as house:
        assert_whole(house)
        assert_recorded(house)
        assert_once(house)


def all_at_once(development: Development, *commands: tuple[str, ...], expect: int = 0) -> list[Ran]:
    """Run commands side by side, each in a process of its own."""
    running = [development.begin(*words) for words in commands]
    return [ended(process, expect) for process in running]


def register_words(*paths: Path, new: bool = False) -> tuple[str, ...]:
    return ("study", "register", *map(str, paths), *(["--enrol-new"] if new else []))


def test_two_registrations_of_the_same_study_make_one(development: Development, tmp_path: Path) -> None:
    small_study(tmp_path, "the same")
    before = objects_of(development)
    ran = all_at_once(development, *[register_words(tmp_path)] * 2)
    studies: list[dict[str, Any]] = [study for one in ran for study in one["studies"]]
    assert len({study["study_id"] for study in studies}) == 1
    assert sorted(study["unchanged"] for study in studies) == [False, True]
    assert [study["revision"] for study in studies] == [1, 1]
    assert_named(development, objects_of(development) - before)


def test_two_registrations_of_different_studies_both_succeed(development: Development, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "other")]
    for folder in folders:
        small_study(folder, folder.name)
    ran = all_at_once(development, *[register_words(folder) for folder in folders])
    assert len({study["study_id"] for one in ran for study in one["studies"]}) == 2


def test_two_registrations_that_share_some_studies_never_wait_for_each_other(
    development: Development, tmp_path: Path
) -> None:
    """Given in opposite orders; claims are taken in one."""
    folders = [tmp_path / f"shared-{number}" for number in range(4)]
    for folder in folders:
        small_series(folder, folder.name)
    ran = all_at_once(development, register_words(*folders), register_words(*reversed(folders)))
    times = Counter(study["study_id"] for one in ran for study in one["studies"])
    assert sorted(times.values()) == [2, 2, 2, 2]


def test_two_halves_of_a_study_registered_at_once_become_its_revisions(
    development: Development, tmp_path: Path
) -> None:
    halves = [tmp_path / "one", tmp_path / "two"]
    files = [path for number, half in enumerate(halves, 1) for path in small_series(half, "halves", series=number)]
    ran = all_at_once(development, *[register_words(half) for half in halves])
    assert sorted(study["revision"] for one in ran for study in one["studies"]) == [1, 2]
    (study_id,) = {study["study_id"] for one in ran for study in one["studies"]}
    development.fiducia(
        "study", "fetch", study_id, "--purpose", "PATRQT", "--out", str(tmp_path / "out"), "--as", "patient"
    )
    assert_same_files(tmp_path / "out", files)


def test_a_new_patient_whose_studies_come_at_once_is_enrolled_once(development: Development, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("first", "second")]
    for folder in folders:
        small_series(folder, f"new {folder.name}", patient="NEW-AT-ONCE")
    with development.house() as house:
        before = [event for event in events_of(house) if isinstance(event, SubjectEnrolled)]
    ran = all_at_once(development, *[register_words(folder, new=True) for folder in folders])
    assert len({study["subject"] for one in ran for study in one["studies"]}) == 1
    assert len({study["patient_profile"] for one in ran for study in one["studies"]}) == 1
    with development.house() as house:
        after = [event for event in events_of(house) if isinstance(event, SubjectEnrolled)]
    assert len(after) == len(before) + 1


def test_ten_fetches_at_once_succeed(development: Development, tmp_path: Path) -> None:
    files = small_study(tmp_path / "given", "ten")
    (study,) = development.register(tmp_path / "given")["studies"]
    development.grant(study["study_id"])
    outs = [tmp_path / f"out-{number}" for number in range(10)]
    ran = all_at_once(development, *[fetch_words(study["study_id"], out) for out in outs])
    assert len({one["request_id"] for one in ran}) == 10
    for out in outs:
        assert_same_files(out, files)
    with development.house() as house:
        assert len(state_of(house).releases(bytes.fromhex(study["study_id"][2:]))) == 10


def test_the_same_fetch_at_once_leaves_whole_images_and_says_who_was_too_many(
    development: Development, tmp_path: Path
) -> None:
    """One folder is one piece of work: others are told to come later (exit 4), none spoils it."""
    files = small_study(tmp_path / "given", "same out")
    (study,) = development.register(tmp_path / "given")["studies"]
    development.grant(study["study_id"])
    out = tmp_path / "out"
    running = [development.begin(*fetch_words(study["study_id"], out)) for _ in range(3)]
    codes = []
    for process in running:
        said, _ = process.communicate(timeout=120)
        codes.append(process.returncode)
        assert process.returncode == 0 or '"urn:fiducia:problem:limit"' in said
    assert set(codes) <= {0, 4}
    assert 0 in codes
    assert_same_files(out, files)
