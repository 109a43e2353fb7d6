"""The DICOM file at hand: the digests that a provenance file would have for it."""

from __future__ import annotations

from dataclasses import dataclass

from fiducia.core.formats.digests import IdentityHasher, header_digest
from fiducia.errors import DicomError, EncodingError
from fiducia.ports import Examiner, Intake
from fiducia.records.images import IntakeProblem

_PIECE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Digests:
    """An instance's identity and header digests, 32 bytes each."""

    identity: bytes
    header: bytes


class DigestInstance:
    """Digest one file, read where it can harm nobody.

    Example:
        ``DigestInstance(intake=intake, examiner=examiner).run("slice.dcm").identity``
    """

    def __init__(self, *, intake: Intake, examiner: Examiner) -> None:
        self._intake = intake
        self._examiner = examiner

    def run(self, path: str) -> Digests:
        """Return its digests. Raises: InputError (no file there), DicomError (not one DICOM file)."""
        found = list(self._intake.find([path]))
        if len(found) != 1:
            raise DicomError("give one DICOM file, no folder")
        (source,) = found
        if isinstance(source, IntakeProblem):
            raise source.error
        info = self._examiner.sort(source).info
        with source.open() as stream:
            header = _exactly(stream.read(info.header_bytes), info.header_bytes)
            hasher = IdentityHasher(info.transfer_syntax_uid)
            while piece := stream.read(_PIECE_BYTES):
                hasher.update(piece)
        return Digests(hasher.digest(), header_digest(header))


def _exactly(data: bytes, size: int) -> bytes:
    if len(data) != size:
        raise EncodingError("the file became shorter while it was read")
    return data
