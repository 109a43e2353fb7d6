"""Every event of the ABIs becomes a record; logs that nobody asked for become none."""

from __future__ import annotations

import dataclasses
from typing import Any

import eth_abi.abi
import pytest

from fiducia.adapters.evm import abi, logs
from fiducia.adapters.evm.abi import Item
from fiducia.adapters.evm.rpc import hexed, quantity
from fiducia.core.typed_data import camel_case
from fiducia.errors import LedgerInconsistencyError
from fiducia.records import events
from fiducia.records.typed import Appoint, Grant, KeyRequest
from tests.support import deeds
from tests.support.evm_plans import DOMAINS, built_abi
from tests.support.signers import Signers, key

CONTRACTS = {bytes([number]) * 20: name for number, name in enumerate(abi.CONTRACTS, start=1)}
ADDRESSES = {name: address for address, name in CONTRACTS.items()}
NEVER = "EIP712DomainChanged"
ITEMS = {(contract, item.name): item for contract in abi.CONTRACTS for item in abi.artifact(contract).events.values()}
c = Signers(DOMAINS, 1_800_000_000)
GRANT = c.grant(bytes(32)).grant
REQUEST = c.request(bytes(32), GRANT)
APPOINTMENT = deeds.appoint(c, key("mother"), serial=1).appoint
RELEASES = (events.ReleaseRecorded, events.ReleaseRecordedLate)


def value(kind: str, name: str) -> Any:
    """Return a sample argument."""
    structs: dict[str, Any] = {"terms": GRANT, "request": REQUEST, "appointment": APPOINTMENT}
    if kind.startswith("(") and name in structs:
        return abi.values_of(structs[name])
    plain = {"address": "0x" + "ab" * 20, "bytes": b"key", "string": "é", "bool": True, "uint32[]": (1, 2)}
    if kind in plain:
        return plain[kind]
    return bytes([len(name)]) * int(kind[5:]) if kind.startswith("bytes") else len(name)


def raw(contract: str, item: Item, **changes: Any) -> dict[str, Any]:
    """Return an event as a node gives it."""
    values = [value(kind, name) for kind, name in zip(item.inputs, item.input_names, strict=True)]
    parts = list(zip(item.inputs, values, item.indexed, strict=True))
    topics = [item.selector, *(eth_abi.abi.encode([kind], [each]) for kind, each, indexed in parts if indexed)]
    kinds = [kind for kind, _, indexed in parts if not indexed]
    data = eth_abi.abi.encode(kinds, [each for _, each, indexed in parts if not indexed])
    log = {
        "address": hexed(ADDRESSES[contract]),
        "topics": [hexed(topic) for topic in topics],
        "data": hexed(data),
        "blockNumber": quantity(5),
        "transactionHash": hexed(bytes([9]) * 32),
        "logIndex": quantity(3),
        "removed": False,
    }
    return {**log, **changes}


@pytest.mark.parametrize(("contract", "name"), [pair for pair in ITEMS if pair[1] != NEVER])
def test_an_event_becomes_its_record(contract: str, name: str) -> None:
    item = ITEMS[(contract, name)]
    event = logs.decode(logs.read(CONTRACTS, raw(contract, item)), 77)
    assert (event.block_number, event.log_index, event.time_at) == (5, 3, 77)
    assert event.transaction_hash == bytes([9]) * 32
    for kind, argument in zip(item.inputs, item.input_names, strict=True):
        field = next((f.name for f in dataclasses.fields(event) if camel_case(f.name) == argument), None)
        if field and field != "appointment" and not isinstance(event, RELEASES):
            expected = bytes([0xAB]) * 20 if kind == "address" else value(kind, argument)
            assert getattr(event, field) == expected
    if isinstance(event, events.GrantGiven):
        assert (event.grant, event.expiry_at) == (GRANT, len("expiry"))
    if isinstance(event, events.RepresentativeAppointed):
        assert (event.appointment, event.from_at) == (APPOINTMENT, len("from"))
    if isinstance(event, events.CustodyTransferred):
        assert (event.from_custodian, event.custodian) == (len("from"), len("custodian"))
    if isinstance(event, RELEASES):
        named = {field.name for field in dataclasses.fields(REQUEST)} - {"not_after", "salt"}
        assert all(getattr(event, name) == getattr(REQUEST, name) for name in named)
        assert (event.institution, event.badge_epoch) == (len("institution"), len("epoch"))
        assert event.request_id == bytes([len("requestId")]) * 32
    if isinstance(event, events.ReleaseRecorded):
        assert event.lapse_at == len("lapse")
    if isinstance(event, events.ReleaseRecordedLate):
        assert event.handed_over_at == len("handedOverAt")


def test_every_record_is_some_event() -> None:
    made = {
        type(logs.decode(logs.read(CONTRACTS, raw(contract, item)), 1))
        for (contract, name), item in ITEMS.items()
        if name != NEVER
    }
    kinds = [kind for kind in vars(events).values() if isinstance(kind, type) and issubclass(kind, events.LedgerEvent)]
    assert made == set(kinds) - {events.LedgerEvent} == set(events.EVENTS)


@pytest.mark.parametrize(
    ("contract", "event", "argument", "record"),
    [
        ("Subjects", "Appointed", "appointment", Appoint),
        ("Grants", "Granted", "terms", Grant),
        ("Releases", "Released", "request", KeyRequest),
        ("Releases", "ReleasedLate", "request", KeyRequest),
    ],
)
def test_structs_in_events_are_records_field_for_field(contract: str, event: str, argument: str, record: Any) -> None:
    (entry,) = [entry for entry in built_abi(contract) if entry.get("name") == event]
    (struct,) = [each["components"] for each in entry["inputs"] if each["name"] == argument]
    assert [each["name"] for each in struct] == [camel_case(field.name) for field in dataclasses.fields(record)]


@pytest.mark.parametrize(
    "changes",
    [
        {"address": hexed(bytes(20))},
        {"topics": []},
        {"topics": None},
        {"topics": [hexed(bytes(32))]},
        {"topics": [hexed(abi.topic_of("Grants", "Revoked"))]},
        {"topics": [hexed(abi.topic_of("Members", NEVER))], "data": "0x"},
        {"data": "0x00"},
        {"data": None},
        {"blockNumber": None},
        {"transactionHash": "0x12"},
        {"removed": True},
    ],
    ids=str,
)
def test_a_log_that_cannot_be_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(LedgerInconsistencyError):
        logs.decode(logs.read(CONTRACTS, raw("Members", ITEMS[("Members", "Admitted")], **changes)), 1)


@pytest.mark.parametrize("nothing", [None, 5, "0x", []])
def test_what_is_no_log_is_refused(nothing: Any) -> None:
    with pytest.raises(LedgerInconsistencyError):
        logs.read(CONTRACTS, nothing)


def placed(*places: tuple[int, int]) -> list[logs.Log]:
    """Return logs at places (block, index)."""
    return [logs.Log("Members", (), b"", block, bytes(32), index, None) for block, index in places]


def test_order_is_kept() -> None:
    good = placed((3, 0), (3, 1), (3, 7), (4, 0), (9, 2))
    assert logs.in_order(good, 3, 9) == good


@pytest.mark.parametrize(
    "places",
    [[(2, 0)], [(10, 0)], [(3, 1), (3, 0)], [(3, 1), (3, 1)], [(5, 0), (4, 9)]],
    ids=["before", "after", "backwards", "twice", "an earlier block"],
)
def test_disorder_is_refused(places: list[tuple[int, int]]) -> None:
    with pytest.raises(LedgerInconsistencyError):
        logs.in_order(placed(*places), 3, 9)
