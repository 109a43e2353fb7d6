"""Several confined processes for one duty: who asks takes one that is free, or waits for the first that will be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import LifoQueue

from fiducia.adapters.confined.process import Keeper, Worker


class Pool:
    """Keepers of one kind. Safe for threads; what happens to one of their workers is no matter of the others."""

    def __init__(self, make: Callable[[], Keeper], size: int) -> None:
        """Start nothing yet: a process starts when all that run are busy. `size`: how many there are at most."""
        self._keepers = [make() for _ in range(size)]
        self._free: LifoQueue[Keeper] = LifoQueue()  # the one that was used last is taken first, and others never start
        for keeper in self._keepers:
            self._free.put(keeper)

    @contextmanager
    def asking(self, questions_max: int) -> Iterator[Worker]:
        """Hold a worker for one question and its answer; see `Keeper.asking`. Raises: ConfigError."""
        keeper = self._free.get()
        try:
            with keeper.asking(questions_max) as worker:
                yield worker
        finally:
            self._free.put(keeper)

    def close(self) -> None:
        """End all workers, each when it has answered."""
        for keeper in self._keepers:
            keeper.close()
