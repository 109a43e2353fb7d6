"""The pack: the instances of one series, each its own message, in one object.

Owns how messages follow each other and the padding behind them, and the pack's CID, computed while the
bytes pass. Digests of instances and the index are `sealer`'s. Source: docs/formats.md, "Pack".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from fiducia.core.formats.beside import Beside, done
from fiducia.core.formats.cid import CidBuilder
from fiducia.core.formats.container import Outlet, Sealer
from fiducia.core.formats.context import Piece, SeriesPlace
from fiducia.core.formats.padme import padme

_STEP_BYTES = 1 << 16


class PackWriter:
    """Writes one pack. Every method yields views of reused buffers: consume each before the next."""

    def __init__(self, place: SeriesPlace, pack_key: bytes, outlet: Outlet, beside: Beside) -> None:
        """Begin a pack.

        Args:
            place: study, revision and series number.
            pack_key: 32 bytes; seals this pack and no other.
            outlet: of two buffers: one is addressed while the other is filled.
            beside: addresses what is sealed.
        """
        self._place = place
        self._key = pack_key
        self._outlet = outlet
        self._beside = beside
        self._addressed: Callable[[], object] = done
        self._cid = CidBuilder()
        self.size_bytes = 0
        self.cid = ""

    @property
    def offset(self) -> int:
        """Where the next message begins, in bytes."""
        return self.size_bytes + self._outlet.filled

    def message(self, number: int, salt: bytes, pieces: Iterable[Piece]) -> Iterator[memoryview]:
        """Seal one instance's message.

        Args:
            number: instance number.
            salt: 24 random bytes, never used twice with this key.
            pieces: the plaintext in order.
        """
        sealer = Sealer(self._key, self._place.instance_context(number), salt, self._outlet)
        for piece in pieces:
            yield from self._out(sealer.update(piece))
        yield from self._out(sealer.finish())

    def finish(self) -> Iterator[memoryview]:
        """Pad to the Padmé length and flush; then `cid` and `size_bytes` are the whole object's."""
        left = padme(self.offset) - self.offset
        # Keystream, not zeros: where the images end must not show.
        okm = HKDFExpand(SHA512(), 48, self._place.padding_info()).derive(self._key)
        keystream = Cipher(algorithms.AES256(okm[:32]), modes.CTR(okm[32:])).encryptor()
        zeros = bytes(min(left, _STEP_BYTES))
        while left:
            if not self._outlet.room:
                yield from self._out([self._outlet.flush()])
            size = min(left, _STEP_BYTES, self._outlet.room)
            keystream.update_into(zeros[:size], self._outlet.claim(size))
            left -= size
        yield from self._out([self._outlet.flush()])
        self._addressed()
        self.cid = self._cid.finish()

    def _out(self, views: Iterable[memoryview]) -> Iterator[memoryview]:
        for view in views:
            self._addressed()  # its buffer is the one that is filled next
            self._addressed = self._beside(self._cid.update, view)
            self.size_bytes += len(view)
            yield view
