"""Drawing up a grant: what somebody decides, completed with what the ledger says and with fresh salt.

Nothing is signed or shown here; `grant` does that for patients, `staff_grants` for staff.
"""

from __future__ import annotations

import enum
import hashlib
from dataclasses import dataclass, replace

from fiducia.core import ids, wire
from fiducia.core.replay import State
from fiducia.core.rules import DAY_S, REVIEW_WITHIN_S, Basis
from fiducia.errors import InputError, KeyMissingError
from fiducia.journeys.shared.subjects import known_study, known_subject
from fiducia.ports import Clock, Entropy, Mirror, Vault
from fiducia.records.ledger import GrantState
from fiducia.records.typed import Grant

RELAY_WITHIN_S = 15 * 60
"""How long a signed grant may wait for its way to the chain, when it is sent at once."""

KEEP_WITHIN_S = 7 * DAY_S
"""The same for one that is signed into a file, to be carried later."""


class Every(enum.Enum):
    """All studies of a patient at their hospital: those of now, or also those to come."""

    UNTIL_NOW = "until now"
    FUTURE_TOO = "future too"


@dataclass(frozen=True, slots=True)
class GrantOrder:
    """What somebody decides: which studies, to whom, for what, until when.

    Attributes:
        study_id: 32 bytes; empty for all studies.
        series: a series' number, or 0 for the whole study, later revisions included.
        grantee: 32 bytes; a person or an institution.
        purposes: mask of `core.rules` purposes.
        actions: mask of `core.rules` actions.
        not_after: UTC Unix seconds.
        not_before: UTC Unix seconds; now when None.
        grantee_name: how whoever decides knows the grantee, for the words that are shown.
        every: which studies, where it is all of them.
        subject: whose studies (20 bytes); needed for all studies, else the study's own.
        anchored_by: UTC Unix seconds, instead of `every`: all studies that were first anchored until then.
    """

    study_id: bytes
    series: int
    grantee: bytes
    purposes: int
    actions: int
    not_after: int
    not_before: int | None = None
    grantee_name: str = ""
    every: Every | None = None
    subject: bytes = b""
    anchored_by: int | None = None

    def label(self) -> str:
        """Return a name for this decision: the same order, the same name."""
        return hashlib.sha256(repr(self).encode()).hexdigest()


class DraftGrant:
    """Draw up the grant of an order, or find the one that an interrupted run kept.

    Example:
        ``DraftGrant(mirror=mirror, vault=vault, clock=clock, entropy=entropy).run(order)``
    """

    def __init__(self, *, mirror: Mirror, vault: Vault, clock: Clock, entropy: Entropy) -> None:
        self._mirror = mirror
        self._vault = vault
        self._clock = clock
        self._entropy = entropy

    def run(self, order: GrantOrder, basis: Basis = Basis.CONSENT, *, relay_within_s: int = RELAY_WITHIN_S) -> Grant:
        """Return the unsigned grant, without terms.

        Args:
            order: what was decided.
            basis: what it stands on.
            relay_within_s: how long it may wait for its way to the chain; an emergency's may wait until its review is
                due, so that a hand-over during a stall can be recorded afterwards.

        Raises:
            InputError: an unknown study or subject. LedgerError: the ledger cannot be read.
        """
        state = self._mirror.catch_up()
        subject, scope, anchored_by = self._scope(state, order)
        entry = known_subject(state, subject)
        now = self._clock.now()
        # The chain's clock may be a block behind ours: a grant from "now" must not be "not yet".
        not_before = min(now, state.head.time_at) if order.not_before is None else order.not_before
        is_emergency = basis is Basis.EMERGENCY
        return Grant(
            basis=basis,
            subject=subject,
            scope=scope,
            anchored_by=anchored_by,
            grantee=order.grantee,
            purposes=order.purposes,
            actions=order.actions,
            not_before=not_before,
            not_after=order.not_after,
            epoch=entry.epoch,
            relay_by=not_before + REVIEW_WITHIN_S if is_emergency else now + relay_within_s,
            terms=bytes(32),
            salt=self._entropy.token(32),
        )

    def anew(self, grant: Grant, not_after: int) -> Grant:
        """Return a grant's terms with a window from now on, without the words' digest.

        Raises:
            InputError: it was revoked, alone or with all others. LedgerError: the ledger cannot be read.
        """
        state = self._mirror.catch_up()
        known, entry = state.grant(ids.grant_id(grant)), state.subject(grant.subject)
        if known is None or entry is None:
            raise InputError("no such grant on this ledger; see `fiducia grant list --all`")
        if known.state is GrantState.REVOKED or grant.epoch != entry.epoch:
            raise InputError("this grant was revoked: it is not renewed; give a new one")
        now = self._clock.now()
        return replace(
            grant,
            not_before=min(now, state.head.time_at),
            not_after=not_after,
            relay_by=now + RELAY_WITHIN_S,
            terms=bytes(32),
            salt=self._entropy.token(32),
        )

    # -- what an interrupted run left

    def keep(self, kept: str, grant: Grant) -> None:
        """Keep a grant under a name until it was carried. Raises: VaultError."""
        self._vault.put({kept: wire.encode(grant)})

    def forget(self, kept: str) -> None:
        """Forget a grant that was carried."""
        self._vault.remove((kept,))

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

    def _scope(self, state: State, order: GrantOrder) -> tuple[bytes, bytes, int]:
        """(subject, scope, anchored_by)."""
        if not order.study_id:
            if order.every is None and order.anchored_by is None:
                raise InputError("say which studies: one, all until now, or future ones too")
            now = state.head.time_at if order.anchored_by is None else order.anchored_by
            return order.subject, ids.ALL_SCOPE, ids.FUTURE_TOO if order.every is Every.FUTURE_TOO else now
        study = known_study(state, order.study_id)
        if order.subject and order.subject != study.subject:
            raise InputError("the study is not one of this patient's")
        return study.subject, ids.series_scope(order.study_id, order.series) if order.series else order.study_id, 0
