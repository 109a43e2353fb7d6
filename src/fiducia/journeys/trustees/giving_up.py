"""Giving shares up as a trustee: to the custodian that deals a study anew, and for good once it has.

    collect   the ledger's newest revision of the study says that its keys move; then, sealed to a key that the
              custodian's broker published, the shares it was dealt
    destroy   the ledger's newest revision was dealt anew; then every share of the earlier deal is destroyed, and that
              is attested, in a signed note
              or it was sealed anew, and every revision before it is withdrawn; then the shares of the old keys are
              or the study is withdrawn and may be erased; then all shares of it are, and its objects here, likewise

None rests on the word of the custodian's broker alone: a revision is its registrar's, a withdrawal its registrar's or
the patient's, and everybody sees it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from fiducia.core import wire
from fiducia.core.entries import Study
from fiducia.core.erasing import ALL_SHARES, require_erasable
from fiducia.core.keys.custody import Custody, SeriesCustody
from fiducia.core.keys.sealing import seal_shares
from fiducia.core.replay import State
from fiducia.core.tlog.attestation import Destroyed
from fiducia.core.tlog.checkpoint import origin_of
from fiducia.core.tlog.note import Note
from fiducia.core.typed_data import Contract, Domains, Struct, hash_struct
from fiducia.errors import DeniedError, InputError, KeyMissingError, LedgerNotFinalError, SignatureError
from fiducia.journeys.logs.own_log_key import OwnLogKey
from fiducia.journeys.shared.objects import read_custody, read_custody_document, read_manifest, vouched_form
from fiducia.journeys.shared.subjects import known_study
from fiducia.journeys.trustees.dealing import signed_by
from fiducia.journeys.trustees.forgetting import drop_objects, forget_key_material
from fiducia.journeys.trustees.shares import forget_shares, share_of
from fiducia.ports import Clock, Journal, Mirror, Signer, Steps, Store, Vault
from fiducia.records.images import HandOver, JournalEntry
from fiducia.records.ledger import KeyKind, StudyStatus
from fiducia.records.statements import Destroy, SignedCollect, SignedDestroy
from fiducia.records.typed import HandOverStatement

COLLECTED = "share_collected"
DESTROYED = "share_destroyed"


class GiveUpShares:
    """Answer a custodian that moves a study's keys.

    Example:
        ``GiveUpShares(mirror=mirror, store=store, vault=vault, journal=journal, clock=clock, domains=domains,
        steps=steps, trustee=2, signer=broker_sign, log=log_key, held_until=lambda: 0).collect(signed_collect)``
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
        log: OwnLogKey,
        held_until: Callable[[], int],
    ) -> None:
        """Take the ports.

        Args:
            signer: the BROKER_SIGN key.
            log: the LOG key, which attests.
            held_until: from when on no copy of this member holds what is in one now; 0 where it makes none.
        """
        self._mirror = mirror
        self._store = store
        self._vault = vault
        self._journal = journal
        self._clock = clock
        self._domains = domains
        self._steps = steps
        self._trustee = trustee
        self._signer = signer
        self._log = log
        self._held_until = held_until

    def collect(self, signed: SignedCollect) -> HandOver:
        """Hand this trustee's shares over to the custodian's broker; journalled before it leaves.

        Raises:
            DeniedError: CUSTODY_NOT_MOVED, STUDY_WITHDRAWN, NOT_OWN_STUDY or RECIPIENT_UNPUBLISHED. SignatureError: not
            the custodian's broker. InputError: unknown study, another trustee. KeyMissingError: no share here.
            StoreError, JournalError, LedgerError: not handed over; LedgerNotFinalError: not yet.
        """
        collect = signed.collect
        state = self._mirror.catch_up()
        study = _live(
            self._study(state, collect.study_id, collect.custodian, collect.trustee, collect, signed.signature)
        )
        if collect.revision > study.revision:
            raise LedgerNotFinalError("this trustee does not see that revision in a final block yet; ask again")
        manifest = read_manifest(self._store, study.manifest)
        custody = read_custody(self._store, manifest)
        if collect.revision != study.revision or custody.moves_to is None or study.revisions[-1].withdrawn:
            raise DeniedError("CUSTODY_NOT_MOVED", "the newest revision does not say that its keys move")
        request_id = hash_struct(collect)
        shares = [
            share_of(self._vault, custody, self._index(custody), line.number, line.sealed_in)
            for line in manifest.series
        ]
        recipient = self._recipient(state, collect.custodian, collect.recipient)
        sealed = seal_shares(shares, recipient=recipient, request_id=request_id, trustee=self._trustee)
        statement = HandOverStatement(request_id, self._trustee, hashlib.sha256(sealed).digest())
        signature = self._signer.sign(self._domains.digest(statement))
        entry = JournalEntry(COLLECTED, self._clock.now(), collect.study_id, wire.encode(collect).decode())
        self._journal.append([entry])
        self._steps.reached("collect.journalled")
        return HandOver(request_id, self._trustee, sealed, signature)

    def destroy(self, signed: SignedDestroy) -> Note:
        """Destroy the shares of an earlier deal, or of an erased study, and attest it; again is attested again.

        Raises:
            DeniedError: CUSTODY_NOT_MOVED: they are still what opens the study; STUDY_NOT_WITHDRAWN: it is not to be
            erased; NOT_OWN_STUDY. SignatureError: not the custodian's broker. InputError: unknown study, another
            trustee, a legal hold, retention. StoreError, VaultError, JournalError, LedgerError, BackupError: not
            destroyed, or not attested.
        """
        destroy = signed.destroy
        state = self._mirror.catch_up()
        study = self._study(state, destroy.study_id, destroy.custodian, destroy.trustee, destroy, signed.signature)
        if destroy.custody == ALL_SHARES:
            self._forget_all(state, study)
        else:
            self._forget_earlier(_live(study), destroy)
        self._steps.reached("destroy.forgotten")
        at = self._clock.now()
        domain, until = self._domains.of(Contract.STUDIES), self._held_until()
        destroyed = Destroyed(domain, destroy.study_id, self._trustee, destroy.custody, at, until)
        note = self._log.attest(origin_of(self._domains, self._trustee), destroyed)
        self._journal.append([JournalEntry(DESTROYED, at, destroy.study_id, bytes(note).decode())])
        self._steps.reached("destroy.journalled")
        return note

    def _forget_all(self, state: State, study: Study) -> None:
        """All shares of a study that may be erased, by the ledger's last facts."""
        if study.status == StudyStatus.ANCHORED:
            raise DeniedError("STUDY_NOT_WITHDRAWN", "a study is erased after it was withdrawn")
        require_erasable(study, state.head.time_at)
        forget_key_material(self._vault, study.study_id)
        self._steps.reached("destroy.shares-forgotten")
        drop_objects(self._store, study)

    def _forget_earlier(self, study: Study, destroy: Destroy) -> None:
        """The shares of an earlier deal."""
        manifest = read_manifest(self._store, study.manifest)
        now = read_custody(self._store, manifest)
        with vouched_form():
            before = read_custody_document(self._store, destroy.study_id, destroy.custody)
        index = self._index(before)
        over = [series for series in before.series if self._is_over(study, series, index, now)]
        if not over or now.moves_to is not None:
            raise DeniedError("CUSTODY_NOT_MOVED", "these shares are what opens the study")
        forget_shares(self._vault, before, index, [(series.number, series.sealed_in) for series in over])

    def _study(
        self, state: State, study_id: bytes, custodian: int, trustee: int, struct: Struct, signature: bytes
    ) -> Study:
        """The study, when it is its custodian's broker that asks this trustee."""
        if trustee != self._trustee:
            raise InputError("this is for another trustee")
        now = self._clock.now()
        if not signed_by(self._mirror, custodian, self._domains.digest(struct), signature, now):
            raise SignatureError("keys are moved by a broker that the custodian published")
        study = known_study(state, study_id)
        member = state.member(custodian)
        if study.custodian != custodian or member is None or not member.active:
            raise DeniedError("NOT_OWN_STUDY", "keys are moved by the study's custodian only")
        return study

    def _is_over(self, study: Study, series: SeriesCustody, index: int, now: Custody) -> bool:
        """Whether a series is opened by another deal now, or other keys, in which this trustee's share has no part."""
        number, sealed_in = series.number, series.sealed_in
        if not now.knows(number, sealed_in):  # sealed anew, or left out: the share opens revisions of before alone
            return all(each.withdrawn for each in study.revisions[:-1])
        if self._trustee not in now.trustees:
            return True
        return now.share_id(number, sealed_in, self._index(now)) != series.index_digests[index - 1]

    def _index(self, custody: Custody) -> int:
        if self._trustee not in custody.trustees:
            raise KeyMissingError("this institution is no trustee of the study")
        return custody.share_index(self._trustee)

    def _recipient(self, state: State, custodian: int, wanted: bytes) -> bytes:
        now = self._clock.now()
        for key in state.keys(custodian, KeyKind.BROKER_KEM):
            if key.key_hash == wanted and now < key.not_after:
                return key.key
        raise DeniedError("RECIPIENT_UNPUBLISHED")


def _live(study: Study) -> Study:
    if study.status != StudyStatus.ANCHORED:
        raise DeniedError("STUDY_ERASED" if study.status == StudyStatus.ERASED else "STUDY_WITHDRAWN")
    return study
