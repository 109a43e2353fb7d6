"""Granting: the patient signs what they read; a broker carries it for its own subjects.

The signed grant is kept before it is sent, so the same command after a crash or a chain that did not
finish in time sends the same grant again rather than a second one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from fiducia.core import ids, wire
from fiducia.core.rules import Basis
from fiducia.core.typed_data import Domains
from fiducia.core.wording import describe, with_terms
from fiducia.errors import DeniedError, InputError, KeyMissingError
from fiducia.ports import Broker, Clock, Entropy, Ledger, Mirror, Signer, Vault
from fiducia.records.ledger import GrantAct, GrantState, Receipt
from fiducia.records.typed import Approval, Grant

RELAY_WITHIN_S = 15 * 60

Show = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class GrantOrder:
    """What a patient decides: one study (or one of its series), to whom, for what, until when.

    Attributes:
        study_id: 32 bytes.
        series: a series' number, or 0 for the whole study, later revisions included.
        grantee: 32 bytes; a person or an institution.
        purposes: mask of `core.rules` purposes.
        actions: mask of `core.rules` actions.
        not_after: UTC Unix seconds.
        not_before: UTC Unix seconds; now when None.
        grantee_name: how the patient knows the grantee, for the words that are shown.
    """

    study_id: bytes
    series: int
    grantee: bytes
    purposes: int
    actions: int
    not_after: int
    not_before: int | None = None
    grantee_name: str = ""


@dataclass(frozen=True, slots=True)
class GrantResult:
    """A grant that is on chain."""

    grant_id: bytes
    grant: Grant
    receipt: Receipt


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
        self._vault = vault
        self._clock = clock
        self._entropy = entropy
        self._domains = domains

    def run(self, order: GrantOrder, signer: Signer, *, show: Show = lambda words: None) -> GrantResult:
        """Give the grant.

        Args:
            order: what was decided.
            signer: the subject's signer.
            show: gets the words made from exactly the bytes that are about to be signed.

        Raises:
            InputError: an unknown study or series. SignatureError: not the subject's signer.
            DeniedError: the broker does not carry for this subject. LedgerError: not done, or not final
            yet; the same call finishes it.
        """
        kept = _kept_name(order)
        grant = self.resume(kept) or self._draw_up(order)
        names = {order.grantee: order.grantee_name}
        words = describe(grant, study_id=order.study_id, series=order.series, names=names)
        return self.send(kept, grant, words, signer, show)

    def send(self, kept: str, grant: Grant, words: str, signer: Signer, show: Show) -> GrantResult:
        """Show, keep, sign and send a drawn-up grant; without `terms` it takes the words' as its own.

        Raises:
            SignatureError, DeniedError, LedgerError: as `run` does.
        """
        if not any(grant.terms):
            grant = with_terms(grant, words)
        show(words)
        self._vault.put({kept: wire.encode(grant)})
        approval = Approval(signer.address, signer.sign(self._domains.digest(grant)))
        receipt = self._broker.relay(GrantAct(grant, (approval,)))
        self._vault.remove((kept,))
        return GrantResult(ids.grant_id(grant), grant, receipt)

    def resume(self, kept: str) -> Grant | None:
        """Return the grant of an interrupted run while it can still be carried."""
        try:
            grant = wire.decode(Grant, self._vault.get(kept))
        except KeyMissingError:
            return None
        state = self._mirror.catch_up()
        known = state.grant(ids.grant_id(grant))
        subject = state.subject(grant.subject)
        carried = known is not None and known.state is GrantState.LIVE
        fits = subject is not None and subject.epoch == grant.epoch and known is None
        return grant if carried or (fits and self._clock.now() < grant.relay_by) else None

    def _draw_up(self, order: GrantOrder) -> Grant:
        state = self._mirror.catch_up()
        study = state.study(order.study_id)
        if study is None:
            raise InputError("no such study on this ledger; see `fiducia study list`")
        subject = state.subject(study.subject)
        if subject is None:
            raise InputError("the study's subject is not enrolled on this ledger")
        now = self._clock.now()
        scope = ids.series_scope(order.study_id, order.series) if order.series else order.study_id
        return Grant(
            basis=Basis.CONSENT,
            subject=study.subject,
            scope=scope,
            anchored_by=0,
            grantee=order.grantee,
            purposes=order.purposes,
            actions=order.actions,
            # The chain's clock may be a block behind ours: a grant from "now" must not be "not yet".
            not_before=min(now, state.head.time_at) if order.not_before is None else order.not_before,
            not_after=order.not_after,
            epoch=subject.epoch,
            relay_by=now + RELAY_WITHIN_S,
            terms=bytes(32),
            salt=self._entropy.token(32),
        )


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
        grantor = self._mirror.state().subject(act.grant.subject) or self._mirror.catch_up().subject(act.grant.subject)
        if grantor is None or grantor.custodian != self._custodian:
            raise DeniedError("NOT_OWN_SUBJECT", "this broker carries grants of its own hospital's patients only")
        return self._ledger.submit(act)


def _kept_name(order: GrantOrder) -> str:
    window = f"{order.not_before}-{order.not_after}".encode()
    parts = (
        order.study_id + order.grantee,
        order.series.to_bytes(4, "big"),
        order.purposes.to_bytes(4, "big"),
        order.actions.to_bytes(4, "big"),
        window,
        order.grantee_name.encode(),  # part of the words that the signature is bound to
    )
    return f"kept/grant/{hashlib.sha256(b''.join(parts)).hexdigest()}"
