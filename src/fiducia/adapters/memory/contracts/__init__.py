"""The five contracts in miniature, named and checked as contracts/src: what `MemoryLedger` runs on.

Each function checks an act against a replayed state and returns what it would announce (nothing when the
act has no effect), or raises the error that the chain adapter makes of the same refusal (`core.refusals`).
Blocks, time and faults are the ledger's. Source: contracts/src.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fiducia.adapters.memory.contracts.chain import Chain, Draft
from fiducia.adapters.memory.contracts.erasure import erase, hold, lift_hold, request_erasure
from fiducia.adapters.memory.contracts.grants import grant, grant_batch, revoke
from fiducia.adapters.memory.contracts.members import narrow_exports, publish, raise_badge_epoch, withdraw_person
from fiducia.adapters.memory.contracts.recovery import complete_recovery, recover, veto_recovery
from fiducia.adapters.memory.contracts.releases import record, record_late
from fiducia.adapters.memory.contracts.representatives import appoint, dismiss, veto_appointment
from fiducia.adapters.memory.contracts.reviews import review
from fiducia.adapters.memory.contracts.studies import anchor, retain, revise, withdraw
from fiducia.adapters.memory.contracts.subjects import (
    enrol,
    enrol_batch,
    lift,
    restrict,
    revoke_all,
    rotate,
    transfer,
)
from fiducia.adapters.memory.contracts.votes import admit, vote
from fiducia.records import ledger as acts

_FUNCTIONS: dict[type, Callable[[Chain, Any], list[Draft]]] = {
    acts.AdmitAct: admit,
    acts.VoteAct: vote,
    acts.NarrowExportsAct: narrow_exports,
    acts.PublishAct: publish,
    acts.WithdrawPersonAct: withdraw_person,
    acts.RaiseBadgeEpochAct: raise_badge_epoch,
    acts.EnrolAct: enrol,
    acts.EnrolBatchAct: enrol_batch,
    acts.RotateAct: rotate,
    acts.AppointAct: appoint,
    acts.VetoAppointmentAct: veto_appointment,
    acts.DismissAct: dismiss,
    acts.RestrictAct: restrict,
    acts.LiftAct: lift,
    acts.RecoverAct: recover,
    acts.VetoRecoveryAct: veto_recovery,
    acts.CompleteRecoveryAct: complete_recovery,
    acts.TransferAct: transfer,
    acts.AnchorAct: anchor,
    acts.ReviseAct: revise,
    acts.WithdrawAct: withdraw,
    acts.RetainAct: retain,
    acts.HoldAct: hold,
    acts.LiftHoldAct: lift_hold,
    acts.RequestErasureAct: request_erasure,
    acts.EraseAct: erase,
    acts.GrantAct: grant,
    acts.GrantBatchAct: grant_batch,
    acts.RevokeAct: revoke,
    acts.RevokeAllAct: revoke_all,
    acts.ReviewAct: review,
    acts.RecordAct: record,
    acts.RecordLateAct: record_late,
}


def call(chain: Chain, act: acts.Act) -> list[Draft]:
    """Return what an act announces.

    Raises:
        DeniedError, InputError, SignatureError: as `ports.Ledger.submit` says.
    """
    return _FUNCTIONS[type(act)](chain, act)
