"""A grant in words: what a person reads before signing, made from exactly the bytes that are signed.

`terms` in a grant is the salted SHA-256 of these words and their language, so that what was shown can be
proved later and guessed by nobody. Wording, names and language are arguments; `describe` is pure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from fiducia.core import ids, rules
from fiducia.records.typed import Grant

LANGUAGE = "en"

_LAST_TIME = 253_402_300_799  # 9999-12-31 23:59:59 UTC

_PURPOSES = {
    rules.Purpose.TREAT: "to treat you",
    rules.Purpose.ETREAT: "to treat you in an emergency",
    rules.Purpose.HPAYMT: "to settle payment",
    rules.Purpose.HOPERAT: "to run the hospital",
    rules.Purpose.HRESCH: "for health research",
    rules.Purpose.CLINTRCH: "for a clinical trial",
    rules.Purpose.PUBHLTH: "for public health",
    rules.Purpose.PATRQT: "because you asked for it",
    rules.Purpose.FAMRQT: "because your family asked for it",
    rules.Purpose.HLEGAL: "for a legal duty",
}
_ACTIONS = {
    rules.Action.METADATA: "read the table of contents",
    rules.Action.VIEW: "look at the images",
    rules.Action.RETAIN: "keep a copy of the images",
    rules.Action.DERIVE: "make new data from the images",
    rules.Action.COMPUTE: "compute on the images without seeing them",
}


def describe(grant: Grant, *, study_id: bytes = b"", series: int = 0, names: Mapping[bytes, str] | None = None) -> str:
    """Return the grant in plain English, one sentence a line, from exactly the bytes that are signed.

    Args:
        grant: exactly what will be signed.
        study_id: a study that the scope may be of; it is named only if the scope is that study or series.
        series: the series' number that the scope may be of.
        names: how the person knows grantees, by their 32 bytes; pseudonyms where there is none.
    """
    purposes = " or ".join(_PURPOSES[purpose] for purpose in rules.purposes_in(grant.purposes))
    actions = ", ".join(_ACTIONS[action] for action in rules.actions_in(grant.actions))
    lines = (
        f"Who: {(names or {}).get(grant.grantee) or _grantee(grant.grantee)}.",
        f"What: {_scope(grant, study_id, series)}.",
        f"They may: {actions}.",
        f"Only {purposes}.",
        f"From {_time(grant.not_before)} until {_time(grant.not_after)}.",
        "You can revoke this at any time; copies that were kept before then stay where they are.",
    )
    return "\n".join(lines)


def terms_digest(grant: Grant, words: str, language: str = LANGUAGE) -> bytes:
    """Return a grant's `terms`: SHA-256 over its salt, the language and the words that were shown (32 bytes)."""
    return hashlib.sha256(grant.salt + language.encode() + b"\0" + words.encode()).digest()


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
        return "all your studies at this hospital, future ones too"
    return f"all your studies at this hospital that were registered until {_time(grant.anchored_by)}"


def _time(at: int) -> str:
    if at > _LAST_TIME:  # a ledger holds such times, a calendar does not
        return "some time after the year 9999"
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
