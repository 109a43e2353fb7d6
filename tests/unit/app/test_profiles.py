"""Profiles keep each kind of actor's keys, sealed, and never show them."""

from __future__ import annotations

import pytest

from fiducia.adapters.memory.entropy import SeededEntropy
from fiducia.adapters.memory.vault import MemoryVault
from fiducia.app.profiles import OWN_KEYS, KeyName, Kind, Profile, Profiles, new_profile
from fiducia.errors import ConfigError, KeyMissingError, VaultError
from fiducia.records.typed import Badge, SignedBadge

BADGE = SignedBadge(
    Badge(
        institution=2,
        person=(2).to_bytes(4, "big") + b"\x07" * 28,
        session=b"\x01" * 20,
        roles=1,
        trained_until=2_000_000_000,
        not_before=1_800_000_000,
        not_after=1_800_043_200,
        epoch=1,
    ),
    b"\x02" * 65,
)


@pytest.fixture
def profiles() -> Profiles:
    return Profiles(MemoryVault())


@pytest.mark.parametrize("kind", list(Kind))
def test_a_profile_comes_back_as_it_was_saved(profiles: Profiles, kind: Kind) -> None:
    profile = new_profile("somebody", kind, SeededEntropy(), member="hospital-b", institution=2)
    assert profiles.load(profiles.save(profile).name) == profile
    assert tuple(name for name, _ in profile.keys) == OWN_KEYS[kind]


def test_subject_and_badge_come_back_too(profiles: Profiles) -> None:
    profile = Profile("c", Kind.STAFF, "hospital-b", 2, ((KeyName.SESSION, b"\x03" * 32),), b"\x04" * 20, BADGE)
    assert profiles.load(profiles.save(profile).name) == profile
    assert profile.person == BADGE.badge.person


def test_a_next_signer_replaces_the_one_before_which_is_kept(profiles: Profiles) -> None:
    patient = new_profile("p", Kind.PATIENT, SeededEntropy())
    first, second = patient.key(KeyName.SIGNER), b"\x08" * 32
    changed = patient.with_key(KeyName.NEXT_SIGNER, second).with_next_signer()
    assert (changed.key(KeyName.SIGNER), changed.former) == (second, (first,))
    assert not changed.has_key(KeyName.NEXT_SIGNER)
    again = changed.with_key(KeyName.NEXT_SIGNER, b"\x09" * 32).with_next_signer()
    assert again.former == (first, second)
    assert profiles.load(profiles.save(again).name) == again
    assert first.hex() not in repr(again)


def test_a_first_signer_has_none_before_it() -> None:
    waiting = Profile("p", Kind.PATIENT, keys=((KeyName.NEXT_SIGNER, b"\x08" * 32),))
    with pytest.raises(KeyMissingError):
        waiting.signer(KeyName.SIGNER)
    assert waiting.with_next_signer().former == ()


def test_keys_are_all_different() -> None:
    keys = [secret for _, secret in new_profile("a", Kind.INSTITUTION, SeededEntropy()).keys]
    assert len(set(keys)) == len(keys)
    assert {len(key) for key in keys} == {32}


def test_keys_do_not_show() -> None:
    profile = new_profile("a", Kind.PATIENT, SeededEntropy())
    shown = repr(profile)
    assert not any(secret.hex() in shown or repr(secret) in shown for _, secret in profile.keys)


def test_a_key_of_another_kind_of_actor_is_refused_by_name() -> None:
    patient = new_profile("patient", Kind.PATIENT, SeededEntropy())
    with pytest.raises(KeyMissingError, match="no governor key"):
        patient.signer(KeyName.GOVERNOR)


def test_an_unknown_profile_is_refused_with_those_there_are(profiles: Profiles) -> None:
    profiles.save(new_profile("hospital-a", Kind.INSTITUTION, SeededEntropy()))
    assert profiles.find("hospital-b") is None
    with pytest.raises(ConfigError, match="there are: hospital-a"):
        profiles.load("hospital-b")


def test_the_next_free_name_counts_on(profiles: Profiles) -> None:
    assert profiles.free_name("patient") == "patient"
    for name in ("patient", "patient-2"):
        profiles.save(new_profile(name, Kind.PATIENT, SeededEntropy()))
    assert profiles.free_name("patient") == "patient-3"


@pytest.mark.parametrize(
    "sealed",
    [b"", b"{}", b'{"format":"fiducia/v1/profile","name":"a","kind":"king","member":"","institution":0,"keys":{},'
     b'"subject":"","badge":null}', b'{"format":"fiducia/v1/profile","name":"a","kind":"staff","member":"",'
     b'"institution":0,"keys":{"session":"zz"},"subject":"","badge":null}'],
)  # fmt: skip
def test_a_damaged_profile_is_an_error_that_shows_nothing(sealed: bytes) -> None:
    vault = MemoryVault()
    vault.put({"profile/a": sealed})
    with pytest.raises(VaultError, match="not in a form"):
        Profiles(vault).load("a")


def test_with_key_replaces_one_key() -> None:
    profile = new_profile("a", Kind.PATIENT, SeededEntropy()).with_key(KeyName.GATEWAY, b"\x09" * 32)
    assert profile.key(KeyName.GATEWAY) == b"\x09" * 32
    assert len(profile.keys) == len(OWN_KEYS[Kind.PATIENT])
