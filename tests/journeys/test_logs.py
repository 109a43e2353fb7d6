"""Logs that lie, and who notices: witnesses, auditors, the broker itself; with evidence that convinces others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fiducia.adapters.memory.anchors import MemoryAnchors
from fiducia.adapters.memory.journal import MemoryJournal
from fiducia.adapters.memory.steps import Stopped
from fiducia.adapters.sql import SqlJournal
from fiducia.core.formats.merkle_proofs import EMPTY_ROOT
from fiducia.core.log_keys import believed
from fiducia.core.tlog.checkpoint import parse_checkpoint
from fiducia.core.tlog.evidence import Evidence, Lie, judge, parse_evidence
from fiducia.core.tlog.note import Note, parse_note
from fiducia.core.tlog.proof import parse_proofs
from fiducia.core.tlog.signing import LogKey
from fiducia.core.tlog.witness import AddCheckpoint, origin_hash
from fiducia.errors import (
    EncodingError,
    InputError,
    JournalError,
    LogConflictError,
    NotThereError,
    ProofError,
    SignatureError,
)
from fiducia.journeys.logs.checkpoints import REFRESH_S
from fiducia.journeys.logs.proving import WrittenProof, check_entries, check_evidence
from fiducia.ports import LogDoor
from fiducia.records.journal import KeptCheckpoint
from tests.support.consortium import HOSPITAL_A, HOSPITAL_B, Consortium
from tests.support.custody import KEK, raw
from tests.support.logs import Auditor, LogMember, codes, entry


class Logs:
    """Two hospitals with logs that witness each other, and what is on chain."""

    def __init__(self) -> None:
        self.world = Consortium(enrolled=False)
        self.doors: dict[int, LogDoor] = {}
        self.anchors = MemoryAnchors(lambda: self.world.ledger.head().number)
        self.a = LogMember(self.world, HOSPITAL_A, doors=self.doors, anchors=self.anchors)
        self.b = LogMember(self.world, HOSPITAL_B, doors=self.doors, anchors=self.anchors)
        self.a.publish(self.world.governor_a)
        self.b.publish(self.world.governor_b)
        self.world.mirror.catch_up()

    def auditor(self) -> Auditor:
        return Auditor(self.world, self.anchors, self.doors)

    def keys(self) -> tuple[tuple[str, bytes], ...]:
        return believed(self.world.domains, self.world.mirror.state())


@pytest.fixture
def logs() -> Logs:
    made = Logs()
    made.a.append(range(5))
    return made


# -- the honest way


def test_a_checkpoint_is_signed_cosigned_and_anchored_and_an_audit_finds_nothing(logs: Logs) -> None:
    kept = logs.a.keep()
    assert kept.size == 5
    assert logs.a.parts.anchor.run() is not None
    assert logs.a.parts.anchor.run() is None, "once"
    auditor = logs.auditor()
    audited = auditor.run(HOSPITAL_A, witnesses=1)
    assert (audited.size, audited.witnesses, audited.anchors) == (5, (HOSPITAL_B,), 1)
    assert codes(audited) == []
    logs.a.append(range(5, 300))
    logs.a.keep()
    again = auditor.run(HOSPITAL_A, seen=[audited.note], witnesses=1)
    assert (again.size, codes(again)) == (300, [])


def test_a_log_that_does_not_grow_is_signed_anew_now_and_then(logs: Logs) -> None:
    first = logs.a.keep()
    assert logs.a.keep() == first
    logs.world.clock.advance(REFRESH_S)
    again = logs.a.keep()
    assert (again.size, again.root) == (first.size, first.root)
    assert again.note != first.note
    assert codes(logs.auditor().run(HOSPITAL_A, witnesses=1)) == []


def test_a_clock_that_goes_back_makes_no_honest_log_a_liar(logs: Logs) -> None:
    auditor, seen = logs.auditor(), []
    for _ in range(3):
        seen.append(logs.a.keep().note)
        logs.a.append([9])
        logs.world.clock.advance(-100)
    logs.world.clock.advance(400)
    logs.a.keep()
    assert codes(auditor.run(HOSPITAL_A, seen=seen)) == []
    for first, second in ((seen[1], seen[0]), (seen[2], seen[0]), (seen[2], seen[1])):
        with pytest.raises(ProofError):
            judge(Evidence(Lie.TRUNCATED, parse_note(first), parse_note(second)), [logs.a.key.public])


def test_an_empty_journal_has_a_checkpoint_too(logs: Logs) -> None:
    kept = logs.b.keep()
    assert (kept.size, kept.root) == (0, EMPTY_ROOT)
    assert logs.b.parts.anchor.run() is None
    assert codes(logs.auditor().run(HOSPITAL_B, witnesses=1)) == []


def test_a_witness_that_is_away_is_asked_again(logs: Logs) -> None:
    logs.b.door.up = False
    logs.a.keep()
    assert codes(logs.auditor().run(HOSPITAL_A, witnesses=1)) == ["UNWITNESSED"]
    logs.b.door.up = True
    logs.a.append([5])
    logs.a.keep()
    assert codes(logs.auditor().run(HOSPITAL_A, witnesses=1)) == []


def test_who_forgot_what_a_witness_knows_begins_from_its_size(logs: Logs) -> None:
    logs.a.keep()
    logs.a.start()
    logs.a.append([5, 6])
    logs.a.keep()
    assert codes(logs.auditor().run(HOSPITAL_A, witnesses=1)) == []


# -- proofs for whoever an entry is about


def test_a_proof_is_checked_without_asking_anybody_and_shows_one_entry(logs: Logs) -> None:
    logs.a.append([3])  # another act about the same request
    logs.a.keep()
    written = logs.a.prove().run(entry(3).subject_id)
    assert (written.entries, written.waiting, written.witnesses) == (2, 0, 1)
    proved = check_entries(written.data, logs.keys())
    assert [(each.entry, each.index, each.witnesses) for each in proved] == [
        (entry(3), 3, (logs.b.origin,)),
        (entry(3), 5, (logs.b.origin,)),
    ]
    assert b"number" not in written.data.replace(b"extra", b""), "neighbours are not shown"


def test_an_entry_that_no_checkpoint_covers_yet_waits(logs: Logs) -> None:
    assert logs.a.prove().run(entry(3).subject_id) == WrittenProof(b"", 0, 1)
    logs.a.keep()
    logs.a.append([3])
    written = logs.a.prove().run(entry(3).subject_id, "handed_over")
    assert (written.entries, written.waiting) == (1, 1)
    for about, kind in ((entry(9).subject_id, None), (entry(3).subject_id, "denied")):
        with pytest.raises(InputError, match="no entry"):
            logs.a.prove().run(about, kind)


def test_an_edited_proof_is_refused(logs: Logs) -> None:
    logs.a.keep()
    data = logs.a.prove().run(entry(3).subject_id).data
    (proof,) = parse_proofs(data)
    disclosed = proof.disclosed
    for changed in (
        replace(proof, disclosed=replace(disclosed, entry=entry(4))),
        replace(proof, disclosed=replace(disclosed, salt=bytes(32))),
        replace(proof, disclosed=replace(disclosed, index=2)),
        replace(proof, path=proof.path[:-1]),
    ):
        with pytest.raises(ProofError):
            check_entries(bytes(changed), logs.keys())
    stolen = LogKey(b"x" * 32).sign(parse_checkpoint(proof.note.text), 5)
    with pytest.raises(SignatureError):
        check_entries(bytes(replace(proof, note=stolen)), logs.keys())
    with pytest.raises(SignatureError):
        check_entries(data, [])
    for bad in (data[:-9], data.replace(b"index 3", b"index 03"), data.replace(b"extra ", b"extra  "), b"text"):
        with pytest.raises(EncodingError):
            check_entries(bad, logs.keys())


# -- a log that lies


def expect_evidence(logs: Logs, auditor: Auditor, member: LogMember, code: str) -> bytes:
    """Audit; return the one piece of evidence, which convinces somebody who has nothing but the published keys."""
    audited = auditor.run(member.institution)
    assert code in codes(audited)
    evidence = next(finding.evidence for finding in audited.findings if finding.code == code)
    lied = check_evidence(evidence, logs.keys())
    assert (lied.origin, lied.kind) == (member.origin, code.lower())
    assert evidence in auditor.logbook.evidence(), "and is kept"
    assert bytes(parse_evidence(evidence)) == evidence
    return evidence


@pytest.mark.parametrize("size", [4, 5, 256, 300])
def test_a_rewritten_log_is_found_by_who_saw_it_before(logs: Logs, size: int) -> None:
    logs.a.append(range(5, size))
    logs.a.become([*map(entry, range(size))])
    auditor = logs.auditor()
    logs.a.keep()
    assert codes(auditor.run(HOSPITAL_A)) == []
    logs.doors.pop(HOSPITAL_B)  # nobody to stop it
    logs.a.become([entry(0), entry(1, "denied"), *map(entry, range(2, size + 20))])
    logs.a.keep()
    expect_evidence(logs, auditor, logs.a, "REWRITTEN")


def test_a_rewritten_log_is_found_by_what_it_anchored(logs: Logs) -> None:
    logs.a.keep()
    logs.a.parts.anchor.run()
    logs.doors.pop(HOSPITAL_B)
    logs.a.become([entry(7), *map(entry, range(1, 30))])
    logs.a.keep()
    expect_evidence(logs, logs.auditor(), logs.a, "REWRITTEN")


def test_a_forked_log_is_found_by_who_saw_the_other_branch(logs: Logs) -> None:
    auditor = logs.auditor()
    logs.a.keep()
    auditor.run(HOSPITAL_A)
    logs.doors.pop(HOSPITAL_B)
    logs.a.become(map(entry, range(1, 6)))
    logs.a.keep()
    expect_evidence(logs, auditor, logs.a, "FORKED")


def test_a_truncated_log_is_found_by_who_saw_it_larger(logs: Logs) -> None:
    auditor = logs.auditor()
    logs.a.keep()
    auditor.run(HOSPITAL_A)
    logs.doors.pop(HOSPITAL_B)
    logs.a.become(map(entry, range(4)))
    logs.a.keep()
    expect_evidence(logs, auditor, logs.a, "TRUNCATED")


def test_a_log_that_shows_an_old_state_is_found_without_evidence(logs: Logs) -> None:
    auditor, old = logs.auditor(), logs.a.keep()
    logs.a.append([5])
    logs.a.keep()
    auditor.run(HOSPITAL_A)
    logs.a.door._checkpoint = lambda: old.note
    audited = auditor.run(HOSPITAL_A)
    assert "SHRUNK" in codes(audited)
    assert not any(finding.evidence for finding in audited.findings)


def test_two_auditors_who_are_shown_different_logs_find_out_together(logs: Logs) -> None:
    one, other = logs.auditor(), logs.auditor()
    logs.doors.pop(HOSPITAL_B)
    logs.a.keep()
    first = one.run(HOSPITAL_A)
    logs.a.become([entry(0), entry(1, "denied"), entry(2), entry(3), entry(4), entry(5)])
    logs.a.keep()
    second = other.run(HOSPITAL_A)
    assert codes(first) == codes(second) == [], "each by itself sees a good log"
    together = other.run(HOSPITAL_A, seen=[first.note])
    (finding,) = together.findings
    assert finding.code == "REWRITTEN"
    check_evidence(finding.evidence, logs.keys())


def test_two_auditors_who_are_shown_different_logs_find_out_by_the_witness(logs: Logs) -> None:
    logs.a.keep()  # one is shown what the witness saw
    assert codes(logs.auditor().run(HOSPITAL_A)) == []
    witness = logs.doors.pop(HOSPITAL_B)
    logs.a.become(map(entry, range(1, 9)))
    logs.a.keep()  # the other is not
    logs.doors[HOSPITAL_B] = witness
    expect_evidence(logs, logs.auditor(), logs.a, "REWRITTEN")


def test_a_log_that_shows_other_tiles_than_it_signed_is_found(logs: Logs) -> None:
    logs.a.keep()
    tile = logs.a.parts.show.tile
    logs.a.door._tile = lambda asked: bytes(len(tile(asked)))
    assert codes(logs.auditor().run(HOSPITAL_A)) == ["TILES"]
    logs.a.door._tile = lambda asked: tile(asked)[:-1]
    assert codes(logs.auditor().run(HOSPITAL_A)) == ["TILES"]


def test_a_checkpoint_that_is_not_the_logs_is_found(logs: Logs) -> None:
    logs.a.keep()
    logs.b.keep()
    logs.a.door._checkpoint = logs.b.parts.show.checkpoint
    assert codes(logs.auditor().run(HOSPITAL_A)) == ["ANOTHER_LOG"]
    kept = logs.a.logbook.newest(logs.a.origin)
    assert kept is not None
    forged = LogKey(b"x" * 32).sign(parse_checkpoint(parse_note(kept.note).text), 9)
    logs.a.door._checkpoint = lambda: bytes(forged)
    assert codes(logs.auditor().run(HOSPITAL_A)) == ["UNSIGNED"]


def test_a_stale_checkpoint_is_found(logs: Logs) -> None:
    logs.a.keep()
    logs.world.clock.advance(3 * 3600)
    assert codes(logs.auditor().run(HOSPITAL_A)) == ["STALE"]


def test_what_others_put_on_chain_frames_nobody(logs: Logs) -> None:
    kept = logs.a.keep()
    other = replace(parse_checkpoint(parse_note(kept.note).text), root=bytes(32))
    forged = LogKey(b"x" * 32).sign(other, 9)
    for note in (b"noise", bytes(forged), bytes(Note(other.text, parse_note(kept.note).signatures))):
        logs.anchors.anchor(origin_hash(logs.a.origin), note)
    audited = logs.auditor().run(HOSPITAL_A)
    assert (codes(audited), audited.anchors) == ([], 0)


def test_a_note_that_is_none_is_said(logs: Logs) -> None:
    logs.a.keep()
    for bad in (b"letter", bytes(LogKey(b"x" * 32).sign(parse_checkpoint(f"{logs.a.origin}\n1\n{'A' * 43}=\n"), 1))):
        with pytest.raises(EncodingError):
            logs.auditor().run(HOSPITAL_A, seen=[bad])
    with pytest.raises(InputError):
        logs.auditor().run(77)


def test_evidence_that_proves_nothing_is_refused(logs: Logs) -> None:
    first = parse_note(logs.a.keep().note)
    logs.a.append([5])
    second = parse_note(logs.a.keep().note)
    logs.b.append([1])
    others = parse_note(logs.b.keep().note)
    for kind, one, two in (
        (Lie.FORKED, first, first),
        (Lie.FORKED, first, second),
        (Lie.TRUNCATED, first, second),
        (Lie.TRUNCATED, second, first),
        (Lie.REWRITTEN, first, second),
        (Lie.REWRITTEN, first, others),
    ):
        with pytest.raises((ProofError, SignatureError)):
            judge(Evidence(kind, one, two), [logs.a.key.public])
    with pytest.raises(SignatureError):
        judge(Evidence(Lie.FORKED, first, second), [])


# -- witnesses


def test_a_witness_cosigns_no_other_history_and_keeps_the_evidence(logs: Logs) -> None:
    logs.a.keep()
    logs.a.become(map(entry, range(1, 9)))
    with pytest.raises(JournalError, match="rewritten"):
        logs.a.keep()
    (evidence,) = logs.b.logbook.evidence()
    assert check_evidence(evidence, logs.keys()).kind == "rewritten"
    assert codes(logs.auditor().run(HOSPITAL_A, witnesses=1))[-1] == "UNWITNESSED"


def test_a_witness_cosigns_no_fork(logs: Logs) -> None:
    logs.a.keep()
    logs.a.become(map(entry, range(1, 6)))
    with pytest.raises(JournalError, match="rewritten"):
        logs.a.keep()
    (evidence,) = logs.b.logbook.evidence()
    assert check_evidence(evidence, logs.keys()).kind == "forked"


def test_a_witness_answers_as_its_specification_says(logs: Logs) -> None:
    kept = logs.a.keep()
    note = parse_note(kept.note)
    witness = logs.b.parts.witness

    def asked(old: int, given: Note = note) -> bytes:
        return witness.run(bytes(AddCheckpoint(old, (), given)))

    with pytest.raises(LogConflictError) as conflict:
        asked(0)
    assert conflict.value.size == 5
    assert asked(5), "the same again"
    with pytest.raises(EncodingError):
        asked(6)
    with pytest.raises(NotThereError):
        asked(0, LogKey(b"x" * 32).sign(parse_checkpoint(f"another\n1\n{'A' * 43}=\n"), 1))
    with pytest.raises(NotThereError):
        asked(0, logs.b.key.sign(parse_checkpoint(f"{logs.b.origin}\n1\n{'A' * 43}=\n"), 1))
    with pytest.raises(SignatureError):
        asked(5, LogKey(b"x" * 32).sign(parse_checkpoint(note.text), 1))
    with pytest.raises(EncodingError):
        witness.run(b"old 5\n")
    empty = logs.a.key.sign(parse_checkpoint(f"{logs.a.origin}\n0\n{'A' * 43}=\n"), 1)
    logs.b.logbook = type(logs.b.logbook)()
    logs.b.start()
    with pytest.raises(ProofError):
        logs.b.parts.witness.run(bytes(AddCheckpoint(0, (), empty)))


def test_a_witness_keeps_before_it_answers(logs: Logs) -> None:
    logs.a.keep()
    assert logs.b.steps.points[-2:] == ["witness.cosigned", "witness.kept"]
    kept = logs.b.logbook.newest(logs.a.origin)
    assert kept is not None
    assert kept.size == 5


def test_an_ended_key_is_witnessed_no_more(logs: Logs) -> None:
    logs.a.keep()
    logs.world.clock.advance(400 * 86_400)
    logs.world.mirror.catch_up()
    logs.a.append([5])
    logs.a.keep()
    kept = logs.b.logbook.newest(logs.a.origin)
    assert kept is not None
    assert kept.size == 5


# -- a journal that lost what was signed


def test_a_journal_that_lost_entries_is_written_no_more(logs: Logs) -> None:
    kept = logs.a.keep()
    logs.a.become(map(entry, range(3)))
    logs.a.logbook.keep(kept, 0)
    with pytest.raises(JournalError, match="entries are lost"):
        logs.a.keep()
    with pytest.raises(JournalError, match="entries are lost"):
        logs.a.trouble.require_none()


def test_a_journal_that_was_rewritten_is_written_no_more(logs: Logs) -> None:
    kept = logs.a.keep()
    logs.a.become(map(entry, range(1, 9)))
    logs.a.logbook.keep(kept, 0)
    with pytest.raises(JournalError, match="rewritten"):
        logs.a.keep()
    with pytest.raises(JournalError, match="rewritten"):
        logs.a.trouble.require_none()


def test_a_journal_put_back_whole_from_a_backup_is_noticed_by_its_witness(logs: Logs) -> None:
    logs.a.append(range(5, 9))
    logs.a.keep()
    logs.a.become(map(entry, range(6)))  # the logbook, too, is an old one
    with pytest.raises(JournalError, match="a witness holds"):
        logs.a.keep()
    with pytest.raises(JournalError, match="a witness holds"):
        logs.a.trouble.require_none()


def test_a_witness_that_lies_stops_nobody(logs: Logs) -> None:
    kept = logs.a.keep()
    forged = LogKey(b"x" * 32).sign(parse_checkpoint(f"{logs.a.origin}\n99\n{'A' * 43}=\n"), 1)
    logs.b.logbook.keep(KeptCheckpoint(logs.a.origin, 99, bytes(32), bytes(forged)), kept.size)
    logs.a.append([5])
    logs.a.keep()
    logs.a.trouble.require_none()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ("UPDATE journal_leaves SET leaf = zeroblob(32) WHERE seq = 2", "rewritten"),
        ("DELETE FROM journal_leaves WHERE seq > 3; DELETE FROM journal WHERE seq > 3", "entries are lost"),
        ("DELETE FROM journal WHERE seq > 3", "differ"),
        ("DELETE FROM journal_leaves WHERE seq = 2", "missing"),
    ],
)
def test_a_database_that_was_changed_underneath_is_noticed_at_the_next_start(
    tmp_path: Path, changed: str, said: str
) -> None:
    world, path = Consortium(enrolled=False), tmp_path / "journal.db"
    with SqlJournal(path, KEK) as journal:
        member = LogMember(world, HOSPITAL_A, journal)
        member.append(range(5))
        member.keep()
    with raw(path) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.executescript(changed)
    with SqlJournal(path, KEK) as journal:
        member.journal = journal
        member.start()
        with pytest.raises(JournalError, match=said):
            member.keep()
        with pytest.raises(JournalError, match=said):
            member.trouble.require_none()


def test_a_trouble_that_passes_is_over_with_the_next_checkpoint(logs: Logs) -> None:
    journal = logs.a.journal
    assert isinstance(journal, MemoryJournal)
    journal.working = False
    with pytest.raises(JournalError):
        logs.a.keep()
    with pytest.raises(JournalError):
        logs.a.trouble.require_none()
    journal.working = True
    logs.a.keep()
    logs.a.trouble.require_none()


def test_nothing_can_be_proved_of_a_journal_that_is_not_what_was_signed(logs: Logs) -> None:
    kept = logs.a.keep()
    logs.a.become(map(entry, range(1, 9)))
    logs.a.logbook.keep(kept, 0)
    with pytest.raises(JournalError):
        logs.a.prove().run(entry(3).subject_id)


@pytest.mark.parametrize("point", ["log.signed", "log.kept"])
def test_killed_while_it_signs_it_signs_no_two_histories(logs: Logs, point: str) -> None:
    logs.a.steps.stop_at = point
    with pytest.raises(Stopped, match=point):
        logs.a.keep()
    logs.a.steps.stop_at = None
    logs.a.start()
    logs.a.append([5])
    assert logs.a.keep().size == 6
    assert codes(logs.auditor().run(HOSPITAL_A, witnesses=1)) == []
