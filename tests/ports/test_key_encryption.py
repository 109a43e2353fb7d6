"""What every source of the key-encryption key does: from the settings, a file, a passphrase, and a PKCS#11 token."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fiducia.adapters.key_encryption import (
    KEY_BYTES,
    KeyEncryption,
    KeyFile,
    KeyText,
    Passphrase,
    create_key_file,
    create_passphrase_parameters,
)
from fiducia.adapters.key_encryption_pkcs11 import HsmKey, create_hsm_key
from fiducia.adapters.sql import SqlVault
from fiducia.errors import VaultLockedError

Open = Callable[[], KeyEncryption]
SECRET = "ab" * KEY_BYTES


@pytest.fixture(params=["text", "file", "passphrase", "pkcs11"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Open, Path | None]:
    """How to open the source anew, as another process would, and the file that it needs."""
    path = tmp_path / "home" / "key"
    if request.param == "text":
        return lambda: KeyText(SECRET), None
    if request.param == "file":
        create_key_file(path)
        return lambda: KeyFile(path), path
    if request.param == "passphrase":
        create_passphrase_parameters(path, memory_kib=19 * 1024, iterations=1, lanes=1)
        return lambda: Passphrase("correct horse", path), path
    token = request.getfixturevalue("softhsm")
    create_hsm_key(token, path)
    return lambda: HsmKey(token, path), path


def test_every_process_gets_the_same_key(source: tuple[Open, Path | None]) -> None:
    opened, _ = source
    first = opened()
    key = first.key()
    assert len(key) == KEY_BYTES
    assert first.key() == opened().key() == key


def test_what_was_sealed_under_it_opens_again(source: tuple[Open, Path | None], tmp_path: Path) -> None:
    opened, _ = source
    with SqlVault(tmp_path / "vault.db", opened()) as vault:
        vault.put({"a": b"secret"})
    with SqlVault(tmp_path / "vault.db", opened()) as vault:
        assert vault.get("a") == b"secret"
    with pytest.raises(VaultLockedError, match="another key-encryption key"):
        SqlVault(tmp_path / "vault.db", KeyText("cd" * KEY_BYTES))


def test_without_its_file_there_is_no_key(source: tuple[Open, Path | None]) -> None:
    opened, path = source
    if path is None:
        return
    path.chmod(0o640)
    with pytest.raises(VaultLockedError, match="chmod 600"):
        opened().key()
    path.unlink()
    with pytest.raises(VaultLockedError, match="missing: restore it"):
        opened().key()


def test_the_key_is_in_no_text_of_it(source: tuple[Open, Path | None]) -> None:
    opened, _ = source
    provider = opened()
    assert provider.key().hex() not in repr(provider) + str(vars(provider).get("_token", ""))
