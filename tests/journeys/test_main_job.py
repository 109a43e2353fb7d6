"""The main job over in-memory ports: register, grant, release, fetch, revoke, audit."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from fiducia.adapters.memory.destination import MemoryDestination
from fiducia.adapters.memory.examiner import DirectExaminer
from fiducia.core import ids
from fiducia.core.dicom.examination import Examined
from fiducia.core.rules import Purpose
from fiducia.core.wording import describe, terms_digest
from fiducia.errors import DeniedError, InputError, LedgerNotFinalError, ProofError, VerificationError
from fiducia.journeys.grants.grant import GrantOrder
from fiducia.journeys.reading.asking import Requester
from fiducia.journeys.shared.objects import read_manifest
from fiducia.journeys.studies import scanning
from fiducia.ports import InstanceSource
from tests.support.altered import altered
from tests.support.consortium import DAY_S, Consortium, contents


@pytest.fixture
def world() -> Consortium:
    return Consortium()


def registered(world: Consortium) -> bytes:
    world.add_series(3)
    world.add_series(2, series_number=2)
    done = world.run_register()
    assert done.problems == ()
    (study,) = done.studies
    return study.study_id


def test_a_registered_study_is_anchored_with_the_manifest_that_the_store_holds(world: Consortium) -> None:
    world.add_series(3)
    world.add_series(2, series_number=2)
    (study,) = world.run_register().studies
    anchored = world.mirror.catch_up().study(study.study_id)
    assert anchored is not None
    assert (study.revision, study.series, study.instances) == (1, 2, 5)
    assert study.size_bytes == sum(len(data) for data in contents(world.files))
    assert world.audit.run().findings == ()


@pytest.mark.parametrize(
    ("room_bytes", "described", "sorted_"),
    [(1 << 20, 3, 0), (4097, 4, 1), (1, 3, 2), (0, 3, 3)],
    ids=["for all", "for less than it seemed", "for one", "for none"],
)
def test_a_head_is_read_once_as_far_as_there_is_room(
    world: Consortium, monkeypatch: pytest.MonkeyPatch, room_bytes: int, described: int, sorted_: int
) -> None:
    monkeypatch.setattr(scanning, "KEPT_MAX_BYTES", room_bytes)
    heads = Counter[str]()

    class Counting(DirectExaminer):
        def sort(self, source: InstanceSource) -> Examined:
            heads["sort"] += 1
            return super().sort(source)

        def describe(self, source: InstanceSource) -> Examined:
            heads["describe"] += 1
            return super().describe(source)

    world.examiner = Counting()
    world.add_series(3)
    assert world.run_register().problems == ()
    assert heads == Counter(describe=described, sort=sorted_)
    assert world.audit.run().findings == ()


def test_an_ungranted_request_is_refused_and_leaves_nothing(world: Consortium) -> None:
    study_id = registered(world)
    destination = MemoryDestination()
    with pytest.raises(DeniedError) as refused:
        world.run_fetch(study_id, destination)
    assert refused.value.reason == "GRANT_UNKNOWN"
    assert (destination.visible, destination.waiting) == ({}, {})
    assert world.gateway_vault.names("") == ()
    assert [entry.body for entry in world.journal.entries("denied")] == ["GRANT_UNKNOWN"]


def test_a_granted_study_is_fetched_byte_for_byte(world: Consortium) -> None:
    study_id = registered(world)
    world.run_grant(study_id)
    destination = MemoryDestination()
    fetched = world.run_fetch(study_id, destination)
    assert sorted(destination.visible.values()) == contents(world.files)
    assert set(destination.visible) == {(1, 1), (1, 2), (1, 3), (2, 1), (2, 2)}
    assert (fetched.instances, fetched.series, fetched.revision) == (5, 2, 1)
    assert world.gateway_vault.names("") == ()
    assert world.audit.run().findings == ()


def test_a_granted_series_opens_that_series_and_no_other(world: Consortium) -> None:
    study_id = registered(world)
    world.run_grant(study_id, series=2)
    destination = MemoryDestination()
    assert world.run_fetch(study_id, destination, series=2).instances == 2
    for series in (0, 1):
        with pytest.raises(DeniedError) as refused:
            world.run_fetch(study_id, MemoryDestination(), series=series)
        assert refused.value.reason in ("GRANT_UNKNOWN", "SCOPE")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"purposes": 1 << Purpose.HRESCH}, "PURPOSE_NOT_GRANTED"),
        ({"actions": 1 << 1}, "ACTION_NOT_GRANTED"),
        ({"grantee": ids.institution_grantee(7)}, "GRANT_UNKNOWN"),
    ],
)
def test_a_grant_opens_only_what_it_says(world: Consortium, change: dict[str, object], reason: str) -> None:
    study_id = registered(world)
    world.run_grant(study_id, **change)
    with pytest.raises(DeniedError) as refused:
        world.run_fetch(study_id, MemoryDestination())
    assert refused.value.reason == reason


def test_a_grant_ends(world: Consortium) -> None:
    study_id = registered(world)
    world.run_grant(study_id, not_after=world.clock.now() + 3600)
    world.clock.advance(3600)
    with pytest.raises(DeniedError) as refused:
        world.run_fetch(study_id, MemoryDestination())
    assert refused.value.reason == "GRANT_EXPIRED"


def test_a_grant_to_the_institution_opens_for_its_staff(world: Consortium) -> None:
    study_id = registered(world)
    world.run_grant(study_id, grantee=ids.institution_grantee(2))
    assert world.run_fetch(study_id, MemoryDestination()).instances == 5


def test_a_revoked_grant_opens_nothing_any_more(world: Consortium) -> None:
    study_id = registered(world)
    given = world.run_grant(study_id)
    assert world.revoke.run(given.grant_id, world.patient) is True
    with pytest.raises(DeniedError) as refused:
        world.run_fetch(study_id, MemoryDestination())
    assert refused.value.reason == "GRANT_REVOKED"


def test_revoke_all_ends_every_grant_and_a_new_one_lives(world: Consortium) -> None:
    study_id = registered(world)
    world.run_grant(study_id)
    subject = world.mirror.catch_up().studies()[0].subject
    assert world.revoke_all.run(subject, world.patient) is True
    with pytest.raises(DeniedError) as refused:
        world.run_fetch(study_id, MemoryDestination())
    assert refused.value.reason == "GRANT_EPOCH"
    world.run_grant(study_id)
    assert world.run_fetch(study_id, MemoryDestination()).instances == 5


def test_the_patient_fetches_their_own_study_without_any_grant(world: Consortium) -> None:
    study_id = registered(world)
    own = Requester(world.patient, b"p" * 32)
    destination = MemoryDestination()
    world.run_fetch(study_id, destination, purpose=Purpose.PATRQT, requester=own)
    assert sorted(destination.visible.values()) == contents(world.files)
    with pytest.raises(DeniedError) as refused:
        world.run_fetch(study_id, MemoryDestination(), requester=own)
    assert refused.value.reason == "OWN_PURPOSE"


def test_a_flipped_byte_is_named_and_nothing_is_shown(world: Consortium) -> None:
    study_id = registered(world)
    world.run_grant(study_id)
    study = world.mirror.catch_up().study(study_id)
    assert study is not None
    cid = read_manifest(world.store, study.manifest).line(2).pack_cid
    data = world.store.objects[cid]
    at = len(data) // 3
    world.store.objects[cid] = altered(data, at)
    destination = MemoryDestination()
    with pytest.raises(VerificationError, match="series 2, instance 1"):
        world.run_fetch(study_id, destination)
    assert (destination.visible, destination.waiting) == ({}, {})


def test_keys_that_the_trustee_did_not_sign_are_refused(world: Consortium) -> None:
    study_id = registered(world)
    world.run_grant(study_id)
    world.broker_sign = world.issuer
    with pytest.raises(VerificationError, match="not signed by a broker"):
        world.run_fetch(study_id, MemoryDestination())


def test_the_same_identity_again_is_a_no_op_and_new_instances_a_revision(world: Consortium) -> None:
    first = world.add_series(3)
    (one,) = world.run_register().studies
    submitted, objects = world.ledger.submitted, dict(world.store.objects)
    (again,) = world.run_register().studies
    assert (again.unchanged, again.revision) == (True, 1)
    assert (world.ledger.submitted, world.store.objects) == (submitted, objects)
    world.add_series(5)
    world.add_series(1, series_number=9)
    (more,) = world.run_register().studies
    assert (more.study_id, more.revision, more.series, more.instances) == (one.study_id, 2, 2, 6)
    world.run_grant(one.study_id)
    destination = MemoryDestination()
    world.run_fetch(one.study_id, destination)
    assert sorted(destination.visible.values()) == contents(world.files)
    assert [destination.visible[1, n] for n in (1, 2, 3)] == [first[name] for name in sorted(first)]
    assert world.audit.run().findings == ()


def test_an_unchanged_series_keeps_its_line(world: Consortium) -> None:
    registered(world)
    (before,) = world.studies.all()
    world.add_series(4, series_number=2)
    (study,) = world.run_register().studies
    (after,) = world.studies.all()
    assert study.revision == 2
    assert after.series[0] == before.series[0]
    assert (after.series[1].number, after.series[1].sealed_in) == (2, 2)


def test_a_patient_who_is_not_in_the_directory_is_unmatched_and_nothing_is_stored(world: Consortium) -> None:
    world.add_series(2, patient_id="SOMEBODY-ELSE", study="other")
    world.add_series(2)
    done = world.run_register()
    assert len(done.studies) == 1
    (problem,) = done.problems
    assert "not in the directory" in str(problem.error)
    assert "SOMEBODY" not in str(problem.error)


def test_two_patients_in_one_study_are_a_conflict_that_names_nobody(world: Consortium) -> None:
    world.add_series(2)
    world.files["stray.dcm"] = next(iter(world.add_series(1, patient_id="OTHER").values()))
    done = world.run_register()
    assert done.studies == ()
    assert done.problems
    assert all("SAMPLE" not in str(p.error) and "OTHER" not in str(p.error) for p in done.problems)
    assert world.store.objects == {}


def test_an_anchored_sop_instance_with_other_bytes_is_refused_and_its_neighbours_are_not(world: Consortium) -> None:
    made = world.add_series(3)
    world.run_register()
    name = sorted(made)[0]
    world.files[name] = altered(made[name])
    world.add_series(1, series_number=2)
    done = world.run_register()
    assert [problem.where for problem in done.problems] == [name]
    assert done.studies[0].instances == 4


def test_only_the_patient_and_the_custodian_can_end_a_grant(world: Consortium) -> None:
    given = world.run_grant(registered(world))
    with pytest.raises(InputError, match="standing"):
        world.revoke.run(given.grant_id, world.issuer)
    assert world.revoke.run(given.grant_id, world.registrar) is True


def test_a_report_is_verified_and_an_edited_one_refused(world: Consortium) -> None:
    study_id = registered(world)
    world.run_grant(study_id)
    world.run_fetch(study_id, MemoryDestination())
    written = world.audit.write(study_id)
    world.clock.advance(DAY_S)
    world.ledger.mine()
    for form in (written.json, written.text.encode()):
        assert world.audit.check(form).findings == ()
        edited = form.replace(b"RETAIN", b"DERIVE") if b"RETAIN" in form else form.replace(b'"action":2', b'"action":3')
        assert edited != form
        with pytest.raises(ProofError):
            world.audit.check(edited)


def test_the_words_that_were_shown_are_bound_to_the_grant(world: Consortium) -> None:
    shown: list[str] = []
    study_id = registered(world)
    order = GrantOrder(study_id, 0, world.badge.badge.person, 1, 6, world.clock.now() + DAY_S, grantee_name="Dr B")
    given = world.give.run(order, world.patient, show=shown.append)
    assert given.grant.terms == terms_digest(given.grant, shown[0])
    assert "Dr B" in shown[0]


def test_a_resumed_grant_shows_the_words_it_is_bound_to(world: Consortium) -> None:
    """Another name for the grantee is another grant: the words kept with the first are not shown under it."""
    study_id = registered(world)
    until = world.clock.now() + DAY_S
    order = GrantOrder(study_id, 0, world.badge.badge.person, 1, 6, until, grantee_name="Dr B")
    world.ledger.faults.lose = 1
    with pytest.raises(LedgerNotFinalError):
        world.give.run(order, world.patient)
    shown: list[str] = []
    given = world.give.run(replace(order, grantee_name="Dr Other"), world.patient, show=shown.append)
    assert given.grant.terms == terms_digest(given.grant, shown[0])


def test_the_words_follow_from_the_bytes_and_nothing_else(world: Consortium) -> None:
    given = world.run_grant(registered(world), series=2)
    study_id = world.mirror.catch_up().studies()[0].study_id
    assert "series 2" in describe(given.grant, study_id=study_id, series=2)
    assert "series 1" not in describe(given.grant, study_id=study_id, series=1)
