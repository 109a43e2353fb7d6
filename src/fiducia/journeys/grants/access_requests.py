"""Asking for access, and answering: a clinician asks with a badge, the patient's side sees it and decides.

No text travels with an ask: what it says is what a grant would say. The custodian's broker keeps it; whoever reads
it verifies the badge again, so that a broker cannot invent who asked. Saying yes is `journeys.grants.grant`'s.
"""

from __future__ import annotations

from dataclasses import dataclass

from fiducia.core import ids, scopes
from fiducia.core.asks import LIST_MAX_S, ask_id, read_ask
from fiducia.core.replay import State
from fiducia.core.typed_data import Domains
from fiducia.errors import InputError
from fiducia.journeys.grants.drafting import Every, GrantOrder
from fiducia.journeys.patients.approving import Approver
from fiducia.journeys.shared.subjects import known_study
from fiducia.ports import Broker, Clock, Entropy, Mirror, Signer
from fiducia.records.statements import Ask, AskList, Decline, SignedAsk, SignedAskList, SignedDecline
from fiducia.records.typed import Approval, Badge


@dataclass(frozen=True, slots=True)
class ReadAsk:
    """An ask as the patient's side reads it: verified, with the study and series that its scope names."""

    ask_id: bytes
    ask: Ask
    badge: Badge
    study_id: bytes
    series: int

    def order(self, name: str = "") -> GrantOrder:
        """Return the grant that it asks for; `name` is how whoever decides knows the grantee."""
        every = self.ask.scope == ids.ALL_SCOPE
        future = every and self.ask.anchored_by == ids.FUTURE_TOO
        return GrantOrder(
            study_id=self.study_id,
            series=self.series,
            grantee=self.ask.grantee,
            purposes=self.ask.purposes,
            actions=self.ask.actions,
            not_after=self.ask.not_after,
            grantee_name=name,
            every=(Every.FUTURE_TOO if future else Every.UNTIL_NOW) if every else None,
            subject=self.ask.subject,
            anchored_by=self.ask.anchored_by if every and not future else None,
        )


class AskForAccess:
    """Sign an ask and leave it with the custodian's broker.

    Example:
        ``AskForAccess(broker=broker, mirror=mirror, clock=clock, entropy=entropy, domains=domains).run(
        order, clinician, ask_until)``
    """

    def __init__(self, *, broker: Broker, mirror: Mirror, clock: Clock, entropy: Entropy, domains: Domains) -> None:
        self._broker = broker
        self._mirror = mirror
        self._clock = clock
        self._entropy = entropy
        self._domains = domains

    def run(self, order: GrantOrder, asking: Approver, ask_until: int) -> tuple[bytes, Ask]:
        """Ask; returns the ask's id and what was asked.

        Args:
            order: the grant that is asked for; its grantee is who asks, or their institution.
            asking: who asks.
            ask_until: when the question lapses, UTC Unix seconds.

        Raises:
            InputError, SignatureError: not what this badge may ask. LimitError: too many wait.
            LedgerError: the broker does not answer.
        """
        state = self._mirror.catch_up()
        study = known_study(state, order.study_id) if order.study_id else None
        until_now = 0 if order.study_id else state.head.time_at
        scope = ids.series_scope(order.study_id, order.series) if order.series else order.study_id or ids.ALL_SCOPE
        ask = Ask(
            subject=study.subject if study else order.subject,
            scope=scope,
            anchored_by=ids.FUTURE_TOO if order.every is Every.FUTURE_TOO else until_now,
            grantee=order.grantee,
            purposes=order.purposes,
            actions=order.actions,
            not_after=order.not_after,
            ask_until=ask_until,
            salt=self._entropy.token(32),
        )
        self._broker.ask(SignedAsk(ask, asking.approve(self._domains, ask)))
        return ask_id(ask), ask


class AnswerAccess:
    """See who asked, and say no.

    Example:
        ``AnswerAccess(broker=broker, mirror=mirror, clock=clock, domains=domains).run(subject, patient_key)``
    """

    def __init__(self, *, broker: Broker, mirror: Mirror, clock: Clock, domains: Domains) -> None:
        self._broker = broker
        self._mirror = mirror
        self._clock = clock
        self._domains = domains

    def run(self, subject: bytes, signer: Signer) -> tuple[ReadAsk, ...]:
        """Return what waits for an answer, oldest first; what no badge was good for, or names no study, is left out.

        Raises:
            SignatureError: not the patient's side. LedgerError: the broker or the chain does not answer.
        """
        ask_list = AskList(subject, self._clock.now() + LIST_MAX_S // 2)
        waiting = self._broker.asks(SignedAskList(ask_list, self._approve(signer, ask_list)))
        state = self._mirror.catch_up()
        found = (self._read(state, signed) for signed in waiting.asks if signed.ask.subject == subject)
        return tuple(each for each in found if each is not None)

    def find(self, subject: bytes, identifier: bytes, signer: Signer) -> ReadAsk:
        """Return one ask that waits. Raises: InputError (none of that id), and as `run`."""
        found = next((each for each in self.run(subject, signer) if each.ask_id == identifier), None)
        if found is None:
            raise InputError("no such ask waits for you: it was answered, it lapsed, or its badge ended")
        return found

    def decline(self, identifier: bytes, signer: Signer) -> None:
        """Say no. Raises: InputError (no such ask waits), SignatureError, LedgerError."""
        decline = Decline(identifier)
        self._broker.decline(SignedDecline(decline, self._approve(signer, decline)))

    def _read(self, state: State, signed: SignedAsk) -> ReadAsk | None:
        try:
            badge = read_ask(self._domains, state, signed)
        except InputError:
            return None
        study, series = scopes.named_by(state, signed.ask.subject, signed.ask.scope)
        if not study and signed.ask.scope != ids.ALL_SCOPE:
            return None  # a study or series that nobody knows: there is nothing to show
        return ReadAsk(ask_id(signed.ask), signed.ask, badge, study, series)

    def _approve(self, signer: Signer, struct: AskList | Decline) -> Approval:
        return Approval(signer.address, signer.sign(self._domains.digest(struct)))
