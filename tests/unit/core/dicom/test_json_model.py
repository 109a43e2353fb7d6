"""The DICOM JSON model: what each representation becomes, and that no value makes it fail."""

from __future__ import annotations

import json
from base64 import b64decode
from io import BytesIO
from struct import pack
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fiducia.core.dicom.part10 import read_head
from tests.support import dicom as d

VRS = sorted(d.LONG - {"SQ"} | {"AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "PN", "SH"})
VRS += ["SL", "SS", "ST", "TM", "UI", "UL", "US"]


def model(changes: dict[int, tuple[str, bytes] | None], syntax: str = d.EXPLICIT) -> dict[str, Any]:
    data = d.instance(changes, syntax)
    found = json.loads(read_head(BytesIO(data), len(data)).dicom_json())
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    ("vr", "value", "expected"),
    [
        ("AE", b" STORE ", ["STORE"]),
        ("AS", b"042Y", ["042Y"]),
        ("AT", bytes.fromhex("18002010"), ["00181020"]),
        ("CS", b"ORIGINAL\\PRIMARY", ["ORIGINAL", "PRIMARY"]),
        ("CS", b"A\\\\C ", ["A", None, "C"]),
        ("DA", b"20250101", ["20250101"]),
        ("DS", b"1.50\\-2e3\\ 7 ", [1.5, -2000.0, 7]),
        ("DS", b"1.5x\\nan\\1_0", ["1.5x", "nan", "1_0"]),
        ("IS", b"-12\\+7 ", [-12, 7]),
        ("IS", b"99999999999999999999", ["99999999999999999999"]),
        ("FD", pack("<2d", 0.1, float("nan")), [0.1, "nan"]),
        ("FL", pack("<2f", 0.5, float("-inf")), [0.5, "-inf"]),
        ("LO", b"  two words\\x ", ["two words", "x"]),
        ("LT", b"a\\b  \r\n c ", ["a\\b  \r\n c"]),
        ("PN", b"Doe^Jane\\Roe", [{"Alphabetic": "Doe^Jane"}, {"Alphabetic": "Roe"}]),
        ("PN", b"A==C", [{"Alphabetic": "A", "Phonetic": "C"}]),
        ("SH", b"x", ["x"]),
        ("SL", pack("<i", -5), [-5]),
        ("SS", pack("<2h", -5, 7), [-5, 7]),
        ("SV", pack("<2q", -5, -(1 << 60)), [-5, str(-(1 << 60))]),
        ("TM", b"120000.5", ["120000.5"]),
        ("UC", b"a\\b", ["a", "b"]),
        ("UI", b"1.2\\1.3\0", ["1.2", "1.3"]),
        ("UL", pack("<I", 1 << 31), [1 << 31]),
        ("UR", b"https://example.org/a\\b ", ["https://example.org/a\\b"]),
        ("US", pack("<3H", 1, 2, 65535), [1, 2, 65535]),
        ("UV", pack("<Q", 1 << 63), [str(1 << 63)]),
    ],
)
def test_values_become_json(vr: str, value: bytes, expected: list[Any]) -> None:
    assert model({0x00091001: (vr, value)})["00091001"] == {"vr": vr, "Value": expected}


@pytest.mark.parametrize("vr", VRS)
def test_an_empty_value_has_only_its_representation(vr: str) -> None:
    assert model({0x00091001: (vr, b"")})["00091001"] == {"vr": vr}


@pytest.mark.parametrize("vr", ["OB", "OW", "OL", "OV", "OF", "OD", "UN"])
def test_short_binary_values_stand_inline(vr: str) -> None:
    assert model({0x00091001: (vr, b"\1\2\3\4\5\6\7\x08")})["00091001"] == {"vr": vr, "InlineBinary": "AQIDBAUGBwg="}


@pytest.mark.parametrize(("vr", "width"), [("OB", 1), ("UN", 1), ("OW", 2), ("OL", 4), ("OF", 4), ("OD", 8), ("OV", 8)])
def test_words_are_little_endian_whatever_the_file_is(vr: str, width: int) -> None:
    words = [bytes(range(at, at + width)) for at in range(0, 32, width)]
    turned = b"".join(word[::-1] for word in words)
    elements = {**d.ct_elements(), 0x7FE00010: ("OW", bytes(32))}
    lower = d.data_set({tag: value for tag, value in elements.items() if tag < 0x00091001}, d.BIG_ENDIAN)
    upper = d.data_set({tag: value for tag, value in elements.items() if tag > 0x00091001}, d.BIG_ENDIAN)
    # Built here: the helper turns only 16-bit words.
    element = pack(">HH", 0x0009, 0x1001) + vr.encode() + pack(">HI", 0, 32) + turned
    data = d.part10(lower + element + upper, d.BIG_ENDIAN)
    found = json.loads(read_head(BytesIO(data), len(data)).dicom_json())["00091001"]
    assert b64decode(found["InlineBinary"]) == b"".join(words)


@pytest.mark.parametrize(("vr", "value"), [("US", b"abc"), ("FD", b"1234"), ("AT", b"12"), ("UL", b"12")])
def test_numbers_of_another_length_stand_as_their_bytes(vr: str, value: bytes) -> None:
    value += b" " * (len(value) % 2)
    found = model({0x00091001: (vr, value)})["00091001"]
    assert found["vr"] in ("UN", vr)
    assert ("InlineBinary" in found) == (found["vr"] == "UN")


@pytest.mark.parametrize("vr", ["OB", "OW", "UN", "US", "FD", "UL"])
def test_long_binary_values_are_named_by_their_place(vr: str) -> None:
    value = bytes(range(256)) * 5
    assert "InlineBinary" in model({0x00091001: ("OB", value[:1024])})["00091001"]
    found = model({0x00091001: (vr, value)})["00091001"]
    offset, length = map(int, found["BulkDataURI"].removeprefix("bulkdata/").split("-"))
    assert (found["vr"], d.instance({0x00091001: (vr, value)})[offset : offset + length]) == (vr, value)


@pytest.mark.parametrize("syntax", [d.BIG_ENDIAN, d.DEFLATED])
def test_long_values_that_cannot_be_used_as_they_lie_are_left_out(syntax: str) -> None:
    assert "00091001" not in model({0x00091001: ("OW", bytes(1032))}, syntax)


def test_group_lengths_and_pixels_are_left_out() -> None:
    found = model({0x00080000: ("UL", pack("<I", 9)), 0x7FE00001: ("OV", bytes(8)), 0x7FE00002: ("OV", bytes(8))})
    assert not [name for name in found if name.endswith("0000") or name.startswith("7FE0")]


def test_names_ascend() -> None:
    names = list(model({0x00091001: ("LO", b"x"), 0xFFFAFFFA: None, 0x60000010: ("US", b"\1\0")}))
    assert names == sorted(names)


def test_sequences_nest_and_take_their_character_set_with_them() -> None:
    inner = d.item(d.element(0x00080005, "CS", b"ISO_IR 192") + d.element(0x00080104, "LO", "ß".encode()))
    outer = d.item(d.element(0x00080104, "LO", "ß".encode("latin_1")) + d.sequence(0x00081140, inner, undefined=True))
    found = model({0x00080005: ("CS", b"ISO_IR 100"), 0x00081111: ("SQ", outer + d.item(b""))})
    assert found["00080005"] == {"vr": "CS", "Value": ["ISO_IR 192"]}
    first, second = found["00081111"]["Value"]
    assert first["00080104"]["Value"] == ["ß"]
    assert first["00081140"]["Value"][0]["00080104"]["Value"] == ["ß"]
    assert second == {}
    assert model({0x00081111: ("SQ", b"")})["00081111"] == {"vr": "SQ"}


def test_a_sequence_written_as_unknown_is_read_as_one() -> None:
    content = d.item(d.element(0x00080104, "LO", b"x", d.IMPLICIT)) + pack("<HHI", 0xFFFE, 0xE0DD, 0)
    unknown = d.element(0x00091001, "UN", content, length=d.UNDEFINED)
    elements = d.ct_elements()
    first = d.data_set({tag: value for tag, value in elements.items() if tag < 0x00091001})
    rest = d.data_set({tag: value for tag, value in elements.items() if tag > 0x00091001})
    data = d.part10(first + unknown + rest + d.element(0x7FE00010, "OW", bytes(32)))
    found = json.loads(read_head(BytesIO(data), len(data)).dicom_json())
    assert found["00091001"] == {"vr": "SQ", "Value": [{"00080104": {"vr": "LO", "Value": ["x"]}}]}


def test_implicit_elements_get_their_representation_from_the_dictionary() -> None:
    changes: dict[int, tuple[str, bytes] | None] = {
        0x00090010: ("LO", b"MAKER"),
        0x00091001: ("LO", b"private!"),
        0x00280103: ("US", pack("<H", 1)),
        0x00280106: ("SS", pack("<h", -3)),
        0x60003000: ("OW", bytes(2)),
        0x00181063: ("DS", b"40"),
        0x12345678: ("LO", b"no such tag"),
    }
    found = model(changes, d.IMPLICIT)
    assert found["00090010"] == {"vr": "LO", "Value": ["MAKER"]}
    assert found["00091001"]["vr"] == "UN"
    assert found["00280106"] == {"vr": "SS", "Value": [-3]}
    assert found["60003000"]["vr"] == "OW"
    assert found["00181063"] == {"vr": "DS", "Value": [40.0]}
    assert found["12345678"]["vr"] == "UN"


@given(
    st.sampled_from(VRS),
    st.binary(max_size=64),
    st.sampled_from([b"", b"ISO_IR 192", b"\\ISO 2022 IR 87", b"?", b"GBK"]),
)
def test_no_value_makes_it_fail(vr: str, value: bytes, charset: bytes) -> None:
    found = model({0x00080005: ("CS", charset), 0x00091001: (vr, value), 0x00100020: ("LO", b"P1")})
    assert found["00091001"]["vr"] in (vr, "UN")
