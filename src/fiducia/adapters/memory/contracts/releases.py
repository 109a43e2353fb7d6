"""Releases in miniature; see contracts/src/Releases.sol: the decisions themselves are `core.policy`'s."""

from __future__ import annotations

from functools import partial
from typing import Any

from fiducia.adapters.memory.contracts.chain import Chain, Draft
from fiducia.core import ids
from fiducia.core.policy import decide, decide_late, verify_access
from fiducia.core.signatures import recover_or_none
from fiducia.records import events
from fiducia.records.ledger import RecordAct, RecordLateAct
from fiducia.records.typed import KeyRequest, Late, StaffAccess


def record(chain: Chain, act: RecordAct) -> list[Draft]:
    """Record a release that nothing stands against. Raises: DeniedError."""
    access, request = act.access, act.access.request
    if any(chain.state.recorded(ids.request_id(request))):
        return []
    verified = verify_access(chain.domains, access)
    facts = chain.state.facts(access, verified, chain.now)
    lapse_at = decide(access, facts, verified, at=chain.now).require()
    if isinstance(access, StaffAccess):
        institution, epoch = access.badge.badge.institution, facts.badge_epoch
    else:
        institution, epoch = 0, facts.subject_epoch
    whose: dict[str, Any] = {"institution": institution, "badge_epoch": epoch}
    return [partial(events.ReleaseRecorded, **_asked(request), **whose, lapse_at=lapse_at)]


def record_late(chain: Chain, act: RecordLateAct) -> list[Draft]:
    """Record a hand-over that a trustee made while the chain stalled. Raises: DeniedError."""
    access, request, badge = act.access, act.access.request, act.access.badge.badge
    request_id = ids.request_id(request)
    if any(chain.state.recorded(request_id)):
        return []
    verified = verify_access(chain.domains, access)
    facts = chain.state.facts(access, verified)
    statement = Late(request_id, act.late.handed_over_at)
    trustee = recover_or_none(chain.domains.digest(statement), act.signature)
    late = chain.state.late_facts(request, trustee)
    decide_late(access, facts, verified, late, statement.handed_over_at, at=chain.now).require()
    whose: dict[str, Any] = {"institution": badge.institution, "badge_epoch": badge.epoch}
    return [partial(events.ReleaseRecordedLate, **_asked(request), **whose, handed_over_at=statement.handed_over_at)]


def _asked(request: KeyRequest) -> dict[str, Any]:
    """What an event repeats of the request that it is about."""
    return {
        "request_id": ids.request_id(request),
        "study_id": request.study_id,
        "revision": request.revision,
        "series": request.series,
        "grant_id": request.grant_id,
        "purpose": request.purpose,
        "action": request.action,
        "person": request.person,
        "recipient": request.recipient,
    }
