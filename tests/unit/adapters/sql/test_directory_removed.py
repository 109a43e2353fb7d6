"""What is removed from the directory is in no file of the database any more."""

from __future__ import annotations

from pathlib import Path

from fiducia.adapters import custody_changes as changes
from fiducia.adapters.copy_sources import PatientsSource, StudiesSource
from fiducia.adapters.sql import SqlPatients, SqlStudies
from tests.support.custody import KEK, patient, raw, study


def files(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in path.parent.iterdir())


def test_a_removed_studys_entries_are_in_no_file(tmp_path: Path) -> None:
    path = tmp_path / "home" / "studies.db"
    with SqlStudies(path, KEK) as studies:
        for uid in ("1.2.3", "1.2.4"):
            studies.confirm(study(uid, instances=200))  # reaches into pages of its own
            studies.propose(study(uid, 2))
        with raw(path) as connection:
            gone, stays = connection.execute("SELECT anchored, pending FROM studies ORDER BY id").fetchall()
        studies.remove("1.2.3")
        content = files(path)
    for value in gone:
        assert all(value[at : at + 32] not in content for at in range(0, len(value) - 32, 32))
    assert all(value[:32] in content for value in stays), "the search can find a value"


def test_a_removed_patients_entry_is_in_no_file(tmp_path: Path) -> None:
    path = tmp_path / "home" / "patients.db"
    with SqlPatients(path, KEK) as patients:
        patients.add(patient("P-1"))
        patients.add(patient("P-2"))
        with raw(path) as connection:
            (gone,), (stays,) = connection.execute("SELECT sealed FROM patients ORDER BY id").fetchall()
        patients.remove(patient("P-1").identity)
        content = files(path)
    assert gone[:32] not in content
    assert gone[-32:] not in content
    assert stays[:32] in content, "the search can find a value"


def test_a_copy_that_tells_of_removals_is_applied_to_a_database(tmp_path: Path) -> None:
    """A removal sees to the files, which must not stand in the way of what is written together around it."""
    with SqlStudies(tmp_path / "studies.db", KEK) as studies, SqlPatients(tmp_path / "patients.db", KEK) as patients:
        StudiesSource("studies/a", studies).apply(
            [
                changes.confirm("studies/a", study("1.2.3")),
                changes.confirm("studies/a", study("1.2.4")),
                changes.forget_study("studies/a", "1.2.3"),
                changes.propose("studies/a", study("1.2.5")),
            ]
        )
        first, second = patient("P-1"), patient("P-2")
        PatientsSource("patients/a", patients).apply(
            [
                changes.add_patient("patients/a", first),
                changes.forget_patient("patients/a", first.identity),
                changes.add_patient("patients/a", second),
            ]
        )
        assert studies.all() == (study("1.2.4"),)
        assert studies.find("1.2.5").pending == study("1.2.5")
        assert patients.all() == (second,)
