"""Grouping: what belongs together, what contradicts itself, in which order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fiducia.core.dicom.grouping import Candidate, Grouping, group
from fiducia.errors import DicomError
from fiducia.records.images import InstanceInfo, PatientIdentity

INFO = InstanceInfo(PatientIdentity("", "PAT"), "1.2", "1.2.1", "1.2.1.1", "1.9", "1.8", "CT", 100, 200)


def candidate(
    source: str,
    sop: str,
    series: str = "1.2.1",
    study: str = "1.2",
    patient: str = "PAT",
    numbers: tuple[int | None, int | None] = (1, 1),
) -> Candidate[str]:
    info = replace(
        INFO,
        identity=PatientIdentity("", patient),
        study_instance_uid=study,
        series_instance_uid=series,
        sop_instance_uid=sop,
    )
    return Candidate(source, info, *numbers)


def unasked(candidate: Candidate[str]) -> bytes:
    raise AssertionError("nothing was there twice")


def first_letter(candidate: Candidate[str]) -> bytes:
    """Sources that begin with the same letter have the same contents."""
    return candidate.source[0].encode()


def shape(grouping: Grouping[str]) -> dict[str, list[list[str]]]:
    return {
        study.study_instance_uid: [[instance.source for instance in series.instances] for series in study.series]
        for study in grouping.studies
    }


def test_instances_stand_in_the_order_of_their_numbers() -> None:
    found = group(
        [
            candidate("d", "1.4", series="1.2.9", numbers=(2, 1)),
            candidate("c", "1.3", series="1.2.5", numbers=(10, 3)),
            candidate("a", "1.10", series="1.2.5", numbers=(10, -1)),
            candidate("e", "1.5", series="1.2.4", numbers=(None, None)),
            candidate("b2", "1.29", series="1.2.5", numbers=(10, 2)),
            candidate("b1", "1.28", series="1.2.5", numbers=(10, 2)),
            candidate("z", "1.6", series="1.2.5", numbers=(10, None)),
        ],
        unasked,
    )
    assert shape(found) == {"1.2": [["d"], ["a", "b1", "b2", "c", "z"], ["e"]]}


def test_studies_stand_in_the_order_in_which_they_were_found() -> None:
    found = group(
        [candidate("a", "1", study="9"), candidate("b", "2", study="1"), candidate("c", "3", study="9")], unasked
    )
    assert [study.study_instance_uid for study in found.studies] == ["9", "1"]


def test_a_study_of_two_patients_is_refused_as_a_whole_and_its_neighbour_is_not() -> None:
    found = group(
        [candidate("a", "1"), candidate("b", "2", patient="OTHER"), candidate("c", "3", study="2.2", patient="OTHER")],
        unasked,
    )
    assert shape(found) == {"2.2": [["c"]]}
    assert [refused.candidate.source for refused in found.refused] == ["a", "b"]
    assert {"2 different patients" in str(refused.error) for refused in found.refused} == {True}
    assert not [word for word in ("PAT", "OTHER", "1.2") for refused in found.refused if word in str(refused.error)]


def test_another_issuer_is_another_patient() -> None:
    other = candidate("b", "2")
    other = replace(other, info=replace(other.info, identity=PatientIdentity("CLINIC", "PAT")))
    assert group([candidate("a", "1"), other], unasked).studies == ()


def test_the_same_bytes_twice_are_one() -> None:
    found = group([candidate("a1", "1"), candidate("b", "2"), candidate("a2", "1")], first_letter)
    assert shape(found) == {"1.2": [["a1", "b"]]}
    assert [duplicate.source for duplicate in found.duplicates] == ["a2"]
    assert found.refused == ()


@pytest.mark.parametrize(
    "other", [candidate("z", "1"), candidate("z", "1", series="1.2.2"), candidate("z", "1", study="8.8")]
)
def test_one_instance_with_other_bytes_leaves_neither(other: Candidate[str]) -> None:
    found = group([candidate("a1", "1"), candidate("b", "2"), other, candidate("a2", "1")], first_letter)
    assert shape(found) == {"1.2": [["b"]]}
    assert [refused.candidate.source for refused in found.refused] == ["a1", "z", "a2"]
    assert {"different contents" in str(refused.error) for refused in found.refused} == {True}
    assert found.duplicates == ()


def test_a_repeated_instance_has_a_say_about_the_patient() -> None:
    found = group([candidate("a", "1"), candidate("b", "2"), candidate("z", "1", patient="OTHER")], first_letter)
    assert found.studies == ()
    assert all("different patients" in str(refused.error) for refused in found.refused)


def test_a_repeat_that_cannot_be_read_is_refused_alone() -> None:
    def broken(candidate: Candidate[str]) -> bytes:
        if candidate.source == "x":
            raise DicomError("gone")
        return b"same"

    found = group([candidate("x", "1"), candidate("a", "1"), candidate("b", "1")], broken)
    assert shape(found) == {"1.2": [["a"]]}
    assert [(refused.candidate.source, str(refused.error)) for refused in found.refused] == [("x", "gone")]
    assert [duplicate.source for duplicate in found.duplicates] == ["b"]


CANDIDATES = st.lists(
    st.builds(
        lambda number, letter, sop, series, study, patient: candidate(
            f"{letter}{number}", str(sop), str(series), str(study), patient, (series, sop)
        ),
        st.integers(0, 9),
        st.sampled_from("ab"),
        st.integers(1, 6),
        st.integers(1, 2),
        st.integers(1, 3),
        st.sampled_from(["P", "P", "P", "Q"]),
    ),
    max_size=12,
)


@given(CANDIDATES, st.randoms(use_true_random=False))
def test_nobody_is_lost_and_order_changes_nothing_but_which_duplicate_stays(
    candidates: list[Candidate[str]], random: object
) -> None:
    def outcome(order: list[Candidate[str]], key: Callable[[Candidate[str]], object]) -> tuple[object, ...]:
        found = group(order, lambda c: repr(contents(c)).encode())
        stored = [c for study in found.studies for series in study.series for c in series.instances]
        refused = [refused.candidate for refused in found.refused]
        everyone = sorted(map(key, [*stored, *refused, *found.duplicates]), key=repr)
        assert everyone == sorted(map(key, order), key=repr)
        assert len({c.info.sop_instance_uid for c in stored}) == len(stored)
        assert all(
            {c.info.identity for series in study.series for c in series.instances} == {study.identity}
            for study in found.studies
        )
        return sorted(map(key, stored), key=repr), sorted(map(key, refused), key=repr)

    def contents(c: Candidate[str]) -> object:
        return first_letter(c), c.info

    shuffled = list(candidates)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert outcome(candidates, contents) == outcome(shuffled, contents)
