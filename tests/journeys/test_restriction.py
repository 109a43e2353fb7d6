"""Restriction: taken at once by any broker, chain up or down; only what it blocks is refused; only a lift ends it."""

from __future__ import annotations

import pytest

from fiducia.adapters.memory.destination import MemoryDestination
from fiducia.adapters.memory.steps import MemorySteps, Stopped
from fiducia.core.rules import Action, Basis, Purpose, mask
from fiducia.errors import DeniedError, InputError, SignatureError
from fiducia.journeys.patients.approving import Approver
from fiducia.journeys.reading.asking import DrawUpRequest, Requester
from fiducia.records.ledger import GrantAct, RestrictAct
from fiducia.records.typed import Grant, Restrict, StaffAccess
from tests.support.consortium import contents, key
from tests.support.household import Household, settled


@pytest.fixture
def world() -> Household:
    world = settled()
    world.run_grant(world.study_id)
    return world


def refused(world: Household) -> str:
    with pytest.raises(DeniedError) as denied:
        world.run_fetch(world.study_id, MemoryDestination())
    return denied.value.reason


def asked_again(world: Household) -> StaffAccess:
    """A request of the clinician's that nobody has seen."""
    draw_up = DrawUpRequest(mirror=world.mirror, clock=world.clock, entropy=world.entropy, domains=world.domains)
    access = draw_up.run(world.study_id, 0, Purpose.TREAT, Action.RETAIN, world.clinician)
    assert isinstance(access, StaffAccess)
    return access


def act_by(world: Household, approver: Approver, serial: int = 1) -> RestrictAct:
    struct = Restrict(world.subject, serial)
    return RestrictAct(struct, approver.approve(world.domains, struct))


@pytest.mark.parametrize("who", ["patient", "parent", "registrar", "officer", "former signer"])
def test_whoever_has_standing_restricts_and_the_patient_lifts(world: Household, who: str) -> None:
    world.appointed()
    if who == "former signer":
        world.rotate.run(world.subject, world.new_key, world.patient)
    by = {
        "patient": Approver(world.patient),
        "parent": Approver(world.parent),
        "registrar": Approver(world.registrar),
        "officer": world.officer_a,
        "former signer": Approver(world.patient),
    }[who]
    assert world.restrict.run(world.subject, by) is True
    assert refused(world) == "RESTRICTED"
    signer = world.new_key if who == "former signer" else world.patient
    for stranger in (Approver(world.registrar), world.officer_a, Approver(key(99))):
        with pytest.raises(SignatureError):
            world.lift.run(world.subject, [stranger])
    world.lift.run(world.subject, [Approver(signer)])
    destination = MemoryDestination()
    world.run_fetch(world.study_id, destination)
    assert sorted(destination.visible.values()) == contents(world.files)


def test_a_representative_with_grant_lifts(world: Household) -> None:
    world.appointed()
    world.restrict.run(world.subject, Approver(world.patient))
    world.lift.run(world.subject, [Approver(world.parent)])
    assert not world.entry.restricted


def test_strangers_restrict_nothing_and_leave_no_trace(world: Household) -> None:
    for stranger in (Approver(key(99)), world.officer_b, Approver(world.registrar_b)):
        with pytest.raises(SignatureError):
            world.restrict.run(world.subject, stranger)
    for serial in (0, 2, 2**32 - 1):
        with pytest.raises(InputError, match="serial"):
            world.take_revoke.run(act_by(world, Approver(world.patient), serial))
    assert list(world.journal.entries("revoke_taken")) == []


def test_it_counts_from_the_answer_on_while_the_chain_is_down(world: Household) -> None:
    access = asked_again(world)
    world.record_release.run(access)
    world.ledger.faults.unreachable = True
    assert world.restrict.run(world.subject, Approver(world.patient)) is False
    for restarts in (False, True):
        if restarts:
            world.restart_keeping_mirror()
        with pytest.raises(DeniedError) as denied:
            world.hand_over.run(access)
        assert denied.value.reason == "RESTRICTED"
    world.ledger.faults.unreachable = False
    assert world.relay_taken.run() == 0
    assert world.entry.restricted
    # From here on it is the ledger's: a lift ends it at this broker, too.
    world.lift.run(world.subject, [Approver(world.patient)])
    world.restart()
    world.hand_over.run(access)


def test_the_patients_own_access_and_what_the_law_opens_go_on(world: Household) -> None:
    world.ledger.faults.unreachable = True
    world.restrict.run(world.subject, Approver(world.patient))
    world.ledger.faults.unreachable = False
    own = Requester(world.patient, b"p" * 32)
    world.run_fetch(world.study_id, MemoryDestination(), purpose=Purpose.PATRQT, requester=own)
    grant = by_law(world)
    officer = world.officer_b
    assert officer.badge is not None
    requester = Requester(officer.signer, world.gateway.seed, officer.badge)
    access = DrawUpRequest(mirror=world.mirror, clock=world.clock, entropy=world.entropy, domains=world.domains).run(
        world.study_id, 0, Purpose.HLEGAL, 2, requester
    )
    assert isinstance(access, StaffAccess)
    assert access.grant == grant
    assert world.taken.denial(access) == ""
    world.record_release.run(access)


def by_law(world: Household) -> Grant:
    given = world.mirror.catch_up().grants_of_subject(world.subject)[0].grant
    assert given is not None
    officer = world.officer_b
    assert officer.badge is not None
    grant = Grant(
        basis=Basis.LAW,
        subject=world.subject,
        scope=world.study_id,
        anchored_by=0,
        grantee=officer.badge.badge.person,
        purposes=mask(Purpose.HLEGAL),
        actions=given.actions,
        not_before=given.not_before,
        not_after=given.not_after,
        epoch=given.epoch,
        relay_by=given.relay_by,
        terms=bytes(32),
        salt=b"l" * 32,
    )
    world.ledger.submit(GrantAct(grant, (world.officer_a.approve(world.domains, grant),)))
    return grant


def test_a_request_under_another_grants_terms_does_not_slip_past(world: Household) -> None:
    """The basis that is judged is that of the grant whose id the request names."""
    access = asked_again(world)
    world.record_release.run(access)
    world.restrict.run(world.subject, Approver(world.patient))
    forged = StaffAccess(access.request, by_law(world), access.badge, access.signature)
    assert world.taken.denial(forged) == "GRANT_MISMATCH"
    with pytest.raises(DeniedError) as denied:
        world.hand_over.run(forged)
    assert denied.value.reason == "GRANT_MISMATCH"


def test_one_that_the_chain_refused_is_kept_up_here_until_it_is_lifted(world: Household) -> None:
    """The officer's badge ended before the chain came back; only the patient's side lets go of what was taken."""
    officer = world.officer_a
    world.ledger.faults.unreachable = True
    assert world.restrict.run(world.subject, officer) is False
    world.ledger.faults.unreachable = False
    world.clock.advance(2 * 86_400)
    assert world.relay_taken.run() == 0
    assert not world.entry.restricted
    access = asked_again(world)
    assert world.taken.denial(access) == "RESTRICTED"
    world.lift.run(world.subject, [Approver(world.patient)])
    world.mirror.catch_up()
    world.relay_taken.run()
    assert world.taken.denial(access) == ""


def test_a_crash_after_the_journal_forgets_nothing(world: Household) -> None:
    world.steps = MemorySteps(stop_at="revoke.journalled")
    with pytest.raises(Stopped):
        world.restrict.run(world.subject, Approver(world.patient))
    world.restart()
    assert refused(world) == "RESTRICTED"
    assert world.relay_taken.run() == 0
    assert world.entry.restricted
    assert list(world.taken.waiting()) == []


def test_one_that_was_lifted_since_it_was_signed_is_refused(world: Household) -> None:
    act = act_by(world, Approver(world.patient))
    world.take_revoke.run(act)
    world.lift.run(world.subject, [Approver(world.patient)])
    world.mirror.catch_up()
    with pytest.raises(InputError, match="lifted since"):
        world.take_revoke.run(act)
    assert world.restrict.run(world.subject, Approver(world.patient)) is True
    assert world.entry.restricted
