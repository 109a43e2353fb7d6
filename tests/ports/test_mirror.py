"""`ports.Mirror`: one suite for the mirror in memory and the one in SQLite, over both ledgers."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fiducia.adapters import sqlite_mirror
from fiducia.adapters.evm.deploy import deploy
from fiducia.adapters.evm.ledger import EvmLedger
from fiducia.adapters.memory.clock import MemoryClock
from fiducia.adapters.memory.ledger import MemoryLedger
from fiducia.adapters.memory.mirror import MemoryMirror
from fiducia.adapters.sqlite_mirror import SqliteMirror
from fiducia.adapters.system import SystemClock
from fiducia.core import ids, wire
from fiducia.core.policy import verify_access
from fiducia.core.replay import State
from fiducia.errors import ConfigError, LedgerInconsistencyError, LedgerStaleError, LedgerUnreachableError
from fiducia.ports import Mirror
from fiducia.records.ledger import GrantState, Network, RecordAct
from tests.ports.conftest import World
from tests.support.anvil import ROOT, AnvilNode
from tests.support.passkeys import RP_ID
from tests.support.signers import FOUNDERS, Scene, Signers, account, prepare

NETWORK = b"one network"


@pytest.fixture
def scene(world: World) -> Scene:
    """Ready for releases."""
    return prepare(world.ledger, world.c)


@pytest.fixture(params=["memory", "sqlite"])
def mirror(request: pytest.FixtureRequest, world: World, tmp_path: Path) -> Iterator[Mirror]:
    """Each implementation of `ports.Mirror` in turn."""
    if request.param == "memory":
        yield MemoryMirror(world.ledger, world.first_block)
        return
    with opened(world, tmp_path) as mirror:
        yield mirror


def opened(world: World, directory: Path) -> SqliteMirror:
    """Open the mirror's file."""
    return SqliteMirror(directory / "mirror.sqlite", world.ledger, network=NETWORK, first_block=world.first_block)


def content(state: State) -> tuple[object, ...]:
    """Return what a state holds, without its head."""
    subjects = state.subjects()
    return (
        state.members(),
        state.keys(),
        subjects,
        state.studies(),
        [state.grants_of_subject(subject.subject) for subject in subjects],
        state.releases(),
        list(state.denials()),
    )


# -- every mirror


def test_a_mirror_starts_empty_and_catches_up(world: World, mirror: Mirror) -> None:
    assert mirror.state().members() == ()
    state = mirror.catch_up()
    assert [member.governor for member in state.members()] == [founder.governor for founder in FOUNDERS]
    assert state.head.number > 0
    assert mirror.state().members() == state.members()


def test_what_happened_is_there_after_catching_up(world: World, mirror: Mirror, scene: Scene) -> None:
    grant_id = ids.grant_id(scene.grant)
    given = mirror.catch_up().grant(grant_id)
    assert given is not None
    assert given.state is GrantState.LIVE
    world.ledger.submit(scene.c.revoke(scene.grant))
    revoked = mirror.catch_up().grant(grant_id)
    assert revoked is not None
    assert revoked.state is GrantState.REVOKED


def test_every_event_is_kept_as_its_record_in_order(
    world: World, mirror: Mirror, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.ledger.submit(scene.c.anchor(5))  # five events in one block
    head = mirror.catch_up().head.number
    events = list(world.ledger.events(world.first_block, head))
    assert len(events) > 10
    records = [(event.block_number, wire.encode(event)) for event in events]
    for at_once in (10_000, 3, 1):  # pieces end inside of blocks, and blocks are longer than a piece
        monkeypatch.setattr(sqlite_mirror, "_RECORDS_AT_ONCE", at_once)
        assert list(mirror.records(0, head)) == records
    first, last = events[2].block_number, events[-2].block_number
    assert list(mirror.records(first, last)) == [record for record in records if first <= record[0] <= last]
    assert list(mirror.records(head + 1, head)) == []


def test_the_last_facts_are_there_while_the_chain_is_down(world: World, mirror: Mirror, scene: Scene) -> None:
    access = scene.c.access(scene.study_id, scene.grant)
    verified = verify_access(world.domains, access)
    facts = mirror.catch_up().facts(access, verified)
    world.cut()
    assert mirror.state().facts(access, verified) == facts


def test_a_silent_chain_is_named(world: World, scene: Scene, tmp_path: Path) -> None:
    nowhere = world.cut()
    for mirror in (
        MemoryMirror(nowhere),
        SqliteMirror(tmp_path / "other.sqlite", nowhere, network=NETWORK),
    ):
        with pytest.raises(LedgerUnreachableError):
            mirror.catch_up()
        assert mirror.state().members() == ()
        if isinstance(mirror, SqliteMirror):
            mirror.close()


def test_catching_up_from_many_threads_is_safe(world: World, mirror: Mirror, scene: Scene) -> None:
    stop, caught = threading.Event(), []

    def read() -> None:
        try:
            while not stop.is_set():
                content(mirror.catch_up())
                content(mirror.state())
        except Exception as error:
            caught.append(error)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(10):
            world.ledger.submit(RecordAct(scene.c.access(scene.study_id, scene.grant)))
    finally:
        stop.set()
        for thread in threads:
            thread.join(timeout=30)
    assert caught == []
    assert len(mirror.catch_up().releases()) == 10


# -- the one that lasts


def test_a_mirror_opened_again_knows_what_it_knew(world: World, scene: Scene, tmp_path: Path) -> None:
    with opened(world, tmp_path) as mirror:
        world.ledger.submit(RecordAct(scene.c.access(scene.study_id, scene.grant)))
        world.ledger.submit(RecordAct(scene.c.own_access(scene.study_id)))
        world.ledger.submit(scene.c.revoke_all())
        before = mirror.catch_up()
    world.cut()
    with opened(world, tmp_path) as mirror:
        assert content(mirror.state()) == content(before)
        assert mirror.state().head.number <= before.head.number


def test_a_state_that_was_given_out_does_not_change(world: World, scene: Scene, tmp_path: Path) -> None:
    with opened(world, tmp_path) as mirror:
        before = mirror.catch_up()
        held = content(before)
        world.ledger.submit(scene.c.revoke(scene.grant))
        assert content(mirror.catch_up()) != held
        assert content(before) == held


def test_two_mirrors_on_one_file_tell_each_other(world: World, scene: Scene, tmp_path: Path) -> None:
    with opened(world, tmp_path) as one, opened(world, tmp_path) as two:
        one.catch_up()
        world.ledger.submit(scene.c.anchor(3))
        assert len(two.catch_up().studies()) == 4
        world.ledger.submit(scene.c.revoke(scene.grant))
        assert content(one.catch_up()) == content(two.catch_up())
        with opened(world, tmp_path) as three:
            assert content(three.state()) == content(one.state())


def test_a_file_of_another_network_is_refused(world: World, tmp_path: Path) -> None:
    opened(world, tmp_path).close()
    with pytest.raises(ConfigError, match="another network"):
        SqliteMirror(tmp_path / "mirror.sqlite", world.ledger, network=b"another")


def test_a_damaged_file_is_named(world: World, scene: Scene, tmp_path: Path) -> None:
    with opened(world, tmp_path) as mirror:
        mirror.catch_up()
    with sqlite3.connect(tmp_path / "mirror.sqlite") as connection:
        connection.execute("UPDATE events SET body = '{}' WHERE block_number = (SELECT max(block_number) FROM events)")
    connection.close()
    with pytest.raises(LedgerInconsistencyError, match="damaged"):
        opened(world, tmp_path)


def test_a_file_that_lacks_an_event_is_named(world: World, scene: Scene, tmp_path: Path) -> None:
    with opened(world, tmp_path) as mirror:
        mirror.catch_up()
    with sqlite3.connect(tmp_path / "mirror.sqlite") as connection:
        connection.execute("DELETE FROM events WHERE block_number = (SELECT min(block_number) FROM events)")
    connection.close()
    with pytest.raises(LedgerInconsistencyError):
        opened(world, tmp_path)


def test_another_chain_is_noticed_by_its_blocks(tmp_path: Path) -> None:
    clock = MemoryClock()
    with SqliteMirror(tmp_path / "m", MemoryLedger(FOUNDERS, clock=clock), network=NETWORK) as mirror:
        mirror.catch_up()
    clock.advance(5)
    other = MemoryLedger(FOUNDERS, clock=clock)
    other.mine()
    with (
        SqliteMirror(tmp_path / "m", other, network=NETWORK) as mirror,
        pytest.raises(LedgerInconsistencyError, match="not the one that was seen before"),
    ):
        mirror.catch_up()


def test_a_chain_that_goes_back_is_stale_and_then_rewritten(own_anvil: AnvilNode, tmp_path: Path) -> None:
    network = deploy([own_anvil.url], account("deployer"), FOUNDERS, rp_id=RP_ID)
    with EvmLedger(network, clock=SystemClock(), relayer=account("relayer")) as ledger:
        c = Signers(ledger.domains, int(time.time()))
        with SqliteMirror(tmp_path / "m", ledger, network=network.genesis_hash) as mirror:
            mirror.catch_up()
            snapshot = own_anvil.do("evm_snapshot")
            ledger.submit(c.admit("governor 3"))
            assert len(mirror.catch_up().members()) == 3
            own_anvil.do("evm_setIntervalMining", 0)
            assert own_anvil.do("evm_revert", snapshot)
            with pytest.raises(LedgerStaleError, match="seen before"):
                mirror.catch_up()
            own_anvil.do("anvil_mine", "0x5")
            with pytest.raises(LedgerInconsistencyError, match="rewritten"):
                mirror.catch_up()
            assert len(mirror.state().members()) == 3


WORKER = """
import sys
from pathlib import Path
from fiducia.adapters.evm.ledger import EvmLedger
from fiducia.adapters.sqlite_mirror import SqliteMirror
from fiducia.adapters.system import SystemClock
from fiducia.records.ledger import Network
network = eval(sys.argv[1])
with EvmLedger(network, clock=SystemClock()) as ledger:
    with SqliteMirror(Path(sys.argv[2]), ledger, network=network.genesis_hash) as mirror:
        while len(mirror.catch_up().studies()) < int(sys.argv[3]):
            pass
"""


def test_processes_share_a_file(network: Network, tmp_path: Path) -> None:
    path = tmp_path / "mirror.sqlite"
    with EvmLedger(network, clock=SystemClock(), relayer=account("relayer")) as ledger:
        scene = prepare(ledger, Signers(ledger.domains, int(time.time())))
        workers = [
            subprocess.Popen([sys.executable, "-c", WORKER, repr(network), str(path), "21"], cwd=ROOT) for _ in range(3)
        ]
        for _ in range(20):
            ledger.submit(scene.c.anchor())
            time.sleep(0.02)
        assert [worker.wait(timeout=120) for worker in workers] == [0, 0, 0]
        with SqliteMirror(path, ledger, network=network.genesis_hash) as mirror:
            assert len(mirror.state().studies()) == 21
            assert content(mirror.state()) == content(MemoryMirror(ledger, network.first_block).catch_up())
