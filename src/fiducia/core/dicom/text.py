"""Text in DICOM's character sets.

Owns: Specific Character Set (0008,0005) to Unicode: one set without code extensions here, with ISO 2022 code
extensions through pydicom's tables, imported when first needed. Source: PS3.3 section C.12.1.1.2, PS3.5
section 6.1.2.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from fiducia.errors import DicomError

# Defined terms without code extensions (PS3.3 tables C.12-2 and C.12-5). The default repertoire is read as
# Latin 1, which loses no byte of files that use more of it than they declare.
CODECS_BY_TERM = {
    "": "latin_1",
    "ISO_IR 6": "latin_1",
    "ISO_IR 13": "shift_jis",
    "ISO_IR 100": "latin_1",
    "ISO_IR 101": "iso8859_2",
    "ISO_IR 109": "iso8859_3",
    "ISO_IR 110": "iso8859_4",
    "ISO_IR 126": "iso8859_7",
    "ISO_IR 127": "iso8859_6",
    "ISO_IR 138": "iso8859_8",
    "ISO_IR 144": "iso8859_5",
    "ISO_IR 148": "iso8859_9",
    "ISO_IR 166": "iso8859_11",
    "ISO_IR 192": "utf_8",
    "ISO_IR 203": "iso8859_15",
    "GB18030": "gb18030",
    "GBK": "gbk",
}
_PIECES = re.compile(rb"^[^\x1b]+|\x1b[^\x1b]*", re.DOTALL)
_RESET = re.compile(rb"[\\^=\r\n\f\t]")  # after these, the first set is in use again (PS3.5 section 6.1.2.5.3)


@dataclass(frozen=True, slots=True)
class Charset:
    """A data set's character sets.

    Attributes:
        codec: Python's name of the first one; "" when its term is unknown.
        extensions: Python's names of all, when escape sequences switch between them.
    """

    codec: str = "latin_1"
    extensions: tuple[str, ...] = ()

    def decode(self, value: bytes) -> str:
        """Return the text; what cannot be read stands as U+FFFD."""
        return self._decode(value, "replace")

    def decode_exactly(self, value: bytes) -> str:
        """Return the text, for what is compared with other text.

        Raises:
            DicomError: a byte has no meaning in these character sets, or they are unknown.
        """
        if value.isascii() and b"\x1b" not in value:
            return value.decode("ascii")
        if not self.codec:
            raise DicomError("the character set is unknown: correct Specific Character Set (0008,0005)")
        try:
            return self._decode(value, "strict")
        except UnicodeError as error:
            raise DicomError(
                "a text does not fit its character set: correct Specific Character Set (0008,0005)"
            ) from error

    def _decode(self, value: bytes, errors: str) -> str:
        codec = self.codec or "latin_1"
        if not self.extensions or b"\x1b" not in value:
            return value.decode(codec, errors)
        return "".join(self._extended(piece, codec, errors) for piece in _PIECES.findall(value))

    def _extended(self, piece: bytes, codec: str, errors: str) -> str:
        """One run of text behind one escape sequence."""
        if not piece.startswith(b"\x1b"):
            return piece.decode(codec, errors)
        from pydicom import charset

        size = 4 if piece.startswith((b"\x1b$(", b"\x1b$)")) else 3
        switched = charset.CODES_TO_ENCODINGS.get(piece[:size], "")
        if switched in charset.handled_encodings and switched in self.extensions:
            return piece.decode(switched, errors)  # Python takes the escape sequence away itself
        if switched not in self.extensions and switched != charset.default_encoding:
            switched = codec
        text = piece[size:]
        if reset := _RESET.search(text):
            return text[: reset.start()].decode(switched, errors) + text[reset.start() :].decode(codec, errors)
        return text.decode(switched, errors)


def charset_of(value: bytes) -> Charset:
    """Return the character sets that a value of Specific Character Set (0008,0005) names."""
    terms = [term.strip() for term in value.decode("latin_1").strip(" \0").split("\\")]
    if len(terms) == 1 or terms[0] in {"ISO_IR 192", "GB18030", "GBK"}:
        codec = CODECS_BY_TERM.get(terms[0])
        if codec is not None:
            return Charset(codec)
    from pydicom.charset import python_encoding

    names = tuple(python_encoding.get(term, "") for term in terms)
    if not all(names):
        return Charset("")
    return Charset(names[0], names)


def load_codecs() -> None:
    """Load every codec that a text may need: Python reads each from a file when it is first used.

    For who shall open no file later.
    """
    from pydicom.charset import CODES_TO_ENCODINGS, python_encoding

    for name in {*CODECS_BY_TERM.values(), *python_encoding.values(), *CODES_TO_ENCODINGS.values()}:
        codecs.lookup(name)
        b"a".decode(name, "replace")
