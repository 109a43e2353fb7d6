"""A sealed series, opened and proved: what `fetch` works with.

Owns the way back from a store that nobody trusts: the index against the manifest's root, every byte's tag
before it is handed on, every instance's digests before it counts. Who may open, and where the bytes go, is
the caller's. Source: docs/formats.md, "Reading a series".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from hashlib import sha256

from fiducia.core.formats.container import WINDOW_BYTES, NearReader, Opener
from fiducia.core.formats.context import Piece, ReadRange, SeriesKeys, SeriesPlace, Sink
from fiducia.core.formats.digests import IdentityHasher
from fiducia.core.formats.entry import IndexEntry
from fiducia.core.formats.frames import FrameTable
from fiducia.core.formats.index import IndexReader, SeriesUids
from fiducia.core.formats.manifest import SeriesLine
from fiducia.core.formats.merkle import merkle_root
from fiducia.core.formats.padme import padme
from fiducia.errors import DecryptionError, DigestError, EncodingError, ProofError, StoreError, VerificationError

READ_AHEAD_BYTES = 1 << 22


class SeriesOpener:
    """Opens one sealed series from a store that nobody trusts.

    Making it reads the index's table and checks it against the manifest's root, so every entry it shows
    is one that the ledger vouches for. Errors name the series and the instance by number.
    """

    def __init__(
        self,
        place: SeriesPlace,
        line: SeriesLine,
        keys: SeriesKeys,
        read: Callable[[str, int, int], Piece],
        *,
        read_ahead_bytes: int = READ_AHEAD_BYTES,
    ) -> None:
        """Open the index.

        Args:
            place: `manifest.place(line)`.
            line: the series' line of a manifest that was checked against the ledger.
            keys: its keys; without a pack_key only metadata can be read.
            read: `read(cid, offset, length)` of the store: exactly that many bytes, or an error.
            read_ahead_bytes: how much of the pack is read at a time when instances are streamed.

        Raises:
            DecryptionError: wrong keys, or an index that was altered.
            EncodingError: an index that is not well-formed.
            ProofError: its instances are not those of the manifest's root.
            StoreError: whatever `read` raises.
        """
        self._place = place
        self._line = line
        self._keys = keys
        self._read = read
        self._read_ahead_bytes = read_ahead_bytes
        self._ahead = _ReadAhead(self._read_pack, line.pack_size_bytes, read_ahead_bytes)
        self._buffer: memoryview | None = None
        self._last: tuple[int, Opener] | None = None
        with _named(f"series {line.number}: index"):
            opener = Opener(keys.index_key, place.index_context(), line.index_size_bytes, self._read_index)
            self._index = IndexReader(place, opener.length, NearReader(opener).read)
            if merkle_root([entry.leaf() for entry in self._index.entries]) != line.root:
                raise ProofError("its instances are not those that the manifest's root commits to")
        self._entries = {entry.number: entry for entry in self._index.entries}
        last = self._index.entries[-1]
        if padme(last.offset + last.sealed_bytes) != line.pack_size_bytes:
            raise EncodingError(f"series {line.number}: the index is of a pack of another size")

    @property
    def uids(self) -> SeriesUids:
        """The series' UIDs."""
        return self._index.uids

    @property
    def entries(self) -> tuple[IndexEntry, ...]:
        """All instances, ascending by number."""
        return self._index.entries

    def entry(self, number: int) -> IndexEntry:
        """Return one instance's entry. Raises: EncodingError (no such instance)."""
        try:
            return self._entries[number]
        except KeyError:
            raise EncodingError(f"series {self._line.number} has no instance {number}") from None

    def dicom_json(self, number: int) -> bytes:
        """Return an instance's DICOM JSON (UTF-8). Raises: DecryptionError, EncodingError, StoreError."""
        entry = self.entry(number)
        with self._named(number):
            return self._index.dicom_json(entry)

    def dicom_jsons(self) -> Iterator[tuple[IndexEntry, bytes]]:
        """Yield all instances with their DICOM JSON (UTF-8), ascending by number. Raises: as `dicom_json`."""
        with _named(f"series {self._line.number}: index"):
            yield from self._index.dicom_jsons()

    def frame_range(self, number: int, frame: int) -> tuple[int, int]:
        """Return (offset, length) of a frame (from 1) in its file. Raises: as `dicom_json`."""
        entry = self.entry(number)
        with self._named(number):
            return self._index.frame_range(entry, frame)

    def frame_table(self, number: int) -> FrameTable:
        """Return an instance's frame table. Raises: as `dicom_json`."""
        entry = self.entry(number)
        with self._named(number):
            return self._index.frame_table(entry)

    def read_instance(self, number: int, offset: int, length: int) -> bytes:
        """Return a range of an instance's file by opening only its chunks.

        Every byte's tag is verified; the commitment needs the whole instance, see `instance`.

        Raises:
            DecryptionError, EncodingError, StoreError: as when opening.
        """
        entry = self.entry(number)
        last = self._last  # whoever reads a frame reads another one of the same instance next
        with self._named(number):
            if last is None or last[0] != number:
                self._last = last = (number, self._opener(entry, self._read_pack))
            return last[1].read(offset, length)

    def instance(self, number: int) -> Iterator[memoryview]:
        """Yield an instance's file in verified pieces; using it up without an error is the final proof.

        Each view is valid until the next. Instances taken in ascending order share read-ahead.

        Raises:
            DecryptionError: altered, cut short, or of another key.
            DigestError: bytes that are not those that the manifest's root commits to.
            EncodingError, StoreError: no pack_key, no such instance; whatever the store raises.
        """
        entry = self.entry(number)
        # Taken for as long as this runs, so that two instances read in turns do not share it.
        buffer, self._buffer = self._buffer or memoryview(bytearray(WINDOW_BYTES)), None
        yield from self._proved(entry, self._ahead, buffer)
        self._buffer = buffer

    def alone(self, numbers: Sequence[int]) -> Iterator[tuple[IndexEntry, Iterator[memoryview]]]:
        """Yield instances with their files, in the given order, sharing nothing with other readers of this series.

        Each file is read as `instance`'s; use it up before the next one. Reads ahead no further than the last of them.

        Raises:
            As `instance`.
        """
        entries = [self.entry(number) for number in numbers]
        end = max((entry.offset + entry.sealed_bytes for entry in entries), default=0)
        ahead = _ReadAhead(self._read_pack, end, self._read_ahead_bytes)
        buffer = memoryview(bytearray(WINDOW_BYTES))
        for entry in entries:
            yield entry, self._proved(entry, ahead, buffer)

    def copy_instance(self, number: int, sink: Sink) -> IndexEntry:
        """Hand an instance's file to `sink` piece by piece; when this returns, all of it is proved.

        Raises:
            As `instance`; whatever was handed over before an error must be thrown away.
        """
        for view in self.instance(number):
            sink(view)
        return self.entry(number)

    def _proved(self, entry: IndexEntry, read: Callable[[int, int], Piece], buffer: memoryview) -> Iterator[memoryview]:
        with self._named(entry.number):
            hashes = _InstanceDigests(entry)
            for view in self._opener(entry, read).stream(buffer=buffer):
                hashes.update(view)
                yield view
            hashes.check()

    def _opener(self, entry: IndexEntry, read: Callable[[int, int], Piece]) -> Opener:
        if self._keys.pack_key is None:
            raise EncodingError("only the metadata of this series was released")
        context = self._place.instance_context(entry.number)
        return Opener(
            self._keys.pack_key, context, entry.sealed_bytes, lambda offset, length: read(entry.offset + offset, length)
        )

    def _named(self, number: int) -> AbstractContextManager[None]:
        return _named(f"series {self._line.number}, instance {number}")

    def _read_index(self, offset: int, length: int) -> Piece:
        return self._read(self._line.index_cid, offset, length)

    def _read_pack(self, offset: int, length: int) -> Piece:
        return self._read(self._line.pack_cid, offset, length)


@contextmanager
def _named(where: str) -> Iterator[None]:
    """Say where an error happened: its class stays, its message gains the place."""
    try:
        yield
    except (EncodingError, StoreError, VerificationError) as error:
        raise type(error)(f"{where}: {error}") from error


class _InstanceDigests:
    """Both digests of an instance while its file passes by."""

    def __init__(self, entry: IndexEntry) -> None:
        self._entry = entry
        self._header_left = entry.header_bytes
        self._header = sha256()
        self._identity = IdentityHasher(entry.transfer_syntax_uid)

    def update(self, view: memoryview) -> None:
        header = view[: self._header_left]
        self._header_left -= len(header)
        self._header.update(header)
        self._identity.update(view[len(header) :])

    def check(self) -> None:
        if self._header.digest() != self._entry.header_digest:
            raise DigestError("its header is not the one that was registered")
        if self._identity.digest() != self._entry.identity_digest:
            raise DigestError("its data set is not the one that was registered")


class _ReadAhead:
    """Serves small successive ranges of the pack from large reads."""

    def __init__(self, read: ReadRange, size_bytes: int, window_bytes: int) -> None:
        self._read = read
        self._size_bytes = size_bytes
        self._window_bytes = window_bytes
        self._start = 0
        self._block = memoryview(b"")

    def __call__(self, offset: int, length: int) -> Piece:
        begin, end = offset - self._start, offset - self._start + length
        if begin >= 0 and end <= len(self._block):
            return self._block[begin:end]
        if not 0 <= begin < len(self._block):
            self._fetch(offset, length)
            return self._block[:length]
        tail = self._block[begin:]
        self._fetch(self._start + len(self._block), length - len(tail))
        return b"".join((tail, self._block[: length - len(tail)]))

    def _fetch(self, offset: int, length: int) -> None:
        wanted = max(length, min(self._window_bytes, self._size_bytes - offset))
        block = memoryview(self._read(offset, wanted)).cast("B")
        if len(block) != wanted:
            raise DecryptionError("the reader gave more or fewer bytes than it was asked for")
        self._start, self._block = offset, block
