"""Pixels over a confined worker: asks, waits no longer than agreed, believes no more than it must."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Self

import msgspec

from fiducia.adapters.confined.pool import Pool
from fiducia.adapters.confined.process import Keeper, Worker, WorkerError
from fiducia.adapters.confined.ranges import range_of
from fiducia.adapters.dicom_pixels import messages
from fiducia.adapters.dicom_pixels.messages import Answered, Ask, Outline
from fiducia.core.dicom.passages import carry_out, require_bounded_file, require_sound_passages
from fiducia.core.dicom.picture import Picture, require_bounded
from fiducia.core.dicom.view import JPEG, Placement, View, placed
from fiducia.core.dicom.window import Seekable
from fiducia.errors import DicomError

COMMAND = (sys.executable, "-I", "-m", "fiducia.adapters.dicom_pixels")
ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # threads cannot be started behind the wall
ANSWER_S = 30.0
FRAMES_PER_WORKER = 1_000
WORKERS = min(4, os.cpu_count() or 1)
_BEGINNINGS = {True: b"\xff\xd8\xff", False: b"\x89PNG\r\n\x1a\n"}
_SLACK_BYTES = 1 << 16


class ConfinedPixels:
    """`Pixels` whose decoding happens where it can harm nobody; as many frames at a time as there are workers.

    Example:
        ``with ConfinedPixels() as pixels: jpeg = pixels.render(picture, frame, THUMBNAIL)``
    """

    def __init__(self, *, command: Sequence[str] = COMMAND, answer_s: float = ANSWER_S, workers: int = WORKERS) -> None:
        """Start nothing yet.

        Args:
            command: what a worker runs.
            answer_s: how long one frame, or one outline, may take.
            workers: how many there are at most; each may have `MEMORY_BYTES` of its `__main__`.
        """
        self._answer_s = answer_s
        self._pool = Pool(lambda: Keeper(command, "decodes pixels", environment=ENVIRONMENT), workers)

    def decode(self, picture: Picture, frame: bytes) -> bytes:
        """Return the native frame; see `fiducia.ports.Pixels`."""
        require_bounded(picture, frame)
        return self._ask(Ask(picture), frame, picture.decoded_bytes, picture.decoded_bytes)

    def render(self, picture: Picture, frame: bytes, view: View) -> bytes:
        """Return the frame as it is seen; see `fiducia.ports.Pixels`."""
        require_bounded(picture, frame)
        most = _most_bytes(placed(view.viewport, picture.rows, picture.columns))
        image = self._ask(Ask(picture, view), frame, 1, most)
        if not image.startswith(_BEGINNINGS[view.media_type == JPEG]):
            raise _misbehaved()
        return image

    def convert(self, stream: Seekable, size_bytes: int) -> Iterator[bytes]:
        """Return the instance's file in Explicit VR Little Endian; see `fiducia.ports.Pixels`.

        No worker is held while pieces are taken: it outlines the file, and later decodes frame after frame.
        """
        require_bounded_file(size_bytes)
        answer = self._ask(Outline(size_bytes), b"", 1, messages.OUTLINE_MAX_BYTES, stream)
        try:
            passages = messages.decode_passages(answer)
        except msgspec.DecodeError as error:
            raise _misbehaved() from error
        return carry_out(require_sound_passages(passages, size_bytes), stream, size_bytes, self.decode)

    def close(self) -> None:
        """End all workers."""
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(
        self, ask: Ask | Outline, frame: bytes, least_bytes: int, most_bytes: int, stream: Seekable | None = None
    ) -> bytes:
        allowed = {Answered.DONE: (least_bytes, most_bytes), Answered.REFUSED: (0, messages.REFUSAL_MAX_BYTES)}
        if stream is not None:
            allowed[Answered.WANTED] = (messages.WANTED.size, messages.WANTED.size)
        try:
            with self._pool.asking(FRAMES_PER_WORKER) as worker:
                deadline = time.monotonic() + self._answer_s
                worker.send_bytes(messages.question(ask, frame), deadline)
                worker.send_bytes(frame, deadline)
                kind, answer = _answer(worker, allowed, deadline)
                while stream is not None and kind == Answered.WANTED:
                    worker.send_bytes(range_of(stream, *messages.WANTED.unpack(answer)), deadline)
                    kind, answer = _answer(worker, allowed, deadline)
        except WorkerError as error:
            raise _misbehaved() from error
        if kind == Answered.REFUSED:
            raise DicomError(messages.refusal_text(answer))
        return bytes(answer)


def _answer(worker: Worker, allowed: Mapping[Answered, tuple[int, int]], deadline: float) -> tuple[int, bytearray]:
    """One answer; nothing of it is read before its length is an allowed one. Raises: WorkerError."""
    kind, length = messages.ANSWER.unpack(worker.receive(messages.ANSWER.size, deadline))
    least, most = next((sizes for known, sizes in allowed.items() if known == kind), (1, 0))
    if not least <= length <= most:
        raise WorkerError
    return kind, worker.receive(length, deadline)


def _most_bytes(place: Placement) -> int:
    """No image of that size takes more, whatever it shows: twice what it would uncompressed."""
    return 2 * 3 * place.width * place.height + _SLACK_BYTES


def _misbehaved() -> DicomError:
    return DicomError(
        "decoding these pixels took too long, or broke the process that decodes: leave it out, and have it looked at"
    )
