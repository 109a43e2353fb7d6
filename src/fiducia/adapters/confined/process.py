"""The way to a confined process: started once, asked by a deadline, ended when it misbehaves, then replaced.

Owns: the process, its channel and its end. Not here: what is asked, and what of an answer is believed.
"""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from fiducia.errors import ConfigError

START_S = 30.0
_END_S = 2.0
_READ_BYTES = 1 << 20
_ENVIRONMENT = {"LANG": "C.UTF-8"}


class WorkerError(Exception):
    """The worker died, was too slow, or sent what no worker sends."""


class Keeper:
    """Keeps one worker: starts it when it is first needed and replaces it; one question at a time."""

    def __init__(self, command: Sequence[str], duty: str, *, environment: Mapping[str, str] | None = None) -> None:
        """Start nothing yet.

        Args:
            command: what to run; the number of its end of the channel is appended.
            duty: what it does, for the message when it does not start: "reads DICOM".
            environment: more than nothing, which is what it gets otherwise.
        """
        self._command = command
        self._duty = duty
        self._environment = {**_ENVIRONMENT, **(environment or {})}
        self._worker: Worker | None = None
        self._lock = threading.Lock()
        # A worker is killed when the thread that started it ends (prctl(2), PR_SET_PDEATHSIG): doors ask from threads
        # that come and go, so one that stays starts them all.
        self._starter: ThreadPoolExecutor | None = None

    @contextmanager
    def asking(self, questions_max: int) -> Iterator[Worker]:
        """Hold the worker for one question, and its answer if that is waited for; it ends when something else comes.

        Args:
            questions_max: a worker that was asked so often is replaced.

        Raises:
            ConfigError: it does not start.
        """
        with self._lock:
            worker = self._running(questions_max)
            worker.asked += 1
            try:
                yield worker
            except BaseException:  # also interrupted before the answer: the next question would get this one's
                self._end()
                raise

    @contextmanager
    def holding(self) -> Iterator[Worker | None]:
        """Hold the worker that runs, for an answer to what it was asked; None: there is none. It ends likewise."""
        with self._lock:
            try:
                yield self._worker
            except BaseException:
                self._end()
                raise

    def close(self) -> None:
        """End the worker."""
        with self._lock:
            self._end()
            if self._starter is not None:
                self._starter.shutdown()
                self._starter = None

    def _running(self, questions_max: int) -> Worker:
        if self._worker is not None and self._worker.asked >= questions_max:
            self._end()
        if self._worker is None:
            self._worker = self._start()
        return self._worker

    def _start(self) -> Worker:
        if self._starter is None:
            self._starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="confined-worker")
        started = self._starter.submit(Worker, self._command, self._duty, self._environment)
        try:
            return started.result()
        except BaseException:
            started.add_done_callback(_end_unwanted)  # interrupted while it started
            raise

    def _end(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.end()


class Worker:
    """One process and the way to it."""

    def __init__(self, command: Sequence[str], duty: str, environment: Mapping[str, str]) -> None:
        """Start it, and wait until it is confined. Raises: ConfigError (it does not start)."""
        self.asked = 0
        self._channel, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with far:
            self._process = subprocess.Popen(
                [*command, str(far.fileno())],
                pass_fds=(far.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # a traceback would show what was read
                cwd="/",
                env=environment,
            )
        try:
            self.filtered = self.receive(1, time.monotonic() + START_S) == b"\1"
        except WorkerError as error:
            self.end()
            raise ConfigError(f"the process that {duty} does not start: is fiducia installed whole?") from error

    def send(self, send: Callable[[socket.socket], object], deadline: float) -> None:
        """Send by a function that is given the channel. Raises: WorkerError."""
        self._channel.settimeout(max(0.001, deadline - time.monotonic()))
        try:
            send(self._channel)
        except OSError as error:  # a timeout is one
            raise WorkerError from error

    def send_bytes(self, data: bytes, deadline: float) -> None:
        """Send all of it. Raises: WorkerError."""
        self.send(lambda channel: channel.sendall(data), deadline)

    def receive(self, size_bytes: int, deadline: float) -> bytearray:
        """Return exactly that many bytes. Raises: WorkerError."""
        received = bytearray()
        while len(received) < size_bytes:
            left = deadline - time.monotonic()
            if left <= 0:
                raise WorkerError
            self._channel.settimeout(left)
            try:
                piece = self._channel.recv(min(size_bytes - len(received), _READ_BYTES))
            except OSError as error:  # a timeout is one
                raise WorkerError from error
            if not piece:
                raise WorkerError
            received += piece
        return received

    def end(self) -> None:
        """End it, asked or not."""
        self._channel.close()
        try:
            self._process.wait(timeout=_END_S if self.asked == 0 else 0.2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _end_unwanted(started: Future[Worker]) -> None:
    if not started.cancelled() and started.exception() is None:
        started.result().end()
