"""Grants on paper, for care and on the law: who must sign, what is shown, and what they open."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fiducia.adapters.memory.destination import MemoryDestination
from fiducia.core import fhir_consent, ids
from fiducia.core.fhir_terms import Consent
from fiducia.core.rules import Action, Basis, Purpose, Role, mask
from fiducia.core.wording import document_digest
from fiducia.errors import DeniedError, InputError, LedgerNotFinalError, SignatureError
from fiducia.journeys.grants.grant import GrantOrder, GrantResult
from fiducia.journeys.patients.approving import Approver
from tests.support.colleagues import HOSPITAL_C, colleague, give_by_staff, staffed
from tests.support.consortium import DAY_S, HOSPITAL_A, HOSPITAL_B, Consortium

SCAN = b"%PDF: the patient's signature"


@pytest.fixture
def world() -> Consortium:
    world = Consortium()
    world.add_series(1)
    world.run_register()
    return staffed(world)


def order_of(world: Consortium, purpose: Purpose = Purpose.TREAT, **changes: Any) -> GrantOrder:
    fields: dict[str, Any] = {
        "study_id": world.mirror.catch_up().studies()[0].study_id,
        "series": 0,
        "grantee": world.badge.badge.person,
        "purposes": mask(purpose),
        "actions": mask(Action.VIEW, Action.RETAIN),
        "not_after": world.clock.now() + 10 * DAY_S,
        "grantee_name": "Dr B",
    }
    return GrantOrder(**(fields | changes))


def officer(world: Consortium, institution: int = HOSPITAL_A) -> Approver:
    return colleague(world, institution, 50 + institution, Role.OFFICER)


def pair(world: Consortium, institution: int = HOSPITAL_A) -> list[Approver]:
    return [colleague(world, institution, 60, Role.NURSE), colleague(world, institution, 61, Role.REGISTRAR)]


def give(world: Consortium, basis: Basis, staff: list[Approver], **changes: Any) -> GrantResult:
    document = SCAN if basis is Basis.PAPER else b""
    purpose = Purpose.HLEGAL if basis is Basis.LAW else Purpose.TREAT
    return give_by_staff(world).run(order_of(world, purpose, **changes), basis, staff, document=document)


def test_paper_opens_and_holds_the_documents_salted_hash(world: Consortium) -> None:
    given = give(world, Basis.PAPER, pair(world))
    assert given.grant.terms == document_digest(given.grant, SCAN)
    assert given.grant.terms != document_digest(replace(given.grant, salt=bytes(32)), SCAN)
    destination = MemoryDestination()
    fetched = world.run_fetch(given.grant.scope, destination)
    assert fetched.instances == 1


def test_care_is_an_officers_and_ends_with_a_restriction_or_a_revoke_by_the_patient(world: Consortium) -> None:
    given = give(world, Basis.CARE, [officer(world)])
    world.run_fetch(given.grant.scope, MemoryDestination())
    assert world.revoke.run(given.grant_id, world.patient) is True
    with pytest.raises(DeniedError) as refused:
        world.run_fetch(given.grant.scope, MemoryDestination())
    assert refused.value.reason == "GRANT_REVOKED"


def test_law_opens_for_an_officer_of_another_institution(world: Consortium) -> None:
    authority = colleague(world, HOSPITAL_B, 70, Role.OFFICER)
    given = give(world, Basis.LAW, [officer(world)], grantee=authority.person)
    requester = replace(world.clinician, signer=authority.signer, badge=authority.badge)
    fetched = world.run_fetch(given.grant.scope, MemoryDestination(), purpose=Purpose.HLEGAL, requester=requester)
    assert fetched.instances == 1


@pytest.mark.parametrize("basis", [Basis.CARE, Basis.LAW])
def test_another_institutions_officer_or_no_officer_signs_in_vain(world: Consortium, basis: Basis) -> None:
    for somebody in (officer(world, HOSPITAL_C), colleague(world, HOSPITAL_A, 62, Role.PHYSICIAN)):
        with pytest.raises(SignatureError):
            give(world, basis, [somebody])


def test_paper_needs_two_different_persons_of_the_custodian(world: Consortium) -> None:
    with pytest.raises(SignatureError):
        give(world, Basis.PAPER, pair(world, HOSPITAL_C))
    one = colleague(world, HOSPITAL_A, 63, Role.NURSE)
    again = colleague(world, HOSPITAL_A, 64, Role.NURSE, person=one.person)
    for staff in ([one], [one, again], [one, *pair(world)]):
        with pytest.raises(InputError, match="signed by 2"):
            give(world, Basis.PAPER, staff)


def test_a_document_belongs_to_paper_alone_and_consent_to_the_patient(world: Consortium) -> None:
    with pytest.raises(InputError, match="document"):
        give_by_staff(world).run(order_of(world), Basis.PAPER, pair(world))
    with pytest.raises(InputError, match="document"):
        give_by_staff(world).run(order_of(world), Basis.CARE, [officer(world)], document=SCAN)
    with pytest.raises(InputError, match="patient's to give"):
        give_by_staff(world).run(order_of(world), Basis.CONSENT, [officer(world)])


@pytest.mark.parametrize(
    ("basis", "who"), [(Basis.PAPER, "on paper"), (Basis.CARE, "for care"), (Basis.LAW, "may be deferred")]
)
def test_the_words_say_who_decides_and_speak_of_the_patient(world: Consortium, basis: Basis, who: str) -> None:
    shown: list[str] = []
    staff = pair(world) if basis is Basis.PAPER else [officer(world)]
    purpose = Purpose.HLEGAL if basis is Basis.LAW else Purpose.TREAT
    document = SCAN if basis is Basis.PAPER else b""
    given = give_by_staff(world).run(order_of(world, purpose), basis, staff, document=document, show=shown.append)
    (words,) = shown
    assert who in words
    assert f"0x{given.grant.subject.hex()}" in words
    assert "The patient can revoke this" in words
    assert "Dr B" in words
    assert " you" not in words.lower()


def test_the_same_decision_after_a_crash_is_the_same_grant(world: Consortium) -> None:
    staff = [officer(world)]
    order = order_of(world)
    world.ledger.faults.lose = 1
    with pytest.raises(LedgerNotFinalError):
        give_by_staff(world).run(order, Basis.CARE, staff)
    world.clock.advance(60)
    first = give_by_staff(world).run(order, Basis.CARE, staff)
    second = give_by_staff(world).run(order, Basis.CARE, staff)
    assert first.grant_id != second.grant_id
    assert first.grant.not_before < world.clock.now()


@pytest.mark.parametrize("basis", [Basis.PAPER, Basis.CARE, Basis.LAW])
def test_it_goes_out_as_a_fhir_consent_and_reads_back_equal(world: Consortium, basis: Basis) -> None:
    given = give(world, basis, pair(world) if basis is Basis.PAPER else [officer(world)])
    consent = Consent(given.grant, study_id=given.grant.scope, custodian=HOSPITAL_A, given_at=world.clock.now())
    back = fhir_consent.decode(fhir_consent.encode(consent))
    assert back == consent
    assert ids.grant_id(back.grant) == given.grant_id
