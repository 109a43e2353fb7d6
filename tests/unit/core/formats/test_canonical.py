from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fiducia.core.formats.canonical import SAFE_INTEGER_MAX, Fields, canonical_json, parse_canonical, parse_hex
from fiducia.errors import EncodingError

values = st.recursive(
    st.none() | st.booleans() | st.integers(-SAFE_INTEGER_MAX, SAFE_INTEGER_MAX) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.text(max_size=3), values, max_size=4)


def parse(data: bytes, max_bytes: int = 10_000) -> dict[str, Any]:
    return parse_canonical(data, what="the document", max_bytes=max_bytes)


@given(objects)
def test_round_trip(value: dict[str, Any]) -> None:
    assert parse(canonical_json(value)) == value


@given(objects)
def test_another_spelling_of_the_same_value_is_refused(value: dict[str, Any]) -> None:
    canonical = canonical_json(value)
    for text in (json.dumps(value), json.dumps(value, indent=1), canonical.decode() + "\n", " " + canonical.decode()):
        if text.encode() != canonical:
            with pytest.raises(EncodingError):
                parse(text.encode())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"1",
        b'"text"',
        b'{"a":1,"a":1}',
        b'{"a":1.0}',
        b'{"a":1e0}',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"b":1,"a":1}',
        b'{"a":"\\u0041"}',
        b'{"a":"\\ud800"}',
        b'{"a":9007199254740993}',
        b'{"a":' + b"9" * 5000 + b"}",
        b"\xef\xbb\xbf{}",
        b'{"a":"\xff"}',
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
        b"[" * 9_000,
    ],
)
def test_what_is_not_canonical_is_refused(data: bytes) -> None:
    with pytest.raises(EncodingError):
        parse(data, 100_000)


def test_a_long_document_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(EncodingError, match="longer than 9 bytes"):
        parse(b"{" * 10, 9)


def test_values_without_a_canonical_form() -> None:
    for value in (float("nan"), 2**53 + 2, {1: 2}, b"bytes", "\ud800"):
        with pytest.raises(EncodingError):
            canonical_json(value)


@pytest.mark.parametrize("text", ["", "0x", "00ff", "0x0", "0x00FF", "0X00ff", "0x00ff0", "0x00f g", "0x00ff\n"])
def test_bytes_have_one_spelling(text: str) -> None:
    assert parse_hex("0x00ff", 2, what="it") == b"\x00\xff"
    with pytest.raises(EncodingError, match="it is not 0x and 4"):
        parse_hex(text, 2, what="it")


def test_fields_are_taken_by_type_and_once() -> None:
    fields = Fields({"number": 3, "text": "a", "list": [], "flag": True}, "it")
    assert (fields.integer("number", 3, 3), fields.text("text"), fields.items("list")) == (3, "a", [])
    with pytest.raises(EncodingError, match="no field number"):
        fields.integer("number", 0, 9)
    with pytest.raises(EncodingError, match="1 unknown"):
        fields.close()
    with pytest.raises(EncodingError, match="flag is not an integer"):
        fields.integer("flag", 0, 9)
    fields.close()
    with pytest.raises(EncodingError):
        Fields([], "it")


@pytest.mark.parametrize("value", [-1, 10, True, 1.5, "1", None])
def test_integers_stay_in_their_range(value: object) -> None:
    with pytest.raises(EncodingError):
        Fields({"n": value}, "it").integer("n", 0, 9)
