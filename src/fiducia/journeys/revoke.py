"""Revoking: taken by any broker without a login, durable before the answer, denied from then on.

    1. verify who signed, against the last facts seen (also while the chain is down)
    2. journal it                                the answer may be given from here on
    3. deny every request under it
    4. relay until the chain shows it            a crash anywhere is mended when the broker starts

A revoke is never harder than a grant: nothing here needs the chain, a login or the custodian's broker.
Source: design sections 5 and 7.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence

from fiducia.core import ids, wire
from fiducia.core.replay import State
from fiducia.core.standing import check_revoke, check_revoke_all
from fiducia.core.typed_data import Domains, hash_struct
from fiducia.errors import EncodingError, InputError, LedgerError
from fiducia.ports import Broker, Clock, Journal, Ledger, Mirror, Signer, Steps
from fiducia.records.images import JournalEntry
from fiducia.records.ledger import GrantState, RevokeAct, RevokeAllAct
from fiducia.records.typed import Access, Approval, Grant, Revoke, RevokeAll, StaffAccess

RevokeLike = RevokeAct | RevokeAllAct

TAKEN = "revoke_taken"
RELAYED = "revoke_relayed"
REFUSED = "revoke_refused"
"""The chain will never take it (a badge ended meanwhile, say); it stays denied at this broker."""


class Taken:
    """Revokes that were taken and that the chain may not show yet. Thread-safe; rebuilt from the journal."""

    def __init__(self, journal: Journal) -> None:
        """Read the journal. Raises: JournalError."""
        self._lock = threading.Lock()
        self._waiting: dict[bytes, RevokeLike] = {}
        self._shown: set[bytes] = set()
        self._grants: set[bytes] = set()
        self._epochs: dict[bytes, int] = {}
        shown = {entry.subject_id for entry in journal.entries(RELAYED)}
        # What the chain refused from one signer may have been taken from another afterwards.
        refused = Counter(entry.subject_id for entry in journal.entries(REFUSED))
        taken = [(entry.subject_id, wire.decode_act(entry.body.encode())) for entry in journal.entries(TAKEN)]
        times = Counter(key for key, _ in taken)
        for key, act in taken:
            if not isinstance(act, RevokeAct | RevokeAllAct):
                raise EncodingError("the journal's revokes cannot be read; restore it")
            self.add(act, waiting=key not in shown and times[key] > refused[key])
        self._shown = shown

    def add(self, act: RevokeLike, *, waiting: bool = True) -> None:
        """Deny from now on; of several acts with one end, the last waits."""
        with self._lock:
            if isinstance(act, RevokeAct):
                self._grants.add(ids.grant_id(act.grant))
            else:
                revoke_all = act.revoke_all
                self._epochs[revoke_all.subject] = max(revoke_all.epoch, self._epochs.get(revoke_all.subject, 0))
            if waiting:
                self._waiting[key_of(act)] = act

    def settled(self, act: RevokeLike, *, shown: bool) -> None:
        """Note that the chain shows it, or that it never will; it stays denied."""
        with self._lock:
            self._waiting.pop(key_of(act), None)
            if shown:
                self._shown.add(key_of(act))

    def holds(self, act: RevokeLike) -> bool:
        """Tell whether this end was taken before and is shown by the chain, or waits to be."""
        with self._lock:
            return key_of(act) in self._shown or key_of(act) in self._waiting

    def waits(self, act: RevokeLike) -> bool:
        """Tell whether this end was taken and the chain does not show it yet."""
        with self._lock:
            return key_of(act) in self._waiting

    def is_waiting(self, act: RevokeLike) -> bool:
        """Tell whether it is this very act, not another with the same end, that waits."""
        with self._lock:
            return self._waiting.get(key_of(act)) == act

    def waiting(self) -> Sequence[RevokeLike]:
        """Return what the chain does not show yet, oldest first."""
        with self._lock:
            return tuple(self._waiting.values())

    def denial(self, access: Access) -> str:
        """Return the reason for which a request is refused, or an empty text."""
        if not isinstance(access, StaffAccess):
            return ""
        with self._lock:
            if access.request.grant_id in self._grants:
                return "GRANT_REVOKED"
            ended = self._epochs.get(access.grant.subject, 0)
        return "GRANT_EPOCH" if ended >= access.grant.epoch > 0 else ""


class TakeRevoke:
    """Take one revoke from anyone who carries it.

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
        # Known ends, too: nobody without standing has this broker do anything, and least of all drop what waits.
        self._check(act)
        if not self._taken.holds(act):
            self._journal.append([JournalEntry(TAKEN, self._clock.now(), key_of(act), wire.encode(act).decode())])
            self._steps.reached("revoke.journalled")
            self._taken.add(act)
            self._steps.reached("revoke.denied")
        return self.relay(act)

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

    def _settle(self, act: RevokeLike, kind: str) -> None:
        """Note once how it ended: journal first, so that a crash has it relayed again rather than forgotten."""
        self._journal.append([JournalEntry(kind, self._clock.now(), key_of(act))])
        self._steps.reached("revoke.noted")
        self._taken.settled(act, shown=kind == RELAYED)

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
        """Try each waiting revoke once; returns how many still wait. Raises: JournalError."""
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

    def run(self, grant_id: bytes, signer: Signer) -> bool:
        """Revoke a grant that the last facts seen know.

        Returns:
            True when the chain shows it, False when the broker took it and will relay it.

        Raises:
            InputError: an unknown grant. SignatureError: no standing. LedgerError: no broker answers.
        """
        return self.run_for(self._grant(grant_id), signer)

    def run_for(self, grant: Grant, signer: Signer) -> bool:
        """Revoke a grant whose terms are at hand, also before it was relayed. Returns and raises as `run`."""
        digest = self._domains.digest(Revoke(ids.grant_id(grant)))
        return self._broker.revoke(RevokeAct(grant, Approval(signer.address, signer.sign(digest))))

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
        known = self._freshest().subject(subject)
        if known is None:
            raise InputError("no such subject on this ledger; see `fiducia patient list`")
        revoke_all = RevokeAll(subject, known.epoch)
        signature = signer.sign(self._domains.digest(revoke_all))
        return self._broker.revoke(RevokeAllAct(revoke_all, Approval(signer.address, signature)))

    def _freshest(self) -> State:
        try:
            return self._mirror.catch_up()
        except LedgerError:
            return self._mirror.state()


def key_of(act: RevokeLike) -> bytes:
    """Return the 32 bytes under which the journal knows a revoke: its grant id, or the struct hash of RevokeAll."""
    return ids.grant_id(act.grant) if isinstance(act, RevokeAct) else hash_struct(act.revoke_all)
