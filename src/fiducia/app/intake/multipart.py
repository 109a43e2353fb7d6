"""The parts of a multipart/related body, while it comes: nothing is held but the piece at hand.

Owns the request's media type and the order of what the parser reports. Parsing is python-multipart's.
Source: RFC 2387, RFC 2046 section 5.1, PS3.18 section 8.6.1.2.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from email.message import Message
from enum import Enum

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser

from fiducia.errors import EncodingError

DICOM = "application/dicom"
HEADERS_MAX, HEADER_MAX_BYTES = 16, 1024
BOUNDARY_MAX = 128
"""RFC 2046 says 70; Orthanc sends 73."""


class Mark(Enum):
    """Where parts begin and end."""

    BEGIN = 1
    END = 2


class MediaTypeError(EncodingError):
    """The request's media type is not one that this door takes."""


def boundary_of(content_type: str) -> bytes:
    """Return the boundary of a request whose parts are DICOM instances.

    Raises:
        MediaTypeError: another media type. EncodingError: no boundary, or one that is none.
    """
    parsed = Message()
    parsed["content-type"] = content_type
    kind = str(parsed.get_param("type", "")).lower()
    if parsed.get_content_type() != "multipart/related" or kind != DICOM:
        raise MediaTypeError(f'this door takes multipart/related; type="{DICOM}"')
    boundary = str(parsed.get_param("boundary", ""))
    if not 1 <= len(boundary) <= BOUNDARY_MAX or not boundary.isascii() or not boundary.isprintable():
        raise EncodingError(f"the media type names no boundary of 1 to {BOUNDARY_MAX} printable characters")
    return boundary.encode("ascii")


async def parts(body: AsyncIterator[bytes], boundary: bytes) -> AsyncIterator[Mark | bytes]:
    """Yield each part's beginning, its content's pieces and its end.

    Raises:
        EncodingError: the body does not follow its media type, ends early, or a part says that it is no instance.
            And what `body` raises.
    """
    reader = _Reader(boundary)
    async for piece in body:
        for found in reader.feed(piece):
            yield found
    reader.finish()


class _Reader:
    """One body: the parser's calls, put into a list."""

    def __init__(self, boundary: bytes) -> None:
        self._found: list[Mark | bytes] = []
        self._name, self._value, self._kind = bytearray(), bytearray(), DICOM
        self._ended = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._on_name,
                "on_header_value": self._on_value,
                "on_header_end": self._header,
                "on_headers_finished": self._headers,
                "on_part_data": self._data,
                "on_part_end": lambda: self._found.append(Mark.END),
                "on_end": self._end,
            },
            max_header_count=HEADERS_MAX,
            max_header_size=HEADER_MAX_BYTES,
        )

    def feed(self, piece: bytes) -> Iterator[Mark | bytes]:
        try:
            self._parser.write(piece)
        except FormParserError as error:
            raise EncodingError("the body is not multipart/related as its media type says") from error
        found, self._found = self._found, []
        yield from found

    def finish(self) -> None:
        if not self._ended:
            raise EncodingError("the body ends before its last boundary: send it again")

    def _begin(self) -> None:
        self._kind = DICOM  # what RFC 2387 says of a part without a media type of its own: the root's
        self._found.append(Mark.BEGIN)

    def _on_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header(self) -> None:
        if self._name.lower() == b"content-type":
            self._kind = self._value.decode("latin_1").split(";")[0].strip().lower()
        self._name.clear()
        self._value.clear()

    def _headers(self) -> None:
        if self._kind != DICOM:
            raise MediaTypeError(f"a part is not {DICOM}: this door takes instances, not metadata and bulk data")

    def _data(self, data: bytes, start: int, end: int) -> None:
        self._found.append(bytes(data[start:end]))

    def _end(self) -> None:
        self._ended = True
