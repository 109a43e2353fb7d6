"""What a home remembers of its copies, in a small file of its own.

Owns the file's form. It is about one second place: at another one nothing is remembered. Written without waiting for
the disk, after the copy is at its place: what a power cut leaves tells of less, or nothing, and never of more.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

from fiducia.core.formats.canonical import Fields, to_hex
from fiducia.errors import EncodingError
from fiducia.records.copies import Reached

_FORMAT = "fiducia/v1/copied"
_NUMBER_MAX = 10**12


class FileCopyMemory:
    """A `fiducia.ports.CopyMemory` in a file."""

    def __init__(self, path: Path, place: str) -> None:
        self._path = path
        self._place = place

    def last(self) -> Reached | None:
        """See `CopyMemory.last`; what cannot be read is forgotten."""
        try:
            fields = Fields(json.loads(self._path.read_bytes()), "what a home remembers of its copies")
            fields.constant("format", _FORMAT)
            place = fields.text("place")
            base, number = (fields.integer(name, 0, _NUMBER_MAX) for name in ("base", "number"))
            reached = Reached(base, number, fields.hex_bytes("digest", 32))
            fields.close()
        except (OSError, ValueError, EncodingError):
            return None
        return reached if place == self._place else None

    def note(self, reached: Reached) -> None:
        """See `CopyMemory.note`; where it cannot be written, what was remembered before stays true."""
        body = {
            "format": _FORMAT,
            "place": self._place,
            "base": reached.base,
            "number": reached.number,
            "digest": to_hex(reached.digest),
        }
        part = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        with contextlib.suppress(OSError):
            part.write_text(json.dumps(body, indent=2) + "\n")
            part.chmod(0o600)
            part.replace(self._path)
