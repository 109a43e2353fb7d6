"""Every custom error of every ABI means exactly one of our errors."""

from __future__ import annotations

import re

import eth_abi.abi
import pytest

from fiducia.adapters.evm import abi, reverts
from fiducia.adapters.evm.abi import Item
from fiducia.core.decision import Reason
from fiducia.errors import ConfigError, DeniedError, FiduciaError, InputError, SignatureError, UnexpectedRevertError

ITEMS = {item.name: item for item in abi.errors_by_selector().values()}
WORDS = {"address": "0x" + "ab" * 20, "bool": True, "bytes": b"\xab\xcd", "string": "abcd"}


def sample(item: Item) -> bytes:
    """Return an error's data: every number is 7, everything else is recognisable."""
    values = [WORDS[kind] if kind in WORDS else word(kind) for kind in item.inputs]
    return item.selector + eth_abi.abi.encode(item.inputs, values)


def word(kind: str) -> bytes | int:
    """Return 7, or bytes of the type's width."""
    return b"\xab" * int(kind.removeprefix("bytes")) if kind.startswith("bytes") else 7


def test_the_table_has_every_error_and_no_other() -> None:
    assert set(reverts.TABLE) | {reverts.REFUSED} == set(ITEMS)


def test_selectors_do_not_collide() -> None:
    names = [item.name for contract in abi.CONTRACTS for item in abi.artifact(contract).errors.values()]
    assert len(set(names)) == len(ITEMS)


@pytest.mark.parametrize("name", sorted(ITEMS))
def test_an_error_means_one_class_and_tells_no_hash(name: str) -> None:
    error = reverts.error_for(sample(ITEMS[name]))
    if name == reverts.REFUSED:
        assert isinstance(error, DeniedError)
        assert error.reason == Reason(7).name
        return
    kind, _ = reverts.TABLE[name]
    assert type(error) is kind
    assert kind in (InputError, SignatureError, UnexpectedRevertError, ConfigError)
    assert "{" not in str(error)
    assert not re.search(r"0x|abab|\\x", str(error))


@pytest.mark.parametrize("reason", list(Reason))
def test_reasons_keep_their_names(reason: Reason) -> None:
    assert reverts.reason_name(reason.value) == reason.name


def test_a_reason_of_a_later_contract_keeps_its_number() -> None:
    assert reverts.reason_name(200) == "REASON_200"


@pytest.mark.parametrize("data", [b"", b"\x08\xc3\x79\xa0" + bytes(64), b"\x4e\x48\x7b\x71" + bytes(32), b"\1\2"])
def test_everything_else_is_unexpected(data: bytes) -> None:
    error: FiduciaError = reverts.error_for(data)
    assert type(error) is UnexpectedRevertError
