"""For whom a profile acts, and with which key."""

from __future__ import annotations

from typing import cast

import pytest
import typer

from fiducia.adapters.memory.entropy import SeededEntropy
from fiducia.adapters.memory.vault import MemoryVault
from fiducia.app.cli import acting
from fiducia.app.cli.common import Call
from fiducia.app.profiles import KeyName, Kind, Profile, Profiles, new_profile
from fiducia.core.signatures import EoaKey
from fiducia.errors import InputError
from tests.support.household import Household, settled


class Home:
    """As much of a command's run as finding a patient needs."""

    def __init__(self) -> None:
        self.house = self
        self._profiles = Profiles(MemoryVault())

    def profiles(self) -> Profiles:
        return self._profiles


@pytest.fixture
def call() -> Call:
    return cast(Call, Home())


@pytest.fixture
def world() -> Household:
    world = settled()
    world.appointed()
    return world


def test_a_patient_is_given_by_pseudonym_or_profile_or_is_oneself(call: Call, world: Household) -> None:
    patient = Profile("patient", Kind.PATIENT, "hospital-a", 1, subject=world.subject)
    call.house.profiles().save(patient)
    state = world.mirror.catch_up()
    for given in (None, "patient", "0x" + world.subject.hex()):
        assert acting.subject_of(call, patient, given, state=state) == world.subject
    institution = new_profile("hospital-a", Kind.INSTITUTION, SeededEntropy())
    call.house.profiles().save(institution)
    with pytest.raises(typer.BadParameter):
        acting.subject_of(call, patient, "hospital-a", state=state)
    with pytest.raises(InputError, match="0 patients"):
        acting.subject_of(call, institution, None, state=state)


def test_a_representative_acts_for_those_who_appointed_them(call: Call, world: Household) -> None:
    key = b"\x22" * 32
    stranger = Profile("stranger", Kind.REPRESENTATIVE, keys=((KeyName.SIGNER, key),))
    state = world.mirror.catch_up()
    assert acting.own_subjects(state, stranger) == ()
    world.run_appoint(EoaKey(key))
    assert acting.own_subjects(world.mirror.catch_up(), stranger) == ()  # it has not begun
    world.clock.advance(world.appointment_delay_s)
    assert acting.own_subjects(world.mirror.catch_up(), stranger) == (world.subject,)
    assert acting.subject_of(call, stranger, None, state=world.mirror.catch_up()) == world.subject


def test_each_kind_approves_in_its_way() -> None:
    entropy = SeededEntropy()
    for kind, name in (
        (Kind.PATIENT, KeyName.SIGNER),
        (Kind.REPRESENTATIVE, KeyName.SIGNER),
        (Kind.INSTITUTION, KeyName.REGISTRAR),
    ):
        profile = new_profile("somebody", kind, entropy)
        approver = acting.approver(profile)
        assert (approver.signer.address, approver.badge) == (profile.signer(name).address, None)
    with pytest.raises(InputError, match="no badge"):
        acting.approver(new_profile("nurse", Kind.STAFF, entropy))
    with pytest.raises(InputError, match="patient or a representative"):
        acting.approver(new_profile("auditor", Kind.AUDITOR, entropy))
