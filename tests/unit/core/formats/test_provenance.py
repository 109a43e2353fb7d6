from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fiducia.core.formats.provenance import PROVENANCE_MAX_BYTES, parse_provenance
from fiducia.errors import EncodingError
from tests.vectors.provenance_case import made

FILE = made()
DATA = FILE.to_bytes()


def test_round_trip() -> None:
    for file in (FILE, replace(FILE, receipt=None), made(revision=9, instance=5, members=())):
        assert parse_provenance(file.to_bytes()) == file


@given(st.data())
def test_what_is_read_is_what_would_be_written(data: st.DataObject) -> None:
    changed = bytearray(DATA)
    for _ in range(data.draw(st.integers(1, 3))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    try:
        again = parse_provenance(bytes(changed))
    except EncodingError:
        return
    assert again.to_bytes() == changed


PATHS = [
    ("format",),
    ("manifest",),
    ("ledger", "chain_id"),
    ("instance", "salt"),
    ("instance", "path", 0),
    ("event", "record"),
    ("event", "position"),
    ("checkpoint", "events"),
    ("checkpoint", "signatures", 0, "signature"),
    ("checkpoint", "signatures", 0, "institution"),
    ("receipt", "header"),
    ("receipt", "nodes", 0),
    ("custodian", "signed_at"),
]


TEXTS = (("manifest",), ("event", "record"))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: ".".join(map(str, path)))
@pytest.mark.parametrize("value", [None, -1, 1.5, "0xAB", "0x", True, [], {}, 2**53])
def test_a_field_of_another_form_is_refused(path: tuple[Any, ...], value: Any) -> None:
    document = orjson.loads(DATA)
    if (path[0] in ("receipt", "manifest") and value == "0x") or (path in TEXTS and isinstance(value, str)):
        return  # no bytes are bytes, and texts are texts: what they say is the verifier's to judge
    with pytest.raises(EncodingError):
        _parse_with(document, path, value)


@pytest.mark.parametrize("part", ["", "ledger", "instance", "event", "checkpoint", "receipt", "custodian"])
def test_a_field_more_or_less_is_refused(part: str) -> None:
    for change in ("more", "less"):
        document = orjson.loads(DATA)
        changed = document[part] if part else document
        if change == "more":
            changed["zz"] = 1
        else:
            changed.pop(next(iter(changed)))
        with pytest.raises(EncodingError):
            parse_provenance(orjson.dumps(document, option=orjson.OPT_SORT_KEYS))


def test_other_spellings_of_the_same_are_refused() -> None:
    twin = DATA.replace(b'"receipt":{', b'"receipt":null,"receipt":{', 1)
    for data in (b" " + DATA, DATA + b"\n", orjson.dumps(orjson.loads(DATA), option=orjson.OPT_INDENT_2), twin):
        assert data != DATA
        with pytest.raises(EncodingError, match="canonical"):
            parse_provenance(data)


def test_what_is_no_file_of_these_is_refused() -> None:
    for data in (b"", b"null", b"[]", b"\xff", b"[" * 100_000, b"{}", b" " * (PROVENANCE_MAX_BYTES + 1)):
        with pytest.raises(EncodingError):
            parse_provenance(data)


def test_members_stand_in_order_each_once() -> None:
    signatures = FILE.checkpoint.signatures
    for wrong in (signatures[::-1], signatures + signatures[-1:]):
        with pytest.raises(EncodingError, match="ascending"):
            replace(FILE, checkpoint=replace(FILE.checkpoint, signatures=wrong)).to_bytes()


def test_lists_and_texts_have_bounds() -> None:
    place, event, receipt = FILE.instance, FILE.event, FILE.receipt
    assert receipt is not None
    for file in (
        replace(FILE, instance=replace(place, path=place.path * 40)),
        replace(FILE, event=replace(event, path=event.path * 40)),
        replace(FILE, event=replace(event, record=b"x" * 5000)),
        replace(FILE, receipt=replace(receipt, nodes=receipt.nodes * 40)),
        replace(FILE, manifest=b"x" * ((1 << 20) + 1)),
    ):
        with pytest.raises(EncodingError):
            file.to_bytes()


def _parse_with(document: Any, path: tuple[Any, ...], value: Any) -> None:
    inner = document
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    parse_provenance(orjson.dumps(document, option=orjson.OPT_SORT_KEYS))
