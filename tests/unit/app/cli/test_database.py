"""`fiducia database`: what is said of a home in files, of one in PostgreSQL, and of none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fiducia.adapters.key_encryption import KeyText
from fiducia.adapters.sql import SqlVault
from fiducia.adapters.sql.custody import CUSTODY
from fiducia.app import cli
from fiducia.app.home import Home
from tests.support.postgresql import Cluster


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "PASSPHRASE", "DATABASE_URL", "PKCS11_MODULE"):
        monkeypatch.delenv(f"FIDUCIA_{name}", raising=False)
    monkeypatch.setenv("FIDUCIA_KEY", "ab" * 32)


def run(home: Path, capsys: pytest.CaptureFixture[str], *words: str, expect: int = 0) -> Any:
    capsys.readouterr()
    assert cli.main(["database", *words, "--home", str(home), "--json"]) == expect
    return json.loads(capsys.readouterr().out)


def test_an_empty_home_has_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, capsys, "show") == {"database": "sqlite", "set_up": False, "owners": []}
    assert run(tmp_path, capsys, "migrate") == []
    assert list(tmp_path.iterdir()) == []


def test_files_are_named_from_the_home(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = Home(tmp_path)
    SqlVault(home.profiles, KeyText("ab" * 32)).close()
    assert run(tmp_path, capsys, "show")["set_up"] is True
    assert run(tmp_path, capsys, "migrate") == [
        {"of": "profiles.sqlite", "from": CUSTODY.revision, "to": CUSTODY.revision, "changed": False}
    ]


def test_an_empty_database_is_prepared_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, postgresql: Cluster
) -> None:
    with postgresql.database("template0") as place:
        monkeypatch.setenv("FIDUCIA_DATABASE_URL", place.url.render_as_string(hide_password=False))
        assert run(tmp_path, capsys, "show") == {"database": "postgresql", "set_up": False, "owners": []}
        assert run(tmp_path, capsys, "migrate") == [
            {"of": "(home)", "from": None, "to": CUSTODY.revision, "changed": True}
        ]
        assert run(tmp_path, capsys, "migrate") == [
            {"of": "(home)", "from": CUSTODY.revision, "to": CUSTODY.revision, "changed": False}
        ]
        assert run(tmp_path, capsys, "show")["owners"] == [{"of": "(home)", "version": CUSTODY.revision}]


def test_a_database_that_cannot_be_reached_is_exit_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIDUCIA_DATABASE_URL", "postgresql://a:pw-1618@127.0.0.1:9/fiducia")
    for verb in ("show", "migrate"):
        said = run(tmp_path, capsys, verb, expect=2)
        assert "cannot be reached" in said["detail"]
        assert "pw-1618" not in str(said)
