"""Records as JSON: what is written is read again; everything else is refused without repeating it."""

from __future__ import annotations

import dataclasses
import json
import re
import typing
from typing import Any

import hypothesis.strategies as st
import pytest
import rfc8785
from hypothesis import given

from fiducia.core import typed_data, wire
from fiducia.core.wire_types import tag_of
from fiducia.errors import EncodingError
from fiducia.records import events, images, ledger, typed
from tests.support import world as w

signatures = st.binary(max_size=100)


def _solidity(kind: str) -> st.SearchStrategy[Any]:
    if kind.startswith("uint"):
        return st.integers(0, 2 ** int(kind[4:]) - 1)
    size = 20 if kind == "address" else int(kind.removeprefix("bytes"))
    return st.binary(min_size=size, max_size=size)


def _struct(kind: type) -> st.SearchStrategy[Any]:
    return st.builds(kind, **{name: _solidity(of) for name, of in typed_data.solidity_fields(kind)})


small = st.integers(0, 2**53 - 1)
word = st.binary(min_size=32, max_size=32)
text = st.text(st.characters(codec="utf-8"), max_size=50)
badges = st.builds(typed.SignedBadge, _struct(typed.Badge), signatures)
approvals = st.builds(typed.Approval, st.binary(max_size=84), signatures, st.none() | badges)
staff = st.builds(typed.StaffAccess, _struct(typed.KeyRequest), _struct(typed.Grant), badges, signatures)
own = st.builds(typed.OwnAccess, _struct(typed.KeyRequest), approvals, st.binary(max_size=1216))
accesses = staff | own
votes = st.lists(st.tuples(small, signatures), max_size=3).map(tuple)
VOTES = (typed.Suspend, typed.Reinstate, typed.ReplaceGovernor, typed.ChangeExports)
APPROVED_BY_ONE: dict[Any, type] = {
    ledger.VetoAppointmentAct: typed.Appoint,
    ledger.RestrictAct: typed.Restrict,
    ledger.VetoRecoveryAct: typed.Recover,
    ledger.HoldAct: typed.Hold,
    ledger.RequestErasureAct: typed.RequestErasure,
    ledger.ReviewAct: typed.Review,
}
APPROVED_BY_SEVERAL: dict[Any, type] = {
    ledger.AppointAct: typed.Appoint,
    ledger.DismissAct: typed.Dismiss,
    ledger.LiftAct: typed.Lift,
    ledger.LiftHoldAct: typed.LiftHold,
}
SIGNED: dict[Any, type] = {
    ledger.WithdrawAct: typed.Withdraw,
    ledger.RetainAct: typed.Retain,
    ledger.EraseAct: typed.Erase,
}


def many(of: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    """Up to two of something."""
    return st.lists(of, max_size=2).map(tuple)


acts = st.one_of(
    st.builds(ledger.AdmitAct, _struct(typed.Admit), st.lists(st.tuples(small, signatures), max_size=3).map(tuple)),
    st.builds(ledger.PublishAct, _struct(typed.Publish), signatures, text, signatures),
    st.builds(ledger.WithdrawPersonAct, word, signatures),
    st.builds(ledger.RaiseBadgeEpochAct, small, small, signatures),
    st.builds(ledger.EnrolAct, _struct(typed.Enrol), signatures, signatures, signatures),
    st.builds(ledger.AnchorAct, st.lists(_struct(typed.Anchor), max_size=3).map(tuple), signatures),
    st.builds(ledger.ReviseAct, _struct(typed.Revise), signatures),
    st.builds(ledger.GrantAct, _struct(typed.Grant), st.lists(approvals, max_size=2).map(tuple)),
    st.builds(ledger.RevokeAct, _struct(typed.Grant), approvals),
    st.builds(ledger.RevokeAllAct, _struct(typed.RevokeAll), approvals),
    st.builds(ledger.RecordAct, accesses),
    st.builds(ledger.VoteAct, st.one_of(*map(_struct, VOTES)), votes),
    st.builds(ledger.NarrowExportsAct, _struct(typed.NarrowExports), signatures),
    st.builds(ledger.EnrolBatchAct, many(_struct(typed.Enrol)), signatures, many(signatures), many(signatures)),
    st.builds(ledger.RotateAct, _struct(typed.Rotate), signatures, signatures, approvals),
    st.builds(ledger.RecoverAct, _struct(typed.Recover), signatures, signatures, many(approvals)),
    st.builds(ledger.CompleteRecoveryAct, st.binary(min_size=20, max_size=20)),
    st.builds(ledger.TransferAct, _struct(typed.Transfer), signatures, approvals),
    st.builds(ledger.GrantBatchAct, many(st.builds(ledger.GrantAct, _struct(typed.Grant), many(approvals)))),
    st.builds(ledger.RecordLateAct, staff, _struct(typed.Late), signatures),
    *(st.builds(act, _struct(kind), approvals) for act, kind in APPROVED_BY_ONE.items()),
    *(st.builds(act, _struct(kind), many(approvals)) for act, kind in APPROVED_BY_SEVERAL.items()),
    *(st.builds(act, _struct(kind), signatures) for act, kind in SIGNED.items()),
)

WIDTHS = {
    "by": 32, "certificate": 32, "first": 32, "governor": 20, "grant_id": 32, "key_hash": 32, "manifest": 32,
    "person": 32, "recipient": 32, "report": 32, "representative": 32, "request_id": 32, "second": 32,
    "signer_hash": 32, "study_id": 32, "subject": 20, "terms": 32, "transaction_hash": 32,
}  # fmt: skip


def _event(kind: type) -> st.SearchStrategy[Any]:
    hints = typing.get_type_hints(kind, include_extras=True)
    fields: dict[str, st.SearchStrategy[Any]] = {}
    for name, hint in hints.items():
        if hint is int:
            fields[name] = small
        elif hint is str:
            fields[name] = text
        elif hint is bytes:
            size = WIDTHS.get(name)
            fields[name] = st.binary(max_size=64) if size is None else st.binary(min_size=size, max_size=size)
        elif hint is bool:
            fields[name] = st.booleans()
        elif hint in (typed.Grant, typed.Appoint):
            fields[name] = _struct(hint)
        elif typing.get_origin(hint) is tuple:
            fields[name] = many(small)
        else:
            fields[name] = st.integers(0, 2**64 - 1)
    return st.builds(kind, **fields)


all_events = st.one_of(*map(_event, events.EVENTS))


@given(accesses)
def test_accesses_come_back(access: typed.Access) -> None:
    assert wire.decode_access(wire.encode(access)) == access


@given(acts)
def test_acts_come_back(act: ledger.Act) -> None:
    assert wire.decode_act(wire.encode(act)) == act


@given(all_events)
def test_events_come_back(event: events.LedgerEvent) -> None:
    assert wire.decode_event(wire.encode(event)) == event
    assert wire.decode(type(event), wire.encode(event)) == event


@given(st.one_of(*(_struct(kind) for kind in typed_data.STRUCTS if kind not in (typed.AnchorBatch, typed.EnrolBatch))))
def test_structs_come_back(struct: Any) -> None:
    assert wire.decode(type(struct), wire.encode(struct)) == struct


@given(acts | accesses | all_events)
def test_the_form_is_canonical(record: object) -> None:
    data = wire.encode(record)
    assert rfc8785.dumps(json.loads(data)) == data


PLACE: dict[str, Any] = {"block_number": 1, "time_at": 2, "transaction_hash": bytes(32), "log_index": 0}
RECORDS: list[Any] = [
    images.HandOver(b"\1" * 32, 2, b"sealed", b"\2" * 65),
    images.Release(b"\1" * 32, 12, 1_800_000_000),
    ledger.Receipt(
        b"\1" * 32,
        ledger.Head(1, b"\2" * 32, 3),
        4,
        (events.EpochRaised(**PLACE, subject=bytes(20), epoch=2),),
    ),
    typed.AnchorBatch((typed.Anchor(bytes(20), bytes(32), bytes(32), 1),)),
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_what_doors_say_comes_back(record: Any) -> None:
    assert wire.decode(type(record), wire.encode(record)) == record


REQUEST = w.default_request(w.default_grant())


def _changed(**changes: Any) -> bytes:
    fields = json.loads(wire.encode(REQUEST))
    return json.dumps({name: value for name, value in (fields | changes).items() if value != "GONE"}).encode()


def test_spacing_and_order_are_free() -> None:
    fields = json.loads(wire.encode(REQUEST))
    data = json.dumps(dict(reversed(fields.items())), indent=4).encode()
    assert wire.decode(typed.KeyRequest, data) == REQUEST


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"revision": "GONE"}, "KeyRequest.revision: missing"),
        ({"extra": 1}, "KeyRequest: has a field that is not one of"),
        ({"revision": "1"}, "KeyRequest.revision"),
        ({"revision": 65536}, "KeyRequest.revision"),
        ({"revision": -1}, "KeyRequest.revision"),
        ({"revision": True}, "KeyRequest.revision"),
        ({"revision": None}, "KeyRequest.revision"),
        ({"revision": [1]}, "KeyRequest.revision"),
        ({"not_after": 1_800_000_000}, "KeyRequest.not_after"),
        ({"not_after": "01"}, "KeyRequest.not_after"),
        ({"not_after": "-1"}, "KeyRequest.not_after"),
        ({"not_after": "+1"}, "KeyRequest.not_after"),
        ({"not_after": "1 "}, "KeyRequest.not_after"),
        ({"not_after": "1\n"}, "KeyRequest.not_after"),
        ({"not_after": "٣"}, "KeyRequest.not_after"),
        ({"not_after": str(2**64)}, "KeyRequest.not_after"),
        ({"not_after": ""}, "KeyRequest.not_after"),
        ({"salt": "0x" + "AB" * 32}, "KeyRequest.salt"),
        ({"salt": "ab" * 32}, "KeyRequest.salt"),
        ({"salt": "0X" + "ab" * 32}, "KeyRequest.salt"),
        ({"salt": "0x" + "ab" * 31}, "KeyRequest.salt"),
        ({"salt": "0x" + "ab" * 33}, "KeyRequest.salt"),
        ({"salt": "0x" + "ab" * 31 + "a"}, "KeyRequest.salt"),
        ({"salt": "0x" + "ab" * 31 + "zz"}, "KeyRequest.salt"),
        ({"salt": "0x" + "ab" * 31 + "a\n"}, "KeyRequest.salt"),
        ({"salt": 0}, "KeyRequest.salt"),
        ({"salt": None}, "KeyRequest.salt"),
    ],
    ids=str,
)
def test_one_form_for_each_value(changes: dict[str, Any], path: str) -> None:
    with pytest.raises(EncodingError) as refused:
        wire.decode(typed.KeyRequest, _changed(**changes))
    assert str(refused.value).startswith(path)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{",
        b"{}{}",
        b"\xff\xfe{\x00}\x00",
        b"\xef\xbb\xbf{}",
        b'{"a": 1, "a": 1}',
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": 1.0}',
        b'{"a": 1e3}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"9" * 5_000,
        b'{"a": "\\ud800"}',
    ],
    ids=lambda data: repr(data[:20]),
)
def test_what_is_no_record_is_refused(data: bytes) -> None:
    for kind in (typed.KeyRequest, events.LedgerEvent):
        with pytest.raises(EncodingError):
            wire.decode(kind, data)


def test_a_field_given_twice_is_refused() -> None:
    data = wire.encode(REQUEST)
    with pytest.raises(EncodingError, match="twice"):
        wire.decode(typed.KeyRequest, data[:-1] + b',"revision":1}')


def test_long_data_are_refused_unread() -> None:
    data = wire.encode(REQUEST)
    assert wire.decode(typed.KeyRequest, data, limit_bytes=len(data)) == REQUEST
    with pytest.raises(EncodingError, match=str(len(data) - 1)):
        wire.decode(typed.KeyRequest, data, limit_bytes=len(data) - 1)


def test_errors_never_repeat_what_was_sent() -> None:
    for changes in ({"salt": "hunter2"}, {"hunter2": 1}, {"revision": "hunter2"}):
        with pytest.raises(EncodingError) as refused:
            wire.decode(typed.KeyRequest, _changed(**changes))
        assert "hunter2" not in str(refused.value)


def test_unions_are_tagged() -> None:
    world, _, _ = w.settled()
    grant = w.default_grant()
    access = world.staff(w.default_request(grant), grant)
    fields = json.loads(wire.encode(access))
    assert fields["type"] == "staff_access"
    assert json.loads(wire.encode(ledger.RecordAct(access)))["access"]["type"] == "staff_access"
    for tag in ("own_access", "StaffAccess", "", None, 1, "GONE"):
        changed = {name: value for name, value in (fields | {"type": tag}).items() if value != "GONE"}
        with pytest.raises(EncodingError):
            wire.decode_access(json.dumps(changed).encode())


def test_the_path_names_the_field_inside() -> None:
    world, _, _ = w.settled()
    grant = w.default_grant()
    fields = json.loads(wire.encode(ledger.RecordAct(world.staff(w.default_request(grant), grant))))
    fields["access"]["badge"]["badge"]["roles"] = "many"
    with pytest.raises(EncodingError, match=r"access\.badge\.badge\.roles"):
        wire.decode_act(json.dumps(fields).encode())
    act = ledger.AnchorAct((typed.Anchor(bytes(20), bytes(32), bytes(32), 1),), b"")
    fields = json.loads(wire.encode(act))
    fields["anchors"][0]["salt"] = "0x"
    with pytest.raises(EncodingError, match=r"anchors\[0\]\.salt"):
        wire.decode_act(json.dumps(fields).encode())


@pytest.mark.parametrize(
    "record",
    [
        dataclasses.replace(REQUEST, revision=65536),
        dataclasses.replace(REQUEST, salt=bytes(31)),
        dataclasses.replace(REQUEST, not_after=2**64),
        dataclasses.replace(REQUEST, series=True),
        images.Release(b"\1" * 31, 1, 1),
        images.Release(b"\1" * 32, 2**53, 1),
        ledger.RecordAct(REQUEST),  # type: ignore[arg-type]
        ledger.AnchorAct([], b""),  # type: ignore[arg-type]
        object(),
        {"a": 1},
    ],
    ids=lambda record: type(record).__name__,
)
def test_what_does_not_fit_is_not_written(record: object) -> None:
    with pytest.raises(EncodingError):
        wire.encode(record)


def _check(schema: dict[str, Any], value: Any) -> bool:
    """As much of JSON Schema as `schema` uses."""

    if "anyOf" in schema or "oneOf" in schema:
        return sum(_check(one, value) for one in schema.get("oneOf") or schema["anyOf"]) == 1
    if "const" in schema:
        return bool(value == schema["const"])
    kind = schema["type"]
    if kind == "object":
        known = schema["properties"]
        same = isinstance(value, dict) and set(value) == set(known) == set(schema["required"])
        return same and all(_check(known[n], value[n]) for n in value)
    if kind == "array" and "prefixItems" in schema:
        return all(_check(one, each) for one, each in zip(schema["prefixItems"], value, strict=True))
    if kind == "array":
        return all(_check(schema["items"], each) for each in value)
    if kind == "integer":
        return isinstance(value, int) and schema["minimum"] <= value <= schema["maximum"]
    if kind == "string":
        fits = len(value) <= schema["maxLength"] if isinstance(value, str) else False
        return fits and re.search(schema.get("pattern", ""), value) is not None
    if kind == "boolean":
        return isinstance(value, bool)
    return kind == "null" and value is None


@given(acts | accesses | all_events)
def test_what_is_written_follows_its_schema(record: object) -> None:
    assert _check(wire.schema(type(record)), json.loads(wire.encode(record)))


def test_every_event_is_known() -> None:
    declared = {
        kind for kind in vars(events).values() if isinstance(kind, type) and issubclass(kind, events.LedgerEvent)
    }
    assert declared - {events.LedgerEvent} == set(events.EVENTS)
    assert len(wire.schema(events.LedgerEvent)["oneOf"]) == len(events.EVENTS)


def test_union_schemas_tell_their_members_apart() -> None:
    schema = wire.schema(ledger.Act)
    tags = [one["properties"]["type"]["const"] for one in schema["oneOf"]]
    assert tags == [tag_of(kind) for kind in typing.get_args(ledger.Act)]
    assert len(set(tags)) == len(tags)
