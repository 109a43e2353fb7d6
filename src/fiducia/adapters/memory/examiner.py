"""An examiner that reads in its caller's own process: for tests, and for instances that the caller made."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from fiducia.core.dicom.directory import read_directory
from fiducia.core.dicom.examination import Examined, examine
from fiducia.ports import InstanceSource


class DirectExaminer:
    """An `Examiner` without a wall; same duties otherwise."""

    def sort(self, source: InstanceSource) -> Examined:
        """Return who and what an instance is; see `fiducia.ports.Examiner`."""
        with source.open() as stream:
            return examine(stream, source.size_bytes, whole=False)

    def describe(self, source: InstanceSource) -> Examined:
        """Return everything the index says about an instance; see `fiducia.ports.Examiner`."""
        with source.open() as stream:
            return examine(stream, source.size_bytes, whole=True)

    def ask(self, source: InstanceSource, *, whole: bool) -> Callable[[], Examined]:
        """Read it when the answer is waited for; see `fiducia.ports.Examiner`."""
        return partial(self.describe if whole else self.sort, source)

    def directory(self, source: InstanceSource) -> tuple[tuple[str, ...], ...]:
        """Return the file IDs that a media directory refers to; see `fiducia.ports.Examiner`."""
        with source.open() as stream:
            return read_directory(stream, source.size_bytes)
