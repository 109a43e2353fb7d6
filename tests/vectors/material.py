"""Bytes and places that vectors and tests are made of, derived from labels: the same on every machine."""

from __future__ import annotations

import hashlib

from fiducia.core.formats.context import SeriesKeys, SeriesPlace

STUDY_ID = hashlib.shake_256(b"study_id").digest(32)


def material(label: str, size: int = 32) -> bytes:
    """Return `size` bytes of SHAKE256(label): what a vector calls {"label": ..., "size": ...}."""
    return hashlib.shake_256(label.encode()).digest(size)


def place(series: int = 1, sealed_in: int = 1) -> SeriesPlace:
    """Return a place in the vectors' study."""
    return SeriesPlace(STUDY_ID, sealed_in, series)


def keys(series: int = 1) -> SeriesKeys:
    """Return the vectors' keys of a series."""
    return SeriesKeys(material(f"index_key {series}"), material(f"pack_key {series}"))


def header(number: int) -> bytes:
    """Return a file's head: an empty preamble, the prefix and something in place of group 0002."""
    return bytes(128) + b"DICM" + material(f"group 0002 of {number}", 40)
