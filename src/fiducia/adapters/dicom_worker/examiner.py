"""The examiner over a confined worker: asks, waits no longer than agreed, and believes nothing that it cannot check."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from fiducia.adapters.confined.process import Keeper
from fiducia.adapters.dicom_worker.messages import Answer, Ask, Found, Listed
from fiducia.adapters.dicom_worker.questions import Questions, misbehaved
from fiducia.core.dicom.examination import Examined
from fiducia.ports import InstanceSource

COMMAND = (sys.executable, "-I", "-m", "fiducia.adapters.dicom_worker")
ANSWER_S = 30.0


class ConfinedExaminer:
    """An `Examiner` whose reading happens where it can harm nobody, one instance after the other.

    Example:
        ``with ConfinedExaminer() as examiner: examined = examiner.sort(source)``
    """

    def __init__(self, *, command: Sequence[str] = COMMAND, answer_s: float = ANSWER_S) -> None:
        """Start nothing yet. `answer_s`: how long one file may take."""
        self._keeper = Keeper(command, "reads DICOM")
        self._questions = Questions(self._keeper, answer_s)

    def sort(self, source: InstanceSource) -> Examined:
        """Return who and what an instance is; see `fiducia.ports.Examiner`."""
        return self.ask(source, whole=False)()

    def describe(self, source: InstanceSource) -> Examined:
        """Return everything the index says about an instance; see `fiducia.ports.Examiner`."""
        return self.ask(source, whole=True)()

    def ask(self, source: InstanceSource, *, whole: bool) -> Callable[[], Examined]:
        """Ask for either, and go on; see `fiducia.ports.Examiner`."""
        answer = self._questions.ask(source, Ask.DESCRIBE if whole else Ask.SORT)
        return lambda: _examined(answer())

    def directory(self, source: InstanceSource) -> tuple[tuple[str, ...], ...]:
        """Return the file IDs that a media directory refers to; see `fiducia.ports.Examiner`."""
        answer = self._questions.ask(source, Ask.DIRECTORY)()
        if not isinstance(answer, Listed):
            raise misbehaved()
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


def _examined(answer: Answer) -> Examined:
    if not isinstance(answer, Found):
        raise misbehaved()
    return answer.examined
