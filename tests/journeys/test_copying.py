"""Copies of a home: whole, change by change, restored; and what a crash at any point of either leaves."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pytest

from fiducia import ports
from fiducia.adapters.copied import CopiedJournal, CopiedPatients, CopiedStudies, CopiedVault
from fiducia.adapters.copied_logbook import CopiedLogbook
from fiducia.adapters.held_back import HeldLedger, HeldStudies, HeldVault
from fiducia.adapters.memory.copy_memory import MemoryCopyMemory
from fiducia.adapters.memory.steps import MemorySteps, Stopped
from fiducia.errors import (
    BackupError,
    DecryptionError,
    EncodingError,
    JournalError,
    KeyMissingError,
    LogConflictError,
    VaultError,
    VerificationError,
)
from fiducia.journeys.backup.catching_up import Standing
from fiducia.journeys.backup.copying import DAY_S, CreateCopy, held_until
from fiducia.journeys.backup.restoring import RestoreHome
from fiducia.records.copies import Change
from fiducia.records.images import StudyState
from tests.support.altered import altered
from tests.support.copies import (
    HOME_ID,
    KEEP_DAYS,
    RECOVERY,
    SEED,
    CopiedHome,
    Custody,
    checkpoint,
    entry,
    patient,
    restore,
    share_name,
    study,
)

ACTS = 9
"""How many calls `write_all` makes: each is an increment."""

SHIPPING_POINTS = ("backup.marked", "backup.written", "backup.shipped")


def write_all(home: CopiedHome, number: int) -> None:
    """Everything that a registration and a release write."""
    home.patients.add(patient(number))
    home.vault.put({share_name(number): bytes([number]) * 65, "broker/sign": b"k" * 32})
    home.studies.propose(study(number))
    home.studies.confirm(study(number))
    home.studies.propose(study(number, 2))
    home.journal.append([entry(number), entry(number, "denied")])
    newest = home.logbook.newest("log")
    home.logbook.keep(checkpoint(2 * number), newest.size if newest else 0)
    home.logbook.keep(checkpoint(2 * number, b"note, cosigned"), 2 * number)
    home.logbook.accuse(bytes([number]))


def restored(home: CopiedHome) -> Custody:
    """What an empty home makes of the second place alone."""
    into = Custody()
    restore(home.place, into)
    return into


@pytest.fixture
def home() -> CopiedHome:
    home = CopiedHome()
    home.kept.home.put({"profile/a": b"{}"})
    return home


def test_a_whole_copy_gives_everything_back(home: CopiedHome) -> None:
    for number in range(1, 4):
        write_all(home, number)
    home.create.run()
    assert restored(home).content() == home.kept.content()


def test_a_copy_of_many_is_told_in_parts(home: CopiedHome) -> None:
    home.kept.vault.put({f"share/{number:064x}/1/1": bytes(65) for number in range(1_000)})
    home.kept.journal.append([entry(number) for number in range(1_000)])
    contents = home.create.run()
    assert dict(contents.counts)["vault/a"] == 5
    assert restored(home).content() == home.kept.content()


def test_what_follows_a_copy_is_in_the_second_place_when_it_returns(home: CopiedHome) -> None:
    home.create.run()
    for number in range(1, 4):
        write_all(home, number)
        assert restored(home).content() == home.kept.content()
    home.vault.remove([share_name(2)])
    with pytest.raises(KeyMissingError):
        restored(home).vault.get(share_name(2))


def test_what_is_removed_from_the_directory_is_gone_from_what_follows_a_copy(home: CopiedHome) -> None:
    for number in range(1, 4):
        write_all(home, number)
    home.create.run()
    home.patients.remove(patient(2).identity)
    home.studies.remove(study(2).study_instance_uid)
    home.studies.confirm(study(4))
    again = restored(home)
    assert again.content() == home.kept.content()
    assert again.patients.subject_of(patient(2).identity) is None
    assert again.studies.find(study(2).study_instance_uid) == StudyState()


def test_a_later_copy_goes_on_where_the_increments_are(home: CopiedHome) -> None:
    home.create.run()
    write_all(home, 1)
    home.create.run()
    write_all(home, 2)
    found = home.verify()
    assert len(found.bases) == 2
    assert found.increments == ACTS
    assert restored(home).content() == home.kept.content()


def test_processes_take_turns(home: CopiedHome) -> None:
    home.create.run()
    other = CopiedHome()
    other.place, other.kept, other.entropy = home.place, home.kept, home.entropy
    other.restart()
    for number in range(1, 4):
        home.journal.append([entry(number)])
        other.journal.append([entry(number, "denied")])
    assert restored(home).content() == home.kept.content()


def test_appenders_that_meet_share_a_shipment_and_lose_nothing(home: CopiedHome) -> None:
    home.create.run()
    threads = [threading.Thread(target=home.journal.append, args=([entry(number)],)) for number in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list(home.kept.journal.entries())) == 32
    assert restored(home).content() == home.kept.content()


@pytest.mark.parametrize("point", SHIPPING_POINTS)
@pytest.mark.parametrize("act", range(10))
def test_after_a_crash_at_any_point_nothing_acknowledged_is_missing(home: CopiedHome, point: str, act: int) -> None:
    """Whoever comes next makes a whole copy first: also of what was written and not shipped."""
    acts: list[Callable[[], object]] = [
        lambda: home.patients.add(patient(9)),
        lambda: home.vault.put({share_name(9): b"9" * 65}),
        lambda: home.studies.propose(study(9)),
        lambda: home.studies.confirm(study(9)),
        lambda: home.vault.remove([share_name(1)]),
        lambda: home.journal.append([entry(9)]),
        lambda: home.patients.remove(patient(1).identity),
        lambda: home.studies.remove(study(1).study_instance_uid),
        lambda: home.logbook.keep(checkpoint(9), 2),
        lambda: home.logbook.accuse(b"caught"),
    ]
    home.create.run()
    write_all(home, 1)
    acknowledged = home.kept.content()
    home.restart(stop_at=point)
    with pytest.raises(Stopped):
        acts[act]()
    if point != "backup.shipped":
        assert restored(home).content() == acknowledged
    home.restart()
    home.journal.append([entry(10)])
    assert restored(home).content() == home.kept.content()
    assert home.verify().increments == 1


def test_nothing_is_acknowledged_while_the_second_place_is_away(home: CopiedHome) -> None:
    home.create.run()
    home.place.working = False
    with pytest.raises(JournalError):
        home.journal.append([entry(1)])
    with pytest.raises(BackupError):
        home.vault.put({"a": b"1"})
    with pytest.raises(JournalError):
        home.journal.health()
    with pytest.raises(JournalError):
        home.logbook.keep(checkpoint(1), 0)
    with pytest.raises(JournalError):
        home.logbook.accuse(b"caught")
    home.place.working = True
    home.journal.append([entry(2)])
    assert restored(home).content() == home.kept.content()


def test_a_write_that_is_refused_leaves_no_mark(home: CopiedHome) -> None:
    home.create.run()
    with pytest.raises(JournalError):
        home.journal.append([replace(entry(1), kind="NOT A KIND")])
    with pytest.raises(EncodingError):
        home.vault.put({"no spaces": b"1"})
    with pytest.raises(LogConflictError):
        home.logbook.keep(checkpoint(3), 2)
    assert not home.place.marked()


def test_evidence_that_a_liar_repeats_is_in_the_second_place_once(home: CopiedHome) -> None:
    home.create.run()
    for _ in range(3):
        home.logbook.accuse(b"caught")
    assert home.verify().increments == 1
    assert restored(home).content() == home.kept.content()


def test_no_checkpoint_in_a_copy_is_over_entries_that_it_has_not(home: CopiedHome) -> None:
    """Else a log restored from a copy that nothing follows would look like one that was cut."""

    class Signing:
        grows = True

        def dump(self) -> Iterator[Change]:
            size = home.kept.journal.size()
            home.kept.journal.append([entry(size)])
            home.kept.logbook.keep(checkpoint(size + 1), size)
            yield from ()

        def apply(self, changes: Sequence[Change]) -> None:
            raise NotImplementedError

    sources = [each for source in home.kept.sources() for each in (Signing(), source)]
    CreateCopy(segments=home.segments, sources=sources, steps=home.steps).run()
    into = restored(home)
    newest = into.logbook.newest("log")
    assert newest is not None
    assert 0 < newest.size <= into.journal.size() < home.kept.journal.size()


def test_what_is_written_while_a_copy_is_made_is_in_it_or_after_it(home: CopiedHome) -> None:
    write_all(home, 1)

    class Busy(MemorySteps):
        def reached(self, point: str) -> None:
            super().reached(point)
            if point == "backup.begun":
                home.journal.append([entry(7)])
                home.vault.put({share_name(7): b"7" * 65})

    home.create._steps = Busy()
    home.create.run()
    assert restored(home).content() == home.kept.content()


def test_a_study_in_a_copy_has_its_share_although_nothing_follows(home: CopiedHome) -> None:
    """Registrations go on between any two parts: shares are kept before a study counts, and told after it."""

    class Registering:
        grows = False

        def __init__(self, number: int) -> None:
            self._number = number

        def dump(self) -> Iterator[Change]:
            home.kept.vault.put({share_name(self._number): b"1" * 65})
            home.kept.studies.confirm(study(self._number))
            yield from ()

        def apply(self, changes: Sequence[Change]) -> None:
            raise NotImplementedError

    sources: list[ports.CopySource] = []
    for number, source in enumerate(home.kept.sources(), 1):
        sources += [Registering(number), source]
    CreateCopy(segments=home.segments, sources=sources, steps=home.steps).run()
    into = restored(home)
    assert into.studies.all()
    assert all(into.vault.get(f"share/{entry.study_id.hex()}/1/1") for entry in into.studies.all())


# -- verifying


def test_verifying_needs_no_share_and_opens_everything_with_them(home: CopiedHome) -> None:
    home.create.run()
    write_all(home, 1)
    assert not home.verify(None).opened
    found = home.verify()
    assert found.opened
    assert found.changes == sum(count for _, count in found.newest.counts) + found.increments


def test_every_altered_byte_is_found_without_a_share(home: CopiedHome) -> None:
    home.create.run()
    home.journal.append([entry(1)])
    for name, content in tuple(home.place.objects.items()):
        for at in range(0, len(content), 7):
            home.place.objects[name] = altered(content, at)
            with pytest.raises(VerificationError):
                home.verify(None)
        home.place.objects[name] = content
    home.verify(None)


def test_a_missing_an_exchanged_and_a_renamed_segment_are_found(home: CopiedHome) -> None:
    home.create.run()
    for number in range(3):
        home.journal.append([entry(number)])
    objects = dict(home.place.objects)
    for broken in (
        {name: content for name, content in objects.items() if name != "more-00000002"},
        {name: content for name, content in objects.items() if name != "base-00000001"},
        objects | {"more-00000002": objects["more-00000003"]},
        objects | {"more-00000004": objects["more-00000003"]},
    ):
        home.place.objects = dict(broken)
        with pytest.raises(VerificationError):
            home.verify(None)
        with pytest.raises(VerificationError):
            restored(home)


def test_another_homes_copies_and_another_key_are_refused(home: CopiedHome) -> None:
    home.create.run()
    with pytest.raises(VerificationError):
        restoring_with(home, signer=bytes(32))
    with pytest.raises(VerificationError):
        restoring_with(home, home_id=bytes(16))
    with pytest.raises(DecryptionError):
        restoring_with(home, seed=bytes(32))


def restoring_with(home: CopiedHome, **changes: bytes) -> None:
    given = {"home_id": HOME_ID, "signer": RECOVERY.signer, "seed": SEED} | changes
    into = Custody()
    RestoreHome(place=home.place, source_of=into.source, vault_of=into.vault_of, steps=MemorySteps()).run(**given)


@pytest.mark.parametrize("point", ["backup.begun", "backup.copied"])
def test_a_whole_copy_that_is_cut_off_takes_nothing_from_those_before(home: CopiedHome, point: str) -> None:
    home.create.run()
    write_all(home, 1)
    home.restart(stop_at=point)
    with pytest.raises(Stopped):
        home.create.run()
    home.restart()
    assert restored(home).content() == home.kept.content()
    home.create.run()
    assert restored(home).content() == home.kept.content()


# -- cut off


def cut_to(home: CopiedHome, names: set[str]) -> None:
    """Have the second place lose everything but these, and the mark."""
    home.place.objects = {name: content for name, content in home.place.objects.items() if name in names}


def filled(home: CopiedHome) -> list[set[str]]:
    """Copy, write, copy, write; return what was at the place after each step before the last."""
    seen: list[set[str]] = [set()]
    home.create.run()
    for number in (1, 2):
        seen.append(set(home.place.objects))
        home.vault.put({share_name(number): bytes([number]) * 65})
        seen.append(set(home.place.objects))
        home.create.run()
    return seen


@pytest.mark.parametrize("restarted", [True, False])
@pytest.mark.parametrize("step", range(5))
def test_a_place_that_lost_its_newest_segments_is_completed_by_the_next_write(
    home: CopiedHome, step: int, restarted: bool
) -> None:
    cut_to(home, filled(home)[step])
    if restarted:
        home.restart()
    home.journal.append([entry(1)])
    assert restored(home).content() == home.kept.content()
    assert home.verify(known=True).increments == 1


@pytest.mark.parametrize("step", range(5))
def test_a_place_that_lost_its_newest_segments_is_noticed_and_completed_by_the_next_copy(
    home: CopiedHome, step: int
) -> None:
    cut_to(home, filled(home)[step])
    with pytest.raises(VerificationError):
        home.verify(known=True)
    home.create.run()
    home.verify(known=True)
    assert restored(home).content() == home.kept.content()


def test_newest_segments_that_others_replaced_are_noticed(home: CopiedHome) -> None:
    """Another machine that goes on from a place which was cut off, and knows of less."""
    home.create.run()
    other = CopiedHome(home.kept)
    other.place, other.entropy, other.memory = home.place, home.entropy, MemoryCopyMemory()
    other.restart()
    before = set(home.place.objects)
    home.vault.put({share_name(1): b"1" * 65})
    cut_to(home, before)
    for number in (2, 3):
        other.vault.put({share_name(number): b"2" * 65})
        with pytest.raises(VerificationError, match="others"):
            home.verify(known=True)
    home.vault.put({share_name(4): b"4" * 65})
    home.verify(known=True)
    assert restored(home).content() == home.kept.content()


def test_a_place_that_was_pruned_is_not_one_that_was_cut_off(home: CopiedHome) -> None:
    filled(home)
    home.clock.advance((KEEP_DAYS - 1) * DAY_S)
    home.create.run()
    home.clock.advance(2 * DAY_S)
    home.prune.run()
    (base,) = home.place.names()
    home.verify(known=True)
    home.restart()
    home.vault.put({share_name(3): b"3" * 65})
    assert home.place.names() == (base, "more-00000003")
    home.verify(known=True)


def test_a_home_that_remembers_nothing_compares_nothing(home: CopiedHome) -> None:
    names = filled(home)
    cut_to(home, names[1])
    home.memory = MemoryCopyMemory()
    home.restart()
    home.verify(known=True)


# -- restoring


def test_a_restore_that_is_cut_off_anywhere_is_finished_by_the_next(home: CopiedHome) -> None:
    home.create.run()
    for number in range(1, 4):
        write_all(home, number)
    whole = MemorySteps()
    restore(home.place, Custody(), whole)
    for stop, point in enumerate(whole.points):
        into, steps = Custody(), _StopsAfter(stop)
        with pytest.raises(Stopped):
            restore(home.place, into, steps)
        if point != "restore.behind":
            assert Standing(into.vault).restoring()
        restore(home.place, into)
        assert into.content() == home.kept.content()
        assert Standing(into.vault).behind()
        assert not Standing(into.home).restoring()


class _StopsAfter(MemorySteps):
    def __init__(self, count: int) -> None:
        super().__init__()
        self._left = count

    def reached(self, point: str) -> None:
        if self._left == 0:
            raise Stopped(point)
        self._left -= 1


def test_a_home_with_something_else_in_it_is_not_restored_over(home: CopiedHome) -> None:
    write_all(home, 1)
    home.create.run()
    other = Custody()
    other.journal.append([entry(5)])
    with pytest.raises(JournalError):
        restore(home.place, other)
    other = Custody()
    other.patients.add(replace(patient(1), subject=b"x" * 20))
    with pytest.raises(VaultError):
        restore(home.place, other)
    other = Custody()
    other.logbook.keep(checkpoint(2, root=99), 0)
    with pytest.raises(JournalError, match="empty home"):
        restore(home.place, other)


def test_a_mark_of_a_restore_is_in_no_copy(home: CopiedHome) -> None:
    Standing(home.vault).fall_behind()
    home.kept.vault.put({share_name(1): bytes(65)})
    home.create.run()
    home.vault.put({"restored/other": b"1"})
    into = restored(home)
    assert Standing(into.vault).behind()
    assert into.vault.names("restored/") == ("restored/standing",)
    assert home.verify().increments == 0


# -- expiry


def test_expired_copies_go_and_nothing_that_is_needed(home: CopiedHome) -> None:
    home.create.run()
    write_all(home, 1)
    home.clock.advance(20 * DAY_S)
    home.create.run()
    write_all(home, 2)
    assert home.prune.run() == ()
    home.clock.advance(15 * DAY_S)
    gone = home.prune.run()
    assert gone[0] == "base-00000001"
    assert set(gone[1:]) == {f"more-{number:08}" for number in range(1, ACTS + 1)}
    assert restored(home).content() == home.kept.content()
    write_all(home, 3)
    assert restored(home).content() == home.kept.content()


def test_when_all_have_expired_a_new_one_comes_first(home: CopiedHome) -> None:
    home.create.run()
    home.vault.put({share_name(1): b"1" * 65})
    home.vault.remove([share_name(1)])
    until = held_until(home.place, RECOVERY.signer)
    assert until == home.clock.now() + KEEP_DAYS * DAY_S
    home.clock.advance(KEEP_DAYS * DAY_S)
    home.prune.run()
    assert home.place.names() == ("base-00000002",)
    assert held_until(home.place, RECOVERY.signer) == until + KEEP_DAYS * DAY_S
    assert restored(home).content() == home.kept.content()


# -- the wrappers are whole


@pytest.mark.parametrize(
    ("wrapper", "port"),
    [
        (CopiedVault, ports.Vault),
        (CopiedPatients, ports.Patients),
        (CopiedStudies, ports.Studies),
        (CopiedJournal, ports.Journal),
        (CopiedLogbook, ports.Logbook),
        (HeldVault, ports.Vault),
        (HeldStudies, ports.Studies),
        (HeldLedger, ports.Ledger),
    ],
)
def test_no_method_of_a_port_goes_past_its_wrapper(wrapper: type, port: type) -> None:
    """A new method of a port must be decided on: does it change something that a copy must have?"""

    def public(of: type) -> set[str]:
        return {name for name, _ in inspect.getmembers(of, callable) if not name.startswith("_")}

    assert public(wrapper) == public(port)
