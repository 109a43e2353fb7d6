"""Search every file below a directory for things that must not be there in plaintext.

Looks for each needle raw, as hex in either case, as base64 in both alphabets and all three alignments, and text also
as UTF-16; in the contents of files of any size and in the names of files and directories. Does not look
into compressed content. Closing a file drops the locks that SQLite holds on it in the same process, so
search databases that are in use from another process.
"""

from __future__ import annotations

import base64
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

MIN_NEEDLE_BYTES = 5
_CHUNK_BYTES = 1 << 22


@dataclass(frozen=True, slots=True)
class Plaintext:
    """One find: which needle (its label, never its value), in what form, in which file, at which byte.

    `offset` is -1 when the file's own name gives it away.
    """

    label: str
    form: str
    path: Path
    offset: int


def find_plaintext(
    root: Path, needles: Mapping[str, str | bytes], except_: Iterable[Path] = ()
) -> tuple[Plaintext, ...]:
    """Return the first place of each form of each needle in each regular file below `root`.

    Args:
        root: a directory (or one file); symbolic links are not followed.
        needles: label -> what to look for, at least 5 bytes (shorter ones turn up by chance).
        except_: files, or directories with all below them, that may hold plaintext.

    Raises:
        ValueError: a needle is too short to mean anything, or there are none.
        FileNotFoundError: there is no `root`.
    """
    patterns = [(label, form, pattern) for label, needle in needles.items() for form, pattern in forms(needle)]
    if not patterns:
        raise ValueError("nothing to look for")
    heads = _Heads([pattern for _, _, pattern in patterns])
    spared = {path.absolute() for path in except_}
    found: list[Plaintext] = []
    for path in _files(root.absolute(), spared):
        name = os.fsencode(path.name)
        found += [Plaintext(label, form, path, -1) for label, form, pattern in patterns if pattern in name]
        if stat.S_ISREG(path.lstat().st_mode):
            found += _search(path, patterns, heads)
    return tuple(found)


def forms(needle: str | bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the forms in which a needle may lie in a file, each with its name."""
    raw = needle.encode() if isinstance(needle, str) else needle
    if len(raw) < MIN_NEEDLE_BYTES:
        raise ValueError(f"a needle of {len(raw)} bytes turns up by chance")
    yield "raw", raw
    yield "hex", raw.hex().encode()
    if raw.hex() != raw.hex().upper():
        yield "HEX", raw.hex().upper().encode()
    for shift in range(3):
        # Characters that also depend on the bytes around the needle are left out at both ends.
        text = base64.b64encode(bytes(shift) + raw)
        core = text[(0, 2, 3)[shift] : len(text) - (0, 3, 2)[(shift + len(raw)) % 3]]
        yield f"base64+{shift}", core
        urlsafe = core.translate(bytes.maketrans(b"+/", b"-_"))
        if urlsafe != core:
            yield f"base64url+{shift}", urlsafe
    if isinstance(needle, str):
        yield "utf-16-le", needle.encode("utf-16-le")
        yield "utf-16-be", needle.encode("utf-16-be")


def _files(root: Path, spared: set[Path]) -> Iterator[Path]:
    if not root.exists():
        raise FileNotFoundError(root)
    if root.is_file():
        yield root
        return
    for directory, subdirectories, files in os.walk(root, onerror=_raise):
        here = Path(directory)
        subdirectories[:] = sorted(name for name in subdirectories if here / name not in spared)
        yield from (here / name for name in subdirectories)
        yield from (here / name for name in sorted(files) if here / name not in spared)


def _raise(error: OSError) -> None:
    raise error


class _Heads:
    """Finds where many patterns may begin in one pass over a window: by a hash of their first four bytes."""

    _FACTOR = np.uint32(0x9E3779B1)
    _SHIFT = np.uint32(12)

    def __init__(self, patterns: list[bytes]) -> None:
        self._of: dict[bytes, list[int]] = {}
        for number, pattern in enumerate(patterns):
            self._of.setdefault(pattern[:4], []).append(number)
        self._known = np.zeros(1 << 20, dtype=np.bool_)
        self._known[self._hash(b"".join(self._of))] = True

    def in_order(self, window: bytes) -> Iterator[tuple[int, list[int]]]:
        """Yield each place where patterns may begin, and the numbers of those, from the window's begin to its end."""
        places = []
        for offset in range(min(4, max(0, len(window) - 3))):
            words = window[offset : offset + (len(window) - offset) // 4 * 4]
            places.append(np.flatnonzero(self._known[self._hash(words)]) * 4 + offset)
        for place in np.sort(np.concatenate(places or [np.zeros(0, dtype=np.int64)])).tolist():
            numbers = self._of.get(window[place : place + 4])
            if numbers:
                yield place, numbers

    def _hash(self, words: bytes) -> np.ndarray[tuple[int], np.dtype[np.uint32]]:
        return (np.frombuffer(words, dtype="<u4") * self._FACTOR) >> self._SHIFT


def _search(path: Path, patterns: list[tuple[str, str, bytes]], heads: _Heads) -> list[Plaintext]:
    """Return the first find of each pattern, reading in chunks that overlap by the longest pattern."""
    overlap = max(len(pattern) for _, _, pattern in patterns) - 1
    first: dict[int, int] = {}
    try:
        file = path.open("rb")
    except FileNotFoundError:  # gone meanwhile, as temporary files go
        return []
    with file:
        at, window = 0, b""
        while chunk := file.read(_CHUNK_BYTES):
            window += chunk
            for place, numbers in heads.in_order(window):
                for number in numbers:
                    if number not in first and window.startswith(patterns[number][2], place):
                        first[number] = at + place
            keep = min(overlap, len(window))
            at, window = at + len(window) - keep, window[len(window) - keep :]
    return [Plaintext(*patterns[number][:2], path, first[number]) for number in sorted(first)]
