"""Representatives in miniature: appointed with a delay, vetoed while they wait, dismissed; see contracts/src."""

from __future__ import annotations

from functools import partial

from fiducia.adapters.memory.contracts.chain import Chain, Draft, require_serial
from fiducia.adapters.memory.contracts.officers import require_officers
from fiducia.adapters.memory.contracts.subjects import require_deciding
from fiducia.core import ids, rules
from fiducia.core.entries import Representative
from fiducia.core.refusals import refusal
from fiducia.core.typed_data import hash_struct
from fiducia.records import events
from fiducia.records.ledger import AppointAct, DismissAct, VetoAppointmentAct
from fiducia.records.typed import Appoint, Dismiss, Veto

_GIVEN_BY_PATIENTS = rules.BASES[0].purposes


def appoint(chain: Chain, act: AppointAct) -> list[Draft]:
    """Appoint a representative, from the delay on."""
    struct = act.appoint
    entry = chain.subject(struct.subject)
    known = chain.state.representative(struct.subject, struct.representative)
    if _made(known, struct):
        return []
    require_serial(entry, struct.serial)
    if known is not None and chain.now < known.not_after:
        raise refusal("RepresentativeExists")
    from_at = chain.now + chain.appointment_delay_s
    unknown = struct.powers & ~rules.ALL_POWERS or struct.purposes & ~_GIVEN_BY_PATIENTS
    if unknown or not from_at < struct.not_after < 2**40:
        raise refusal("AppointmentRefused")
    by = require_deciding(chain, struct.subject, struct, act.approvals, may_represent=False)
    return [partial(events.RepresentativeAppointed, appointment=struct, from_at=from_at, by=by)]


def veto_appointment(chain: Chain, act: VetoAppointmentAct) -> list[Draft]:
    """Stop an appointment before it begins."""
    struct = act.appoint
    known = chain.state.representative(struct.subject, struct.representative)
    used = chain.subject(struct.subject).serial > struct.serial and not _made(known, struct)
    if used and chain.newest((events.AppointmentVetoed,), **_named(struct)):
        return []
    if known is None or not _made(known, struct) or chain.now >= known.from_at:
        raise refusal("NothingWaits")
    veto = Veto(struct.subject, hash_struct(struct))
    by = chain.require_approved(veto, act.approval)
    if not chain.authority(struct.subject, act.approval).takes_away:
        raise refusal("NoStanding")
    return [partial(events.AppointmentVetoed, subject=struct.subject, representative=struct.representative, by=by)]


def dismiss(chain: Chain, act: DismissAct) -> list[Draft]:
    """End an appointment and every grant with it."""
    struct = act.dismiss
    entry = chain.subject(struct.subject)
    known = chain.state.representative(struct.subject, struct.representative)
    if known is None and chain.newest((events.RepresentativeDismissed,), **_named(struct)):
        return []
    if known is None:
        raise refusal("RepresentativeUnknown")
    if not known.serial < struct.serial <= entry.serial:
        raise refusal("SerialMismatch", current=entry.serial, given=struct.serial)
    by = _dismissing(chain, act, entry.custodian)
    return [
        partial(events.RepresentativeDismissed, subject=struct.subject, representative=struct.representative, by=by),
        partial(events.EpochRaised, subject=struct.subject, epoch=entry.epoch + 1, by=by),
    ]


def _dismissing(chain: Chain, act: DismissAct, custodian: int) -> bytes:
    """Who dismisses: the signer, the representative, or three officers, of whom the custodian's is named."""
    struct = act.dismiss
    if len(act.approvals) == 3:
        return require_officers(chain, custodian, struct, act.approvals)[0].person
    if len(act.approvals) != 1:
        raise refusal("ApprovalsRefused", given=len(act.approvals))
    (approval,) = act.approvals
    itself = approval.credential is None and ids.signer_hash(approval.signer) == struct.representative
    if not itself and not chain.authority(struct.subject, approval).current:
        raise refusal("NoStanding")
    return chain.require_approved(struct, approval)


def _named(struct: Appoint | Dismiss) -> dict[str, bytes]:
    return {"subject": struct.subject, "representative": struct.representative}


def _made(known: Representative | None, struct: Appoint) -> bool:
    """Whether an appointment that stands is exactly this one."""
    return known is not None and struct == Appoint(
        known.subject,
        known.representative,
        known.powers,
        known.purposes,
        known.not_after,
        known.serial,
        known.terms,
    )
