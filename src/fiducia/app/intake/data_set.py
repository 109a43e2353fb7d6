"""One instance on its way from an association into the spool, a piece at a time, while it comes.

The association's thread gives pieces as its PDUs arrive; a thread of its own seals them. A few pieces are in memory,
whatever the instance's size; whoever gives waits when there are more. What ends early leaves nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from queue import Empty, Full, Queue
from typing import Final

from fiducia.core.dicom.spooled import Spooled
from fiducia.errors import DicomError
from fiducia.ports import Piece

INSTANCE_MAX_BYTES = 16 << 30
PIECES_AHEAD: Final = 8
_LOOK_S: Final = 0.5

Receive = Callable[[Iterator[Piece]], Spooled]


class GoneError(DicomError):
    """The sender went away before the instance's end."""


class TooLargeError(DicomError):
    """The instance is larger than this door takes."""


class Receiving:
    """One instance that is being received.

    Args:
        head: the bytes before the data set.
        receive: takes all pieces; what it raises is raised by `result`.
        is_there: whether the sender is; asked now and then while no piece comes.
        max_bytes: how long the data set may be.
    """

    def __init__(self, head: bytes, receive: Receive, is_there: Callable[[], bool], max_bytes: int) -> None:
        self._head = head
        self._receive = receive
        self._is_there = is_there
        self._max_bytes = max_bytes
        self._queue: Queue[bytes | None] = Queue(PIECES_AHEAD)
        self._outcome: Spooled | BaseException = GoneError("nothing was received")
        self._thread = threading.Thread(target=self._run, name="receive", daemon=True)
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """Whether it is still being received."""
        return self._thread.is_alive()

    def give(self, piece: bytes | None) -> None:
        """Give the next piece, or None at the end; waits while there are too many. What nobody wants is dropped."""
        while self._thread.is_alive():
            try:
                self._queue.put(piece, timeout=_LOOK_S)
                return
            except Full:
                continue

    def result(self) -> Spooled:
        """Wait for the end and return what is kept. Raises: as `receive`; GoneError, TooLargeError."""
        self._thread.join()
        if isinstance(self._outcome, BaseException):
            raise self._outcome
        return self._outcome

    def join(self, timeout_s: float) -> None:
        """Wait for the end, for so long."""
        self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            self._outcome = self._receive(self._pieces())
        except BaseException as error:
            self._outcome = error

    def _pieces(self) -> Iterator[bytes]:
        yield self._head
        size_bytes = 0
        while (piece := self._next()) is not None:
            size_bytes += len(piece)
            if size_bytes > self._max_bytes:
                raise TooLargeError("the instance is larger than this door takes")
            yield piece

    def _next(self) -> bytes | None:
        while True:
            try:
                return self._queue.get(timeout=_LOOK_S)
            except Empty:
                if not self._is_there():
                    raise GoneError("the sender went away before the instance's end") from None
