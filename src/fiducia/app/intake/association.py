"""Associations as this door has them: pynetdicom's, in bounds.

Owns what keeps one peer from costing more than its share: PDUs no longer than `PDU_MAX_BYTES`, each whole within the
network timeout; data sets that are handed on while they come; one message that is served and one that waits, after
which the socket is not read; handshakes in their own thread; small packets sent at once, without which each message
would wait for the peer's delayed acknowledgement. Source: PS3.8 section 9.3, annex E; PS3.7.
Not here: who is let in, and what is answered (`dicom_door`).

This reaches into pynetdicom 3.0's classes, in the places where it makes them; `tests/unit/app/test_dimse.py` has a
case for each.
"""

from __future__ import annotations

import contextlib
import io
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dimse_messages import C_STORE_RQ, DIMSEMessage
from pynetdicom.transport import AssociationSocket, RequestHandler, ThreadedAssociationServer

from fiducia.app.intake.data_set import Receiving
from fiducia.core.dicom.commitment import REQUEST_MAX_BYTES
from fiducia.errors import EncodingError

PDU_MAX_BYTES: Final = 1 << 20  # what is announced is 128 KiB; association requests may be longer than that
COMMAND_MAX_BYTES: Final = 16 << 10
HANDSHAKES: Final = 16
_INVALID_PDU: Final = "Evt19"

Begin = Callable[[Association, DIMSEMessage], Receiving | None]


class DataSet(io.BytesIO):
    """A message's data set: an instance's goes on as it comes, anything else is held, up to a length.

    Attributes:
        receiving: the instance, once its first piece came; None when it is not taken, or is something else.
    """

    def __init__(self, association: Association, message: DIMSEMessage, begin: Begin) -> None:
        super().__init__()
        self._association, self._message, self._begin = association, message, begin
        self._begun = False
        self.receiving: Receiving | None = None

    def write(self, piece: Any, /) -> int:
        """Take the next piece. Raises: EncodingError (too long)."""
        if not isinstance(self._message, C_STORE_RQ):
            return _write_bounded(self, piece, REQUEST_MAX_BYTES)
        if not self._begun:
            self._begun = True
            self.receiving = self._begin(self._association, self._message)
        if self.receiving is not None and piece:
            self.receiving.give(piece)
        return len(piece)

    def end(self) -> None:
        """The message is whole."""
        if self.receiving is not None:
            self.receiving.give(None)


class _Command(io.BytesIO):
    def write(self, piece: Any, /) -> int:
        return _write_bounded(self, piece, COMMAND_MAX_BYTES)


def _write_bounded(stream: io.BytesIO, piece: bytes, max_bytes: int) -> int:
    if stream.tell() + len(piece) > max_bytes:
        raise EncodingError("a message is longer than its kind may be")
    return io.BytesIO.write(stream, piece)


class Messages(DIMSEServiceProvider):
    """An association's messages; what cannot be read ends it.

    Attributes:
        told: how often each status was answered to a C-STORE.
    """

    def __init__(self, association: Association, begin: Begin) -> None:
        super().__init__(association)
        self.told: Counter[int] = Counter()
        self._begin = begin
        self._sending = threading.Lock()
        self._awaited: int | None = None  # the message whose answer somebody waits for

    def receive_primitive(self, primitive: Any) -> None:
        """Take a P-DATA primitive."""
        if self.message is None:
            self.message = DIMSEMessage()
            self.message.encoded_command_set = _Command()
            self.message.data_set = DataSet(self.assoc, self.message, self._begin)
        data_set = self.message.data_set
        try:
            super().receive_primitive(primitive)
        except Exception:  # hostile bytes make it raise anything: the association ends, nothing else does
            self.dul.event_queue.put(_INVALID_PDU)
            return
        if self.message is None:
            assert isinstance(data_set, DataSet)
            data_set.end()

    def send_msg(self, primitive: Any, context_id: int) -> None:
        """Send a message, whole: two threads may send, and their pieces must not mix."""
        with self._sending:
            super().send_msg(primitive, context_id)

    def get_msg(self, block: bool = False) -> Any:
        """Return the next message for the association's own thread, or (None, None)."""
        if block:
            return super().get_msg(block=True)
        with self.msg_queue.mutex:
            for place, (_, message) in enumerate(self.msg_queue.queue):
                if self._awaited is None or message.MessageIDBeingRespondedTo != self._awaited:
                    return self._pop(place)
        return None, None

    def ask(self, request: Any, context_id: int) -> Any:
        """Send a request from another thread than the association's and return the answer, or None without one."""
        self._awaited = request.MessageID
        try:
            self.send_msg(request, context_id)
            until = time.monotonic() + (self.dimse_timeout or 0)
            while time.monotonic() < until and self.assoc.is_established and self.dul.is_alive():
                with self.msg_queue.mutex:
                    for place, (_, message) in enumerate(self.msg_queue.queue):
                        if message.MessageIDBeingRespondedTo == self._awaited:
                            return self._pop(place)[1]
                time.sleep(0.005)
            return None
        finally:
            self._awaited = None

    def _pop(self, place: int) -> Any:
        found = self.msg_queue.queue[place]
        del self.msg_queue.queue[place]
        return found


class _Socket(AssociationSocket):
    """A socket that is read only when there is room for a message."""

    @property
    def ready(self) -> bool:
        return self.assoc.dimse.msg_queue.qsize() < 1 and super().ready

    def recv(self, nr_bytes: int) -> bytearray:
        """Return so many bytes, or fewer when the peer ends before. Raises: OSError (too many, or too late)."""
        if nr_bytes > PDU_MAX_BYTES:
            raise OSError("a PDU is longer than this door takes")
        assert self.socket is not None
        data, count = bytearray(nr_bytes), 0
        view = memoryview(data)
        until = time.monotonic() + (self.assoc.network_timeout or 0)
        while count < nr_bytes:
            if time.monotonic() > until:
                raise TimeoutError("a PDU takes too long")
            got = self.socket.recv_into(view[count:])
            if not got:
                break
            count += got
        view.release()
        del data[count:]
        return data

    def _shutdown_socket(self) -> None:
        """Shut down and close, the latter also when the peer was faster."""
        found = self.socket
        super()._shutdown_socket()
        if found is not None:
            found.close()


class Handler(RequestHandler):
    """Makes an association of a connection."""

    server: Server

    def _create_association(self) -> Association:
        association = super()._create_association()
        association.acceptor.supported_contexts = self.server.supported
        # Neither has begun to run, and nothing holds on to them yet but their association.
        found = association.dul.socket
        assert found is not None
        found.__class__ = _Socket
        association.dimse = Messages(association, self.server.begin)
        return association


class Server(ThreadedAssociationServer):
    """Listens and makes connections into associations, each in a thread of its own."""

    def __init__(
        self,
        entity: ApplicationEntity,
        address: tuple[str, int],
        *,
        begin: Begin,
        connections: int,
        tls: ssl.SSLContext | None,
        handlers: list[Any],
    ) -> None:
        """Bind and listen. Raises: OSError.

        Args:
            entity: whose title, timeouts and presentation contexts count.
            address: where.
            begin: called with each C-STORE whose data set begins; returns what receives it, or None.
            connections: how many there may be at once, whatever they are about.
            tls: what each connection is wrapped in.
            handlers: pairs of a pynetdicom event and what is called with it.
        """
        self.begin = begin
        self.connections = connections
        # pynetdicom would copy all of them for each association, which takes longer than most associations last.
        self.supported = entity.supported_contexts
        self._handshakes = threading.BoundedSemaphore(HANDSHAKES)
        super().__init__(entity, address, entity.ae_title, [], tls, handlers, Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        """Return the next connection, without a word said on it yet."""
        assert self.socket is not None
        connection, address = self.socket.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(self.ae.acse_timeout)
        if self.ssl_context:
            connection = self.ssl_context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Tell whether there is room for one more."""
        return len(self.active_associations) < self.connections

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Shake hands and begin; a peer that cannot is dropped."""
        try:
            if isinstance(request, ssl.SSLSocket):
                self._shake_hands(request)
            request.settimeout(self.ae.network_timeout)
            self.finish_request(request, client_address)
        except Exception:  # in a thread of its own, with nobody to tell but a peer that is not known
            self.shutdown_request(request)

    def _shake_hands(self, connection: ssl.SSLSocket) -> None:
        if not self._handshakes.acquire(blocking=False):
            raise OSError("too many handshakes at once")
        try:
            connection.do_handshake()
        finally:
            self._handshakes.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: what is raised here would be printed with addresses."""


def end(association: Association) -> None:
    """End an association, also one that nobody has asked for yet; `cut` ends one that is in the middle of a PDU."""
    if association.is_established:
        association.abort(block=False)
        return
    association.dul.kill_dul()
    association.dul.to_user_queue.put(None)  # what it gets when nobody asks in time


def cut(association: Association) -> None:
    """End an association's connection: whoever reads from it is told that there is no more."""
    found = association.dul.socket
    if found is not None and found.socket is not None:
        with contextlib.suppress(OSError):
            found.socket.shutdown(socket.SHUT_RDWR)
