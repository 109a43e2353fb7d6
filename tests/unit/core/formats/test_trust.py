from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from fiducia.core.formats.canonical import canonical_json
from fiducia.core.formats.trust import TRUST_MAX_BYTES, parse_trust
from fiducia.errors import EncodingError
from tests.vectors.provenance_case import AT, broker, trust


def test_round_trip() -> None:
    assert parse_trust(trust().to_bytes()) == trust()


def test_a_key_counts_for_its_institution_in_its_time_alone() -> None:
    held = trust()
    address = broker(1).address
    assert held.counts(1, address, AT - 1000)
    assert held.counts(1, address, AT + 999)
    assert not held.counts(1, address, AT - 1001)
    assert not held.counts(1, address, AT + 1000)
    assert not held.counts(2, address, AT)
    assert not held.counts(9, broker(9).address, AT)


@pytest.mark.parametrize(
    "change",
    [
        {"format": "fiducia/v2/trust"},
        {"quorum": 0},
        {"quorum": True},
        {"receipts": 1},
        {"keys": {}},
        {"ledger": {}},
        {"as_of": None},
        {"more": 1},
    ],
)
def test_another_form_is_refused(change: dict[str, Any]) -> None:
    document = orjson.loads(trust().to_bytes()) | change
    with pytest.raises(EncodingError):
        parse_trust(canonical_json(document))


def test_keys_are_ascending_each_once() -> None:
    held = trust()
    for keys in (held.keys[::-1], held.keys + held.keys[-1:]):
        with pytest.raises(EncodingError, match="ascending"):
            replace(held, keys=keys).to_bytes()


def test_another_spelling_or_length_is_refused() -> None:
    for data in (trust().to_bytes() + b"\n", b" " * (TRUST_MAX_BYTES + 1), b"[]", b"{"):
        with pytest.raises(EncodingError):
            parse_trust(data)
