"""When the chain stalls in an emergency: keys are handed over first, and the ledger is told when it is back.

    hand over:  the chain is stalled by our own clock -> two badges and every check of a release against the last facts
                seen -> journal, durably (from then on the patient's notice is owed) -> sealed keys
    record:     the grant first, then the late record signed by this trustee; again and again until the ledger shows it

The one exception from "no record, no keys", for basis EMERGENCY alone. A late record opens nothing; audits report it,
and a hand-over that was never recorded stands in this journal. Source: design section 7.
"""

from __future__ import annotations

import threading
from dataclasses import replace

from fiducia.core import ids, rules, wire
from fiducia.core.emergencies import require_no_overdue, require_team
from fiducia.core.policy import decide, verify_access
from fiducia.core.replay import State
from fiducia.core.rules import Basis
from fiducia.core.typed_data import Domains
from fiducia.errors import DeniedError, InputError, LedgerError
from fiducia.journeys.following import Following
from fiducia.journeys.handing import SealKeys
from fiducia.journeys.notices import HANDED_OVER_LATE
from fiducia.journeys.subjects import freshest
from fiducia.journeys.taken import Taken
from fiducia.ports import Clock, Journal, Ledger, Mirror, Signer, Steps
from fiducia.records.images import HandOver, JournalEntry
from fiducia.records.ledger import GrantState, RecordLateAct
from fiducia.records.statements import LateHandOver, StalledEmergency
from fiducia.records.typed import Grant, Late

RECORDED = "late_recorded"
REFUSED = "late_refused"
DENIED_LATE = "late_denied"
"""The chain will never take it; the journal's body says why."""

STALLED_S = 60
"""The newest block that was seen is older than this: the chain stalls."""


class LateHandOvers:
    """Hand-overs that the ledger does not show yet. Thread-safe; the journal is all that it rests on."""

    def __init__(self, journal: Journal) -> None:
        """Read the journal. Raises: JournalError."""
        self._lock = threading.Lock()
        self._following = Following(journal, HANDED_OVER_LATE, RECORDED, REFUSED)
        self._settled: set[bytes] = set()
        self._waiting: dict[bytes, LateHandOver] = {}
        self.waiting()

    def waiting(self) -> tuple[tuple[bytes, LateHandOver], ...]:
        """Return (request_id, hand-over) of all that wait, oldest first, whichever broker made them.

        Raises: JournalError.
        """
        with self._lock:
            for entry in self._following.news():
                if entry.kind != HANDED_OVER_LATE:
                    self._settled.add(entry.subject_id)
                    self._waiting.pop(entry.subject_id, None)
                elif entry.subject_id not in self._settled:
                    self._waiting.setdefault(entry.subject_id, wire.decode(LateHandOver, entry.body.encode()))
            return tuple(self._waiting.items())


class EmergencyHandOver:
    """Hand keys over to an emergency team while the chain stalls.

    Example:
        ``EmergencyHandOver(mirror=mirror, journal=journal, taken=taken, seal=seal, clock=clock,
        domains=domains, steps=steps, custodian=1).run(StalledEmergency(grant_act, access))``
    """

    def __init__(
        self,
        *,
        mirror: Mirror,
        journal: Journal,
        taken: Taken,
        seal: SealKeys,
        clock: Clock,
        domains: Domains,
        steps: Steps,
        custodian: int,
    ) -> None:
        self._mirror = mirror
        self._journal = journal
        self._taken = taken
        self._seal = seal
        self._clock = clock
        self._domains = domains
        self._steps = steps
        self._custodian = custodian

    def run(self, asked: StalledEmergency) -> HandOver:
        """Verify, seal, journal, answer.

        Raises:
            DeniedError: NOT_STALLED, REVIEW_OVERDUE, or the reason for which a release would be refused.
            InputError: terms that the ledger would not take afterwards. SignatureError: not a team.
            JournalError, KeyMissingError, StoreError: not handed over.
        """
        now = self._clock.now()
        state = self._stalled(now)
        self._require_terms(state, asked.grant.grant, now)
        for at in (asked.grant.grant.not_before, now):  # the ledger judges by the one or the other, whenever it is back
            team = require_team(self._domains, state, asked.grant.grant, asked.grant.approvals, at)
            if team.institution != ids.institution_of(asked.grant.grant.grantee):
                raise InputError("an emergency is for the institution of those who open it")
        try:
            require_no_overdue(state, ids.institution_of(asked.grant.grant.grantee), now)
            self._decide(state, asked, now)
        except DeniedError as refused:  # of a verified team, so nobody else fills the disk
            entry = JournalEntry(DENIED_LATE, now, ids.request_id(asked.access.request), refused.reason)
            self._journal.append([entry])
            raise
        sealed = self._seal.run(asked.access)
        self._steps.reached("late.sealed")
        late = LateHandOver(asked.grant, asked.access, now)
        entry = JournalEntry(HANDED_OVER_LATE, now, sealed.request_id, wire.encode(late).decode())
        self._journal.append([entry])
        self._steps.reached("late.journalled")
        return sealed

    def _stalled(self, now: int) -> State:
        """The last facts seen, when they are old because the chain gives no newer ones."""
        state = freshest(self._mirror)
        if now - state.head.time_at < STALLED_S:
            raise DeniedError("NOT_STALLED", "the chain does not stall: open the emergency and fetch as usual")
        return state

    def _require_terms(self, state: State, grant: Grant, now: int) -> None:
        """What the ledger will judge when it is back must hold already."""
        subject, rule = state.subject(grant.subject), rules.basis_rule(Basis.EMERGENCY)
        assert rule is not None
        if subject is None or subject.custodian != self._custodian:
            raise DeniedError("NOT_OWN_SUBJECT", "this broker hands over for its own hospital's patients only")
        if grant.basis != Basis.EMERGENCY or grant.purposes != rule.purposes or not grant.actions > 0:
            raise InputError("while the chain stalls, only an emergency is handed over to, for ETREAT")
        if grant.actions & ~rules.ALL_ACTIONS or grant.epoch != subject.epoch:
            raise InputError("the emergency has unknown actions, or is signed for another grant epoch")
        if not grant.not_before <= now < grant.not_after <= grant.not_before + rule.max_s:
            raise InputError("the emergency's window is not now, or is longer than 24 hours")
        if grant.relay_by < grant.not_before + rules.REVIEW_WITHIN_S:
            raise InputError("the emergency must wait for the chain until its review is due: sign a later relay_by")

    def _decide(self, state: State, asked: StalledEmergency, now: int) -> None:
        """Every check of a release, as if the ledger had the grant."""
        access, grant = asked.access, asked.grant.grant
        if reason := self._taken.denial(access):
            raise DeniedError(reason)
        verified = verify_access(self._domains, access)
        facts = state.facts(access, verified)
        if facts.grant_state is not GrantState.REVOKED:
            facts = replace(
                facts, grant_state=GrantState.LIVE, grant_epoch=grant.epoch, grant_expiry_at=grant.not_after
            )
        if access.grant != grant:
            raise InputError("the request leans on another grant than the emergency's")
        decide(access, facts, verified, at=now).require()


class RecordLate:
    """Tell the ledger of hand-overs during a stall; run again and again by the broker.

    Example:
        ``RecordLate(ledger=ledger, mirror=mirror, journal=journal, late=late, clock=clock, domains=domains,
        steps=steps, signer=broker_sign).run()``
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        mirror: Mirror,
        journal: Journal,
        late: LateHandOvers,
        clock: Clock,
        domains: Domains,
        steps: Steps,
        signer: Signer,
    ) -> None:
        self._ledger = ledger
        self._mirror = mirror
        self._journal = journal
        self._late = late
        self._clock = clock
        self._domains = domains
        self._steps = steps
        self._signer = signer

    def run(self) -> int:
        """Try each waiting hand-over once; returns how many still wait. Raises: JournalError, VaultError."""
        return sum(not self._record(request_id, late) for request_id, late in self._late.waiting())

    def _record(self, request_id: bytes, late: LateHandOver) -> bool:
        """One that the chain refuses must not keep the others waiting."""
        try:
            return self._tell(request_id, late)
        except LedgerError:
            return False
        except (InputError, DeniedError) as error:
            return self._settle(request_id, REFUSED, error.reason if isinstance(error, DeniedError) else error.slug)

    def _tell(self, request_id: bytes, late: LateHandOver) -> bool:
        state, grant = self._mirror.catch_up(), late.grant.grant
        if any(state.recorded(request_id)):
            return self._settle(request_id, RECORDED)
        if state.head.time_at < late.handed_over_at:
            return False  # to the chain it has not happened yet
        if state.grant(ids.grant_id(grant)) is None:
            try:
                self._ledger.submit(late.grant)
            except InputError:
                # In its window the badges of today are judged, and one may have ended; afterwards those of then.
                if max(self._clock.now(), state.head.time_at) < grant.not_after + STALLED_S:
                    return False
                raise
            self._steps.reached("late.granted")
        struct = Late(request_id, late.handed_over_at)
        self._ledger.submit(RecordLateAct(late.access, struct, self._signer.sign(self._domains.digest(struct))))
        self._steps.reached("late.recorded")
        return self._settle(request_id, RECORDED)

    def _settle(self, request_id: bytes, kind: str, why: str = "") -> bool:
        """Note once how it ended: journal first, so that a crash has it told again rather than forgotten."""
        self._journal.append([JournalEntry(kind, self._clock.now(), request_id, why)])
        self._steps.reached("late.noted")
        return True
