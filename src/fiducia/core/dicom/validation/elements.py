"""Judges a data set's elements, in sequences too: representations, numbers of values, what stands in them.

Owns: PS3.5 section 6.2 and 7.8 against PS3.6's dictionary. Private elements are kept byte for byte and are
not judged by what they hold, nor what is in private sequences. Each element is looked at once.
Not here: Pixel Data (`image`), which the reader never puts among the elements.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from fiducia.core.dicom.codec import Bulk, Element
from fiducia.core.dicom.text import Charset, charset_of
from fiducia.core.dicom.validation import codes
from fiducia.core.dicom.validation.findings import Findings
from fiducia.core.dicom.validation.forms import Form
from fiducia.core.dicom.validation.plans import KEYS, plan_of
from fiducia.errors import DicomError

_CHARSET = 0x00080005
_CHARSET_MAX_BYTES = 1024
_TAKEN_APART_BYTES = 64 << 10  # what is wrong and longer is not split into a million values to say where
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_CONTROLS_BUT_LINES = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Repertoire:
    """The character sets that are declared; `ascii_only` when none is, or the default one."""

    charset: Charset
    ascii_only: bool


DEFAULT = Repertoire(Charset(), True)


def judge_elements(elements: Sequence[Element], findings: Findings, repertoire: Repertoire = DEFAULT) -> Repertoire:
    """Judge a data set's elements, in ascending order; returns the character sets that it ends with."""
    return _Judge(findings).data_set(elements, repertoire, top=True)


class _Judge:
    """Goes through one data set."""

    __slots__ = ("_findings",)

    def __init__(self, findings: Findings) -> None:
        self._findings = findings

    def data_set(self, elements: Sequence[Element], repertoire: Repertoire, *, top: bool = False) -> Repertoire:
        """A data set or item; `repertoire` is the one around it (PS3.5 section 7.5.3)."""
        add = self._findings.add
        creators: set[int] = set()
        for tag, vr, value in elements:
            if tag & 0x10000:
                self._private(tag, value, creators)
                continue
            if not tag & 0xFFFF:  # a group's length: retired, harmless
                continue
            known, agrees, width, form, low, high, step = plan_of(tag, vr)
            if not (known and agrees):
                self._foreign(tag, known=known, top=top)
            if isinstance(value, list):
                for item in value:
                    self.data_set(item, repertoire)
                continue
            if tag == _CHARSET:
                repertoire = self._declared(value)
            size_bytes = value.length if isinstance(value, Bulk) else len(value)
            if not size_bytes:
                continue
            if size_bytes & 1:
                add(codes.VALUE_ODD, tag)
            if width:
                count, over = divmod(size_bytes, width)
                if over:
                    add(codes.VALUE_WIDTH, tag)
            elif form is None or isinstance(value, Bulk):
                continue
            elif size_bytes <= form.quick_bytes and form.right(value):
                count = 1 if form.single else value.count(b"\\") + 1
            else:
                count = self._explain(tag, vr, form, value, repertoire)
            if (count != 1 or low > 1) and not (low <= count <= high and (count - low) % step == 0):
                add(codes.MULTIPLICITY, tag)
        return repertoire

    def _foreign(self, tag: int, *, known: bool, top: bool) -> None:
        """An attribute that the dictionary does not have, or has with another VR."""
        if not known:
            self._findings.add(codes.META_UNKNOWN if tag >> 16 == 2 and top else codes.ELEMENT_UNKNOWN, tag)
        else:
            self._findings.add(codes.KEY_REPRESENTATION if top and tag in KEYS else codes.REPRESENTATION, tag)

    def _private(self, tag: int, value: object, creators: set[int]) -> None:
        """Blocks are reserved by (gggg,00bb), whose members are (gggg,bbxx) (PS3.5 section 7.8.1)."""
        element = tag & 0xFFFF
        if element > 0xFF:
            if tag & 0xFFFF0000 | element >> 8 not in creators:
                self._findings.add(codes.PRIVATE_CREATOR, tag)
        elif element >= 0x10:
            if isinstance(value, bytes) and value.strip(b" \0"):
                creators.add(tag)
        elif element:
            self._findings.add(codes.PRIVATE_CREATOR, tag)
        size_bytes = value.length if isinstance(value, Bulk) else len(value) if isinstance(value, bytes) else 0
        if size_bytes & 1:
            self._findings.add(codes.VALUE_ODD, tag)

    def _declared(self, value: bytes | Bulk) -> Repertoire:
        """The character sets that Specific Character Set names; noted when there is an unknown one."""
        # All of the standard's terms together are shorter; what is longer is not worth taking apart.
        named = b"?" if isinstance(value, Bulk) or len(value) > _CHARSET_MAX_BYTES else value
        found = _repertoire(named)
        if not found.charset.codec:
            self._findings.add(codes.CHARSET_TERM, _CHARSET)
        return found

    def _explain(self, tag: int, vr: str, form: Form, value: bytes, repertoire: Repertoire) -> int:
        """Look at what is not right at first sight; returns the number of values."""
        if form.one is None:
            return self._explain_text(tag, form, value, repertoire)
        wrong = codes.UID_SYNTAX if vr == "UI" else codes.VALUE_FORM
        if len(value) > _TAKEN_APART_BYTES:
            self._findings.add(wrong, tag)
            return value.count(b"\\") + 1
        parts = [part.strip(b" \0") for part in value.split(b"\\")]
        for part in parts:
            if len(part) > form.limit:
                self._findings.add(codes.VALUE_LONG, tag)
            if part and not form.one(part):
                self._findings.add(wrong, tag)
        return len(parts)

    def _explain_text(self, tag: int, form: Form, value: bytes, repertoire: Repertoire) -> int:
        charset, add = repertoire.charset, self._findings.add
        text = value.decode("latin_1")
        # An unknown character set was noted where it was declared.
        if charset.codec and not (value.isascii() and b"\x1b" not in value):
            try:
                text = charset.decode_exactly(value)
                understood = not repertoire.ascii_only
            except DicomError:
                understood = False
            if not understood:
                add(codes.CHARSET_TEXT, tag)
        text = text.rstrip(" \0")
        if (_CONTROLS_BUT_LINES if form.lines else _CONTROLS).search(text):
            add(codes.VALUE_FORM, tag)
        if len(text) > form.limit and (form.longer is None or form.longer(text)):
            add(codes.VALUE_LONG, tag)
        return 1 if form.single else text.count("\\") + 1


@lru_cache(maxsize=256)
def _repertoire(value: bytes) -> Repertoire:
    return Repertoire(charset_of(value), value.strip(b" \0") in (b"", b"ISO_IR 6"))
