"""Settings come from FIDUCIA_* variables alone, in their forms, and keep secrets to themselves."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest

from fiducia.app.broker.limits import Limits
from fiducia.app.rekey_policy import rekey_policy
from fiducia.app.settings import load
from fiducia.core.rules import Basis, Purpose, mask
from fiducia.errors import ConfigError
from fiducia.journeys.custody.rekeying_revoked import RekeyPolicy


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("HOME", "KEY", "PASSPHRASE", "DEBUG", "ANVIL", "KUBO", "STOP_AT", "DATABASE_URL")
    for name in (*names, "PKCS11_MODULE", "PKCS11_TOKEN", "PKCS11_PIN", "PKCS11_KEY"):
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


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KEY", "ab" * 32),
        ("PASSPHRASE", "sesame"),
        ("PKCS11_PIN", "2718"),
        ("DATABASE_URL", "postgresql://a:pw-1618@db/fiducia"),
    ],
)
def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"FIDUCIA_{name}", value)
    settings = load()
    assert value not in repr(settings) + str(settings)
    assert "pw-1618" not in repr(settings)


SOURCES = {"FIDUCIA_KEY": "ab" * 32, "FIDUCIA_PASSPHRASE": "open sesame", "FIDUCIA_PKCS11_MODULE": "/usr/lib/hsm.so"}


@pytest.mark.parametrize("names", [names for size in (2, 3) for names in combinations(SOURCES, size)])
def test_two_sources_of_the_key_are_refused(monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...]) -> None:
    for name in names:
        monkeypatch.setenv(name, SOURCES[name])
    with pytest.raises(ConfigError, match=f"give {' or '.join(names)}, not (both|all)"):
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


def test_a_broker_gets_its_database_and_its_token_with_the_variables_of_the_token_s_vendor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = {
        "FIDUCIA_DATABASE_URL": "postgresql://a@db/fiducia",
        "FIDUCIA_PKCS11_MODULE": "/usr/lib/hsm.so",
        "FIDUCIA_PKCS11_TOKEN": "token",
        "FIDUCIA_PKCS11_PIN": "2718",
        "FIDUCIA_PKCS11_KEY": "key",
        "SOFTHSM2_CONF": "/etc/softhsm2.conf",
    }
    for name, value in {**given, "FIDUCIA_STOP_AT": "release.recorded"}.items():
        monkeypatch.setenv(name, value)
    environment = load().child_environment()
    assert {name: environment.get(name) for name in given} == given
    assert "FIDUCIA_STOP_AT" not in environment
    monkeypatch.delenv("FIDUCIA_PKCS11_MODULE")
    assert "SOFTHSM2_CONF" not in load().child_environment()


def test_named_binaries_are_passed_to_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIDUCIA_ANVIL", "/opt/anvil")
    assert load().search_environment()["FIDUCIA_ANVIL"] == "/opt/anvil"
    assert "FIDUCIA_KUBO" not in load().search_environment()


def test_npm_gets_its_own_settings_and_none_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIDUCIA_PASSPHRASE", "secret")
    monkeypatch.setenv("npm_config_proxy", "http://proxy.test")
    given = load().npm_environment()
    assert given["npm_config_proxy"] == "http://proxy.test"
    assert not any(name.startswith("FIDUCIA_") for name in given)


def test_an_operator_says_which_revokes_are_followed_by_re_keying(monkeypatch: pytest.MonkeyPatch) -> None:
    assert rekey_policy(load()) is None
    monkeypatch.setenv("FIDUCIA_REKEY_PURPOSES", "HRESCH, clintrch")
    wanted = mask(Purpose.HRESCH, Purpose.CLINTRCH)
    assert rekey_policy(load()) == RekeyPolicy(wanted, frozenset(Basis))
    monkeypatch.setenv("FIDUCIA_REKEY_BASES", "CONSENT,PAPER")
    assert rekey_policy(load()) == RekeyPolicy(wanted, frozenset({Basis.CONSENT, Basis.PAPER}))
    assert load().child_environment()["FIDUCIA_REKEY_PURPOSES"] == "HRESCH, clintrch"
    monkeypatch.setenv("FIDUCIA_REKEY_PURPOSES", "all")
    assert rekey_policy(load()) == RekeyPolicy(mask(*Purpose), frozenset({Basis.CONSENT, Basis.PAPER}))
    monkeypatch.setenv("FIDUCIA_REKEY_BASES", "WHIM")
    with pytest.raises(ConfigError, match="FIDUCIA_REKEY_BASES is all, or some of: CONSENT"):
        rekey_policy(load())
    monkeypatch.setenv("FIDUCIA_REKEY_BASES", "1")
    with pytest.raises(ConfigError, match="FIDUCIA_REKEY_BASES"):
        load()


def test_an_operator_limits_what_a_brokers_door_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIDUCIA_RELEASES_PER_PERSON", "12")
    monkeypatch.setenv("FIDUCIA_DEPOSITS_PER_CUSTODIAN", "3")
    settings = load()
    assert settings.rates() == {"releases_per_person": 12, "deposits_per_custodian": 3}
    assert Limits(**settings.rates()) == Limits(releases_per_person=12, deposits_per_custodian=3)
    assert settings.child_environment()["FIDUCIA_RELEASES_PER_PERSON"] == "12"
    monkeypatch.setenv("FIDUCIA_HAND_OVERS_PER_INSTITUTION", "0")
    with pytest.raises(ConfigError, match="FIDUCIA_HAND_OVERS_PER_INSTITUTION"):
        load()
