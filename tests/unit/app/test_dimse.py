"""The DIMSE door over in-memory parts, with pynetdicom as its peer: what it takes, answers and never lets in."""

from __future__ import annotations

import io
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydicom import dcmread, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID
from pynetdicom.dimse_primitives import C_STORE
from starlette.testclient import TestClient

from fiducia.app.intake import DimseSettings, Peer
from fiducia.app.intake import association as bounds
from fiducia.app.intake.dicom_door import DimseDoor
from fiducia.app.intake.dimse_settings import transfer_syntaxes
from fiducia.app.intake.stow import create_app
from fiducia.core.dicom.codec import transfer_syntax
from fiducia.core.dicom.file_meta import IMPLEMENTATION_CLASS_UID
from fiducia.errors import ConfigError, VaultError
from tests.support.consortium import HOSPITAL_A, Consortium, ct_series
from tests.support.dimse import (
    CAPTURE,
    CT,
    EXPLICIT,
    MR,
    PEER,
    VERIFICATION,
    associated,
    data_set_of,
    open_door,
    store,
    store_bytes,
)
from tests.unit.app.test_intake import HEADERS, body, door_of

IMPLICIT, BIG, DEFLATED = "1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"
ENCAPSULATED = ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.5")


@pytest.fixture
def world() -> Consortium:
    return Consortium()


@pytest.fixture
def door(world: Consortium) -> Iterator[DimseDoor]:
    with open_door(door_of(world)) as door:
        yield door


def within(seconds: float, is_so: Callable[[], object]) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if is_so():
            return True
        time.sleep(0.02)
    return bool(is_so())


def kept(world: Consortium) -> list[bytes]:
    return [world.spool.open(each.spool_id).read() for each in world.spool.all()]


def in_syntax(file: bytes, syntax: str) -> bytes:
    """The same instance, written in another transfer syntax; encapsulated ones get a fragment of noise."""
    instance = dcmread(io.BytesIO(file))
    if syntax in ENCAPSULATED:
        from pydicom.encaps import encapsulate

        instance.PixelData = encapsulate([bytes(range(256))])
        instance["PixelData"].is_undefined_length = True
    instance.file_meta.TransferSyntaxUID = UID(syntax)
    out = io.BytesIO()
    # Only how elements are written counts here: pixels are passed on as bytes.
    dcmwrite(out, instance, implicit_vr=syntax == IMPLICIT, little_endian=syntax != BIG, force_encoding=True)
    return out.getvalue()


def test_echo(door: DimseDoor) -> None:
    with associated(door.port) as association:
        assert association.send_c_echo().Status == 0x0000


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG, DEFLATED, *ENCAPSULATED])
def test_what_was_answered_for_is_in_the_spool_as_it_came(world: Consortium, door: DimseDoor, syntax: str) -> None:
    files = [in_syntax(file, syntax) for file in world.add_series(3).values()]
    with associated(door.port, (CT, syntax)) as association:
        assert [store(association, file).Status for file in files] == [0x0000] * 3
    spooled = world.spool.all()
    assert [(each.waiting, each.door) for each in spooled] == [(True, "c-store")] * 3
    assert {each.examined.info.transfer_syntax_uid for each in spooled} == {syntax}
    assert [data_set_of(file)[1] for file in kept(world)] == [data_set_of(file)[1] for file in files]


def test_the_file_says_what_came_and_not_from_whom(world: Consortium, door: DimseDoor) -> None:
    (file,) = world.add_series(1).values()
    with associated(door.port) as association:
        store(association, file)
    (got,) = kept(world)
    assert got[:132] == bytes(128) + b"DICM"
    meta, _ = data_set_of(got)
    wanted = data_set_of(file)[0]
    assert isinstance(meta, FileMetaDataset)
    assert meta.FileMetaInformationVersion == b"\0\1"
    for name in ("MediaStorageSOPClassUID", "MediaStorageSOPInstanceUID", "TransferSyntaxUID"):
        assert meta[name].value == wanted[name].value
    assert meta.ImplementationClassUID == IMPLEMENTATION_CLASS_UID
    assert "SourceApplicationEntityTitle" not in meta
    assert PEER.encode() not in got
    assert world.spool.all()[0].defects == ()


def test_the_same_instance_by_any_door_is_the_same_instance(world: Consortium) -> None:
    files = list(world.add_series(2).values())
    parts = door_of(world)
    (study,) = world.run_register().studies  # as from a folder
    with TestClient(create_app(parts)) as client:
        assert client.post("/studies", content=body(*files), headers=HEADERS).status_code == 200
    with open_door(parts) as door, associated(door.port) as association:
        assert [store(association, file).Status for file in files] == [0, 0]
    assert [each.door for each in world.spool.all()] == ["stow", "stow", "c-store", "c-store"]
    done = parts.close.run(custodian=HOSPITAL_A, registrar=world.registrar, now=True)
    assert done.problems == ()
    (again,) = done.studies
    assert (again.study_id, again.revision, again.unchanged) == (study.study_id, 1, True)
    assert world.spool.all() == ()


def test_a_study_that_came_so_is_registered_and_fetched_as_it_came(world: Consortium) -> None:
    files = list(ct_series(3).values())
    parts = door_of(world)
    with open_door(parts) as door, associated(door.port) as association:
        for file in files:
            assert store(association, file).Status == 0
    sent = kept(world)
    (study,) = parts.close.run(custodian=HOSPITAL_A, registrar=world.registrar, now=True).studies
    world.run_grant(study.study_id)
    world.run_fetch(study.study_id, world.destination)
    assert sorted(world.destination.visible.values()) == sorted(sent)


def test_all_that_can_be_kept_is_offered() -> None:
    offered = transfer_syntaxes()
    assert len(set(offered)) == len(offered) > 50
    for uid in offered:
        transfer_syntax(uid)
    assert offered[:3] == (EXPLICIT, IMPLICIT, BIG)
    tails = ("4.50", "4.57", "4.70", "4.80", "4.90", "4.100", "4.107", "4.110", "4.201", "5", "8.1", "1.98")
    assert {f"1.2.840.10008.1.2.{tail}" for tail in tails} <= set(offered)
    assert "1.2.840.10008.1.2.4.94" not in offered  # JPIP: the pixels would not be there


def test_whoever_offers_several_syntaxes_is_asked_for_no_compression(world: Consortium, door: DimseDoor) -> None:
    offers = (CT, ["1.2.840.10008.1.2.4.90", IMPLICIT, EXPLICIT])
    with associated(door.port, offers) as association:  # type: ignore[arg-type]
        assert association.accepted_contexts[0].transfer_syntax == [EXPLICIT]


# -- statuses


def test_what_cannot_be_understood_is_answered_so_and_its_neighbours_are_taken(
    world: Consortium, door: DimseDoor
) -> None:
    first, second = world.add_series(2).values()
    meta, data = data_set_of(first)
    names = (CT, meta.MediaStorageSOPInstanceUID, EXPLICIT)
    with associated(door.port) as association:
        assert store(association, first).Status == 0
        assert store_bytes(association, b"no data set", *names).Status == 0xC000
        assert store_bytes(association, data[: len(data) // 2], *names).Status == 0xC000
        assert store_bytes(association, None, *names).Status == 0xA900
        assert store(association, second).Status == 0
    assert [data_set_of(file)[1] for file in kept(world)] == [data_set_of(file)[1] for file in (first, second)]


def test_what_is_set_aside_is_kept_and_said_so(world: Consortium, door: DimseDoor) -> None:
    (file,) = world.add_series(1).values()
    meta, data = data_set_of(file)
    with associated(door.port, (MR, EXPLICIT)) as association:
        # Its command says another SOP class than its data set: a reader that goes by the header is misled.
        told = store_bytes(association, data, MR, meta.MediaStorageSOPInstanceUID, EXPLICIT)
    assert told.Status == 0xC001
    assert "staff" in told.ErrorComment
    assert len(told.ErrorComment) <= 64
    (aside,) = world.spool.all()
    assert not aside.waiting
    assert [defect.code for defect in aside.defects] == ["meta-class-differs"]


def test_another_instance_uid_in_the_command_is_noted(world: Consortium, door: DimseDoor) -> None:
    (file,) = world.add_series(1).values()
    with associated(door.port) as association:
        assert store(association, file, instance="1.2.3.4").Status == 0
    assert [defect.code for defect in world.spool.all()[0].defects] == ["meta-instance-differs"]


def test_a_command_of_another_class_than_its_context_is_not_taken(world: Consortium, door: DimseDoor) -> None:
    (file,) = world.add_series(1).values()
    _, data = data_set_of(file)
    contexts = ((CT, EXPLICIT), (CAPTURE, EXPLICIT))
    with associated(door.port, *contexts) as association:
        told = store_bytes(association, data, CT, "1.2.3", EXPLICIT, CAPTURE)
        assert told.Status == 0xA900
        assert store(association, file).Status == 0
    assert len(world.spool.all()) == 1


def test_a_spool_that_keeps_nothing_is_said_so(
    world: Consortium, door: DimseDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(pieces: Any) -> None:
        next(iter(pieces))
        raise VaultError("the disk is full")

    (file,) = world.add_series(1).values()
    with associated(door.port) as association:
        with monkeypatch.context() as patched:
            patched.setattr(world.spool, "take", full)
            assert store(association, file).Status == 0xA700
        assert store(association, file).Status == 0


def test_a_defect_of_ours_is_told_by_its_kind_alone(
    world: Consortium, door: DimseDoor, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken(pieces: Any) -> None:
        raise RuntimeError("SAMPLE-1 was being taken")

    monkeypatch.setattr(world.spool, "take", broken)
    (file,) = world.add_series(1).values()
    with associated(door.port) as association:
        assert store(association, file).Status == 0x0110
    assert "SAMPLE-1" not in "".join(capfd.readouterr())


def test_too_much_is_refused_and_takes_no_memory(world: Consortium) -> None:
    small, large = next(iter(ct_series(1).values())), next(iter(ct_series(1, rows=1024, columns=1024).values()))
    with open_door(door_of(world), instance_max_bytes=100_000) as door, associated(door.port) as association:
        assert store(association, large).Status == 0xA700
        assert store(association, small).Status == 0
    assert [len(file) < 100_000 for file in kept(world)] == [True]


def test_an_instance_is_sealed_while_it_comes(world: Consortium, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the spool was given before the last piece came: all but the few pieces that may be on their way."""
    take, given = world.spool.take, []
    whole = threading.Event()

    def slowly(pieces: Any) -> Any:
        def watched() -> Iterator[bytes]:
            for piece in pieces:
                given.append(len(piece))
                yield piece

        taken = take(watched())
        whole.set()
        return taken

    monkeypatch.setattr(world.spool, "take", slowly)
    (file,) = ct_series(1, rows=2048, columns=1024).values()
    with open_door(door_of(world)) as door, associated(door.port) as association:
        assert store(association, file).Status == 0
    assert whole.is_set()
    assert len(given) > 20
    assert max(given) <= 128 << 10


def test_a_sender_that_goes_away_leaves_nothing(world: Consortium, door: DimseDoor) -> None:
    (file,) = ct_series(1, rows=1024, columns=1024).values()
    meta, data = data_set_of(file)
    with associated(door.port) as association:
        request: Any = C_STORE()
        request.MessageID, request.Priority = 1, 0
        request.AffectedSOPClassUID = CT
        request.AffectedSOPInstanceUID = meta.MediaStorageSOPInstanceUID
        request.DataSet = io.BytesIO(data)
        send = association.dul.send_pdu
        sent = 0

        def half(primitive: Any) -> None:
            nonlocal sent
            sent += 1
            if sent < 5:
                send(primitive)

        association.dul.send_pdu = half  # type: ignore[method-assign]
        association.dimse.send_msg(request, association.accepted_contexts[1].context_id or 0)
        assert within(5, lambda: door._receiving)
        assert association.dul.socket is not None
        assert association.dul.socket.socket is not None
        connection = association.dul.socket.socket
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
    assert within(10, lambda: not any(each.is_running for each in door._receiving))
    assert world.spool.all() == ()
    assert world.spool._files == {}


# -- who is let in


def test_only_listed_callers_are_let_in(door: DimseDoor) -> None:
    for calling in ("OTHER", PEER.lower(), PEER + "1", PEER[:-1]):
        with associated(door.port, calling=calling) as association:
            assert association.is_rejected
    with associated(door.port) as association:
        assert association.is_established


def test_nobody_listed_is_nobody(world: Consortium) -> None:
    with open_door(door_of(world), peers=()) as door, associated(door.port) as association:
        assert association.is_rejected


def test_another_title_is_not_answered_to(door: DimseDoor) -> None:
    with associated(door.port, called="ANY-SCP") as association:
        assert association.is_rejected


def test_what_is_not_spoken_here_is_not_accepted(door: DimseDoor) -> None:
    find = "1.2.840.10008.5.1.4.1.2.2.1"
    contexts = ((find, EXPLICIT), (CT, "1.2.840.10008.1.2.4.94"), (VERIFICATION, EXPLICIT))
    with associated(door.port, *contexts) as association:
        assert [each.abstract_syntax for each in association.accepted_contexts] == [VERIFICATION]


def test_more_associations_than_there_may_be_are_turned_away(world: Consortium) -> None:
    with (
        open_door(door_of(world), associations=1) as door,
        associated(door.port) as first,
        associated(door.port) as second,
    ):
        assert first.is_established
        assert second.is_rejected


def test_connections_that_nobody_introduces_keep_nobody_out(world: Consortium) -> None:
    with open_door(door_of(world), associations=1) as door:
        silent = [socket.create_connection(("127.0.0.1", door.port)) for _ in range(20)]
        with associated(door.port) as association:
            assert association.send_c_echo().Status == 0
        for connection in silent:
            connection.close()


@pytest.mark.parametrize("title", ["", " A", "A\\B", "A" * 17, "Ä"])
def test_what_is_no_title_is_refused(world: Consortium, title: str) -> None:
    for settings in (DimseSettings(0, ae_title=title), DimseSettings(0, peers=(Peer(title),))):
        with pytest.raises(ConfigError):
            DimseDoor(door_of(world), settings)


def test_a_port_that_is_taken_is_said_so(world: Consortium, door: DimseDoor) -> None:
    with pytest.raises(ConfigError, match="taken"):
        DimseDoor(door_of(world), DimseSettings(door.port)).start()


# -- hostile and broken peers


def is_closed(connection: socket.socket, seconds: float) -> bool:
    connection.settimeout(seconds)
    try:
        while connection.recv(4096):
            pass
    except TimeoutError:
        return False
    except OSError:
        pass
    return True


def test_silent_peers_are_dropped(world: Consortium) -> None:
    with open_door(door_of(world), acse_s=0.5, network_s=0.5) as door:
        with socket.create_connection(("127.0.0.1", door.port)) as connection:
            assert is_closed(connection, 5)  # says nothing at all
        with socket.create_connection(("127.0.0.1", door.port)) as connection:
            connection.sendall(b"\x01\x00\x00\x00")  # half a header
            assert is_closed(connection, 5)
        with socket.create_connection(("127.0.0.1", door.port)) as connection:
            connection.sendall(b"\x01\x00" + struct.pack(">I", 1000) + bytes(10))  # a PDU that does not go on
            assert is_closed(connection, 5)
        with associated(door.port) as association:  # let in, and silent
            assert within(5, lambda: not association.is_established)
        assert within(5, lambda: not door._server or not door._server.active_associations)


def test_a_peer_that_drips_is_dropped(world: Consortium) -> None:
    with (
        open_door(door_of(world), network_s=0.5) as door,
        socket.create_connection(("127.0.0.1", door.port)) as connection,
    ):
        connection.sendall(b"\x01\x00" + struct.pack(">I", 100_000))
        begun = time.monotonic()
        with pytest.raises(OSError, match=r"."):
            while time.monotonic() - begun < 10:
                connection.sendall(b"\0")
                time.sleep(0.1)
        assert time.monotonic() - begun < 5


def test_a_pdu_without_end_is_not_read(door: DimseDoor) -> None:
    with socket.create_connection(("127.0.0.1", door.port)) as connection:
        connection.sendall(b"\x01\x00\xff\xff\xff\xff" + bytes(100))
        assert is_closed(connection, 5)


@pytest.mark.parametrize("noise", [b"GET / HTTP/1.1\r\n\r\n", b"\x04\x00\0\0\0\x06\0\0\0\x02\x01\x03", b"\x07" * 200])
def test_noise_ends_a_connection_and_nothing_else(door: DimseDoor, noise: bytes) -> None:
    with socket.create_connection(("127.0.0.1", door.port)) as connection:
        connection.sendall(noise)
        connection.shutdown(socket.SHUT_WR)
        assert is_closed(connection, 15)
    with associated(door.port) as association:
        assert association.send_c_echo().Status == 0


@pytest.mark.parametrize(
    "piece",
    [b"", b"\x03", b"\x03" + bytes(40), b"\x02data before any command", b"\x01" + bytes(64 << 10)],
    ids=["empty", "no command", "rubbish", "data first", "a long command"],
)
def test_messages_that_cannot_be_read_end_the_association(door: DimseDoor, piece: bytes) -> None:
    with associated(door.port) as association:
        value = struct.pack(">IB", len(piece) + 1, association.accepted_contexts[0].context_id or 1) + piece
        assert association.dul.socket is not None
        association.dul.socket.send(b"\x04\x00" + struct.pack(">I", len(value)) + value)
        assert within(5, lambda: not association.is_established)
    with associated(door.port) as association:
        assert association.send_c_echo().Status == 0


def test_requests_that_are_sent_ahead_wait_in_the_socket(
    world: Consortium, door: DimseDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A peer that sends on and on without waiting for answers fills its own side, not this one."""
    go, take = threading.Event(), world.spool.take

    def held(pieces: Any) -> Any:
        data = [bytes(piece) for piece in pieces]
        go.wait(20)
        return take(data)

    monkeypatch.setattr(world.spool, "take", held)
    files = list(world.add_series(6).values())
    with associated(door.port) as association:
        for number, file in enumerate(files, 1):
            meta, data = data_set_of(file)
            request: Any = C_STORE()
            request.MessageID, request.Priority = number, 0
            request.AffectedSOPClassUID = CT
            request.AffectedSOPInstanceUID = meta.MediaStorageSOPInstanceUID
            request.DataSet = io.BytesIO(data)
            association.dimse.send_msg(request, association.accepted_contexts[1].context_id or 0)
        time.sleep(0.5)
        assert len(door._receiving) <= 2
        go.set()
        assert within(10, lambda: len(world.spool.all()) == len(files))
    assert sorted(data_set_of(file)[1] for file in kept(world)) == sorted(data_set_of(file)[1] for file in files)


def test_small_packets_are_sent_at_once(world: Consortium, door: DimseDoor) -> None:
    with associated(door.port):
        assert door._server is not None
        (association,) = door._server.active_associations
        assert association.dul.socket is not None
        assert association.dul.socket.socket is not None
        assert association.dul.socket.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert association.acceptor.maximum_length == 128 << 10
        assert isinstance(association.dul.socket, bounds._Socket)
        assert isinstance(association.dimse, bounds.Messages)


def test_nothing_of_a_peer_is_logged_or_printed(
    world: Consortium, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    (file,) = world.add_series(1).values()
    meta, _ = data_set_of(file)
    with open_door(door_of(world)) as door:
        with associated(door.port) as association:
            assert store(association, file).Status == 0
        with associated(door.port, calling="OTHER"):
            pass
        with socket.create_connection(("127.0.0.1", door.port)) as connection:
            connection.sendall(b"\x04" * 100)
    told = "".join(capfd.readouterr()) + caplog.text
    assert "status_0000=1" in told
    for secret in (PEER, "OTHER", "127.0.0.1", "SAMPLE", str(meta.MediaStorageSOPInstanceUID)):
        assert secret not in told


def test_stopping_does_not_wait_for_the_middle_of_a_pdu(world: Consortium) -> None:
    with open_door(door_of(world)) as door, associated(door.port) as association:
        assert association.dul.socket is not None
        association.dul.socket.send(b"\x04\x00" + struct.pack(">I", 50_000) + bytes(10))
        time.sleep(0.3)
        begun = time.monotonic()
        door.stop(grace_s=0.2)
        assert time.monotonic() - begun < 4
        assert within(5, lambda: not association.is_established)


def test_stopping_lets_a_sender_finish_and_takes_nobody_new(world: Consortium, monkeypatch: pytest.MonkeyPatch) -> None:
    take = world.spool.take

    def slowly(pieces: Any) -> Any:
        time.sleep(0.5)
        return take(pieces)

    monkeypatch.setattr(world.spool, "take", slowly)
    (file,) = world.add_series(1).values()
    told: list[Any] = []
    with open_door(door_of(world)) as door:
        with associated(door.port) as association:
            sender = threading.Thread(target=lambda: told.append(store(association, file).Status))
            sender.start()
            assert within(5, lambda: door._receiving)
            stopping = threading.Thread(target=door.stop)
            stopping.start()
            sender.join(10)
            assert told == [0x0000]
        stopping.join(10)
        assert not stopping.is_alive()
        with pytest.raises(OSError, match=r"."):
            socket.create_connection(("127.0.0.1", door.port), timeout=2).close()
    assert len(world.spool.all()) == 1
