"""A DIMSE door over an in-memory consortium, and peers that call it."""

from __future__ import annotations

import io
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pydicom import dcmread
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE, N_ACTION
from pynetdicom.dsutils import encode

from fiducia.app.intake import DimseSettings, IntakeParts, Peer
from fiducia.app.intake.association import Messages
from fiducia.app.intake.dicom_door import DimseDoor

VERIFICATION = "1.2.840.10008.1.1"
CT, MR, CAPTURE = (f"1.2.840.10008.5.1.4.1.1.{tail}" for tail in (2, 4, 7))
COMMITMENT, COMMITMENT_INSTANCE = "1.2.840.10008.1.20.1", "1.2.840.10008.1.20.1.1"
EXPLICIT = "1.2.840.10008.1.2.1"
PEER = "MODALITY1"


@contextmanager
def open_door(parts: IntakeParts, **settings: Any) -> Iterator[DimseDoor]:
    """Keep a door open on a free port."""
    door = DimseDoor(parts, DimseSettings(**{"port": 0, "peers": (Peer(PEER),), **settings}))
    door.start()
    try:
        yield door
    finally:
        door.stop(grace_s=2.0)


def send_at_once(event: Any) -> None:
    """Set TCP_NODELAY on a peer's own socket."""
    event.assoc.dul.socket.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


@contextmanager
def associated(
    port: int,
    *contexts: tuple[str, str],
    calling: str = PEER,
    called: str = "FIDUCIA",
    tls: Any = None,
    reports: Reports | None = None,
) -> Iterator[Association]:
    """Ask for an association; whether it was let in is the caller's to look at."""
    entity = AE(calling)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = 20
    for sop_class, syntax in contexts or ((VERIFICATION, EXPLICIT), (CT, EXPLICIT)):
        entity.add_requested_context(sop_class, syntax)
    handlers: list[Any] = [(evt.EVT_CONN_OPEN, send_at_once)]
    if reports is not None:
        handlers.append((evt.EVT_N_EVENT_REPORT, reports.take))
    association = entity.associate("127.0.0.1", port, ae_title=called, tls_args=tls, evt_handlers=handlers)
    # pynetdicom's own requests and the reports that come meanwhile trip over each other.
    association.dimse = Messages(association, lambda *_: None)
    try:
        yield association
    finally:
        if association.is_established:
            association.release()


def data_set_of(file: bytes) -> tuple[Dataset, bytes]:
    """Return a Part 10 file's group 0002, and its data set's bytes as they are."""
    stream = io.BytesIO(file)
    meta = dcmread(stream, stop_before_pixels=True, defer_size=0).file_meta
    begin = 132 + 12 + int(meta.FileMetaInformationGroupLength)
    return meta, file[begin:]


def store(association: Association, file: bytes, *, sop_class: str = "", instance: str = "") -> Dataset:
    """Send a file's data set byte for byte; returns the answer's command set."""
    meta, data = data_set_of(file)
    return store_bytes(
        association,
        data,
        sop_class or meta.MediaStorageSOPClassUID,
        instance or meta.MediaStorageSOPInstanceUID,
        meta.TransferSyntaxUID,
    )


def store_bytes(
    association: Association, data: bytes | None, sop_class: str, instance: str, syntax: str, context_of: str = ""
) -> Dataset:
    """Send any bytes as a data set, in the context of `context_of`, or of the SOP class."""
    request: Any = C_STORE()
    request.MessageID = 1
    request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = sop_class, instance
    request.Priority = 0
    request.DataSet = None if data is None else io.BytesIO(data)
    (context,) = (
        each
        for each in association.accepted_contexts
        if each.abstract_syntax == (context_of or sop_class) and each.transfer_syntax[0] == syntax
    )
    assert context.context_id is not None
    answer = association.dimse.ask(request, context.context_id)  # type: ignore[attr-defined]
    told = Dataset()
    told.Status = None if answer is None else answer.Status
    told.ErrorComment = getattr(answer, "ErrorComment", None)
    return told


@dataclass
class Reports:
    """Storage commitment reports that came to a peer."""

    came: list[tuple[int, Dataset]] = field(default_factory=list)

    def take(self, event: Any) -> tuple[int, None]:
        """Take one."""
        self.came.append((event.request.EventTypeID, event.event_information))
        return 0x0000, None


def ask(association: Association, instances: Sequence[tuple[str, str]], transaction: str, **changes: Any) -> int | None:
    """Ask for storage commitment of (SOP class, SOP instance) pairs; returns the status."""
    information = Dataset()
    information.TransactionUID = transaction
    information.ReferencedSOPSequence = []
    for sop_class, uid in instances:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, uid
        information.ReferencedSOPSequence.append(item)
    request: Any = N_ACTION()
    request.MessageID = 2
    request.RequestedSOPClassUID = COMMITMENT
    request.RequestedSOPInstanceUID = changes.get("instance", COMMITMENT_INSTANCE)
    request.ActionTypeID = changes.get("action", 1)
    request.ActionInformation = io.BytesIO(encode(changes.get("information", information), False, True) or b"")
    (context,) = (each for each in association.accepted_contexts if each.abstract_syntax == COMMITMENT)
    answer = association.dimse.ask(request, context.context_id)  # type: ignore[attr-defined]
    return None if answer is None else int(answer.Status)


@contextmanager
def report_listener(title: str = PEER, called_by: str = "FIDUCIA") -> Iterator[tuple[int, Reports]]:
    """Listen for storage commitment reports on new associations; yields the port and what comes."""
    entity, reports = AE(title), Reports()
    entity.require_calling_aet = [called_by]
    entity.require_called_aet = True
    entity.add_supported_context(COMMITMENT, scu_role=False, scp_role=True)
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_N_EVENT_REPORT, reports.take)])
    assert server is not None
    try:
        yield server.server_address[1], reports
    finally:
        server.shutdown()
