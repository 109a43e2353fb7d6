"""Brokers', gateways' and logs' keys are replaced while everything runs: what was made with the one of before holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from fiducia.adapters.memory.destination import MemoryDestination
from fiducia.adapters.memory.steps import MemorySteps, Stopped
from fiducia.app.key_slots import ProfileKeySlot, VaultKeySlot
from fiducia.app.profiles import BROKER_KEM, BROKER_LOG, BROKER_SIGN, KeyName, Kind, Profile, Profiles, new_profile
from fiducia.core import wire
from fiducia.core.formats.trust import LedgerName
from fiducia.core.keys.kem import Kem, KemKey
from fiducia.core.log_keys import believed
from fiducia.core.provenance import trust_of
from fiducia.core.rules import Action, mask
from fiducia.core.signatures import EoaKey
from fiducia.core.tlog.checkpoint import parse_checkpoint
from fiducia.core.tlog.note import parse_note
from fiducia.core.tlog.proof import signed_by_one
from fiducia.core.tlog.signing import LogKey
from fiducia.errors import DecryptionError, JournalError, LedgerUnreachableError
from fiducia.journeys.logs.proving import check_entries
from fiducia.journeys.members.members import PublishKey
from fiducia.journeys.members.rotating import KeySlot, RotatedKey, RotateKey
from fiducia.journeys.reading.asking import Requester
from fiducia.journeys.shared.fresh import FRESH_S, SETTLE_S, Fresh
from fiducia.ports import Piece, Signer
from fiducia.records.images import StoredObject
from fiducia.records.ledger import KeyKind
from fiducia.records.statements import SignedDeposit
from tests.journeys.test_crashes import StopAt
from tests.journeys.test_logs import Logs
from tests.support.consortium import HOSPITAL_A, HOSPITAL_B, Consortium, contents, key
from tests.support.logs import entry
from tests.support.trustees import Trustees, dealt

GOVERNOR_B, GOVERNOR_C = 2, 43


class LookingSigner:
    """Signs with the key that lies in a slot now."""

    def __init__(self, slot: VaultKeySlot) -> None:
        self._slot = slot

    @property
    def address(self) -> bytes:
        return EoaKey(self._slot.present()).address

    def sign(self, digest: bytes) -> bytes:
        return EoaKey(self._slot.present()).sign(digest)


def rotate(world: Consortium, slot: KeySlot) -> RotateKey:
    return RotateKey(
        publish=PublishKey(ledger=world.ledger, domains=world.domains),
        mirror=world.mirror,
        clock=world.clock,
        entropy=world.entropy,
        steps=world.steps,
        slot_of=lambda _: slot,
        broker_of=world.broker_of,
    )


def fetched(world: Trustees) -> list[bytes]:
    destination = MemoryDestination()
    world.run_fetch(world.study_id, destination)
    return sorted(destination.visible.values())


def live(world: Consortium, kind: KeyKind, institution: int) -> set[bytes]:
    now = world.clock.now()
    return {each.key_hash for each in world.mirror.catch_up().keys(institution, kind) if now < each.not_after}


def puts(world: Consortium) -> list[str]:
    """Note from now on every object that is written to the store."""
    written: list[str] = []
    put = world.store.put

    def noted(cid: Callable[[], str], pieces: Iterable[Piece]) -> StoredObject:
        stored = put(cid, pieces)
        written.append(stored.cid)
        return stored

    world.store.put = noted  # type: ignore[method-assign]
    return written


# -- BROKER_KEM


def kem_slot(world: Trustees, institution: int = HOSPITAL_B) -> VaultKeySlot:
    """Let a trustee's broker take its KEM key from a vault, as a real one does."""
    broker = world.others[institution]
    slot = VaultKeySlot(broker.vault, BROKER_KEM)
    if not broker.vault.names(BROKER_KEM):
        broker.vault.put({BROKER_KEM: broker.kem.seed})
        broker.seeds = slot.all
    return slot


def begin_kem(world: Trustees, kem: Kem | None = None) -> RotatedKey:
    return rotate(world, kem_slot(world)).begin(KeyKind.BROKER_KEM, HOSPITAL_B, key(GOVERNOR_B), kem)


def finish_kem(world: Trustees, *, at_once: bool = False) -> RotatedKey:
    rotation = rotate(world, kem_slot(world))
    return rotation.finish(KeyKind.BROKER_KEM, HOSPITAL_B, key(GOVERNOR_B), at_once=at_once)


def waiting() -> Trustees:
    """A study whose shares for hospital B are on their way, sealed to its present key."""
    world = Trustees(2, 4)
    kem_slot(world)
    world.down(HOSPITAL_B)
    world.add_series(2)
    world.run_register()
    world.run_grant(world.study_id)
    world.down()
    assert world.vault.names("deal/")
    return world


def test_what_is_on_its_way_under_the_key_of_before_arrives_and_only_then_is_that_forgotten() -> None:
    world = waiting()
    done = begin_kem(world)
    assert live(world, KeyKind.BROKER_KEM, HOSPITAL_B) == {done.present, done.former}
    ended = finish_kem(world)
    assert (ended.former, ended.awaited) == (done.former, (HOSPITAL_A,))
    assert live(world, KeyKind.BROKER_KEM, HOSPITAL_B) == {done.present}, "nothing more is sealed to it"
    assert world.deliver_rest.run() == 0
    finished = finish_kem(world)
    assert (finished.former, finished.awaited) == (None, ())
    assert len(kem_slot(world).all()) == 1
    world.down(3, 4)
    assert fetched(world) == contents(world.files)


def test_who_does_not_answer_may_keep_some() -> None:
    world = dealt()
    begin_kem(world)
    world.down(3)
    assert finish_kem(world).awaited == (3,)
    assert finish_kem(world, at_once=True).former is None


def test_a_deposit_to_a_forgotten_key_is_not_opened() -> None:
    world = waiting()
    begin_kem(world)
    finish_kem(world, at_once=True)
    (name,) = world.vault.names("deal/")
    assert world.deliver_rest.run() == 1
    with pytest.raises(DecryptionError):
        world.others[HOSPITAL_B].deposit(wire.decode(SignedDeposit, world.vault.get(name)))


def test_another_kem_takes_over_and_no_object_of_the_store_is_touched() -> None:
    world = dealt()
    written = puts(world)
    shares = world.others[HOSPITAL_B].vault.names("share/")
    blocks = len(world.mirror.catch_up().study(world.study_id).revisions)  # type: ignore[union-attr]
    done = begin_kem(world, Kem.MLKEM1024_P384)
    finish_kem(world)
    published = world.mirror.catch_up().key(HOSPITAL_B, KeyKind.BROKER_KEM, world.clock.now())
    assert published is not None
    assert (published.key_hash, len(published.key)) == (done.present, Kem.MLKEM1024_P384.public_bytes)
    assert world.others[HOSPITAL_B].vault.names("share/") == shares
    assert written == []
    assert len(world.mirror.catch_up().study(world.study_id).revisions) == blocks  # type: ignore[union-attr]
    world.down(3)
    assert fetched(world) == contents(world.files), "shares that were dealt before"
    world.down()
    world.add_series(1, series_number=7)
    world.run_register()
    world.down(3)
    assert fetched(world) == contents(world.files), "shares that were dealt under the new KEM"
    assert begin_kem(world).present != done.present
    assert KemKey.from_seed(kem_slot(world).present()).kem is Kem.MLKEM1024_P384, "the next one is of the same"


def crashed(
    prepare: Callable[[], Trustees], act: Callable[[Trustees], object], check: Callable[[Trustees, str], None]
) -> list[str]:
    """As `crashed_everywhere`, over a consortium of trustees."""
    world = prepare()
    world.steps = MemorySteps()
    act(world)
    expected = [point for point in world.steps.points if point.startswith("rotate-key")]
    for position, point in enumerate(expected, 1):
        world = prepare()
        world.steps = StopAt(position)
        with pytest.raises(Stopped):
            act(world)
        world.steps = MemorySteps()
        check(world, point)
    return expected


def test_killed_anywhere_what_is_dealt_meanwhile_arrives_and_the_same_half_completes_it() -> None:
    def deal_one_more(world: Trustees, point: str) -> None:
        world.add_series(1, series_number=9)
        world.run_register()
        assert not world.vault.names("deal/"), point
        world.down(3)
        assert fetched(world) == contents(world.files), point
        world.down()

    def check_begun(world: Trustees, point: str) -> None:
        deal_one_more(world, point)
        done = begin_kem(world)
        assert live(world, KeyKind.BROKER_KEM, HOSPITAL_B) == {done.present, done.former}, point
        finish_kem(world)
        assert live(world, KeyKind.BROKER_KEM, HOSPITAL_B) == {done.present}, point

    def begun() -> Trustees:
        world = dealt()
        begin_kem(world)
        return world

    def check_finished(world: Trustees, point: str) -> None:
        deal_one_more(world, point)
        done = finish_kem(world)
        assert done.former is None, point
        assert live(world, KeyKind.BROKER_KEM, HOSPITAL_B) == {done.present}, point

    assert crashed(dealt, begin_kem, check_begun) == [
        "rotate-key.kept",
        "rotate-key.published",
        "rotate-key.switched",
    ]
    assert crashed(begun, finish_kem, check_finished) == ["rotate-key.ended", "rotate-key.forgotten"]


def test_cut_off_while_the_next_key_takes_its_place() -> None:
    world = dealt()
    slot = kem_slot(world)
    slot.keep_next(world.entropy.token(32))
    following = slot.next()
    world.others[HOSPITAL_B].vault.put({f"{BROKER_KEM}/former": slot.present(), BROKER_KEM: following or b""})
    assert slot.next() is None, "it is the present one already"
    slot.forget_former()
    assert slot.all() == (following,)


# -- BROKER_SIGN


def sign_with_slot(world: Trustees, institution: int) -> VaultKeySlot:
    """Let a broker sign with what lies in a slot."""
    vault = world.vault if institution == HOSPITAL_A else world.others[institution].vault
    slot = VaultKeySlot(vault, BROKER_SIGN)
    number = 5 if institution == HOSPITAL_A else 60 + institution
    vault.put({BROKER_SIGN: number.to_bytes(32, "big")})
    signer: Signer = LookingSigner(slot)
    if institution == HOSPITAL_A:
        world.broker_sign = signer  # type: ignore[assignment]
    else:
        world.others[institution].sign = signer
    return slot


def replaced(world: Trustees, slot: VaultKeySlot, institution: int) -> bytes:
    """Rotate a BROKER_SIGN key to the end; return the address of before."""
    governor = world.governor_a if institution == HOSPITAL_A else key(GOVERNOR_B)
    before = EoaKey(slot.present()).address
    rotation = rotate(world, slot)
    done = rotation.begin(KeyKind.BROKER_SIGN, institution, governor)
    assert rotation.finish(KeyKind.BROKER_SIGN, institution, governor).former is None
    assert live(world, KeyKind.BROKER_SIGN, institution) == {done.present}
    return before


def test_deposits_and_orders_that_wait_are_signed_anew() -> None:
    world = waiting()
    replaced(world, sign_with_slot(world, HOSPITAL_A), HOSPITAL_A)
    assert world.deliver_rest.run() == 0
    world.down(3, 4)
    assert fetched(world) == contents(world.files)


def test_a_fetch_goes_on_with_what_a_trustee_signed_before_its_key_was_replaced() -> None:
    world = dealt()
    slot = sign_with_slot(world, HOSPITAL_B)
    world.steps = MemorySteps("fetch.keys-kept")
    destination = MemoryDestination()
    with pytest.raises(Stopped):
        world.run_fetch(world.study_id, destination)
    world.steps = MemorySteps()
    for institution in (HOSPITAL_A, HOSPITAL_B):
        replaced(world, slot if institution == HOSPITAL_B else sign_with_slot(world, institution), institution)
    world.run_fetch(world.study_id, destination)
    assert sorted(destination.visible.values()) == contents(world.files)
    assert len(world.mirror.catch_up().releases()) == 1, "resumed, not asked for again"


def test_what_was_signed_until_the_end_counts_and_afterwards_does_not() -> None:
    world = dealt()
    signed_at = world.clock.now()
    before = replaced(world, sign_with_slot(world, HOSPITAL_B), HOSPITAL_B)
    name = LedgerName(1, bytes(32), world.domains.members, world.domains.studies)
    trust = trust_of(world.mirror.catch_up(), name, quorum=2, receipts=False)
    (old,) = [each for each in trust.keys if each.address == before]
    assert old.from_at <= signed_at < old.until_at <= world.clock.now()


# -- GATEWAY


def gateway_slot(world: Consortium) -> ProfileKeySlot:
    """Hospital B's profile and its clinician's lie in a vault, with the gateway key that the ledger knows."""
    profiles = Profiles(world.gateway_vault)
    institution = new_profile("hospital-b", Kind.INSTITUTION, world.entropy, member="hospital-b", institution=2)
    profiles.save(institution.with_key(KeyName.GATEWAY, world.gateway.seed))
    staff = Profile("clinician", Kind.STAFF, "hospital-b", 2, ((KeyName.GATEWAY, world.gateway.seed),))
    profiles.save(staff)
    return ProfileKeySlot(profiles, "hospital-b", KeyName.GATEWAY)


def clinician(world: Consortium) -> Requester:
    profile = Profiles(world.gateway_vault).load("clinician")
    former = profile.key(KeyName.FORMER_GATEWAY) if profile.has_key(KeyName.FORMER_GATEWAY) else b""
    return Requester(world.session, profile.key(KeyName.GATEWAY), world.badge, former)


def test_a_fetch_that_was_asked_for_under_the_key_of_before_goes_on_and_is_waited_for() -> None:
    world = dealt()
    slot, destination = gateway_slot(world), MemoryDestination()
    world.steps = MemorySteps("fetch.keys-kept")
    with pytest.raises(Stopped):
        world.run_fetch(world.study_id, destination, requester=clinician(world))
    world.steps = MemorySteps()
    rotation = rotate(world, slot)
    done = rotation.begin(KeyKind.GATEWAY, HOSPITAL_B, world.governor_b)
    world.run_fetch(world.study_id, destination, requester=clinician(world))
    assert sorted(destination.visible.values()) == contents(world.files)
    waits = rotation.finish(KeyKind.GATEWAY, HOSPITAL_B, world.governor_b)
    (release,) = world.mirror.catch_up().releases()
    assert (waits.former, waits.open_until) == (done.former, release.lapse_at)
    world.clock.set(release.lapse_at)
    ended = rotation.finish(KeyKind.GATEWAY, HOSPITAL_B, world.governor_b)
    assert (ended.former, ended.open_until) == (None, 0)
    assert live(world, KeyKind.GATEWAY, HOSPITAL_B) == {done.present}
    assert clinician(world).former_seed == b""


def test_what_waits_under_a_key_that_was_ended_is_asked_for_again() -> None:
    world = dealt()
    slot, destination = gateway_slot(world), MemoryDestination()
    world.steps = MemorySteps("fetch.keys-kept")
    with pytest.raises(Stopped):
        world.run_fetch(world.study_id, destination, requester=clinician(world))
    world.steps = MemorySteps()
    rotation = rotate(world, slot)
    rotation.begin(KeyKind.GATEWAY, HOSPITAL_B, world.governor_b)
    assert rotation.finish(KeyKind.GATEWAY, HOSPITAL_B, world.governor_b, at_once=True).former is None
    world.run_fetch(world.study_id, destination, requester=clinician(world))
    assert sorted(destination.visible.values()) == contents(world.files)


def test_who_views_reads_on_while_the_key_is_replaced_and_after_it_was_ended() -> None:
    world = dealt()
    slot = gateway_slot(world)
    world.run_grant(world.study_id, actions=mask(Action.METADATA, Action.VIEW))
    viewing = world.viewing(requester_of=lambda: clinician(world))
    world.mirror.catch_up()
    viewing.refresh()
    (held,) = viewing.opened(world.study_id)
    assert viewing.renewed
    rotation = rotate(world, slot)
    rotation.begin(KeyKind.GATEWAY, HOSPITAL_B, world.governor_b)
    assert not viewing.renewed
    viewing.require(held)
    viewing.renew()
    assert viewing.renewed
    assert not held.gone.is_set(), "who reads reads on"
    rotation.finish(KeyKind.GATEWAY, HOSPITAL_B, world.governor_b, at_once=True)
    viewing.check(world.mirror.catch_up())
    assert held.gone.is_set()
    for each in (*viewing.listed(), *viewing.opened(world.study_id)):
        viewing.require(each)
    assert len(viewing.listed()) == len(viewing.opened(world.study_id)) == 1


def test_what_cannot_be_opened_anew_is_still_shown() -> None:
    world = dealt()
    slot = gateway_slot(world)
    world.run_grant(world.study_id, actions=mask(Action.METADATA, Action.VIEW))
    viewing = world.viewing(requester_of=lambda: clinician(world))
    world.mirror.catch_up()
    viewing.refresh()
    viewing.opened(world.study_id)
    rotate(world, slot).begin(KeyKind.GATEWAY, HOSPITAL_B, world.governor_b)
    world.down(HOSPITAL_A, HOSPITAL_B, 3)
    viewing.renew()
    assert not viewing.renewed
    for each in viewing.opened(world.study_id):
        viewing.require(each)


# -- LOG


def log_slot(logs: Logs) -> VaultKeySlot:
    vault = logs.world.vault
    vault.put({BROKER_LOG: bytes([HOSPITAL_A]) * 32})
    slot = VaultKeySlot(vault, BROKER_LOG)

    class Looking:
        @property
        def public(self) -> bytes:
            return LogKey(slot.present()).public

        def sign(self, *given: object) -> object:
            return LogKey(slot.present()).sign(*given)  # type: ignore[arg-type]

        def cosign(self, *given: object) -> object:
            return LogKey(slot.present()).cosign(*given)  # type: ignore[arg-type]

    logs.a.key = Looking()  # type: ignore[assignment]
    logs.a.start()
    return slot


def test_a_log_goes_on_under_another_key_and_old_proofs_hold() -> None:
    logs = Logs()
    slot = log_slot(logs)
    logs.a.append(range(3))
    first = logs.a.keep()
    proof = logs.a.prove().run((1).to_bytes(32, "big"))
    rotation = rotate(logs.world, slot)
    done = rotation.begin(KeyKind.LOG, HOSPITAL_A, logs.world.governor_a)
    logs.a.append(range(3, 5))
    second = logs.a.keep()
    assert rotation.finish(KeyKind.LOG, HOSPITAL_A, logs.world.governor_a).former is None
    logs.b.append(range(2))
    cosigned = logs.b.keep()
    third = logs.a.keep()
    world = logs.world
    assert live(world, KeyKind.LOG, HOSPITAL_A) == {done.present}
    publics = [public for _, public in believed(world.domains, world.mirror.catch_up()) if public]
    times = []
    for kept in (first, second, third):
        note = parse_note(kept.note)
        times.append(signed_by_one(note, parse_checkpoint(note.text), publics))
    assert times == sorted(times)
    assert len(parse_note(cosigned.note).signatures) == 4, "B's log is cosigned with the new key"
    assert [each.entry for each in check_entries(proof.data, logs.keys())]
    found = logs.auditor().run(HOSPITAL_A, [first.note, second.note], witnesses=1)
    assert found.findings == ()


def test_a_lost_journal_is_noticed_by_what_was_signed_with_the_key_of_before() -> None:
    logs = Logs()
    slot = log_slot(logs)
    logs.a.append(range(5))
    logs.a.keep()
    rotation = rotate(logs.world, slot)
    rotation.begin(KeyKind.LOG, HOSPITAL_A, logs.world.governor_a)
    rotation.finish(KeyKind.LOG, HOSPITAL_A, logs.world.governor_a)
    logs.a.become([entry(number) for number in range(2)])
    logs.world.clock.advance(1)
    with pytest.raises(JournalError, match="entries are lost"):
        logs.a.parts.collect.run(logs.a.parts.sign.run())


# -- what a process holds


def test_a_replaced_secret_is_taken_up_a_moment_later_and_made_of_once() -> None:
    secret, at, made = [b"one"], [0.0], []

    def make(given: bytes) -> bytes:
        made.append(given)
        return given

    fresh = Fresh(lambda: secret[0], make, lambda: at[0])
    secret[0] = b"two"
    at[0] = FRESH_S / 2
    assert fresh.now() == b"one"
    at[0] = FRESH_S
    assert fresh.now() == b"two"
    at[0] = 10 * FRESH_S
    assert fresh.now() == b"two"
    assert made == [b"one", b"two"]
    assert FRESH_S < SETTLE_S


def test_a_vault_that_fails_signs_nothing_with_an_old_key() -> None:
    at, broken = [0.0], [False]

    def read() -> bytes:
        if broken[0]:
            raise LedgerUnreachableError("away")
        return b"one"

    fresh = Fresh(read, bytes, lambda: at[0])
    broken[0], at[0] = True, FRESH_S
    with pytest.raises(LedgerUnreachableError):
        fresh.now()
