"""Acts that record releases, at once or late; see `plan`. Staff's are `recording`'s to send. Source: IReleases."""

from __future__ import annotations

from collections.abc import Sequence

from fiducia.adapters.evm import abi
from fiducia.adapters.evm.abi import call_data, values_of
from fiducia.adapters.evm.acts.plan import Plan, Topics, approval_of, asked, evidence_of
from fiducia.adapters.evm.chain import Chain
from fiducia.core import ids
from fiducia.records.ledger import RecordAct, RecordLateAct
from fiducia.records.typed import Access, OwnAccess, StaffAccess


def record(chain: Chain, act: RecordAct) -> Plan:
    """Plan a release."""
    access = act.access
    if isinstance(access, OwnAccess):
        data = call_data("Releases", "recordOwn", values_of(access.request), approval_of(access.approval))
    else:
        data = call_data("Releases", "record", evidence_of(access))
    return _plan(data, access)


def record_late(chain: Chain, act: RecordLateAct) -> Plan:
    """Plan the record of a hand-over during a stall."""
    evidence = evidence_of(act.access)
    return _plan(call_data("Releases", "recordLate", evidence, act.late.handed_over_at, act.signature), act.access)


def batch_data(accesses: Sequence[StaffAccess]) -> bytes:
    """Return the calldata that records several releases in one transaction."""
    return call_data("Releases", "recordBatch", [evidence_of(each) for each in accesses])


def _plan(data: bytes, access: Access) -> Plan:
    request_id = ids.request_id(access.request)
    return Plan(
        "Releases",
        data,
        lambda chain: bool(asked(chain, "Releases", "releaseOf", request_id)[0]),
        _told_of(request_id),
    )


def _told_of(request_id: bytes) -> Topics:
    """A request is recorded once, whether in time or late."""
    return (abi.topic_of("Releases", "Released"), abi.topic_of("Releases", "ReleasedLate")), request_id
