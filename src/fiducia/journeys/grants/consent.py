"""Giving a grant that somebody else wrote down: a FHIR Consent becomes a grant when the patient signs it.

The document decides nothing: it is read, completed with what it leaves open (epoch, relay time, terms, salt), judged
against the ledger, shown in words, and signed like any other grant. What it says and a grant given here and now
cannot mean is refused by its FHIR path. Reading is `core.fhir_consent`'s; carrying is `journeys.grants.grant`'s.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

from fiducia.core import fhir_consent, ids
from fiducia.core.entries import Subject
from fiducia.core.fhir_terms import Consent, require
from fiducia.core.replay import State
from fiducia.core.rules import Basis
from fiducia.core.wording import describe, terms_digest
from fiducia.errors import InputError
from fiducia.journeys.grants.grant import RELAY_WITHIN_S, GiveGrant, GrantResult, Show
from fiducia.ports import Clock, Entropy, Mirror, Signer
from fiducia.records.typed import Grant


class GiveConsent:
    """Complete, show, sign and send the grant that a Consent describes.

    Example:
        ``GiveConsent(give=give_grant, mirror=mirror, clock=clock, entropy=entropy).run(
        fhir_consent.decode(data), patient_key, subject=subject, show=print)``
    """

    def __init__(self, *, give: GiveGrant, mirror: Mirror, clock: Clock, entropy: Entropy) -> None:
        self._give = give
        self._mirror = mirror
        self._clock = clock
        self._entropy = entropy

    def run(self, consent: Consent, signer: Signer, *, subject: bytes, show: Show = lambda words: None) -> GrantResult:
        """Give the grant.

        Args:
            consent: what the document says.
            signer: the subject's signer.
            subject: the patient who signs (20 bytes).
            show: gets the words made from exactly the bytes that are about to be signed.

        Raises:
            InputError: the document is not this patient's, not a consent to be given now, or names what this
            ledger does not know. SignatureError, DeniedError, LedgerError: as `GiveGrant.run` does.
        """
        require(consent.grant.subject == subject, "Consent.patient", "not the patient who signs")
        state = self._mirror.catch_up()
        entry = state.subject(subject)
        if entry is None:
            raise InputError("Consent.patient: this ledger does not know the subject")
        self._require_givable(consent, state, entry)
        kept = _kept_name(consent)
        grant = self._give.resume(kept) or self._complete(consent, entry)
        words = describe(grant, study_id=_study(consent), series=consent.series)
        if "terms" not in consent.absent:
            why = "made from other words than those shown here; leave them out, and they are drawn anew"
            require(grant.terms == terms_digest(grant, words), "Consent.extension: terms", why)
        return self._give.send(kept, grant, words, signer, show)

    def _require_givable(self, consent: Consent, state: State, entry: Subject) -> None:
        grant, now = consent.grant, self._clock.now()
        require(consent.active, "Consent.status", "inactive: only an active consent can be given")
        require(grant.basis == Basis.CONSENT, "Consent.category", "a patient gives grants on basis CONSENT alone")
        require(now < grant.not_after, "Consent.provision.period.end", "has passed")
        if consent.custodian:
            require(consent.custodian == entry.custodian, "Consent.organization", "not the patient's custodian")
        if "epoch" not in consent.absent:
            why = "not the subject's now (everything was revoked since); leave it out, and it is drawn anew"
            require(grant.epoch == entry.epoch, "Consent.extension: epoch", why)
        if "relay_by" not in consent.absent:
            require(
                now < grant.relay_by, "Consent.extension: relay-by", "has passed; leave it out to have it drawn anew"
            )
        if grant.scope == ids.ALL_SCOPE:
            return
        study = state.study(consent.study_id or grant.scope)
        path = "Consent.provision.data[0].reference"
        require(
            study is not None and study.subject == grant.subject, path, "not a study of this patient's on this ledger"
        )
        require(not grant.anchored_by, "Consent.provision.extension: anchored-by", "counts for all studies alone")

    def _complete(self, consent: Consent, entry: Subject) -> Grant:
        """Draw what the document leaves open; terms come from the words."""
        drawn: dict[str, Any] = {
            "epoch": entry.epoch,
            "relay_by": self._clock.now() + RELAY_WITHIN_S,
            "salt": self._entropy.token(32),
        }
        return replace(consent.grant, **{name: value for name, value in drawn.items() if name in consent.absent})


def _kept_name(consent: Consent) -> str:
    return f"kept/grant/consent-{hashlib.sha256(fhir_consent.encode(consent)).hexdigest()}"


def _study(consent: Consent) -> bytes:
    """The study that a person is told of; empty where the grant itself says it (all studies)."""
    return b"" if consent.grant.scope == ids.ALL_SCOPE else consent.study_id or consent.grant.scope
