"""Studies in miniature; see contracts/src/Studies.sol."""

from __future__ import annotations

from functools import partial

from fiducia.adapters.memory.contracts.chain import Chain, Draft
from fiducia.core import ids
from fiducia.errors import InputError
from fiducia.records import events
from fiducia.records.ledger import AnchorAct, ReviseAct, StudyStatus
from fiducia.records.typed import Anchor, AnchorBatch


def anchor(chain: Chain, act: AnchorAct) -> list[Draft]:
    """Anchor studies under one registrar's signature."""
    struct = act.anchors[0] if len(act.anchors) == 1 else AnchorBatch(act.anchors)
    drafts: dict[bytes, tuple[Anchor, Draft]] = {}
    for each in act.anchors:
        if not any(each.manifest):
            raise InputError("a manifest's digest is never zero")
        custodian = chain.subject(each.subject).custodian
        chain.require_registrar(custodian, struct, act.signature)
        study_id = ids.study_id(custodian, each.salt)
        if _is_anchored(chain, study_id, each):
            continue
        known, _ = drafts.setdefault(study_id, (each, _draft(study_id, each)))
        if known != each:
            raise InputError("the study is anchored already, with other content")
    return [draft for _, draft in drafts.values()]


def revise(chain: Chain, act: ReviseAct) -> list[Draft]:
    """Anchor the next revision of a study."""
    struct = act.revise
    study = chain.state.study(struct.study_id)
    if study is None:
        raise InputError("the study was never anchored")
    chain.require_registrar(study.custodian, struct, act.signature)
    if struct.revision == study.revision and struct.manifest == study.manifest:
        return []
    if study.status != StudyStatus.ANCHORED:
        raise InputError("the study is withdrawn or erased and takes no further revision")
    if struct.revision != study.revision + 1:
        raise InputError(f"the study is at revision {study.revision}; {struct.revision} is not the next one")
    if not any(struct.manifest):
        raise InputError("a manifest's digest is never zero")
    return [partial(events.StudyRevised, study_id=struct.study_id, revision=struct.revision, manifest=struct.manifest)]


def _is_anchored(chain: Chain, study_id: bytes, each: Anchor) -> bool:
    """Whether exactly this was anchored before. Raises: InputError (something else was)."""
    study = chain.state.study(study_id)
    if study is None:
        return False
    first = study.revisions[0].manifest
    if (study.subject, study.retain_until_day, first) != (each.subject, each.retain_until_day, each.manifest):
        raise InputError("the study is anchored already, with other content")
    return True


def _draft(study_id: bytes, each: Anchor) -> Draft:
    return partial(
        events.StudyAnchored,
        study_id=study_id,
        subject=each.subject,
        manifest=each.manifest,
        retain_until_day=each.retain_until_day,
    )
