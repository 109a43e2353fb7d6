"""A destination in memory, for tests: what was staged and what is visible are two dictionaries."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import BinaryIO

from fiducia.errors import InputError
from fiducia.ports import Piece

Place = tuple[int, int]


class MemoryDestination:
    """A `Destination`; `visible` and `waiting` are open to tests, keyed by (series, instance)."""

    def __init__(self) -> None:
        self.visible: dict[Place, bytes] = {}
        self.waiting: dict[Place, bytes] = {}

    def staged(self, series: int, instance: int) -> BinaryIO | None:
        """Open what was staged; see `fiducia.ports.Destination.staged`."""
        data = self.waiting.get((series, instance))
        return None if data is None else io.BytesIO(data)

    def stage(self, series: int, instance: int, pieces: Iterable[Piece]) -> None:
        """Stage one instance whole; see `fiducia.ports.Destination.stage`."""
        self.waiting[series, instance] = b"".join(bytes(piece) for piece in pieces)

    def publish(self) -> None:
        """Show everything; see `fiducia.ports.Destination.publish`."""
        for series in {place[0] for place in self.waiting}:
            there = {place: data for place, data in self.visible.items() if place[0] == series}
            if there and there != {place: data for place, data in self.waiting.items() if place[0] == series}:
                raise InputError(f"series {series} is there already with other instances")
        self.visible.update(self.waiting)
        self.waiting.clear()

    def discard(self) -> None:
        """Forget what was staged; see `fiducia.ports.Destination.discard`."""
        self.waiting.clear()
