"""The contracts' logs as `records.events`: one table from Solidity events to records.

Owns decoding one log and checking that a stretch of logs is what was asked for: from our contracts, inside
the window, strictly in order. Asking the chain for them is `history`'s; what follows from them is
`core.replay`'s. Source: contracts/src/interfaces; the Ethereum execution API's log object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from fiducia.adapters.evm import abi
from fiducia.adapters.evm.rpc import as_bytes, as_int
from fiducia.core.typed_data import camel_case
from fiducia.errors import LedgerInconsistencyError
from fiducia.records import events
from fiducia.records.events import LedgerEvent
from fiducia.records.typed import Appoint, Grant, KeyRequest

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


def _named(kind: type[LedgerEvent], **renamed: str) -> Make:
    """Make a record whose fields are the event's arguments, by their Solidity names or as `renamed` says."""
    sources = {name: renamed.get(name, camel_case(name)) for name in _own_fields(kind)}
    return lambda v, place: kind(**{name: v[source] for name, source in sources.items()}, **place)


def _own_fields(kind: type[LedgerEvent]) -> list[str]:
    place = {each.name for each in fields(LedgerEvent)}
    return [each.name for each in fields(kind) if each.name not in place]


def _appointed(v: dict[str, Any], place: dict[str, Any]) -> LedgerEvent:
    return events.RepresentativeAppointed(
        appointment=Appoint(*v["appointment"]), from_at=v["from"], by=v["by"], **place
    )


def _granted(v: dict[str, Any], place: dict[str, Any]) -> LedgerEvent:
    return events.GrantGiven(grant_id=v["grantId"], grant=Grant(*v["terms"]), expiry_at=v["expiry"], **place)


def _released(v: dict[str, Any], place: dict[str, Any]) -> LedgerEvent:
    return events.ReleaseRecorded(**_of_request(v), lapse_at=v["lapse"], **place)


def _released_late(v: dict[str, Any], place: dict[str, Any]) -> LedgerEvent:
    return events.ReleaseRecordedLate(**_of_request(v), handed_over_at=v["handedOverAt"], **place)


def _of_request(v: dict[str, Any]) -> dict[str, Any]:
    """Return what a release says, in time or late: the request, and whose badge of which epoch it was."""
    request = KeyRequest(*v["request"])
    return {
        "request_id": v["requestId"],
        "study_id": request.study_id,
        "revision": request.revision,
        "series": request.series,
        "grant_id": request.grant_id,
        "purpose": request.purpose,
        "action": request.action,
        "person": request.person,
        "recipient": request.recipient,
        "institution": v["institution"],
        "badge_epoch": v["epoch"],
    }


MAKERS: dict[str, Make] = {
    "Admitted": _named(events.MemberAdmitted),
    "Suspended": _named(events.MemberSuspended),
    "Reinstated": _named(events.MemberReinstated),
    "GovernorReplaced": _named(events.GovernorReplaced),
    "ExportsChanged": _named(events.ExportsChanged),
    "Published": _named(events.KeyPublished),
    "BadgeEpochRaised": _named(events.BadgeEpochRaised),
    "PersonWithdrawn": _named(events.PersonWithdrawn),
    "Enrolled": _named(events.SubjectEnrolled),
    "AllRevoked": _named(events.EpochRaised),
    "Rotated": _named(events.SignerRotated),
    "Appointed": _appointed,
    "AppointmentVetoed": _named(events.AppointmentVetoed),
    "Dismissed": _named(events.RepresentativeDismissed),
    "Restricted": _named(events.SubjectRestricted),
    "Lifted": _named(events.RestrictionLifted),
    "RecoveryBegun": _named(events.RecoveryBegun),
    "RecoveryVetoed": _named(events.RecoveryVetoed),
    "Recovered": _named(events.SubjectRecovered),
    "Transferred": _named(events.CustodyTransferred, from_custodian="from"),
    "Anchored": _named(events.StudyAnchored),
    "Revised": _named(events.StudyRevised),
    "Withdrawn": _named(events.StudyWithdrawn),
    "Retained": _named(events.StudyRetained),
    "Held": _named(events.StudyHeld),
    "HoldLifted": _named(events.HoldLifted),
    "ErasureRequested": _named(events.ErasureRequested),
    "Erased": _named(events.StudyErased),
    "Granted": _granted,
    "Revoked": _named(events.GrantRevoked),
    "ReviewOwed": _named(events.ReviewOwed),
    "ReviewFiled": _named(events.ReviewFiled),
    "ReviewContested": _named(events.ReviewContested),
    "Released": _released,
    "ReleasedLate": _released_late,
    "Denied": _named(events.ReleaseDenied),
}
"""Every event of the five contracts, except EIP-5267's, which is never emitted."""
