"""Staff of a consortium in memory: people with badges of its hospitals, and a third hospital."""

from __future__ import annotations

from typing import Any

from fiducia.core.rules import Role, mask
from fiducia.core.signatures import EoaKey
from fiducia.journeys.grants.emergency import OpenEmergency
from fiducia.journeys.grants.reviews import ReviewEmergency
from fiducia.journeys.grants.staff_grants import GiveByStaff
from fiducia.journeys.members.members import AdmitMember, PublishKey
from fiducia.journeys.patients.approving import Approver
from fiducia.journeys.sign_in.badges import IssueBadge
from fiducia.records.ledger import KeyKind
from fiducia.records.typed import Admit, SignedBadge
from tests.support.consortium import DAY_S, HOSPITAL_A, HOSPITAL_B, Consortium, key

HOSPITAL_C = 3
GOVERNOR_C = key(21)
ISSUERS = {HOSPITAL_A: key(30), HOSPITAL_C: key(32)}


def staffed(world: Consortium) -> Consortium:
    """Admit a third hospital, and publish issuers of the other two."""
    governors = {HOSPITAL_A: world.governor_a, HOSPITAL_B: world.governor_b}
    admit = Admit(GOVERNOR_C.address, 1, 0b111, world.mirror.catch_up().round)
    AdmitMember(ledger=world.ledger, domains=world.domains).run(admit, governors)
    publish = PublishKey(ledger=world.ledger, domains=world.domains)
    end = world.clock.now() + 365 * DAY_S
    for institution, governor in ((HOSPITAL_A, world.governor_a), (HOSPITAL_C, GOVERNOR_C)):
        publish.run(institution, KeyKind.ISSUER, ISSUERS[institution].address, "", end, governor)
    return world


def colleague(
    world: Consortium, institution: int, number: int, *roles: Role, lasts_s: int = DAY_S, person: bytes | None = None
) -> Approver:
    """Somebody with a badge, and the session key of that number."""
    session: EoaKey = key(number)
    issue = IssueBadge(mirror=world.mirror, clock=world.clock, entropy=world.entropy, domains=world.domains)
    badge = issue.run(
        institution=institution,
        roles=mask(*roles),
        session=session.address,
        issuer=ISSUERS.get(institution, world.issuer),
        not_after=world.clock.now() + lasts_s,
        trained_until=world.clock.now() + 100 * DAY_S,
        person=person,
    )
    return Approver(session, badge)


def badge_of(somebody: Approver) -> SignedBadge:
    """The badge of somebody who has one."""
    assert somebody.badge is not None
    return somebody.badge


def team_of(world: Consortium, institution: int = HOSPITAL_B, **badge: Any) -> tuple[Approver, Approver]:
    """A physician and a nurse."""
    return (
        colleague(world, institution, 41, Role.PHYSICIAN, **badge),
        colleague(world, institution, 42, Role.NURSE, **badge),
    )


def give_by_staff(world: Consortium) -> GiveByStaff:
    return GiveByStaff(
        broker=world.broker,
        mirror=world.mirror,
        vault=world.gateway_vault,
        clock=world.clock,
        entropy=world.entropy,
        domains=world.domains,
    )


def open_emergency(world: Consortium) -> OpenEmergency:
    return OpenEmergency(
        broker_of=lambda institution: world.broker,
        mirror=world.mirror,
        vault=world.gateway_vault,
        clock=world.clock,
        entropy=world.entropy,
        domains=world.domains,
    )


def review_emergency(world: Consortium) -> ReviewEmergency:
    return ReviewEmergency(
        ledger=world.ledger,
        mirror=world.mirror,
        vault=world.gateway_vault,
        entropy=world.entropy,
        domains=world.domains,
    )
