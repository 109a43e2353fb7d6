"""A study is erased: nothing that is left opens it, a certificate shows it, and a crash anywhere is finished."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import pytest

from fiducia.adapters.memory.copy_memory import MemoryCopyMemory
from fiducia.adapters.memory.destination import MemoryDestination
from fiducia.adapters.memory.second_place import MemorySecondPlace
from fiducia.adapters.memory.steps import MemorySteps, Stopped
from fiducia.adapters.memory.vault import MemoryVault
from fiducia.core.entries import Study
from fiducia.core.erasing import ALL_SHARES, ProvenErasure, verify_erasure
from fiducia.core.formats.erasure import ErasureCertificate, parse_erasure
from fiducia.core.keys.custody import Custody, CustodyRule
from fiducia.core.tlog.attestation import parse_cleared, parse_destroyed
from fiducia.core.tlog.checkpoint import Checkpoint, origin_of
from fiducia.core.tlog.note import Note
from fiducia.core.tlog.signing import LogKey
from fiducia.errors import (
    BackupError,
    DeniedError,
    FiduciaError,
    InputError,
    StoreMissingError,
    TrusteeError,
    VerificationError,
)
from fiducia.journeys.backup.copying import DAY_S, CreateCopy, PruneCopies, Segments, held_until
from fiducia.journeys.custody.erasing import ErasedStudy
from fiducia.journeys.members.members import PublishKey
from fiducia.journeys.shared.objects import read_custody, read_manifest
from fiducia.journeys.studies.erasure import RecordErasure, RequestErasure
from fiducia.journeys.studies.holds import HoldStudy
from fiducia.journeys.studies.withdrawal import WithdrawStudy
from fiducia.journeys.trustees.shares import share_of
from fiducia.records.images import JournalEntry
from fiducia.records.ledger import KeyKind, StudyStatus
from fiducia.records.statements import Destroy, SignedDestroy
from tests.journeys.test_crashes import crashed_everywhere
from tests.support import copies
from tests.support.consortium import HOSPITAL_A, HOSPITAL_B, Consortium
from tests.support.erased import opened
from tests.support.household import Household, settled
from tests.support.trustees import HOSPITAL_C, Down, Trustees, dealt


def asked(threshold: int = 2) -> Trustees:
    """Two of three open a study whose patient asks for its erasure."""
    world = dealt(threshold)
    RequestErasure(broker=world.broker, domains=world.domains).run(world.study_id, world.patient)
    return world


def erased(world: Trustees) -> ErasedStudy:
    return world.erase.run(world.study_id, world.registrar)


def study_of(world: Trustees) -> Study:
    study = world.mirror.catch_up().study(world.study_id)
    assert study is not None
    return study


def documents(world: Trustees) -> list[Custody]:
    return [read_custody(world.store, read_manifest(world.store, each.manifest)) for each in study_of(world).revisions]


def verified(world: Trustees, certificate: bytes) -> ProvenErasure:
    return verify_erasure(certificate, world.mirror.catch_up(), world.domains)


def vaults(world: Trustees) -> list[MemoryVault]:
    return [world.vault, *(other.vault for other in world.others.values())]


def secrets_of(world: Trustees) -> list[bytes]:
    """The keys of every series, and every share of them."""
    found = []
    for custody in documents(world):
        for series in custody.series:
            shares = [
                share_of(
                    world.vault if trustee == HOSPITAL_A else world.others[trustee].vault,
                    custody,
                    custody.share_index(trustee),
                    series.number,
                    series.sealed_in,
                )
                for trustee in custody.trustees
            ]
            keys = custody.combine(shares)
            found += [keys.index_key, keys.pack_key or b""]
            found += [part for share in shares for part in (share.index_share, share.pack_share or b"")]
    assert all(len(secret) == 32 for secret in found)
    return found


def left_of(world: Trustees) -> bytes:
    """Everything that anybody keeps: vaults, directory, journals, store."""
    parts: list[bytes] = []
    for vault in vaults(world):
        parts += [vault.get(name) for name in vault.names("")]
    for journal in (world.journal, *(other.journal for other in world.others.values())):
        parts += [repr(entry).encode() for entry in journal.entries()]
    parts += [repr((world.studies.all(), tuple(world.studies.states()), world.patients.all())).encode()]
    parts += [bytes(data) for data in world.store.objects.values()]
    return b"\0".join(parts)


def test_nothing_that_is_left_opens_an_erased_study() -> None:
    world = asked()
    custodies, secrets, study = documents(world), secrets_of(world), study_of(world)
    (entry,), (patient,) = world.studies.all(), world.patients.all()
    lines = read_manifest(world.store, study.manifest).series
    assert opened(vaults(world), custodies), "the search can open it"
    assert any(secret in left_of(world) for secret in secrets), "and find a share"
    done = erased(world)
    assert (done.changed, done.destroyed, done.waiting) == (True, (1, 2, 3), ())
    assert opened(vaults(world), custodies) == 0
    left = left_of(world)
    named = [entry.salt, patient.salt, entry.study_instance_uid.encode(), patient.identity.patient_id.encode()]
    assert [secret for secret in (*secrets, *named) if secret in left] == []
    for cid in [line.pack_cid for line in lines] + [line.index_cid for line in lines]:
        with pytest.raises(StoreMissingError):
            world.store.size(cid)
    with pytest.raises(DeniedError):
        world.run_fetch(world.study_id, MemoryDestination())
    assert study_of(world).status == StudyStatus.ERASED
    assert study_of(world).certificate == hashlib.sha256(done.certificate).digest()
    assert world.audit.run().findings == ()


def test_the_certificate_shows_that_fewer_than_t_are_unaccounted_for() -> None:
    world = asked()
    world.held_until = world.clock.now() + 30 * DAY_S
    world.others[HOSPITAL_B].held_until = world.clock.now() + 90 * DAY_S
    done = erased(world)
    proven = verified(world, done.certificate)
    assert proven == ProvenErasure(world.study_id, HOSPITAL_A, (1, 2, 3), (), world.clock.now() + 90 * DAY_S), (
        "the latest date on which any copy held it"
    )
    again = erased(world)
    assert (again.changed, again.certificate, again.held_until) == (False, done.certificate, proven.held_until)


def recorded(world: Trustees, certificate: ErasureCertificate) -> bytes:
    """Record a certificate that somebody else put together."""
    data = certificate.to_bytes()
    record = RecordErasure(ledger=world.ledger, domains=world.domains)
    record.run(world.study_id, hashlib.sha256(data).digest(), world.registrar)
    return data


def edited(cleared: Note) -> Note:
    """What a custodian signed, with another date from when on no copy holds it."""
    said = parse_cleared(cleared.text)
    return Note(dataclasses.replace(said, held_until=said.held_until + 1).text, cleared.signatures)


def test_a_certificate_that_proves_less_is_refused() -> None:
    honest = parse_erasure(erased(asked()).certificate)
    first, second, third = honest.destroyed
    said = parse_destroyed(second.text)
    key, name = asked().others[HOSPITAL_B].log, origin_of(asked().domains, HOSPITAL_B)

    def instead(note: Note) -> ErasureCertificate:
        return dataclasses.replace(honest, destroyed=(first, note, third))

    def saying(**changes: Any) -> ErasureCertificate:
        return instead(key.attest(name, dataclasses.replace(said, **changes)))

    studies, end = said.domain, said.destroyed_at + 365 * DAY_S
    published_no = "institution 2 published no LOG key"
    lesser = (
        ("as many trustees", dataclasses.replace(honest, destroyed=(first,))),
        ("attests something else", saying(custody=b"c" * 32)),
        ("attests something else", saying(study_id=b"s" * 32)),
        ("another ledger", saying(domain=dataclasses.replace(studies, chain_id=studies.chain_id + 1))),
        ("another ledger", saying(domain=dataclasses.replace(studies, contract=b"c" * 20))),
        (published_no, saying(destroyed_at=end)),
        (published_no, instead(Note(second.text, third.signatures))),
        (published_no, instead(asked().others[HOSPITAL_C].log.attest(name, said))),
        (published_no, instead(key.attest(origin_of(asked().domains, HOSPITAL_C), said))),
        (published_no, instead(Note(second.text, second.signatures[:1]))),
        (published_no, instead(Note(second.text, second.signatures[1:]))),
        ("institution 1 published no LOG key", dataclasses.replace(honest, cleared=edited(honest.cleared))),
        ("is missing", dataclasses.replace(honest, custodies=())),
    )
    for message, certificate in lesser:
        world = asked()
        assert world.study_id == honest.study_id
        with pytest.raises(VerificationError, match=message):
            verified(world, recorded(world, certificate))
    world = asked()
    with pytest.raises(VerificationError, match="does not have this study as erased"):
        verified(world, honest.to_bytes())
    recorded(world, dataclasses.replace(honest, destroyed=(first, second)))
    with pytest.raises(VerificationError, match="another certificate"):
        verified(world, honest.to_bytes())


def log_key_ends(world: Trustees, institution: int, at: int) -> None:
    """End a trustee's LOG key."""
    publish, log = PublishKey(ledger=world.ledger, domains=world.domains), world.others[institution].log
    publish.run(institution, KeyKind.LOG, log.public, "", at, world.governor_b)


def test_a_key_that_was_replaced_since_still_vouches_and_one_that_was_ended_for_good_does_not() -> None:
    world = asked()
    certificate = erased(world).certificate
    world.clock.advance(60)
    log_key_ends(world, HOSPITAL_B, world.clock.now())
    assert verified(world, certificate).destroyed == (1, 2, 3)
    log_key_ends(world, HOSPITAL_B, 1)
    with pytest.raises(VerificationError, match="institution 2 published no LOG key"):
        verified(world, certificate)


def test_what_a_stolen_key_attested_before_the_certificate_is_asked_for_again() -> None:
    world = asked()
    world.down(HOSPITAL_C)
    world.steps = MemorySteps("erase.attested")
    with pytest.raises(Stopped):
        erased(world)
    world.restart()
    log_key_ends(world, HOSPITAL_B, 1)
    world.others[HOSPITAL_B].log = LogKey(b"n" * 32)
    with pytest.raises(TrusteeError, match="institutions 2, 3"):
        erased(world)
    log_key_ends(world, HOSPITAL_B, world.clock.now() + DAY_S)
    done = erased(world)
    assert (done.destroyed, done.waiting) == ((1, 2), (3,))


def test_nothing_is_recorded_that_would_prove_nothing() -> None:
    """The custodian's own LOG key is not the published one; or it was ended for good after the certificate was kept."""
    world = asked()
    honest, world.log_key = world.log_key, LogKey(b"n" * 32)
    with pytest.raises(VerificationError, match="institution 1 published no LOG key"):
        erased(world)
    assert study_of(world).status == StudyStatus.WITHDRAWN
    world.log_key = honest
    world.steps = MemorySteps("erase.certified")
    with pytest.raises(Stopped):
        erased(world)
    world.restart()
    publish = PublishKey(ledger=world.ledger, domains=world.domains)
    publish.run(HOSPITAL_A, KeyKind.LOG, honest.public, "", 1, world.governor_a)
    world.log_key = LogKey(b"n" * 32)
    end = world.clock.now() + DAY_S
    publish.run(HOSPITAL_A, KeyKind.LOG, world.log_key.public, "", end, world.governor_a)
    assert verified(world, erased(world).certificate).destroyed == (1, 2, 3)


def test_entries_of_another_form_are_no_attestations() -> None:
    world = asked()
    for body in ("{}", "", bytes(LogKey(b"x" * 32).sign(Checkpoint("o", 1, bytes(32)), 1)).decode()):
        world.journal.append([JournalEntry("share_destroyed", 1, world.study_id, body)])
    assert erased(world).destroyed == (1, 2, 3)


def test_it_is_refused_under_a_hold_and_while_retention_runs_and_changes_nothing() -> None:
    world = settled()
    share = world.vault.names("share/")
    with pytest.raises(InputError, match="kept until"):
        world.erase.run(world.study_id, world.registrar)
    HoldStudy(
        ledger=world.ledger,
        mirror=world.mirror,
        vault=world.vault,
        entropy=world.entropy,
        domains=world.domains,
        steps=world.steps,
    ).run(world.study_id, "case 17", world.officer_a)
    with pytest.raises(InputError, match="legal hold"):
        world.erase.run(world.study_id, world.registrar)
    study = world.mirror.catch_up().study(world.study_id)
    assert study is not None
    assert study.status == StudyStatus.ANCHORED, "it is not withdrawn by the attempt"
    RequestErasure(broker=world.broker, domains=world.domains).run(world.study_id, world.patient)
    with pytest.raises(InputError, match="legal hold"):
        world.erase.run(world.study_id, world.registrar)
    with pytest.raises(InputError, match="legal hold"):
        world.broker.destroy(ordered(world, HOSPITAL_A))
    assert world.vault.names("share/") == share


def ordered(world: Trustees | Household, trustee: int) -> SignedDestroy:
    destroy = Destroy(world.study_id, HOSPITAL_A, trustee, ALL_SHARES)
    return SignedDestroy(destroy, world.broker_sign.sign(world.domains.digest(destroy)))


def test_the_custodians_broker_alone_destroys_nothing() -> None:
    """A stolen broker orders in vain while the study is not withdrawn, or its retention runs."""
    world = dealt()
    with pytest.raises(DeniedError) as refused:
        world.honest(HOSPITAL_C).destroy(ordered(world, HOSPITAL_C))
    assert refused.value.reason == "STUDY_NOT_WITHDRAWN"
    WithdrawStudy(ledger=world.ledger, domains=world.domains).run(world.study_id, 0, world.registrar)
    with pytest.raises(InputError, match="kept until"):
        world.honest(HOSPITAL_C).destroy(ordered(world, HOSPITAL_C))


def kept_for_ten_days() -> Trustees:
    """Two of three open a study that its hospital may erase after ten days."""
    world = Trustees()
    world.add_series(2)
    world.add_series(1, series_number=2)
    register = world.register
    register._retention_days = 10
    register.run(sorted(world.files), custodian=HOSPITAL_A, registrar=world.registrar)
    return world


def test_after_retention_it_takes_no_request_and_withdraws_by_itself() -> None:
    world = kept_for_ten_days()
    with pytest.raises(InputError, match="kept until"):
        erased(world)
    world.clock.advance(11 * DAY_S)
    assert erased(world).destroyed == (1, 2, 3)
    assert study_of(world).status == StudyStatus.ERASED


def test_one_trustee_away_is_named_and_told_again_and_two_are_too_many() -> None:
    world = asked()
    custodies = documents(world)
    world.down(HOSPITAL_B, HOSPITAL_C)
    with pytest.raises(TrusteeError, match="institutions 2, 3"):
        erased(world)
    assert study_of(world).status == StudyStatus.WITHDRAWN
    world.restart()
    world.down(HOSPITAL_C)
    done = erased(world)
    assert (done.destroyed, done.waiting) == ((1, 2), (3,))
    assert verified(world, done.certificate).unaccounted == (3,)
    assert opened(vaults(world), custodies) == 0, "one share of two is worth nothing"
    assert world.others[HOSPITAL_C].vault.names("share/")
    world.changed = {}
    world.clock.advance(60)
    assert world.tell_destroy.run() == 0
    assert world.others[HOSPITAL_C].vault.names("share/") == ()
    assert erased(world).waiting == ()


def test_where_one_share_opens_it_all_must_attest() -> None:
    world = asked(threshold=1)
    world.changed = {HOSPITAL_C: Down()}
    with pytest.raises(TrusteeError, match="institutions 3"):
        erased(world)
    world.changed = {}
    assert erased(world).destroyed == (1, 2, 3)


def test_trustees_of_before_a_move_and_of_one_that_was_cut_off_are_asked_too() -> None:
    world = dealt(2, 3, members=4)
    world.move_custody.run(world.study_id, CustodyRule(1, (1, 2)), world.registrar)
    world.down(HOSPITAL_B)
    with pytest.raises(FiduciaError):
        world.move_custody.run(world.study_id, CustodyRule(2, (2, 4)), world.registrar)
    world.changed = {}
    RequestErasure(broker=world.broker, domains=world.domains).run(world.study_id, world.patient)
    done = erased(world)
    assert done.destroyed == (1, 2, 3, 4)
    assert world.vault.names("destroy/") == ()


def test_only_its_own_hospital_erases_a_study() -> None:
    world = asked()
    with pytest.raises(InputError, match="no such study"):
        world.erase.run(bytes(32), world.registrar)
    journey = world.erase
    journey._custodian = HOSPITAL_B
    with pytest.raises(InputError, match="own hospital"):
        journey.run(world.study_id, world.registrar)


def test_what_copies_hold_cannot_be_learned_so_nothing_is_attested() -> None:
    world = asked()

    def gone() -> int:
        raise BackupError("the second place is not there")

    journey = world.erase
    journey._held_until = gone
    with pytest.raises(BackupError):
        journey.run(world.study_id, world.registrar)
    assert study_of(world).status == StudyStatus.WITHDRAWN
    assert erased(world).changed, "the same call goes on"


def test_the_patients_other_study_keeps_the_patient() -> None:
    world = asked()
    first = world.study_id
    world.files.clear()
    world.add_series(1, study="another")
    (other,) = (each.study_id for each in world.run_register().studies if each.study_id != first)
    world.erase.run(first, world.registrar)
    assert [entry.study_id for entry in world.studies.all()] == [other]
    assert len(world.patients.all()) == 1


def test_an_erasure_that_crashes_is_finished_by_the_same_call() -> None:
    def prepare() -> Trustees:
        world = kept_for_ten_days()
        world.clock.advance(11 * DAY_S)
        return world

    custodies = documents(prepare())

    def check(world: Consortium, point: str) -> None:
        assert isinstance(world, Trustees)
        done = erased(world)
        assert done.waiting == (), point
        assert verified(world, done.certificate).unaccounted == (), point
        assert opened(vaults(world), custodies) == 0, point
        assert (world.studies.all(), world.patients.all(), world.vault.names("destroy/")) == ((), (), ()), point
        assert all(vault.names("share/") == () for vault in vaults(world)), point

    points = crashed_everywhere(prepare, erased, check)  # type: ignore[arg-type]
    assert {
        "erase.withdrawn",
        "erase.ordered",
        "erase.attested",
        "erase.objects-dropped",
        "erase.shares-forgotten",
        "directory.study-forgotten",
        "directory.patient-forgotten",
        "erase.forgotten",
        "erase.cleared",
        "erase.certified",
        "erase.recorded",
        "custody.attested",
    } == set(points)


@pytest.mark.parametrize("point", ["destroy.shares-forgotten", "destroy.forgotten", "destroy.journalled"])
def test_a_trustee_that_crashes_is_told_again(point: str) -> None:
    world = asked()
    custodies = documents(world)
    order = ordered(world, HOSPITAL_C)
    world.trustee_steps = world.others[HOSPITAL_C]._steps = MemorySteps(point)
    with pytest.raises(Stopped):
        world.honest(HOSPITAL_C).destroy(order)
    world.others[HOSPITAL_C]._steps = world.trustee_steps = MemorySteps()
    assert world.others[HOSPITAL_C].vault.names("share/") == ()
    assert erased(world).destroyed == (1, 2, 3)
    assert opened(vaults(world), custodies) == 0


def test_copies_hold_it_until_the_date_that_is_attested_and_not_after() -> None:
    world = asked(threshold=1)
    custodies = documents(world)
    place = MemorySecondPlace()
    kept = copies.Custody(world.vault, world.patients, world.studies, world.journal)
    segments = Segments(
        place=place,
        recovery=copies.RECOVERY,
        signer=copies.SIGNER,
        memory=MemoryCopyMemory(),
        keep_s=30 * DAY_S,
        clock=world.clock,
        entropy=world.entropy,
    )
    create = CreateCopy(segments=segments, sources=kept.sources(), steps=world.steps)
    create.run()
    world.held_until = held_until(place, copies.RECOVERY.signer)
    done = erased(world)
    assert done.held_until == world.held_until > world.clock.now()
    before = copies.Custody()
    copies.restore(place, before)
    assert opened([before.vault], custodies), "until then a copy opens it, to whoever has the recovery shares"
    world.clock.advance(done.held_until - world.clock.now())
    PruneCopies(place=place, recovery=copies.RECOVERY, copy_whole=create.run, clock=world.clock).run()
    after = copies.Custody()
    copies.restore(place, after)
    assert opened([after.vault], custodies) == 0
    assert (after.studies.all(), after.patients.all()) == ((), ())
