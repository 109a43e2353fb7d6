from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from fiducia.adapters.sql.claims import claim
from fiducia.errors import LimitError, VaultError


@pytest.mark.parametrize("another_made_one", [False, True])
def test_a_lock_on_a_file_that_its_holder_has_just_removed_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, another_made_one: bool
) -> None:
    path = tmp_path / "locks" / "a.lock"
    removed: list[Path] = []

    def lock_after_the_holder_left(descriptor: int, operation: int) -> None:
        if not removed:
            path.unlink()
            removed.append(path)
            if another_made_one:
                path.touch()
        flock(descriptor, operation)

    flock = fcntl.flock
    monkeypatch.setattr(fcntl, "flock", lock_after_the_holder_left)
    with claim(path, 10), pytest.raises(LimitError), claim(path, 0):
        pytest.fail("held twice")
    assert removed


def test_locks_are_private_and_gone_when_let_go(tmp_path: Path) -> None:
    path = tmp_path / "locks" / "a.lock"
    with claim(path, 0):
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700
    assert list(path.parent.iterdir()) == []


def test_a_lock_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "locks").write_text("in the way")
    with pytest.raises(VaultError, match="lock file"), claim(tmp_path / "locks" / "a.lock", 0):
        pytest.fail("held nothing")
    (tmp_path / "link.lock").symlink_to(tmp_path / "locks")
    with pytest.raises(VaultError, match="lock file"), claim(tmp_path / "link.lock", 0):
        pytest.fail("held what a link points to")
