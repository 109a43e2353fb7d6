"""What the rows are held against: the least that one thread has to do with the same bytes.

Nothing of fiducia is in here but sizes: the format's hashes, AES-256-GCM in chunks of the container's
length into one reused buffer, and plain system calls.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from fiducia.core.formats.cid import CHUNK_BYTES as LEAF_BYTES
from fiducia.core.formats.container import CHUNK_BYTES, SEALED_CHUNK_BYTES
from fiducia.core.formats.context import Piece

_PIECE_BYTES = 64 * CHUNK_BYTES
_RANGE_CHUNKS = 256
_KEY, _NONCE = bytes(32), bytes(12)  # nothing is kept secret here: the same work takes the same time


@dataclass(frozen=True, slots=True)
class Split:
    """Where the time of one pass went, in seconds."""

    hashes: float
    cipher: float
    write: float
    sync: float

    @property
    def total(self) -> float:
        """All of it."""
        return self.hashes + self.cipher + self.write + self.sync


def seal_and_write(instances: Sequence[bytes], target: Path) -> Split:
    """Digest each instance, seal it in chunks, digest what was sealed, write and sync it; return the times."""
    cipher = AESGCM(_KEY)
    outlet = memoryview(bytearray(64 * SEALED_CHUNK_BYTES))
    hashing = sealing = writing = 0.0
    with target.open("wb", buffering=0) as file:
        for instance in instances:
            identity = hashlib.sha256()
            whole = memoryview(instance)
            for start in range(0, len(whole), _PIECE_BYTES):
                begun = time.perf_counter()
                piece = whole[start : start + _PIECE_BYTES]
                identity.update(piece)
                hashed = time.perf_counter()
                sealed = outlet[: _encrypt(cipher, piece, outlet)]
                ciphered = time.perf_counter()
                hashlib.sha256(sealed).digest()
                again = time.perf_counter()
                file.write(sealed)
                written = time.perf_counter()
                hashing += hashed - begun + again - ciphered
                sealing += ciphered - hashed
                writing += written - again
        synced = time.perf_counter()
        os.fsync(file.fileno())
        syncing = time.perf_counter() - synced
    target.unlink()
    return Split(hashing, sealing, writing, syncing)


def sealed_chunks(chunks: int) -> Iterator[memoryview]:
    """Yield an object of so many sealed chunks, for `receive_and_decrypt`, over one reused buffer."""
    cipher = AESGCM(_KEY)
    outlet = memoryview(bytearray(64 * SEALED_CHUNK_BYTES))
    plain = memoryview(bytes(_PIECE_BYTES))
    for start in range(0, chunks, 64):
        count = min(64, chunks - start)
        yield outlet[: _encrypt(cipher, plain[: count * CHUNK_BYTES], outlet)]


def receive_and_decrypt(read: Callable[[int, int], Piece], chunks: int, *, digest: bool = False) -> float:
    """Read an object of sealed chunks in ranges of about 4 MiB and open every chunk; return the time it took.

    Args:
        read: the object by range.
        chunks: how many it has.
        digest: also digest what came out, as the format asks of every instance.
    """
    cipher = AESGCM(_KEY)
    plain = memoryview(bytearray(_RANGE_CHUNKS * CHUNK_BYTES))
    identity = hashlib.sha256()
    begun = time.perf_counter()
    for start in range(0, chunks, _RANGE_CHUNKS):
        count = min(_RANGE_CHUNKS, chunks - start)
        received = memoryview(read(start * SEALED_CHUNK_BYTES, count * SEALED_CHUNK_BYTES))
        for chunk in range(count):
            sealed = received[chunk * SEALED_CHUNK_BYTES : (chunk + 1) * SEALED_CHUNK_BYTES]
            cipher.decrypt_into(_NONCE, sealed, None, plain[chunk * CHUNK_BYTES : (chunk + 1) * CHUNK_BYTES])
        if digest:
            identity.update(plain[: count * CHUNK_BYTES])
    return time.perf_counter() - begun


def _encrypt(cipher: AESGCM, piece: memoryview, outlet: memoryview) -> int:
    filled = 0
    for start in range(0, len(piece), CHUNK_BYTES):
        chunk = piece[start : start + CHUNK_BYTES]
        end = filled + len(chunk) + 16
        cipher.encrypt_into(_NONCE, chunk, None, outlet[filled:end])
        filled = end
    return filled


def bare_hash(path: Path) -> float:
    """Return how long SHA-256 over what lies at `path` takes, read in one reused buffer."""
    buffer = memoryview(bytearray(LEAF_BYTES))
    digest = hashlib.sha256()
    begun = time.perf_counter()
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            digest.update(buffer[:count])
    digest.digest()
    return time.perf_counter() - begun
