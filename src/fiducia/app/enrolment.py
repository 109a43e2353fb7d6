"""Patients of a development consortium: enrolled with a profile that holds their signing key.

Owns the order profile -> directory -> ledger and its completion after a crash: a key is kept before its signer
is named anywhere, and enrolments that stopped half-way are finished before anything is registered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from fiducia.app.profiles import KeyName, Kind, Profile, new_profile
from fiducia.errors import ConfigError
from fiducia.journeys.patients.enrol import BATCH_MAX, NewPatient
from fiducia.records.images import PatientIdentity, SubjectEntry

if TYPE_CHECKING:
    from fiducia.app.wiring import House

_WAIT_S = 60.0


class Enrolment:
    """Enrols patients at one custodian of this home."""

    def __init__(self, house: House, custodian: Profile) -> None:
        self._house = house
        self._custodian = custodian

    def enrol(self, identity: PatientIdentity, name: str | None = None) -> SubjectEntry:
        """Enrol a patient, or finish or return an enrolment that there is.

        Args:
            identity: issuer and patient ID.
            name: the profile to make; the next free `patient`, `patient-2`, ... when None.

        Raises:
            ConfigError: that profile is taken. LimitError: another process enrols for too long.
            InputError, LedgerError: as `EnrolPatient`.
        """
        # One at a time: between asking the directory and naming the signer nobody else may do the same.
        with self._house.home.lock("enrol", wait_s=_WAIT_S):
            known = self._house.patients(self._custodian.member).subject_of(identity)
            if known is None:
                profile = self._profile(name)
            elif name in (None, known.profile):
                profile = self._house.profiles().load(known.profile)
            else:
                raise ConfigError(f"this patient is enrolled already, with the profile {known.profile}")
            return self._finish(identity, profile)

    def enrol_without_device(self, identity: PatientIdentity) -> SubjectEntry:
        """Enrol a patient who holds no key, or finish or return an enrolment that there is.

        Raises:
            ConfigError: the patient is enrolled with a profile. LimitError, InputError, LedgerError: as `enrol`.
        """
        with self._house.home.lock("enrol", wait_s=_WAIT_S):
            known = self._house.patients(self._custodian.member).subject_of(identity)
            if known is not None and known.signer:
                raise ConfigError(f"this patient is enrolled already, with the profile {known.profile}")
            return self._send(identity, None)

    def enrol_list(self, identities: Sequence[PatientIdentity], tell: Callable[[int], None]) -> int:
        """Enrol patients who hold no key, many in one transaction; whoever is enrolled already stays as they are.

        Args:
            identities: each once.
            tell: told how many more are done, batch after batch.

        Returns:
            How many of them were not enrolled before.

        Raises:
            LimitError, LedgerError: as `enrol`; the same list again goes on.
        """
        enrolled = 0
        for start in range(0, len(identities), BATCH_MAX):
            batch = identities[start : start + BATCH_MAX]
            with self._house.home.lock("enrol", wait_s=_WAIT_S):  # batch by batch: others get their turn in between
                enrolled += self._enrol_batch(batch)
            tell(len(batch))
        return enrolled

    def _enrol_batch(self, identities: Sequence[PatientIdentity]) -> int:
        state = self._house.mirror(self._custodian.member).catch_up()
        known = map(self._house.patients(self._custodian.member).subject_of, identities)
        new = [
            NewPatient(each, None)
            for each, entry in zip(identities, known, strict=True)
            if entry is None or not (entry.signer or state.subject(entry.subject))
        ]
        if new:
            registrar = self._custodian.signer(KeyName.REGISTRAR)
            journey = self._house.enrol_patients(self._custodian.member)
            journey.run(new, custodian=self._custodian.institution, registrar=registrar)
        return len(new)

    def finish_all(self) -> None:
        """Finish enrolments that were interrupted: known to the directory, unknown to the ledger or the profile."""
        state = self._house.mirror(self._custodian.member).catch_up()
        entries = self._house.patients(self._custodian.member).all()
        bare = [each.identity for each in entries if not each.signer and state.subject(each.subject) is None]
        self.enrol_list(bare, lambda _: None)
        for entry in entries:
            profile = self._house.profiles().find(entry.profile) if entry.profile else None
            if profile is not None and (state.subject(entry.subject) is None or profile.subject != entry.subject):
                with self._house.home.lock("enrol", wait_s=_WAIT_S):
                    self._finish(entry.identity, profile)

    def _finish(self, identity: PatientIdentity, profile: Profile) -> SubjectEntry:
        entry = self._send(identity, profile)
        self._house.profiles().save(replace(profile, subject=entry.subject))
        return entry

    def _send(self, identity: PatientIdentity, profile: Profile | None) -> SubjectEntry:
        entry, _ = self._house.enrol_patient(self._custodian.member).run(
            identity,
            custodian=self._custodian.institution,
            registrar=self._custodian.signer(KeyName.REGISTRAR),
            patient=profile.signer(KeyName.SIGNER) if profile else None,
            profile=profile.name if profile else "",
        )
        return entry

    def _profile(self, name: str | None) -> Profile:
        profiles = self._house.profiles()
        if name is None:
            # A profile whose key nobody knows yet is left over from a run that stopped here: use it first.
            unused = (each for each in profiles.all() if self._is_unused(each))
            return next(unused, None) or self._new(profiles.free_name("patient"))
        known = profiles.find(name)
        if known is not None and not self._is_unused(known):
            raise ConfigError(f"the profile {name} is taken; choose another --profile")
        return known or self._new(name)

    def _new(self, name: str) -> Profile:
        custodian = self._custodian
        return self._house.profiles().save(
            new_profile(
                name,
                Kind.PATIENT,
                self._house.entropy,
                member=custodian.member,
                institution=custodian.institution,
            )
        )

    def _is_unused(self, profile: Profile) -> bool:
        if profile.kind is not Kind.PATIENT or profile.member != self._custodian.member or profile.subject:
            return False
        taken = {entry.profile for entry in self._house.patients(self._custodian.member).all()}
        return profile.name not in taken
