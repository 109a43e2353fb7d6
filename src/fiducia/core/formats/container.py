"""The container of every encrypted object: C2SP chunked encryption, Cobblestone-256.

Owns key derivation, chunk arithmetic, sealing in one pass over reused buffers, and opening: as a stream
or any range by opening only the chunks it needs. What a message means, and where it lies, is others'.
`cryptography.cobblestone` offers the same scheme, without range reads and with a salt of its own; the
tests hold the two against each other. Source: c2sp.org/chunked-encryption, Cobblestone-256.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from itertools import cycle

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from fiducia.core.formats.context import Piece, ReadRange
from fiducia.errors import DecryptionError, EncodingError

KEY_BYTES = 32
SALT_BYTES = 24
HEADER_BYTES = 56
CHUNK_BYTES = 16384
TAG_BYTES = 16
SEALED_CHUNK_BYTES = CHUNK_BYTES + TAG_BYTES
CHUNKS_MAX = 2**38
WINDOW_BYTES = 64 * CHUNK_BYTES

_LABEL = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00"
_OUTLET_CHUNKS = 64


def sealed_length(length: int) -> int:
    """Return how many bytes a message of `length` plaintext bytes takes when sealed."""
    return HEADER_BYTES + length + (length // CHUNK_BYTES + 1) * TAG_BYTES


def plain_length(sealed: int) -> int:
    """Return the plaintext length of a message that takes `sealed` bytes.

    Raises:
        DecryptionError: no message has that length: it was cut short or extended.
    """
    full, last = divmod(sealed - HEADER_BYTES, SEALED_CHUNK_BYTES)
    if sealed < HEADER_BYTES or last < TAG_BYTES or full >= CHUNKS_MAX:
        raise DecryptionError("no sealed message has this length: it was cut short or extended")
    return full * CHUNK_BYTES + last - TAG_BYTES


class _Chunks:
    """The derived values of one message: its AEAD, its nonces, its commitment."""

    __slots__ = ("_base", "aead", "commitment")

    def __init__(self, key: bytes, context: bytes, salt: bytes) -> None:
        if len(key) != KEY_BYTES or len(salt) != SALT_BYTES:
            raise EncodingError("a container key is 32 bytes and its salt 24")
        okm = HKDFExpand(SHA512(), KEY_BYTES + 12 + 32, _LABEL + salt + context).derive(key)
        self.aead = AESGCM(okm[:32])
        self._base = int.from_bytes(okm[32:44], "big")
        self.commitment = okm[44:]

    def nonce(self, chunk: int) -> bytes:
        return (self._base ^ chunk).to_bytes(12, "big")


class Outlet:
    """A reused output buffer, or several in turn.

    A view is valid until the next call into whoever writes to it; of several buffers, as long as another one is filled.
    """

    __slots__ = ("_turns", "_view", "filled")

    def __init__(self, chunks: int = _OUTLET_CHUNKS, buffers: int = 1) -> None:
        size = HEADER_BYTES + chunks * SEALED_CHUNK_BYTES
        self._turns = cycle([memoryview(bytearray(size)) for _ in range(buffers)])
        self._view = next(self._turns)
        self.filled = 0

    @property
    def room(self) -> int:
        """Bytes that still fit."""
        return len(self._view) - self.filled

    def claim(self, size: int) -> memoryview:
        """Return the next `size` bytes to be written to; they count as filled."""
        start = self.filled
        self.filled += size
        return self._view[start : self.filled]

    def flush(self) -> memoryview:
        """Return what is filled, and begin again in the next buffer."""
        filled = self._view[: self.filled]
        self._view, self.filled = next(self._turns), 0
        return filled


class Sealer:
    """Seals one message in one pass.

    `update` and `finish` yield sealed bytes as the outlet fills; whoever made the outlet flushes what
    is left in it, so that several messages can share one outlet.
    """

    def __init__(self, key: bytes, context: bytes, salt: bytes, outlet: Outlet) -> None:
        """Begin a message.

        Args:
            key: 32 bytes, uniformly random.
            context: binds the message to its place, see `SeriesPlace`.
            salt: 24 random bytes, never used twice with one key.
            outlet: where sealed bytes are written.

        Raises:
            EncodingError: a key or salt of another length.
        """
        self._chunks = _Chunks(key, context, salt)
        self._header: bytes | None = salt + self._chunks.commitment
        self._outlet = outlet
        self._held = memoryview(bytearray(CHUNK_BYTES))
        self._held_bytes = 0
        self._next = 0
        self._finished = False

    def update(self, piece: Piece) -> Iterator[memoryview]:
        """Take the next plaintext bytes; full chunks are sealed straight from `piece`, without a copy."""
        self._check_open()
        view = memoryview(piece).cast("B")
        if self._held_bytes:
            taken = min(CHUNK_BYTES - self._held_bytes, len(view))
            self._hold(view[:taken])
            view = view[taken:]
            if self._held_bytes == CHUNK_BYTES:
                self._held_bytes = 0
                yield from self._seal(self._held)
        whole = len(view) - len(view) % CHUNK_BYTES
        yield from self._seal(view[:whole])
        self._hold(view[whole:])

    def finish(self) -> Iterator[memoryview]:
        """Seal the last, short (maybe empty) chunk. The sealer is used up."""
        self._check_open()
        yield from self._reserve(self._held_bytes + TAG_BYTES)
        self._seal_some(self._held[: self._held_bytes], 1)
        self._finished = True

    def _hold(self, view: memoryview) -> None:
        self._held[self._held_bytes : self._held_bytes + len(view)] = view
        self._held_bytes += len(view)

    def _check_open(self) -> None:
        if self._finished:
            raise EncodingError("this message is finished")

    def _reserve(self, size: int) -> Iterator[memoryview]:
        header = self._header
        if self._outlet.room < size + (HEADER_BYTES if header else 0):
            yield self._outlet.flush()
        if header:
            self._outlet.claim(HEADER_BYTES)[:] = header
            self._header = None

    def _seal(self, view: memoryview) -> Iterator[memoryview]:
        """Seal whole chunks, as many at a time as the outlet has room for."""
        while view:
            if self._header or self._outlet.room < SEALED_CHUNK_BYTES:
                yield from self._reserve(SEALED_CHUNK_BYTES)
            count = min(len(view) // CHUNK_BYTES, self._outlet.room // SEALED_CHUNK_BYTES)
            self._seal_some(view[: count * CHUNK_BYTES], count)
            view = view[count * CHUNK_BYTES :]

    def _seal_some(self, view: memoryview, count: int) -> None:
        """Seal `count` chunks into the outlet, which has room for them; all are whole, or the one is the last."""
        if self._next + count > CHUNKS_MAX:
            raise EncodingError("a message is shorter than 4 PiB")
        out = self._outlet.claim(len(view) + count * TAG_BYTES)
        encrypt_into, nonce, first = self._chunks.aead.encrypt_into, self._chunks.nonce, self._next
        for chunk in range(count):
            plain = view[chunk * CHUNK_BYTES : (chunk + 1) * CHUNK_BYTES]
            sealed = out[chunk * SEALED_CHUNK_BYTES : (chunk + 1) * SEALED_CHUNK_BYTES]
            encrypt_into(nonce(first + chunk), plain, None, sealed)
        self._next += count


class Opener:
    """Opens one message: any range of it, or all of it as a stream.

    The length and the commitment are checked when it is made, before any chunk is opened; no plaintext
    leaves it whose tag was not verified.
    """

    def __init__(self, key: bytes, context: bytes, sealed_bytes: int, read: ReadRange) -> None:
        """Read the message's header.

        Args:
            key: 32 bytes.
            context: as it was sealed with.
            sealed_bytes: the sealed message's length.
            read: reads the sealed message by range.

        Raises:
            DecryptionError: a length no message has, or another key, context or message.
            EncodingError: a key of another length.
        """
        self.length = plain_length(sealed_bytes)
        self._sealed_bytes = sealed_bytes
        self._read = read
        header = self._fetch(0, HEADER_BYTES)
        self._chunks = _Chunks(key, context, bytes(header[:SALT_BYTES]))
        if not hmac.compare_digest(header[SALT_BYTES:], self._chunks.commitment):
            raise DecryptionError("the key, the context or the message is another one: the commitment differs")

    def authenticate_length(self) -> int:
        """Open the last chunk, which only a message of this very length has; return the plaintext length.

        Raises:
            DecryptionError: it does not open.
        """
        last = self.length // CHUNK_BYTES
        self._open(last, last, memoryview(bytearray(CHUNK_BYTES)))
        return self.length

    def read(self, offset: int, length: int) -> bytes:
        """Return plaintext bytes by opening the chunks they lie in; a range to the end opens the last one too.

        Raises:
            DecryptionError: a chunk does not open, or the range is outside the message.
        """
        # Room for all its chunks at once: the stream then has one view, or none for an empty range.
        buffer = memoryview(bytearray(length + 2 * CHUNK_BYTES if 0 <= length <= self.length else CHUNK_BYTES))
        return b"".join(self.stream(offset, length, buffer))

    def stream(self, offset: int = 0, length: int | None = None, buffer: memoryview | None = None) -> OpenedStream:
        """Return the plaintext of a range as verified views over one reused buffer.

        Args:
            offset: where to begin.
            length: how many bytes; to the end when None.
            buffer: one or more chunks of room; as much is read and opened at a time. 1 MiB when None.

        Raises:
            DecryptionError: the range is outside the message.
        """
        size = self.length - offset if length is None else length
        if offset < 0 or size < 0 or offset + size > self.length:
            raise DecryptionError("the range is outside the message")
        return OpenedStream(self, offset, size, memoryview(bytearray(WINDOW_BYTES)) if buffer is None else buffer)

    def _open(self, first: int, last: int, out: memoryview) -> int:
        """Open chunks first to last into `out`; return how many bytes that gave."""
        start = HEADER_BYTES + first * SEALED_CHUNK_BYTES
        end = min(HEADER_BYTES + (last + 1) * SEALED_CHUNK_BYTES, self._sealed_bytes)
        sealed = self._fetch(start, end - start)
        filled = 0
        decrypt_into, nonce = self._chunks.aead.decrypt_into, self._chunks.nonce
        try:
            for chunk in range(first, last + 1):
                at = (chunk - first) * SEALED_CHUNK_BYTES
                piece = sealed[at : at + SEALED_CHUNK_BYTES]
                size = len(piece) - TAG_BYTES
                decrypt_into(nonce(chunk), piece, None, out[filled : filled + size])
                filled += size
        except InvalidTag:
            raise DecryptionError("the message was altered: a chunk's tag does not hold") from None
        return filled

    def _fetch(self, offset: int, length: int) -> memoryview:
        data = memoryview(self._read(offset, length)).cast("B")
        if len(data) != length:
            raise DecryptionError("the reader gave more or fewer bytes than it was asked for")
        return data


class NearReader:
    """Reads a message by range and keeps what lies around the range that it read last: the next mostly lies there.

    Safe for threads: what is kept is replaced whole.
    """

    def __init__(self, opener: Opener) -> None:
        self._opener = opener
        self._kept = (0, b"")

    def read(self, offset: int, length: int) -> bytes:
        """Return plaintext bytes; a short range is opened with the rest of its chunks, a long one alone.

        Raises:
            As `Opener.read`.
        """
        start, kept = self._kept
        if start <= offset <= offset + length <= start + len(kept):
            return kept[offset - start : offset - start + length]
        if not 0 <= length <= CHUNK_BYTES or not 0 <= offset <= self._opener.length - length:
            return self._opener.read(offset, length)
        start = offset - offset % CHUNK_BYTES
        end = min(-(-(offset + length) // CHUNK_BYTES) * CHUNK_BYTES, self._opener.length)
        kept = self._opener.read(start, end - start)
        self._kept = (start, kept)
        return kept[offset - start : offset - start + length]


class OpenedStream:
    """Iterates over verified plaintext views, each valid until the next. What fails is never stepped over."""

    def __init__(self, opener: Opener, offset: int, size: int, buffer: memoryview) -> None:
        self._opener = opener
        self._chunk, self._skip = divmod(offset, CHUNK_BYTES)
        self._left = size
        # Whoever reads to the end has the last chunk opened, even when it is empty: it proves the length.
        to_end = offset + size == opener.length
        self._last = opener.length // CHUNK_BYTES if to_end else (offset + size - 1) // CHUNK_BYTES
        self._done = size == 0 and not to_end
        self._step = len(buffer) // CHUNK_BYTES
        self._out = buffer

    def __iter__(self) -> Iterator[memoryview]:
        return self

    def __next__(self) -> memoryview:
        if self._done:
            raise StopIteration
        last = min(self._chunk + self._step - 1, self._last)
        opened = self._opener._open(self._chunk, last, self._out)  # when it fails, the next call tries it again
        view = self._out[self._skip : min(opened, self._skip + self._left)]
        self._skip = 0
        self._left -= len(view)
        self._chunk = last + 1
        self._done = last == self._last
        return view
