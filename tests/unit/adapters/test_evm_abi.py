"""What we encode is what web3 encodes, and what we decode is what was encoded."""

from __future__ import annotations

import dataclasses
import typing
from typing import Any

import eth_abi.abi
import pytest
from hypothesis import given
from hypothesis import strategies as st
from web3 import Web3

from fiducia.adapters.evm import abi, acts
from fiducia.core import ids
from fiducia.core.typed_data import camel_case
from fiducia.errors import ConfigError, EncodingError, LedgerInconsistencyError
from fiducia.records import typed
from fiducia.records.ledger import Act, Founder
from tests.support.evm_plans import ALL_ACTS, DOMAINS, MADE, built_abi, components
from tests.support.signers import Signers


@pytest.mark.parametrize("contract", abi.CONTRACTS)
def test_every_function_event_and_error_is_there(contract: str) -> None:
    entries = built_abi(contract)
    made = abi.artifact(contract)
    assert set(made.functions) == {entry["name"] for entry in entries if entry["type"] == "function"}
    assert {item.name for item in made.events.values()} == {e["name"] for e in entries if e["type"] == "event"}
    assert {item.name for item in made.errors.values()} == {e["name"] for e in entries if e["type"] == "error"}


@pytest.mark.parametrize(
    ("contract", "function", "record"),
    [
        ("Members", "admit", typed.Admit),
        ("Members", "suspend", typed.Suspend),
        ("Members", "reinstate", typed.Reinstate),
        ("Members", "replaceGovernor", typed.ReplaceGovernor),
        ("Members", "changeExports", typed.ChangeExports),
        ("Members", "narrowExports", typed.NarrowExports),
        ("Members", "publish", typed.Publish),
        ("Members", "withdrawPerson", typed.WithdrawPerson),
        ("Members", "raiseBadgeEpoch", typed.RaiseBadgeEpoch),
        ("Members", "standing", typed.Badge),
        ("Subjects", "enrol", typed.Enrol),
        ("Subjects", "rotate", typed.Rotate),
        ("Subjects", "appoint", typed.Appoint),
        ("Subjects", "vetoAppointment", typed.Appoint),
        ("Subjects", "dismiss", typed.Dismiss),
        ("Subjects", "restrict", typed.Restrict),
        ("Subjects", "lift", typed.Lift),
        ("Subjects", "recover", typed.Recover),
        ("Subjects", "vetoRecovery", typed.Recover),
        ("Subjects", "transfer", typed.Transfer),
        ("Subjects", "revokeAll", typed.RevokeAll),
        ("Studies", "anchor", typed.Anchor),
        ("Studies", "revise", typed.Revise),
        ("Studies", "withdraw", typed.Withdraw),
        ("Studies", "retain", typed.Retain),
        ("Studies", "hold", typed.Hold),
        ("Studies", "liftHold", typed.LiftHold),
        ("Studies", "requestErasure", typed.RequestErasure),
        ("Studies", "erase", typed.Erase),
        ("Grants", "grant", typed.Grant),
        ("Grants", "review", typed.Review),
        ("Releases", "isOpen", typed.KeyRequest),
        ("Members", "constructor", Founder),
    ],
)
def test_structs_are_records_field_for_field(contract: str, function: str, record: Any) -> None:
    names = [each["name"] for each in components(contract, function, 0)]
    assert names == [camel_case(field.name) for field in dataclasses.fields(record)]


def test_every_act_has_a_plan_and_every_plan_a_test() -> None:
    c = Signers(DOMAINS, 1_800_000_000)
    assert set(acts.PLANS) == set(typing.get_args(Act)) == {type(make(c)) for make in MADE.values()}


@pytest.mark.parametrize("name", ALL_ACTS)
def test_calls_are_what_web3_makes_of_them(name: str) -> None:
    c = Signers(DOMAINS, 1_800_000_000)
    plan = ALL_ACTS[name](c)
    contract = Web3().eth.contract(abi=built_abi(plan.contract))
    function, arguments = contract.decode_function_input(plan.data)
    assert contract.encode_abi(function.fn_name, args=list(arguments.values())) == "0x" + plan.data.hex()
    assert abi.artifact(plan.contract).functions[function.fn_name].selector == plan.data[:4]


def test_a_value_that_does_not_fit_is_named_without_being_told() -> None:
    secret = 2**64 + 12345
    with pytest.raises(EncodingError) as caught:
        abi.call_data("Members", "isKey", 1, secret, bytes(32))
    assert str(secret) not in str(caught.value)


def test_results_that_do_not_decode_are_another_contracts() -> None:
    with pytest.raises(LedgerInconsistencyError):
        abi.result_of("Members", "institutionOf", b"\1" * 5)
    with pytest.raises(LedgerInconsistencyError):
        abi.result_of("Members", "isWithdrawn", b"\2" * 32)


def test_a_missing_build_says_what_to_do() -> None:
    with pytest.raises(ConfigError, match="scripts/build"):
        abi.artifact("Nonesuch")


@given(st.binary(max_size=40))
def test_any_bytes_are_some_revert(data: bytes) -> None:
    found = abi.error_of(data)
    assert found is None or found.name in {item.name for item in abi.errors_by_selector().values()}


def test_a_truncated_error_is_none_of_ours() -> None:
    selector = next(selector for selector, item in abi.errors_by_selector().items() if item.name == "RoundMismatch")
    assert abi.error_of(selector + bytes(63)) is None
    assert abi.error_of(selector + bytes(64)) is not None


def test_a_badge_travels_as_abi_encode() -> None:
    c = Signers(DOMAINS, 1_800_000_000)
    badge = c.badge()
    _, _, credential = acts.approval_of(typed.Approval(bytes(20), bytes(65), badge))
    kinds = ["(uint32,bytes32,address,uint32,uint64,uint64,uint64,uint32)", "bytes"]
    values, signature = eth_abi.abi.decode(kinds, credential)
    assert signature == badge.signature
    assert values[1] == badge.badge.person
    assert ids.institution_of(values[1]) == values[0]
