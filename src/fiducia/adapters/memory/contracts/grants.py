"""Grants in miniature: given on every basis, revoked; see contracts/src/Grants.sol. Who approves is `bases`'."""

from __future__ import annotations

from functools import partial

from fiducia.adapters.memory.contracts.bases import require_basis
from fiducia.adapters.memory.contracts.chain import Chain, Draft
from fiducia.core import ids, rules
from fiducia.core.refusals import refusal
from fiducia.core.standing import is_direct, may_revoke
from fiducia.errors import InputError
from fiducia.records import events
from fiducia.records.ledger import GrantAct, GrantBatchAct, GrantState, RevokeAct
from fiducia.records.typed import Grant, Revoke


def grant(chain: Chain, act: GrantAct) -> list[Draft]:
    """Give a grant that those approved whom its basis asks."""
    terms = act.grant
    grant_id = ids.grant_id(terms)
    known = chain.state.grant(grant_id)
    if known is not None and known.state == GrantState.REVOKED:
        raise refusal("GrantRevoked")
    if known is not None:
        return []
    _require_terms(terms, chain.now)
    entry = chain.subject(terms.subject)
    if terms.epoch != entry.epoch:
        raise refusal("EpochMismatch", current=entry.epoch, given=terms.epoch)
    expiry_at, owed = require_basis(chain, terms, act.approvals)
    return [partial(events.GrantGiven, grant_id=grant_id, grant=terms, expiry_at=expiry_at), *owed]


def grant_batch(chain: Chain, act: GrantBatchAct) -> list[Draft]:
    """Give what can be given, each grant once, and skip the rest."""
    drafts: dict[bytes, list[Draft]] = {}
    for each in act.grants:
        grant_id = ids.grant_id(each.grant)
        try:
            drafts[grant_id] = drafts.get(grant_id) or grant(chain, each)
        except InputError:
            continue
    return [draft for given in drafts.values() for draft in given]


def revoke(chain: Chain, act: RevokeAct) -> list[Draft]:
    """End a grant, carried before or not."""
    terms = act.grant
    grant_id = ids.grant_id(terms)
    known = chain.state.grant(grant_id)
    if known is not None and known.state == GrantState.REVOKED:
        return []
    by = chain.require_approved(Revoke(grant_id), act.approval)
    entry = chain.subject(terms.subject)
    if act.approval.credential is not None:
        badge = chain.require_staff(Revoke(grant_id), act.approval, gives_more=False)
        by, standing = badge.person, may_revoke(chain.state, terms)(badge, entry)
    else:
        standing = is_direct(chain.state, entry, act.approval.signer, chain.now)
    if not standing:
        raise refusal("NoStanding")
    return [partial(events.GrantRevoked, grant_id=grant_id, subject=terms.subject, by=by)]


def _require_terms(terms: Grant, now: int) -> None:
    """Return when such terms may be given now, by whomever. Raises: InputError."""
    rule = rules.basis_rule(terms.basis)
    if rule is None:
        raise refusal("BasisUnknown", basis=terms.basis)
    if not terms.purposes or terms.purposes & ~rule.purposes:
        raise refusal("PurposesRefused")
    if not terms.actions or terms.actions & ~rules.ALL_ACTIONS:
        raise refusal("ActionsRefused")
    if ids.institution_of(terms.grantee) == 0:
        raise refusal("GranteeRefused")
    # An emergency whose window is over is taken until its review is due: for the record, it opens nothing.
    is_emergency = rule.basis is rules.Basis.EMERGENCY
    taken_until = terms.not_before + rules.REVIEW_WITHIN_S if is_emergency else terms.not_after
    empty = terms.not_before >= terms.not_after or now >= taken_until or terms.not_after >= 2**40
    ahead = is_emergency and terms.not_before > now + rules.EMERGENCY_AHEAD_S
    if empty or ahead or terms.not_after - terms.not_before > rule.max_s:
        raise refusal("WindowRefused", longest=rule.max_s)
    if now >= terms.relay_by:
        raise refusal("RelayedLate")
