"""Settings come from FIDUCIA_* variables alone, in their forms, and keep secrets to themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from fiducia.app.settings import load
from fiducia.errors import ConfigError


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "KEY", "PASSPHRASE", "DEBUG", "ANVIL", "KUBO", "STOP_AT"):
        monkeypatch.delenv(f"FIDUCIA_{name}", raising=False)


def test_an_empty_environment_is_all_defaults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    settings = load()
    assert settings.home_directory() == tmp_path / "fiducia"
    assert (settings.key, settings.passphrase, settings.debug, settings.stop_at) == (None, None, False, None)


def test_a_given_home_wins_over_the_variable_and_that_over_xdg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("FIDUCIA_HOME", str(tmp_path / "variable"))
    assert load().home_directory() == tmp_path / "variable"
    assert load().home_directory(tmp_path / "given") == tmp_path / "given"


def test_a_relative_home_becomes_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert load().home_directory(Path("here")) == tmp_path / "here"


def test_an_empty_variable_counts_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIDUCIA_KEY", "")
    assert load().key is None


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIDUCIA_KEY", "ab" * 32)
    assert "abab" not in repr(load())


def test_a_key_and_a_passphrase_together_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIDUCIA_KEY", "ab" * 32)
    monkeypatch.setenv("FIDUCIA_PASSPHRASE", "open sesame")
    with pytest.raises(ConfigError, match="not both"):
        load()


def test_a_malformed_variable_is_named_without_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIDUCIA_DEBUG", "secret-value")
    with pytest.raises(ConfigError, match="FIDUCIA_DEBUG") as caught:
        load()
    assert "secret-value" not in str(caught.value)


def test_a_broker_gets_the_means_to_open_its_vault_and_little_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIDUCIA_KEY", "ab" * 32)
    monkeypatch.setenv("FIDUCIA_STOP_AT", "release.recorded")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "other")
    environment = load().child_environment()
    assert environment["FIDUCIA_KEY"] == "ab" * 32
    assert set(environment) == {"FIDUCIA_KEY", "PATH", "PYTHONUNBUFFERED", "PYTHONNOUSERSITE"}


def test_named_binaries_are_passed_to_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIDUCIA_ANVIL", "/opt/anvil")
    assert load().search_environment()["FIDUCIA_ANVIL"] == "/opt/anvil"
    assert "FIDUCIA_KUBO" not in load().search_environment()
