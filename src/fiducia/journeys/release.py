"""Release and hand-over: keys leave only after the chain has said yes, and said it in a final block.

    record:     verify signatures -> taken revokes -> all facts at one block -> decide -> record -> final
    hand over:  verify signatures -> taken revokes -> `isOpen` at a final block -> manifest -> shares ->
                seal to the recipient -> sign -> journal -> answer

Every act is in the journal before it has an effect outside; no durable journal, no release. A denial is
journalled only when a published issuer vouched for the badge, so strangers cannot fill the disk.
Source: design section 7.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence

from fiducia.core import ids
from fiducia.core.decision import Decision, Reason, VerifiedAccess
from fiducia.core.formats.manifest import Manifest
from fiducia.core.keys.sealing import seal_shares
from fiducia.core.keys.shares import SeriesShare
from fiducia.core.policy import LocalRule, decide, verify_access
from fiducia.core.rules import Action
from fiducia.core.typed_data import Domains
from fiducia.errors import DeniedError, InputError, LedgerNotFinalError
from fiducia.journeys.objects import read_manifest
from fiducia.journeys.revoke import Taken
from fiducia.journeys.shares import share_of
from fiducia.ports import Clock, Journal, Ledger, Mirror, Signer, Steps, Store, Vault
from fiducia.records.events import ReleaseRecorded
from fiducia.records.images import HandOver, JournalEntry, Release
from fiducia.records.ledger import Facts, KeyKind, RecordAct
from fiducia.records.typed import Access, HandOverStatement, OwnAccess

MANIFESTS_KEPT = 256

STRANGER = "UNVERIFIED"
"""All that somebody without a vouched-for badge learns of a refusal."""


class RecordRelease:
    """Decide a request and have the ledger record it.

    Example:
        ``RecordRelease(ledger=ledger, journal=journal, taken=taken, clock=clock, domains=domains,
        steps=steps, custodian=1).run(access)``
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        journal: Journal,
        taken: Taken,
        clock: Clock,
        domains: Domains,
        steps: Steps,
        custodian: int,
        local_rules: Sequence[LocalRule] = (),
    ) -> None:
        self._ledger = ledger
        self._journal = journal
        self._taken = taken
        self._clock = clock
        self._domains = domains
        self._steps = steps
        self._custodian = custodian
        self._local_rules = local_rules

    def run(self, access: Access) -> Release:
        """Record a release; the same request again returns the same release.

        Raises:
            DeniedError: `.reason` says why. JournalError, LedgerError: not recorded, or not final yet.
            EncodingError: a field that does not fit its type.
        """
        verified = verify_access(self._domains, access)
        facts = self._ledger.facts(access)
        decision = self._decide(access, facts, verified)
        request_id = ids.request_id(access.request)
        if not decision.allowed:
            self._deny(access, facts, verified, decision, request_id)
        self._journal.append([JournalEntry("release_asked", self._clock.now(), request_id)])
        self._steps.reached("release.asked")
        receipt = self._ledger.submit(RecordAct(access))
        self._steps.reached("release.recorded")
        lapse_at = next(
            (event.lapse_at for event in receipt.events if isinstance(event, ReleaseRecorded)), facts.request_lapse_at
        )
        return Release(request_id, receipt.head.number, lapse_at or decision.lapse_at, receipt.gas_used)

    def _decide(self, access: Access, facts: Facts, verified: VerifiedAccess) -> Decision:
        if facts.custodian != self._custodian and facts.custodian:
            return Decision(Reason.NONE, local="NOT_OWN_STUDY")
        decision = decide(access, facts, verified, local_rules=self._local_rules, at=self._clock.now())
        taken = self._taken.denial(access)
        return Decision(Reason[taken]) if decision.allowed and taken else decision

    def _deny(
        self, access: Access, facts: Facts, verified: VerifiedAccess, decision: Decision, request_id: bytes
    ) -> None:
        if not vouched_for(access, facts, verified):
            raise DeniedError(STRANGER)
        self._journal.append([JournalEntry("denied", self._clock.now(), request_id, decision.denial)])
        raise DeniedError(decision.denial)


class HandOverKeys:
    """Hand this trustee's shares over, sealed to the recipient of an open release.

    Example:
        ``HandOverKeys(ledger=ledger, mirror=mirror, store=store, vault=vault, journal=journal, taken=taken,
        clock=clock, domains=domains, steps=steps, trustee=1, signer=broker_sign).run(access)``
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        mirror: Mirror,
        store: Store,
        vault: Vault,
        journal: Journal,
        taken: Taken,
        clock: Clock,
        domains: Domains,
        steps: Steps,
        trustee: int,
        signer: Signer,
    ) -> None:
        self._ledger = ledger
        self._mirror = mirror
        self._vault = vault
        self._journal = journal
        self._taken = taken
        self._clock = clock
        self._domains = domains
        self._steps = steps
        self._trustee = trustee
        self._signer = signer
        self._manifests = _Manifests(store)

    def run(self, access: Access) -> HandOver:
        """Seal and sign the shares of the series that the request names.

        Raises:
            DeniedError: NOT_OPEN, or the reason that ended it. KeyMissingError: no share here.
            InputError: a recipient key that is not the one the request names.
            JournalError, StoreError, LedgerError: not handed over.
        """
        request = access.request
        self._require_open(access)
        recipient = self._recipient(access)
        shares = self._shares(access)
        request_id = ids.request_id(request)
        sealed = seal_shares(shares, recipient=recipient, request_id=request_id, trustee=self._trustee)
        statement = HandOverStatement(request_id, self._trustee, hashlib.sha256(sealed).digest())
        signature = self._signer.sign(self._domains.digest(statement))
        self._steps.reached("release.sealed")
        self._journal.append([JournalEntry("handed_over", self._clock.now(), request_id)])
        self._steps.reached("release.handed-over")
        return HandOver(request_id, self._trustee, sealed, signature)

    def _require_open(self, access: Access) -> None:
        verified = verify_access(self._domains, access)
        signer = access.approval.signer if isinstance(access, OwnAccess) else access.badge.badge.session
        # The answer opens only with the recipient's key; this keeps strangers from asking at all.
        if verified.signer is None or verified.signer != signer:
            raise DeniedError(STRANGER)
        if reason := self._taken.denial(access):
            # Taken revokes hold while the chain is down, so who may be told is decided by the last facts seen.
            raise self._denied(reason, access, self._mirror.state().facts(access, verified), verified)
        head, (is_open,) = self._ledger.are_open([access.request])
        if is_open and max(head.time_at, self._clock.now()) < access.request.not_after:
            return
        facts = self._ledger.facts(access)
        decision = decide(access, facts, verified, at=self._clock.now())
        if decision.allowed and not facts.request_recorded_at:
            raise LedgerNotFinalError("the release is not recorded in a final block yet; ask again")
        raise self._denied(decision.denial or "NOT_OPEN", access, facts, verified)

    def _denied(self, reason: str, access: Access, facts: Facts, verified: VerifiedAccess) -> DeniedError:
        return DeniedError(reason if vouched_for(access, facts, verified) else STRANGER)

    def _recipient(self, access: Access) -> bytes:
        wanted = access.request.recipient
        if isinstance(access, OwnAccess):
            if hashlib.sha256(access.recipient_key).digest() != wanted:
                raise InputError("the recipient key is not the one that the request names")
            return access.recipient_key
        institution = access.badge.badge.institution
        for state in (self._mirror.state, self._mirror.catch_up):
            for key in state().keys(institution, KeyKind.GATEWAY):
                if key.key_hash == wanted:
                    return key.key
        raise DeniedError("RECIPIENT_UNPUBLISHED")

    def _shares(self, access: Access) -> list[SeriesShare]:
        request = access.request
        manifest = self._manifests.of(self._digest(request.study_id, request.revision))
        lines = [manifest.line(request.series)] if request.series else manifest.series
        shares = [share_of(self._vault, request.study_id, line.number, line.sealed_in) for line in lines]
        if request.action == Action.METADATA:
            return [share.metadata_only() for share in shares]
        return shares

    def _digest(self, study_id: bytes, revision: int) -> bytes:
        for state in (self._mirror.state, self._mirror.catch_up):
            study = state().study(study_id)
            found = study.at(revision) if study else None
            if found is not None:
                return found.manifest
        raise DeniedError("STUDY_UNKNOWN")


class _Manifests:
    """Manifests by digest, read once: a digest's content never changes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._kept: OrderedDict[bytes, Manifest] = OrderedDict()

    def of(self, digest: bytes) -> Manifest:
        with self._lock:
            known = self._kept.get(digest)
        if known is None:
            known = read_manifest(self._store, digest)
            with self._lock:
                self._kept[digest] = known
                while len(self._kept) > MANIFESTS_KEPT:
                    self._kept.popitem(last=False)
        return known


def vouched_for(access: Access, facts: Facts, verified: VerifiedAccess) -> bool:
    """Tell whether a published issuer vouches for whoever asks (own access: whether the subject's signer does)."""
    if isinstance(access, OwnAccess):
        return verified.signer is not None and ids.signer_hash(verified.signer) == facts.subject_signer_hash
    signed = verified.signer is not None and verified.signer == access.badge.badge.session
    return signed and facts.issuer_end_at > facts.head.time_at
