"""The store in memory: what every journey's test uses.

Owns nothing that lasts. Passes the same suite as the real stores (tests/ports/test_store.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from fiducia.core.formats.cid import check_cid
from fiducia.errors import EncodingError, StoreMissingError
from fiducia.ports import Piece
from fiducia.records.images import StoredObject


class MemoryStore:
    """A `Store` in a dictionary; `objects` is open to tests that tamper."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put(self, cid: Callable[[], str], pieces: Iterable[Piece]) -> StoredObject:
        """Store one object; see `fiducia.ports.Store.put`."""
        data = b"".join(bytes(piece) for piece in pieces)  # a copy each: pieces may share one buffer
        address = cid()
        self._known(address)
        self.objects[address] = data
        return StoredObject(address, len(data))

    def read(self, cid: str, offset: int, length: int) -> bytes:
        """Read a range; see `fiducia.ports.Store.read`."""
        data = self._get(cid)[offset : offset + length]
        if len(data) != length:
            raise StoreMissingError(f"the store holds {len(data)} of {length} bytes at {offset} of {cid}")
        return data

    def size(self, cid: str) -> int:
        """Return the object's size in bytes; see `fiducia.ports.Store.size`."""
        return len(self._get(cid))

    def remove(self, cid: str) -> None:
        """Forget an object; see `fiducia.ports.Store.remove`."""
        self._known(cid)
        self.objects.pop(cid, None)

    def health(self) -> None:
        """Return: memory always works."""

    def _get(self, cid: str) -> bytes:
        self._known(cid)
        try:
            return self.objects[cid]
        except KeyError:
            raise StoreMissingError("the store has no such object") from None

    def _known(self, cid: str) -> None:
        try:
            check_cid(cid)
        except EncodingError as error:
            raise StoreMissingError("this is not the address of a stored object") from error
