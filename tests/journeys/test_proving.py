"""Proving instances over in-memory ports: by whom, signed by whom, and what stops it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fiducia.adapters.memory.destination import MemoryDestination
from fiducia.adapters.memory.intake import MemoryIntake
from fiducia.core import ids
from fiducia.core.formats.provenance import ProvenanceFile, parse_provenance
from fiducia.core.provenance import Proven, ProvenanceVerifier
from fiducia.core.rules import Action, Purpose, mask
from fiducia.errors import (
    DeniedError,
    DicomError,
    InputError,
    KeyMissingError,
    LedgerUnreachableError,
    NotThereError,
    ProofError,
)
from fiducia.journeys.audit.at_hand import DigestInstance
from fiducia.journeys.audit.prove_instances import OpenedStudy
from fiducia.journeys.reading.asking import Requester
from fiducia.journeys.studies.withdrawal import WithdrawStudy
from fiducia.records.provenance import SignedCheckpoint, VouchAsk, Vouched
from tests.support.brokers import MemberBroker
from tests.support.consortium import HOSPITAL_A, HOSPITAL_B, contents, ct_series
from tests.support.household import HOSPITAL_C, Household
from tests.support.proofs import opened_by, opened_by_custodian, prove, trust


@pytest.fixture
def world() -> Household:
    """A study of two series, three and two instances."""
    made = Household()
    made.add_series(3)
    made.add_series(2, series_number=2)
    made.run_register()
    return made


def proved(world: Household, opened: OpenedStudy, instance: int = 0) -> list[Proven]:
    """Prove, and judge as somebody offline would."""
    verifier = ProvenanceVerifier(trust(world))
    return [verifier.verify(file.data) for file in prove(world, opened, instance).files]


def test_the_custodian_proves_every_instance_of_its_study(world: Household) -> None:
    found = proved(world, opened_by_custodian(world))
    assert [(each.series, each.instance) for each in found] == [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2)]
    study = world.mirror.state().study(world.study_id)
    assert study is not None
    for each in found:
        assert (each.study_id, each.revision, each.custodian) == (world.study_id, 1, HOSPITAL_A)
        assert (each.block_number, each.anchored_at) == (study.revisions[0].block_number, study.anchored_at)
        assert each.members == (HOSPITAL_A, HOSPITAL_B)
    assert world.mirror.catch_up().releases() == ()  # its own share, no release


def test_whoever_was_granted_the_study_proves_what_was_fetched(world: Household) -> None:
    world.run_grant(world.study_id)
    destination = MemoryDestination()
    world.run_fetch(world.study_id, destination)
    found = {(each.series, each.instance): each for each in proved(world, opened_by(world, world.clinician))}
    assert set(found) == set(destination.visible)
    for number, data in destination.visible.items():
        digests = DigestInstance(intake=MemoryIntake({"at hand": data}), examiner=world.examiner).run("at hand")
        assert (digests.identity, digests.header) == (found[number].identity, found[number].header)
    assert world.audit.run().findings == ()


def test_a_grant_for_metadata_is_enough_and_asked_for_first(world: Household) -> None:
    world.run_grant(world.study_id, actions=mask(Action.METADATA, Action.RETAIN))
    assert len(proved(world, opened_by(world, world.clinician))) == 5
    assert [release.action for release in world.mirror.catch_up().releases()] == [Action.METADATA]


def test_the_patient_proves_their_own_study(world: Household) -> None:
    patient = Requester(world.patient, b"p" * 32)
    assert len(proved(world, opened_by(world, patient, Purpose.PATRQT))) == 5


def test_nobody_else_does(world: Household) -> None:
    with pytest.raises(DeniedError) as refused:
        opened_by(world, world.clinician)
    assert refused.value.reason == "GRANT_UNKNOWN"


def test_one_instance_of_one_series(world: Household) -> None:
    (one,) = proved(world, opened_by_custodian(world, series=2), instance=2)
    assert (one.series, one.instance) == (2, 2)
    with pytest.raises(InputError, match="no instance 9"):
        prove(world, opened_by_custodian(world), instance=9)
    with pytest.raises(InputError, match="no series 9"):
        opened_by_custodian(world, series=9)


def test_a_later_revision_is_proved_by_the_event_that_anchored_it(world: Household) -> None:
    world.add_series(1, series_number=3)
    world.run_register()
    found = proved(world, opened_by_custodian(world))
    assert {(each.series, each.revision) for each in found} == {(1, 2), (2, 2), (3, 2)}
    study = world.mirror.state().study(world.study_id)
    assert study is not None
    assert {each.block_number for each in found} == {study.revisions[1].block_number}


def test_a_long_series_is_asked_for_in_parts() -> None:
    world = Household()
    world.add_series(70)
    world.run_register()
    assert [each.instance for each in proved(world, opened_by_custodian(world))] == list(range(1, 71))


def test_a_file_holds_no_uid_and_no_identity(world: Household) -> None:
    samples = contents(world.files)
    (entry,) = world.patients.all()
    uids = {world.studies.all()[0].study_instance_uid}
    uids |= {
        uid
        for series in world.studies.all()[0].series
        for uid in (series.series_instance_uid, *(each.sop_instance_uid for each in series.instances))
    }
    for file in prove(world, opened_by_custodian(world)).files:
        assert not any(uid.encode() in file.data for uid in uids)
        assert entry.identity.patient_id.encode() not in file.data
        assert b"Sample" not in file.data
    assert all(any(uid.encode() in data for data in samples) for uid in uids)


# -- the members


class Saying(MemberBroker):
    """Hospital B's broker, whose word is changed."""

    def __init__(self, world: Household, **change: object) -> None:
        super().__init__(world, HOSPITAL_B, world.broker_sign_b)
        self._changed = change

    def checkpoint(self, block_number: int) -> SignedCheckpoint:
        signed = super().checkpoint(block_number)
        said = replace(signed.checkpoint, **self._changed)  # type: ignore[arg-type]
        return SignedCheckpoint(said, self.sign.sign(self._world.domains.digest(said)))


def test_members_that_are_not_reached_or_say_otherwise_are_named_and_left_out(world: Household) -> None:
    assert prove(world, opened_by_custodian(world)).missing == (
        (HOSPITAL_C, "this home knows no broker of institution 3"),
    )
    for change in ({"root": bytes(32)}, {"events": 1}, {"block_hash": bytes(32)}, {"block_at": 1}, {"institution": 1}):
        world.second_broker = Saying(world, **change)
        proofs = prove(world, opened_by_custodian(world))
        assert proofs.members == (HOSPITAL_A,)
        assert "says otherwise" in dict(proofs.missing)[HOSPITAL_B]
        data = next(proofs.files).data
        with pytest.raises(ProofError, match="checkpoint: 1 trusted members signed it, 2 are needed"):
            ProvenanceVerifier(trust(world)).verify(data)


def test_a_signature_by_a_key_that_was_never_published_is_left_out(world: Household) -> None:
    world.second_broker.sign = world.new_key
    proofs = prove(world, opened_by_custodian(world))
    assert dict(proofs.missing)[HOSPITAL_B] == "its signature is not by a broker that it published"
    assert proofs.members == (HOSPITAL_A,)


def test_with_no_member_there_is_no_proof(world: Household) -> None:
    world.second_broker = Saying(world, events=1)
    world.broker_sign = world.new_key
    with pytest.raises(LedgerUnreachableError, match="no member signs what the ledger has"):
        prove(world, opened_by_custodian(world))


def test_members_that_joined_or_changed_keys_later_still_vouch(world: Household) -> None:
    world.clock.advance(1000)
    world.ledger.mine()
    file = parse_provenance(next(prove(world, opened_by_custodian(world)).files).data)
    assert {signed.signed_at for signed in file.checkpoint.signatures} == {world.clock.now()}
    assert file.checkpoint.block.time_at < world.clock.now()


def test_a_checkpoint_of_a_block_to_come_is_not_signed(world: Household) -> None:
    with pytest.raises(NotThereError, match="not final yet"):
        world.broker.checkpoint(world.ledger.head().number + 1)


def test_the_tree_is_the_same_whenever_it_was_read(world: Household) -> None:
    """A broker that asks after every block and one that asks once sign the same, also for old blocks."""
    head = world.ledger.head().number
    step_by_step = [world.view.run(block) for block in range(1, head + 1)]
    world.restart()
    assert [world.view.run(block) for block in reversed(range(1, head + 1))] == step_by_step[::-1]
    assert len({seen.root for seen in step_by_step}) > 5


# -- the custodian


def test_a_withdrawn_study_is_not_vouched_for_any_more(world: Household) -> None:
    opened = opened_by_custodian(world)
    earlier = next(prove(world, opened).files).data
    withdraw = WithdrawStudy(ledger=world.ledger, domains=world.domains)
    withdraw.run(world.study_id, 0, world.registrar)
    with pytest.raises(DeniedError) as refused:
        list(prove(world, opened).files)
    assert refused.value.reason == "STUDY_WITHDRAWN"
    assert ProvenanceVerifier(trust(world)).verify(earlier).study_id == world.study_id  # what was signed stands


def test_after_a_change_of_custodian_the_one_who_anchored_still_vouches(world: Household) -> None:
    world.transfer.run(world.subject, HOSPITAL_B, world.registrar_b, world.patient)
    assert {each.custodian for each in proved(world, opened_by_custodian(world))} == {HOSPITAL_A}
    file = parse_provenance(next(prove(world, opened_by_custodian(world)).files).data)
    with pytest.raises(InputError, match="institution 1 anchored this revision"):
        world.second_broker.vouch(VouchAsk(world.study_id, 1, file.series, (file.instance,)))


def test_a_custodian_without_its_share_cannot_open_by_itself(world: Household) -> None:
    world.vault.remove(world.vault.names("share/"))
    with pytest.raises(KeyMissingError):
        opened_by_custodian(world)


class Vouching(MemberBroker):
    """A custodian's broker that answers something else."""

    def __init__(self, world: Household, drop: int) -> None:
        super().__init__(world, HOSPITAL_B, world.broker_sign_b)
        self._drop = drop

    def vouch(self, ask: VouchAsk) -> Vouched:
        vouched = self._world.proving.vouch.run(ask)
        if self._drop:
            return Vouched(vouched.signed_at, vouched.signatures[self._drop :])
        return Vouched(vouched.signed_at, tuple(reversed(vouched.signatures)))


@pytest.mark.parametrize("drop", [0, 1])
def test_a_custodians_wrong_answer_makes_no_file(world: Household, monkeypatch: pytest.MonkeyPatch, drop: int) -> None:
    wrong = Vouching(world, drop)
    proofs = prove(world, opened_by_custodian(world))
    assert proofs.members
    ask = world.broker_of

    def broker_of(institution: int) -> object:
        found = ask(institution)
        if institution == HOSPITAL_A:
            monkeypatch.setattr(type(found), "vouch", lambda _, asked: wrong.vouch(asked))
        return found

    monkeypatch.setattr(world, "broker_of", broker_of)
    with pytest.raises(ProofError):
        list(prove(world, opened_by_custodian(world)).files)


# -- the file at hand


def test_one_dicom_file_is_digested_and_nothing_else(world: Household) -> None:
    files = ct_series(1)
    intake = MemoryIntake({**files, "letter": b"Dear colleague"})
    journey = DigestInstance(intake=intake, examiner=world.examiner)
    (name,) = files
    assert len(journey.run(name).identity) == 32
    with pytest.raises(DicomError):
        journey.run("letter")


def test_files_of_another_ledger_are_another_ledgers(world: Household) -> None:
    data = next(prove(world, opened_by_custodian(world)).files).data
    held = trust(world)
    elsewhere = replace(held, ledger=replace(held.ledger, genesis_hash=ids.NO_PERSON))
    with pytest.raises(ProofError, match="ledger: it is of another ledger"):
        ProvenanceVerifier(elsewhere).verify(data)
    assert isinstance(parse_provenance(data), ProvenanceFile)
