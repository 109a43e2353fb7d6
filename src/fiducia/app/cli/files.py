"""Files that people name on the command line, read whole and within a bound."""

from __future__ import annotations

from pathlib import Path

from fiducia.errors import InputError

DOCUMENT_MAX_BYTES = 64 << 20
"""What a document that is signed, or that a digest is kept of, may take at most."""


def read_bounded(path: Path, most: int, what: str) -> bytes:
    """Return a file's bytes.

    Args:
        path: the file.
        most: how many bytes such a file has at most; never more is read into memory.
        what: what it is, for the error.

    Raises:
        InputError: it cannot be read, or is longer than any such file.
    """
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > most:
        raise InputError(f"{path} is longer than any {what}")
    return data


def read_document(path: Path) -> bytes:
    """Return a document's bytes. Raises: InputError (as `read_bounded`, or it is empty)."""
    if not (data := read_bounded(path, DOCUMENT_MAX_BYTES, f"document: {DOCUMENT_MAX_BYTES} bytes at most")):
        raise InputError(f"{path} is empty")
    return data
