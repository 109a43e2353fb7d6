"""DICOM: where instances come from, what reads them, where they wait, where they go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import BinaryIO, Protocol

from fiducia.core.dicom.examination import Examined
from fiducia.core.dicom.picture import Picture
from fiducia.core.dicom.spooled import Spooled, Taken
from fiducia.core.dicom.view import View
from fiducia.core.dicom.window import Seekable
from fiducia.ports.keeping import Piece
from fiducia.records.images import (
    IntakeProblem,
)
from fiducia.records.intake import Defect


class InstanceSource(Protocol):
    """One candidate instance; may be opened more than once."""

    @property
    def where(self) -> str:
        """Where it was found, for the person who gave it."""
        ...

    @property
    def size_bytes(self) -> int:
        """Its size when it was found."""
        ...

    def open(self) -> BinaryIO:
        """Open it for reading. Raises: DicomError (unreadable, changed, gone)."""
        ...


class Intake(Protocol):
    """Where instances come from."""

    def find(self, paths: Sequence[str]) -> Iterator[InstanceSource | IntakeProblem]:
        """Yield candidates and what was not taken, in a stable order, without reading whole files.

        Raises: InputError (a path that does not exist, or nothing at all to read).
        """
        ...


class Examiner(Protocol):
    """Reads what instances say of themselves; nobody vouches for the bytes, which may be hostile.

    Whatever a source holds, the caller's process does nothing but open it, waits no longer than agreed, and
    keeps its memory. Every method raises DicomError for a source that is refused; the message says what to do.
    """

    def sort(self, source: InstanceSource) -> Examined:
        """Return who and what an instance is, without `dicom_json` and `ranges`."""
        ...

    def describe(self, source: InstanceSource) -> Examined:
        """Return everything that the index says about an instance."""
        ...

    def ask(self, source: InstanceSource, *, whole: bool) -> Callable[[], Examined]:
        """Have it described (`whole`) or sorted, and go on; what comes back waits for the answer.

        That raises DicomError. A few may be asked ahead; each is judged alone, whatever those before it hold.
        """
        ...

    def directory(self, source: InstanceSource) -> tuple[tuple[str, ...], ...]:
        """Return the file IDs that a media directory (DICOMDIR) refers to, in its order."""
        ...


class Pixels(Protocol):
    """Decodes and shows single frames, and converts instances; nobody vouches for their bytes, which may be hostile.

    `frame` is one frame's bytes as its transfer syntax codes them: a bare codestream (fragments joined, without their
    item headers) where pixels are encapsulated, its native bytes otherwise; bits of single-bit images from a byte's
    lowest bit on. Whatever they are, the caller's process hands them over, waits no longer than agreed, and keeps its
    memory. All methods raise DicomError for what cannot be decoded; the message says why.
    """

    def decode(self, picture: Picture, frame: bytes) -> bytes:
        """Return the frame in Explicit VR Little Endian's form: `picture.decoded_bytes` bytes, colour-by-pixel.

        Native frames keep their samples. Colours that were compressed come as RGB (`picture.decoded_photometric`).
        """
        ...

    def render(self, picture: Picture, frame: bytes, view: View) -> bytes:
        """Return the frame as it is to be seen, 8 bits: a file of `view.media_type`.

        Raises: InputError (the viewport's region has nothing of the image).
        """
        ...

    def convert(self, stream: Seekable, size_bytes: int) -> Iterator[bytes]:
        """Return an instance's file as one in Explicit VR Little Endian, piece by piece: the same instance.

        Whether it can be read and outlined, and its first frame decoded, is known when this returns; a later frame may
        still raise DicomError, and then what was taken must be thrown away. `core.dicom.conversion` says what changes.

        Args:
            stream: the file; read in ranges, also while pieces are taken. What it raises is raised.
            size_bytes: its size. More than `passages.CONVERTED_MAX_BYTES`, as it is or converted, is refused.
        """
        ...


class Spool(Protocol):
    """Instances between a door and their registration, at the custodian only: sealed at rest, durable, in order.

    Every method raises VaultError when it cannot be written or read.
    """

    def take(self, pieces: Iterable[Piece]) -> Taken:
        """Seal an instance's file, whole; durable when it returns, but not among `all` before it is kept.

        Raises: what `pieces` raises; nothing stays then.
        """
        ...

    def keep(
        self, taken: Taken, examined: Examined, *, waiting: bool, door: str, at: int, defects: Sequence[Defect]
    ) -> Spooled:
        """Make a taken instance count; durable when it returns."""
        ...

    def find(self, spool_id: bytes) -> Spooled | None:
        """Return one, by its id (16 bytes)."""
        ...

    def all(self) -> tuple[Spooled, ...]:
        """Return all, in the order in which they came, as `Spooled.listed` has them; cheap enough to ask often."""
        ...

    def open(self, spool_id: bytes) -> BinaryIO:
        """Open a taken or kept instance's file, seekable.

        Raises: DicomError (it is not there any more); VaultError (altered).
        """
        ...

    def release(self, spool_id: bytes) -> bool:
        """Let an instance out of quarantine, to be registered; False when it is not in quarantine."""
        ...

    def remove(self, spool_ids: Sequence[bytes]) -> None:
        """Destroy instances; those that are not there are none. Afterwards nothing on the disk opens them."""
        ...


class Destination(Protocol):
    """Where fetched instances go. Nothing is visible at the final place before `publish`."""

    def staged(self, series: int, instance: int) -> BinaryIO | None:
        """Open what an earlier, interrupted run staged, or None."""
        ...

    def stage(self, series: int, instance: int, pieces: Iterable[Piece]) -> None:
        """Stage one instance whole; when `pieces` raises, nothing of it stays. Raises: InputError (disk full)."""
        ...

    def publish(self) -> None:
        """Show everything staged at its final place, durable; a crash leaves whole series or none.

        Raises:
            InputError: the place holds other files under those names.
        """
        ...

    def discard(self) -> None:
        """Remove everything staged, leaving no trace."""
        ...
