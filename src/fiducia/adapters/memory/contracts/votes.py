"""Votes of the governors in miniature; see contracts/src/Members.sol.

A vote that passed names a round that is over, so the contract takes the same act a second time for another; the
chain adapter sees first that it took effect, and so does this.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from fiducia.adapters.memory.contracts.chain import Chain, Draft
from fiducia.core.refusals import refusal
from fiducia.core.signatures import recover_or_none
from fiducia.records import events
from fiducia.records.ledger import AdmitAct, VoteAct
from fiducia.records.typed import Admit, ChangeExports, Reinstate, ReplaceGovernor, Suspend

Vote = Admit | Suspend | Reinstate | ReplaceGovernor | ChangeExports


def admit(chain: Chain, act: AdmitAct) -> list[Draft]:
    """Admit an institution under a strict majority's signatures."""
    struct, state = act.admit, chain.state
    known = state.member(state.governed_by(struct.governor))
    if known is not None and (known.region, known.exports) == (struct.region, struct.exports):
        return []
    _pass(chain, struct, act.approvals)
    _require_new_governor(chain, struct.governor)
    if struct.region > 63:
        raise refusal("RegionOutOfRange", region=struct.region)
    return [
        partial(
            events.MemberAdmitted,
            institution=len(state.members()) + 1,
            governor=struct.governor,
            region=struct.region,
            exports=struct.exports,
        )
    ]


def vote(chain: Chain, act: VoteAct) -> list[Draft]:
    """Suspend, reinstate, replace a governor or change exports under a strict majority's signatures."""
    struct = act.vote
    if struct.round < chain.state.round and _took_effect(chain, struct):
        return []
    if isinstance(struct, Suspend | Reinstate):
        return [_change_status(chain, struct, act.approvals)]
    chain.member(struct.institution)
    if isinstance(struct, ChangeExports):
        _pass(chain, struct, act.approvals)
        changed = partial(events.ExportsChanged, institution=struct.institution, exports=struct.exports)
        return [partial(changed, round=struct.round)]
    _pass(chain, struct, act.approvals, excluded=struct.institution)
    _require_new_governor(chain, struct.governor)
    return [
        partial(events.GovernorReplaced, institution=struct.institution, governor=struct.governor, round=struct.round)
    ]


def _change_status(chain: Chain, struct: Suspend | Reinstate, approvals: Sequence[tuple[int, bytes]]) -> Draft:
    wanted = isinstance(struct, Reinstate)
    member = chain.state.member(struct.institution)
    if member is None and wanted:
        raise refusal("InstitutionUnknown", institution=struct.institution)
    if member is None or member.active is wanted:
        raise refusal("StatusUnchanged", institution=struct.institution)
    _pass(chain, struct, approvals, excluded=struct.institution)
    kind = events.MemberReinstated if wanted else events.MemberSuspended
    return partial(kind, institution=struct.institution)


def _took_effect(chain: Chain, struct: Vote) -> bool:
    """Whether the institution is what a vote of an earlier round would make it."""
    if isinstance(struct, Admit):
        return False
    member = chain.state.member(struct.institution)
    if member is None:
        return False
    if isinstance(struct, Suspend | Reinstate):
        return member.active is isinstance(struct, Reinstate)
    if isinstance(struct, ReplaceGovernor):
        return member.governor == struct.governor
    return (member.exports, member.exports_round) == (struct.exports, struct.round)


def _pass(chain: Chain, struct: Vote, approvals: Sequence[tuple[int, bytes]], excluded: int = 0) -> None:
    """Return when more than half of the active governors but `excluded` voted for it. Raises: InputError."""
    state, digest = chain.state, chain.domains.digest(struct)
    if struct.round != state.round:
        raise refusal("RoundMismatch", current=state.round, given=struct.round)
    previous = 0
    for voter, signature in approvals:
        if voter <= previous:
            raise refusal("VotesUnsorted", previous=previous, given=voter)
        previous = voter
        member = state.member(voter)
        entitled = member is not None and member.active and voter != excluded
        if not entitled or member is None or recover_or_none(digest, signature) != member.governor:
            raise refusal("VoteInvalid", institution=voter)
    electorate = sum(member.active and member.institution != excluded for member in state.members())
    if len(approvals) * 2 <= electorate:
        raise refusal("MajorityMissing", votes=len(approvals), electorate=electorate)


def _require_new_governor(chain: Chain, governor: bytes) -> None:
    if not any(governor):
        raise refusal("GovernorZero")
    if taken := chain.state.governed_by(governor):
        raise refusal("GovernorTaken", institution=taken)
