"""Character sets, against the examples of PS3.5 annexes H to K as pydicom ships them."""

from __future__ import annotations

import logging
from contextlib import suppress
from pathlib import Path

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.data import get_charset_files

from fiducia.core.dicom.text import Charset, charset_of
from fiducia.errors import DicomError


@pytest.mark.parametrize("path", get_charset_files("chr*.dcm"), ids=lambda path: Path(path).stem)
def test_the_standards_examples_read_as_pydicom_reads_them(path: str) -> None:
    whole = pydicom.dcmread(path)
    found = next(
        (item for item in (whole, *whole.get("RequestedProcedureCodeSequence", [])) if "PatientName" in item), None
    )
    if found is None:
        pytest.skip("this example has no patient name")
    terms = found.get("SpecificCharacterSet", whole.get("SpecificCharacterSet", ""))
    value = "\\".join([terms] if isinstance(terms, str) else terms)
    assert charset_of(value.encode()).decode_exactly(found.PatientName.original_string) == str(found.PatientName)


@pytest.mark.parametrize(
    ("terms", "text", "raw"),
    [
        (b"", "Jose", b"Jose"),
        (b"ISO_IR 100", "Jérôme", b"J\xe9r\xf4me"),
        (b"ISO_IR 144 ", "Люкceмбypг", b"\xbb\xee\xdace\xdc\xd1yp\xd3"),
        (b"ISO_IR 192", "王^小东", "王^小东".encode()),
        (b"GB18030", "小东", "小东".encode("gb18030")),
        (b"GBK\\ISO 2022 IR 87", "小东", "小东".encode("gbk")),
        (b"ISO_IR 13", "ﾔﾏﾀﾞ", "ﾔﾏﾀﾞ".encode("shift_jis")),
        (b"ISO 2022 IR 100", "é", b"\xe9"),
        (b"ISO_IR 203", "€", b"\xa4"),
    ],
)
def test_terms_choose_the_character_set(terms: bytes, text: str, raw: bytes) -> None:
    assert charset_of(terms).decode_exactly(raw) == text
    assert charset_of(terms).decode(raw) == text


def test_after_a_delimiter_the_first_set_is_in_use_again() -> None:
    charset = charset_of(b"ISO_IR 100\\ISO 2022 IR 144")
    assert charset.decode_exactly(b"\x1b-L\xbb^\xe9") == "Л^é"


def test_what_cannot_be_read_is_replaced_but_never_in_an_identity(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        assert charset_of(b"ISO_IR 192").decode(b"a\xffb") == "a�b"
        with pytest.raises(DicomError, match="Specific Character Set"):
            charset_of(b"ISO_IR 192").decode_exactly(b"a\xffb")
        with pytest.raises(DicomError, match="unknown"):
            charset_of(b"KLINGON\\X").decode_exactly(b"\xff")
    assert charset_of(b"KLINGON").decode_exactly(b"plain") == "plain"
    assert not caplog.records


TERMS = [
    b"",
    b"ISO_IR 6",
    b"ISO_IR 192",
    b"ISO 2022 IR 87",
    b"\\ISO 2022 IR 149",
    b"ISO_IR 13\\ISO 2022 IR 159",
    b"x\\y",
]


@given(
    st.sampled_from(TERMS),
    st.lists(st.sampled_from([b"\x1b$B", b"\x1b$)C", b"\x1b(B", b"\x1b", b"^", b"\xff\xfe", b"a0"])),
)
def test_any_bytes_become_text(terms: bytes, parts: list[bytes]) -> None:
    value = b"".join(parts)
    charset = charset_of(terms)
    assert isinstance(charset.decode(value), str)
    with suppress(DicomError):
        assert charset.decode_exactly(value) == charset.decode(value)


def test_the_default_reads_every_byte() -> None:
    assert Charset().decode_exactly(bytes(range(32, 256))) == bytes(range(32, 256)).decode("latin_1")
