"""What a broker has taken: revokes and restrictions that are denied from then on, and that the chain may not show yet.

What was revoked stays denied. A restriction is the ledger's own once the chain shows it; one that the chain refused
after it was taken is kept up here until the patient's side lifts it.
"""

from __future__ import annotations

import threading
import typing
from collections.abc import Sequence

from fiducia.core import ids, rules, wire
from fiducia.core.replay import State
from fiducia.core.typed_data import hash_struct
from fiducia.errors import EncodingError
from fiducia.journeys.shared.following import Following
from fiducia.ports import Journal
from fiducia.records.ledger import RestrictAct, RevokeAct, RevokeAllAct
from fiducia.records.typed import Access, StaffAccess

RevokeLike = RevokeAct | RevokeAllAct | RestrictAct
"""What takes access away: one grant, all of them, or processing as such."""

TAKEN_KINDS: tuple[type[RevokeLike], ...] = typing.get_args(RevokeLike)

TAKEN = "revoke_taken"
RELAYED = "revoke_relayed"
REFUSED = "revoke_refused"
"""The chain never takes it (a badge ended meanwhile, say); it stays denied here, a restriction until it is lifted."""


class Taken:
    """What was taken and what of it the chain may not show yet. Thread-safe; the journal is all that it rests on.

    Every question looks into the journal first, so that what another broker of the member took is denied here, too.
    Each raises JournalError when that is not possible.
    """

    def __init__(self, journal: Journal) -> None:
        """Read the journal. Raises: JournalError."""
        self._lock = threading.Lock()
        self._following = Following(journal, TAKEN, RELAYED, REFUSED)
        self._waiting: dict[bytes, list[RevokeLike]] = {}
        self._acts: dict[bytes, RevokeLike] = {}
        self._shown: set[bytes] = set()
        self._grants: set[bytes] = set()
        self._epochs: dict[bytes, int] = {}
        self._restricted: dict[bytes, int] = {}
        self.catch_up()

    def catch_up(self) -> None:
        """Deny from now on what the journal says was taken, by whichever broker. Raises: JournalError."""
        with self._lock:
            self._catch_up()

    def _catch_up(self) -> None:
        for entry in self._following.news():
            if entry.kind == TAKEN:
                act = wire.decode_act(entry.body.encode())
                if not isinstance(act, RevokeLike):
                    raise EncodingError("the journal's revokes cannot be read; restore it")
                self._take(entry.subject_id, act)
            elif entry.kind == RELAYED:
                self._show(entry.subject_id)
            elif waiting := self._waiting.get(entry.subject_id):
                # What the chain refused from one signer may have been taken from another afterwards.
                del waiting[0]
                if not waiting:
                    del self._waiting[entry.subject_id]

    def _take(self, key: bytes, act: RevokeLike) -> None:
        """Deny; of several acts with one end, the last waits."""
        self._acts[key] = act
        if isinstance(act, RevokeAct):
            self._grants.add(ids.grant_id(act.grant))
        elif isinstance(act, RestrictAct) and key not in self._shown:
            restrict = act.restrict
            self._restricted[restrict.subject] = max(restrict.serial, self._restricted.get(restrict.subject, 0))
        elif isinstance(act, RevokeAllAct):
            revoke_all = act.revoke_all
            self._epochs[revoke_all.subject] = max(revoke_all.epoch, self._epochs.get(revoke_all.subject, 0))
        if key not in self._shown and act not in self._waiting.get(key, ()):
            self._waiting.setdefault(key, []).append(act)

    def _show(self, key: bytes) -> None:
        """Note that the chain shows it: a restriction is judged by the chain's facts from then on."""
        self._waiting.pop(key, None)
        self._shown.add(key)
        act = self._acts.get(key)
        if isinstance(act, RestrictAct) and self._restricted.get(act.restrict.subject, 0) <= act.restrict.serial:
            self._restricted.pop(act.restrict.subject, None)

    def lifted(self, state: State) -> None:
        """Let go of restrictions that the ledger shows as lifted since they were signed."""
        with self._lock:
            for subject, serial in tuple(self._restricted.items()):
                entry = state.subject(subject)
                if entry is not None and entry.lifted_serial >= serial:
                    del self._restricted[subject]

    def holds(self, act: RevokeLike) -> bool:
        """Tell whether this end was taken before and is shown by the chain, or waits to be."""
        with self._lock:
            self._catch_up()
            return key_of(act) in self._shown or key_of(act) in self._waiting

    def waits(self, act: RevokeLike) -> bool:
        """Tell whether this end was taken and the chain does not show it yet."""
        with self._lock:
            self._catch_up()
            return key_of(act) in self._waiting

    def is_waiting(self, act: RevokeLike) -> bool:
        """Tell whether it is this very act, not another with the same end, that waits."""
        with self._lock:
            self._catch_up()
            return self._waiting.get(key_of(act), [None])[-1] == act

    def waiting(self) -> Sequence[RevokeLike]:
        """Return what the chain does not show yet, oldest first."""
        with self._lock:
            self._catch_up()
            return tuple(acts[-1] for acts in self._waiting.values())

    def denial(self, access: Access) -> str:
        """Return the reason for which a request is refused, or an empty text. Own access is never restricted."""
        if not isinstance(access, StaffAccess):
            return ""
        grant = access.grant
        with self._lock:
            self._catch_up()
            if access.request.grant_id in self._grants:
                return "GRANT_REVOKED"
            ended = self._epochs.get(grant.subject, 0)
            restricted = grant.subject in self._restricted
        # What follows rests on the grant's terms, which must be those that the request names.
        if ids.grant_id(grant) != access.request.grant_id:
            return "GRANT_MISMATCH"
        if ended >= grant.epoch > 0:
            return "GRANT_EPOCH"
        rule = rules.basis_rule(grant.basis)
        return "RESTRICTED" if restricted and (rule is None or rule.restriction_blocks) else ""


def key_of(act: RevokeLike) -> bytes:
    """Return the 32 bytes under which the journal knows an act: its grant id, or the hash of the signed struct."""
    if isinstance(act, RevokeAct):
        return ids.grant_id(act.grant)
    return hash_struct(act.restrict if isinstance(act, RestrictAct) else act.revoke_all)
