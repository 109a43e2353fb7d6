"""Questions on their way to one worker: it has the next before it gave an answer, and answers in their order.

Owns whose answer is whose, and who is to blame for a worker that ends: the question whose turn it was, no other. Those
behind it are asked again, of the next worker. One that says what cannot be true is ended, too: whoever has taken it
over says nothing of the files behind.
"""

from __future__ import annotations

import io
import socket
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

import msgspec

from fiducia.adapters.confined.process import Keeper, Worker, WorkerError
from fiducia.adapters.confined.ranges import range_of
from fiducia.adapters.dicom_worker import messages
from fiducia.adapters.dicom_worker.messages import Answer, Ask, Found, Listed, Message, Refused, Wanted
from fiducia.core.dicom.examination import require_sound
from fiducia.errors import DicomError
from fiducia.ports import InstanceSource

FILES_PER_WORKER = 5_000


@dataclass(slots=True, eq=False)
class _Question:
    """One question. `worker`: who was asked, while that one runs; `outcome`: what came of it."""

    source: InstanceSource
    ask: Ask
    worker: Worker | None = None
    outcome: Answer | DicomError | None = None


class Questions:
    """Asks the worker of a keeper. Safe for threads: all that is here happens while the keeper's worker is held."""

    def __init__(self, keeper: Keeper, answer_s: float) -> None:
        """Ask nothing yet. `answer_s`: how long one file may take."""
        self._keeper = keeper
        self._answer_s = answer_s
        self._sent: deque[_Question] = deque()  # without their answers yet, all of one worker

    def ask(self, source: InstanceSource, ask: Ask) -> Callable[[], Answer]:
        """Ask; what comes back waits for the answer.

        Raises: ConfigError: no worker starts. What comes back raises DicomError: the file cannot be opened, is
        refused, or broke the worker.
        """
        question = _Question(source, ask)
        try:
            self._send(question)
        except DicomError as error:
            question.outcome = error
        return partial(self._answered, question)

    def _answered(self, question: _Question) -> Answer:
        while question.outcome is None:
            self._receive_up_to(question)
            if question.outcome is None:
                self._send(question)  # again: the worker ended, and it was not this one's turn
        if isinstance(question.outcome, DicomError):
            raise question.outcome
        if isinstance(question.outcome, Refused):
            raise DicomError(question.outcome.text())
        return question.outcome

    def _send(self, question: _Question) -> None:
        """Ask. When the worker ends before it is this one's turn, it has no outcome and is to be asked again."""
        # Opened for the worker alone: it moves its own file's position, never one that is read here.
        with (
            suppress(WorkerError),
            question.source.open() as stream,
            self._keeper.asking(FILES_PER_WORKER) as worker,
        ):
            if self._sent and self._sent[0].worker is not worker:
                self._sent.clear()  # they were asked of one that ended
            descriptor = _descriptor(stream)
            if descriptor is None:
                while self._sent:  # what is sent from here on answers this question's own
                    self._receive_next(worker)
            try:
                self._put(question, worker, stream, descriptor)
            except WorkerError:
                if not self._sent:
                    question.outcome = misbehaved()
                raise

    def _put(self, question: _Question, worker: Worker, stream: BinaryIO, descriptor: int | None) -> None:
        deadline = time.monotonic() + self._answer_s
        packed = messages.QUESTION.pack(question.ask, question.source.size_bytes)
        if descriptor is not None:
            worker.send(lambda channel: socket.send_fds(channel, [packed], [descriptor]), deadline)
            question.worker = worker
            self._sent.append(question)
            return
        worker.send_bytes(packed, deadline)
        while isinstance(message := _message(worker, deadline), Wanted):
            worker.send_bytes(range_of(stream, message.offset, message.size_bytes), deadline)
        question.outcome = _believed(question, message)

    def _receive_up_to(self, question: _Question) -> None:
        """Receive a question's answer and those before it, if it was asked of the worker that runs."""
        with suppress(WorkerError), self._keeper.holding() as worker:
            while worker is not None and question.worker is worker and question.outcome is None:
                self._receive_next(worker)

    def _receive_next(self, worker: Worker) -> None:
        """Receive the answer to the oldest question; when none comes, that one is to blame. Raises: WorkerError."""
        question = self._sent.popleft()
        try:
            question.outcome = _believed(question, _message(worker, time.monotonic() + self._answer_s))
        except WorkerError:
            question.outcome = misbehaved()
            raise


def _descriptor(stream: BinaryIO) -> int | None:
    """Return an open file's descriptor; None: it is no file of its own (it is sealed, say)."""
    try:
        return stream.fileno()
    except io.UnsupportedOperation:
        return None


def _message(worker: Worker, deadline: float) -> Message:
    (length,) = messages.LENGTH.unpack(worker.receive(messages.LENGTH.size, deadline))
    if length > messages.ANSWER_MAX_BYTES:
        raise WorkerError
    try:
        return messages.decode(worker.receive(length, deadline))
    except msgspec.DecodeError as error:
        raise WorkerError from error


def _believed(question: _Question, message: Message) -> Answer:
    """Return what can be the answer to a question about a file of that size. Raises: WorkerError."""
    match message:
        case Refused():
            return message
        case Listed() if question.ask is Ask.DIRECTORY:
            return message
        case Found(examined=examined) if question.ask is not Ask.DIRECTORY:
            try:
                require_sound(examined, question.source.size_bytes)
            except DicomError as error:
                raise WorkerError from error
            return message
        case _:
            raise WorkerError


def misbehaved() -> DicomError:
    """Return what is said of a file whose reader did what no reader does."""
    return DicomError(
        "reading this file took too long, or broke the process that reads files: leave it out, and have it looked at"
    )
