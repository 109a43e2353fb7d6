"""The DIMSE door: C-ECHO, C-STORE and storage commitment for a custodian's own PACS and modalities.

An instance is kept in the transfer syntax of its presentation context, and answered with success once it is durable
in the spool. Whoever is not on the list of calling AE titles is not let in. Nothing of a peer is logged: counts only.
Source: PS3.4 annexes A (verification), B.2.3 (statuses), J (storage commitment); PS3.7 section 9.1.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from enum import IntEnum
from typing import Any

import structlog
from pydicom.dataset import Dataset
from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.dimse_messages import DIMSEMessage
from pynetdicom.sop_class import StorageCommitmentPushModelInstance

from fiducia.app.intake.association import DataSet, Messages, Server, cut, end
from fiducia.app.intake.commitments import Commitments
from fiducia.app.intake.data_set import GoneError, Receiving, TooLargeError
from fiducia.app.intake.dicom_reports import Reports
from fiducia.app.intake.dimse_settings import UNINTRODUCED, DimseSettings, entity_of
from fiducia.app.intake.parts import IntakeParts
from fiducia.core.dicom.commitment import read_commitment
from fiducia.core.dicom.file_meta import file_head
from fiducia.errors import ConfigError, DicomError, FiduciaError, LimitError, VaultError
from fiducia.journeys.intake.receive import SetAsideError

_REQUEST_COMMITMENT = 1
_log = structlog.get_logger("fiducia.intake")


class Status(IntEnum):
    """What a request is answered with."""

    SUCCESS = 0x0000
    PROCESSING_FAILURE = 0x0110
    NO_SUCH_INSTANCE = 0x0112
    INVALID_ARGUMENT = 0x0115
    NO_SUCH_ACTION = 0x0123
    RESOURCE_LIMITATION = 0x0213
    OUT_OF_RESOURCES = 0xA700
    CANNOT_TAKE = 0xA900  # no data set, or a command that names another SOP class than the presentation context
    CANNOT_UNDERSTAND = 0xC000
    SET_ASIDE = 0xC001  # it is kept: staff look at it, sending it again changes nothing


class DimseDoor:
    """One custodian's door, from `start` to `stop`.

    Example:
        ``door = DimseDoor(parts, DimseSettings(11112, peers=(Peer("MODALITY1"),))); door.start(); ...; door.stop()``
    """

    def __init__(self, parts: IntakeParts, settings: DimseSettings) -> None:
        """Prepare. Raises: ConfigError (TLS files, AE titles)."""
        self._parts = parts
        self._settings = settings
        self._entity = entity_of(settings)
        self._tls = settings.tls.server() if settings.tls else None
        addresses = {peer.ae_title: peer.reports_to for peer in settings.peers if peer.reports_to}
        reports = Reports(self._entity, addresses, settings.tls.client() if settings.tls else None)
        self.commitments = Commitments(tell=parts.tell, send=reports.send, wait_s=settings.commit_wait_s)
        self._server: Server | None = None
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._receiving: set[Receiving] = set()

    @property
    def port(self) -> int:
        """The port that it listens at."""
        assert self._server is not None
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Listen. Raises: ConfigError (the port is taken)."""
        handlers = [
            (evt.EVT_REQUESTED, self._requested),
            (evt.EVT_C_STORE, self._store),
            (evt.EVT_N_ACTION, self._commit),
            (evt.EVT_CONN_CLOSE, _closed),
        ]
        address = (self._settings.host, self._settings.port)
        try:
            self._server = Server(
                self._entity,
                address,
                begin=self._begin,
                connections=self._settings.associations + UNINTRODUCED,
                tls=self._tls,
                handlers=handlers,
            )
        except OSError as error:
            raise ConfigError(f"port {address[1]} at {address[0]} cannot be listened at: is it taken?") from error
        self._entity._servers.append(self._server)
        for name, target in (("dimse", self._listen), ("commit", lambda: self.commitments.serve(self._stop))):
            self._threads.append(threading.Thread(target=target, name=name, daemon=True))
            self._threads[-1].start()

    def stop(self, grace_s: float = 5.0) -> None:
        """Take nobody new, let those that are in finish for a while, and end the rest."""
        if self._server is None or self._stop.is_set():
            return
        self._stop.set()
        server = self._server
        server.shutdown()
        _wait(grace_s, lambda: not any(each.is_established for each in server.active_associations))
        for act in (end, cut):
            for association in server.active_associations:
                act(association)
            _wait(1.0, lambda: not server.active_associations)
        for receiving in tuple(self._receiving):
            receiving.join(grace_s)
        for thread in self._threads:
            thread.join(grace_s)

    def _listen(self) -> None:
        assert self._server is not None
        self._server.serve_forever(poll_interval=0.1)

    # -- what peers ask

    def _requested(self, event: evt.Event) -> None:
        """Turn an association away, for now, when there are enough; those that only connected do not count."""
        active = self._server.active_associations if self._server is not None else []
        if sum(each.is_established for each in active) >= self._settings.associations:
            event.assoc.acse.send_reject(0x02, 0x03, 0x02)
            event.assoc.kill()

    def _begin(self, association: Association, message: DIMSEMessage) -> Receiving | None:
        """An instance begins: have it received, or pass over it."""
        context = association._accepted_cx.get(message.context_id or 0)
        command = message.command_set
        sop_class = str(command.get("AffectedSOPClassUID", ""))
        if context is None or context.abstract_syntax != sop_class:
            return None
        try:
            head = file_head(sop_class, str(command.get("AffectedSOPInstanceUID", "")), context.transfer_syntax[0])
        except DicomError:
            return None

        def receive(pieces: Iterator[Any]) -> Any:
            return self._parts.receive.run(pieces, door="c-store")

        def is_there() -> bool:
            return association.is_alive() and association.dul.is_alive()

        receiving = Receiving(head, receive, is_there, self._settings.instance_max_bytes)
        with self._lock:
            self._receiving = {each for each in (*self._receiving, receiving) if each.is_running}
        return receiving

    def _store(self, event: evt.Event) -> Dataset | int:
        data_set = event.request.DataSet  # type: ignore[union-attr]
        receiving = data_set.receiving if isinstance(data_set, DataSet) else None
        status = Status.CANNOT_TAKE if receiving is None else _status_of(receiving)
        event.assoc.dul._idle_timer.restart()  # the peer was waiting for us
        if isinstance(event.assoc.dimse, Messages):
            event.assoc.dimse.told[status] += 1
        if status is not Status.SET_ASIDE:
            return int(status)
        answer = Dataset()
        answer.Status = int(status)
        answer.ErrorComment = "kept, and set aside for staff to look at: do not send it again"
        return answer

    def _commit(self, event: evt.Event) -> tuple[int, None]:
        return int(self._committing(event)), None

    def _committing(self, event: evt.Event) -> Status:
        request: Any = event.request
        if request.ActionTypeID != _REQUEST_COMMITMENT:
            return Status.NO_SUCH_ACTION
        if request.RequestedSOPInstanceUID != StorageCommitmentPushModelInstance:
            return Status.NO_SUCH_INSTANCE
        information = request.ActionInformation
        try:
            asked = read_commitment(information.getvalue() if information else b"", event.context.transfer_syntax)
            self.commitments.ask(event.assoc.requestor.ae_title, asked, event.assoc)
        except DicomError:
            return Status.INVALID_ARGUMENT
        except LimitError:
            return Status.RESOURCE_LIMITATION
        return Status.SUCCESS


def _wait(seconds: float, is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + seconds
    while not is_so() and time.monotonic() < until:
        time.sleep(0.02)


def _status_of(receiving: Receiving) -> Status:
    """Wait for an instance to be durable, or not to be."""
    try:
        receiving.result()
    except SetAsideError:
        return Status.SET_ASIDE
    except (TooLargeError, VaultError):
        return Status.OUT_OF_RESOURCES
    except GoneError:
        return Status.PROCESSING_FAILURE  # nobody is there to hear it
    except DicomError:
        return Status.CANNOT_UNDERSTAND
    except FiduciaError:
        return Status.PROCESSING_FAILURE
    except Exception as error:
        # A defect of ours: its kind is logged, its text (which may quote an instance) is not.
        _log.error("defect", kind=type(error).__name__)
        return Status.PROCESSING_FAILURE
    return Status.SUCCESS


def _closed(event: evt.Event) -> None:
    dimse = event.assoc.dimse
    if isinstance(dimse, Messages) and dimse.told:
        told, dimse.told = dimse.told, type(dimse.told)()
        _log.info("answered", door="c-store", **{f"status_{status:04x}": count for status, count in told.items()})
