"""t of n trustees: what any t of them open, and what fewer, patched, stolen, lying or silent ones do not."""

from __future__ import annotations

import dataclasses
import hashlib

import pytest

from fiducia.adapters.memory.destination import MemoryDestination
from fiducia.adapters.memory.steps import MemorySteps, Stopped
from fiducia.core.keys.custody import Custody
from fiducia.core.keys.sealing import open_shares, seal_shares
from fiducia.core.keys.shares import SeriesShare
from fiducia.core.rules import Action
from fiducia.errors import (
    DeniedError,
    EncodingError,
    InputError,
    KeyMissingError,
    LedgerStaleError,
    LedgerUnreachableError,
    ShareError,
    SignatureError,
    TrusteeError,
)
from fiducia.journeys.shared.objects import read_custody, read_manifest
from fiducia.journeys.trustees.blame import KeptBlames
from fiducia.journeys.trustees.shares import share_of
from fiducia.records.images import HandOver
from fiducia.records.statements import SignedDeposit, SignedKeeping
from fiducia.records.typed import Access, HandOverStatement, StaffAccess
from tests.journeys.test_crashes import crashed_everywhere
from tests.support.altered import altered
from tests.support.consortium import HOSPITAL_A, HOSPITAL_B, contents
from tests.support.trustees import HOSPITAL_C, Answering, Trustees, dealt, request_id

DENIED = 50
"""A thousand of them are tests/e2e/test_trustees.py's."""

ALL = (HOSPITAL_A, HOSPITAL_B, HOSPITAL_C)


@pytest.fixture
def world() -> Trustees:
    return dealt()


def fetched(world: Trustees) -> list[bytes]:
    destination = MemoryDestination()
    world.run_fetch(world.study_id, destination)
    return sorted(destination.visible.values())


def shares_at(world: Trustees, institution: int) -> list[SeriesShare]:
    """What a thief of one broker's vault has of the study."""
    study = world.mirror.catch_up().study(world.study_id)
    assert study is not None
    manifest = read_manifest(world.store, study.manifest)
    custody = read_custody(world.store, manifest)
    vault = world.vault if institution == HOSPITAL_A else world.others[institution].vault
    index = custody.share_index(institution)
    return [share_of(vault, custody, index, line.number, line.sealed_in) for line in manifest.series]


def custody_of(world: Trustees) -> Custody:
    study = world.mirror.catch_up().study(world.study_id)
    assert study is not None
    return read_custody(world.store, read_manifest(world.store, study.manifest))


# -- what works


def test_every_trustee_keeps_its_own_share_and_the_custodian_no_other(world: Trustees) -> None:
    held = {institution: shares_at(world, institution) for institution in ALL}
    assert [[share.index for share in shares] for shares in held.values()] == [[1, 1], [2, 2], [3, 3]]
    assert world.vault.names("deal/") == ()
    assert len(list(world.journal.entries("share_delivered"))) == 2
    assert [len(list(world.others[n].journal.entries("share_kept"))) for n in (2, 3)] == [1, 1]
    custody = custody_of(world)
    with pytest.raises(KeyMissingError, match="1 of the 2"):
        custody.combine(held[HOSPITAL_A][:1])
    for one, other in ((1, 2), (1, 3), (2, 3)):
        keys = custody.combine([held[one][0], held[other][0]])
        assert keys == custody.combine([held[HOSPITAL_A][0], held[HOSPITAL_B][0]])


@pytest.mark.parametrize("down", [(), (1,), (2,), (3,)], ids=str)
def test_any_two_of_three_open_the_study(world: Trustees, down: tuple[int, ...]) -> None:
    access = world.access()
    world.record_release.run(access)
    world.down(*down)
    collected = world.collect.collect(access, world.gateway.seed)
    assert len(collected.hand_overs) == 2
    assert not {handed.trustee for handed in collected.hand_overs} & set(down)
    opened = world.collect.open(access, collected.hand_overs, world.gateway.seed)
    files = [b"".join(s.opener.instance(entry.number)) for s in opened for entry in s.opener.entries]
    assert sorted(files) == contents(world.files)


def test_the_whole_fetch_works_with_one_trustee_down(world: Trustees) -> None:
    world.down(HOSPITAL_C)
    assert fetched(world) == contents(world.files)
    assert world.audit.run().findings == ()


def test_two_down_are_told_and_the_same_fetch_goes_on_when_one_is_back(world: Trustees) -> None:
    world.down(HOSPITAL_B, HOSPITAL_C)
    destination = MemoryDestination()
    with pytest.raises(TrusteeError) as short:
        world.run_fetch(world.study_id, destination)
    assert "1 of the 2 trustees that it takes" in str(short.value)
    assert "institution 2: the broker does not answer" in str(short.value)
    assert short.value.exit_code == 4
    asked = [entry.subject_id for entry in world.journal.entries("release_asked")]
    world.down(HOSPITAL_B)
    world.run_fetch(world.study_id, destination)
    assert sorted(destination.visible.values()) == contents(world.files)
    again = {entry.subject_id for entry in world.journal.entries("release_asked")}
    assert again == set(asked), "the same request, not another one"


def test_metadata_alone_is_collected_without_packs(world: Trustees) -> None:
    world.run_grant(world.study_id, actions=1 << Action.METADATA)
    (first, second) = world.collect.run(world.access(Action.METADATA), world.gateway.seed)
    assert [len(each.opener.entries) for each in (first, second)] == [2, 1]
    with pytest.raises(EncodingError, match="only the metadata"):
        next(iter(first.opener.instance(1)))


def test_a_fetch_that_crashes_with_its_keys_resumes_with_the_same_hand_overs(world: Trustees) -> None:
    world.steps = MemorySteps("fetch.keys-kept")
    with pytest.raises(Stopped):
        world.run_fetch(world.study_id, MemoryDestination())
    world.restart()
    world.down(*ALL)  # nobody is asked again
    world.changed[HOSPITAL_A] = world.honest(HOSPITAL_A)
    assert fetched(world) == contents(world.files)
    assert world.gateway_vault.names("kept/") == ()


# -- who cannot open anything


def stolen(world: Trustees, institution: int) -> Answering:
    """A broker that says yes to whatever it is asked, with its own vault and key."""
    broker = world.others[institution]
    return Answering(world.honest(institution), hand_over=broker.seal.run)


def test_a_patched_broker_opens_nothing_in_denied_requests() -> None:
    world = Trustees()
    world.add_series(1)
    world.run_register()  # and nobody grants anything
    world.run_grant(world.study_id)
    pattern = world.access()
    assert isinstance(pattern, StaffAccess)
    world.revoke_all.run(world.patients.all()[0].subject, world.patient)
    patched = stolen(world, HOSPITAL_B)
    world.changed = {HOSPITAL_B: patched}
    rebuilt = answered = 0
    custody = custody_of(world)
    for number in range(DENIED):
        request = dataclasses.replace(pattern.request, salt=number.to_bytes(32, "big"))
        signature = world.session.sign(world.domains.digest(request))
        access = dataclasses.replace(pattern, request=request, signature=signature)
        shares: list[SeriesShare] = []
        for institution in ALL:
            try:
                handed = world.broker_of(institution).hand_over(access)
            except DeniedError:
                continue
            opened = open_shares(
                handed.sealed, seed=world.gateway.seed, request_id=request_id(access), trustee=institution
            )
            shares += opened
            answered += 1
        try:
            custody.combine(shares)
            rebuilt += 1
        except KeyMissingError:
            pass
    assert (answered, rebuilt) == (DENIED, 0)
    with pytest.raises(DeniedError):
        world.collect.collect(access, world.gateway.seed)


def test_a_broker_that_says_no_always_keeps_nobody_out(world: Trustees) -> None:
    def refuse(_: Access) -> HandOver:
        raise DeniedError("NOT_OPEN")

    world.changed = {HOSPITAL_B: Answering(world.honest(HOSPITAL_B), hand_over=refuse)}
    assert fetched(world) == contents(world.files)
    world.changed[HOSPITAL_C] = Answering(world.honest(HOSPITAL_C), hand_over=refuse)
    with pytest.raises(DeniedError) as refused:
        fetched(world)
    assert refused.value.reason == "NOT_OPEN"
    world.down(HOSPITAL_C)
    world.changed[HOSPITAL_B] = Answering(world.honest(HOSPITAL_B), hand_over=refuse)
    with pytest.raises(TrusteeError):  # one refuses, one is down: neither open nor refused
        fetched(world)


def test_trustees_refuse_by_the_ledger_what_the_custodian_would_hand_over(world: Trustees) -> None:
    access = world.access()  # signed, and never recorded
    for institution in (HOSPITAL_B, HOSPITAL_C):
        with pytest.raises(DeniedError) as refused:
            world.revoke_all.run(world.patients.all()[0].subject, world.patient)
            world.honest(institution).hand_over(access)
        assert refused.value.reason == "GRANT_EPOCH"


def test_a_trustee_whose_chain_is_stale_hands_nothing_over(world: Trustees) -> None:
    access = world.access()
    world.record_release.run(access)
    world.ledger.faults.stalled = True
    world.clock.advance(3600)
    with pytest.raises(LedgerStaleError):
        world.honest(HOSPITAL_B).hand_over(access)


# -- whom to blame


def signed_as(world: Trustees, institution: int, request: bytes, sealed: bytes) -> HandOver:
    sign = world.broker_sign if institution == HOSPITAL_A else world.others[institution].sign
    statement = HandOverStatement(request, institution, hashlib.sha256(sealed).digest())
    return HandOver(request, institution, sealed, sign.sign(world.domains.digest(statement)))


def lying(world: Trustees, how: str) -> Answering:
    """Hospital B's broker, which signs what it was not dealt."""
    seal, earlier = world.others[HOSPITAL_B].seal, world.access()

    def hand_over(access: Access) -> HandOver:
        own = shares_at(world, HOSPITAL_B)
        if how == "wrong":
            own = [dataclasses.replace(share, index_share=bytes(32)) for share in own]
        elif how == "swapped":
            own = shares_at(world, HOSPITAL_C)
        elif how == "another series":
            own = own[:1]
        elif how == "without the packs":
            own = [share.metadata_only() for share in own]
        elif how == "replayed":
            return seal.run(earlier)
        elif how == "replayed under this request":
            return signed_as(world, HOSPITAL_B, request_id(access), seal.run(earlier).sealed)
        sealed = seal_shares(own, recipient=world.gateway.public, request_id=request_id(access), trustee=HOSPITAL_B)
        return signed_as(world, HOSPITAL_B, request_id(access), sealed)

    return Answering(world.honest(HOSPITAL_B), hand_over=hand_over)


LIES = {
    "wrong": "is not the one that was dealt",
    "swapped": "another trustee's share",
    "another series": "not the series that were asked for",
    "without the packs": "the pack's share is missing",
    "replayed": "for another request",
    "replayed under this request": "do not open",
}


@pytest.mark.parametrize("how", LIES)
def test_a_share_that_was_not_dealt_is_blamed_by_signature_and_the_study_opens(world: Trustees, how: str) -> None:
    world.down(HOSPITAL_C)
    world.changed[HOSPITAL_B] = lying(world, how)
    with pytest.raises(TrusteeError, match=r"institution 2: .*its signature proves it"):
        fetched(world)
    (blame,) = KeptBlames(world.gateway_vault).all()
    assert (blame.trustee, blame.signed) == (HOSPITAL_B, True)
    assert LIES[how] in blame.what
    del world.changed[HOSPITAL_C]
    assert fetched(world) == contents(world.files)


def test_more_lies_than_can_be_spared_are_a_failed_verification(world: Trustees) -> None:
    world.changed = {HOSPITAL_B: lying(world, "wrong"), HOSPITAL_C: lying(world, "wrong")}
    with pytest.raises(ShareError):
        fetched(world)
    assert world.gateway_vault.names("kept/") == ()


def test_what_nobody_signed_is_not_proof_against_anybody(world: Trustees) -> None:
    def hand_over(access: Access) -> HandOver:
        return dataclasses.replace(world.honest(HOSPITAL_B).hand_over(access), signature=world.issuer.sign(bytes(32)))

    world.down(HOSPITAL_C)
    world.changed[HOSPITAL_B] = Answering(world.honest(HOSPITAL_B), hand_over=hand_over)
    with pytest.raises(TrusteeError, match="no signature of that institution"):
        fetched(world)
    (blame,) = KeptBlames(world.gateway_vault).all()
    assert blame.signed is False
    assert KeptBlames(world.gateway_vault).forget() == 1


# -- dealing


def registering(threshold: int, count: int) -> Trustees:
    world = Trustees(threshold, count)
    world.add_series(1)
    return world


def test_registration_needs_one_more_than_it_takes() -> None:
    world = registering(2, 3)
    world.down(HOSPITAL_C)
    with pytest.raises(TrusteeError, match=r"2 of the 3 trustees that must hold the new keys.*institution 3"):
        world.run_register()
    assert world.mirror.catch_up().studies() == ()
    world.down()
    assert len(world.run_register().studies) == 1
    world.run_grant(world.study_id)
    assert fetched(world) == contents(world.files)


def test_the_rest_is_dealt_later_and_survives_a_restart() -> None:
    world = registering(1, 4)
    world.down(3, 4)
    world.run_register()
    assert [name.rsplit("/", 1)[1] for name in world.vault.names("deal/")] == ["3", "4"]
    world.restart()
    assert world.deliver_rest.run() == 2
    world.down(4)
    rest = world.deliver_rest
    assert rest.run() == 1
    world.down()
    assert rest.run() == 1  # it was tried just now
    world.clock.advance(60)
    assert rest.run() == 0
    assert world.vault.names("deal/") == ()
    assert [len(shares_at(world, number)) for number in (1, 2, 3, 4)] == [1, 1, 1, 1]


def test_what_waits_at_the_custodian_opens_for_its_trustee_alone() -> None:
    world = registering(1, 3)
    world.down(HOSPITAL_C)
    world.run_register()
    (name,) = world.vault.names("deal/")
    waiting = world.vault.get(name)
    world.down()
    for secret in (share.index_share for share in shares_at(world, HOSPITAL_A)):
        assert secret.hex().encode() not in waiting
    world.clock.advance(60)
    assert world.deliver_rest.run() == 0
    assert shares_at(world, HOSPITAL_C)[0].index == 3


def test_registration_that_crashes_leaves_no_anchored_study_that_two_do_not_open() -> None:
    def check(world: Trustees, point: str) -> None:
        world.run_register()
        assert len(world.mirror.catch_up().studies()) == 1, point
        world.run_grant(world.study_id)
        for down in ALL[1:]:
            world.down(down)
            assert fetched(world) == contents(world.files), point
        assert world.audit.run().findings == ()

    points = crashed_everywhere(lambda: registering(2, 3), Trustees.run_register, check)  # type: ignore[arg-type]
    assert {"register.keys-deposited", "deal.noted", "register.shares-acknowledged"} <= set(points)


@pytest.mark.parametrize("point", ["deposit.kept", "deposit.journalled"])
def test_a_trustee_that_crashes_with_a_deposit_is_sent_it_again(point: str) -> None:
    world = registering(1, 3)
    world.down(HOSPITAL_C)
    world.run_register()
    world.down()
    trustee = world.others[HOSPITAL_C]
    trustee._steps = MemorySteps(point)
    world.clock.advance(60)
    with pytest.raises(Stopped):
        world.deliver_rest.run()
    assert len(world.vault.names("deal/")) == 1
    trustee._steps = MemorySteps()
    assert world.deliver_rest.run() == 0
    assert shares_at(world, HOSPITAL_C)[0].index == 3


def test_a_trustee_takes_shares_from_the_custodian_only() -> None:
    world = registering(1, 3)
    seen: list[SignedDeposit] = []

    def keep(signed: SignedDeposit) -> SignedKeeping:
        seen.append(signed)
        raise LedgerUnreachableError("the broker does not answer")

    world.changed = {HOSPITAL_C: Answering(world.honest(HOSPITAL_C), deposit=keep)}
    world.run_register()
    (signed,) = seen
    trustee = world.others[HOSPITAL_C]
    forged = world.others[HOSPITAL_B].sign.sign(world.domains.digest(signed.deposit))
    with pytest.raises(SignatureError):
        trustee.deposit(dataclasses.replace(signed, signature=forged))
    with pytest.raises(InputError):
        trustee.deposit(dataclasses.replace(signed, sealed=altered(signed.sealed)))
    with pytest.raises(InputError):
        world.others[HOSPITAL_B].deposit(signed)
    other = dataclasses.replace(signed.deposit, custodian=HOSPITAL_B)
    by_other = dataclasses.replace(
        signed, deposit=other, signature=world.others[HOSPITAL_B].sign.sign(world.domains.digest(other))
    )
    with pytest.raises(DeniedError) as refused:
        trustee.deposit(by_other)
    assert refused.value.reason == "NOT_OWN_SUBJECT"
    assert trustee.vault.names("share/") == ()
    kept = trustee.deposit(signed)
    assert trustee.deposit(signed).keeping == kept.keeping
    assert len(trustee.vault.names("share/")) == 1


def test_an_acknowledgement_that_the_trustee_did_not_sign_does_not_count() -> None:
    world = registering(2, 3)

    def acknowledge(signed: SignedDeposit) -> SignedKeeping:
        kept = world.honest(HOSPITAL_C).deposit(signed)
        return dataclasses.replace(kept, signature=world.issuer.sign(world.domains.digest(kept.keeping)))

    world.changed = {HOSPITAL_C: Answering(world.honest(HOSPITAL_C), deposit=acknowledge)}
    with pytest.raises(TrusteeError, match="institution 3 published no broker"):
        world.run_register()
    assert world.mirror.catch_up().studies() == ()


def test_later_revisions_go_to_the_same_trustees(world: Trustees) -> None:
    world.add_series(1, series_number=3)
    world.rule = None  # whatever is configured by now
    (study,) = world.run_register().studies
    assert (study.revision, study.series) == (2, 3)
    assert custody_of(world).rule.trustees == ALL
    world.down(HOSPITAL_A)
    with pytest.raises(LedgerUnreachableError):
        fetched(world)  # the custodian's broker records releases
    world.down(HOSPITAL_B)
    assert fetched(world) == contents(world.files)


def test_a_series_that_grows_must_be_given_whole(world: Trustees) -> None:
    old = dict(world.files)
    grown = world.add_series(4)  # the two slices of before, and two new ones
    world.files = {name: data for name, data in grown.items() if name not in old}
    registration = world.run_register()
    (problem,) = registration.problems
    assert isinstance(problem.error, InputError)
    assert "register the whole series again" in str(problem.error)
    world.files = {**old, **grown}
    (study,) = world.run_register().studies
    assert (study.revision, study.instances) == (2, 5)
    assert fetched(world) == contents(world.files)
    assert world.audit.run().findings == ()


def test_a_request_is_answered_for_its_recipient_alone(world: Trustees) -> None:
    access = world.access()
    world.record_release.run(access)
    with pytest.raises(ShareError):
        world.collect.collect(access, b"x" * 32)
