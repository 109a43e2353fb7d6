"""Acts about grants and the reviews of emergencies; see `plan`. Source: IGrants."""

from __future__ import annotations

from typing import Any

from fiducia.adapters.evm import abi
from fiducia.adapters.evm.abi import call_data, values_of
from fiducia.adapters.evm.acts.plan import Plan, all_asked, approval_of, approvals_of, asked, topics
from fiducia.adapters.evm.chain import Chain
from fiducia.core import ids
from fiducia.core.rules import Basis
from fiducia.records.ledger import GrantAct, GrantBatchAct, GrantState, ReviewAct, RevokeAct

STATE = 3
"""The place of the state in IGrants.GrantState."""

_REVIEW_STATE, _FILED = 2, 2  # a place in IGrants.ReviewState, and its value


def grant(chain: Chain, act: GrantAct) -> Plan:
    """Plan a grant."""
    grant_id = ids.grant_id(act.grant)
    return Plan(
        "Grants",
        call_data("Grants", "grant", *_item(act)),
        lambda chain: _state(chain, grant_id) == GrantState.LIVE,
        topics("Grants", "Granted", grant_id),
    )


def grant_batch(chain: Chain, act: GrantBatchAct) -> Plan:
    """Plan several grants in one transaction; what the contract refuses is skipped, so each grant's own plan tells."""
    grant_ids = tuple(ids.grant_id(each.grant) for each in act.grants)

    def done(chain: Chain) -> bool:
        found = all_asked(chain, *(chain.view("Grants", "grantOf", each) for each in grant_ids))
        return all(stored[STATE] == GrantState.LIVE for stored in found)

    items = [_item(each) for each in act.grants]
    told = topics("Grants", "Granted", grant_ids)
    return Plan("Grants", call_data("Grants", "grantBatch", items), done, told, lambda event: False)


def revoke(chain: Chain, act: RevokeAct) -> Plan:
    """Plan the end of one grant."""
    grant_id = ids.grant_id(act.grant)
    return Plan(
        "Grants",
        call_data("Grants", "revoke", values_of(act.grant), approval_of(act.approval)),
        lambda chain: _state(chain, grant_id) == GrantState.REVOKED,
        topics("Grants", "Revoked", grant_id),
    )


def review(chain: Chain, act: ReviewAct) -> Plan:
    """Plan the review of an emergency, filed or contested: whichever it is, once per institution."""
    struct, badge = act.review, act.approval.credential
    institution = badge.badge.institution if badge else 0

    def tells(event: Any) -> bool:
        return ids.institution_of(event.by) == institution

    filed, contested = (abi.topic_of("Grants", name) for name in ("ReviewFiled", "ReviewContested"))
    return Plan(
        "Grants",
        call_data("Grants", "review", values_of(struct), approval_of(act.approval, by_staff=True)),
        lambda chain: bool(asked(chain, "Grants", "reviewOf", struct.grant_id)[_REVIEW_STATE] == _FILED),
        ((filed, contested), struct.grant_id),
        tells,
        proved=bool,  # storage says that somebody filed, and not who
    )


def _item(act: GrantAct) -> tuple[Any, ...]:
    """Return a grant and its approvals as IGrants.GrantItem."""
    return values_of(act.grant), approvals_of(act.approvals, by_staff=act.grant.basis != Basis.CONSENT)


def _state(chain: Chain, grant_id: bytes) -> int:
    return int(asked(chain, "Grants", "grantOf", grant_id)[STATE])
