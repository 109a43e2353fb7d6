"""The frame of a multipart/related answer whose parts are streamed.

Source: RFC 2387, RFC 2046 section 5.1, PS3.18 section 8.6.1.2.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from fiducia.app.gateway.accept import MULTIPART

_BOUNDARY = re.compile("[0-9A-Za-z]{16,70}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Multipart:
    """One answer's frame: for each part, `head` and then its content; after the last, `end`.

    Attributes:
        boundary: 16 to 70 letters and digits, random, so that no content has it in it.
        media_type: the parts'.
    """

    boundary: str
    media_type: str

    def __post_init__(self) -> None:
        if not _BOUNDARY.fullmatch(self.boundary):
            raise ValueError("a boundary has 16 to 70 letters and digits")

    @property
    def content_type(self) -> str:
        """The Content-Type of the whole."""
        return f'{MULTIPART}; type="{self.media_type}"; boundary={self.boundary}'

    def head(self, content_type: str, location: str = "") -> bytes:
        """Return what stands before a part's content.

        Args:
            content_type: the part's, from `Choice.content_type`.
            location: its Content-Location, a URL; left out when empty.
        """
        fields = {"Content-Type": content_type, "Content-Location": location}
        lines = [f"{name}: {value}" for name, value in fields.items() if value]
        if not all(line.isascii() and line.isprintable() for line in lines):
            raise ValueError("a part's header fields are printable ASCII")
        return "\r\n".join([f"\r\n--{self.boundary}", *lines, "", ""]).encode("ascii")

    def end(self) -> bytes:
        """Return what stands behind the last part's content."""
        return f"\r\n--{self.boundary}--\r\n".encode("ascii")
