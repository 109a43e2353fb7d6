"""Acts as contract calls: what to send, how to see that it is done already, and which event tells of it.

One function per act that returns a `Plan`, in one module per subject; the table of all is here. Owns no network
access: a plan's `done` asks through what it is given. Carrying one act twice is safe: the contract takes it again
without effect, or, where a round or a serial was used, refuses it and `done` tells. RecordAct by staff is
`recording`'s, grants that come in company are `granting`'s. Source: contracts/src/interfaces.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fiducia.adapters.evm.acts import grants, members, releases, representatives, studies, subjects
from fiducia.adapters.evm.acts.plan import Plan, Topics, approval_of, evidence_of
from fiducia.adapters.evm.acts.releases import batch_data
from fiducia.adapters.evm.chain import Chain
from fiducia.records import ledger
from fiducia.records.ledger import Act

__all__ = ["Plan", "Topics", "approval_of", "batch_data", "evidence_of", "plan_of"]


def plan_of(chain: Chain, act: Act) -> Plan:
    """Return how an act is carried. Raises: EncodingError, and what asking the chain raises."""
    return PLANS[type(act)](chain, act)


PLANS: dict[type, Callable[[Chain, Any], Plan]] = {
    ledger.AdmitAct: members.admit,
    ledger.VoteAct: members.vote,
    ledger.NarrowExportsAct: members.narrow_exports,
    ledger.PublishAct: members.publish,
    ledger.WithdrawPersonAct: members.withdraw_person,
    ledger.RaiseBadgeEpochAct: members.raise_badge_epoch,
    ledger.EnrolAct: subjects.enrol,
    ledger.EnrolBatchAct: subjects.enrol_batch,
    ledger.RotateAct: subjects.rotate,
    ledger.AppointAct: representatives.appoint,
    ledger.VetoAppointmentAct: representatives.veto_appointment,
    ledger.DismissAct: representatives.dismiss,
    ledger.RestrictAct: subjects.restrict,
    ledger.LiftAct: subjects.lift,
    ledger.RecoverAct: representatives.recover,
    ledger.VetoRecoveryAct: representatives.veto_recovery,
    ledger.CompleteRecoveryAct: representatives.complete_recovery,
    ledger.TransferAct: subjects.transfer,
    ledger.AnchorAct: studies.anchor,
    ledger.ReviseAct: studies.revise,
    ledger.WithdrawAct: studies.withdraw,
    ledger.RetainAct: studies.retain,
    ledger.HoldAct: studies.hold,
    ledger.LiftHoldAct: studies.lift_hold,
    ledger.RequestErasureAct: studies.request_erasure,
    ledger.EraseAct: studies.erase,
    ledger.GrantAct: grants.grant,
    ledger.GrantBatchAct: grants.grant_batch,
    ledger.RevokeAct: grants.revoke,
    ledger.ReviewAct: grants.review,
    ledger.RevokeAllAct: subjects.revoke_all,
    ledger.RecordAct: releases.record,
    ledger.RecordLateAct: releases.record_late,
}
