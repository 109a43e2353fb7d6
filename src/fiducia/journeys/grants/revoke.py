"""Revoking and restricting: taken by any broker without a login, durable before the answer, denied from then on.

    1. verify who signed, against the last facts seen (also while the chain is down)
    2. journal it                                the answer may be given from here on
    3. deny every request that it blocks
    4. relay until the chain shows it            a crash anywhere is mended when the broker starts

A revoke is never harder than a grant: nothing here needs the chain, a login or the custodian's broker. What was
revoked stays denied. A restriction is the ledger's own once the chain shows it, and over when the patient's side lifts
it. Source: design sections 5 and 7.
"""

from __future__ import annotations

import threading

from fiducia.core import ids, wire
from fiducia.core.replay import State
from fiducia.core.standing import check_restrict, check_revoke, check_revoke_all
from fiducia.core.typed_data import Domains
from fiducia.errors import InputError, LedgerError
from fiducia.journeys.grants.taken import REFUSED, RELAYED, TAKEN, RevokeLike, Taken, key_of
from fiducia.journeys.shared.subjects import freshest, known_subject
from fiducia.ports import Broker, Clock, Journal, Ledger, Mirror, Signer, Steps
from fiducia.records.images import JournalEntry
from fiducia.records.ledger import GrantState, RestrictAct, RevokeAct, RevokeAllAct
from fiducia.records.typed import Approval, Grant, Revoke, RevokeAll, SignedBadge


class TakeRevoke:
    """Take one revoke or restriction from anyone who carries it.

    Example:
        ``TakeRevoke(ledger=ledger, mirror=mirror, journal=journal, taken=taken, clock=clock, domains=domains,
        steps=steps).run(act)``
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        mirror: Mirror,
        journal: Journal,
        taken: Taken,
        clock: Clock,
        domains: Domains,
        steps: Steps,
    ) -> None:
        self._ledger = ledger
        self._mirror = mirror
        self._journal = journal
        self._taken = taken
        self._clock = clock
        self._domains = domains
        self._steps = steps
        self._settling = threading.Lock()

    def run(self, act: RevokeLike) -> bool:
        """Verify, journal, deny, and try to relay.

        Returns:
            True when the chain shows it already; False when it was taken and will be relayed.

        Raises:
            InputError: the subject is unknown here. SignatureError: no standing.
            JournalError: it could not be made durable: not taken.
        """
        self.take(act)
        return self.relay(act)

    def take(self, act: RevokeLike) -> None:
        """Verify, journal, deny: all that an answer needs, and nothing that waits for the chain. Raises as `run`."""
        # Known ends, too: nobody without standing has this broker do anything, and least of all drop what waits.
        self._check(act)
        if not self._taken.holds(act):
            self._journal.append([JournalEntry(TAKEN, self._clock.now(), key_of(act), wire.encode(act).decode())])
            self._steps.reached("revoke.journalled")
            self._taken.catch_up()
            self._steps.reached("revoke.denied")

    def relay(self, act: RevokeLike) -> bool:
        """Carry a taken revoke to the chain; False while the chain cannot be reached.

        Raises:
            InputError, SignatureError: the chain refuses it for good; noted, and not tried again.
            JournalError.
        """
        try:
            self._ledger.submit(act)
        except LedgerError:
            return False
        except InputError:
            with self._settling:
                if self._taken.is_waiting(act):
                    self._settle(act, REFUSED)
            raise
        self._steps.reached("revoke.relayed")
        with self._settling:
            if self._taken.waits(act):
                self._settle(act, RELAYED)
        return True

    def let_go(self) -> None:
        """Stop denying what was restricted and is lifted since, by the last facts seen."""
        self._taken.lifted(self._mirror.state())

    def _settle(self, act: RevokeLike, kind: str) -> None:
        """Note once how it ended: journal first, so that a crash has it relayed again rather than forgotten."""
        self._journal.append([JournalEntry(kind, self._clock.now(), key_of(act))])
        self._steps.reached("revoke.noted")

    def _check(self, act: RevokeLike) -> None:
        try:
            self._verify(self._mirror.state(), act)
        except InputError:
            # The last facts seen may be too old to know the subject or the signer: look once more.
            try:
                fresh = self._mirror.catch_up()
            except LedgerError:
                fresh = None
            if fresh is None:
                raise
            self._verify(fresh, act)

    def _verify(self, state: State, act: RevokeLike) -> None:
        if isinstance(act, RevokeAct):
            check_revoke(self._domains, state, act, self._clock.now())
        elif isinstance(act, RestrictAct):
            check_restrict(self._domains, state, act, self._clock.now())
        else:
            check_revoke_all(self._domains, state, act, self._clock.now())


class RelayTaken:
    """Relay what was taken while the chain was away; run again and again by the broker.

    Example:
        ``RelayTaken(taken=taken, take=take).run()``
    """

    def __init__(self, *, taken: Taken, take: TakeRevoke) -> None:
        self._taken = taken
        self._take = take

    def run(self) -> int:
        """Try each waiting one once; returns how many still wait. Raises: JournalError."""
        self._take.let_go()
        return sum(not self._relay(act) for act in self._taken.waiting())

    def _relay(self, act: RevokeLike) -> bool:
        """One that the chain refuses must not keep the others waiting."""
        try:
            return self._take.relay(act)
        except InputError:
            return True


class RevokeGrant:
    """Sign the end of one grant and hand it to a broker.

    Example:
        ``RevokeGrant(broker=broker, mirror=mirror, domains=domains).run(grant_id, patient_key)``
    """

    def __init__(self, *, broker: Broker, mirror: Mirror, domains: Domains) -> None:
        self._broker = broker
        self._mirror = mirror
        self._domains = domains

    def run(self, grant_id: bytes, signer: Signer, badge: SignedBadge | None = None) -> bool:
        """Revoke a grant that the last facts seen know.

        Args:
            grant_id: 32 bytes.
            signer: the patient's side, a registrar of the custodian, or a badge's session key.
            badge: that badge: the grantee's, or an officer's of the grantee institution or of the custodian.

        Returns:
            True when the chain shows it, False when the broker took it and will relay it.

        Raises:
            InputError: an unknown grant. SignatureError: no standing. LedgerError: no broker answers.
        """
        return self.run_for(self._grant(grant_id), signer, badge)

    def run_for(self, grant: Grant, signer: Signer, badge: SignedBadge | None = None) -> bool:
        """Revoke a grant whose terms are at hand, also before it was relayed. Returns and raises as `run`."""
        digest = self._domains.digest(Revoke(ids.grant_id(grant)))
        return self._broker.revoke(RevokeAct(grant, Approval(signer.address, signer.sign(digest), badge)))

    def _grant(self, grant_id: bytes) -> Grant:
        known = self._mirror.state().grant(grant_id)
        if known is None:
            known = self._mirror.catch_up().grant(grant_id)
        if known is None or known.grant is None:
            if known is not None and known.state is GrantState.REVOKED:
                raise InputError("this grant was revoked before it was relayed; nothing is left to revoke")
            raise InputError("no such grant on this ledger; see `fiducia grant list`")
        return known.grant


class RevokeAllGrants:
    """Sign the end of every grant of a subject and hand it to a broker.

    Example:
        ``RevokeAllGrants(broker=broker, mirror=mirror, domains=domains).run(subject, patient_key)``
    """

    def __init__(self, *, broker: Broker, mirror: Mirror, domains: Domains) -> None:
        self._broker = broker
        self._mirror = mirror
        self._domains = domains

    def run(self, subject: bytes, signer: Signer) -> bool:
        """End the subject's current epoch. Returns and raises as `RevokeGrant.run`."""
        revoke_all = RevokeAll(subject, known_subject(freshest(self._mirror), subject).epoch)
        signature = signer.sign(self._domains.digest(revoke_all))
        return self._broker.revoke(RevokeAllAct(revoke_all, Approval(signer.address, signature)))
