"""Studies in miniature: anchored, revised, withdrawn, kept; see contracts/src/Studies.sol. Their end is `erasure`'s."""

from __future__ import annotations

from functools import partial

from fiducia.adapters.memory.contracts.chain import Chain, Draft
from fiducia.core import ids
from fiducia.core.refusals import refusal
from fiducia.core.signatures import recover
from fiducia.records import events
from fiducia.records.ledger import AnchorAct, RetainAct, ReviseAct, StudyStatus, WithdrawAct
from fiducia.records.typed import Anchor, AnchorBatch


def anchor(chain: Chain, act: AnchorAct) -> list[Draft]:
    """Anchor studies under one registrar's signature."""
    struct = act.anchors[0] if len(act.anchors) == 1 else AnchorBatch(act.anchors)
    drafts: dict[bytes, tuple[Anchor, Draft]] = {}
    for each in act.anchors:
        if not any(each.manifest):
            raise refusal("ManifestZero")
        custodian = chain.subject(each.subject).custodian
        chain.require_registrar(custodian, struct, act.signature)
        study_id = ids.study_id(custodian, each.salt)
        if _is_anchored(chain, study_id, each):
            continue
        known, _ = drafts.setdefault(study_id, (each, _draft(study_id, each)))
        if known != each:
            raise refusal("StudyExists")
    return [draft for _, draft in drafts.values()]


def revise(chain: Chain, act: ReviseAct) -> list[Draft]:
    """Anchor the next revision of a study."""
    struct = act.revise
    study = chain.study(struct.study_id)
    chain.require_registrar(study.custodian, struct, act.signature)
    if struct.revision == study.revision and struct.manifest == study.manifest:
        return []
    if study.status != StudyStatus.ANCHORED:
        raise refusal("StudyClosed")
    if struct.revision != study.revision + 1:
        raise refusal("RevisionMismatch", current=study.revision, given=struct.revision)
    if not any(struct.manifest):
        raise refusal("ManifestZero")
    return [partial(events.StudyRevised, study_id=struct.study_id, revision=struct.revision, manifest=struct.manifest)]


def withdraw(chain: Chain, act: WithdrawAct) -> list[Draft]:
    """Withdraw a revision or a whole study, also by a registrar of a suspended institution."""
    struct = act.withdraw
    study = chain.study(struct.study_id)
    registrar = ids.signer_hash(recover(chain.domains.digest(struct), act.signature))
    if not chain.is_registrar(study.custodian, registrar):
        raise refusal("NoStanding")
    if struct.revision > study.revision:
        raise refusal("RevisionMismatch", current=study.revision, given=struct.revision)
    one = study.at(struct.revision)
    if (study.status != StudyStatus.ANCHORED) if one is None else one.withdrawn:
        return []
    return [partial(events.StudyWithdrawn, study_id=struct.study_id, revision=struct.revision)]


def retain(chain: Chain, act: RetainAct) -> list[Draft]:
    """Keep a study for longer."""
    struct = act.retain
    study = chain.study(struct.study_id)
    chain.require_registrar(study.custodian, struct, act.signature)
    if struct.retain_until_day < study.retain_until_day:
        raise refusal("RetentionShortened", current=study.retain_until_day)
    if struct.retain_until_day == study.retain_until_day:
        return []
    return [partial(events.StudyRetained, study_id=struct.study_id, retain_until_day=struct.retain_until_day)]


def _is_anchored(chain: Chain, study_id: bytes, each: Anchor) -> bool:
    """Whether exactly this was anchored before. Raises: InputError (something else was)."""
    study = chain.state.study(study_id)
    if study is None:
        return False
    first = study.revisions[0].manifest
    if (study.subject, study.retain_until_day, first) != (each.subject, each.retain_until_day, each.manifest):
        raise refusal("StudyExists")
    return True


def _draft(study_id: bytes, each: Anchor) -> Draft:
    return partial(
        events.StudyAnchored,
        study_id=study_id,
        subject=each.subject,
        manifest=each.manifest,
        retain_until_day=each.retain_until_day,
    )
