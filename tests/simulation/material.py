"""What costs time to make and is the same in every world: keys, and files to register. Made once per process."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache

from fiducia.adapters.memory.examiner import DirectExaminer
from fiducia.app.sample_dicom import Sample
from fiducia.core.dicom.examination import Examined
from fiducia.core.keys.kem import KemKey
from fiducia.core.signatures import EoaKey
from fiducia.core.tlog.signing import LogKey
from fiducia.ports import InstanceSource
from tests.simulation.history import Files
from tests.support.consortium import ct_series

SLICES = 3


@dataclass(frozen=True, slots=True)
class MemberKeys:
    """The keys of one institution."""

    governor: EoaKey
    registrar: EoaKey
    issuer: EoaKey
    broker_sign: EoaKey
    broker_kem: KemKey
    gateway: KemKey
    log: LogKey


@cache
def key(name: str) -> EoaKey:
    """Return the signing key of a name."""
    return EoaKey(hashlib.sha256(name.encode()).digest())


@cache
def kem(name: str) -> KemKey:
    """Return the HPKE key pair of a name."""
    return KemKey.from_seed(hashlib.sha256(name.encode()).digest())


@cache
def member_keys(institution: int) -> MemberKeys:
    """Return an institution's keys."""
    return MemberKeys(
        governor=key(f"governor {institution}"),
        registrar=key(f"registrar {institution}"),
        issuer=key(f"issuer {institution}"),
        broker_sign=key(f"broker {institution}"),
        broker_kem=kem(f"broker {institution}"),
        gateway=kem(f"gateway {institution}"),
        log=LogKey(hashlib.sha256(f"log {institution}".encode()).digest()),
    )


@cache
def series_files(study: str, patient_id: str, number: int) -> tuple[str, tuple[tuple[str, bytes], ...]]:
    """Return a series' UID and its files: name and content."""
    sample = Sample(study=study, patient_id=patient_id, series_number=number)
    made = ct_series(SLICES, study=study, patient_id=patient_id, series_number=number)
    return sample.uid("series", number), tuple(sorted(made.items()))


@cache
def digest_of(data: bytes) -> bytes:
    """Return a file's SHA-256."""
    return hashlib.sha256(data).digest()


class Reader(DirectExaminer):
    """Reads each file once per process: it is the same in every world."""

    def sort(self, source: InstanceSource) -> Examined:
        """See `Examiner.sort`."""
        return self._once("sort", source)

    def describe(self, source: InstanceSource) -> Examined:
        """See `Examiner.describe`."""
        return self._once("describe", source)

    def _once(self, how: str, source: InstanceSource) -> Examined:
        with source.open() as stream:
            name = (how, digest_of(stream.read()))
        if name not in _READ:
            _READ[name] = getattr(super(), how)(source)
        return _READ[name]


_READ: dict[tuple[str, bytes], Examined] = {}


@dataclass(frozen=True, slots=True)
class Folder:
    """A study as it lies at the hospital: how many slices of each series there are, by the series' number."""

    study: str
    patient_id: str
    slices: tuple[int, ...]

    @property
    def uid(self) -> str:
        """The Study Instance UID."""
        return Sample(study=self.study, patient_id=self.patient_id).uid("study")

    def contents(self) -> dict[str, bytes]:
        """Return the files by name."""
        found: dict[str, bytes] = {}
        for number, count in enumerate(self.slices, 1):
            found.update(series_files(self.study, self.patient_id, number)[1][:count])
        return found

    def files(self) -> Files:
        """Return what of it can be compared."""
        found = []
        for number, count in enumerate(self.slices, 1):
            uid, files = series_files(self.study, self.patient_id, number)
            found += [(uid, digest_of(data)) for _, data in files[:count]]
        return tuple(sorted(found))
