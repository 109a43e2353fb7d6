"""A leaf is the digest of its entry's canonical JSON, whatever the entry says."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fiducia.core.formats.canonical import SAFE_INTEGER_MAX, canonical_json, to_hex
from fiducia.core.tlog.leaf import leaf_of
from fiducia.errors import EncodingError
from fiducia.records.images import JournalEntry

_SALT = bytes(range(32))
_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
_EVERY_ESCAPE = "".join(map(chr, range(0x100))) + '\\"/\u2028\u2029\ufeff\uffff\U0001f600'


@given(st.builds(JournalEntry, _TEXT, st.integers(-SAFE_INTEGER_MAX, SAFE_INTEGER_MAX), st.binary(), _TEXT))
def test_a_leaf_is_made_of_what_rfc_8785_says(entry: JournalEntry) -> None:
    assert leaf_of(entry, _SALT) == _slowly(entry)


@pytest.mark.parametrize("at", [0, SAFE_INTEGER_MAX])
def test_every_escape_is_the_canonical_one(at: int) -> None:
    entry = JournalEntry(_EVERY_ESCAPE, at, b"", _EVERY_ESCAPE)
    assert leaf_of(entry, _SALT) == _slowly(entry)


@pytest.mark.parametrize(
    "entry",
    [
        JournalEntry("released", SAFE_INTEGER_MAX + 1, b"", ""),
        JournalEntry("released", -SAFE_INTEGER_MAX - 1, b"", ""),
        JournalEntry("released", 2**70, b"", ""),
        JournalEntry("released", 0, b"", "\ud800"),
    ],
    ids=["too late", "too early", "far too late", "no Unicode"],
)
def test_what_has_no_canonical_form_has_no_leaf(entry: JournalEntry) -> None:
    with pytest.raises(EncodingError, match="no canonical JSON"):
        leaf_of(entry, _SALT)


def _slowly(entry: JournalEntry) -> bytes:
    value = {"at": entry.at, "body": entry.body, "kind": entry.kind, "subject_id": to_hex(entry.subject_id)}
    return hashlib.sha256(b"fiducia/v1/journal/" + _SALT + canonical_json(value)).digest()
