"""Granting: the patient signs what they read; a broker carries it for its own subjects.

The signed grant is kept before it is sent, so the same command after a crash or a chain that did not
finish in time sends the same grant again rather than a second one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fiducia.core import ids
from fiducia.core.replay import State
from fiducia.core.rules import Basis
from fiducia.core.typed_data import Domains
from fiducia.core.wording import describe, with_terms
from fiducia.errors import DeniedError, InputError
from fiducia.journeys.grants.drafting import KEEP_WITHIN_S, DraftGrant
from fiducia.journeys.grants.drafting import RELAY_WITHIN_S as RELAY_WITHIN_S
from fiducia.journeys.grants.drafting import GrantOrder as GrantOrder
from fiducia.ports import Broker, Clock, Entropy, Ledger, Mirror, Signer, Vault
from fiducia.records.events import GrantGiven
from fiducia.records.ledger import GrantAct, Receipt
from fiducia.records.typed import Approval, Grant

Show = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class GrantResult:
    """A grant that is on chain."""

    grant_id: bytes
    grant: Grant
    receipt: Receipt

    @property
    def expiry_at(self) -> int:
        """When it ends: what was signed, or the end of the power behind it where that is sooner."""
        told = (event for event in self.receipt.events if isinstance(event, GrantGiven))
        return next((event.expiry_at for event in told if event.grant_id == self.grant_id), self.grant.not_after)


class GiveGrant:
    """Show, sign and send one grant on basis CONSENT.

    Example:
        ``GiveGrant(broker=broker, mirror=mirror, vault=vault, clock=clock, entropy=entropy,
        domains=domains).run(order, patient_key, show=print)``
    """

    def __init__(
        self, *, broker: Broker, mirror: Mirror, vault: Vault, clock: Clock, entropy: Entropy, domains: Domains
    ) -> None:
        self._broker = broker
        self._mirror = mirror
        self._draft = DraftGrant(mirror=mirror, vault=vault, clock=clock, entropy=entropy)
        self._domains = domains

    def run(self, order: GrantOrder, signer: Signer, *, show: Show = lambda words: None) -> GrantResult:
        """Give the grant.

        Args:
            order: what was decided.
            signer: the subject's, or a representative's with GRANT.
            show: gets the words made from exactly the bytes that are about to be signed.

        Raises:
            InputError: an unknown study or series. SignatureError: not the subject's signer.
            DeniedError: the broker does not carry for this subject. LedgerError: not done, or not final
            yet; the same call finishes it.
        """
        kept = f"kept/grant/{order.label()}"
        grant = self._draft.resume(kept) or self._draft.run(order)
        return self.send(kept, grant, self._ordered(grant, order, signer), signer, show)

    def sign(self, order: GrantOrder, signer: Signer, *, show: Show = lambda words: None) -> GrantAct:
        """Sign a grant that is carried later, by whoever has it: within a week. Args and errors as `run`."""
        grant = self._draft.run(order, relay_within_s=KEEP_WITHIN_S)
        return self._sign(grant, self._ordered(grant, order, signer), signer, show)

    def renew(
        self,
        grant: Grant,
        not_after: int,
        signer: Signer,
        *,
        study_id: bytes = b"",
        series: int = 0,
        show: Show = lambda words: None,
    ) -> GrantResult:
        """Give a grant on the same terms again, from now on.

        Args:
            grant: one that the patient's side gave.
            not_after: its new end, UTC Unix seconds.
            signer: the subject's signer.
            study_id: the study that its scope is of, for the words; empty for all.
            series: the series' number that its scope is of, or 0.
            show: as in `run`.

        Raises:
            InputError: the grant was revoked, or is not on basis CONSENT. Others as `run`.
        """
        if grant.basis != Basis.CONSENT:
            raise InputError("only what a patient gave is renewed by them; others are signed anew")
        kept = f"kept/grant/renewed-{ids.grant_id(grant).hex()}-{not_after}"
        renewed = self._draft.resume(kept) or self._draft.anew(grant, not_after)
        words = self._words(renewed, signer, study_id, series, {})
        return self.send(kept, renewed, words, signer, show)

    def send(self, kept: str, grant: Grant, words: str, signer: Signer, show: Show) -> GrantResult:
        """Show, keep, sign and send a drawn-up grant; without `terms` it takes the words' as its own.

        Raises:
            SignatureError, DeniedError, LedgerError: as `run` does.
        """
        act = self._sign(grant, words, signer, show, kept)
        receipt = self._broker.relay(act)
        self._draft.forget(kept)
        return GrantResult(ids.grant_id(act.grant), act.grant, receipt)

    def resume(self, kept: str) -> Grant | None:
        """Return the grant of an interrupted run while it can still be carried."""
        return self._draft.resume(kept)

    def _ordered(self, grant: Grant, order: GrantOrder, signer: Signer) -> str:
        return self._words(grant, signer, order.study_id, order.series, {order.grantee: order.grantee_name})

    def _words(self, grant: Grant, signer: Signer, study_id: bytes, series: int, names: Mapping[bytes, str]) -> str:
        patient = self._mirror.state().subject(grant.subject)
        represented = patient is not None and patient.signer_hash != ids.signer_hash(signer.address)
        return describe(grant, study_id=study_id, series=series, names=names, represented=represented)

    def _sign(self, grant: Grant, words: str, signer: Signer, show: Show, kept: str = "") -> GrantAct:
        if not any(grant.terms):
            grant = with_terms(grant, words)
        show(words)
        if kept:
            self._draft.keep(kept, grant)
        return GrantAct(grant, (Approval(signer.address, signer.sign(self._domains.digest(grant))),))


class RelayGrant:
    """Carry a signed grant for a subject of one's own; the ledger judges it.

    Example:
        ``RelayGrant(ledger=ledger, mirror=mirror, custodian=1).run(act)``
    """

    def __init__(self, *, ledger: Ledger, mirror: Mirror, custodian: int) -> None:
        self._ledger = ledger
        self._mirror = mirror
        self._custodian = custodian

    def run(self, act: GrantAct) -> Receipt:
        """Simulate, send and wait until it is final.

        Raises:
            DeniedError: NOT_OWN_SUBJECT. InputError, SignatureError: the ledger refuses the grant.
            LedgerError: it could not be carried.
        """
        subject = act.grant.subject
        if not (self._is_own(self._mirror.state(), subject) or self._is_own(self._mirror.catch_up(), subject)):
            raise DeniedError("NOT_OWN_SUBJECT", "this broker carries grants of its own hospital's patients only")
        return self._ledger.submit(act)

    def _is_own(self, state: State, subject: bytes) -> bool:
        entry = state.subject(subject)
        return entry is not None and entry.custodian == self._custodian
