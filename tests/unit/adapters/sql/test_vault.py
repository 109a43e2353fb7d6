"""Destroyed secrets leave nothing in the file or its log from which they could be opened again."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from fiducia.adapters.sql import SqlVault, sqlite
from fiducia.errors import KeyMissingError, VaultError
from tests.support.custody import KEK, digest, raw

SALTS = "SELECT name, salt FROM vault JOIN vault_salts ON vault_salts.id = salt_id"


def salts(path: Path) -> dict[str, bytes]:
    with raw(path) as connection:
        return dict(connection.execute(SALTS).fetchall())


def files(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in path.parent.iterdir())


@pytest.mark.parametrize("seed", range(4))
def test_the_salts_of_removed_and_replaced_secrets_are_gone_from_every_file(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    path = tmp_path / "home" / "vault.db"
    with SqlVault(path, KEK) as vault:
        names = [f"{chance.randbytes(16).hex()}/{number}" for number in range(400)]
        for at in range(0, 400, 20):
            vault.put({name: chance.randbytes(chance.choice([32, 300, 3000])) for name in names[at : at + 20]})
        first = salts(path)
        replaced = names[::3]
        vault.put({name: chance.randbytes(chance.choice([32, 300])) for name in replaced})
        second = salts(path)
        removed = chance.sample(names, 200)
        vault.remove(removed)
        content = files(path)
    gone = [first[name] for name in replaced] + [second[name] for name in removed]
    kept = [second[name] for name in names if name not in removed]
    assert [salt for salt in gone if salt in content or salt[:12] in content or salt[-12:] in content] == []
    assert all(salt in content for salt in kept), "the search can find a salt"


def test_a_removal_that_a_reader_delays_is_said_and_finished_by_running_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_SCRUB_TIMEOUT_S", 0.01)
    path = tmp_path / "home" / "vault.db"
    with SqlVault(path, KEK) as vault:
        vault.put({"a": digest(1)})
        salt = salts(path)["a"]
        with raw(path) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM vault").fetchall()
            with pytest.raises(VaultError, match="run it again"):
                vault.remove(["a"])
            with pytest.raises(KeyMissingError):
                vault.get("a")
            reader.execute("ROLLBACK")
        vault.remove(["a"])
        assert salt not in files(path)
