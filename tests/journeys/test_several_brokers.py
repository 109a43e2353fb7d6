"""Several brokers of one hospital on one database, killed by SIGKILL at every step of a release and a hand-over.

What was acknowledged stands in the journal once, what was not at most once; another broker goes on; and a revoke that
one of them took is denied by all from then on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from fiducia.adapters.sql import Place, SqlJournal, SqlVault
from tests.support.custody import KEK, custody_place
from tests.support.shared_brokers import RunningBroker, running_brokers

# Where a broker dies, and how often its journal has been told of asking and of handing over by then.
POINTS = {
    "release.asked": (1, 0),
    "release.recorded": (1, 0),
    "release.sealed": (1, 0),
    "release.handed-over": (1, 1),
}


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return custody_place(request, tmp_path)


def handed_over_by(broker: RunningBroker) -> bytes:
    answer = broker.answer()
    assert isinstance(answer, bytes), f"refused: {answer}"
    return answer


def answer_or_end(broker: RunningBroker) -> bytes | None:
    try:
        return handed_over_by(broker)
    except EOFError:
        broker.process.join()
        return None


def killed_at(brokers: list[RunningBroker], place: Place, point: str, number: int) -> Sequence[bytes]:
    """All brokers are at work, one dies, another finishes what it was asked for; returns what was acknowledged."""
    victim, *others = brokers
    victim.ask("release", number, point)
    for offset, other in enumerate(others, 1):
        other.ask("release", number + offset)
    acknowledged = [handed_over_by(other) for other in others]
    victim.died()
    others[0].ask("release", number)
    brokers[:] = [*others, RunningBroker(place)]
    assert brokers[-1].answer() == "ready"
    return [*acknowledged, handed_over_by(others[0])]


def test_brokers_killed_at_every_step_lose_and_double_no_hand_over(place: Place) -> None:
    asked, handed_over = Counter[bytes](), Counter[bytes]()
    with running_brokers(place, 3) as brokers:
        for at, (point, (asked_before, handed_over_before)) in enumerate(POINTS.items()):
            acknowledged = killed_at(brokers, place, point, 10 * at)
            asked.update(acknowledged)
            handed_over.update(acknowledged)
            asked[acknowledged[-1]] += asked_before
            handed_over[acknowledged[-1]] += handed_over_before
    with SqlJournal(place, KEK) as journal:
        entries = list(journal.entries())
    assert Counter(entry.subject_id for entry in entries if entry.kind == "release_asked") == asked
    assert Counter(entry.subject_id for entry in entries if entry.kind == "handed_over") == handed_over


def test_a_broker_killed_at_any_step_of_the_journal_s_write_wrote_all_of_it_or_nothing(place: Place) -> None:
    acknowledged = Counter[bytes]()
    with running_brokers(place, 2) as brokers:
        for step in range(1, 40):
            victim, other = brokers
            victim.ask("release", step, f"database:{step}")
            if (answer := answer_or_end(victim)) is not None:
                acknowledged[answer] += 1
                break
            other.ask("release", step)
            acknowledged[handed_over_by(other)] += 1
            brokers[:] = [other, RunningBroker(place)]
            assert brokers[-1].answer() == "ready"
        else:
            pytest.fail("the journal's write never ended")
    with SqlJournal(place, KEK) as journal:
        handed_over = Counter(entry.subject_id for entry in journal.entries("handed_over"))
    assert handed_over.keys() == acknowledged.keys()
    seen = [handed_over[request_id] - times for request_id, times in acknowledged.items()]
    assert set(seen[:-1]) == {0, 1}, "killed before the commit and after it"
    assert seen[-1] == 0
    assert seen[:-1] == sorted(seen[:-1]), "once it was written, later steps do not undo it"


@pytest.mark.parametrize("point", [None, "revoke.journalled", "revoke.denied"])
def test_what_one_broker_took_is_denied_by_all_of_them_also_when_it_died(place: Place, point: str | None) -> None:
    with running_brokers(place, 2) as (taker, other):
        other.ask("release", 1)
        handed_over_by(other)
        taker.ask("revoke", stop_at=point)
        if point:
            taker.died()
        else:
            assert taker.answer() is False
        for verb in ("hand-over", "release"):
            other.ask(verb, 1)
            assert other.answer() == "GRANT_REVOKED"


def test_a_share_that_one_broker_destroyed_is_handed_over_by_none(place: Place) -> None:
    with running_brokers(place, 2) as (one, other):
        one.ask("release", 1)
        handed_over_by(one)
        with SqlVault(place, KEK) as vault:
            vault.remove(vault.names(""))
        for broker in (one, other):
            broker.ask("release", 1)
            assert broker.answer() == "key-missing"
