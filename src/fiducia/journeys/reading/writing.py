"""Writing: opened series go to a destination; an instance counts once every byte of it is proved.

    before each series and in the end: does what it rests on still stand?
    each instance: tags before bytes, commitment before it counts; one that an earlier run staged is proved again

Nothing is shown here: the destination publishes when its caller says so. Source: design section 7.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from fiducia.core.formats.digests import IdentityHasher, header_digest
from fiducia.core.formats.entry import IndexEntry
from fiducia.core.formats.opener import SeriesOpener
from fiducia.journeys.reading.collecting import OpenedSeries
from fiducia.journeys.shared.objects import vouched_form
from fiducia.ports import Destination, Piece, Progress, Steps


@dataclass(frozen=True, slots=True)
class Written:
    """How much was staged and proved."""

    series: int
    instances: int
    size_bytes: int


class WriteSeries:
    """Stage series, whole and proved.

    Example:
        ``WriteSeries(steps=steps, progress=progress).run(opened, destination, require_open)``
    """

    def __init__(self, *, steps: Steps, progress: Progress) -> None:
        self._steps = steps
        self._progress = progress

    def run(
        self, opened: Sequence[OpenedSeries], destination: Destination, require_open: Callable[[], None]
    ) -> Written:
        """Stage every instance of the opened series.

        Args:
            opened: the series, with keys that read instances.
            destination: where they are staged; not published here.
            require_open: raises when they may not be read any more.

        Raises:
            VerificationError, StoreCorruptError: something is not what the ledger vouches for. StoreError: a part
            failed. InputError: the destination takes no more. And what `require_open` raises.
        """
        self._progress.start("fetching", sum(e.original_bytes for each in opened for e in each.opener.entries))
        instances = size_bytes = 0
        for series in opened:
            require_open()
            for entry in series.opener.entries:
                self._instance(series.number, entry, series.opener, destination)
                instances += 1
                size_bytes += entry.original_bytes
        require_open()
        self._steps.reached("fetch.verified")
        return Written(len(opened), instances, size_bytes)

    def _instance(self, series: int, entry: IndexEntry, opener: SeriesOpener, destination: Destination) -> None:
        if self._staged(series, entry, destination):
            self._progress.advance(entry.original_bytes)
            return
        with vouched_form():
            destination.stage(series, entry.number, self._watched(opener.instance(entry.number)))
        self._steps.reached("fetch.instance-staged")

    def _staged(self, series: int, entry: IndexEntry, destination: Destination) -> bool:
        """Tell whether an earlier run staged this very instance; a crash may have left less than that."""
        stream = destination.staged(series, entry.number)
        if stream is None:
            return False
        with stream:
            hasher = IdentityHasher(entry.transfer_syntax_uid)
            header = stream.read(entry.header_bytes)
            while piece := stream.read(1 << 20):
                hasher.update(piece)
        return header_digest(header) == entry.header_digest and hasher.digest() == entry.identity_digest

    def _watched(self, pieces: Iterable[Piece]) -> Iterator[Piece]:
        for piece in pieces:
            yield piece
            self._progress.advance(len(piece))
