"""Access requests: who may ask a patient for what, who may see and refuse it, and when it is answered.

An ask stands on no chain and gives nothing. The custodian's broker judges it from the last facts seen; saying yes is
a grant like any other, so that an ask is answered once the ledger shows a grant that covers it. Source: issue 4.
"""

from __future__ import annotations

from fiducia.core import badges, ids, rules
from fiducia.core.answers import Answers
from fiducia.core.approvals import require_approved
from fiducia.core.checks import names
from fiducia.core.typed_data import Domains, Struct, hash_struct
from fiducia.errors import InputError, SignatureError
from fiducia.records.statements import Ask, SignedAsk, SignedAskList
from fiducia.records.typed import Approval, Badge

ASK_MAX_S = 30 * rules.DAY_S
"""How long an ask may wait for its answer."""

LIST_MAX_S = 300
"""How long a signed list request may count at most."""


def ask_id(ask: Ask) -> bytes:
    """Return an ask's 32-byte id: its EIP-712 struct hash. Raises: EncodingError."""
    return hash_struct(ask)


def check_ask(domains: Domains, state: Answers, asked: SignedAsk, at: int) -> Badge:
    """Return the badge of whoever asks.

    Args:
        domains: the consortium's contracts.
        state: the last facts seen.
        asked: what was signed.
        at: UTC Unix seconds.

    Raises:
        InputError: it asks for what no patient can give this badge, or is over. SignatureError: no badge that stands.
    """
    badge = _who_asks(domains, state, asked, at)
    _require_givable(state, asked.ask, badge, at)
    return badge


def read_ask(domains: Domains, state: Answers, asked: SignedAsk) -> Badge:
    """Return the badge with which an ask was made, hours or days ago; it may have ended since, but was not taken back.

    Raises: SignatureError.
    """
    signed = asked.approval.credential
    return _who_asks(domains, state, asked, signed.badge.not_before if signed else 0)


def check_list(domains: Domains, state: Answers, asked: SignedAskList, at: int) -> None:
    """Return when whoever signed may see a subject's asks. Raises: InputError (its time), SignatureError."""
    if not at < asked.ask_list.not_after <= at + LIST_MAX_S:
        raise InputError(f"a list request counts for at most {LIST_MAX_S} s and is over, or begins later: sign it anew")
    require_patient_side(domains, state, asked.ask_list, asked.ask_list.subject, asked.approval, at)


def require_patient_side(
    domains: Domains, state: Answers, struct: Struct, subject: bytes, approval: Approval, at: int
) -> None:
    """Return when the subject's current signer or a live representative approved. Raises: SignatureError."""
    require_approved(domains, domains.digest(struct), approval.signer, approval.signature)
    authority = state.authority(subject, ids.signer_hash(approval.signer), at)
    if approval.credential is not None or authority.end_at == 0:
        raise SignatureError("only the patient, or a representative, sees and answers who asked")


def is_answered(state: Answers, ask: Ask, asked_at: int) -> bool:
    """Tell whether a grant that was given since, on whatever basis, covers what was asked for."""
    return any(
        entry.grant is not None
        and entry.given_at >= asked_at
        and (entry.grant.scope, entry.grant.anchored_by) == (ask.scope, ask.anchored_by)
        and names(entry.grant, ask.grantee)
        and not ask.purposes & ~entry.grant.purposes
        and not ask.actions & ~entry.grant.actions
        for entry in state.grants_of_subject(ask.subject)
    )


def _who_asks(domains: Domains, state: Answers, asked: SignedAsk, at: int) -> Badge:
    ask, approval = asked.ask, asked.approval
    require_approved(domains, domains.digest(ask), approval.signer, approval.signature)
    signed = approval.credential
    if signed is None or not badges.stands(domains, state, signed, approval.signer, at, gives_more=True):
        raise SignatureError("an ask is signed with a badge that stands; see `fiducia badge show`")
    badge = signed.badge
    if ask.grantee not in (badge.person, ids.institution_grantee(badge.institution)):
        raise SignatureError("an ask is for whoever signs it, or for their institution")
    return badge


def _require_givable(state: Answers, ask: Ask, badge: Badge, at: int) -> None:
    rule = rules.basis_rule(rules.Basis.CONSENT)
    assert rule is not None
    allowed = rule.purposes & rules.purposes_of_roles(badge.roles)
    if not ask.purposes or ask.purposes & ~allowed:
        raise InputError("an ask names at least one purpose, and only ones that the badge's roles may use")
    if not ask.actions or ask.actions & ~rules.ALL_ACTIONS:
        raise InputError("an ask names at least one action, and only known ones")
    if not at < ask.not_after <= at + rule.max_s:
        raise InputError("an ask ends in the future, at most ten years ahead")
    if not at < ask.ask_until <= at + ASK_MAX_S or ask.ask_until > ask.not_after:
        raise InputError("an ask waits at most 30 days for its answer, and not beyond the time that it asks for")
    study = state.study(ask.scope)
    if study is not None and study.subject != ask.subject:
        raise InputError("the study is not one of this patient's")
