"""A hospital's whole list of patients, enrolled by one command on a real chain."""

from __future__ import annotations

from pathlib import Path

from fiducia.journeys.patients.enrol import BATCH_MAX
from tests.e2e.conftest import SampleFolders
from tests.support.cli import Cli


def test_a_list_is_enrolled_once_and_its_patients_have_studies(
    embedded: Cli, samples: SampleFolders, tmp_path: Path
) -> None:
    many = [f"LISTED-{number}" for number in range(BATCH_MAX + 3)]
    alone = embedded.ok("patient", "enrol", "--patient-id", many[7])
    patients = tmp_path / "patients.csv"
    patients.write_text("\n".join(["patient_id", *many[:9], ""]))
    before = len(embedded.ok("patient", "list"))

    def enrolled() -> tuple[int, int]:
        done = embedded.ok("patient", "enrol-list", patients)
        assert done["patients"] == done["enrolled"] + done["known"]
        return done["enrolled"], done["known"]

    assert enrolled() == (8, 1)
    patients.write_text("\n".join(["patient_id,issuer", *(f"{each}," for each in many), ""]))
    assert enrolled() == (BATCH_MAX + 3 - 9, 9)
    assert enrolled() == (0, BATCH_MAX + 3)

    rows = embedded.ok("patient", "list", "--identities")
    assert len(rows) == before + BATCH_MAX + 3 - 1
    listed = {row["patient_id"]: row for row in rows if str(row["patient_id"]).startswith("LISTED-")}
    assert sorted(listed) == sorted(many)
    assert all(row["enrolled"] for row in listed.values())
    assert {name for name, row in listed.items() if row["signer"] == "device"} == {many[7]}
    assert listed[many[7]]["subject"] == alone["subject"]

    study = embedded.register(samples.make(1, patient_id=many[-1]))
    assert (study["subject"], study["patient_profile"]) == (listed[many[-1]]["subject"], None)


def test_what_is_no_list_enrols_nobody(embedded: Cli, tmp_path: Path) -> None:
    before = embedded.ok("patient", "list")
    patients = tmp_path / "patients.csv"
    embedded.fails(5, "patient", "enrol-list", patients)
    patients.write_text("patient_id\nUNSAID-1\nUNSAID-2,CITY\n")
    done = embedded.run("patient", "enrol-list", patients)
    assert done.code == 5
    assert "line 3" in done.err
    assert "UNSAID" not in done.err + done.out
    assert embedded.ok("patient", "list") == before
