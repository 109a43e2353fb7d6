"""Ports as one member has them in a simulated world: the in-memory versions, with what goes wrong put around them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, Any, TypeVar

from fiducia.adapters.memory.journal import MemoryJournal
from fiducia.adapters.memory.store import MemoryStore
from fiducia.core.tlog.leaf import SALT_BYTES, leaf_of
from fiducia.errors import (
    FiduciaError,
    JournalError,
    StoreError,
    StoreMissingError,
)
from fiducia.ports import Entropy, Piece
from fiducia.records.images import JournalEntry, StoredObject
from tests.simulation.history import Journalled

if TYPE_CHECKING:
    from tests.simulation.world import World

Answer = TypeVar("Answer")


class Disk:
    """One member's disk: everything that lasts there, and whether it can be written.

    Attributes:
        full: every write fails, and changes nothing.
    """

    def __init__(self, world: World) -> None:
        self.full = False
        self._world = world

    def holding(self, inner: object, writes: Collection[str], error: Callable[[str], FiduciaError]) -> Any:
        """Return a port whose in-memory version `inner` lies on this disk; `error` is what its writes raise."""
        return _OnDisk(self, inner, writes, error)

    def write(self, error: Callable[[str], FiduciaError], act: Callable[[], Answer]) -> Answer:
        """Write: the process may be killed before or after, the disk full, the answer lost."""
        self._world.point("disk.write")
        if self.full:
            raise error("the disk is full")
        answer = act()
        self._world.point("disk.written")
        if self._world.chance.of(self._world.chance.weather.disk):
            raise error("the disk does not answer")
        return answer


class _OnDisk:
    def __init__(
        self, disk: Disk, inner: object, writes: Collection[str], error: Callable[[str], FiduciaError]
    ) -> None:
        self._disk, self._inner, self._writes, self._error = disk, inner, writes, error

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name not in self._writes:
            return found
        return lambda *given: self._disk.write(self._error, lambda: found(*given))


class Journal(MemoryJournal):
    """A member's journal on its disk: leaves' salts follow from the seed, and what is durable is in the history."""

    def __init__(self, world: World, institution: int, disk: Disk, entropy: Entropy) -> None:
        super().__init__()
        self._world, self._institution, self._disk, self._entropy = world, institution, disk, entropy

    def append(self, entries: Sequence[JournalEntry], salts: Sequence[bytes] | None = None) -> None:
        """See `Journal.append`."""
        entries = tuple(entries)

        def act() -> None:
            drawn = [self._entropy.token(SALT_BYTES) for _ in entries]
            super(Journal, self).append(entries, drawn)
            for each, salt in zip(entries, drawn, strict=True):
                about = {"kind": each.kind, "subject_id": each.subject_id, "leaf": leaf_of(each, salt)}
                self._world.note(Journalled, institution=self._institution, **about)

        self._disk.write(JournalError, act)


class Store:
    """The one store of a world, trusted with nothing but availability, and not to be trusted with that."""

    def __init__(self, world: World, inner: MemoryStore) -> None:
        self._world, self._inner = world, inner

    def put(self, cid: Callable[[], str], pieces: Iterable[Piece]) -> StoredObject:
        """See `Store.put`."""
        self._troubled()
        stored = self._inner.put(cid, pieces)
        self._world.point("store.put")
        self._troubled()
        return stored

    def read(self, cid: str, offset: int, length: int) -> bytes:
        """See `Store.read`; bytes are not always the right ones."""
        data = self._inner.read(cid, offset, length)
        if not self._is_troubled():
            return data
        random = self._world.chance.random
        if data and random.random() < 0.5:
            at = random.randrange(len(data))
            return data[:at] + bytes([data[at] ^ 1 << random.randrange(8)]) + data[at + 1 :]
        raise StoreMissingError(f"the store holds {random.randrange(length + 1)} of {length} bytes")

    def size(self, cid: str) -> int:
        """See `Store.size`; it is not always the right one."""
        size = self._inner.size(cid)
        return max(0, size + self._world.chance.random.choice((-size, -1, 1, 1 << 21))) if self._is_troubled() else size

    def remove(self, cid: str) -> None:
        """See `Store.remove`."""
        self._troubled()
        self._inner.remove(cid)

    def health(self) -> None:
        """See `Store.health`."""

    def _is_troubled(self) -> bool:
        return self._world.chance.of(self._world.chance.weather.store)

    def _troubled(self) -> None:
        if self._is_troubled():
            raise StoreError("the store does not answer")


class InTurn(Executor):
    """An executor without threads: what is submitted is done at once."""

    def submit(self, act: Any, /, *given: Any, **named: Any) -> Future[Any]:
        """Do it; what it raises is raised where the result is asked for."""
        future: Future[Any] = Future()
        try:
            future.set_result(act(*given, **named))
        except Exception as error:  # a killed process has no future
            future.set_exception(error)
        return future


def in_turn(world: World) -> Any:
    """Return how to ask several brokers in one thread: all of them, in an order that the seed decides."""

    def ask(asked: Mapping[int, Callable[[], Answer]]) -> Iterator[tuple[int, Answer | FiduciaError]]:
        order = sorted(asked)
        world.random.shuffle(order)
        answers: list[tuple[int, Answer | FiduciaError]] = []
        for institution in order:
            try:
                answers.append((institution, asked[institution]()))
            except FiduciaError as error:
                answers.append((institution, error))
        return iter(answers)

    return ask
