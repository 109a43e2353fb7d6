"""A series from instances to sealed objects: what `register` works with.

Owns the one pass that digests, seals and addresses a series: two hash passes in all, the instances' digests
over the plaintext and the CID over the ciphertext. Storing the objects, keys, salts and numbers are the
caller's; the way back is `opener`. Source: docs/formats.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from fiducia.core.formats import container, digests
from fiducia.core.formats.beside import Beside, in_turn
from fiducia.core.formats.cid import CidBuilder
from fiducia.core.formats.container import Outlet, Sealer
from fiducia.core.formats.context import Piece, SeriesKeys, SeriesPlace
from fiducia.core.formats.digests import IdentityHasher, header_digest
from fiducia.core.formats.entry import ENCODING_AS_IS, IndexEntry
from fiducia.core.formats.frames import NO_FRAMES, FrameLayout, Frames, pack_ranges
from fiducia.core.formats.index import IndexedInstance, SeriesUids, index_plaintext
from fiducia.core.formats.manifest import SeriesLine
from fiducia.core.formats.merkle import merkle_root
from fiducia.core.formats.pack import PackWriter
from fiducia.errors import EncodingError


@dataclass(frozen=True, slots=True)
class NewInstance:
    """An instance about to be sealed.

    Attributes:
        number: instance number, ascending within the pack.
        transfer_syntax_uid: without padding.
        header: preamble, prefix and group 0002 as they are.
        message_salt: 24 random bytes.
        commitment_salt: 32 random bytes.
    """

    number: int
    transfer_syntax_uid: str
    header: bytes
    message_salt: bytes
    commitment_salt: bytes

    def __post_init__(self) -> None:
        if len(self.message_salt) != container.SALT_BYTES or len(self.commitment_salt) != digests.SALT_BYTES:
            raise EncodingError("an instance takes a message salt of 24 bytes and a commitment salt of 32")


@dataclass(frozen=True, slots=True)
class Description:
    """What the index says about an instance beyond its bytes.

    Attributes:
        sop_class_uid, sop_instance_uid: without padding.
        dicom_json: DICOM JSON without bulk data, UTF-8.
        frames: where its frames lie in the file.
    """

    sop_class_uid: str
    sop_instance_uid: str
    dicom_json: bytes
    frames: Frames = NO_FRAMES


class SeriesSealer:
    """Seals one series in one pass, in memory that does not grow with its images.

    Every generator yields views of reused buffers: hand each to the store before asking for the next.

        sealer = SeriesSealer(place, keys, uids)
        for instance, body, describe in instances:
            yield from sealer.add(instance, body, describe)
        yield from sealer.finish_pack()            # all of this is the pack
        ...
        yield from sealer.index(salt)              # and this the index
        line = sealer.line()

    When an instance's body fails midway, the pack is spoilt: throw the sealer away and seal the series
    again without that instance, under new keys.
    """

    def __init__(self, place: SeriesPlace, keys: SeriesKeys, uids: SeriesUids, beside: Beside = in_turn) -> None:
        """Begin a series.

        Args:
            place: study, revision and series number; binds every byte.
            keys: fresh random keys, both of them.
            uids: the UIDs the series shares, for its index.
            beside: digests a piece while it is sealed, and what is sealed while the next is.

        Raises:
            EncodingError: the pack_key is missing.
        """
        if keys.pack_key is None:
            raise EncodingError("sealing a series takes both of its keys")
        self._place = place
        self._keys = keys
        self._uids = uids
        self._beside = beside
        self._outlet = Outlet(buffers=2)
        self._pack = PackWriter(place, keys.pack_key, self._outlet, beside)
        self._instances: list[IndexedInstance] = []
        self._spoilt = False
        self._index_cid = ""
        self._index_bytes = 0

    @property
    def pack_cid(self) -> str:
        """The pack's CID; empty before `finish_pack` is done."""
        return self._pack.cid

    @property
    def index_cid(self) -> str:
        """The index's CID; empty before `index` is done."""
        return self._index_cid

    @property
    def entries(self) -> tuple[IndexEntry, ...]:
        """What was sealed so far; digests are set, the index's own offsets are not."""
        return tuple(instance.entry for instance in self._instances)

    def add(
        self, instance: NewInstance, body: Iterable[Piece], describe: Callable[[], Description]
    ) -> Iterator[memoryview]:
        """Seal one instance, digesting it on the way.

        Args:
            instance: its number, header and salts.
            body: the data set's bytes after group 0002, in order, in pieces of any size (large is fast).
            describe: called once `body` is used up.

        Raises:
            EncodingError: a number that does not ascend, a frame outside the instance, or a spoilt sealer.
        """
        if self._spoilt or self._pack.cid:
            raise EncodingError("this series is finished or spoilt: seal it again")
        if self._instances and instance.number <= self._instances[-1].entry.number:
            raise EncodingError("instance numbers ascend within a series")
        self._spoilt = True  # until the whole message is written
        offset = self._pack.offset
        identity = IdentityHasher(instance.transfer_syntax_uid)
        counted = _Counted(identity, self._beside)
        message = counted.run(instance.header, body)
        yield from self._pack.message(instance.number, instance.message_salt, message)
        self._instances.append(self._indexed(instance, describe(), offset, counted.total, identity.digest()))
        self._spoilt = False

    def finish_pack(self) -> Iterator[memoryview]:
        """Pad and end the pack. Raises: EncodingError (no instances, or a spoilt sealer)."""
        if self._spoilt or not self._instances or self._pack.cid:
            raise EncodingError("this series is empty, finished or spoilt: seal it again")
        self._spoilt = True  # until all of it is addressed
        yield from self._pack.finish()
        self._spoilt = False

    def index(self, salt: bytes) -> Iterator[memoryview]:
        """Seal the index, after the pack; again with another salt if the store failed.

        Args:
            salt: 24 random bytes, never used twice with this index_key.
        """
        if not self._pack.cid:
            raise EncodingError("finish the pack before its index")
        sealer = Sealer(self._keys.index_key, self._place.index_context(), salt, self._outlet)
        cid = CidBuilder()
        self._index_bytes = 0
        for view in self._index_views(sealer):
            cid.update(view)
            self._index_bytes += len(view)
            yield view
        self._index_cid = cid.finish()

    def line(self) -> SeriesLine:
        """Return the series' line for the manifest. Raises: EncodingError (pack or index not done)."""
        if not self._index_cid:
            raise EncodingError("finish the pack and the index first")
        return SeriesLine(
            number=self._place.series,
            sealed_in=self._place.sealed_in,
            pack_cid=self._pack.cid,
            pack_size_bytes=self._pack.size_bytes,
            index_cid=self._index_cid,
            index_size_bytes=self._index_bytes,
            root=merkle_root([instance.entry.leaf() for instance in self._instances]),
        )

    def _index_views(self, sealer: Sealer) -> Iterator[memoryview]:
        self._outlet.flush()  # what an index that was given up left behind
        for piece in index_plaintext(self._place, self._uids, self._instances):
            yield from sealer.update(piece)
        yield from sealer.finish()
        yield self._outlet.flush()

    def _indexed(
        self, instance: NewInstance, description: Description, offset: int, message_bytes: int, identity: bytes
    ) -> IndexedInstance:
        header_bytes = len(instance.header)
        entry = IndexEntry(
            number=instance.number,
            encoding=ENCODING_AS_IS,
            frame_layout=FrameLayout(description.frames.layout),
            frame_count=description.frames.frames,
            offset=offset,
            sealed_bytes=self._pack.offset - offset,
            message_bytes=message_bytes,
            original_bytes=message_bytes,
            header_bytes=header_bytes,
            json_offset=0,
            json_bytes=len(description.dicom_json),
            ranges_offset=0,
            range_count=0,
            identity_digest=identity,
            header_digest=header_digest(instance.header),
            salt=instance.commitment_salt,
            transfer_syntax_uid=instance.transfer_syntax_uid,
            sop_class_uid=description.sop_class_uid,
            sop_instance_uid=description.sop_instance_uid,
        )
        ranges = pack_ranges(description.frames, header_bytes, message_bytes)
        return IndexedInstance(entry, description.dicom_json, ranges)


class _Counted:
    """Passes a message on while its body is digested and its length counted."""

    def __init__(self, identity: IdentityHasher, beside: Beside) -> None:
        self._identity = identity
        self._beside = beside
        self.total = 0

    def run(self, header: bytes, body: Iterable[Piece]) -> Iterator[Piece]:
        self.total = len(header)
        yield header
        for piece in body:
            view = memoryview(piece).cast("B")
            digested = self._beside(self._identity.update, view)
            self.total += len(view)
            try:
                yield view
            finally:
                digested()  # before whoever made the piece fills its buffer again
