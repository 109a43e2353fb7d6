"""Legal holds: a study is not erased while one stands, and it takes two institutions to lift it."""

from __future__ import annotations

from collections.abc import Sequence

from fiducia.core.typed_data import Domains
from fiducia.core.wording import words_digest
from fiducia.journeys.patients.approving import Approver, approvals_of
from fiducia.journeys.patients.keeping import Drawn, KeptActs, terms_beside
from fiducia.journeys.shared.subjects import known_study
from fiducia.ports import Entropy, Ledger, Mirror, Steps, Vault
from fiducia.records.ledger import HoldAct, LiftHoldAct, Receipt
from fiducia.records.typed import Hold, LiftHold


class HoldStudy:
    """Put a study under legal hold.

    Example:
        ``HoldStudy(ledger=ledger, mirror=mirror, vault=vault, entropy=entropy, domains=domains, steps=steps).run(
        study_id, "case 17 of the district court", Approver(session, badge))``
    """

    def __init__(
        self, *, ledger: Ledger, mirror: Mirror, vault: Vault, entropy: Entropy, domains: Domains, steps: Steps
    ) -> None:
        self._ledger = ledger
        self._mirror = mirror
        self._entropy = entropy
        self._domains = domains
        self._kept = KeptActs(vault=vault, steps=steps)

    def run(self, study_id: bytes, reason: str, officer: Approver) -> Receipt | None:
        """Sign and carry it.

        Args:
            study_id: 32 bytes.
            reason: what the hold rests on; kept in the vault, of which the ledger learns a salted digest.
            officer: an officer of the custodian, with a badge.

        Returns:
            The receipt; None when a hold stands already.

        Raises:
            InputError: an unknown study. SignatureError: not an officer of the custodian.
            LedgerError: not done, or not final yet; the same call finishes it.
        """
        order = (study_id, reason.encode())
        if known_study(self._mirror.catch_up(), study_id).held and not self._kept.waits("hold", order):
            return None

        def draw_up() -> Drawn[HoldAct]:
            salt = self._entropy.token(32)
            terms = words_digest(salt, reason)
            struct = Hold(study_id, known_study(self._mirror.catch_up(), study_id).hold_serial, terms)
            act = HoldAct(struct, officer.approve(self._domains, struct))
            return Drawn(act, terms_beside(terms, salt, reason))

        return self._kept.send("hold", order, draw_up, self._ledger.submit)


class LiftLegalHold:
    """Lift a legal hold, by officers of two institutions.

    Example:
        ``LiftLegalHold(ledger=ledger, mirror=mirror, vault=vault, domains=domains, steps=steps).run(
        study_id, [Approver(session_a, badge_a), Approver(session_b, badge_b)])``
    """

    def __init__(self, *, ledger: Ledger, mirror: Mirror, vault: Vault, domains: Domains, steps: Steps) -> None:
        self._ledger = ledger
        self._mirror = mirror
        self._domains = domains
        self._kept = KeptActs(vault=vault, steps=steps)

    def run(self, study_id: bytes, officers: Sequence[Approver]) -> Receipt | None:
        """Sign and carry it.

        Args:
            study_id: 32 bytes.
            officers: two, with badges of two institutions, one of them the custodian.

        Returns:
            The receipt; None when no hold stands.

        Raises:
            InputError: an unknown study, or not two officers. SignatureError: not officers of the custodian and of
            another institution. LedgerError: not done, or not final yet; the same call finishes it.
        """
        if not known_study(self._mirror.catch_up(), study_id).held and not self._kept.waits("lift-hold", (study_id,)):
            return None

        def draw_up() -> Drawn[LiftHoldAct]:
            study = known_study(self._mirror.catch_up(), study_id)
            struct = LiftHold(study_id, study.hold_serial)
            return Drawn(LiftHoldAct(struct, approvals_of(officers, self._domains, struct, first=study.custodian)))

        def is_lifted() -> bool:
            return not known_study(self._mirror.catch_up(), study_id).held

        return self._kept.send("lift-hold", (study_id,), draw_up, self._ledger.submit, is_lifted)
