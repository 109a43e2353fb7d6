"""The broker's log: what its door answers byte for byte, what keeps it, and what `/readyz` says of its journal."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from fiducia.adapters.journal_watched import WatchedJournal
from fiducia.adapters.memory.journal import MemoryJournal
from fiducia.app.broker import create_app, health
from fiducia.app.broker.log_keeping import LogKeeper
from fiducia.core import wire
from fiducia.core.tlog.checkpoint import Checkpoint
from fiducia.core.tlog.note import Note
from fiducia.core.tlog.witness import AddCheckpoint, origin_hash
from fiducia.errors import JournalError, LedgerUnreachableError
from fiducia.journeys.reading.release import HandOverKeys
from fiducia.records.journal import KeptCheckpoint
from tests.support.consortium import HOSPITAL_B, Consortium
from tests.support.logs import LogMember, entry
from tests.unit.app.broker.test_broker import access_of, parts_of, study_of


def signed(member: LogMember, at: int) -> Note:
    """The member's journal as it is, signed as of a time."""
    size = member.tree.size()
    return member.key.sign(Checkpoint(member.origin, size, member.tree.root(size)), at)


def anchors_of(member: LogMember) -> int:
    return len(member.anchors.anchored(origin_hash(member.origin), 0, 10**9))


@pytest.fixture
def consortium() -> Consortium:
    consortium = Consortium()
    consortium.add_series(2)
    consortium.run_register()
    consortium.logs.publish(consortium.governor_a)
    consortium.mirror.catch_up()
    return consortium


@pytest.fixture
def client(consortium: Consortium) -> Iterator[TestClient]:
    with TestClient(create_app(parts_of(consortium)), raise_server_exceptions=False) as client:
        yield client


def test_forms_and_statuses_are_those_of_the_specifications(consortium: Consortium, client: TestClient) -> None:
    assert client.get("/log/checkpoint").status_code == 404
    consortium.logs.append(range(3))
    kept = consortium.logs.keep()
    answer = client.get("/log/checkpoint")
    assert (answer.content, answer.headers["content-type"]) == (kept.note, "text/plain; charset=utf-8")
    tile = client.get("/log/tile/0/000.p/3")
    assert (len(tile.content), tile.headers["content-type"]) == (96, "application/octet-stream")
    assert client.get("/log/tile/entries/000.p/3").content[:2] == b"\0\x20"
    statuses = [client.get(f"/log/tile/{name}").status_code for name in ("0/000", "0/000.p/4", "0/0", "x", "../etc")]
    assert statuses == [404, 404, 400, 400, 404]
    other = LogMember(consortium, HOSPITAL_B)
    other.publish(consortium.governor_b)
    consortium.mirror.catch_up()
    body = bytes(AddCheckpoint(0, (), signed(other, 1)))
    assert client.post("/witness/add-checkpoint", content=body).status_code == 200
    other.append([1])
    larger = bytes(AddCheckpoint(0, (), signed(other, 2)))
    assert client.post("/witness/add-checkpoint", content=larger).status_code == 200, "size 0 is known"
    conflict = client.post("/witness/add-checkpoint", content=body)
    assert (conflict.status_code, conflict.headers["content-type"]) == (409, "text/x.tlog.size; charset=utf-8")
    assert conflict.content == b"1\n"
    hashed = origin_hash(other.origin).hex()
    assert client.get(f"/witness/{hashed}/checkpoint").status_code == 200
    assert client.get(f"/witness/{hashed.upper()}/checkpoint").status_code == 400
    assert client.post("/witness/add-checkpoint", content=b"old 1").status_code == 400


def test_a_journal_in_trouble_releases_nothing_and_readyz_says_why(consortium: Consortium) -> None:
    consortium.run_grant(study_of(consortium))
    access = access_of(consortium)
    consortium.logs.append(range(3))
    consortium.logs.keep()
    consortium.record_release.run(access)
    kept = consortium.logs.logbook.newest(consortium.logs.origin)
    assert kept is not None
    lost = MemoryJournal()  # put back from a backup that is too old
    lost.append([entry(0)])
    consortium.logs.journal = lost
    consortium.logs.start()
    keeper = LogKeeper(consortium.log)
    watched = WatchedJournal(lost, consortium.logs.trouble.require_none)
    hand_over = HandOverKeys(
        ledger=consortium.ledger,
        mirror=consortium.mirror,
        journal=watched,
        taken=consortium.taken,
        seal=consortium.seal,
        clock=consortium.clock,
        domains=consortium.domains,
        steps=consortium.steps,
    )
    parts = replace(parts_of(consortium), journal=watched, hand_over=hand_over)
    with TestClient(create_app(parts, keeper=keeper), raise_server_exceptions=False) as client:
        assert client.get("/readyz").json()["ready"] is True
        with pytest.raises(JournalError):
            keeper.run()
        ready = client.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["parts"] | {"journal": "journal", "log": "journal"} == ready.json()["parts"]
        assert "entries are lost" in ready.json()["why"]["journal"]
        refused = client.post("/v1/hand-overs", content=wire.encode(access))
        assert refused.status_code == 503
        assert "entries are lost" in refused.json()["detail"]
    assert lost.size() == 1
    watched.close()


def test_a_part_that_hangs_is_named_and_asked_once(consortium: Consortium, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "DEADLINE_S", 0.05)
    go, asked = threading.Event(), []

    def hang() -> None:
        asked.append(1)
        go.wait()

    checks = health.HealthChecks(parts_of(consortium), hang)
    for _ in range(20):
        found = checks.ask()
        assert (found.ready, found.parts["log"], found.parts["journal"]) == (False, "timeout", "ok")
        assert "hangs" in found.why["log"]
    assert len(asked) == 1
    go.set()
    checks.close()


def test_the_log_is_kept_and_anchored_now_and_then(consortium: Consortium) -> None:
    logs, now = consortium.logs, [0.0]
    keeper = LogKeeper(consortium.log, anchor_every_s=100, monotonic=lambda: now[0])
    keeper.run()
    assert (keeper.size, keeper.witnesses, anchors_of(logs)) == (0, 0, 0)
    logs.append(range(3))
    keeper.run()
    assert (keeper.size, anchors_of(logs)) == (3, 1)
    logs.append(range(3))
    now[0] = 99
    keeper.run()
    assert (keeper.size, anchors_of(logs)) == (6, 1)
    now[0] = 101
    keeper.run()
    assert anchors_of(logs) == 2


def test_two_brokers_of_a_member_share_a_log(consortium: Consortium, monkeypatch: pytest.MonkeyPatch) -> None:
    logs, keeper, other = consortium.logs, LogKeeper(consortium.log), LogKeeper(consortium.log)
    logs.append([1])
    newest = logs.logbook.newest
    with monkeypatch.context() as patch:
        # The other one signs between this one's look at what was signed and its own signature.
        def late(origin: str) -> KeptCheckpoint | None:
            found = newest(origin)
            patch.setattr(logs.logbook, "newest", newest)
            other.run()
            return found

        patch.setattr(logs.logbook, "newest", late)
        keeper.run()
    keeper.health()
    other.health()
    keeper.run()
    assert (keeper.size, other.size) == (1, 1)


def test_a_chain_that_is_away_does_not_stop_the_log(consortium: Consortium, monkeypatch: pytest.MonkeyPatch) -> None:
    logs = consortium.logs
    now = [0.0]
    keeper = LogKeeper(consortium.log, monotonic=lambda: now[0])
    logs.append([1])

    def away(origin_hash: bytes, note: bytes) -> None:
        raise LedgerUnreachableError("away")

    with monkeypatch.context() as patch:
        patch.setattr(logs.anchors, "anchor", away)
        keeper.run()
        keeper.health()
    keeper.run()
    assert anchors_of(logs) == 0, "what was sent may still be included"
    now[0] = 301
    keeper.run()
    assert (anchors_of(logs), keeper.anchored) == (1, 1)


def test_a_journal_that_cannot_be_read_is_told_until_it_can(consortium: Consortium) -> None:
    keeper = LogKeeper(consortium.log)
    consortium.journal.working = False
    with pytest.raises(JournalError):
        keeper.run()
    with pytest.raises(JournalError):
        keeper.health()
    consortium.journal.working = True
    keeper.run()
    keeper.health()
