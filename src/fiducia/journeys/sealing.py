"""Sealing one series into the store: a pack, an index, and shares of their keys.

One pass over the images: each byte is read once, digested, sealed, addressed and stored, in memory that
does not grow. Which instances belong, in which order and under which numbers is `register`'s to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Protocol

from fiducia.core.dicom.grouping import Candidate
from fiducia.core.dicom.head import InstanceHead
from fiducia.core.dicom.part10 import read_head
from fiducia.core.formats.container import SALT_BYTES as MESSAGE_SALT_BYTES
from fiducia.core.formats.context import SeriesKeys, SeriesPlace
from fiducia.core.formats.digests import SALT_BYTES as COMMITMENT_SALT_BYTES
from fiducia.core.formats.index import SeriesUids
from fiducia.core.formats.manifest import SeriesLine
from fiducia.core.formats.opener import SeriesOpener
from fiducia.core.formats.sealer import Description, NewInstance, SeriesSealer
from fiducia.core.keys.custody import SeriesCustody, deal_series
from fiducia.core.keys.shares import SeriesShare
from fiducia.errors import DicomError
from fiducia.ports import Entropy, InstanceSource, Piece, Progress, Store
from fiducia.records.images import InstanceEntry

READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class SealedSeries:
    """A series that lies in the store, and everything that says so."""

    line: SeriesLine
    custody: SeriesCustody
    share: SeriesShare = field(repr=False)
    instances: tuple[InstanceEntry, ...] = field(repr=False)
    size_bytes: int


class PartFailedError(Exception):
    """One instance could not be read to its end; the series must be sealed again without it.

    Stays between `SealSeries` and `register`, which reports `error` and goes on.
    """

    def __init__(self, part: Part, error: DicomError) -> None:
        super().__init__()
        self.part = part
        self.error = error


@dataclass(frozen=True, slots=True)
class Content:
    """What sealing needs of one instance; `describe` may be asked once the body is used up."""

    transfer_syntax_uid: str
    header: bytes
    body: Iterator[Piece]
    describe: Callable[[], Description]


class Part(Protocol):
    """An instance to be sealed, wherever its bytes are now."""

    @property
    def number(self) -> int:
        """Its instance number."""
        ...

    @property
    def size_bytes(self) -> int:
        """Its file's length."""
        ...

    def content(self) -> Content:
        """Open it from the start. Raises: DicomError, and while the body is read."""
        ...


@dataclass(frozen=True, slots=True)
class FilePart:
    """An instance that intake found. Read again from its start, so what was scanned must be what is sealed."""

    number: int
    candidate: Candidate[InstanceSource]

    @property
    def size_bytes(self) -> int:
        """Its file's length."""
        return self.candidate.info.size_bytes

    def content(self) -> Content:
        """Open the file; its head must say what it said when it was scanned."""
        info = self.candidate.info
        stream = self.candidate.source.open()
        try:
            head = read_head(stream, info.size_bytes)
            if head.info != info:
                raise DicomError("the file changed while it was being read; register it again")
            stream.seek(0)
            header = stream.read(info.header_bytes)
        except BaseException:
            stream.close()
            raise
        return Content(info.transfer_syntax_uid, header, self._body(stream), lambda: describe(head))

    def _body(self, stream: object) -> Iterator[Piece]:
        left = self.candidate.info.size_bytes - self.candidate.info.header_bytes
        buffer = memoryview(bytearray(min(READ_BYTES, max(left, 1))))
        with closing(stream) as file:  # type: ignore[type-var]
            while left:
                count = file.readinto(buffer[: min(left, len(buffer))])  # type: ignore[attr-defined]
                if not count:
                    raise DicomError("the file became shorter while it was being read; register it again")
                left -= count
                yield buffer[:count]
        # Opening again refuses a file that was rewritten, grew or was replaced since it was found.
        self.candidate.source.open().close()


@dataclass(frozen=True, slots=True)
class KeptPart:
    """An instance of an earlier revision, read back from the store and verified on the way."""

    number: int
    opener: SeriesOpener

    @property
    def size_bytes(self) -> int:
        """Its file's length."""
        return self.opener.entry(self.number).original_bytes

    def content(self) -> Content:
        """Open it from its pack; the index already says what it is."""
        entry = self.opener.entry(self.number)
        pieces = self.opener.instance(self.number)
        header = bytearray()
        rest: Piece = b""
        for piece in pieces:
            header += piece
            if len(header) >= entry.header_bytes:
                rest = bytes(header[entry.header_bytes :])
                break
        description = Description(
            entry.sop_class_uid,
            entry.sop_instance_uid,
            self.opener.dicom_json(self.number),
            self.opener.frame_table(self.number),
        )

        def body() -> Iterator[Piece]:
            yield rest
            yield from pieces

        return Content(entry.transfer_syntax_uid, bytes(header[: entry.header_bytes]), body(), lambda: description)


def describe(head: InstanceHead) -> Description:
    """Return what the index says about an instance that was just read."""
    return Description(head.info.sop_class_uid, head.info.sop_instance_uid, head.dicom_json(), head.frames)


class SealSeries:
    """Seal one series under fresh keys and put its pack and index into the store."""

    def __init__(self, *, store: Store, entropy: Entropy, progress: Progress) -> None:
        self._store = store
        self._entropy = entropy
        self._progress = progress

    def run(self, place: SeriesPlace, uids: SeriesUids, parts: Sequence[Part]) -> SealedSeries:
        """Seal the parts, ascending by number.

        Raises:
            PartFailedError: one part could not be read; nothing usable was stored.
            StoreError: the store failed. VerificationError: a kept part is not what it was.
        """
        keys = SeriesKeys(self._entropy.token(32), self._entropy.token(32))
        sealer = SeriesSealer(place, keys, uids)
        self._store.put(lambda: sealer.pack_cid, self._pack(sealer, parts))
        self._store.put(lambda: sealer.index_cid, sealer.index(self._entropy.token(MESSAGE_SALT_BYTES)))
        custody, shares = deal_series(place, keys, threshold=1, holders=1, randomness=b"")
        instances = tuple(
            InstanceEntry(entry.sop_instance_uid, entry.number, entry.identity_digest) for entry in sealer.entries
        )
        return SealedSeries(
            sealer.line(), custody, shares[0], instances, sum(entry.original_bytes for entry in sealer.entries)
        )

    def _pack(self, sealer: SeriesSealer, parts: Iterable[Part]) -> Iterator[memoryview]:
        for part in parts:
            try:
                content = part.content()
                instance = NewInstance(
                    number=part.number,
                    transfer_syntax_uid=content.transfer_syntax_uid,
                    header=content.header,
                    message_salt=self._entropy.token(MESSAGE_SALT_BYTES),
                    commitment_salt=self._entropy.token(COMMITMENT_SALT_BYTES),
                )
                yield from sealer.add(instance, self._watched(content.body), content.describe)
            except DicomError as error:
                raise PartFailedError(part, error) from error
        yield from sealer.finish_pack()

    def _watched(self, body: Iterator[Piece]) -> Iterator[Piece]:
        for piece in body:
            yield piece
            self._progress.advance(len(piece))
