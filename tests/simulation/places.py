"""Where a fetch puts instances: a destination on a gateway's disk that writes into the history what reaches it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from fiducia.adapters.memory.destination import MemoryDestination
from fiducia.core.rules import Action
from fiducia.ports import Piece
from tests.simulation.history import Opened, Shown
from tests.simulation.material import digest_of

if TYPE_CHECKING:
    from tests.simulation.world import World


class Place(MemoryDestination):
    """One person's folder for one study, or one series of it; it outlives the process that fetches."""

    def __init__(self, world: World, reader: int, person: bytes, study_id: bytes, series: int) -> None:
        super().__init__()
        self._world, self._reader, self._person = world, reader, person
        self._study_id, self._series = study_id, series

    def stage(self, series: int, instance: int, pieces: Iterable[Piece]) -> None:
        """See `Destination.stage`."""
        began, began_time = self._world.mark()
        super().stage(series, instance, pieces)
        self._world.note(
            Opened,
            began=began,
            began_time=began_time,
            reader=self._reader,
            person=self._person,
            request_id=b"",
            action=int(Action.RETAIN),
            study_id=self._study_id,
            series=series,
            digest=digest_of(self.waiting[series, instance]),
            read=False,
        )

    def publish(self) -> None:
        """See `Destination.publish`."""
        super().publish()
        self._world.note(
            Shown,
            person=self._person,
            study_id=self._study_id,
            series=self._series,
            instances=tuple((series, digest_of(data)) for (series, _), data in sorted(self.visible.items())),
        )
