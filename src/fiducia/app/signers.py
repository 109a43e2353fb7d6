"""Keys of patients in a development consortium: made before they are named anywhere, used once the ledger shows them.

Owns the order next signer -> ledger -> present signer and its completion after a crash. A profile keeps its former
signers: they may still revoke.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fiducia.app.profiles import PATIENT_SIDE, KeyName, Kind, Profile, new_profile
from fiducia.core import ids
from fiducia.core.replay import State
from fiducia.errors import ConfigError, InputError
from fiducia.journeys.reading.asking import Requester
from fiducia.records.ledger import Receipt

if TYPE_CHECKING:
    from fiducia.app.wiring import House


def by_subject(house: House, state: State) -> dict[bytes, Profile]:
    """Return the patients' profiles in this home by subject; of several, the one with the present signer."""
    found: dict[bytes, Profile] = {}
    for profile in house.profiles().all():
        if profile.kind is not Kind.PATIENT or not profile.subject:
            continue
        entry = state.subject(profile.subject)
        if profile.subject not in found or (entry and _is(profile, KeyName.SIGNER, entry.signer_hash)):
            found[profile.subject] = profile
    return found


def signs_for(house: House, state: State, subject: bytes) -> Profile | None:
    """Return the profile of one patient as `by_subject` does; None when there is none."""
    return by_subject(house, state).get(subject)


def rotate(house: House, patient: Profile) -> tuple[Profile, Receipt | None]:
    """Give a patient's profile another signer.

    Returns:
        The profile with it, and the receipt; None when an earlier run had come as far as the ledger.

    Raises:
        InputError, SignatureError, LedgerError: as `RotateSigner`.
    """
    if patient.kind is not Kind.PATIENT or not patient.subject:
        raise InputError("only a patient's own key is replaced so: --as a patient's profile")
    ready = _with_next(house, patient)
    receipt = house.rotate_signer(ready).run(
        ready.subject, ready.signer(KeyName.NEXT_SIGNER), ready.signer(KeyName.SIGNER)
    )
    return house.profiles().save(ready.with_next_signer()), receipt


def receives(house: House, custodian: Profile, subject: bytes, name: str | None) -> Profile:
    """Return the profile that is to get a recovered patient's signer, with that key in it.

    Args:
        house: the home.
        custodian: the patient's.
        subject: the patient (20 bytes).
        name: the profile, made when there is none; when None the one that waits for a key already, or a new one.

    Raises:
        ConfigError: the profile is somebody else's.
    """
    profiles = house.profiles()
    if name is None:
        waiting = (each for each in profiles.all() if each.subject == subject and each.has_key(KeyName.NEXT_SIGNER))
        name = next((each.name for each in waiting), None) or profiles.free_name("patient")
    known = profiles.find(name)
    if known is None:
        known = new_profile(
            name, Kind.PATIENT, house.entropy, member=custodian.member, institution=custodian.institution
        )
        # Its signer signs for nobody until the recovery is completed.
        next_signer = known.key(KeyName.SIGNER)
        gateway = tuple(pair for pair in known.keys if pair[0] is not KeyName.SIGNER)
        known = replace(known, subject=subject, keys=gateway).with_key(KeyName.NEXT_SIGNER, next_signer)
        return profiles.save(known)
    if known.kind is not Kind.PATIENT or known.subject != subject:
        raise ConfigError(f"the profile {name} is somebody else's; choose another --profile")
    return _with_next(house, known)


def settle(house: House, state: State, subject: bytes) -> Profile | None:
    """Have the profile whose next signer the ledger shows use it; None when there is none."""
    entry = state.subject(subject)
    for profile in house.profiles().all():
        if entry and profile.subject == subject and _is(profile, KeyName.NEXT_SIGNER, entry.signer_hash):
            return house.profiles().save(profile.with_next_signer())
    return None


def _with_next(house: House, profile: Profile) -> Profile:
    if profile.has_key(KeyName.NEXT_SIGNER):
        return profile
    return house.profiles().save(profile.with_key(KeyName.NEXT_SIGNER, house.entropy.token(32)))


def _is(profile: Profile, name: KeyName, signer_hash: bytes) -> bool:
    return profile.has_key(name) and ids.signer_hash(profile.signer(name).address) == signer_hash


def requester_of(profile: Profile) -> Requester:
    """Return who asks for keys: the patient's side for itself, staff by their badge. Raises: InputError (no badge)."""
    if profile.kind in PATIENT_SIDE:
        return Requester(profile.signer(KeyName.SIGNER), profile.key(KeyName.GATEWAY))
    if profile.badge is None:
        raise InputError(f"{profile.name} holds no badge: act as a staff member (--as clinician) or a patient")
    former = profile.key(KeyName.FORMER_GATEWAY) if profile.has_key(KeyName.FORMER_GATEWAY) else b""
    return Requester(profile.signer(KeyName.SESSION), profile.key(KeyName.GATEWAY), profile.badge, former)
