"""From the spool to the ledger: instances that came through a door, registered as those from a folder are.

1. register what waits                     the same journey, whatever the door
2. remove what is anchored from the spool   a crash before this: registering again changes nothing
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import BinaryIO, Protocol

from fiducia.core.dicom.examination import Examined
from fiducia.core.dicom.spooled import Spooled
from fiducia.errors import DicomError, InputError
from fiducia.journeys.studies.register import Enroller
from fiducia.ports import InstanceSource, Signer, Spool
from fiducia.records.images import IntakeProblem, Registration


@dataclass(frozen=True, slots=True)
class SpooledSource:
    """An `InstanceSource` that lies in a spool."""

    spooled: Spooled
    spool: Spool

    @property
    def where(self) -> str:
        """What staff name it by."""
        return _name(self.spooled.spool_id)

    @property
    def size_bytes(self) -> int:
        """Its file's length."""
        return self.spooled.examined.info.size_bytes

    def open(self) -> BinaryIO:
        """Open it. Raises: DicomError (not there any more); VaultError (altered)."""
        return self.spool.open(self.spooled.spool_id)


class SpooledInstances:
    """A spool as `Intake` and `Examiner`: what was read once, at the door, is not read again."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool

    def find(self, paths: Sequence[str]) -> Iterator[InstanceSource | IntakeProblem]:
        """Yield what waits of these ids (as `_name` gives them). Raises: InputError (none at all)."""
        for path in paths:
            spooled = self._spool.find(_id(path))
            if spooled is None or not spooled.waiting:
                yield IntakeProblem(path, InputError("no such instance waits: it was registered or deleted"))
            else:
                yield SpooledSource(spooled.listed(), self._spool)

    def sort(self, source: InstanceSource) -> Examined:
        """Return what was said of it at the door; staff let it through, so its defects are settled."""
        return _settled(self._spooled(source))

    def describe(self, source: InstanceSource) -> Examined:
        """Return all that was said of it. Raises: DicomError (it is not there any more)."""
        whole = self._spool.find(self._spooled(source).spool_id)
        if whole is None:
            raise DicomError("the instance is not in the spool any more")
        return _settled(whole)

    def ask(self, source: InstanceSource, *, whole: bool) -> Callable[[], Examined]:
        """Look it up when the answer is waited for."""
        return partial(self.describe if whole else self.sort, source)

    def directory(self, source: InstanceSource) -> tuple[tuple[str, ...], ...]:
        """Raises: DicomError; there are no media directories in a spool."""
        raise DicomError("there are no media directories in a spool")

    @staticmethod
    def _spooled(source: InstanceSource) -> Spooled:
        assert isinstance(source, SpooledSource)  # it comes from `find`
        return source.spooled


class Register(Protocol):
    """`RegisterStudies.run`, over a spool."""

    def __call__(
        self, paths: Sequence[str], *, custodian: int, registrar: Signer, enrol_new: Enroller | None = None
    ) -> Registration:
        """Register what lies at these paths."""
        ...


class RegisterSpooled:
    """Register instances of a spool, and remove what is anchored from it.

    Example:
        ``RegisterSpooled(spool=spool, register=RegisterStudies(intake=instances, examiner=instances, ...).run).run(
        ids, custodian=1, registrar=key)``
    """

    def __init__(self, *, spool: Spool, register: Register) -> None:
        self._spool = spool
        self._register = register

    def run(
        self, spool_ids: Iterable[bytes], *, custodian: int, registrar: Signer, enrol_new: Enroller | None = None
    ) -> Registration:
        """Register; what could not be taken stays, and is named by its id in the problems.

        Raises:
            As `RegisterStudies.run`; the same call finishes it later.
        """
        names = [_name(spool_id) for spool_id in spool_ids]
        done = self._register(names, custodian=custodian, registrar=registrar, enrol_new=enrol_new)
        left = self._left(names, {problem.where for problem in done.problems})
        self._spool.remove([_id(name) for name in names if name not in left])
        return done

    def _left(self, names: Sequence[str], named: set[str]) -> set[str]:
        """What was not registered: all instances of a study that failed, for a problem names only its first one."""
        found = {name: self._spool.find(_id(name)) for name in names}
        studies = {each.examined.info.study_instance_uid for name, each in found.items() if each and name in named}
        return {name for name, each in found.items() if each and each.examined.info.study_instance_uid in studies}


def _settled(spooled: Spooled) -> Examined:
    return replace(spooled.examined, defects=())


def _name(spool_id: bytes) -> str:
    return f"0x{spool_id.hex()}"


def _id(name: str) -> bytes:
    return bytes.fromhex(name[2:])
