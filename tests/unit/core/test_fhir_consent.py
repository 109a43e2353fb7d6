"""A grant as a FHIR Consent: valid R4, equal on the way back, and nothing imported that a grant cannot hold."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import hypothesis.strategies as st
import pytest
from fhir.resources.R4B.consent import Consent as R4Consent
from hypothesis import given

from fiducia.core import fhir_consent, ids, rules
from fiducia.core.fhir_terms import EXTENSIONS, MAY_BE_ABSENT, Consent
from fiducia.errors import EncodingError, InputError
from fiducia.records.typed import Grant
from tests.support.world import default_grant

words32 = st.binary(min_size=32, max_size=32)
EXPIRY_MAX = 2**40 - 1
NINE_THOUSAND = 253_402_300_800  # the first second that a dateTime cannot name


def masks(kind: Any, within: int) -> st.SearchStrategy[int]:
    names = [each for each in kind if within & (1 << each)]
    return st.lists(st.sampled_from(names), min_size=1, unique=True).map(lambda found: rules.mask(*found))


@st.composite
def scopes(draw: st.DrawFn) -> tuple[bytes, bytes, int, int]:
    """(study_id, series, scope, anchored_by) of every kind: a study, a series, unnamed, all until, all from now on."""
    study, series = draw(words32.filter(any)), draw(st.sampled_from([0, 1, 2, 2**32 - 1]))
    kind = draw(st.sampled_from(["study", "series", "unnamed", "until", "future"]))
    if kind == "until":
        return b"", ids.ALL_SCOPE, 0, draw(st.integers(0, 2**64 - 1))
    if kind == "future":
        return b"", ids.ALL_SCOPE, 0, ids.FUTURE_TOO
    anchored_by = draw(st.sampled_from([0, 0, 1, 2**64 - 1]))
    if kind == "unnamed":
        return b"", study, 0, anchored_by
    if kind == "series" and series:
        return study, ids.series_scope(study, series), series, anchored_by
    return study, study, 0, anchored_by


@st.composite
def consents(draw: st.DrawFn) -> Consent:
    """Every grant that a ledger can hold, whatever the basis."""
    rule = draw(st.sampled_from(rules.BASES))
    lasts = draw(st.integers(1, rule.max_s))
    latest = EXPIRY_MAX - lasts
    not_before = draw(st.one_of(st.integers(0, latest), st.integers(NINE_THOUSAND - 2 * lasts, NINE_THOUSAND + lasts)))
    institution = draw(st.integers(1, 2**32 - 1))
    person = ids.person(institution, draw(st.binary(min_size=28, max_size=28)))
    study, scope, series, anchored_by = draw(scopes())
    grant = Grant(
        basis=rule.basis,
        subject=draw(st.binary(min_size=20, max_size=20)),
        scope=scope,
        anchored_by=anchored_by,
        grantee=draw(st.sampled_from([person, ids.institution_grantee(institution)])),
        purposes=draw(masks(rules.Purpose, rule.purposes)),
        actions=draw(masks(rules.Action, rules.ALL_ACTIONS)),
        not_before=not_before,
        not_after=not_before + lasts,
        epoch=draw(st.integers(0, 2**32 - 1)),
        relay_by=draw(st.integers(0, 2**64 - 1)),
        terms=draw(words32),
        salt=draw(words32),
    )
    return Consent(
        grant,
        study,
        series,
        draw(st.booleans()),
        draw(st.one_of(st.just(0), st.integers(1, 2**32 - 1))),
        draw(st.one_of(st.none(), st.integers(0, NINE_THOUSAND - 1))),
    )


def document(consent: Consent | None = None) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(fhir_consent.encode(consent or full()))
    return found


def full() -> Consent:
    grant = default_grant()
    return Consent(grant, grant.scope, 0, True, 1, 1_700_000_000)


def read(document: Any) -> Consent:
    return fhir_consent.decode(json.dumps(document).encode())


@given(consents())
def test_a_grant_comes_back_equal(consent: Consent) -> None:
    assert fhir_consent.decode(fhir_consent.encode(consent)) == consent


@given(consents())
def test_what_is_written_is_r4(consent: Consent) -> None:
    written = fhir_consent.encode(consent)
    model = R4Consent.model_validate_json(written)
    assert json.loads(model.model_dump_json()) == json.loads(written)


@given(consents(), st.frozensets(st.sampled_from(MAY_BE_ABSENT), min_size=1))
def test_what_is_left_open_is_said_to_be_absent(consent: Consent, absent: frozenset[str]) -> None:
    blank: dict[str, Any] = {"epoch": 0, "relay_by": 0, "terms": bytes(32), "salt": bytes(32)}
    open_grant = replace(consent.grant, **{name: blank[name] for name in absent})
    found = fhir_consent.decode(fhir_consent.encode(replace(consent, grant=consent.grant, absent=absent)))
    assert found == replace(consent, grant=open_grant, absent=absent)


def test_the_terms_are_those_of_ihe_pcf_where_it_has_them() -> None:
    written = document()
    assert written["resourceType"] == "Consent"
    assert written["status"] == "active"
    assert written["scope"]["coding"] == [
        {"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}
    ]
    assert written["category"][0]["coding"] == [{"system": "http://loinc.org", "code": "59284-0"}]
    provision = written["provision"]
    assert provision["type"] == "permit"
    assert provision["purpose"] == [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "TREAT"}]
    assert provision["actor"][0]["role"]["coding"] == [
        {"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "IRCP"}
    ]
    assert provision["data"][0]["meaning"] == "instance"
    assert provision["data"][0]["reference"]["type"] == "ImagingStudy"
    assert {"dateTime", "performer", "organization", "sourceReference", "policy"} <= written.keys()


@pytest.mark.parametrize("basis", rules.Basis)
def test_only_the_patients_side_makes_a_consent_document(basis: rules.Basis) -> None:
    rule = rules.basis_rule(basis)
    assert rule is not None
    grant = default_grant(basis=basis, purposes=rule.purposes)
    written = document(Consent(replace(grant, not_after=grant.not_before + 60)))
    systems = {each["coding"][0]["system"] for each in written["category"]}
    assert ("http://loinc.org" in systems) is (basis in (rules.Basis.CONSENT, rules.Basis.PAPER))
    assert ("performer" in written) is ("http://loinc.org" in systems)


def test_a_window_ends_with_its_last_second() -> None:
    grant = replace(default_grant(), not_before=0, not_after=86_400)
    assert document(Consent(grant))["provision"]["period"] == {
        "start": "1970-01-01T00:00:00Z",
        "end": "1970-01-01T23:59:59Z",
    }


def test_what_narrows_access_cannot_be_skipped() -> None:
    until = replace(default_grant(), scope=ids.ALL_SCOPE, anchored_by=1_700_000_000)
    written = document(Consent(until))["provision"]
    assert written["modifierExtension"] == [
        {"url": "urn:fiducia:consent:anchored-by", "valueString": str(until.anchored_by)}
    ]
    assert "data" not in written
    study = default_grant().scope
    one = replace(default_grant(), scope=ids.series_scope(study, 3))
    identifier = document(Consent(one, study, 3))["provision"]["data"][0]["reference"]["identifier"]
    assert identifier == {"system": "urn:fiducia:series", "value": f"0x{study.hex()}/3"}


Edit = Callable[[dict[str, Any]], object]
OTHER = {"system": "urn:x", "code": "SECRET"}
SECRET = "SECRET-0815"


def put(path: str, value: Any) -> Edit:
    """Return an edit that sets what is at a dotted path."""

    def edit(found: Any) -> None:
        *way, last = (int(step) if step.isdecimal() else step for step in path.split("."))
        for step in way:
            found = found[step]
        if isinstance(last, int) and last == len(found):
            found.append(value)
        else:
            found[last] = value

    return edit


def drop(path: str) -> Edit:
    def edit(found: Any) -> None:
        *way, last = (int(step) if step.isdecimal() else step for step in path.split("."))
        for step in way:
            found = found[step]
        del found[last]

    return edit


PERIOD = {"start": "2030-01-01T00:00:00Z", "end": "2030-02-01T00:00:00Z"}
EXTENSION = {"url": "urn:other:extension", "valueString": SECRET}
REFUSED: list[tuple[str, Edit]] = [
    ("Consent.id", put("id", SECRET)),
    ("Consent.meta", put("meta", {"security": [OTHER]})),
    ("Consent.implicitRules", put("implicitRules", "urn:x")),
    ("Consent.language", put("language", "de")),
    ("Consent.text", put("text", {"status": "generated", "div": "<div>but not my SECRET-0815</div>"})),
    ("Consent.contained", put("contained", [{"resourceType": "Patient"}])),
    ("Consent.modifierExtension", put("modifierExtension", [EXTENSION])),
    ("Consent.extension[0].url", put("extension.0.url", "urn:fiducia:consent:more")),
    ("Consent.extension[4].url", put("extension.4", EXTENSION)),
    ("Consent.extension[4].url", put("extension.4", {"url": next(iter(EXTENSIONS)), "valueString": "1"})),
    ("Consent.extension[0].valueString", put("extension.0", {"url": next(iter(EXTENSIONS)), "valueInteger": 1})),
    ("Consent.extension[0].extension", put("extension.0.extension", [EXTENSION])),
    ("Consent.extension", put("extension", [])),
    ("Consent.identifier", put("identifier.0.value", "0x" + "00" * 32)),
    ("Consent.identifier", put("identifier.0.system", "urn:x")),
    ("Consent.identifier", put("identifier.1", {"system": "urn:x", "value": SECRET})),
    ("Consent.identifier[0].use", put("identifier.0.use", "old")),
    ("Consent.status", put("status", "proposed")),
    ("Consent._status", put("_status", {"extension": [EXTENSION]})),
    ("Consent.scope", put("scope.coding.0.code", "research")),
    ("Consent.scope.coding", put("scope.coding.1", OTHER)),
    ("Consent.scope.text", put("scope.text", SECRET)),
    ("Consent.category", put("category.2", {"coding": [OTHER]})),
    ("Consent.category", put("category.0.coding.0.code", "57016-8")),
    ("Consent.category", put("category.1.coding.0.code", "SECRET")),
    ("Consent.category", drop("category.1")),
    ("Consent.patient.reference", put("patient.reference", "Patient/SECRET-0815")),
    ("Consent.patient.display", put("patient.display", SECRET)),
    ("Consent.patient.type", put("patient.type", "Group")),
    ("Consent.patient.identifier.system", put("patient.identifier.system", "urn:x")),
    ("Consent.patient.identifier.value", put("patient.identifier.value", "0xAB")),
    ("Consent.dateTime", put("dateTime", "2022-06-13")),
    ("Consent.performer", put("performer.0.identifier.value", "0x" + "11" * 20)),
    ("Consent.performer", put("performer.1", {"type": "RelatedPerson", "identifier": OTHER})),
    ("Consent.organization", put("organization.0.identifier.value", "hospital")),
    ("Consent.sourceReference", put("sourceReference.identifier.value", "0x" + "00" * 32)),
    ("Consent.sourceAttachment", put("sourceAttachment", {"url": "urn:x"})),
    ("Consent.policy", put("policy.0.uri", "urn:x")),
    ("Consent.policy[0].authority", put("policy.0.authority", "urn:x")),
    ("Consent.policyRule", put("policyRule", {"coding": [OTHER]})),
    ("Consent.verification", put("verification", [{"verified": True}])),
    ("Consent.provision", drop("provision")),
    ("Consent.provision.type", put("provision.type", "deny")),
    ("Consent.provision.type", drop("provision.type")),
    ("Consent.provision.provision", put("provision.provision", [{"type": "deny"}])),
    ("Consent.provision.extension[0].url", put("provision.extension", [EXTENSION])),
    ("Consent.provision.modifierExtension", put("provision.modifierExtension", [EXTENSION])),
    ("Consent.provision.period", put("provision.period", [PERIOD, PERIOD])),
    ("Consent.provision.period.end", drop("provision.period.end")),
    ("Consent.provision.period.start", put("provision.period.start", "2030-01")),
    ("Consent.provision.period", put("provision.period.end", "1970-01-01T00:00:00Z")),
    ("Consent.provision.period", put("provision.period.end", "2199-01-01T00:00:00Z")),
    ("Consent.provision.period.extension", put("provision.period.extension", [EXTENSION])),
    ("Consent.provision.dataPeriod", put("provision.dataPeriod", PERIOD)),
    ("Consent.provision.securityLabel", put("provision.securityLabel", [OTHER])),
    ("Consent.provision.code", put("provision.code", [{"coding": [OTHER]}])),
    ("Consent.provision.class", drop("provision.class")),
    ("Consent.provision.class", put("provision.class.0.code", "Observation")),
    ("Consent.provision.purpose[0]", put("provision.purpose.0.code", "HMARKT")),
    ("Consent.provision.purpose[0]", put("provision.purpose.0.system", "urn:x")),
    ("Consent.provision.purpose[0].display", put("provision.purpose.0.display", SECRET)),
    ("Consent.provision.purpose", put("provision.purpose.0.code", "HLEGAL")),
    ("Consent.provision.purpose", drop("provision.purpose")),
    ("Consent.provision.action[0]", put("provision.action.0.coding.0.code", "PRINT")),
    ("Consent.provision.action[0].coding", put("provision.action.0.coding.1", OTHER)),
    ("Consent.provision.action", drop("provision.action")),
    ("Consent.provision.actor", drop("provision.actor")),
    ("Consent.provision.actor", put("provision.actor.1", {"role": {"coding": [OTHER]}})),
    ("Consent.provision.actor[0].role", put("provision.actor.0.role.coding.0.code", "CST")),
    ("Consent.provision.actor[0].reference.type", put("provision.actor.0.reference.type", "Group")),
    (
        "Consent.provision.actor[0].reference.identifier.system",
        put("provision.actor.0.reference.identifier.system", "x"),
    ),
    (
        "Consent.provision.actor[0].reference.identifier.value",
        put("provision.actor.0.reference.identifier.value", "0x" + "00" * 3 + "07" + "00" * 28),
    ),
    ("Consent.provision.data", put("provision.data.1", {"meaning": "instance"})),
    ("Consent.provision.data[0].meaning", put("provision.data.0.meaning", "related")),
    ("Consent.provision.data[0].reference.type", put("provision.data.0.reference.type", "Observation")),
    ("Consent.provision.modifierExtension", drop("provision.data")),
    ("Consent.resourceType", put("resourceType", "Contract")),
]


@pytest.mark.parametrize(("path", "edit"), REFUSED, ids=[f"{n}-{path}" for n, (path, _) in enumerate(REFUSED)])
def test_what_a_grant_cannot_hold_is_refused_by_its_path(path: str, edit: Edit) -> None:
    found = copy.deepcopy(document())
    edit(found)
    with pytest.raises(InputError) as refused:
        read(found)
    assert str(refused.value).startswith(path)
    assert "SECRET" not in str(refused.value)


def test_a_name_that_r4_does_not_have_is_not_repeated() -> None:
    found = document()
    found["provision"]["JaneDoe"] = True
    with pytest.raises(InputError, match=r"^Consent\.provision: an element that R4 does not have") as refused:
        read(found)
    assert "Jane" not in str(refused.value)


@pytest.mark.parametrize("name", ["resourceType", "extension", "provision"])
def test_an_element_given_twice_is_refused(name: str) -> None:
    text = fhir_consent.encode(full()).decode()
    twice = "{" + f'"{name}": {json.dumps(document()[name])},' + text.lstrip()[1:]
    with pytest.raises(EncodingError, match="twice"):
        fhir_consent.decode(twice.encode())


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b"{}", b'{"resourceType": 1.5}', b"\xff", b"[" * 5000])
def test_what_is_no_resource_is_refused(data: bytes) -> None:
    with pytest.raises(InputError):
        fhir_consent.decode(data)


def test_a_long_document_is_refused_unread() -> None:
    with pytest.raises(EncodingError, match="longer"):
        fhir_consent.decode(fhir_consent.encode(full()) + b" " * (1 << 16))


JUNK = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=5), inner, max_size=2)),
    max_leaves=4,
)


def _places(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [way, *(place for key, each in inner for place in _places(each, (*way, key)))]


@given(st.data())
def test_a_changed_document_says_another_grant_or_is_refused(data: st.DataObject) -> None:
    """Nothing is ignored: whatever is replaced anywhere, the reading differs, or there is none."""
    found = document()
    place = data.draw(st.sampled_from([place for place in _places(found) if place]))
    inner = found
    for step in place[:-1]:
        inner = inner[step]
    junk = data.draw(JUNK)
    if inner[place[-1]] == junk:
        return
    inner[place[-1]] = junk
    try:
        read_again = read(found)
    except InputError:
        return
    assert read_again != full()


@pytest.mark.parametrize(
    "change",
    [
        {"basis": 0},
        {"basis": 6},
        {"purposes": 0},
        {"purposes": 1 << 10},
        {"actions": 0},
        {"actions": 1 << 5},
        {"grantee": bytes(32)},
        {"not_after": 0},
        {"not_before": 0, "not_after": rules.TEN_YEARS_S + 1},
        {"not_before": 2**40 - 1, "not_after": 2**40},
    ],
)
def test_a_grant_that_no_ledger_holds_is_not_written(change: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"Consent\."):
        fhir_consent.encode(Consent(replace(default_grant(), **change)))


def test_a_study_that_is_not_the_scope_is_not_written() -> None:
    with pytest.raises(InputError, match="scope"):
        fhir_consent.encode(Consent(default_grant(), bytes(31) + b"\1"))
    with pytest.raises(InputError, match="one study"):
        fhir_consent.encode(Consent(replace(default_grant(), scope=ids.ALL_SCOPE), default_grant().scope))
