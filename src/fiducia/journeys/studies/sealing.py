"""Sealing one series into the store: a pack, an index, and shares of their keys.

One pass over the images: each byte is read once, digested, sealed, addressed and stored, in memory that
does not grow. Which instances belong, in which order and under which numbers is `register`'s to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from fiducia.core.dicom.examination import Examined
from fiducia.core.dicom.grouping import Candidate
from fiducia.core.formats.beside import in_turn
from fiducia.core.formats.container import SALT_BYTES as MESSAGE_SALT_BYTES
from fiducia.core.formats.context import SeriesKeys, SeriesPlace
from fiducia.core.formats.digests import SALT_BYTES as COMMITMENT_SALT_BYTES
from fiducia.core.formats.index import SeriesUids
from fiducia.core.formats.manifest import SeriesLine
from fiducia.core.formats.opener import SeriesOpener
from fiducia.core.formats.sealer import Description, NewInstance, SeriesSealer
from fiducia.core.keys.custody import CustodyRule, SeriesCustody, deal_randomness_bytes, deal_series
from fiducia.core.keys.shares import SeriesShare
from fiducia.errors import DicomError
from fiducia.journeys.shared.ahead import asked_ahead
from fiducia.journeys.shared.at_once import BESIDE, Workers
from fiducia.ports import Entropy, Examiner, InstanceSource, Piece, Progress, Store
from fiducia.records.images import InstanceEntry

READ_BYTES = 1 << 20
BESIDE_BYTES = 1 << 16
"""Smaller pieces are digested in turn."""


@dataclass(frozen=True, slots=True)
class SealedSeries:
    """A series that lies in the store, and everything that says so."""

    line: SeriesLine
    custody: SeriesCustody
    shares: tuple[SeriesShare, ...] = field(repr=False)
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

    def asked(self) -> Callable[[], Examined | None]:
        """Have it read, while another part is sealed; None: nothing to read. What comes back raises DicomError."""
        ...

    def content(self, examined: Examined | None) -> Content:
        """Open it from the start, after it was examined. Raises: DicomError, and while the body is read."""
        ...


@dataclass(frozen=True, slots=True)
class FilePart:
    """An instance that intake found.

    What is sealed is read from its start. That it is what was scanned is its source's to say, at each opening, and its
    head's, where that is read again.
    """

    number: int
    candidate: Candidate[InstanceSource]
    examiner: Examiner

    @property
    def size_bytes(self) -> int:
        """Its file's length."""
        return self.candidate.info.size_bytes

    def asked(self) -> Callable[[], Examined]:
        """Have its head read, and all that the index says of it, where that was not kept."""
        kept = self.candidate.whole
        return (lambda: kept) if kept else self.examiner.ask(self.candidate.source, whole=True)

    def content(self, examined: Examined | None) -> Content:
        """Open the file; its head must say what it said when it was scanned."""
        info = self.candidate.info
        if examined is None or examined.info != info:
            raise DicomError("the file changed while it was being read; register it again")
        stream = self.candidate.source.open()
        try:
            header = stream.read(info.header_bytes)
        except BaseException:
            stream.close()
            raise
        return Content(info.transfer_syntax_uid, header, self._body(stream), lambda: describe(examined))

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

    def asked(self) -> Callable[[], None]:
        """Read nothing: its index says what it is."""
        return lambda: None

    def content(self, examined: Examined | None) -> Content:
        """Open it from its pack."""
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


def _asked(part: Part) -> Callable[[], Examined | None]:
    return part.asked()


def describe(examined: Examined) -> Description:
    """Return what the index says about an instance that was just read."""
    info = examined.info
    return Description(info.sop_class_uid, info.sop_instance_uid, examined.dicom_json, examined.frame_table())


def _beside(threads: Executor, act: Callable[[Piece], None], piece: Piece) -> Callable[[], object]:
    """Do it in another thread, where that takes longer than handing it over."""
    return threads.submit(act, piece).result if len(piece) >= BESIDE_BYTES else in_turn(act, piece)


class SealSeries:
    """Seal one series under fresh keys and put its pack and index into the store."""

    def __init__(self, *, store: Store, entropy: Entropy, progress: Progress, workers: Workers = BESIDE) -> None:
        self._store = store
        self._entropy = entropy
        self._progress = progress
        self._workers = workers

    def run(self, place: SeriesPlace, uids: SeriesUids, parts: Sequence[Part], rule: CustodyRule) -> SealedSeries:
        """Seal the parts, ascending by number, and deal the keys by the rule.

        Raises:
            PartFailedError: one part could not be read; nothing usable was stored.
            StoreError: the store failed. VerificationError: a kept part is not what it was.
        """
        keys = SeriesKeys(self._entropy.token(32), self._entropy.token(32))
        with self._workers(2) as digesting:  # the image, and what was sealed before
            sealer = SeriesSealer(place, keys, uids, partial(_beside, digesting))
            self._store.put(lambda: sealer.pack_cid, self._pack(sealer, parts))
        self._store.put(lambda: sealer.index_cid, sealer.index(self._entropy.token(MESSAGE_SALT_BYTES)))
        needed = deal_randomness_bytes(rule.threshold)
        custody, shares = deal_series(
            place,
            keys,
            threshold=rule.threshold,
            holders=len(rule.trustees),
            randomness=self._entropy.token(needed) if needed else b"",
        )
        instances = tuple(
            InstanceEntry(entry.sop_instance_uid, entry.number, entry.identity_digest) for entry in sealer.entries
        )
        return SealedSeries(
            sealer.line(), custody, shares, instances, sum(entry.original_bytes for entry in sealer.entries)
        )

    def _pack(self, sealer: SeriesSealer, parts: Sequence[Part]) -> Iterator[memoryview]:
        for part, examined in asked_ahead(_asked, parts):
            yield from self._instance(sealer, part, examined)
        yield from sealer.finish_pack()

    def _instance(
        self, sealer: SeriesSealer, part: Part, examined: Callable[[], Examined | None]
    ) -> Iterator[memoryview]:
        try:
            content = part.content(examined())
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

    def _watched(self, body: Iterator[Piece]) -> Iterator[Piece]:
        for piece in body:
            yield piece
            self._progress.advance(len(piece))
