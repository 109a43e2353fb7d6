"""Where a bulk value lies in its instance's file, as a relative BulkDataURI: `bulkdata/OFFSET-LENGTH`, in bytes.

Owns the form, written and read. Source: PS3.18 annex F.2.2 (BulkDataURI); the form is fiducia's own.
"""

from __future__ import annotations

import re

PREFIX = "bulkdata/"
_PLACE = re.compile(PREFIX + "([0-9]{1,15})-([0-9]{1,15})", re.ASCII)


def bulk_uri(offset: int, length: int) -> str:
    """Return the URI of a value, relative to its instance's."""
    return f"{PREFIX}{offset}-{length}"


def place_of(uri: str) -> tuple[int, int] | None:
    """Return (offset, length), or None where that is no such URI; whether it lies in the file is not looked at."""
    found = _PLACE.fullmatch(uri)
    return (int(found[1]), int(found[2])) if found else None
