"""A database lets a further key-encryption key in, and ends the others for good."""

from __future__ import annotations

from pathlib import Path

import pytest

from fiducia.adapters.key_encryption import KeyText
from fiducia.adapters.sql import SqlLogbook, SqlVault
from fiducia.adapters.sql.key_wraps import end_others, let_in, opens
from fiducia.errors import VaultLockedError
from tests.support.custody import KEK, OTHER_KEK, digest, raw, without_wraps

THIRD_KEK = KeyText("5c" * 32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "custody.db"
    with SqlVault(path, KEK) as vault:
        vault.put({"one": digest(1)})
    return path


def wraps(path: Path) -> list[bytes]:
    with raw(path) as connection:
        return [row[0] for row in connection.execute("SELECT wrapped FROM key_wraps ORDER BY id")]


def test_who_has_it_open_reads_and_writes_through_all_of_it(path: Path) -> None:
    with SqlVault(path, KEK) as vault:
        assert let_in(path, KEK, OTHER_KEK)
        vault.put({"two": digest(2)})
        assert end_others(path, OTHER_KEK) == 1
        vault.put({"three": digest(3)})
        assert vault.get("one") == digest(1)
    with SqlVault(path, OTHER_KEK) as vault:
        assert [vault.get(name) for name in ("one", "two", "three")] == [digest(1), digest(2), digest(3)]
    with pytest.raises(VaultLockedError):
        SqlVault(path, KEK)


def test_an_ended_wrap_is_in_no_file(path: Path) -> None:
    let_in(path, KEK, OTHER_KEK)
    first, second = wraps(path)
    with SqlVault(path, OTHER_KEK):
        end_others(path, OTHER_KEK)
        content = b"".join(each.read_bytes() for each in path.parent.glob("custody.db*"))
    assert wraps(path) == [bytes(len(first)), second]
    assert first not in content
    assert first[:32] not in content
    assert second in content, "the search can find one"


def test_each_change_may_be_repeated(path: Path) -> None:
    assert let_in(path, KEK, OTHER_KEK)
    assert not let_in(path, KEK, OTHER_KEK)
    assert not let_in(path, OTHER_KEK, KEK)
    assert len(wraps(path)) == 2
    assert end_others(path, OTHER_KEK) == 1
    assert end_others(path, OTHER_KEK) == 0
    assert (opens(path, KEK), opens(path, OTHER_KEK)) == (False, True)


def test_a_key_that_does_not_open_it_changes_nothing(path: Path) -> None:
    before = wraps(path)
    with pytest.raises(VaultLockedError):
        let_in(path, OTHER_KEK, THIRD_KEK)
    with pytest.raises(VaultLockedError):
        end_others(path, OTHER_KEK)
    assert wraps(path) == before
    with SqlVault(path, KEK) as vault:
        assert vault.get("one") == digest(1)


def test_a_wrap_from_another_database_opens_nothing(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    SqlVault(other, OTHER_KEK).close()
    (foreign,) = wraps(other)
    with raw(path) as connection:
        connection.execute("UPDATE key_wraps SET wrapped = ?", (foreign,))
    with pytest.raises(VaultLockedError):
        SqlVault(path, OTHER_KEK)


def test_a_database_of_before_there_were_wraps_goes_over_too(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    without_wraps(path)
    with SqlVault(path, KEK) as vault:
        vault.put({"one": digest(1)})
    with pytest.raises(VaultLockedError):
        SqlVault(path, OTHER_KEK)
    assert let_in(path, KEK, OTHER_KEK)
    for kek in (KEK, OTHER_KEK):
        with SqlVault(path, kek) as vault:
            assert vault.get("one") == digest(1)
    assert end_others(path, OTHER_KEK) == 1
    with SqlVault(path, OTHER_KEK) as vault:
        assert vault.get("one") == digest(1)
    with pytest.raises(VaultLockedError):
        SqlVault(path, KEK)


def test_a_database_in_which_nothing_is_sealed_has_no_key(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    SqlLogbook(path).close()
    assert not let_in(path, KEK, OTHER_KEK)
    assert opens(path, KEK)
    assert end_others(path, KEK) == 0
