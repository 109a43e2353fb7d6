"""FHIR at the command line: a grant as a Consent, and a Consent's file to be signed.

Used by `fiducia grant show --fhir` and `fiducia grant give --from-fhir`; knows files and views, no rule.
"""

from __future__ import annotations

from pathlib import Path

from fiducia.app.cli.files import read_bounded
from fiducia.app.cli.views import scope_of, standing
from fiducia.core import fhir_consent
from fiducia.core.entries import GivenGrant
from fiducia.core.fhir_terms import LIMIT_BYTES, Consent
from fiducia.core.replay import State
from fiducia.errors import InputError


def read_consent(path: Path) -> Consent:
    """Return what a file says. Raises: InputError (not readable, or not what a grant can hold)."""
    return fhir_consent.decode(read_bounded(path, LIMIT_BYTES, "Consent"))


def write_consent(state: State, entry: GivenGrant) -> str:
    """Return a grant of the ledger as a FHIR Consent. Raises: InputError (revoked before it was ever carried)."""
    if entry.grant is None:
        raise InputError("this grant was revoked before it was carried: the ledger has no terms to show")
    study, series = scope_of(state, entry.grant)
    subject = state.subject(entry.subject)
    consent = Consent(
        entry.grant,
        study or b"",
        series,
        active=standing(state, entry) in ("live", "waiting"),
        custodian=subject.custodian if subject else 0,
        given_at=entry.given_at or None,
    )
    return fhir_consent.encode(consent).decode()
