"""Who must approve a grant, by its basis, and until when it then stands; see contracts/src and core.rules."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from fiducia.adapters.memory.contracts.chain import Chain, Draft
from fiducia.core import ids, rules
from fiducia.core.refusals import refusal
from fiducia.core.rules import Basis, Power
from fiducia.records import events
from fiducia.records.typed import Approval, Grant

_APPROVALS = {Basis.CONSENT: 1, Basis.PAPER: 2, Basis.CARE: 1, Basis.LAW: 1, Basis.EMERGENCY: 2}
_ETREAT = rules.mask(rules.Purpose.ETREAT)


def require_basis(chain: Chain, terms: Grant, approvals: Sequence[Approval]) -> tuple[int, list[Draft]]:
    """Return until when a grant stands, and what else is announced with it: the review that an emergency owes.

    Raises:
        InputError, SignatureError: not approved by whom its basis asks.
    """
    basis = Basis(terms.basis)
    if len(approvals) != _APPROVALS[basis]:
        raise refusal("ApprovalsMismatch", expected=_APPROVALS[basis], given=len(approvals))
    if basis is Basis.CONSENT:
        return _by_patient(chain, terms, approvals[0]), []
    if basis is Basis.EMERGENCY:
        return terms.not_after, [_open_emergency(chain, terms, approvals)]
    if basis is Basis.PAPER:
        _on_paper(chain, terms, approvals)
    else:
        chain.require_officer(chain.subject(terms.subject).custodian, terms, approvals[0])
    return terms.not_after, []


def _by_patient(chain: Chain, terms: Grant, approval: Approval) -> int:
    """The signer, or a representative, within its purposes and until its end."""
    authority = chain.authority(terms.subject, approval)
    if not authority.may(Power.GRANT):
        raise refusal("NoStanding")
    if terms.purposes & ~authority.purposes:
        raise refusal("PurposesRefused")
    chain.require_approved(terms, approval)
    return min(terms.not_after, authority.end_at)


def _on_paper(chain: Chain, terms: Grant, approvals: Sequence[Approval]) -> None:
    """Two different staff of the custodian, and the hash of what was signed."""
    if not any(terms.terms):
        raise refusal("DocumentMissing")
    custodian = chain.subject(terms.subject).custodian
    first, second = (chain.require_staff(terms, approval) for approval in approvals)
    if {first.institution, second.institution} != {custodian}:
        raise refusal("NoStanding")
    if first.person == second.person:
        raise refusal("PersonRepeated")


def _open_emergency(chain: Chain, terms: Grant, approvals: Sequence[Approval]) -> Draft:
    """Two different staff of the requester who may use ETREAT; one that is over is judged when it began."""
    institution = ids.institution_of(terms.grantee)
    is_late = chain.now >= terms.not_after
    opened_at = terms.not_before if is_late else chain.now
    first, second = (chain.require_staff(terms, approval, at=opened_at) for approval in approvals)
    for badge in (first, second):
        if badge.institution != institution or not rules.purposes_of_roles(badge.roles) & _ETREAT:
            raise refusal("NoStanding")
    if first.person == second.person:
        raise refusal("PersonRepeated")
    # One that is over opens nothing: what was done is not kept from the record.
    if not is_late and chain.state.overdue_review(institution, chain.now) is not None:
        raise refusal("ReviewOverdue", institution=institution)
    return partial(
        events.ReviewOwed,
        grant_id=ids.grant_id(terms),
        institution=institution,
        due_at=chain.now + rules.REVIEW_WITHIN_S,
        first=first.person,
        second=second.person,
    )
