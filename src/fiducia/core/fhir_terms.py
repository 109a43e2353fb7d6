"""The words of a grant as a FHIR Consent: code systems, the project's own URNs, and the record between the two forms.

Owns the closed lists, and what a ledger can hold of a grant. `core.fhir_consent` writes and reads with them. Codes of
HL7, LOINC and IHE stand as their owners print them. Source: HL7 FHIR R4 (4.0.1) Consent, IHE ITI PCF 1.1, design
section 5.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from fiducia.core import ids, rules
from fiducia.errors import InputError
from fiducia.records.typed import Grant

LIMIT_BYTES = 1 << 16

MAY_BE_ABSENT = ("epoch", "relay_by", "terms", "salt")
"""What a document may leave to whoever has it signed: drawn anew then."""

SCOPE = ("http://terminology.hl7.org/CodeSystem/consentscope", "patient-privacy")
CONSENT_DOCUMENT = ("http://loinc.org", "59284-0")
RECIPIENT = ("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "IRCP")
IMAGING_STUDY = ("http://hl7.org/fhir/resource-types", "ImagingStudy")
PURPOSES = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
ACTIONS = "urn:fiducia:action"
BASES = "urn:fiducia:basis"
POLICY = "urn:fiducia:policy:1"
GRANT, SUBJECT = "urn:fiducia:grant", "urn:fiducia:subject"
INSTITUTION, PERSON = "urn:fiducia:institution", "urn:fiducia:person"
STUDY, SERIES, UNNAMED_SCOPE = "urn:fiducia:study", "urn:fiducia:series", "urn:fiducia:scope"
UNIX_SECONDS = "urn:fiducia:unix-seconds"
EXTENSIONS = {f"urn:fiducia:consent:{name.replace('_', '-')}": name for name in MAY_BE_ABSENT}
ANCHORED_BY = "urn:fiducia:consent:anchored-by"

_EXPIRY_MAX = 2**40 - 1
_BEYOND_BASIS = "not what a grant on this basis can have"

BY_PATIENT = (rules.Basis.CONSENT, rules.Basis.PAPER)


@dataclass(frozen=True, slots=True)
class Consent:
    """A grant, and what a Consent says beside it.

    Attributes:
        grant: fields named in `absent` are zeros.
        study_id: the study whose scope this is (32 bytes), or empty: all studies, or a scope that nobody named.
        series: the series' number in that study; 0 for all of it.
        active: False once revoked.
        custodian: the institution that keeps the subject; 0 when not said.
        given_at: when it was given, UTC Unix seconds; None when not said.
        absent: which of `MAY_BE_ABSENT` the document leaves open.
    """

    grant: Grant
    study_id: bytes = b""
    series: int = 0
    active: bool = True
    custodian: int = 0
    given_at: int | None = None
    absent: frozenset[str] = field(default=frozenset())


def categories(basis: int) -> list[tuple[str, str]]:
    """Return what a document of this basis is: a consent document only where the patient's side consented."""
    own = (BASES, rules.Basis(basis).name)
    return [CONSENT_DOCUMENT, own] if basis in BY_PATIENT else [own]


def require_holdable(grant: Grant) -> None:
    """Refuse a grant that no ledger can hold, by the FHIR path of the part that is wrong.

    Raises:
        InputError: an unknown basis, purposes or actions beyond the basis or the lists, no grantee, or a window that
            is empty, too long for the basis, or beyond the ledger's clock.
    """
    rule = rules.basis_rule(grant.basis)
    if rule is None:
        raise InputError("Consent.category: no basis of a grant")
    require(grant.purposes > 0 and not grant.purposes & ~rule.purposes, "Consent.provision.purpose", _BEYOND_BASIS)
    require(grant.actions > 0 and not grant.actions & ~rules.ALL_ACTIONS, "Consent.provision.action")
    require(ids.institution_of(grant.grantee) > 0, "Consent.provision.actor[0].reference")
    lasts_s = grant.not_after - grant.not_before
    require(0 < lasts_s <= rule.max_s and grant.not_after <= _EXPIRY_MAX, "Consent.provision.period", _BEYOND_BASIS)


def require(holds: bool, path: str, why: str = "a grant cannot hold this") -> None:
    """Refuse a part of a document by its path. Raises: InputError."""
    if not holds:
        raise InputError(f"{path}: {why}")
