"""A grant or an appointment in words: what a person reads before signing, made from exactly the bytes that are signed.

`terms` in a grant is the salted SHA-256 of these words and their language, so that what was shown can be
proved later and guessed by nobody. Wording, names and language are arguments; `describe` is pure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from fiducia.core import ids, rules
from fiducia.records.typed import Appoint, Grant

LANGUAGE = "en"

_LAST_TIME = 253_402_300_799  # 9999-12-31 23:59:59 UTC

_PURPOSES = {
    rules.Purpose.TREAT: "to treat {whom}",
    rules.Purpose.ETREAT: "to treat {whom} in an emergency",
    rules.Purpose.HPAYMT: "to settle payment",
    rules.Purpose.HOPERAT: "to run the hospital",
    rules.Purpose.HRESCH: "for health research",
    rules.Purpose.CLINTRCH: "for a clinical trial",
    rules.Purpose.PUBHLTH: "for public health",
    rules.Purpose.PATRQT: "because {whom} asked for it",
    rules.Purpose.FAMRQT: "because {whose} family asked for it",
    rules.Purpose.HLEGAL: "for a legal duty",
}
_ACTIONS = {
    rules.Action.METADATA: "read the table of contents",
    rules.Action.VIEW: "look at the images",
    rules.Action.RETAIN: "keep a copy of the images",
    rules.Action.DERIVE: "make new data from the images",
    rules.Action.COMPUTE: "compute on the images without seeing them",
}
_POWERS = {
    rules.Power.GRANT: "grant access in your place",
    rules.Power.ACCESS: "open your images",
}


_REVOCABLE = "can revoke this at any time; copies that were kept before then stay where they are."
_BASES = {
    rules.Basis.PAPER: "Decided by the patient, on paper: two of the hospital's staff vouch for the signed document. "
    "The patient gets a notice.",
    rules.Basis.CARE: "Decided by an officer of the patient's hospital, for care. The patient gets a notice.",
    rules.Basis.LAW: "Decided by an officer of the patient's hospital, on the law; a restriction by the patient does "
    "not block it. The patient gets a notice, which may be deferred.",
    rules.Basis.EMERGENCY: "Decided by two persons of the asking institution, in an emergency; a restriction by the "
    "patient does not block it. The patient gets a notice at once, and an officer reviews it within 72 hours.",
}


@dataclass(frozen=True, slots=True)
class _Reader:
    """Whom the words speak to: the patient who decides, or others who decide about one."""

    whom: str
    whose: str

    def say(self, text: str) -> str:
        return text.format(whom=self.whom, whose=self.whose)


_PATIENT, _OTHERS = _Reader("you", "your"), _Reader("the patient", "the patient's")


def describe(
    grant: Grant,
    *,
    study_id: bytes = b"",
    series: int = 0,
    names: Mapping[bytes, str] | None = None,
    represented: bool = False,
) -> str:
    """Return the grant in plain English, one sentence a line, from exactly the bytes that are signed.

    On basis CONSENT the words speak to the patient, or to a representative about one; on any other to the staff who
    decide, and say on what.

    Args:
        grant: exactly what will be signed.
        study_id: a study that the scope may be of; it is named only if the scope is that study or series.
        series: the series' number that the scope may be of.
        names: how the person knows grantees, by their 32 bytes; pseudonyms where there is none.
        represented: whether a representative reads it.
    """
    decided = next((words for basis, words in _BASES.items() if basis == grant.basis), None)
    reader = _OTHERS if decided or represented else _PATIENT
    purposes = " or ".join(reader.say(_PURPOSES[purpose]) for purpose in rules.purposes_in(grant.purposes))
    actions = ", ".join(_ACTIONS[action] for action in rules.actions_in(grant.actions))
    lines = (
        *((f"Whose: the patient 0x{grant.subject.hex()}.",) if reader is _OTHERS else ()),
        *((decided,) if decided else ()),
        f"Who: {(names or {}).get(grant.grantee) or _grantee(grant.grantee)}.",
        f"What: {reader.say(_scope(grant, study_id, series))}.",
        f"They may: {actions}.",
        f"Only {purposes}.",
        f"From {_time(grant.not_before)} until {_time(grant.not_after)}.",
        f"{reader.whom.capitalize()} {_REVOCABLE}",
    )
    return "\n".join(lines)


def describe_appointment(appoint: Appoint, *, name: str = "") -> str:
    """Return an appointment in plain English, one sentence a line, from exactly the bytes that are signed.

    Args:
        appoint: exactly what will be signed, but for its terms.
        name: how the person knows the representative; a pseudonym where there is none.
    """
    purposes = " or ".join(_PATIENT.say(_PURPOSES[purpose]) for purpose in rules.purposes_in(appoint.purposes))
    powers = [words for power, words in _POWERS.items() if appoint.powers >> power & 1]
    lines = (
        f"Who: {name or f'the holder of the key 0x{appoint.representative.hex()}'}.",
        "They may always: revoke what was granted, restrict processing, and stop a recovery.",
        f"They may also: {', '.join(powers)}; only {purposes}." if powers else "They may not: grant, or open images.",
        f"They begin once the consortium's delay is over, and end at {_time(appoint.not_after)}.",
        "Until then you can veto this; later you can dismiss them, and everything that was granted ends with that.",
    )
    return "\n".join(lines)


def terms_digest(grant: Grant, words: str, language: str = LANGUAGE) -> bytes:
    """Return a grant's `terms`: SHA-256 over its salt, the language and the words that were shown (32 bytes)."""
    return words_digest(grant.salt, words, language)


def words_digest(salt: bytes, words: str, language: str = LANGUAGE) -> bytes:
    """Return SHA-256 over a salt, the language and words: what a signature is bound to and nobody can guess."""
    return hashlib.sha256(salt + language.encode() + b"\0" + words.encode()).digest()


def document_digest(grant: Grant, document: bytes) -> bytes:
    """Return the `terms` of a grant on paper: SHA-256 over its salt and the signed document's bytes (32 bytes)."""
    return hashlib.sha256(grant.salt + b"document\0" + document).digest()


def report_digest(salt: bytes, report: bytes) -> bytes:
    """Return what a review holds of an officer's report: SHA-256 over a 32-byte salt and the report's bytes."""
    return hashlib.sha256(salt + b"report\0" + report).digest()


def with_terms(grant: Grant, words: str) -> Grant:
    """Return the grant with its `terms` set to the words that were shown."""
    return replace(grant, terms=terms_digest(grant, words))


def _grantee(grantee: bytes) -> str:
    institution = ids.institution_of(grantee)
    if ids.is_institution(grantee):
        return f"everybody with a badge of institution {institution}"
    return f"one person of institution {institution} (0x{grantee.hex()})"


def _scope(grant: Grant, study_id: bytes, series: int) -> str:
    if study_id and grant.scope == study_id:
        return f"the study 0x{study_id.hex()}, later revisions included"
    if study_id and series and grant.scope == ids.series_scope(study_id, series):
        return f"series {series} of the study 0x{study_id.hex()}, later revisions included"
    if grant.scope != ids.ALL_SCOPE:
        return f"the study or series 0x{grant.scope.hex()}, later revisions included"
    if grant.anchored_by == ids.FUTURE_TOO:
        return "all {whose} studies at this hospital, future ones too"
    return f"all {{whose}} studies at this hospital that were registered until {_time(grant.anchored_by)}"


def _time(at: int) -> str:
    if at > _LAST_TIME:  # a ledger holds such times, a calendar does not
        return "some time after the year 9999"
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
