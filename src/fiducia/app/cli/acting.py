"""Who acts in a command, with which key, and for which patient."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from fiducia.app import signers
from fiducia.app.cli import parsing
from fiducia.app.cli.common import Call
from fiducia.app.profiles import PATIENT_SIDE, KeyName, Kind, Profile
from fiducia.core import ids
from fiducia.core.replay import State
from fiducia.core.signatures import EoaKey
from fiducia.errors import InputError
from fiducia.journeys.patients.approving import Approver
from fiducia.journeys.shared.subjects import freshest


def deciding_key(profile: Profile) -> EoaKey:
    """Return the key with which a patient or a representative decides. Raises: InputError (another kind of actor)."""
    if profile.kind not in PATIENT_SIDE:
        raise InputError("only a patient or a representative decides: --as a profile of theirs")
    return profile.signer(KeyName.SIGNER)


def approver(profile: Profile) -> Approver:
    """Return how a profile approves: with its signer, as a registrar, or with its badge. Raises: InputError."""
    if profile.kind is Kind.STAFF:
        return staff_approver(profile)
    if profile.kind is Kind.INSTITUTION:
        return Approver(profile.signer(KeyName.REGISTRAR))
    return Approver(deciding_key(profile))


def staff_approver(profile: Profile) -> Approver:
    """Return how a staff member approves. Raises: InputError (no badge)."""
    if profile.badge is None:
        raise InputError(f"{profile.name} holds no badge: `fiducia badge issue {profile.name} --role OFFICER`")
    return Approver(profile.signer(KeyName.SESSION), profile.badge)


def approvers(call: Call, profile: Profile, names: Sequence[str] | None) -> list[Approver]:
    """Return who approves: the staff named by --with, or the acting profile alone.

    Raises:
        ConfigError: no such profile. InputError: it holds no badge.
    """
    if not names:
        return [approver(profile)]
    return [staff_approver(call.house.profiles().load(name)) for name in names]


def subject_of(call: Call, profile: Profile, given: str | None, *, state: State | None = None) -> bytes:
    """Return the patient that a command is about: the one given, or the one whom the acting profile is or represents.

    Args:
        call: the command's run.
        profile: who acts.
        given: a pseudonym (0x…) or the name of a patient's profile, if it was given.
        state: the facts to look in; the freshest when None.

    Raises:
        InputError: nobody in particular. ConfigError: no such profile.
    """
    if given is not None:
        if given.startswith("0x"):
            return parsing.subject(given)
        named = call.house.profiles().load(given)
        if not named.subject:
            raise typer.BadParameter(f"{given} is no patient: give a pseudonym (0x…) or a patient's profile")
        return named.subject
    if profile.kind is Kind.PATIENT and profile.subject:
        return profile.subject
    found = own_subjects(state or freshest(call.house.mirror(profile.reader)), profile)
    if len(found) != 1:
        raise InputError(f"{profile.name} acts for {len(found)} patients: say which one, or act as another (--as)")
    return found[0]


def own_subjects(state: State, profile: Profile) -> tuple[bytes, ...]:
    """Return the patients for whom a profile of the patient's side may act now."""
    if profile.kind is Kind.PATIENT:
        return (profile.subject,) if profile.subject else ()
    if profile.kind is not Kind.REPRESENTATIVE:
        return ()
    signer_hash = ids.signer_hash(profile.signer(KeyName.SIGNER).address)
    return tuple(entry.subject for entry in state.represented(signer_hash))


def patient_of(call: Call, subject: bytes) -> Profile:
    """Return the profile in this home that signs for a patient, or the default patient's."""
    default = call.profile("patient")
    state = call.house.mirror(default.reader).state()
    return signers.signs_for(call.house, state, subject) or default


def names_of(call: Call) -> dict[bytes, str]:
    """Return the names of the patient's-side profiles in this home, by the hash of their signer."""
    found = (each for each in call.house.profiles().all() if each.kind in PATIENT_SIDE and each.has_key(KeyName.SIGNER))
    return {ids.signer_hash(each.signer(KeyName.SIGNER).address): each.name for each in found}
