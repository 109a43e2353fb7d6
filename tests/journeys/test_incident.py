"""An incident report: who is affected by a key in other hands, what contains it, until when to tell whom."""

from __future__ import annotations

import re
import shlex

import pytest

from fiducia.adapters.memory.store import MemoryStore
from fiducia.core import ids
from fiducia.core.emergencies import identity_digest
from fiducia.core.entries import NO_SIGNER
from fiducia.core.incident import exposure
from fiducia.core.incident.exposure import Exposure
from fiducia.core.incident.report import DAY_S, HOUR_S, MANY, IncidentReport, deadlines
from fiducia.core.replay import State
from fiducia.errors import InputError
from fiducia.journeys.members.incident import ReportIncident
from fiducia.journeys.members.members import PublishKey
from fiducia.records.images import JournalEntry
from fiducia.records.ledger import KeyKind
from fiducia.records.statements import LateEmergency, LookUp, SignedLookUp
from tests.journeys.test_late import emergency, stall
from tests.support.colleagues import staffed, team_of
from tests.support.commands import whole_tree
from tests.support.consortium import HOSPITAL_A, HOSPITAL_B, IDENTITY, Consortium, key
from tests.support.household import settled
from tests.support.trustees import HOSPITAL_C, dealt

NAMES = {HOSPITAL_A: "hospital-a", HOSPITAL_B: "hospital-b", HOSPITAL_C: "hospital-c"}


@pytest.fixture
def world() -> Consortium:
    """A study that was registered, granted and fetched."""
    world = Consortium()
    world.add_series(2)
    world.run_register()
    world.run_grant(study_of(world))
    world.run_fetch(study_of(world), world.destination)
    world.clock.advance(HOUR_S)
    return world


def study_of(world: Consortium) -> bytes:
    return world.mirror.catch_up().studies()[0].study_id


def journey(world: Consortium, *, as_hospital: bool = True) -> ReportIncident:
    return ReportIncident(
        mirror=world.mirror,
        store=world.store,
        clock=world.clock,
        journal=world.journal if as_hospital else None,
        patients=world.patients if as_hospital else None,
        custodian=HOSPITAL_A if as_hospital else 0,
    )


def report(world: Consortium, what: Exposure, since: int = 0) -> IncidentReport:
    return journey(world).run(what, since, names=NAMES)


def state(world: Consortium) -> State:
    return world.mirror.catch_up()


def commands(made: IncidentReport) -> list[str]:
    return [step.command for step in made.containment]


def why(made: IncidentReport) -> list[tuple[str, ...]]:
    return [patient.why for patient in made.patients]


@pytest.mark.parametrize(
    ("kind", "institution", "reason"),
    [(KeyKind.ISSUER, HOSPITAL_B, "ISSUER"), (KeyKind.GATEWAY, HOSPITAL_B, "GATEWAY")],
)
def test_a_requesters_key_affects_what_was_released_with_it(
    world: Consortium, kind: KeyKind, institution: int, reason: str
) -> None:
    made = report(world, exposure.of_kind(state(world), institution, kind, 0))
    (release,) = made.effects.releases
    assert (release.study_id, release.institution, release.why) == (study_of(world), HOSPITAL_B, reason)
    assert release.recorded_at <= release.handed_over_at
    assert made.studies == (study_of(world),)
    assert why(made) == [("RELEASED",)]


def test_an_issuers_key_is_contained_by_the_badge_epoch_and_its_end(world: Consortium) -> None:
    made = report(world, exposure.of_kind(state(world), HOSPITAL_B, KeyKind.ISSUER, 0))
    assert commands(made) == [
        "fiducia badge end-all --as hospital-b",
        f"fiducia key publish ISSUER --key 0x{world.issuer.address.hex()} --end --as hospital-b",
        "fiducia key rotate ISSUER --as hospital-b",
        "fiducia key rotate ISSUER --finish --now --as hospital-b",
    ]


def test_a_key_of_an_institution_that_released_nothing_affects_nobody(world: Consortium) -> None:
    end = world.clock.now() + DAY_S
    PublishKey(ledger=world.ledger, domains=world.domains).run(
        HOSPITAL_A, KeyKind.ISSUER, key(77).address, "", end, world.governor_a
    )
    made = report(world, exposure.of_kind(state(world), HOSPITAL_A, KeyKind.ISSUER, 0))
    assert not made.effects.any
    assert (made.patients, made.deadlines) == ((), ())
    assert made.containment  # it is ended all the same


def test_what_was_before_is_not_affected_but_sealed_keys_are_counted(world: Consortium) -> None:
    now = world.clock.now()
    issuer = report(world, exposure.of_kind(state(world), HOSPITAL_B, KeyKind.ISSUER, now), now)
    assert not issuer.effects.any
    gateway = report(world, exposure.of_kind(state(world), HOSPITAL_B, KeyKind.GATEWAY, now), now)
    assert (gateway.effects.releases, gateway.effects.sealed_before) == ((), 1)
    assert any("1 earlier releases were sealed" in note for note in gateway.notes)


def test_a_release_of_before_that_was_handed_over_since_is_affected(world: Consortium) -> None:
    (event,) = state(world).releases()
    world.journal.append([JournalEntry("handed_over", world.clock.now(), event.request_id)])
    made = report(world, exposure.of_kind(state(world), HOSPITAL_B, KeyKind.ISSUER, 0), world.clock.now())
    assert [each.request_id for each in made.effects.releases] == [event.request_id]


def test_reads_of_a_gateway_are_counted(world: Consortium) -> None:
    (event,) = state(world).releases()
    world.journal.append([JournalEntry("gateway_read", world.clock.now(), event.request_id, "{}")] * 3)
    made = report(world, exposure.of_hash(state(world), event.person))
    assert [(each.reads, each.why) for each in made.effects.releases] == [(3, "PERSON")]


def test_a_persons_session_is_contained_by_withdrawing_the_person(world: Consortium) -> None:
    person = world.badge.badge.person
    made = report(world, exposure.of_staff(state(world), person, 0))
    assert commands(made)[0] == f"fiducia badge withdraw 0x{person.hex()} --as hospital-b"
    assert made.exposure.has(KeyKind.GATEWAY, HOSPITAL_B)  # its seed lies with the clinician


def test_a_registrars_key_affects_enrolments_and_anchors(world: Consortium) -> None:
    made = report(world, exposure.of_kind(state(world), HOSPITAL_A, KeyKind.REGISTRAR, 0))
    subject = state(world).subjects()[0].subject
    assert made.effects.enrolments == (subject,)
    assert [(each.study_id, each.revision) for each in made.effects.anchors] == [(study_of(world), 1)]
    assert why(made) == [("ANCHORED", "ENROLLED")]


def test_a_patients_signer_affects_grants_and_what_was_released_under_them(world: Consortium) -> None:
    entry = state(world).subjects()[0]
    made = report(world, exposure.of_subject(state(world), entry.subject))
    assert [(each.why, each.live) for each in made.effects.grants] == [("SIGNER", True)]
    assert [each.why for each in made.effects.releases] == ["GRANT"]
    assert commands(made)[0] == f"fiducia patient restrict 0x{entry.subject.hex()} --as hospital-a"
    assert f"fiducia grant revoke --all --subject 0x{entry.subject.hex()} --as PATIENT" in commands(made)
    assert exposure.of_hash(state(world), entry.signer_hash).signers == (entry.signer_hash,)


def test_look_ups_by_such_badges_are_in_the_custodians_journal(world: Consortium) -> None:
    team = team_of(staffed(world))
    salt = world.entropy.token(32)
    asked = LookUp(HOSPITAL_A, identity_digest(salt, IDENTITY), world.clock.now() + 60, salt)
    approvals = tuple(each.approve(world.domains, asked) for each in team)
    world.asking.look_up.run(SignedLookUp(asked, IDENTITY, approvals))
    made = report(world, exposure.of_hash(state(world), team[0].person), world.clock.now())
    assert [(each.institution, each.subject) for each in made.effects.look_ups] == [
        (HOSPITAL_B, state(world).subjects()[0].subject)
    ]
    assert why(made) == [("LOOKED_UP",)]


def test_persistence_is_named_and_stopped_appointments_and_recoveries() -> None:
    home = settled()
    home.run_appoint()
    home.recover.run(home.subject, home.new_key, [home.officer_b, home.officer_a])
    who, parent = f"0x{home.subject.hex()}", f"0x{ids.signer_hash(home.parent.address).hex()}"
    signer = report(home, exposure.of_subject(state(home), home.subject))
    assert (len(signer.effects.appointments), signer.effects.recoveries) == (1, ())
    assert f"fiducia patient veto {who} --appointment {parent} --as PATIENT" in commands(signer)
    issuer = report(home, exposure.of_kind(state(home), HOSPITAL_B, KeyKind.ISSUER, 0))
    assert issuer.effects.recoveries == (home.subject,)
    assert f"fiducia patient veto {who} --as PATIENT" in commands(issuer)
    home.clock.advance(home.appointment_delay_s)
    begun = report(home, exposure.of_subject(state(home), home.subject))
    assert f"fiducia representative dismiss {parent} --subject {who} --as PATIENT" in commands(begun)
    exist(commands(signer) + commands(issuer) + commands(begun))


def test_a_hand_over_that_the_chain_does_not_show_yet_is_in_the_journal(world: Consortium) -> None:
    team = team_of(staffed(world))
    stall(world)
    since, asked = world.clock.now(), emergency(world, team)
    world.asking.hand_over.run(asked)
    made = report(world, exposure.of_hash(world.mirror.state(), team[0].person), since)
    assert [(each.recorded_at, each.handed_over_at, each.why) for each in made.effects.releases] == [
        (0, since, "PERSON")
    ]
    assert made.studies == (asked.access.request.study_id,)


def test_a_trustees_hand_over_while_the_chain_stalls_is_in_its_own_journal() -> None:
    world = dealt(2, 3)
    team = team_of(world)
    stall(world)
    since, asked = world.clock.now(), emergency(world, team)
    world.others[HOSPITAL_C].emergency_share(LateEmergency(asked, world.broker.emergency(asked).late))
    person = exposure.of_hash(world.mirror.state(), team[0].person)
    world.journal = world.others[HOSPITAL_C].journal  # it makes a report of its own
    made = report(world, person, since)
    assert [(each.recorded_at, each.handed_over_at, each.why) for each in made.effects.releases] == [
        (0, since, "PERSON")
    ]


def test_one_trustee_of_two_opens_nothing_and_two_open() -> None:
    world = dealt(2, 3)
    one = report(world, exposure.of_trustee(state(world), HOSPITAL_C, 0))
    assert [(each.trustees, each.threshold, each.opens) for each in one.effects.shares] == [((HOSPITAL_C,), 2, False)]
    assert (one.patients, one.deadlines) == ((), ())
    assert any(command.startswith("fiducia study move-custody") for command in commands(one))
    both = Exposure("two brokers", trustees=(HOSPITAL_A, HOSPITAL_C))
    assert [each.opens for each in report(world, both).effects.shares] == [True]
    assert why(report(world, both)) == [("KEYS",)]


def test_the_only_trustee_opens_everything_since_ever(world: Consortium) -> None:
    made = report(world, exposure.of_trustee(state(world), HOSPITAL_A, 0), world.clock.now())
    assert [(each.threshold, each.opens) for each in made.effects.shares] == [(1, True)]
    assert made.studies == (study_of(world),)
    assert f"fiducia study rekey 0x{study_of(world).hex()} --as hospital-a" in commands(made)


def test_a_study_whose_custody_cannot_be_read_counts_as_open() -> None:
    world = dealt(2, 3)
    made = ReportIncident(mirror=world.mirror, store=MemoryStore(), clock=world.clock)
    found = made.run(exposure.of_trustee(state(world), HOSPITAL_C, 0), 0)
    assert [(each.threshold, each.opens) for each in found.effects.shares] == [(0, True)]
    assert any("could not be read" in note for note in found.notes)


def test_a_key_encryption_key_affects_every_patient_and_identity_of_its_home(world: Consortium) -> None:
    made = report(world, exposure.of_home(state(world), HOSPITAL_A, 0))
    assert "IDENTITY" in why(made)[0]
    assert "KEYS" in why(made)[0]
    assert commands(made)[:2] == ["fiducia member suspend hospital-a", "fiducia member replace-governor hospital-a"]
    ended = [place for place, command in enumerate(commands(made)) if "--end" in command]
    back = commands(made).index("fiducia member reinstate hospital-a")
    assert max(ended) < back < commands(made).index("fiducia key rotate REGISTRAR --as hospital-a")
    assert any("no command changes a key-encryption key" in note for note in made.notes)


def test_a_governor_affects_the_keys_that_were_published_since(world: Consortium) -> None:
    made = report(world, exposure.of_governor(state(world), HOSPITAL_B))
    assert {key.kind for key in made.effects.published} == {KeyKind.ISSUER, KeyKind.GATEWAY}


@pytest.mark.parametrize(
    "what", [b"\x09" * 32, ids.institution_grantee(HOSPITAL_B), NO_SIGNER], ids=["nothing", "institution", "no-signer"]
)
def test_what_nobody_knows_is_said(world: Consortium, what: bytes) -> None:
    with pytest.raises(InputError):
        exposure.of_hash(state(world), what)


def test_a_published_keys_hash_names_it(world: Consortium) -> None:
    hashed = state(world).keys(HOSPITAL_B, KeyKind.ISSUER)[0].key_hash
    assert exposure.of_hash(state(world), hashed).has(KeyKind.ISSUER, HOSPITAL_B)


def test_times_that_do_not_fit_are_refused(world: Consortium) -> None:
    what, now = exposure.of_governor(state(world), HOSPITAL_B), world.clock.now()
    for since, detected in ((now, now - 1), (now + 1, None), (0, now + 1)):
        with pytest.raises(InputError, match="check the two times"):
            journey(world).run(what, since, detected)


def test_deadlines_run_from_the_detection() -> None:
    few = deadlines(1000, 1)
    assert [(each.rule, each.until) for each in few] == [
        ("GDPR Art. 33(1)", 1000 + 72 * HOUR_S),
        ("GDPR Art. 34(1)", 0),
        ("HIPAA 164.404(b)", 1000 + 60 * DAY_S),
        ("HIPAA 164.408(c)", (365 + 60) * DAY_S),
    ]
    last = deadlines(1000, MANY)[-1]
    assert (last.rule, last.until) == ("HIPAA 164.406, 164.408(b)", 1000 + 60 * DAY_S)


def test_it_works_with_the_last_facts_while_the_chain_is_away(world: Consortium) -> None:
    world.mirror.catch_up()
    world.ledger.faults.unreachable = True
    made = report(world, exposure.of_kind(world.mirror.state(), HOSPITAL_B, KeyKind.ISSUER, 0))
    assert len(made.effects.releases) == 1


def test_only_the_custodian_knows_who_its_patients_are(world: Consortium) -> None:
    what = exposure.of_kind(state(world), HOSPITAL_B, KeyKind.ISSUER, 0)
    made = report(world, what)
    ((patient, identity),) = journey(world).identities(made)
    assert (patient.subject, identity) == (state(world).subjects()[0].subject, IDENTITY)
    assert IDENTITY.patient_id not in repr(made)
    auditor = journey(world, as_hospital=False)
    assert len(auditor.told_here(auditor.run(what, 0))) == 1
    with pytest.raises(InputError, match="only a hospital"):
        auditor.identities(made)


def test_every_command_that_it_prints_exists(world: Consortium) -> None:
    now = state(world)
    found: set[str] = set()
    for what in (
        exposure.of_home(now, HOSPITAL_A, 0),
        exposure.of_home(now, HOSPITAL_B, 0),
        exposure.of_staff(now, world.badge.badge.person, 0),
        exposure.of_subject(now, now.subjects()[0].subject),
    ):
        found |= set(commands(report(world, what)))
    assert len(found) > 12
    exist(list(found))


def exist(lines: list[str]) -> None:
    """Each command is one of the tree's, with its options and arguments."""
    for line in lines:
        words = shlex.split(line)[1:]
        tree = whole_tree()
        while hasattr(tree, "commands"):
            tree = tree.commands[words.pop(0)]
        context = tree.make_context(line, words, resilient_parsing=False)
        assert not re.search(r"--as (0x|\d)", line)
        assert context.params
