"""What must hold before keys leave while the chain stalls, the same at the custodian's broker and at every trustee's.

    1. by our own clock and the last facts seen, the chain stalls
    2. we answer as the patient's custodian, or as a trustee whom the custodian's signed word is shown (`Standing`)
    3. terms that the ledger will take when it is back
    4. two badges of one institution, which stand, whose institution the emergency is for
    5. no overdue review of theirs; no revoke or restriction that was taken; every check of a release

All but 2 is the same for both. What is refused to a verified team is journalled; a stranger learns that there is no
team, and fills no disk. Source: design section 7.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from fiducia.core import ids, rules
from fiducia.core.decision import Decision
from fiducia.core.emergencies import Team, require_no_overdue, require_team
from fiducia.core.policy import decide, verify_access
from fiducia.core.replay import State
from fiducia.core.rules import Basis
from fiducia.core.signatures import recover_or_none
from fiducia.core.typed_data import Domains
from fiducia.errors import DeniedError, InputError, SignatureError
from fiducia.journeys.grants.taken import Taken
from fiducia.journeys.shared.subjects import freshest
from fiducia.ports import Clock, Journal, Mirror
from fiducia.records.images import JournalEntry
from fiducia.records.ledger import GrantState, KeyKind
from fiducia.records.statements import SignedLate, StalledEmergency
from fiducia.records.typed import Grant, StaffAccess

NOT_STALLED = "NOT_STALLED"
"""Why nothing is handed over so while the chain answers."""

DENIED_LATE = "late_denied"
"""A verified team was refused; the journal's body says why."""

STALLED_S = 60
"""The newest block that was seen is older than this: the chain stalls."""

NEAR_S = 120
"""How far the custodian's word for when it handed over may be from a trustee's own clock, either way."""

Standing = Callable[[State, StalledEmergency, int], tuple[int, ...]]
"""As what a broker answers: gets the last facts seen, what is asked, and now; returns the UTC Unix seconds at each of
which everything must hold. Raises what is wrong with that."""

Admit = Callable[[Team], None]
"""Called once a team is proved and before anything is done for it; raises LimitError where it asks too much."""


class JudgeEmergency:
    """Judge one emergency.

    Example:
        ``JudgeEmergency(mirror=mirror, journal=journal, taken=taken, clock=clock, domains=domains).run(
        asked, as_custodian(1))``
    """

    def __init__(self, *, mirror: Mirror, journal: Journal, taken: Taken, clock: Clock, domains: Domains) -> None:
        self._mirror = mirror
        self._journal = journal
        self._taken = taken
        self._clock = clock
        self._domains = domains

    def run(self, asked: StalledEmergency, standing: Standing, admit: Admit = lambda team: None) -> int:
        """Return the time by which it was judged, UTC Unix seconds, when nothing stands against it.

        Raises:
            DeniedError: NOT_STALLED, NOT_OWN_SUBJECT, REVIEW_OVERDUE, or why a release would be refused.
            InputError: terms that the ledger would not take. SignatureError: not a team, or not the custodian's word.
            LimitError: from `admit`. JournalError: a refusal that could not be noted.
        """
        now, grant = self._clock.now(), asked.grant.grant
        state = self._stalled(now)
        times = standing(state, asked, now)
        for at in times:
            _require_terms(state, grant, at)
        team = self._team(state, asked, (grant.not_before, *times))
        admit(team)
        try:
            require_no_overdue(state, team.institution, now)
            for at in times:
                self._decide(state, asked, at)
        except DeniedError as refused:  # of a verified team, so nobody else fills the disk
            entry = JournalEntry(DENIED_LATE, now, ids.request_id(asked.access.request), refused.reason)
            self._journal.append([entry])
            raise
        return now

    def _stalled(self, now: int) -> State:
        """The last facts seen, when they are old because the chain gives no newer ones."""
        state = freshest(self._mirror)
        if now - state.head.time_at < STALLED_S:
            raise DeniedError(NOT_STALLED, "the chain does not stall: open the emergency and fetch as usual")
        return state

    def _team(self, state: State, asked: StalledEmergency, times: tuple[int, ...]) -> Team:
        """The ledger judges by one of these times, whenever it is back."""
        for at in times:
            team = require_team(self._domains, state, asked.grant.grant, asked.grant.approvals, at)
            if team.institution != ids.institution_of(asked.grant.grant.grantee):
                raise InputError("an emergency is for the institution of those who open it")
        return team

    def _decide(self, state: State, asked: StalledEmergency, at: int) -> None:
        """Every check of a release, as if the ledger had the grant."""
        access, grant = asked.access, asked.grant.grant
        if reason := self._taken.denial(access):
            raise DeniedError(reason)
        if access.grant != grant:
            raise InputError("the request leans on another grant than the emergency's")
        decide_as_given(self._domains, state, access, at).require()


def decide_as_given(domains: Domains, state: State, access: StaffAccess, at: int) -> Decision:
    """Return what would be decided if the ledger had the request's grant, unless it knows that it was revoked.

    Args:
        domains: the consortium's contracts.
        state: the last facts seen.
        access: the request under an emergency.
        at: UTC Unix seconds; time is judged by the later of it and the last block's.
    """
    verified, grant = verify_access(domains, access), access.grant
    facts = state.facts(access, verified)
    if facts.grant_state is not GrantState.REVOKED:
        facts = replace(facts, grant_state=GrantState.LIVE, grant_epoch=grant.epoch, grant_expiry_at=grant.not_after)
    return decide(access, facts, verified, at=at)


def as_custodian(institution: int) -> Standing:
    """Return how the patient's own custodian stands: it is the one that the ledger shows, and it is now."""

    def stands(state: State, asked: StalledEmergency, now: int) -> tuple[int, ...]:
        if _custodian(state, asked) != institution:
            raise DeniedError("NOT_OWN_SUBJECT", "this broker hands over for its own hospital's patients only")
        return (now,)

    return stands


def as_trustee(institution: int, said: SignedLate, domains: Domains) -> Standing:
    """Return how another trustee stands: the custodian's word is for this request and of now.

    The contract records a late hand-over by that very word, so none that is handed over to here can be kept off the
    ledger by a custodian that never comes back.

    Args:
        institution: the trustee's.
        said: what is shown as the custodian's word.
        domains: the consortium's contracts.
    """

    def stands(state: State, asked: StalledEmergency, now: int) -> tuple[int, ...]:
        custodian, at = _custodian(state, asked), said.late.handed_over_at
        if custodian in (0, institution):  # its own share leaves by the door that owes the patient's notice
            raise DeniedError("NOT_OWN_SUBJECT", "the patient's own custodian is asked first, at its own door")
        if said.late.request_id != ids.request_id(asked.access.request):
            raise InputError("the custodian's word is for another request")
        if abs(now - at) > NEAR_S or at < state.head.time_at:
            raise InputError(f"the custodian's word is not of the last {NEAR_S} s: ask its broker again")
        if not _is_word_of(state, custodian, domains, said, max(now, at)):
            raise SignatureError("that is not the word of a broker that the patient's custodian published")
        return now, at

    return stands


def _custodian(state: State, asked: StalledEmergency) -> int:
    """The patient's custodian by the last facts seen; 0 for an unknown patient."""
    subject = state.subject(asked.grant.grant.subject)
    return subject.custodian if subject is not None else 0


def _is_word_of(state: State, custodian: int, domains: Domains, said: SignedLate, at: int) -> bool:
    """Tell whether an active custodian's broker signed, with a key that it published and that is live."""
    member, signer = state.member(custodian), recover_or_none(domains.digest(said.late), said.signature)
    if signer is None or member is None or not member.active:
        return False
    return at < state.key_end(custodian, KeyKind.BROKER_SIGN, ids.key_hash(KeyKind.BROKER_SIGN, signer))


def _require_terms(state: State, grant: Grant, at: int) -> None:
    """What the ledger will judge when it is back must hold already."""
    subject, rule = state.subject(grant.subject), rules.basis_rule(Basis.EMERGENCY)
    assert rule is not None
    assert subject is not None  # it has a custodian
    if grant.basis != Basis.EMERGENCY or grant.purposes != rule.purposes or not grant.actions > 0:
        raise InputError("while the chain stalls, only an emergency is handed over to, for ETREAT")
    if grant.actions & ~rules.ALL_ACTIONS or grant.epoch != subject.epoch:
        raise InputError("the emergency has unknown actions, or is signed for another grant epoch")
    if not grant.not_before <= at < grant.not_after <= grant.not_before + rule.max_s:
        raise InputError("the emergency's window is not now, or is longer than 24 hours")
    if grant.relay_by < grant.not_before + rules.REVIEW_WITHIN_S:
        raise InputError("the emergency must wait for the chain until its review is due: sign a later relay_by")
