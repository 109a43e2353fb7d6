"""No secret, identity or UID that custody keeps lies in any file in a form that can be read."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from fiducia.adapters.sql import SqlJournal, SqlPatients, SqlStudies, SqlVault
from tests.support.custody import KEK, act, digest, patient, study, worker
from tests.support.plaintext import find_plaintext

NUMBERS = (0, 1, 17, 49)
NEEDLES: dict[str, str | bytes] = {
    "key-encryption key": KEK.key(),
    "patient": "Patient-",
    "issuer": "Issuer-North",
    "study UID": "1.2.840.99.",
    "salt": digest("salt"),
    "subject of a study": digest("subject")[:20],
    "signer": digest("signer")[:20],
    "journal body": '{"number":',
    **{f"secret {number}": digest(f"pack key {number}") for number in NUMBERS},
    **{f"identity digest {number}": digest((1, number)) for number in NUMBERS[1:3]},
    **{f"request {number}": act(number).subject_id for number in NUMBERS},
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home in which a process used every adapter and was killed: database, log, shared memory, a lock."""
    with worker("fill-and-die", tmp_path / "home") as process:
        assert process.wait() == -signal.SIGKILL
    return tmp_path / "home"


def test_a_killed_process_leaves_nothing_readable(home: Path) -> None:
    files = sorted(path.name for path in home.rglob("*") if path.is_file())
    assert [name for name in files if name.startswith("custody.db")] == [
        "custody.db",
        "custody.db-shm",
        "custody.db-wal",
    ]
    assert [name[-5:] for name in files if not name.startswith("custody.db")] == [".lock"]
    assert find_plaintext(home, NEEDLES) == ()


def test_names_in_the_vault_are_found_so_the_search_sees_into_the_files(home: Path) -> None:
    assert {find.path.name for find in find_plaintext(home, {"name": "pack/17"})} == {"custody.db-wal"}


def test_going_on_and_closing_leaves_nothing_readable(home: Path) -> None:
    path = home / "custody.db"
    with (
        SqlVault(path, KEK) as vault,
        SqlPatients(path, KEK) as patients,
        SqlStudies(path, KEK) as studies,
        SqlJournal(path, KEK) as journal,
    ):
        assert vault.get("pack/17") == digest("pack key 17")
        vault.remove([f"pack/{number}" for number in range(25)])
        assert len(patients.all()) == 50
        assert patients.add(patient("Patient-50", issuer="Issuer-North")).subject == digest("Patient-50")[:20]
        assert studies.find("1.2.840.99.1").anchored == study("1.2.840.99.1", instances=40)
        studies.confirm(study("1.2.840.99.2", instances=40))
        assert len(list(journal.entries())) == 50
        journal.health()
    assert find_plaintext(home, NEEDLES) == ()


def test_one_plain_copy_anywhere_would_be_found(home: Path) -> None:
    (home / "leak").mkdir()
    (home / "leak" / "log").write_text(f"kept {digest('pack key 17').hex()}")
    assert [find.label for find in find_plaintext(home, NEEDLES)] == ["secret 17"]
    assert find_plaintext(home, NEEDLES, except_=[home / "leak"]) == ()
