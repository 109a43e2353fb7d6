"""Representatives: who may decide beside a patient, or for one who cannot: a parent, a guardian, a delegate.

An appointment begins after a delay in which the patient's side can veto it (`vetoes`). A representative's
grants end with the power behind them: a dismissal ends everything that was granted so far. Source: design section 5.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fiducia.core.entries import Representative
from fiducia.core.typed_data import Domains
from fiducia.core.wording import describe_appointment, words_digest
from fiducia.errors import InputError
from fiducia.journeys.patients.approving import Approver, approvals_of
from fiducia.journeys.patients.keeping import Drawn, KeptActs, terms_beside
from fiducia.journeys.shared.subjects import known_subject
from fiducia.ports import Broker, Entropy, Mirror, Steps, Vault
from fiducia.records.ledger import AppointAct, DismissAct, Receipt
from fiducia.records.typed import Appoint, Dismiss

Show = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class AppointOrder:
    """Who may decide what, until when.

    Attributes:
        subject: the patient (20 bytes).
        representative: keccak256 of the representative's signer bytes.
        powers: mask of `core.rules` powers; with none, revoking, restricting and vetoing remain.
        purposes: mask of `core.rules` purposes that the powers are limited to.
        not_after: UTC Unix seconds, such as the day of majority.
        name: how the patient knows the representative, for the words that are shown.
    """

    subject: bytes
    representative: bytes
    powers: int
    purposes: int
    not_after: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class Appointed:
    """An appointment on chain, when it begins, and what it cost."""

    appointment: Representative
    receipt: Receipt


class AppointRepresentative:
    """Appoint a representative; it may be vetoed until it begins.

    Example:
        ``AppointRepresentative(broker=broker, mirror=mirror, vault=vault, entropy=entropy, domains=domains,
        steps=steps).run(AppointOrder(subject, parent, powers, purposes, majority_at), [Approver(patient_key)])``
    """

    def __init__(
        self, *, broker: Broker, mirror: Mirror, vault: Vault, entropy: Entropy, domains: Domains, steps: Steps
    ) -> None:
        self._broker = broker
        self._mirror = mirror
        self._entropy = entropy
        self._domains = domains
        self._kept = KeptActs(vault=vault, steps=steps)

    def run(self, order: AppointOrder, approvers: Sequence[Approver], *, show: Show = lambda words: None) -> Appointed:
        """Show, sign and have it carried.

        Args:
            order: what was decided.
            approvers: the patient; or, for a patient without a device, two staff of the custodian, one an officer.
            show: gets the words made from exactly the bytes that are about to be signed.

        Raises:
            InputError: an unknown patient, or an appointment that the ledger refuses. SignatureError: approved by
            somebody who may not. LedgerError: not done, or not final yet; the same call finishes it.
        """

        def draw_up() -> Drawn[AppointAct]:
            entry = known_subject(self._mirror.catch_up(), order.subject)
            salt = self._entropy.token(32)
            struct = self._struct(order, entry.serial)
            words = describe_appointment(struct, name=order.name)
            show(words)
            terms = words_digest(salt, words)
            struct = self._struct(order, entry.serial, terms)
            approvals = approvals_of(approvers, self._domains, struct, first=entry.custodian)
            return Drawn(AppointAct(struct, approvals), terms_beside(terms, salt, words))

        masks = order.powers.to_bytes(4, "big") + order.purposes.to_bytes(4, "big")
        parts = (order.subject, order.representative, masks, order.not_after.to_bytes(8, "big"), order.name.encode())
        receipt = self._kept.send("appoint", parts, draw_up, self._broker.carry)
        appointment = self._mirror.catch_up().representative(order.subject, order.representative)
        if appointment is None:
            raise InputError("the appointment was carried and has ended since: somebody vetoed or dismissed it")
        return Appointed(appointment, receipt)

    @staticmethod
    def _struct(order: AppointOrder, serial: int, terms: bytes = bytes(32)) -> Appoint:
        return Appoint(
            order.subject, order.representative, order.powers, order.purposes, order.not_after, serial, terms
        )


class DismissRepresentative:
    """End an appointment, and with it everything that was granted so far.

    Example:
        ``DismissRepresentative(broker=broker, mirror=mirror, vault=vault, domains=domains, steps=steps).run(
        subject, representative, [Approver(patient_key)])``
    """

    def __init__(self, *, broker: Broker, mirror: Mirror, vault: Vault, domains: Domains, steps: Steps) -> None:
        self._broker = broker
        self._mirror = mirror
        self._domains = domains
        self._kept = KeptActs(vault=vault, steps=steps)

    def run(self, subject: bytes, representative: bytes, approvers: Sequence[Approver]) -> Receipt:
        """Sign and have it carried.

        Args:
            subject: the patient (20 bytes).
            representative: keccak256 of the representative's signer bytes.
            approvers: the patient, the representative, or officers of three institutions, one the custodian's.

        Raises:
            InputError: an unknown patient or representative. SignatureError: approved by somebody who may not.
            LedgerError: not done, or not final yet; the same call finishes it.
        """

        def draw_up() -> Drawn[DismissAct]:
            entry = known_subject(self._mirror.catch_up(), subject)
            struct = Dismiss(subject, representative, entry.serial)
            return Drawn(DismissAct(struct, approvals_of(approvers, self._domains, struct, first=entry.custodian)))

        return self._kept.send("dismiss", (subject, representative), draw_up, self._broker.carry)
