"""Grants in miniature; see contracts/src/Grants.sol. Like it, takes grants on basis CONSENT only."""

from __future__ import annotations

from functools import partial

from fiducia.adapters.memory.contracts.chain import Chain, Draft
from fiducia.core import ids, rules
from fiducia.core.signatures import recover_or_none
from fiducia.errors import InputError, SignatureError
from fiducia.records import events
from fiducia.records.ledger import GrantAct, GrantState, KeyKind, RevokeAct
from fiducia.records.typed import Approval, Grant, Revoke, SignedBadge

_NO_STANDING = "whoever signed this has no standing in the matter"


def grant(chain: Chain, act: GrantAct) -> list[Draft]:
    """Give a grant that the patient signed."""
    terms = act.grant
    grant_id = ids.grant_id(terms)
    known = chain.state.grant(grant_id)
    if known is not None and known.state == GrantState.REVOKED:
        raise InputError("the grant was revoked and never lives again: sign a new one")
    if known is not None:
        return []
    require_terms(terms, chain.now)
    if len(act.approvals) != 1:
        raise InputError(f"the basis asks for 1 approvals, {len(act.approvals)} were given")
    _require_patient(chain, terms, act.approvals[0])
    return [partial(events.GrantGiven, grant_id=grant_id, grant=terms, expiry_at=terms.not_after)]


def revoke(chain: Chain, act: RevokeAct) -> list[Draft]:
    """End a grant, carried before or not."""
    grant_id = ids.grant_id(act.grant)
    known = chain.state.grant(grant_id)
    if known is not None and known.state == GrantState.REVOKED:
        return []
    by = chain.require_approved(Revoke(grant_id), act.approval)
    if act.approval.credential is not None:
        by = _staff(chain, act.grant, act.approval.signer, act.approval.credential)
    elif chain.state.signer_serves(by) != act.grant.subject:
        custodian = chain.subject(act.grant.subject).custodian
        if not chain.is_registrar(custodian, by):
            raise SignatureError(_NO_STANDING)
    return [partial(events.GrantRevoked, grant_id=grant_id, subject=act.grant.subject, by=by)]


def require_terms(terms: Grant, now: int) -> None:
    """Return when a patient may sign such terms now. Raises: InputError."""
    rule = rules.basis_rule(terms.basis)
    if rule is None or rule.basis is not rules.Basis.CONSENT:
        raise InputError(f"this ledger takes no grant on basis {terms.basis} yet")
    if not terms.purposes or terms.purposes & ~rule.purposes:
        raise InputError("a grant names at least one purpose, and only ones that its basis allows")
    if not terms.actions or terms.actions & ~rules.ALL_ACTIONS:
        raise InputError("a grant names at least one action, and only known ones")
    if ids.institution_of(terms.grantee) == 0:
        raise InputError("the grantee names no institution")
    empty = terms.not_before >= terms.not_after or now >= terms.not_after or terms.not_after >= 2**40
    if empty or terms.not_after - terms.not_before > rule.max_s:
        raise InputError(f"the grant's time is empty, over, or longer than the {rule.max_s} s its basis allows")
    if now >= terms.relay_by:
        raise InputError("the signed grant arrived after the time it allows for that: sign it anew")


def _require_patient(chain: Chain, terms: Grant, approval: Approval) -> None:
    entry = chain.subject(terms.subject)
    if terms.epoch != entry.epoch:
        raise InputError(f"signed for grant epoch {terms.epoch}, it is {entry.epoch}: all was revoked; sign it anew")
    if ids.signer_hash(approval.signer) != entry.signer_hash or approval.credential is not None:
        raise SignatureError(_NO_STANDING)
    chain.require_approved(terms, approval)


def _staff(chain: Chain, terms: Grant, signer: bytes, credential: SignedBadge) -> bytes:
    """The badge's person, if the grantee, or an officer of the grantee or of the custodian."""
    badge, state = credential.badge, chain.state
    issuer = recover_or_none(chain.domains.digest(badge), credential.signature)
    member = state.member(badge.institution)
    end = state.key_end(badge.institution, KeyKind.ISSUER, ids.signer_hash(issuer or b""))
    valid = (
        issuer is not None
        and chain.now < end
        and member is not None
        and badge.epoch == member.badge_epoch
        and badge.not_before <= chain.now < badge.not_after
        and not state.person_withdrawn(badge.person)
        and ids.institution_of(badge.person) == badge.institution
        and badge.session == signer
    )
    officer = bool(badge.roles >> rules.Role.OFFICER & 1)
    concerned = (
        badge.person == terms.grantee
        or (officer and terms.grantee == ids.institution_grantee(badge.institution))
        or (officer and badge.institution == chain.subject(terms.subject).custodian)
    )
    if not valid or not concerned:
        raise SignatureError(_NO_STANDING)
    return badge.person
