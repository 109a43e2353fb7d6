"""Reviews of emergencies in miniature: filed once, contested once by each other institution; see Grants.sol."""

from __future__ import annotations

from functools import partial
from typing import Any

from fiducia.adapters.memory.contracts.chain import Chain, Draft
from fiducia.core import badges, ids
from fiducia.core.refusals import refusal
from fiducia.records import events
from fiducia.records.ledger import ReviewAct


def review(chain: Chain, act: ReviewAct) -> list[Draft]:
    """File the review of an emergency, or contest the one that was filed."""
    struct = act.review
    owed = chain.state.review(struct.grant_id)
    if owed is None:
        raise refusal("ReviewUnknown")
    if struct.outcome not in (1, 2):
        raise refusal("OutcomeUnknown", outcome=struct.outcome)
    badge = chain.require_staff(struct, act.approval)
    if not badges.is_officer(badge) or badge.person in (owed.first, owed.second):
        raise refusal("NoStanding")
    said: dict[str, Any] = {
        "grant_id": struct.grant_id,
        "by": badge.person,
        "outcome": struct.outcome,
        "report": struct.report,
    }
    if owed.filed is None:
        return [partial(events.ReviewFiled, **said)]
    if badge.institution in {ids.institution_of(each.by) for each in (owed.filed, *owed.contested)}:
        return []
    return [partial(events.ReviewContested, **said)]
