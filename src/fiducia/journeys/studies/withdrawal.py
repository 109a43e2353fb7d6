"""A study's time: withdrawn for good, in one revision or whole, or kept for longer. Digests stay readable for ever."""

from __future__ import annotations

from fiducia.core.typed_data import Domains
from fiducia.ports import Ledger, Signer
from fiducia.records.ledger import Receipt, RetainAct, WithdrawAct
from fiducia.records.typed import Retain, Withdraw


class WithdrawStudy:
    """Withdraw one revision of a study, or all of it, for good; it is never released again.

    Example:
        ``WithdrawStudy(ledger=ledger, domains=domains).run(study_id, 0, registrar)``
    """

    def __init__(self, *, ledger: Ledger, domains: Domains) -> None:
        self._ledger = ledger
        self._domains = domains

    def run(self, study_id: bytes, revision: int, registrar: Signer) -> Receipt:
        """Sign and carry it; again has no effect.

        Args:
            study_id: 32 bytes.
            revision: its number, or 0 for the whole study.
            registrar: a REGISTRAR key of the custodian.

        Raises:
            InputError: an unknown study or revision. SignatureError: not the custodian's registrar.
            LedgerError: not done, or not final yet.
        """
        struct = Withdraw(study_id, revision)
        return self._ledger.submit(WithdrawAct(struct, registrar.sign(self._domains.digest(struct))))


class RetainStudy:
    """Keep a study for longer; never for shorter.

    Example:
        ``RetainStudy(ledger=ledger, domains=domains).run(study_id, 30_000, registrar)``
    """

    def __init__(self, *, ledger: Ledger, domains: Domains) -> None:
        self._ledger = ledger
        self._domains = domains

    def run(self, study_id: bytes, retain_until_day: int, registrar: Signer) -> Receipt:
        """Sign and carry it; the same day again has no effect.

        Args:
            study_id: 32 bytes.
            retain_until_day: days since 1970-01-01 UTC; from that day on it may be erased.
            registrar: a REGISTRAR key of the custodian.

        Raises:
            InputError: an unknown study, or an earlier day than before. SignatureError: not the custodian's registrar.
            LedgerError: not done, or not final yet.
        """
        struct = Retain(study_id, retain_until_day)
        return self._ledger.submit(RetainAct(struct, registrar.sign(self._domains.digest(struct))))
