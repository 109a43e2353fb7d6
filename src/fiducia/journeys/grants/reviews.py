"""Reviewing emergencies: an officer finds whether one was justified; any other institution's officer may say otherwise.

The requester's own officer must be neither of the two who opened it. What the ledger keeps of the report is a salted
hash: the salt is kept with the officer, who shows it with the report when asked. Source: design section 5, EMERGENCY.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from fiducia.core.rules import Outcome
from fiducia.core.typed_data import Domains
from fiducia.core.wording import report_digest
from fiducia.errors import InputError, KeyMissingError
from fiducia.journeys.patients.approving import Approver
from fiducia.ports import Entropy, Ledger, Mirror, Vault
from fiducia.records.events import ReviewContested, ReviewFiled
from fiducia.records.ledger import Receipt, ReviewAct
from fiducia.records.typed import Review


class Effect(enum.Enum):
    """What a review did."""

    FILED = "filed"
    CONTESTED = "contested"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class ReviewResult:
    """A review on chain; `salt` (32 bytes) proves with the report's bytes that `report` is its digest."""

    effect: Effect
    review: Review
    salt: bytes
    receipt: Receipt


class ReviewEmergency:
    """Sign and carry one officer's review.

    Example:
        ``ReviewEmergency(ledger=ledger, mirror=mirror, vault=vault, entropy=entropy, domains=domains).run(
        grant_id, Outcome.JUSTIFIED, report, officer)``
    """

    def __init__(self, *, ledger: Ledger, mirror: Mirror, vault: Vault, entropy: Entropy, domains: Domains) -> None:
        self._ledger = ledger
        self._mirror = mirror
        self._vault = vault
        self._entropy = entropy
        self._domains = domains

    def run(self, grant_id: bytes, outcome: Outcome, report: bytes, officer: Approver) -> ReviewResult:
        """File the review, or contest the one that was filed; again by the same institution has no effect.

        Raises:
            InputError: no review of that grant was ever owed. SignatureError: not an officer who may.
            LedgerError: not carried; the same call finishes it.
        """
        if self._mirror.catch_up().review(grant_id) is None:
            raise InputError("no review of that grant was ever owed; see `fiducia emergency list --all`")
        salt = self._salt(grant_id)
        review = Review(grant_id, outcome, report_digest(salt, report))
        receipt = self._ledger.submit(ReviewAct(review, officer.approve(self._domains, review)))
        return ReviewResult(_effect(receipt, review), review, salt, receipt)

    def _salt(self, grant_id: bytes) -> bytes:
        """The salt of this officer's report, the same after a crash."""
        name = f"review/{grant_id.hex()}"
        try:
            return self._vault.get(name)
        except KeyMissingError:
            salt = self._entropy.token(32)
            self._vault.put({name: salt})
            return salt


def _effect(receipt: Receipt, review: Review) -> Effect:
    for event in receipt.events:
        if isinstance(event, ReviewFiled | ReviewContested) and event.report == review.report:
            return Effect.FILED if isinstance(event, ReviewFiled) else Effect.CONTESTED
    return Effect.UNCHANGED
