"""What every spool does, in memory and in a folder; then what only a disk can do to one."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fiducia.adapters.memory.spool import MemorySpool
from fiducia.adapters.memory.vault import MemoryVault
from fiducia.adapters.spool_folder import FolderSpool
from fiducia.adapters.sql.vault import SqlVault
from fiducia.core.dicom.examination import Examined
from fiducia.core.dicom.spooled import Spooled
from fiducia.errors import DicomError, VaultError
from fiducia.ports import Spool
from fiducia.records.images import InstanceInfo, PatientIdentity
from fiducia.records.intake import Defect, Outcome
from tests.support.altered import altered
from tests.support.custody import KEK

DATA = os.urandom(3 * 16384 + 17)
INFO = InstanceInfo(PatientIdentity("", "SECRET-7"), "1.2", "1.3", "1.4", "1.5", "1.6", "CT", 200, len(DATA))
EXAMINED = Examined(INFO, 3, 4, b'{"secret": "SECRET-7"}', 3, 1, bytes(16))
DEFECTS = (Defect("preamble", Outcome.QUARANTINED, "it begins like a program"),)


@pytest.fixture(params=["memory", "folder"])
def spool(request: pytest.FixtureRequest, tmp_path: Path) -> Spool:
    return MemorySpool() if request.param == "memory" else FolderSpool(tmp_path / "spool", MemoryVault())


def add(spool: Spool, data: bytes = DATA, *, waiting: bool = False) -> Spooled:
    pieces = (data[at : at + 20_000] for at in range(0, len(data), 20_000))
    taken = spool.take(pieces)
    assert taken.size_bytes == len(data)
    return spool.keep(taken, EXAMINED, waiting=waiting, door="folder", at=1_800_000_000, defects=DEFECTS)


def test_what_was_added_is_there_whole(spool: Spool) -> None:
    added = add(spool)
    assert (added.waiting, added.received_at, added.door) == (False, 1_800_000_000, "folder")
    assert (added.examined, added.defects) == (EXAMINED, DEFECTS)
    assert spool.find(added.spool_id) == added
    assert spool.all() == (added.listed(),)
    assert (added.listed().examined.dicom_json, added.listed().examined.ranges) == (b"", b"")
    with spool.open(added.spool_id) as stream:
        assert stream.read(10) == DATA[:10]
        assert stream.seek(16_380) == 16_380
        buffer = bytearray(100)
        assert stream.readinto(buffer) == 100  # type: ignore[attr-defined]
        assert buffer == DATA[16_380:16_480]
        assert stream.read(1 << 20) == DATA[16_480:]
        assert stream.read(1) == b""


def test_all_are_in_the_order_in_which_they_came(spool: Spool) -> None:
    added = [add(spool, waiting=number % 2 == 0) for number in range(6)]
    assert spool.all() == spool.all() == tuple(each.listed() for each in added)
    assert len({each.spool_id for each in added}) == 6
    assert {len(each.spool_id) for each in added} == {16}


def test_what_changes_meanwhile_is_listed_as_it_is(spool: Spool) -> None:
    first, second = add(spool), add(spool)
    assert len(spool.all()) == 2
    spool.release(first.spool_id)
    third = add(spool, waiting=True)
    spool.remove([second.spool_id])
    assert [(each.spool_id, each.waiting) for each in spool.all()] == [(first.spool_id, True), (third.spool_id, True)]


def test_released_it_waits_and_is_released_once(spool: Spool) -> None:
    added = add(spool)
    assert spool.release(added.spool_id) is True
    assert spool.find(added.spool_id) == replace(added, waiting=True)
    assert spool.all() == (replace(added.listed(), waiting=True),)
    assert spool.release(added.spool_id) is False
    assert spool.release(bytes(16)) is False


def test_removed_it_is_gone(spool: Spool) -> None:
    first, second = add(spool), add(spool, waiting=True)
    spool.remove([first.spool_id, bytes(16)])
    assert (spool.find(first.spool_id), spool.all()) == (None, (second.listed(),))
    with pytest.raises(DicomError, match="any more"):
        spool.open(first.spool_id)
    spool.remove([second.spool_id])
    assert spool.all() == ()


def test_what_was_taken_can_be_read_and_does_not_count_before_it_is_kept(spool: Spool) -> None:
    taken = spool.take([DATA[:5], memoryview(DATA)[5:]])
    assert (spool.all(), spool.find(taken.spool_id), spool.release(taken.spool_id)) == ((), None, False)
    with spool.open(taken.spool_id) as stream:
        assert stream.read(1 << 20) == DATA
    spool.remove([taken.spool_id])
    with pytest.raises(DicomError):
        spool.open(taken.spool_id)


def test_nothing_can_be_taken(spool: Spool) -> None:
    taken = spool.take([])
    assert (taken.size_bytes, spool.open(taken.spool_id).read()) == (0, b"")


def test_what_the_pieces_raise_passes_and_leaves_nothing(spool: Spool) -> None:
    def pieces() -> Iterator[bytes]:
        yield DATA[:100]
        raise DicomError("cut")

    with pytest.raises(DicomError, match="cut"):
        spool.take(pieces())
    assert spool.all() == ()


# -- the disk


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[SqlVault]:
    with SqlVault(tmp_path / "vault.sqlite", KEK) as vault:
        yield vault


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


def test_another_process_finds_it(tmp_path: Path, vault: SqlVault) -> None:
    added = add(FolderSpool(tmp_path / "spool", vault))
    again = FolderSpool(tmp_path / "spool", vault)
    assert again.all() == (added.listed(),)
    assert again.open(added.spool_id).read(1 << 20) == DATA


def test_what_another_process_does_is_listed(tmp_path: Path, vault: SqlVault) -> None:
    spool, other = (FolderSpool(tmp_path / "spool", vault) for _ in range(2))
    first, second = add(spool), add(spool)
    assert len(spool.all()) == 2
    other.release(first.spool_id)
    other.remove([second.spool_id])
    assert spool.all() == (replace(first.listed(), waiting=True),)


def test_what_was_listed_is_not_opened_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = FolderSpool(tmp_path / "spool", MemoryVault())
    added = add(spool)
    assert spool.all() == (added.listed(),)
    monkeypatch.setattr(spool, "find", None)
    assert spool.all() == (added.listed(),)


def test_the_disk_shows_nothing_and_nobody_else_reads_it(tmp_path: Path, vault: SqlVault) -> None:
    add(FolderSpool(tmp_path / "spool", vault))
    for path in files(tmp_path):
        data = path.read_bytes()
        assert b"SECRET" not in data
        assert DATA[:32] not in data
        assert path.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "spool").rglob("*") if path.is_dir())


def test_once_removed_nothing_that_was_kept_opens_it(tmp_path: Path, vault: SqlVault) -> None:
    root = tmp_path / "spool"
    spool = FolderSpool(root, vault)
    added = add(spool)
    kept = {path: path.read_bytes() for path in files(root)}
    spool.remove([added.spool_id])
    assert files(root) == []
    for path, data in kept.items():
        path.write_bytes(data)
    assert spool.find(added.spool_id) is None
    with pytest.raises(DicomError):
        spool.open(added.spool_id)


@pytest.mark.parametrize("place", ["first", "last of the instance", "about", "length", "cut", "empty", "longer"])
def test_what_was_altered_is_found(tmp_path: Path, place: str) -> None:
    root = tmp_path / "spool"
    spool = FolderSpool(root, MemoryVault())
    added = add(spool)
    (path,) = files(root)
    data = bytearray(path.read_bytes())
    instance_bytes = int.from_bytes(data[-8:], "big")
    at = {"first": 0, "last of the instance": instance_bytes - 1, "about": len(data) - 9, "length": len(data) - 1}
    match place:
        case "cut":
            data = data[:-1]
        case "empty":
            data = bytearray()
        case "longer":
            data = data[:-8] + b"x" + data[-8:]
        case _:
            data[at[place]] ^= 1
    path.write_bytes(data)
    if place not in ("about", "longer"):
        with pytest.raises(VaultError):
            spool.open(added.spool_id)
    if place not in ("first", "last of the instance"):
        with pytest.raises(VaultError):
            spool.find(added.spool_id)


def test_one_that_was_put_in_anothers_place_is_found(tmp_path: Path) -> None:
    root = tmp_path / "spool"
    spool = FolderSpool(root, MemoryVault())
    first, second = add(spool), add(spool)
    os.replace(root / "quarantine" / first.spool_id.hex(), root / "quarantine" / second.spool_id.hex())
    with pytest.raises(VaultError):
        spool.find(second.spool_id)


def test_what_a_crash_left_does_not_count_and_is_swept_later(tmp_path: Path) -> None:
    root = tmp_path / "spool"
    vault = MemoryVault()
    spool = FolderSpool(root, vault)
    added, other = add(spool), add(spool)
    place = root / "quarantine" / added.spool_id.hex()
    place.rename(root / place.name)  # it crashed before it was moved there
    spool.take([DATA])  # and before its key was kept
    assert spool.all() == (other.listed(),)
    again = FolderSpool(root, vault)  # it may be being written just now
    assert len(vault.names("spool/")) == 2
    for path in files(root):
        old = time.time() - 2 * 86_400
        os.utime(path, (old, old))
    again = FolderSpool(root, vault)
    assert again.all() == (other.listed(),)
    assert len(vault.names("spool/")) == 1
    assert len(files(root)) == 1


def test_a_disk_that_cannot_be_written_is_said_so_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = MemoryVault()
    spool = FolderSpool(tmp_path / "spool", vault)

    def full(descriptor: int) -> None:
        raise OSError(28, "no space left")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(VaultError, match="disk"):
        add(spool)
    monkeypatch.undo()
    assert spool.all() == ()
    assert files(tmp_path / "spool") == []
    assert vault.names("spool/") == ()


def test_what_does_not_open_closes_nothing_of_others(tmp_path: Path) -> None:
    spool = FolderSpool(tmp_path / "spool", MemoryVault())
    added = add(spool)
    (path,) = files(tmp_path)
    path.write_bytes(altered(path.read_bytes(), 0))
    try:
        spool.open(added.spool_id)
    except VaultError as error:
        with path.open("rb") as other:  # takes the number that was closed
            error.__traceback__ = error.__cause__ = error.__context__ = None
            gc.collect()
            assert other.read(1)
    else:
        pytest.fail("an altered instance was opened")
