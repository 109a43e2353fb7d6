"""What is destroyed of an erased study beside its shares: objects in a store, entries of the directory.

Used when a study is erased, and again when a member that was restored catches up.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection

from fiducia.core.copies.changes import KEY_MATERIAL
from fiducia.core.entries import Study
from fiducia.core.replay import State
from fiducia.errors import StoreMissingError
from fiducia.journeys.shared.objects import read_manifest
from fiducia.ports import Patients, Steps, Store, Studies, Vault
from fiducia.records.images import StudyEntry, StudyState
from fiducia.records.ledger import StudyStatus


def forget_key_material(vault: Vault, study_id: bytes) -> int:
    """Destroy all shares of a study in a vault, whichever deal's, also those on their way; returns how many.

    Raises:
        VaultError: not destroyed.
    """
    names = [name for prefix in KEY_MATERIAL for name in vault.names(f"{prefix}{study_id.hex()}/")]
    vault.remove(names)
    return len(names)


def drop_objects(store: Store, study: Study, *more: bytes) -> int:
    """Have a store forget all packs and indexes of a study, and return how many it was asked to.

    Manifests and custody documents stay: they are public, and what is left of the study on the ledger refers to them.
    Of a manifest that the store does not have, it has nothing that could be found either.

    Args:
        store: whichever.
        study: as the ledger has it.
        more: digests of further manifests, of revisions that were proposed and not anchored.

    Raises:
        StoreError: not forgotten. VerificationError: a manifest is not what the ledger vouches for.
    """
    cids: set[str] = set()
    for digest in (*(revision.manifest for revision in study.revisions), *more):
        with contextlib.suppress(StoreMissingError):
            for line in read_manifest(store, digest).series:
                cids |= {line.pack_cid, line.index_cid}
    for cid in sorted(cids):
        store.remove(cid)
    return len(cids)


def forget_entries(
    studies: Studies, patients: Patients, state: State, study_ids: Collection[bytes], steps: Steps
) -> int:
    """Destroy the directory's entries of studies, and of the patients who have no other study; returns how many.

    Args:
        studies: the custodian's.
        patients: the custodian's.
        state: the ledger: who has another study is asked there as well as in the directory.
        study_ids: of erased studies, or ones about to be.
        steps: passed between any two entries.

    Raises:
        VaultError: not destroyed; run again.
    """
    doomed, stay = set[str](), set[bytes]()
    for found in studies.states():
        for entry in _entries(found):
            if entry.study_id in study_ids:
                doomed.add(entry.study_instance_uid)
            else:
                stay.add(entry.subject)
    for uid in sorted(doomed):
        studies.remove(uid)
        steps.reached("directory.study-forgotten")
    subjects = set[bytes]()
    for study in state.studies():
        if study.study_id in study_ids:
            subjects.add(study.subject)
        elif study.status != StudyStatus.ERASED:
            stay.add(study.subject)
    gone = [patient for patient in patients.all() if patient.subject in subjects - stay] if subjects - stay else []
    for patient in gone:
        patients.remove(patient.identity)
        steps.reached("directory.patient-forgotten")
    return len(doomed) + len(gone)


def _entries(state: StudyState) -> list[StudyEntry]:
    return [entry for entry in (state.anchored, state.pending) if entry is not None]
