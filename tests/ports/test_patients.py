"""What every first half of the directory does, in memory and at rest."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from fiducia.adapters.memory.patients import MemoryPatients
from fiducia.adapters.sql import SqlPatients
from fiducia.errors import EncodingError
from fiducia.ports import Patients
from fiducia.records.images import PatientIdentity
from tests.support.custody import KEK, custody_place, patient


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def patients(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Patients]:
    made = MemoryPatients() if request.param == "memory" else SqlPatients(custody_place(request, tmp_path), KEK)
    with made:
        yield made


def test_nobody_is_known_at_first(patients: Patients) -> None:
    assert patients.subject_of(PatientIdentity("", "P-1")) is None
    assert patients.all() == ()


def test_an_added_patient_is_found_with_every_field(patients: Patients) -> None:
    entry = patient("Zoë^山田", issuer="Hôpital")
    assert patients.add(entry) == entry
    assert patients.subject_of(entry.identity) == entry


def test_the_first_entry_of_an_identity_stands(patients: Patients) -> None:
    first = patient("P-1", salt="first")
    assert patients.add(first) == first
    assert patients.add(patient("P-1", salt="second")) == first
    assert patients.subject_of(first.identity) == first
    assert patients.all() == (first,)


def test_a_removed_patient_is_unknown_and_the_others_stay(patients: Patients) -> None:
    gone, stays = patient("P-1", salt="first"), patient("P-2")
    patients.add(gone)
    patients.add(stays)
    for _ in range(2):
        patients.remove(gone.identity)
        assert patients.subject_of(gone.identity) is None
        assert patients.all() == (stays,)
    again = patient("P-1", salt="second")
    assert patients.add(again) == again


def test_identities_that_only_look_alike_are_told_apart(patients: Patients) -> None:
    pairs = [
        ("", "ab"),
        ("a", "b"),
        ("ab", ""),
        ("a\x00", "b"),
        ("a", "\x00b"),
        ("", "a\x00b"),
        ("a", "B"),
        ("a", "b "),
    ]
    entries = tuple(patient(patient_id, issuer=issuer, salt=issuer + "/" + patient_id) for issuer, patient_id in pairs)
    for entry in entries:
        assert patients.add(entry) == entry
    assert patients.all() == entries
    assert tuple(patients.subject_of(entry.identity) for entry in entries) == entries


@pytest.mark.parametrize("text", ["\ud800", "a\udfff"])
def test_text_that_is_not_unicode_is_refused_unquoted(patients: Patients, text: str) -> None:
    for entry in (patient(text), patient("P", issuer=text), replace(patient("P-1"), profile=text)):
        with pytest.raises(EncodingError) as refusal:
            patients.add(entry)
        assert text not in str(refusal.value)
        assert refusal.value.__cause__ is None
    with pytest.raises(EncodingError):
        patients.subject_of(PatientIdentity("", text))
    assert patients.all() == ()


def test_threads_that_add_one_identity_get_one_entry(patients: Patients) -> None:
    with ThreadPoolExecutor(16) as pool:
        added = list(pool.map(lambda number: patients.add(patient("P-1", salt=str(number))), range(16)))
    assert len(set(added)) == 1
    assert patients.all() == (added[0],)
