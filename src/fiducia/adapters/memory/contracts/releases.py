"""Releases in miniature; see contracts/src/Releases.sol: the decision itself is `core.policy`'s."""

from __future__ import annotations

from functools import partial

from fiducia.adapters.memory.contracts.chain import Chain, Draft
from fiducia.core import ids
from fiducia.core.policy import decide, verify_access
from fiducia.records import events
from fiducia.records.ledger import RecordAct
from fiducia.records.typed import StaffAccess


def record(chain: Chain, act: RecordAct) -> list[Draft]:
    """Record a release that nothing stands against. Raises: DeniedError."""
    access, request = act.access, act.access.request
    request_id = ids.request_id(request)
    if chain.state.release(request_id) is not None:
        return []
    verified = verify_access(chain.domains, access)
    facts = chain.state.facts(access, verified)
    lapse_at = decide(access, facts, verified, at=chain.now).require()
    if isinstance(access, StaffAccess):
        institution, epoch = access.badge.badge.institution, facts.badge_epoch
    else:
        institution, epoch = 0, facts.subject_epoch
    return [
        partial(
            events.ReleaseRecorded,
            request_id=request_id,
            study_id=request.study_id,
            revision=request.revision,
            series=request.series,
            grant_id=request.grant_id,
            purpose=request.purpose,
            action=request.action,
            person=request.person,
            recipient=request.recipient,
            institution=institution,
            badge_epoch=epoch,
            lapse_at=lapse_at,
        )
    ]
