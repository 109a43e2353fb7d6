"""Re-keying by policy: what a revoked grant had let somebody keep gets fresh keys, by itself.

    1. the ledger shows a grant of this hospital's patients as ended by a revoke, and the policy names its basis and one
       of its purposes
    2. under it, keys left to be kept (RETAIN, DERIVE, COMPUTE), and the series are still under those keys
    3. those series are re-keyed (`rekeying`)    4. when, and how long it took since the revoke, is in the journal

What is still to be done is read off the ledger and the manifests each time, so a crash anywhere is made good by the
next round. A study that could not be re-keyed, as where too few of its trustees answer, is tried again later.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fiducia.core import ids, wire
from fiducia.core.entries import GivenGrant, Study
from fiducia.core.replay import State
from fiducia.core.rules import Action
from fiducia.errors import FiduciaError
from fiducia.journeys.custody.rekeying import RekeyStudy
from fiducia.journeys.grants.taken import TAKEN
from fiducia.journeys.shared.following import Following
from fiducia.journeys.shared.objects import read_manifest
from fiducia.ports import Clock, Journal, Mirror, Signer, Store, Studies
from fiducia.records.events import ReleaseRecorded
from fiducia.records.images import JournalEntry
from fiducia.records.ledger import GrantState, RevokeAct, RevokeAllAct, StudyStatus

REKEYED = "study_rekeyed"
KEEPING = (Action.RETAIN, Action.DERIVE, Action.COMPUTE)
"""Actions under which keys leave to stay: what a gateway shows (VIEW) it forgets when the release closes."""
AGAIN_S = 300
"""How long a study that could not be re-keyed is left alone."""


@dataclass(frozen=True, slots=True)
class RekeyPolicy:
    """Which revokes are followed by re-keying: a mask of purposes, and bases."""

    purposes: int
    bases: frozenset[int]


@dataclass(frozen=True, slots=True)
class RekeyNote:
    """What the journal says of a study that was re-keyed; times are UTC Unix seconds.

    Attributes:
        grant_id: the grant that was revoked.
        revision: the revision with the new keys.
        series: how many series.
        revoked_at: when a broker of this hospital took the revoke, or the ledger recorded it, whichever was first; 0
            where neither says (grants that ended with others, straight on the ledger).
        denied_at: from when on this hospital's broker refused.
        rekeyed_at: from when on the new keys are the study's, and the old ones are released to nobody.
    """

    grant_id: bytes
    revision: int
    series: int
    revoked_at: int
    denied_at: int
    rekeyed_at: int


@dataclass(frozen=True, slots=True)
class DueRekeying:
    """A study to be re-keyed, for which grant, and which series."""

    study_id: bytes
    grant_id: bytes
    series: tuple[int, ...]


class RekeyRevoked:
    """Re-key what a policy says. Run again and again by the hospital's broker; safe for threads.

    Example:
        ``RekeyRevoked(policy=policy, rekey=rekey, ..., custodian=1, registrar=key, tell=print).run()``
    """

    def __init__(
        self,
        *,
        policy: RekeyPolicy,
        rekey: RekeyStudy,
        mirror: Mirror,
        store: Store,
        studies: Studies,
        journal: Journal,
        clock: Clock,
        custodian: int,
        registrar: Signer,
        tell: Callable[[RekeyNote], object] = lambda _: None,
    ) -> None:
        """Take the ports; `registrar` is a REGISTRAR key of the hospital, `tell` is told of each that was re-keyed."""
        self._policy = policy
        self._rekey = rekey
        self._mirror = mirror
        self._store = store
        self._studies = studies
        self._journal = journal
        self._clock = clock
        self._custodian = custodian
        self._registrar = registrar
        self._tell = tell
        self._lock = threading.Lock()
        self._following = Following(journal, REKEYED, TAKEN)
        self._noted: set[tuple[bytes, bytes]] = set()
        self._taken_at: dict[bytes, int] = {}
        self._taken_all: list[tuple[bytes, int, int]] = []
        self._not_before: dict[bytes, int] = {}
        self._clean: dict[tuple[bytes, bytes], int] = {}  # re-keyed by hand, as of which revision

    def run(self) -> int:
        """Re-key what is due; returns how many could not be. Raises: JournalError, LedgerError, StoreError."""
        with self._lock:
            now, failed = self._clock.now(), 0
            for due in self._due():
                if now < self._not_before.get(due.study_id, 0):
                    failed += 1
                    continue
                try:
                    self._one(due)
                except FiduciaError:  # of one study; the next ones are not its fault
                    self._not_before[due.study_id] = now + AGAIN_S
                    failed += 1
            return failed

    def due(self) -> tuple[DueRekeying, ...]:
        """Return what is to be re-keyed now. Raises: JournalError, LedgerError, StoreError."""
        with self._lock:
            return tuple(self._due())

    def _due(self) -> Iterator[DueRekeying]:
        state = self._mirror.catch_up()
        self._catch_up()
        kept: dict[bytes, list[ReleaseRecorded]] = {}
        for release in state.releases():
            if release.action in KEEPING:
                kept.setdefault(release.grant_id, []).append(release)
        for grant_id, releases in kept.items():
            grant = state.grant(grant_id)
            if grant is None or not self._meant(state, grant):
                continue
            for study_id in dict.fromkeys(release.study_id for release in releases):
                study, which = state.study(study_id), (grant_id, study_id)
                if study is None or study.status != StudyStatus.ANCHORED or which in self._noted:
                    continue
                if self._clean.get(which) == study.revision:
                    continue
                mine = [release for release in releases if release.study_id == study_id]
                if series := self._under_old_keys(study, mine):
                    yield DueRekeying(study_id, grant_id, series)
                else:
                    self._clean[which] = study.revision

    def _meant(self, state: State, given: GivenGrant) -> bool:
        grant, subject = given.grant, state.subject(given.subject)
        if grant is None or subject is None or subject.custodian != self._custodian:
            return False
        revoked = given.state == GrantState.REVOKED or grant.epoch < subject.epoch
        return revoked and bool(grant.purposes & self._policy.purposes) and grant.basis in self._policy.bases

    def _under_old_keys(self, study: Study, releases: list[ReleaseRecorded]) -> tuple[int, ...]:
        """Series that are sealed as they were released, or whose old revision is still open to be released."""
        now = {line.number: line.sealed_in for line in read_manifest(self._store, study.manifest).series}
        unfinished = self._is_unfinished(study)
        found: set[int] = set()
        for release in releases:
            revision = study.at(release.revision)
            if revision is None:
                continue
            for line in read_manifest(self._store, revision.manifest).series:
                asked = release.series in (0, line.number) and line.number in now
                if asked and (now[line.number] == line.sealed_in or not revision.withdrawn or unfinished):
                    found.add(line.number)
        return tuple(sorted(found))

    def _is_unfinished(self, study: Study) -> bool:
        """Whether the directory has yet to hear of the newest revision: a run was cut off right before that."""
        for entry in self._studies.all():
            if entry.study_id == study.study_id:
                pending = self._studies.find(entry.study_instance_uid).pending
                return pending is not None and pending.revision <= study.revision
        return False

    def _one(self, due: DueRekeying) -> None:
        done = self._rekey.run(due.study_id, due.series, custodian=self._custodian, registrar=self._registrar)
        revoked_at, denied_at = self._times(due.grant_id)
        note = RekeyNote(due.grant_id, done.revision, len(done.series), revoked_at, denied_at, self._clock.now())
        entry = JournalEntry(REKEYED, note.rekeyed_at, due.study_id, wire.encode(note).decode())
        self._journal.append([entry])
        self._noted.add((due.grant_id, due.study_id))
        self._tell(note)

    def _times(self, grant_id: bytes) -> tuple[int, int]:
        """When it was revoked, and from when on it is denied here: from the moment it was taken, if it was."""
        given = self._mirror.state().grant(grant_id)
        on_chain = given.revoked_at if given is not None else 0
        taken = [self._taken_at[grant_id]] if grant_id in self._taken_at else []
        if given is not None and given.grant is not None:
            terms = given.grant
            taken += [at for subject, epoch, at in self._taken_all if subject == given.subject and epoch >= terms.epoch]
        known = [at for at in (*taken, on_chain) if at]
        first = min(known, default=0)
        return first, min(taken, default=first)

    def _catch_up(self) -> None:
        for entry in self._following.news():
            if entry.kind == REKEYED:
                note = wire.decode(RekeyNote, entry.body.encode())
                self._noted.add((note.grant_id, entry.subject_id))
                continue
            act = wire.decode_act(entry.body.encode())
            if isinstance(act, RevokeAct):
                self._taken_at.setdefault(ids.grant_id(act.grant), entry.at)
            elif isinstance(act, RevokeAllAct):
                self._taken_all.append((act.revoke_all.subject, act.revoke_all.epoch, entry.at))


def rekeyings(journal: Journal) -> Iterator[tuple[bytes, RekeyNote]]:
    """Yield (study_id, note) of every re-keying by policy, in order. Raises: JournalError."""
    for entry in journal.entries(REKEYED):
        yield entry.subject_id, wire.decode(RekeyNote, entry.body.encode())
