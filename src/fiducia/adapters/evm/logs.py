"""The contracts' logs as `records.events`: one table from Solidity events to records.

Owns decoding one log and checking that a stretch of logs is what was asked for: from our contracts, inside
the window, strictly in order. Asking the chain for them is `history`'s; what follows from them is
`core.replay`'s. Source: contracts/src/interfaces; the Ethereum execution API's log object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fiducia.adapters.evm import abi
from fiducia.adapters.evm.rpc import as_bytes, as_int
from fiducia.errors import LedgerInconsistencyError
from fiducia.records import events
from fiducia.records.events import LedgerEvent
from fiducia.records.typed import Grant, KeyRequest

Make = Callable[[dict[str, Any], dict[str, Any]], LedgerEvent]


@dataclass(frozen=True, slots=True)
class Log:
    """A log as the node gave it, its place as numbers; `time_at` only where the node says it."""

    contract: str
    topics: tuple[bytes, ...]
    data: bytes
    block_number: int
    transaction_hash: bytes
    log_index: int
    time_at: int | None


def read(contracts: Mapping[bytes, str], raw: Any) -> Log:
    """Return one JSON-RPC log object as a `Log`.

    Args:
        contracts: the five contracts' names by address (20 bytes).

    Raises:
        LedgerInconsistencyError: no log, of another contract, or of a block that was taken back.
    """
    if not isinstance(raw, dict) or raw.get("removed") or not isinstance(raw.get("topics"), list):
        raise LedgerInconsistencyError("the chain endpoint gave something else where a log is due")
    contract = contracts.get(as_bytes(raw.get("address"), 20))
    if contract is None:
        raise LedgerInconsistencyError("the chain endpoint gave a log of a contract that was not asked about")
    time = raw.get("blockTimestamp")
    return Log(
        contract=contract,
        topics=tuple(as_bytes(topic, 32) for topic in raw["topics"]),
        data=as_bytes(raw.get("data")),
        block_number=as_int(raw.get("blockNumber")),
        transaction_hash=as_bytes(raw.get("transactionHash"), 32),
        log_index=as_int(raw.get("logIndex")),
        time_at=as_int(time) if time is not None else None,
    )


def decode(log: Log, time_at: int) -> LedgerEvent:
    """Return the event that a log is; `time_at` is its block's time. Raises: LedgerInconsistencyError."""
    named = abi.event_of(log.contract, log.topics, log.data)
    make = MAKERS.get(named.name)
    if make is None:
        raise LedgerInconsistencyError(f"the contract {log.contract} emitted an event that it never emits")
    place = {
        "block_number": log.block_number,
        "time_at": time_at,
        "transaction_hash": log.transaction_hash,
        "log_index": log.log_index,
    }
    return make(named.values, place)


def in_order(found: Iterable[Log], first_block: int, last_block: int) -> list[Log]:
    """Return logs that all lie in a window of blocks, strictly in order. Raises: LedgerInconsistencyError."""
    kept: list[Log] = []
    place = (first_block, -1)
    for log in found:
        if not place < (log.block_number, log.log_index) or log.block_number > last_block:
            raise LedgerInconsistencyError("the chain endpoint gave events out of order, twice, or not asked for")
        place = (log.block_number, log.log_index)
        kept.append(log)
    return kept


def _admitted(v: dict[str, Any], place: dict[str, Any]) -> LedgerEvent:
    return events.MemberAdmitted(
        institution=v["institution"], governor=v["governor"], region=v["region"], exports=v["exports"], **place
    )


def _published(v: dict[str, Any], place: dict[str, Any]) -> LedgerEvent:
    return events.KeyPublished(
        institution=v["institution"],
        kind=v["kind"],
        key_hash=v["keyHash"],
        not_after=v["notAfter"],
        key=v["key"],
        endpoint=v["endpoint"],
        **place,
    )


def _granted(v: dict[str, Any], place: dict[str, Any]) -> LedgerEvent:
    return events.GrantGiven(grant_id=v["grantId"], grant=Grant(*v["terms"]), expiry_at=v["expiry"], **place)


def _released(v: dict[str, Any], place: dict[str, Any]) -> LedgerEvent:
    request = KeyRequest(*v["request"])
    return events.ReleaseRecorded(
        request_id=v["requestId"],
        study_id=request.study_id,
        revision=request.revision,
        series=request.series,
        grant_id=request.grant_id,
        purpose=request.purpose,
        action=request.action,
        person=request.person,
        recipient=request.recipient,
        institution=v["institution"],
        badge_epoch=v["epoch"],
        lapse_at=v["lapse"],
        **place,
    )


def _denied(v: dict[str, Any], place: dict[str, Any]) -> LedgerEvent:
    return events.ReleaseDenied(
        request_id=v["requestId"],
        reason=v["reason"],
        study_id=v["studyId"],
        person=v["person"],
        institution=v["institution"],
        **place,
    )


def _anchored(v: dict[str, Any], place: dict[str, Any]) -> LedgerEvent:
    return events.StudyAnchored(
        study_id=v["studyId"],
        subject=v["subject"],
        manifest=v["manifest"],
        retain_until_day=v["retainUntilDay"],
        **place,
    )


MAKERS: dict[str, Make] = {
    "Admitted": _admitted,
    "Suspended": lambda v, place: events.MemberSuspended(institution=v["institution"], **place),
    "Reinstated": lambda v, place: events.MemberReinstated(institution=v["institution"], **place),
    "Published": _published,
    "BadgeEpochRaised": lambda v, p: events.BadgeEpochRaised(institution=v["institution"], epoch=v["epoch"], **p),
    "PersonWithdrawn": lambda v, p: events.PersonWithdrawn(institution=v["institution"], person=v["person"], **p),
    "Enrolled": lambda v, p: events.SubjectEnrolled(
        subject=v["subject"], custodian=v["custodian"], signer_hash=v["signerHash"], **p
    ),
    "AllRevoked": lambda v, p: events.EpochRaised(subject=v["subject"], epoch=v["epoch"], by=v["by"], **p),
    "Anchored": _anchored,
    "Revised": lambda v, p: events.StudyRevised(
        study_id=v["studyId"], revision=v["revision"], manifest=v["manifest"], **p
    ),
    "Withdrawn": lambda v, p: events.StudyWithdrawn(study_id=v["studyId"], revision=v["revision"], **p),
    "Granted": _granted,
    "Revoked": lambda v, p: events.GrantRevoked(grant_id=v["grantId"], subject=v["subject"], by=v["by"], **p),
    "Released": _released,
    "Denied": _denied,
}
"""Every event of the five contracts, except EIP-5267's, which is never emitted."""
