"""Acts about studies: anchors, revisions, withdrawal, retention, holds, erasure; see `plan`. Source: IStudies."""

from __future__ import annotations

from fiducia.adapters.evm.abi import call_data, values_of
from fiducia.adapters.evm.acts.plan import Plan, all_asked, approval_of, approvals_of, asked, topics
from fiducia.adapters.evm.chain import Chain
from fiducia.core import ids
from fiducia.records.ledger import (
    AnchorAct,
    EraseAct,
    HoldAct,
    LiftHoldAct,
    RequestErasureAct,
    RetainAct,
    ReviseAct,
    StudyStatus,
    WithdrawAct,
)

_STATUS, _RETAIN_UNTIL_DAY = 2, 3  # places in IStudies.Study
_HOLD_SERIAL, _HELD, _REQUESTED, _CERTIFICATE = range(4)  # places in IStudies.Erasure


def anchor(chain: Chain, act: AnchorAct) -> Plan:
    """Plan one or more anchors under one registrar's signature."""
    subjects = all_asked(chain, *(chain.view("Subjects", "subjectOf", each.subject) for each in act.anchors))
    studies = [ids.study_id(found[0], each.salt) for each, found in zip(act.anchors, subjects, strict=True)]

    def done(chain: Chain) -> bool:
        found = all_asked(chain, *(chain.view("Studies", "manifestOf", study, 1) for study in studies))
        return all(manifest == each.manifest for each, manifest in zip(act.anchors, found, strict=True))

    anchors = [values_of(each) for each in act.anchors]
    single = len(anchors) == 1
    return Plan(
        "Studies",
        call_data("Studies", "anchor", anchors[0], act.signature)
        if single
        else call_data("Studies", "anchorBatch", anchors, act.signature),
        done,
        topics("Studies", "Anchored", tuple(studies)),
    )


def revise(chain: Chain, act: ReviseAct) -> Plan:
    """Plan a revision."""
    struct = act.revise
    return Plan(
        "Studies",
        call_data("Studies", "revise", values_of(struct), act.signature),
        lambda chain: bool(asked(chain, "Studies", "manifestOf", struct.study_id, struct.revision) == struct.manifest),
        topics("Studies", "Revised", struct.study_id),
        lambda event: bool(event.revision == struct.revision),
    )


def withdraw(chain: Chain, act: WithdrawAct) -> Plan:
    """Plan the withdrawal of a revision or of a whole study."""
    struct = act.withdraw

    def done(chain: Chain) -> bool:
        _, [(stored, revision_withdrawn)] = chain.ask(
            chain.view("Studies", "studyAt", struct.study_id, struct.revision)
        )
        return bool(revision_withdrawn if struct.revision else stored[_STATUS] >= StudyStatus.WITHDRAWN)

    return Plan(
        "Studies",
        call_data("Studies", "withdraw", values_of(struct), act.signature),
        done,
        topics("Studies", "Withdrawn", struct.study_id),
        lambda event: bool(event.revision == struct.revision),
    )


def retain(chain: Chain, act: RetainAct) -> Plan:
    """Plan that a study is kept for longer."""
    struct = act.retain

    def done(chain: Chain) -> bool:
        stored = asked(chain, "Studies", "studyOf", struct.study_id)
        return bool(stored[_RETAIN_UNTIL_DAY] == struct.retain_until_day)

    return Plan(
        "Studies",
        call_data("Studies", "retain", values_of(struct), act.signature),
        done,
        topics("Studies", "Retained", struct.study_id),
        lambda event: bool(event.retain_until_day == struct.retain_until_day),
    )


def hold(chain: Chain, act: HoldAct) -> Plan:
    """Plan a legal hold."""
    struct = act.hold

    def done(chain: Chain) -> bool:
        stored = asked(chain, "Studies", "erasureOf", struct.study_id)
        return bool(stored[_HELD] and stored[_HOLD_SERIAL] == struct.serial)

    return Plan(
        "Studies",
        call_data("Studies", "hold", values_of(struct), approval_of(act.approval, by_staff=True)),
        done,
        topics("Studies", "Held", struct.study_id),
        lambda event: bool(event.serial == struct.serial),
    )


def lift_hold(chain: Chain, act: LiftHoldAct) -> Plan:
    """Plan the end of a legal hold."""
    struct = act.lift_hold
    return Plan(
        "Studies",
        call_data("Studies", "liftHold", values_of(struct), approvals_of(act.approvals)),
        lambda chain: bool(asked(chain, "Studies", "erasureOf", struct.study_id)[_HOLD_SERIAL] > struct.serial),
        topics("Studies", "HoldLifted", struct.study_id),
        lambda event: bool(event.serial == struct.serial),
        repeats=False,  # the hold's serial is used
    )


def request_erasure(chain: Chain, act: RequestErasureAct) -> Plan:
    """Plan that the patient's side asks for a study's erasure."""
    study_id = act.request_erasure.study_id
    return Plan(
        "Studies",
        call_data("Studies", "requestErasure", (study_id,), approval_of(act.approval)),
        lambda chain: bool(asked(chain, "Studies", "erasureOf", study_id)[_REQUESTED]),
        topics("Studies", "ErasureRequested", study_id),
    )


def erase(chain: Chain, act: EraseAct) -> Plan:
    """Plan the record of an erasure."""
    struct = act.erase

    def done(chain: Chain) -> bool:
        return bool(asked(chain, "Studies", "erasureOf", struct.study_id)[_CERTIFICATE] == struct.certificate)

    return Plan(
        "Studies",
        call_data("Studies", "erase", values_of(struct), act.signature),
        done,
        topics("Studies", "Erased", struct.study_id),
    )
