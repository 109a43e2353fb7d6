"""Re-keying: series of a study sealed anew under fresh keys, so that keys which leaked open nothing from then on.

    1. claim the study; finish what an earlier run left pending
    2. where the custodian alone does not open it: announce in a revision that its keys are dealt anew, and collect them
       on that word (`moving_custody`), from as many trustees as must hold the new ones
    3. read the series' instances back, each verified, and seal them under fresh keys, as a new revision (`revision`)
    4. propose, anchor: from here on the new keys are the study's
    5. withdraw every revision before it: their keys are released no more, grants of the study go on
    6. after 2: have trustees destroy their shares of the old keys; who does not answer is told again (`TellDestroy`)
    7. confirm in the directory                     a crash after 4 is mended by the same call, one before begins anew

The old packs stay where they are: whoever has their keys and a copy opens that copy for ever. Other series keep pack,
keys, deal and line.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from fiducia.core.formats.context import SeriesKeys
from fiducia.core.keys.custody import Custody
from fiducia.core.typed_data import Domains
from fiducia.errors import InputError
from fiducia.journeys.custody.moving_custody import MoveCustody
from fiducia.journeys.shared.at_once import BESIDE, Workers
from fiducia.journeys.shared.objects import read_custody, read_manifest
from fiducia.journeys.shared.subjects import known_study
from fiducia.journeys.studies.planning import SeriesPlan, StudyPlan
from fiducia.journeys.studies.revision import PrepareRevision
from fiducia.journeys.trustees.dealing import DealShares
from fiducia.journeys.trustees.destroying import TellDestroy
from fiducia.ports import (
    Entropy,
    Examiner,
    Ledger,
    Mirror,
    Patients,
    Progress,
    Signer,
    Steps,
    Store,
    Studies,
    Vault,
)
from fiducia.records.images import IntakeProblem, SeriesEntry, StudyEntry, StudyState, SubjectEntry
from fiducia.records.ledger import ReviseAct, WithdrawAct
from fiducia.records.typed import Revise, Withdraw


@dataclass(frozen=True, slots=True)
class Rekeyed:
    """What re-keying came to.

    Attributes:
        study_id: 32 bytes.
        revision: the one with the new keys.
        series: numbers of the series that have them.
        withdrawn: the revisions before it.
        destroyed: trustees that attest now that their shares of the old keys are destroyed.
        waiting: those that have yet to; the custodian's broker goes on telling them.
    """

    study_id: bytes
    revision: int
    series: tuple[int, ...]
    withdrawn: tuple[int, ...]
    destroyed: tuple[int, ...] = ()
    waiting: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class _Collected:
    """A study as it is to be re-keyed; keys and their deal only where trustees gave them."""

    base: StudyEntry
    custody: Custody | None = None
    keys: Mapping[int, SeriesKeys] = field(default_factory=dict, repr=False)


class RekeyStudy:
    """Give series of a study fresh keys, at the custodian.

    Example:
        ``RekeyStudy(studies=studies, ledger=ledger, ...).run(study_id, [2], custodian=1, registrar=key)``
    """

    def __init__(
        self,
        *,
        examiner: Examiner,
        store: Store,
        vault: Vault,
        deal: DealShares,
        patients: Patients,
        studies: Studies,
        ledger: Ledger,
        mirror: Mirror,
        entropy: Entropy,
        domains: Domains,
        steps: Steps,
        progress: Progress,
        move: Callable[[], MoveCustody],
        tell: TellDestroy,
        workers: Workers = BESIDE,
    ) -> None:
        """Take the ports; `move` is asked, each time, for how keys are collected that the custodian does not open."""
        self._store = store
        self._move = move
        self._tell = tell
        self._patients = patients
        self._studies = studies
        self._ledger = ledger
        self._mirror = mirror
        self._domains = domains
        self._steps = steps
        self._prepare = PrepareRevision(
            examiner=examiner,
            store=store,
            vault=vault,
            deal=deal,
            entropy=entropy,
            steps=steps,
            progress=progress,
            workers=workers,
        )

    def run(self, study_id: bytes, series: Collection[int], *, custodian: int, registrar: Signer) -> Rekeyed:
        """Re-key, or finish what an interrupted run began.

        Args:
            study_id: 32 bytes.
            series: numbers of the series; empty for all.
            custodian: the institution that registered the study.
            registrar: a REGISTRAR key that it published.

        Raises:
            InputError: an unknown study or series, or one whose keys are being moved to others. VerificationError:
            what the store has is not what was anchored. DeniedError: trustees refuse. ShareError: they handed over what
            they should not. TrusteeError (too few answered), StoreError, VaultError, LedgerError: a part failed; the
            same call goes on later.
        """
        uid = self._known(study_id).study_instance_uid
        with self._studies.claim(uid):
            state = self._studies.find(uid)
            if state.pending is not None:
                finished = self._finish(state, state.pending, series, registrar)
                if finished is not None:
                    return finished
            base = self._studies.find(uid).anchored
            if base is None:
                raise _unknown()
            wanted, patient = _wanted(base, series), self._patient(base)
            collected = self._collected(base, custodian, registrar)
            plan = StudyPlan(
                uid, tuple(SeriesPlan(each.series_instance_uid, each, (), rekey=True) for each in wanted), 0
            )
            problems: list[IntakeProblem] = []
            prepared = self._prepare.run(plan, collected.base, patient, custodian, problems, collected.keys)
            assert prepared is not None  # every series of the plan is sealed, or an error raised
            if collected.custody is not None:
                self._tell.order(collected.custody, custodian)
            self._studies.propose(prepared.entry)
            self._steps.reached("rekey.proposed")
            return self._anchored(prepared.entry, tuple(each.number for each in wanted), registrar)

    def _known(self, study_id: bytes) -> StudyEntry:
        for entry in self._studies.all():
            if entry.study_id == study_id:
                return entry
        raise _unknown()

    def _patient(self, entry: StudyEntry) -> SubjectEntry:
        for patient in self._patients.all():
            if patient.subject == entry.subject:
                return patient
        raise InputError("the patient of this study is not in this hospital's directory")

    def _collected(self, base: StudyEntry, custodian: int, registrar: Signer) -> _Collected:
        """Collect the keys where it takes others: from as many as must hold the new ones, before anything is sealed."""
        manifest = read_manifest(self._store, base.manifest)
        custody = read_custody(self._store, manifest)
        if custody.opened_by(custodian):
            return _Collected(base)
        if custody.moves_to not in (None, custody.rule):
            raise InputError("this study's keys are being moved: finish that first (`fiducia study move-custody`)")
        move = self._move()
        if custody.moves_to is None:
            manifest, custody = move.announce(manifest, custody, custody.rule, base, registrar)
            base = self._studies.find(base.study_instance_uid).anchored or base
        return _Collected(base, custody, move.gather(manifest, custody, answers=custody.rule.acknowledged))

    def _finish(
        self, state: StudyState, pending: StudyEntry, series: Collection[int], registrar: Signer
    ) -> Rekeyed | None:
        """Finish what is pending: as a re-keying of these series where it is one, else as a revision like others."""
        if state.anchored is not None:
            wanted = _wanted(state.anchored, series)
            fresh = {each.number: each for each in pending.series if each.sealed_in == pending.revision}
            if all(each.number in fresh and fresh[each.number].instances == each.instances for each in wanted):
                return self._anchored(pending, tuple(sorted(fresh)), registrar)
        self._submit(pending, registrar)
        self._studies.confirm(pending)
        return None

    def _anchored(self, entry: StudyEntry, series: tuple[int, ...], registrar: Signer) -> Rekeyed:
        self._submit(entry, registrar)
        self._steps.reached("rekey.anchored")
        study = known_study(self._mirror.catch_up(), entry.study_id)
        before = tuple(each.revision for each in study.revisions if each.revision < entry.revision)
        for number in before:
            if not study.revisions[number - 1].withdrawn:
                withdraw = Withdraw(entry.study_id, number)
                self._ledger.submit(WithdrawAct(withdraw, registrar.sign(self._domains.digest(withdraw))))
                self._steps.reached("rekey.withdrawn")
        destroyed, waiting = self._tell.tell(entry.study_id)
        self._studies.confirm(entry)
        self._steps.reached("rekey.confirmed")
        return Rekeyed(entry.study_id, entry.revision, series, before, destroyed, waiting)

    def _submit(self, entry: StudyEntry, registrar: Signer) -> None:
        revise = Revise(entry.study_id, entry.revision, entry.manifest)
        self._ledger.submit(ReviseAct(revise, registrar.sign(self._domains.digest(revise))))


def _wanted(base: StudyEntry, series: Collection[int]) -> Sequence[SeriesEntry]:
    found = [each for each in base.series if not series or each.number in series]
    if not found or not set(series) <= {each.number for each in found}:
        raise InputError("the study has no such series; `fiducia study show` lists them")
    return found


def _unknown() -> InputError:
    return InputError("this hospital's directory has no anchored study of that id: its own hospital re-keys it")
