"""Registration tells what a series' slices show together, and registers all the same."""

from __future__ import annotations

import pytest

from fiducia.records.images import RegisteredStudy
from fiducia.records.quality import QualityCode as Code
from tests.support.consortium import Consortium


@pytest.fixture
def world() -> Consortium:
    return Consortium()


def noticed(study: RegisteredStudy) -> list[tuple[int, Code, int]]:
    return [(judged.series, finding.code, finding.count) for judged in study.quality for finding in judged.findings]


def test_a_whole_study_has_nothing_to_report(world: Consortium) -> None:
    world.add_series(6)
    (study,) = world.run_register().studies
    assert study.quality == ()


def test_a_missing_slice_is_reported_and_the_study_is_anchored(world: Consortium) -> None:
    world.add_series(4)
    lost = sorted(world.add_series(6, series_number=2))[3]
    kept = world.files.pop(lost)
    done = world.run_register()
    (study,) = done.studies
    assert done.problems == ()
    assert noticed(study) == [(2, Code.MISSING_SLICES, 1)]
    assert (study.revision, study.series, study.instances) == (1, 2, 9)
    assert world.mirror.catch_up().study(study.study_id) is not None
    assert world.audit.run().findings == ()

    (again,) = world.run_register().studies
    assert again.unchanged
    assert again.quality == study.quality

    world.files[lost] = kept
    (mended,) = world.run_register().studies
    assert (mended.revision, mended.quality) == (2, ())


def test_a_revision_is_judged_by_what_was_given_with_it(world: Consortium) -> None:
    names = sorted(world.add_series(7))
    late = {name: world.files.pop(name) for name in names[3:]}
    assert noticed(world.run_register().studies[0]) == []
    world.files.clear()
    world.files.update({name: late[name] for name in (names[3], names[4], names[6])})
    (study,) = world.run_register().studies
    assert (study.revision, study.instances) == (2, 6)
    assert noticed(study) == [(1, Code.MISSING_SLICES, 1)]


def test_series_are_named_by_their_number_in_the_study(world: Consortium) -> None:
    first = sorted(world.add_series(5, series_number=40))
    world.run_register()
    world.files.pop(first[1])
    second = sorted(world.add_series(5, series_number=3))
    world.files.pop(second[2])
    (study,) = world.run_register().studies
    assert noticed(study) == [(1, Code.MISSING_SLICES, 1), (2, Code.MISSING_SLICES, 1)]
