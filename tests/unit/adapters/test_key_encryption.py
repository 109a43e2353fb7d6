from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from argon2.low_level import Type, hash_secret_raw

from fiducia.adapters.key_encryption import (
    KeyFile,
    KeyText,
    Passphrase,
    create_key_file,
    create_passphrase_parameters,
)
from fiducia.errors import ConfigError, VaultError, VaultLockedError

DIGITS = "00112233445566778899aabbccddeeff" * 2
KEY = bytes.fromhex(DIGITS)


def parameters(path: Path) -> Path:
    create_passphrase_parameters(path, memory_kib=19 * 1024, iterations=1, lanes=1)
    return path


@pytest.mark.parametrize("text", [DIGITS, "0x" + DIGITS, DIGITS.upper(), f"  {DIGITS}\n"])
def test_a_key_given_as_text_is_read(text: str) -> None:
    assert KeyText(text).key() == KEY


@pytest.mark.parametrize("text", ["", "  ", DIGITS[:-1], DIGITS + "0", "g" + DIGITS[1:], "0x", "\u0660" * 64])
def test_a_key_text_that_is_none_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(VaultLockedError, match="64 hexadecimal digits") as refusal:
        KeyText(text).key()
    assert not text.strip() or len(text.strip()) < 5 or text.strip() not in str(refusal.value)


def test_a_created_key_file_is_private_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "home" / "keys" / "kek"
    old = os.umask(0)
    try:
        create_key_file(path)
    finally:
        os.umask(old)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [p.stat().st_mode & 0o777 for p in (path.parent, path.parent.parent)] == [0o700, 0o700]
    assert len(KeyFile(path).key()) == 32
    assert KeyFile(path).key() == KeyFile(path).key() == bytes.fromhex(path.read_text().strip())
    assert os.listdir(path.parent) == ["kek"]


def test_two_key_files_differ(tmp_path: Path) -> None:
    create_key_file(tmp_path / "a")
    create_key_file(tmp_path / "b")
    assert KeyFile(tmp_path / "a").key() != KeyFile(tmp_path / "b").key()


@pytest.mark.parametrize("create", [create_key_file, create_passphrase_parameters])
def test_an_existing_file_is_never_replaced(tmp_path: Path, create: Callable[[Path], None]) -> None:
    path = tmp_path / "file"
    path.write_text("mine")
    with pytest.raises(ConfigError, match="already"):
        create(path)
    assert path.read_text() == "mine"
    assert os.listdir(tmp_path) == ["file"]


def test_many_who_create_one_key_file_leave_one_whole_key(tmp_path: Path) -> None:
    outcomes: list[str] = []
    barrier = threading.Barrier(8)

    def create() -> None:
        barrier.wait()
        try:
            create_key_file(tmp_path / "kek")
            outcomes.append("made")
        except ConfigError:
            outcomes.append("there")

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["made"] + ["there"] * 7
    assert len(KeyFile(tmp_path / "kek").key()) == 32
    assert os.listdir(tmp_path) == ["kek"]


def test_a_file_that_cannot_be_made_is_a_vault_error(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    with pytest.raises(VaultError):
        create_key_file(tmp_path / "plain" / "kek")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o666, 0o644])
@pytest.mark.parametrize("kind", ["key", "passphrase"])
def test_a_file_open_to_others_is_refused_with_the_cure(tmp_path: Path, mode: int, kind: str) -> None:
    path = tmp_path / "kek"
    if kind == "key":
        create_key_file(path)
        provider: KeyFile | Passphrase = KeyFile(path)
    else:
        provider = Passphrase("correct horse", parameters(path))
    path.chmod(mode)
    with pytest.raises(VaultLockedError, match=f"mode {mode:04o}.*chmod 600 {path}"):
        provider.key()
    path.chmod(0o600)
    assert len(provider.key()) == 32


def test_a_file_of_another_account_is_refused_with_the_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "kek"
    create_key_file(path)
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    with pytest.raises(VaultLockedError, match="another account: chown"):
        KeyFile(path).key()


def test_a_lost_key_file_is_said_and_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(VaultLockedError, match="missing: restore it"):
        KeyFile(tmp_path / "kek").key()
    assert os.listdir(tmp_path) == []


def _link(path: Path) -> None:
    create_key_file(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


@pytest.mark.parametrize("make", [_link, Path.mkdir, lambda path: os.mkfifo(path, 0o600)])
def test_something_else_in_the_files_place_is_refused(tmp_path: Path, make: Callable[[Path], Any]) -> None:
    make(tmp_path / "kek")
    with pytest.raises(VaultLockedError, match=r"regular file|cannot be opened"):
        KeyFile(tmp_path / "kek").key()


@pytest.mark.parametrize("content", [b"", b"\n", KEY, DIGITS.encode()[:-1], (DIGITS * 100).encode(), b"\xff" * 64])
def test_a_damaged_key_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "kek"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(VaultLockedError):
        KeyFile(path).key()


def test_a_passphrase_gives_the_key_of_argon2id(tmp_path: Path) -> None:
    path = parameters(tmp_path / "passphrase.json")
    body = json.loads(path.read_text())
    expected = hash_secret_raw(b"correct horse", bytes.fromhex(body["salt"][2:]), 1, 19 * 1024, 1, 32, Type.ID)
    assert Passphrase("correct horse", path).key() == expected
    assert Passphrase("correct horsf", path).key() != expected
    other = parameters(tmp_path / "other.json")
    assert Passphrase("correct horse", other).key() != expected


def test_a_passphrase_key_is_derived_once(tmp_path: Path) -> None:
    provider = Passphrase("correct horse", parameters(tmp_path / "p"))
    key = provider.key()
    (tmp_path / "p").unlink()
    assert provider.key() == key


@pytest.mark.parametrize("passphrase", ["", "\ud800"])
def test_a_passphrase_that_is_none_is_refused(tmp_path: Path, passphrase: str) -> None:
    with pytest.raises(VaultLockedError, match="passphrase"):
        Passphrase(passphrase, parameters(tmp_path / "p")).key()


@pytest.mark.parametrize(
    "change",
    [
        {"memory_kib": 1024},
        {"memory_kib": 1 << 40},
        {"memory_kib": True},
        {"memory_kib": 65536.0},
        {"iterations": 0},
        {"iterations": 10**9},
        {"lanes": "4"},
        {"kdf": "argon2i"},
        {"version": 2},
        {"salt": "0x00"},
        {"salt": 7},
        {"extra": 1},
    ],
)
def test_changed_passphrase_parameters_are_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    path = parameters(tmp_path / "p")
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(VaultLockedError, match="restore the file"):
        Passphrase("correct horse", path).key()


@pytest.mark.parametrize("text", ["", "[]", "{", "null"])
def test_unreadable_passphrase_parameters_are_refused(tmp_path: Path, text: str) -> None:
    path = parameters(tmp_path / "p")
    path.write_text(text)
    with pytest.raises(VaultLockedError, match="restore the file"):
        Passphrase("correct horse", path).key()


def test_costs_out_of_bounds_are_refused_at_creation(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="memory_kib"):
        create_passphrase_parameters(tmp_path / "p", memory_kib=1)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("provider", [KeyText(DIGITS), Passphrase("correct horse", Path("p"))])
def test_providers_do_not_show_what_they_hold(provider: object) -> None:
    assert DIGITS not in repr(provider)
    assert "horse" not in repr(provider)
