"""Release and hand-over: keys leave only after the chain has said yes, and said it in a final block.

    record:     verify signatures -> taken revokes -> all facts at one block -> decide -> record -> final
    hand over:  verify signatures -> taken revokes -> `isOpen` at a final block -> manifest -> shares ->
                seal to the recipient -> sign -> journal -> answer

Every act is in the journal before it has an effect outside; no durable journal, no release. A denial is
journalled only when a published issuer vouched for the badge, so strangers cannot fill the disk.
Source: design section 7.
"""

from __future__ import annotations

from collections.abc import Sequence

from fiducia.core import ids
from fiducia.core.decision import Decision, Reason, VerifiedAccess
from fiducia.core.policy import LocalRule, decide, verify_access
from fiducia.core.typed_data import Domains
from fiducia.errors import DeniedError
from fiducia.journeys.grants.taken import Taken
from fiducia.journeys.reading.handing import SealKeys
from fiducia.journeys.shared.still_open import objection
from fiducia.ports import Clock, Journal, Ledger, Mirror, Steps
from fiducia.records.events import ReleaseRecorded
from fiducia.records.images import HandOver, JournalEntry, Release
from fiducia.records.ledger import Facts, RecordAct
from fiducia.records.typed import Access, OwnAccess

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
        ``HandOverKeys(ledger=ledger, mirror=mirror, journal=journal, taken=taken, seal=seal, clock=clock,
        domains=domains, steps=steps).run(access)``
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        mirror: Mirror,
        journal: Journal,
        taken: Taken,
        seal: SealKeys,
        clock: Clock,
        domains: Domains,
        steps: Steps,
    ) -> None:
        self._ledger = ledger
        self._mirror = mirror
        self._journal = journal
        self._taken = taken
        self._seal = seal
        self._clock = clock
        self._domains = domains
        self._steps = steps

    def run(self, access: Access) -> HandOver:
        """Seal and sign the shares of the series that the request names.

        Raises:
            DeniedError: NOT_OPEN, or the reason that ended it. KeyMissingError: no share here.
            InputError: a recipient key that is not the one the request names.
            JournalError, StoreError, LedgerError: not handed over; LedgerNotFinalError: not yet.
        """
        self._require_open(access)
        sealed = self._seal.run(access)
        self._steps.reached("release.sealed")
        self._journal.append([JournalEntry("handed_over", self._clock.now(), sealed.request_id)])
        self._steps.reached("release.handed-over")
        return sealed

    def _require_open(self, access: Access) -> None:
        verified = verify_access(self._domains, access)
        signer = access.approval.signer if isinstance(access, OwnAccess) else access.badge.badge.session
        # The answer opens only with the recipient's key; this keeps strangers from asking at all.
        if verified.signer is None or verified.signer != signer:
            raise DeniedError(STRANGER)
        if reason := self._taken.denial(access):
            # Taken revokes hold while the chain is down, so who may be told is decided by the last facts seen.
            raise self._denied(reason, access, self._mirror.state().facts(access, verified), verified)
        if against := objection(self._ledger, access, verified, self._clock.now()):
            reason, facts = against
            raise self._denied(reason, access, facts, verified)

    def _denied(self, reason: str, access: Access, facts: Facts, verified: VerifiedAccess) -> DeniedError:
        """The refusal, in the journal when it says something about somebody; strangers cannot fill the disk."""
        if not vouched_for(access, facts, verified):
            return DeniedError(STRANGER)
        entry = JournalEntry("hand_over_denied", self._clock.now(), ids.request_id(access.request), reason)
        self._journal.append([entry])
        return DeniedError(reason)


def vouched_for(access: Access, facts: Facts, verified: VerifiedAccess) -> bool:
    """Tell whether a published issuer vouches for whoever asks (own access: whether they may ask for it)."""
    if isinstance(access, OwnAccess):
        return verified.signer is not None and facts.own_end_at > facts.head.time_at
    signed = verified.signer is not None and verified.signer == access.badge.badge.session
    return signed and facts.issuer_end_at > facts.head.time_at
