"""Recovery in miniature: institutions give a patient another signer, after a delay; see contracts/src/Subjects.sol."""

from __future__ import annotations

from functools import partial

from fiducia.adapters.memory.contracts.chain import Chain, Draft
from fiducia.adapters.memory.contracts.officers import require_officers
from fiducia.adapters.memory.contracts.subjects import require_free
from fiducia.core import ids
from fiducia.core.entries import Recovery, Subject
from fiducia.core.refusals import refusal
from fiducia.core.typed_data import hash_struct
from fiducia.records import events
from fiducia.records.ledger import CompleteRecoveryAct, RecoverAct, VetoRecoveryAct
from fiducia.records.typed import Approval, Recover, Veto

_MATTERS = (events.SubjectRecovered, events.RecoveryVetoed, events.RecoveryBegun, events.CustodyTransferred)


def recover(chain: Chain, act: RecoverAct) -> list[Draft]:
    """Begin a recovery that officers of several institutions approved."""
    struct = act.recover
    entry = chain.subject(struct.subject)
    if _waits(entry.recovery, struct) or (entry.recoveries > struct.serial and entry.signer_hash == struct.signer_hash):
        return []
    if struct.serial != entry.recoveries:
        raise refusal("SerialMismatch", current=entry.recoveries, given=struct.serial)
    may = struct.attempt == 1 or (struct.attempt == 2 and entry.contested)
    # One whose new signer serves somebody meanwhile can never be completed: it holds no other up.
    holds_up = entry.recovery is not None and chain.state.signer_serves(entry.recovery.signer_hash) is None
    if holds_up or not may:
        raise refusal("RecoveryRefused", attempt=struct.attempt)
    if ids.signer_hash(act.signer) != struct.signer_hash:
        raise refusal("SignerMismatch")
    require_free(chain, struct.signer_hash)
    chain.require_approved(struct, Approval(act.signer, act.signature))
    if len(act.approvals) != _officers_for(entry, struct.attempt):
        raise refusal("ApprovalsRefused", given=len(act.approvals))
    officers = require_officers(chain, entry.custodian, struct, act.approvals)
    return [
        partial(
            events.RecoveryBegun,
            subject=struct.subject,
            signer_hash=struct.signer_hash,
            attempt=struct.attempt,
            serial=struct.serial,
            ready_at=chain.now + chain.recovery_delay_s,
            institutions=tuple(badge.institution for badge in officers),
        )
    ]


def veto_recovery(chain: Chain, act: VetoRecoveryAct) -> list[Draft]:
    """Stop a recovery that waits: a first attempt by anybody of the patient's side, a second by representatives."""
    struct = act.recover
    entry = chain.subject(struct.subject)
    if not _waits(entry.recovery, struct):
        gone = entry.recoveries > struct.serial and chain.state.signer_serves(struct.signer_hash) != struct.subject
        if gone and chain.newest((events.RecoveryVetoed,), subject=struct.subject, attempt=struct.attempt):
            return []
        raise refusal("NothingWaits")
    by = chain.require_approved(Veto(struct.subject, hash_struct(struct)), act.approval)
    authority = chain.authority(struct.subject, act.approval)
    signs = authority.current or authority.former
    represents = not authority.current and authority.end_at > 0
    if not represents and not (signs and struct.attempt == 1):
        raise refusal("NoStanding")
    contested = signs or entry.contested
    return [partial(events.RecoveryVetoed, subject=struct.subject, attempt=struct.attempt, contested=contested, by=by)]


def complete_recovery(chain: Chain, act: CompleteRecoveryAct) -> list[Draft]:
    """Complete a recovery whose delay is over."""
    entry = chain.subject(act.subject)
    if entry.recovery is None:
        if isinstance(chain.newest(_MATTERS, subject=act.subject), events.SubjectRecovered):
            return []
        raise refusal("NothingWaits")
    if chain.now < entry.recovery.ready_at:
        raise refusal("RecoveryWaits", readyAt=entry.recovery.ready_at)
    signer_hash = entry.recovery.signer_hash
    require_free(chain, signer_hash)  # it may have been given to somebody meanwhile
    index = entry.signer_index + 1
    return [
        partial(events.SubjectRecovered, subject=act.subject, signer_hash=signer_hash, index=index),
        partial(events.EpochRaised, subject=act.subject, epoch=entry.epoch + 1, by=signer_hash),
    ]


def _waits(recovery: Recovery | None, struct: Recover) -> bool:
    """Whether the recovery that waits is exactly this one."""
    named = (struct.signer_hash, struct.attempt, struct.serial)
    return recovery is not None and named == (recovery.signer_hash, recovery.attempt, recovery.serial)


def _officers_for(entry: Subject, attempt: int) -> int:
    if not entry.signer_index:
        return 1
    return 2 if attempt == 1 else 3
