"""The DIMSE door over TLS: who has no certificate is not heard, and a slow handshake stops nobody else."""

from __future__ import annotations

import gc
import socket
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fiducia.app.intake import DimseSettings, Tls
from fiducia.app.intake.dicom_door import DimseDoor
from fiducia.errors import ConfigError
from tests.support.certificates import Authority, Pair
from tests.support.consortium import Consortium
from tests.support.dimse import associated, open_door, store
from tests.unit.app.test_dimse import is_closed
from tests.unit.app.test_intake import door_of

pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # pynetdicom's, of refused connections


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """See what was left unclosed off here, where it is expected, and not in whatever test runs later."""
    yield
    gc.collect()


@pytest.fixture
def world() -> Consortium:
    return Consortium()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def tls(authority: Authority) -> Tls:
    pair = authority.vouch("door")
    return Tls(pair.certificate, pair.key)


def peer(authority: Authority, own: Pair | None = None) -> tuple[ssl.SSLContext, str]:
    context = ssl.create_default_context(cafile=str(authority.file))
    if own is not None:
        context.load_cert_chain(own.certificate, own.key)
    return context, "127.0.0.1"


def test_instances_come_through_tls(world: Consortium, authority: Authority, tls: Tls) -> None:
    (file,) = world.add_series(1).values()
    with open_door(door_of(world), tls=tls) as door:
        with associated(door.port, tls=peer(authority)) as association:
            assert store(association, file).Status == 0
            assert association.dul.socket is not None
            connection = association.dul.socket.socket
            assert isinstance(connection, ssl.SSLSocket)
            assert connection.version() in {"TLSv1.2", "TLSv1.3"}
        with associated(door.port) as association:  # without TLS
            assert not association.is_established
    assert len(world.spool.all()) == 1


def test_with_an_authority_peers_must_be_vouched_for(
    world: Consortium, authority: Authority, tls: Tls, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    stranger = Authority(tmp_path / "other").vouch("stranger")
    with open_door(door_of(world), tls=replace(tls, ca=authority.file)) as door:
        for own in (None, stranger):
            with associated(door.port, tls=peer(authority, own)) as association:
                assert not association.is_established
        with associated(door.port, tls=peer(authority, authority.vouch("modality"))) as association:
            assert association.send_c_echo().Status == 0
        with associated(door.port, tls=peer(authority, authority.vouch("modality")), calling="OTHER") as association:
            assert association.is_rejected  # a certificate is not a title


def test_older_versions_are_not_spoken(world: Consortium, authority: Authority, tls: Tls) -> None:
    context, name = peer(authority)
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with (
        open_door(door_of(world), tls=tls) as door,
        socket.create_connection(("127.0.0.1", door.port)) as connection,
        pytest.raises((ssl.SSLError, ConnectionError)),
    ):
        context.wrap_socket(connection, server_hostname=name)


def test_a_handshake_that_does_not_go_on_stops_nobody_else(world: Consortium, authority: Authority, tls: Tls) -> None:
    with open_door(door_of(world), tls=tls, acse_s=1.5) as door:
        silent = [socket.create_connection(("127.0.0.1", door.port)) for _ in range(3)]
        with associated(door.port, tls=peer(authority)) as association:
            assert association.send_c_echo().Status == 0
        assert all(is_closed(connection, 5) for connection in silent)
        for connection in silent:
            connection.close()


def test_reports_go_by_tls_too(world: Consortium, authority: Authority, tls: Tls) -> None:
    context = replace(tls, ca=authority.file).client()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_files_that_cannot_be_read_are_said_so(world: Consortium, authority: Authority, tmp_path: Path) -> None:
    good, locked = authority.vouch("good"), authority.vouch("locked", b"secret")
    empty = tmp_path / "empty.pem"
    empty.write_bytes(b"")
    for tls in (
        Tls(tmp_path / "none.pem", good.key),
        Tls(good.certificate, authority.vouch("other").key),
        Tls(locked.certificate, locked.key),
        Tls(good.certificate, good.key, empty),
    ):
        with pytest.raises(ConfigError, match="PEM"):
            DimseDoor(door_of(world), DimseSettings(0, tls=tls))
