"""Registration: from files to anchored studies, in an order that leaves no half-truth behind.

    1. scan heads, group into studies, match patients        nothing was written yet
    2. claim the study; finish what an earlier run left pending
    3. seal series into the store                             a crash leaves orphan objects
    4. store the custody document, deal the keys' shares      a crash leaves orphan shares
    5. store the manifest
    6. propose: the directory knows all that finishing takes
    7. anchor, last                                           an anchored study has images and keys
    8. confirm in the directory                               a crash here is mended by step 2

The same identity again is a no-op that says so; new instances are a new revision in which unchanged
series keep pack, keys and line. What the slices of a series tell together is reported beside what was done
(`judging`). Source: design sections 6 and 7.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace

from fiducia.core import ids
from fiducia.core.dicom.grouping import Candidate, StudyGroup
from fiducia.core.formats.digests import IdentityHasher
from fiducia.core.typed_data import Domains
from fiducia.errors import InputError
from fiducia.journeys.shared.at_once import BESIDE, Workers
from fiducia.journeys.studies.judging import judge_series
from fiducia.journeys.studies.planning import PlanSeries, StudyPlan
from fiducia.journeys.studies.quarantine import SetAside
from fiducia.journeys.studies.revision import Prepared, PrepareRevision
from fiducia.journeys.studies.scanning import ScanHeads
from fiducia.journeys.trustees.dealing import DealShares
from fiducia.ports import (
    Clock,
    Entropy,
    Examiner,
    InstanceSource,
    Intake,
    Ledger,
    Patients,
    Progress,
    Signer,
    Steps,
    Store,
    Studies,
    Vault,
)
from fiducia.records.images import (
    IntakeProblem,
    PatientIdentity,
    RegisteredStudy,
    Registration,
    StudyEntry,
    SubjectEntry,
)
from fiducia.records.ledger import AnchorAct, Receipt, ReviseAct
from fiducia.records.typed import Anchor, AnchorBatch, Revise

Enroller = Callable[[PatientIdentity], SubjectEntry]

BATCH_STUDIES = 50
"""Studies anchored under one signature in one transaction."""

RETENTION_DAYS = 3653
_HASH_BYTES = 1 << 20


class RegisterStudies:
    """Register every study found under some paths.

    Example:
        ``RegisterStudies(intake=intake, examiner=examiner, ...).run(["/media/cd"], custodian=1, registrar=key)``
    """

    def __init__(
        self,
        *,
        intake: Intake,
        examiner: Examiner,
        store: Store,
        vault: Vault,
        deal: DealShares,
        patients: Patients,
        studies: Studies,
        ledger: Ledger,
        entropy: Entropy,
        clock: Clock,
        domains: Domains,
        steps: Steps,
        progress: Progress,
        set_aside: SetAside,
        retention_days: int = RETENTION_DAYS,
        workers: Workers = BESIDE,
    ) -> None:
        self._patients = patients
        self._studies = studies
        self._ledger = ledger
        self._entropy = entropy
        self._clock = clock
        self._domains = domains
        self._steps = steps
        self._progress = progress
        self._retention_days = retention_days
        self._scan = ScanHeads(intake=intake, examiner=examiner, set_aside=set_aside, identity_digest=identity_digest)
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

    def run(
        self, paths: Sequence[str], *, custodian: int, registrar: Signer, enrol_new: Enroller | None = None
    ) -> Registration:
        """Register what can be registered and report the rest.

        Args:
            paths: files, folders, DICOMDIR media.
            custodian: the registering institution.
            registrar: a REGISTRAR key that it published.
            enrol_new: enrols an identity that the directory does not know; without it such studies are
                named as unmatched and not stored.

        Returns:
            Studies that are anchored now, with what was noticed about their series, and every input that was not
            taken, with its reason.

        Raises:
            InputError: nothing to read. StoreError, VaultError, LedgerError, TrusteeError: a part failed; the
            same call finishes the job later.
        """
        scanned = self._scan.run(paths)
        studies, problems = scanned.grouping.studies, scanned.problems
        total_bytes = sum(
            candidate.info.size_bytes for study in studies for s in study.series for candidate in s.instances
        )
        self._progress.start("sealing", total_bytes)
        done: list[RegisteredStudy] = []
        # Claims are taken in one order everywhere, so that two registrations never wait for each other.
        ordered = sorted(studies, key=lambda study: study.study_instance_uid)
        for start in range(0, len(ordered), BATCH_STUDIES):
            # Whatever raises lets go of the claims; what was proposed is finished by the next run.
            with ExitStack() as claims:
                batch: list[Prepared] = []
                for study in ordered[start : start + BATCH_STUDIES]:
                    claims.enter_context(self._studies.claim(study.study_instance_uid))
                    self._steps.reached("register.claimed")
                    self._study(study, custodian, registrar, enrol_new, batch, done, problems)
                done += self._anchor(batch, registrar)
        return Registration(tuple(done), tuple(problems), scanned.notes)

    def _study(
        self,
        study: StudyGroup[InstanceSource],
        custodian: int,
        registrar: Signer,
        enrol_new: Enroller | None,
        batch: list[Prepared],
        done: list[RegisteredStudy],
        problems: list[IntakeProblem],
    ) -> None:
        where = study.series[0].instances[0].source.where
        try:
            patient = self._patient(study.identity, enrol_new)
            base = self._settle(study.study_instance_uid, registrar)
            if base is not None and base.subject != patient.subject:
                raise InputError("this study is registered for another patient; correct it at its source")
            plan = PlanSeries(identity_digest).run(study, base, problems)
            if base is None and not plan.series:
                return
            if not plan.changed:
                done.append(_unchanged(study, plan, base, patient))
                return
            target = base or self._new_study(study.study_instance_uid, patient, custodian)
            prepared = self._prepare.run(plan, target, patient, custodian, problems)
            if prepared is not None:
                quality = judge_series(study, prepared.entry.series)
                batch.append(replace(prepared, result=replace(prepared.result, quality=quality)))
        except InputError as error:
            problems.append(IntakeProblem(where, error))

    def _patient(self, identity: PatientIdentity, enrol_new: Enroller | None) -> SubjectEntry:
        known = self._patients.subject_of(identity)
        if known is not None:
            return known
        if enrol_new is None:
            raise InputError(
                "the patient of this study is not in the directory: enrol the patient first, or register with"
                " --enrol-new"
            )
        return enrol_new(identity)

    def _new_study(self, study_instance_uid: str, patient: SubjectEntry, custodian: int) -> StudyEntry:
        salt = self._entropy.token(32)
        return StudyEntry(
            study_instance_uid=study_instance_uid,
            study_id=ids.study_id(custodian, salt),
            subject=patient.subject,
            salt=salt,
            revision=0,
            retain_until_day=ids.day_of(self._clock.now()) + self._retention_days,
        )

    def _settle(self, study_instance_uid: str, registrar: Signer) -> StudyEntry | None:
        """Finish a revision that an earlier run proposed, and return what is anchored."""
        state = self._studies.find(study_instance_uid)
        if state.pending is None:
            return state.anchored
        self._submit((state.pending,), registrar)
        self._studies.confirm(state.pending)
        self._steps.reached("register.settled")
        return state.pending

    def _anchor(self, batch: Sequence[Prepared], registrar: Signer) -> list[RegisteredStudy]:
        if not batch:
            return []
        for prepared in batch:
            self._studies.propose(prepared.entry)
        self._steps.reached("register.proposed")
        first = [prepared.entry for prepared in batch if prepared.entry.revision == 1]
        gas: dict[bytes, int] = {}
        for entries in ([tuple(first)] if first else []) + [(p.entry,) for p in batch if p.entry.revision > 1]:
            receipt = self._submit(entries, registrar)
            gas.update({entry.study_id: receipt.gas_used // len(entries) for entry in entries})
        self._steps.reached("register.anchored")
        done = []
        for prepared in batch:
            self._studies.confirm(prepared.entry)
            done.append(replace(prepared.result, gas_used=gas[prepared.entry.study_id]))
        self._steps.reached("register.confirmed")
        return done

    def _submit(self, entries: Sequence[StudyEntry], registrar: Signer) -> Receipt:
        """Anchor first revisions together, or one later revision. Submitting again is safe."""
        entry = entries[0]
        if entry.revision > 1:
            revise = Revise(entry.study_id, entry.revision, entry.manifest)
            return self._ledger.submit(ReviseAct(revise, registrar.sign(self._domains.digest(revise))))
        anchors = tuple(Anchor(e.subject, e.salt, e.manifest, e.retain_until_day) for e in entries)
        signed = anchors[0] if len(anchors) == 1 else AnchorBatch(anchors)
        return self._ledger.submit(AnchorAct(anchors, registrar.sign(self._domains.digest(signed))))


def identity_digest(candidate: Candidate[InstanceSource]) -> bytes:
    """Return an instance's identity digest by reading its file once. Raises: DicomError."""
    info = candidate.info
    digest = IdentityHasher(info.transfer_syntax_uid)
    with candidate.source.open() as stream:
        stream.seek(info.header_bytes)
        buffer = memoryview(bytearray(_HASH_BYTES))
        while count := stream.readinto(buffer):  # type: ignore[attr-defined]
            digest.update(buffer[:count])
    return digest.digest()


def _unchanged(
    study: StudyGroup[InstanceSource], plan: StudyPlan, base: StudyEntry | None, patient: SubjectEntry
) -> RegisteredStudy:
    assert base is not None  # a new study has series, so it is changed
    return RegisteredStudy(
        study_id=base.study_id,
        subject=base.subject,
        revision=base.revision,
        series=len(base.series),
        instances=sum(len(series.instances) for series in base.series),
        size_bytes=plan.known_bytes,
        unchanged=True,
        patient_profile=patient.profile,
        quality=judge_series(study, base.series),
    )
