"""One suite for a log door called in process and one over HTTP: the same answers, the same errors."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn

from fiducia.adapters.log_http import HttpLogDoor
from fiducia.app.broker import BrokerParts, create_app
from fiducia.core.formats.merkle_proofs import EMPTY_ROOT, consistency, root_of
from fiducia.core.tlog.checkpoint import Checkpoint, parse_checkpoint
from fiducia.core.tlog.note import parse_note
from fiducia.core.tlog.tiles import Tile, TileNodes, leaves_of
from fiducia.core.tlog.witness import AddCheckpoint, origin_hash
from fiducia.errors import (
    EncodingError,
    LedgerUnreachableError,
    LogConflictError,
    NotThereError,
    ProofError,
    SignatureError,
)
from fiducia.ports import LogDoor
from tests.support.consortium import HOSPITAL_A, HOSPITAL_B, Consortium
from tests.support.logs import LogMember

NOW = 1_800_000_000


class Member:
    """Hospital A's log and witness behind a door, and hospital B's key to be witnessed with."""

    def __init__(self) -> None:
        self.world = Consortium(enrolled=False)
        self.log = self.world.logs
        self.other = LogMember(self.world, HOSPITAL_B)
        self.log.publish(self.world.governor_a)
        self.other.publish(self.world.governor_b)
        self.world.mirror.catch_up()
        self.log.append(range(300))

    def parts(self) -> BrokerParts:
        world = self.world
        return BrokerParts(
            institution=HOSPITAL_A,
            first_block=0,
            ledger=world.ledger,
            mirror=world.mirror,
            store=world.store,
            vault=world.vault,
            journal=world.journal,
            clock=world.clock,
            taken=world.taken,
            relay_grant=world.relay_grant,
            carry_act=world.carry_act,
            take_revoke=world.take_revoke,
            relay_taken=world.relay_taken,
            record_release=world.record_release,
            hand_over=world.hand_over,
            trustee=world.trustee,
            asking=world.asking,
            catch_up=world.catch_up,
            log=world.log,
            proving=world.proving,
        )


@pytest.fixture(scope="module")
def member() -> Member:
    return Member()


@pytest.fixture(scope="module", params=["in process", "http"])
def door(request: pytest.FixtureRequest, member: Member) -> Iterator[LogDoor]:
    if request.param == "in process":
        yield member.log.door
        return
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        config = uvicorn.Config(create_app(member.parts()), log_config=None, access_log=False)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        http = HttpLogDoor(f"http://127.0.0.1:{listener.getsockname()[1]}")
        yield http
        http.close()
        server.should_exit = True
        thread.join()


def test_a_log_shows_its_checkpoint_and_tiles(member: Member, door: LogDoor) -> None:
    if member.log.logbook.newest(member.log.origin) is None:
        with pytest.raises(NotThereError):
            door.checkpoint()
    member.log.keep()
    checkpoint = parse_checkpoint(parse_note(door.checkpoint()).text)
    assert checkpoint.size == 300
    assert root_of(TileNodes(door.tile, 300), 300) == checkpoint.root
    bundle = leaves_of(door.tile(Tile(None, 1, 44)))
    assert bundle == list(member.log.journal.leaves(256, 300))
    for missing in (Tile(0, 1), Tile(0, 2, 1), Tile(None, 1, 45), Tile(1, 0, 2)):
        with pytest.raises(NotThereError):
            door.tile(missing)


def test_a_witness_cosigns_and_answers_as_its_specification_says(member: Member, door: LogDoor) -> None:
    other = member.other
    other.append(range(3))
    known = member.log.logbook.newest(other.origin)
    old, new = known.size if known else 0, other.tree.size()

    def asked(old_size: int, size: int, proof: list[bytes], key: LogMember = other) -> bytes:
        checkpoint = Checkpoint(other.origin, size, other.tree.root(size) if size else EMPTY_ROOT)
        return door.add_checkpoint(bytes(AddCheckpoint(old_size, tuple(proof), key.key.sign(checkpoint, NOW))))

    if not known:
        with pytest.raises(NotThereError):
            door.witnessed(origin_hash(other.origin))
    assert asked(old, new, consistency(other.tree.nodes, old, new))
    held = parse_note(door.witnessed(origin_hash(other.origin)))
    assert parse_checkpoint(held.text).size == new
    assert len(held.signatures) == 4
    other.append([9])
    with pytest.raises(LogConflictError) as conflict:
        asked(new + 1, new + 1, [])
    assert conflict.value.size == new
    with pytest.raises(SignatureError):
        asked(new, new, [], key=member.log)
    with pytest.raises(ProofError):
        asked(new, other.tree.size(), [bytes(32)])
    with pytest.raises(EncodingError):
        door.add_checkpoint(b"no request")
    with pytest.raises(NotThereError):
        door.witnessed(bytes(32))


def test_a_door_that_is_not_there_is_unreachable(member: Member) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        door = HttpLogDoor(f"http://127.0.0.1:{taken.getsockname()[1]}", timeout_s=2.0)
        with pytest.raises(LedgerUnreachableError):
            door.checkpoint()
        door.close()
    member.log.door.up = False
    with pytest.raises(LedgerUnreachableError):
        member.log.door.checkpoint()
    member.log.door.up = True
