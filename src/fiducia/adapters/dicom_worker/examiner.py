"""The examiner over a confined worker: asks, waits no longer than agreed, and replaces a worker that misbehaves."""

from __future__ import annotations

import io
import socket
import sys
import time
from collections.abc import Sequence
from functools import partial
from types import TracebackType
from typing import BinaryIO, Self

import msgspec

from fiducia.adapters.confined.process import Keeper, Worker, WorkerError
from fiducia.adapters.confined.ranges import range_of
from fiducia.adapters.dicom_worker import messages
from fiducia.adapters.dicom_worker.messages import Answer, Ask, Found, Listed, Message, Refused, Wanted
from fiducia.core.dicom.examination import Examined, require_sound
from fiducia.errors import DicomError
from fiducia.ports import InstanceSource

COMMAND = (sys.executable, "-I", "-m", "fiducia.adapters.dicom_worker")
ANSWER_S = 30.0
FILES_PER_WORKER = 5_000


class ConfinedExaminer:
    """An `Examiner` whose reading happens where it can harm nobody; one question at a time.

    Example:
        ``with ConfinedExaminer() as examiner: examined = examiner.sort(source)``
    """

    def __init__(self, *, command: Sequence[str] = COMMAND, answer_s: float = ANSWER_S) -> None:
        """Start nothing yet. `answer_s`: how long one file may take."""
        self._answer_s = answer_s
        self._keeper = Keeper(command, "reads DICOM")

    def sort(self, source: InstanceSource) -> Examined:
        """Return who and what an instance is; see `fiducia.ports.Examiner`."""
        return self._examined(source, Ask.SORT)

    def describe(self, source: InstanceSource) -> Examined:
        """Return everything the index says about an instance; see `fiducia.ports.Examiner`."""
        return self._examined(source, Ask.DESCRIBE)

    def directory(self, source: InstanceSource) -> tuple[tuple[str, ...], ...]:
        """Return the file IDs that a media directory refers to; see `fiducia.ports.Examiner`."""
        answer = self._ask(source, Ask.DIRECTORY)
        if not isinstance(answer, Listed):
            raise _misbehaved()
        return answer.file_ids

    def close(self) -> None:
        """End the worker."""
        self._keeper.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _examined(self, source: InstanceSource, ask: Ask) -> Examined:
        answer = self._ask(source, ask)
        if not isinstance(answer, Found):
            raise _misbehaved()
        return require_sound(answer.examined, source.size_bytes)

    def _ask(self, source: InstanceSource, ask: Ask) -> Answer:
        # Opened for the worker alone: it moves its own file's position, never one that is read here.
        try:
            with source.open() as stream, self._keeper.asking(FILES_PER_WORKER) as worker:
                answer = _exchange(worker, stream, ask, source.size_bytes, self._answer_s)
        except WorkerError as error:
            raise _misbehaved() from error
        if isinstance(answer, Refused):
            raise DicomError(answer.text())
        return answer


def _exchange(worker: Worker, stream: BinaryIO, ask: Ask, size_bytes: int, answer_s: float) -> Answer:
    """Ask about an open file. Raises: WorkerError."""
    deadline = time.monotonic() + answer_s
    worker.send(partial(_put_question, stream, messages.QUESTION.pack(ask, size_bytes)), deadline)
    while isinstance(message := _message(worker, deadline), Wanted):
        worker.send_bytes(range_of(stream, message.offset, message.size_bytes), deadline)
    return message


def _put_question(stream: BinaryIO, question: bytes, channel: socket.socket) -> None:
    try:
        descriptor = stream.fileno()
    except io.UnsupportedOperation:
        channel.sendall(question)
    else:
        socket.send_fds(channel, [question], [descriptor])


def _message(worker: Worker, deadline: float) -> Message:
    (length,) = messages.LENGTH.unpack(worker.receive(messages.LENGTH.size, deadline))
    if length > messages.ANSWER_MAX_BYTES:
        raise WorkerError
    try:
        return messages.decode(worker.receive(length, deadline))
    except msgspec.DecodeError as error:
        raise WorkerError from error


def _misbehaved() -> DicomError:
    return DicomError(
        "reading this file took too long, or broke the process that reads files: leave it out, and have it looked at"
    )
