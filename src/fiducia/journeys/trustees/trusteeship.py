"""Being a trustee: a member's broker keeps the shares that custodians deal to it, whatever it is they belong to.

    1. who sends is, by the ledger, the custodian of the patient, with a key that it published
    2. the list opens with this broker's own key, for this study and this custody document
    3. every share is the one that the document says this trustee was dealt
    4. vault, then journal, durably; only then is it acknowledged, signed

Whether it leaves again is asked of the ledger at every hand-over (`release`); the custodian is not asked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from fiducia.core import wire
from fiducia.core.keys.sealing import open_deposit
from fiducia.core.keys.shares import SeriesShare
from fiducia.core.replay import State
from fiducia.core.typed_data import Domains
from fiducia.errors import DecryptionError, DeniedError, InputError, SignatureError
from fiducia.journeys.shared.objects import read_custody_document, vouched_form
from fiducia.journeys.trustees.dealing import signed_by
from fiducia.journeys.trustees.shares import named_shares
from fiducia.ports import Clock, Journal, Mirror, Signer, Steps, Store, Vault
from fiducia.records.images import JournalEntry
from fiducia.records.ledger import StudyStatus
from fiducia.records.statements import Deposit, Keeping, SignedDeposit, SignedKeeping

KEPT = "share_kept"


class KeepShares:
    """Take one deposit.

    Example:
        ``KeepShares(mirror=mirror, store=store, vault=vault, journal=journal, clock=clock, domains=domains,
        steps=steps, trustee=2, signer=broker_sign, seeds=broker_kem.all).run(signed_deposit)``
    """

    def __init__(
        self,
        *,
        mirror: Mirror,
        store: Store,
        vault: Vault,
        journal: Journal,
        clock: Clock,
        domains: Domains,
        steps: Steps,
        trustee: int,
        signer: Signer,
        seeds: Callable[[], Sequence[bytes]],
    ) -> None:
        """Take the ports; `signer` is the BROKER_SIGN key, `seeds` gives the secrets of all BROKER_KEM keys in use."""
        self._mirror = mirror
        self._store = store
        self._vault = vault
        self._journal = journal
        self._clock = clock
        self._domains = domains
        self._steps = steps
        self._trustee = trustee
        self._signer = signer
        self._seeds = seeds

    def run(self, signed: SignedDeposit) -> SignedKeeping:
        """Keep the shares durably and acknowledge them; the same deposit again is acknowledged again.

        Raises:
            DeniedError: NOT_OWN_SUBJECT, STUDY_WITHDRAWN or STUDY_ERASED. SignatureError: not sent by the custodian's
            broker. InputError: for another trustee, or not what the custody document says. DecryptionError: sealed to
            another key. StoreError, VaultError, JournalError, LedgerError: not kept.
        """
        deposit = signed.deposit
        if deposit.trustee != self._trustee or hashlib.sha256(signed.sealed).digest() != deposit.sealed:
            raise InputError("this deposit is for another trustee, or for another list of shares")
        self._require_custodian(self._mirror.catch_up(), signed)
        with vouched_form():
            custody = read_custody_document(self._store, deposit.study_id, deposit.custody)
        index = custody.share_index(self._trustee)
        shares = self._opened(signed)
        for share in shares:
            if share.index != index:
                raise InputError("this deposit holds another trustee's shares")
            custody.check(share)
        self._vault.put(named_shares(custody, shares))
        self._steps.reached("deposit.kept")
        keeping = Keeping(deposit.study_id, self._trustee, deposit.custody, deposit.sealed)
        answer = SignedKeeping(keeping, self._signer.sign(self._domains.digest(keeping)))
        entry = JournalEntry(KEPT, self._clock.now(), deposit.study_id, wire.encode(deposit).decode())
        self._journal.append([entry])
        self._steps.reached("deposit.journalled")
        return answer

    def _opened(self, signed: SignedDeposit) -> tuple[SeriesShare, ...]:
        """Open it with any key of this broker that may have been published when it was sealed."""
        deposit, refusal = signed.deposit, DecryptionError("this broker has no key that opens deposits")
        for seed in self._seeds():
            try:
                return open_deposit(
                    signed.sealed,
                    seed=seed,
                    study_id=deposit.study_id,
                    custody=deposit.custody,
                    trustee=self._trustee,
                )
            except DecryptionError as error:
                refusal = error
        raise refusal

    def _require_custodian(self, state: State, signed: SignedDeposit) -> None:
        deposit = signed.deposit
        digest = self._domains.digest(deposit)
        if not signed_by(self._mirror, deposit.custodian, digest, signed.signature, self._clock.now()):
            raise SignatureError("a deposit is signed by a broker that its custodian published")
        member, subject = state.member(deposit.custodian), state.subject(deposit.subject)
        if member is None or not member.active or subject is None or subject.custodian != deposit.custodian:
            raise DeniedError("NOT_OWN_SUBJECT", "shares are taken from the patient's custodian only")
        self._require_study(state, deposit)

    def _require_study(self, state: State, deposit: Deposit) -> None:
        """A study that is not anchored yet is the custodian's word; one that is must be this patient's, and live."""
        study = state.study(deposit.study_id)
        if study is None:
            return
        if study.subject != deposit.subject:
            raise DeniedError("NOT_OWN_SUBJECT", "this study is another patient's")
        if study.status != StudyStatus.ANCHORED:
            erased = study.status == StudyStatus.ERASED
            raise DeniedError("STUDY_ERASED" if erased else "STUDY_WITHDRAWN")
