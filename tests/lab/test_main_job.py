"""The main job on four validators: with all of them, with one killed and returned, and with two down."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fiducia.records.events import ReleaseRecorded
from tests.support.images import small_series, small_study
from tests.support.lab import Lab
from tests.support.stack import fetch_words
from tests.support.truths import (
    assert_once,
    assert_recorded,
    assert_same_files,
    assert_whole,
    events_of,
    state_of,
)

IMPATIENT = {"FIDUCIA_FINALITY_S": "2"}
STALE_S = 15


@pytest.fixture(autouse=True)
def _sound(lab: Lab) -> Iterator[None]:
    """Whatever happened, the home is sound afterwards."""
    yield
    lab.return_all()
    with lab.house() as house:
        assert_whole(house)
        assert_recorded(house)
        assert_once(house)


def granted(lab: Lab, folder: Path) -> tuple[str, list[Path]]:
    """Register a study and grant it to the clinician."""
    files = small_study(folder, str(folder))
    (study,) = lab.register(folder)["studies"]
    lab.grant(study["study_id"])
    return str(study["study_id"]), files


def releases_of(lab: Lab, study_id: str) -> int:
    """How many releases of a study the chain itself tells of."""
    with lab.house() as house:
        told = [event for event in events_of(house) if isinstance(event, ReleaseRecorded)]
        assert len(told) == len(state_of(house).releases())
    return sum(f"0x{event.study_id.hex()}" == study_id for event in told)


def revoked_and_refused(lab: Lab, study_id: str, out: Path) -> None:
    """Revoke everything and see the next fetch refused by the ledger."""
    revoked = lab.fiducia("grant", "revoke", "--all")
    assert (revoked["revoked"], revoked["on_chain"]) == (True, True)
    assert lab.fetch(study_id, out, expect=3)["reason"] == "GRANT_EPOCH"
    assert not out.exists()


def proved_without_receipts(lab: Lab, study_id: str, folder: Path) -> None:
    """Its blocks have no Ethereum header: the members' signatures carry a proof, and that is enough."""
    made = lab.fiducia("study", "prove", study_id, "--out", str(folder / "proofs"), "--as", "hospital-a")
    assert (made["members"], made["missing"], made["receipt"]) == ([1, 2], [], False)
    exported = lab.fiducia("audit", "trust", "--out", str(folder / "trust.json"))
    assert (exported["quorum"], exported["receipts"]) == (2, False)
    checked = lab.fiducia("audit", "verify", str(folder / "proofs"), "--trust", str(folder / "trust.json"))
    assert (checked["verified"], checked["proofs"]) == (True, made["files"])


def test_the_main_job(lab: Lab, tmp_path: Path) -> None:
    study_id, files = granted(lab, tmp_path / "in")
    lab.fetch(study_id, tmp_path / "out")
    assert_same_files(tmp_path / "out", files)
    proved_without_receipts(lab, study_id, tmp_path)
    revoked_and_refused(lab, study_id, tmp_path / "again")
    assert lab.fiducia("audit", "verify")["verified"] is True
    assert releases_of(lab, study_id) == 1


def test_the_main_job_with_one_validator_killed_and_returned(lab: Lab, tmp_path: Path) -> None:
    """The one that everybody asks first."""
    study_id, files = granted(lab, tmp_path / "in")
    lab.kill(1)
    lab.fetch(study_id, tmp_path / "out")
    assert_same_files(tmp_path / "out", files)
    other_id, other_files = granted(lab, tmp_path / "other")
    lab.start(1)
    assert all(row["ready"] for row in lab.fiducia("lab", "status").said)
    lab.fetch(other_id, tmp_path / "other-out")
    assert_same_files(tmp_path / "other-out", other_files)
    revoked_and_refused(lab, study_id, tmp_path / "again")
    assert lab.fiducia("audit", "verify")["verified"] is True
    assert (releases_of(lab, study_id), releases_of(lab, other_id)) == (1, 1)


def test_with_two_validators_down_nothing_is_released_and_nothing_is_lost(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study_id, files = granted(lab, tmp_path / "in")
    small_series(tmp_path / "late", "registered while the chain stands still")
    for name, value in IMPATIENT.items():
        monkeypatch.setenv(name, value)
    lab.broker(**IMPATIENT)
    for number in (2, 3):
        lab.kill(number)
    halted_at = time.monotonic()
    out = tmp_path / "out"
    sent = lab.fetch(study_id, out, expect=4)
    assert sent["type"] in ("urn:fiducia:problem:ledger-not-final", "urn:fiducia:problem:ledger-stale")
    lab.register(tmp_path / "late", expect=4)
    time.sleep(max(0.0, STALE_S + 2 - (time.monotonic() - halted_at)))
    # The two that are left serve their last block for ever, and say that they are not behind anybody.
    assert lab.rpc("eth_syncing") is False
    for words in (fetch_words(study_id, out), ("study", "register", str(tmp_path / "late")), ("audit", "verify")):
        assert "older by this machine's clock" in lab.fiducia(*words, expect=4)["detail"]
    assert lab.process("status", expect=4).code == 4
    assert not out.exists()
    for name in IMPATIENT:
        monkeypatch.delenv(name)
    stood_at = int(lab.rpc("eth_blockNumber"), 16)
    for number in (2, 3):
        lab.start(number)
    assert int(lab.rpc("eth_blockNumber"), 16) > stood_at
    lab.broker()
    lab.fetch(study_id, out)
    assert_same_files(out, files)
    (study,) = lab.register(tmp_path / "late")["studies"]
    assert study["revision"] == 1
    assert releases_of(lab, study_id) == 1
    assert lab.fiducia("audit", "verify")["verified"] is True
