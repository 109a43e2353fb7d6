"""Where a series lives, and the byte strings that bind keys to that place.

Owns the context of every encrypted object and the fixed-width integers of the formats. A container
opened with another study, revision, series, instance or kind fails its commitment before a chunk is
touched, so objects cannot be swapped. Source: docs/formats.md, "Context".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from fiducia.errors import EncodingError

Piece: TypeAlias = bytes | bytearray | memoryview
"""Any contiguous bytes-like value."""
Sink: TypeAlias = Callable[[memoryview], object]
"""Takes bytes in order. The view is only valid during the call: its buffer is used again."""
ReadRange: TypeAlias = Callable[[int, int], Piece]
"""`read(offset, length)` answers exactly `length` bytes of one object, or raises."""

U16_MAX = 2**16 - 1
U32_MAX = 2**32 - 1
U64_MAX = 2**64 - 1

_PREFIX = b"fiducia/v1/"
_PACK = b"pack/"
_INDEX = b"index/"
_PADDING = b"padding/"


@dataclass(frozen=True, slots=True)
class SeriesPlace:
    """The place of one sealed series; unchanged series keep theirs in later revisions.

    Attributes:
        study_id: 32 bytes.
        sealed_in: the revision in which the series was sealed, 1 to 65535.
        series: the series' number in the study, 1 to 2**32 - 1.
    """

    study_id: bytes
    sealed_in: int
    series: int

    def __post_init__(self) -> None:
        if len(self.study_id) != 32:
            raise EncodingError("a study_id is 32 bytes")
        if not 1 <= self.sealed_in <= U16_MAX:
            raise EncodingError("sealed_in is a revision, 1 to 65535")
        if not 1 <= self.series <= U32_MAX:
            raise EncodingError("a series number is 1 to 4294967295")

    def instance_context(self, instance: int) -> bytes:
        """Return the context of an instance's message in the pack; `instance` is 1 to 2**32 - 1."""
        if not 1 <= instance <= U32_MAX:
            raise EncodingError("an instance number is 1 to 4294967295")
        return self._context(_PACK, instance)

    def index_context(self) -> bytes:
        """Return the context of the series' index."""
        return self._context(_INDEX, 0)

    def padding_info(self) -> bytes:
        """Return the HKDF info from which the pack's padding is derived."""
        return self._context(_PADDING, 0)

    def _context(self, kind: bytes, instance: int) -> bytes:
        # Kinds end in "/" and hold no other "/", so no kind is a prefix of another kind's context.
        numbers = self.sealed_in.to_bytes(2, "big") + self.series.to_bytes(4, "big") + instance.to_bytes(4, "big")
        return _PREFIX + kind + self.study_id + numbers


@dataclass(frozen=True, slots=True)
class SeriesKeys:
    """The two keys of one sealed series, 32 bytes each; their values never show in a repr.

    Attributes:
        index_key: opens the series' index.
        pack_key: opens its instances; None when only metadata was released.
    """

    index_key: bytes = field(repr=False)
    pack_key: bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if len(self.index_key) != 32 or (self.pack_key is not None and len(self.pack_key) != 32):
            raise EncodingError("index_key and pack_key are 32 bytes each")
