"""Access requests at the custodian's broker: kept durably, bounded, shown to the patient's side alone.

    take      verify the badge against the last facts seen, journal it durably, list it from then on
    list      to the patient's signer or a live representative, who signs for it
    decline   by the same; saying yes is a grant, and the ledger shows it

Nothing here gives anybody anything. What lapsed or was answered is dropped from memory and stays in the journal.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from fiducia.core import wire
from fiducia.core.asks import ask_id, check_ask, check_list, is_answered, require_patient_side
from fiducia.core.replay import State
from fiducia.core.typed_data import Domains
from fiducia.errors import DeniedError, InputError, LimitError
from fiducia.journeys.shared.following import Following
from fiducia.journeys.shared.subjects import freshest
from fiducia.ports import Clock, Journal, Mirror
from fiducia.records.images import JournalEntry
from fiducia.records.statements import SignedAsk, SignedAskList, SignedDecline, WaitingAsks

TAKEN = "ask_taken"
DECLINED = "ask_declined"

PER_PERSON, PER_SUBJECT = 16, 64
"""How many asks of one person, and about one subject, wait at a time at most."""


@dataclass(frozen=True, slots=True)
class _Kept:
    signed: SignedAsk
    taken_at: int
    person: bytes


class Asks:
    """Asks that wait. Thread-safe; the journal is all that it rests on."""

    def __init__(self, journal: Journal, now: int) -> None:
        """Read the journal; what lapsed before `now` (UTC Unix seconds) is left out. Raises: JournalError."""
        self._lock = threading.Lock()
        self._following = Following(journal, TAKEN, DECLINED)
        self._waiting: dict[bytes, _Kept] = {}
        self._catch_up()
        self._waiting = {name: kept for name, kept in self._waiting.items() if now < kept.signed.ask.ask_until}

    def _catch_up(self) -> None:
        """Take what the journal has meanwhile, from whichever broker. Raises: JournalError."""
        for entry in self._following.news():
            if entry.kind == DECLINED:
                self._waiting.pop(entry.subject_id, None)
            else:
                signed = wire.decode(SignedAsk, entry.body.encode())
                self._waiting[entry.subject_id] = _kept(signed, entry.at)

    def about(self, subject: bytes, state: State, now: int) -> tuple[SignedAsk, ...]:
        """Return what waits for a subject's answer, oldest first."""
        with self._lock:
            self._catch_up()
            self._drop(state, now)
            return tuple(kept.signed for kept in self._waiting.values() if kept.signed.ask.subject == subject)

    def find(self, identifier: bytes) -> SignedAsk | None:
        """Return an ask that waits, or None."""
        with self._lock:
            self._catch_up()
            kept = self._waiting.get(identifier)
            return kept.signed if kept else None

    def add(self, signed: SignedAsk, journal: Journal, state: State, now: int) -> None:
        """Keep an ask, durably before it is listed. Again has no effect. Raises: LimitError, JournalError."""
        # By the ledger's time, which a grant that answers is measured by: its block may be older than our clock.
        taken_at = min(now, state.head.time_at)
        identifier, kept = ask_id(signed.ask), _kept(signed, taken_at)
        with self._lock:
            self._catch_up()
            self._drop(state, now)
            if identifier in self._waiting:
                return
            others = self._waiting.values()
            if sum(each.person == kept.person for each in others) >= PER_PERSON:
                raise LimitError("as many of your asks wait as may wait at once; let some be answered or lapse")
            if sum(each.signed.ask.subject == signed.ask.subject for each in others) >= PER_SUBJECT:
                raise LimitError("as many asks wait for this patient as may wait at once; try again later")
            journal.append([JournalEntry(TAKEN, taken_at, identifier, wire.encode(signed).decode())])
            self._catch_up()

    def remove(self, identifier: bytes, journal: Journal, now: int) -> None:
        """Forget an ask that was declined, durably. Raises: JournalError."""
        with self._lock:
            self._catch_up()
            if identifier in self._waiting:
                journal.append([JournalEntry(DECLINED, now, identifier)])
                self._catch_up()

    def _drop(self, state: State, now: int) -> None:
        """Let go of what lapsed or was answered by a grant."""
        over = [
            identifier
            for identifier, kept in self._waiting.items()
            if now >= kept.signed.ask.ask_until or is_answered(state, kept.signed.ask, kept.taken_at)
        ]
        for identifier in over:
            del self._waiting[identifier]


class AnswerAsks:
    """What a custodian's broker does about asks.

    Example:
        ``AnswerAsks(mirror=mirror, journal=journal, asks=asks, clock=clock, domains=domains,
        custodian=1).take(signed)``
    """

    def __init__(
        self, *, mirror: Mirror, journal: Journal, asks: Asks, clock: Clock, domains: Domains, custodian: int
    ) -> None:
        self._mirror = mirror
        self._journal = journal
        self._asks = asks
        self._clock = clock
        self._domains = domains
        self._custodian = custodian

    def take(self, signed: SignedAsk) -> bytes:
        """Keep an ask for one of the custodian's patients; returns its id.

        Raises:
            DeniedError: NOT_OWN_SUBJECT. InputError, SignatureError: not an ask that this badge may make.
            LimitError: too many wait. JournalError: not kept.
        """
        state, now = freshest(self._mirror), self._clock.now()
        self._require_own(state, signed.ask.subject)
        check_ask(self._domains, state, signed, now)
        self._asks.add(signed, self._journal, state, now)
        return ask_id(signed.ask)

    def list(self, asked: SignedAskList) -> WaitingAsks:
        """Return what waits for the patient's answer. Raises: InputError, SignatureError, DeniedError."""
        state, now = freshest(self._mirror), self._clock.now()
        self._require_own(state, asked.ask_list.subject)
        check_list(self._domains, state, asked, now)
        return WaitingAsks(self._asks.about(asked.ask_list.subject, state, now))

    def decline(self, signed: SignedDecline) -> None:
        """Drop an ask that the patient's side says no to.

        Raises:
            InputError: no such ask waits. SignatureError: not the patient's side. JournalError: not noted.
        """
        known = self._asks.find(signed.decline.ask_id)
        if known is None:
            raise InputError("no such ask waits here: it was answered, it lapsed, or it was never made")
        state, now = freshest(self._mirror), self._clock.now()
        require_patient_side(self._domains, state, signed.decline, known.ask.subject, signed.approval, now)
        self._asks.remove(signed.decline.ask_id, self._journal, now)

    def _require_own(self, state: State, subject: bytes) -> None:
        entry = state.subject(subject)
        if entry is None or entry.custodian != self._custodian:
            raise DeniedError("NOT_OWN_SUBJECT", "this broker keeps asks for its own hospital's patients only")


def _kept(signed: SignedAsk, at: int) -> _Kept:
    credential = signed.approval.credential
    return _Kept(signed, at, credential.badge.person if credential else b"")
