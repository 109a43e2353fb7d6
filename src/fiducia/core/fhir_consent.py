"""A grant as a FHIR R4 Consent and back: what is written reads back as the same grant, whatever a ledger holds.

Terms are those of IHE's Privacy Consent on FHIR (PCF) where it has them: scope patient-privacy, category LOINC
59284-0, provision.type permit, purposes of v3-ActReason, actors as IRCP, data by instance. Where PCF has no place
(it uses neither action nor class), R4's own element is taken; where R4 has none, an extension under urn:fiducia.
What narrows access is never in an extension that a reader may skip: series are identifiers of a system of their
own, `anchored_by` is a modifierExtension. Anything else in a document is refused by its path. A window's end is
exclusive in a grant and inclusive in FHIR: one second apart. Source: HL7 FHIR R4 (4.0.1) Consent; IHE ITI PCF 1.1.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import Any

import orjson

from fiducia.core import fhir_elements as fhir
from fiducia.core import fhir_terms as terms
from fiducia.core import ids, rules, wire
from fiducia.core.fhir_elements import Element, Json
from fiducia.core.fhir_terms import Consent
from fiducia.errors import InputError
from fiducia.records.typed import Grant


def encode(consent: Consent) -> bytes:
    """Return the Consent resource as indented JSON.

    Raises:
        InputError: a grant that no ledger can hold (unknown bits, basis or grantee, an empty window), or a
            study that is not the grant's scope.
    """
    grant = consent.grant
    terms.require_holdable(grant)
    written: Json = {"resourceType": "Consent"}
    own = [fhir.extension(url, _field_text(grant, name)) for url, name in terms.EXTENSIONS.items()]
    own = [each for each in own if terms.EXTENSIONS[each["url"]] not in consent.absent]
    if own:
        written["extension"] = own
    grant_id = "0x" + ids.grant_id(grant).hex()
    if not consent.absent:
        written["identifier"] = [{"system": terms.GRANT, "value": grant_id}]
    written["status"] = "active" if consent.active else "inactive"
    written["scope"] = fhir.concept(*terms.SCOPE)
    written["category"] = [fhir.concept(*category) for category in terms.categories(grant.basis)]
    patient = fhir.reference("Patient", terms.SUBJECT, "0x" + grant.subject.hex())
    written["patient"] = patient
    if consent.given_at is not None:
        written["dateTime"] = fhir.write_time(consent.given_at)
    if grant.basis in terms.BY_PATIENT:
        written["performer"] = [patient]
    if consent.custodian:
        written["organization"] = [fhir.reference("Organization", terms.INSTITUTION, str(consent.custodian))]
    if not consent.absent:
        written["sourceReference"] = fhir.reference("DocumentReference", terms.GRANT, grant_id)
    written["policy"] = [{"uri": terms.POLICY}]
    written["provision"] = _provision(consent)
    return orjson.dumps(written, option=orjson.OPT_INDENT_2)


def decode(data: bytes) -> Consent:
    """Return what a Consent resource says, if a grant can hold all of it.

    Args:
        data: JSON, UTF-8, at most `fhir_terms.LIMIT_BYTES`; an element given twice is refused.

    Raises:
        EncodingError: not JSON. InputError: an element that a grant cannot hold, is missing, or holds a code
            or value outside the closed lists; named by its path, never by its value.
    """
    root = Element(wire.parse(data, limit_bytes=terms.LIMIT_BYTES), "Consent")
    root.constant("resourceType", "Consent")
    status = root.text("status")
    terms.require(status in ("active", "inactive"), "Consent.status")
    terms.require(fhir.read_concept(root.child("scope")) == terms.SCOPE, "Consent.scope")
    policy = root.only("policy")
    policy.constant("uri", terms.POLICY)
    policy.close()
    basis = _read_basis(root)
    subject = _read_subject(root, basis)
    given_at = fhir.read_time(root.text("dateTime"), "Consent.dateTime") if root.has("dateTime") else None
    custodian = _read_institution(root.only("organization")) if root.has("organization") else 0
    own: dict[str, Any] = {
        key: _field_value(key, value, path)
        for key, value, path in fhir.read_extensions(root, "extension", terms.EXTENSIONS)
    }
    absent = frozenset(terms.MAY_BE_ABSENT) - own.keys()
    blank: dict[str, Any] = {"epoch": 0, "relay_by": 0, "terms": bytes(32), "salt": bytes(32)}
    study, series, rest = _read_provision(root.child("provision"))
    grant = Grant(basis=basis, subject=subject, **(blank | own | rest))
    terms.require_holdable(grant)
    _read_grant_ids(root, grant, absent)
    root.close()
    return Consent(grant, study, series, status == "active", custodian, given_at, absent)


def _provision(consent: Consent) -> Json:
    grant = consent.grant
    written: Json = {}
    if grant.scope == ids.ALL_SCOPE:
        written["modifierExtension"] = [fhir.extension(terms.ANCHORED_BY, str(grant.anchored_by))]
    elif grant.anchored_by:  # a ledger can hold it there, and it means nothing there
        written["extension"] = [fhir.extension(terms.ANCHORED_BY, str(grant.anchored_by))]
    institution = ids.institution_of(grant.grantee)
    if ids.is_institution(grant.grantee):
        grantee = fhir.reference("Organization", terms.INSTITUTION, str(institution))
    else:
        grantee = fhir.reference("Practitioner", terms.PERSON, "0x" + grant.grantee.hex())
    written |= {
        "type": "permit",
        "period": {
            **_time("start", grant.not_before),
            **_time("end", grant.not_after - 1),
        },
        "actor": [{"role": fhir.concept(*terms.RECIPIENT), "reference": grantee}],
        "action": [fhir.concept(terms.ACTIONS, action.name) for action in rules.actions_in(grant.actions)],
        "purpose": [fhir.coding(terms.PURPOSES, purpose.name) for purpose in rules.purposes_in(grant.purposes)],
        "class": [fhir.coding(*terms.IMAGING_STUDY)],
    }
    if grant.scope != ids.ALL_SCOPE:
        study = fhir.reference("ImagingStudy", *_scope_identifier(consent))
        written["data"] = [{"meaning": "instance", "reference": study}]
    elif consent.study_id or consent.series:
        raise InputError("Consent.provision.data: all studies are not one study")
    return written


def _scope_identifier(consent: Consent) -> tuple[str, str]:
    study, series, scope = consent.study_id, consent.series, consent.grant.scope
    if not study and not series:
        return terms.UNNAMED_SCOPE, "0x" + scope.hex()
    if scope != (ids.series_scope(study, series) if series else study):
        raise InputError("Consent.provision.data: this study or series is not the grant's scope")
    return (terms.SERIES, f"0x{study.hex()}/{series}") if series else (terms.STUDY, "0x" + study.hex())


def _read_provision(provision: Element) -> tuple[bytes, int, dict[str, Any]]:
    """Take the root provision: (study_id, series, the grant's fields that it says)."""
    provision.constant("type", "permit")
    study, series, scope, anchored_by = _read_scope(provision)
    not_before, not_after = _read_period(provision.child("period"))
    purposes, actions = provision.items("purpose"), provision.items("action")
    fields = {
        "scope": scope,
        "anchored_by": anchored_by,
        "grantee": _read_grantee(provision.only("actor")),
        "purposes": _read_codes(map(fhir.read_coding, purposes), terms.PURPOSES, rules.Purpose, "purpose"),
        "actions": _read_codes(map(fhir.read_concept, actions), terms.ACTIONS, rules.Action, "action"),
        "not_before": not_before,
        "not_after": not_after,
    }
    provision.close()
    return study, series, fields


def _read_scope(provision: Element) -> tuple[bytes, int, bytes, int]:
    """Take what says which studies: (study_id, series, scope, anchored_by)."""
    codes = [fhir.read_coding(item) for item in provision.items("class")]
    terms.require(codes == [terms.IMAGING_STUDY], f"{provision.path}.class")
    every = not provision.has("data")
    known = {terms.ANCHORED_BY: "anchored_by"}
    found = [
        fhir.read_decimal(value, 64, path)
        for _, value, path in fhir.read_extensions(provision, "modifierExtension" if every else "extension", known)
    ]
    if every:
        if not found:
            provision.refuse("modifierExtension", f"all studies need {terms.ANCHORED_BY}: those anchored by when")
        return b"", 0, ids.ALL_SCOPE, found[0]
    data = provision.only("data")
    data.constant("meaning", "instance")
    system, value = fhir.read_reference(data.child("reference"), "ImagingStudy")
    data.close()
    path = f"{data.path}.reference.identifier.value"
    study, _, number = value.partition("/")
    scope = fhir.read_hex(study if system == terms.SERIES else value, 32, path)
    terms.require(scope != ids.ALL_SCOPE, path)
    anchored_by = found[0] if found else 0
    if system == terms.SERIES:
        series = fhir.read_decimal(number, 32, path)
        terms.require(series > 0, path)
        return scope, series, ids.series_scope(scope, series), anchored_by
    terms.require(system in (terms.STUDY, terms.UNNAMED_SCOPE), f"{data.path}.reference.identifier.system")
    return (scope if system == terms.STUDY else b""), 0, scope, anchored_by


def _read_grantee(actor: Element) -> bytes:
    terms.require(fhir.read_concept(actor.child("role")) == terms.RECIPIENT, f"{actor.path}.role")
    recipient = actor.child("reference")
    actor.close()
    path = f"{recipient.path}.identifier"
    kind = recipient.text("type")
    terms.require(kind in ("Organization", "Practitioner"), f"{recipient.path}.type")
    system, value = fhir.read_identifier(recipient.child("identifier"))
    recipient.close()
    terms.require(system == (terms.INSTITUTION if kind == "Organization" else terms.PERSON), f"{path}.system")
    if kind == "Organization":
        return ids.institution_grantee(fhir.read_decimal(value, 32, f"{path}.value"))
    person = fhir.read_hex(value, 32, f"{path}.value")
    terms.require(not ids.is_institution(person), f"{path}.value")
    return person


def _read_institution(element: Element) -> int:
    system, value = fhir.read_reference(element, "Organization")
    terms.require(system == terms.INSTITUTION, f"{element.path}.identifier.system")
    institution = fhir.read_decimal(value, 32, f"{element.path}.identifier.value")
    terms.require(institution > 0, f"{element.path}.identifier.value")
    return institution


def _read_subject(root: Element, basis: int) -> bytes:
    system, value = fhir.read_reference(root.child("patient"), "Patient")
    terms.require(system == terms.SUBJECT, "Consent.patient.identifier.system")
    subject = fhir.read_hex(value, 20, "Consent.patient.identifier.value")
    if basis in terms.BY_PATIENT and root.has("performer"):
        performer = root.only("performer")
        terms.require(fhir.read_reference(performer, "Patient") == (system, value), performer.path)
    return subject


def _read_basis(root: Element) -> int:
    given = [fhir.read_concept(item) for item in root.items("category")]
    names = [code for system, code in given if system == terms.BASES]
    terms.require(len(names) == 1 and names[0] in rules.Basis.__members__, "Consent.category")
    basis = rules.Basis[names[0]]
    terms.require(sorted(given) == sorted(terms.categories(basis)), "Consent.category")
    return basis


def _read_grant_ids(root: Element, grant: Grant, absent: frozenset[str]) -> None:
    """Take the two places where a document names its grant: both must mean what the rest says."""
    found = {}
    if root.has("identifier"):
        found["identifier"] = fhir.read_identifier(root.only("identifier"))
    if root.has("sourceReference"):
        found["sourceReference"] = fhir.read_reference(root.child("sourceReference"), "DocumentReference")
    expected = terms.GRANT, "0x" + ids.grant_id(grant).hex()
    for name, named in found.items():
        terms.require(
            named == expected and not absent, f"Consent.{name}", "not the grant_id of what this document says"
        )


def _read_period(period: Element) -> tuple[int, int]:
    start, end = _read_time(period, "start"), _read_time(period, "end")
    period.close()
    return start, end + 1


def _read_time(period: Element, name: str) -> int:
    if period.has(name):
        return fhir.read_time(period.text(name), f"{period.path}.{name}")
    if not period.has(f"_{name}"):
        period.refuse(name, "missing")
    beyond = period.child(f"_{name}")
    found = [
        fhir.read_decimal(value, 64, path)
        for _, value, path in fhir.read_extensions(beyond, "extension", {terms.UNIX_SECONDS: name})
    ]
    beyond.close()
    terms.require(len(found) == 1 and found[0] > fhir.TIME_MAX, beyond.path)
    return found[0]


def _time(name: str, at: int) -> Json:
    """One end of a Period; beyond the year 9999 a dateTime has no value, and an extension says the seconds."""
    if at <= fhir.TIME_MAX:
        return {name: fhir.write_time(at)}
    return {f"_{name}": {"extension": [fhir.extension(terms.UNIX_SECONDS, str(at))]}}


def _read_codes(codes: Iterable[tuple[str, str]], system: str, kind: type[enum.IntEnum], name: str) -> int:
    """Return the mask of codes of one closed list."""
    bits = 0
    for number, (given, code) in enumerate(codes):
        path = f"Consent.provision.{name}[{number}]"
        terms.require(given == system and code in kind.__members__, path, f"not one of the {name}s that a grant has")
        bit = 1 << kind[code]
        terms.require(not bits & bit, path, "given twice")
        bits |= bit
    terms.require(bits != 0, f"Consent.provision.{name}", "missing")
    return bits


def _field_text(grant: Grant, name: str) -> str:
    value = getattr(grant, name)
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)


def _field_value(name: str, value: str, path: str) -> bytes | int:
    if name in ("terms", "salt"):
        return fhir.read_hex(value, 32, path)
    return fhir.read_decimal(value, 32 if name == "epoch" else 64, path)
