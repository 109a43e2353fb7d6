"""Finds DICOM instances in files, folders and DICOMDIR media.

Owns what may be opened: regular files only (never a pipe or device, which could block or answer for ever),
never through a link out of the folder that was given, and only while a file is still the one that was found.
A folder with a DICOMDIR is a medium: exactly what the directory refers to is taken. In other folders every
file counts, except hidden ones and what operating systems leave behind; one that is no DICOM is reported by
whoever reads it, not passed over. Not here: reading heads (`core.dicom`).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import BinaryIO

from fiducia.errors import DicomError, InputError
from fiducia.ports import Examiner
from fiducia.records.images import IntakeProblem

_DIRECTORY = "dicomdir"
_LEFT_BEHIND = frozenset({"thumbs.db", "desktop.ini", "__macosx", "$recycle.bin", "system volume information"})
# O_NONBLOCK: should a pipe take the file's place between look and open, opening it must not wait for a writer.
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


@dataclass(frozen=True, slots=True)
class FileSource:
    """One regular file, as it was when it was found."""

    where: str
    size_bytes: int
    real_path: str = field(repr=False)
    seen: tuple[int, int, int, int] = field(repr=False)  # see `_identity`

    def open(self) -> BinaryIO:
        """Open it unbuffered. Raises: DicomError (unreadable, changed, gone)."""
        try:
            descriptor = os.open(self.real_path, _FLAGS)
        except FileNotFoundError as error:
            raise DicomError("the file is gone: register it again") from error
        except PermissionError as error:
            raise DicomError("the file may not be read by this account: allow it, or leave the file out") from error
        except OSError as error:
            raise DicomError("the file cannot be opened: check its medium") from error
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or _identity(status) != self.seen or status.st_size != self.size_bytes:
            os.close(descriptor)
            raise DicomError("the file changed while it was being read: register it again")
        return os.fdopen(descriptor, "rb", buffering=0)


Found = FileSource | IntakeProblem


class FileIntake:
    """`Intake` over the file system; what a media directory refers to is the examiner's to read."""

    def __init__(self, examiner: Examiner) -> None:
        self._examiner = examiner

    def find(self, paths: Sequence[str]) -> Iterator[Found]:
        """Yield candidates and what was not taken: paths in the order given, folders sorted by name.

        A file that is reachable in several ways is yielded once.

        Raises:
            InputError: a path that does not exist, or nothing at all to read.
        """
        for path in paths:
            _check_exists(path)
        search = _Search(self._examiner)
        anything = False
        for path in paths:
            for found in search.path(path):
                anything = True
                yield found if found.where.isprintable() else replace(found, where=_printable(found.where))
        if not anything:
            raise InputError("there is nothing to read: the folder is empty, or has only hidden files")


class _Search:
    """One call of `find`; remembers which files and folders were seen."""

    def __init__(self, examiner: Examiner) -> None:
        self._examiner = examiner
        self._files: set[tuple[int, int]] = set()
        self._folders: set[tuple[int, int]] = set()

    def path(self, path: str) -> Iterator[Found]:
        """What is at a path that a person gave; a link there leads where they want to go."""
        real_path = os.path.realpath(path)
        if os.path.isdir(real_path):
            yield from self._folder(path, real_path, real_path)
        elif os.path.basename(path).casefold() == _DIRECTORY:
            folder = os.path.dirname(real_path)
            file_ids = self._file_ids(real_path, folder)
            if isinstance(file_ids, InputError):
                yield IntakeProblem(path, file_ids)
            else:
                yield from self._medium(os.path.dirname(path), folder, file_ids, folder)
        else:
            yield from self._file(path, real_path)

    def _folder(self, where: str, folder: str, root: str) -> Iterator[Found]:
        """A folder's files and folders by name; `root` is what nothing may lead out of."""
        try:
            status = os.stat(folder)
            names = sorted(os.listdir(folder))
        except OSError:
            yield _problem(where, "the folder cannot be read: allow this account to, or leave it out")
            return
        if (status.st_dev, status.st_ino) in self._folders:
            return  # a link back up, or a second way to the same place
        self._folders.add((status.st_dev, status.st_ino))
        directories = [name for name in names if name.casefold() == _DIRECTORY]
        for name in directories:
            file_ids = self._file_ids(os.path.join(folder, name), root)
            if not isinstance(file_ids, InputError):
                # A medium says what belongs to it: viewers and read-me files beside that are no problem.
                yield from self._medium(where, folder, file_ids, root)
                return
            yield IntakeProblem(os.path.join(where, name), file_ids)
        for name in names:
            if name not in directories and not name.startswith(".") and name.casefold() not in _LEFT_BEHIND:
                yield from self._entry(os.path.join(where, name), os.path.join(folder, name), root)

    def _entry(self, where: str, path: str, root: str) -> Iterator[Found]:
        """A folder's or a medium's entry, after any link."""
        try:
            real_path = os.path.realpath(path, strict=True)
        except OSError:
            yield _problem(where, "the file is not there, or its link leads nowhere: complete the folder")
            return
        if not _inside(real_path, root):
            yield _problem(where, "the link leads out of the folder: give what it leads to by its own path")
        elif os.path.isdir(real_path):
            yield from self._folder(where, real_path, root)
        else:
            yield from self._file(where, real_path)

    def _file(self, where: str, real_path: str) -> Iterator[Found]:
        """A file that may be read, once."""
        source = _look(where, real_path)
        if isinstance(source, InputError):
            yield IntakeProblem(where, source)
        elif source.seen[:2] not in self._files:
            self._files.add(source.seen[:2])
            yield source

    def _medium(self, where: str, folder: str, file_ids: Iterable[tuple[str, ...]], root: str) -> Iterator[Found]:
        """What a media directory in `folder` refers to, in its order."""
        for file_id in file_ids:
            yield from self._entry(os.path.join(where, *file_id), _on_disk(folder, file_id), root)

    def _file_ids(self, path: str, root: str) -> tuple[tuple[str, ...], ...] | InputError:
        """What a media directory refers to, or why that cannot be known."""
        real_path = os.path.realpath(path)
        if not _inside(real_path, root):
            return InputError("the link leads out of the folder: give what it leads to by its own path")
        source = _look(path, real_path)
        if isinstance(source, InputError):
            return source
        try:
            return self._examiner.directory(source)
        except DicomError as error:
            return error


def _look(where: str, real_path: str) -> FileSource | InputError:
    """A regular file as it is now, or why it cannot be one."""
    try:
        status = os.lstat(real_path)
    except OSError:
        return InputError("the file is gone or cannot be looked at: check it and register again")
    if not stat.S_ISREG(status.st_mode):
        return InputError("this is a pipe, socket or device, not a file: leave it out")
    return FileSource(where, status.st_size, real_path, _identity(status))


def _identity(status: os.stat_result) -> tuple[int, int, int, int]:
    """Which file it is and when it changed; whoever sets the time of a change back changes the last of them."""
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns


def _check_exists(path: str) -> None:
    try:
        os.stat(path)
    except FileNotFoundError as error:
        raise InputError(f"there is nothing at {path}: check the path") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path!r} cannot be looked at: check the path and who may read it") from error


def _on_disk(folder: str, file_id: tuple[str, ...]) -> str:
    """A file ID's path; file systems that show a CD's names in small letters are common."""
    path = os.path.join(folder, *file_id)
    small = os.path.join(folder, *(part.lower() for part in file_id))
    return small if not os.path.lexists(path) and os.path.lexists(small) else path


def _printable(where: str) -> str:
    """A name that a terminal or JSON can take: names on disk may hold any bytes."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in where)


def _inside(real_path: str, root: str) -> bool:
    return os.path.commonpath([real_path, root]) == root


def _problem(where: str, message: str) -> IntakeProblem:
    return IntakeProblem(where, InputError(message))
