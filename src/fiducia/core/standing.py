"""Who may end a grant: anyone with standing may move towards less access at once.

Mirrors Grants.revoke and Subjects.revokeAll, decided from the last facts seen, so that a broker can take
a revoke while the chain is down. Checks in order:

    1  the subject is known
    2  the signature is in its one accepted form; without a badge, by the signer that the approval names
    3  patient's side: the signer, an EOA or a passkey, is the subject's (its hash is the one enrolled)
    4  or: a REGISTRAR key of the custodian that is live
    5  or staff, with a live badge: the grantee, an OFFICER of the grantee institution or of the custodian

Source: design section 5, revoke.
"""

from __future__ import annotations

from fiducia.core import ids, rules
from fiducia.core.approvals import ADDRESS_BYTES, require_approved
from fiducia.core.entries import Subject
from fiducia.core.replay import State
from fiducia.core.signatures import recover
from fiducia.core.typed_data import Domains, Struct
from fiducia.errors import InputError, SignatureError
from fiducia.records.ledger import KeyKind, RevokeAct, RevokeAllAct
from fiducia.records.typed import Approval, Badge, Grant, Revoke, SignedBadge


def check_revoke(domains: Domains, state: State, act: RevokeAct, at: int) -> None:
    """Return when the signer may end this grant.

    Args:
        domains: the consortium's contracts.
        state: the last facts seen.
        act: the grant and the approval over its id.
        at: UTC Unix seconds, for keys and badges that end.

    Raises:
        InputError: the subject is unknown here. SignatureError: malformed, or by somebody without standing.
    """
    _check(domains, state, Revoke(ids.grant_id(act.grant)), act.grant.subject, act.approval, at, act.grant)


def check_revoke_all(domains: Domains, state: State, act: RevokeAllAct, at: int) -> None:
    """Return when the signer may end all grants of the subject. Args and errors as `check_revoke`.

    An epoch that is over is no error: what it ended has ended.
    """
    known = state.subject(act.revoke_all.subject)
    if known is not None and not 0 < act.revoke_all.epoch <= known.epoch:
        raise InputError("this revoke names an epoch of the subject that has not begun; sign the current one")
    _check(domains, state, act.revoke_all, act.revoke_all.subject, act.approval, at, None)


def _check(
    domains: Domains, state: State, struct: Struct, subject: bytes, approval: Approval, at: int, grant: Grant | None
) -> None:
    known = state.subject(subject)
    if known is None:  # 1
        raise InputError("the subject of this revoke is not known here; send it to another member")
    digest = domains.digest(struct)
    if approval.credential is not None and grant is not None:
        signer = recover(digest, approval.signature)  # 2
        names_itself = approval.signer == signer
        standing = names_itself and _staff(domains, state, known, grant, approval.credential, signer, at)
    else:
        require_approved(domains, digest, approval.signer, approval.signature)  # 2
        standing = approval.credential is None and _direct(state, known, approval.signer, at)
    if not standing:
        raise SignatureError("whoever signed this has no standing to end it")


def _direct(state: State, subject: Subject, signer: bytes, at: int) -> bool:
    if ids.signer_hash(signer) == subject.signer_hash:  # 3
        return True
    # A registrar is an EOA: no passkey is published as one.
    return len(signer) == ADDRESS_BYTES and _live(state, subject.custodian, KeyKind.REGISTRAR, signer, at)  # 4


def _staff(
    domains: Domains, state: State, subject: Subject, grant: Grant, signed: SignedBadge, signer: bytes, at: int
) -> bool:
    badge = signed.badge
    issuer = recover(domains.digest(badge), signed.signature)
    if not _live(state, badge.institution, KeyKind.ISSUER, issuer, at) or signer != badge.session:
        return False
    member = state.member(badge.institution)
    stands = member is not None and badge.epoch == member.badge_epoch and badge.not_before <= at < badge.not_after
    if not stands or state.person_withdrawn(badge.person) or ids.institution_of(badge.person) != badge.institution:
        return False
    return grant.grantee == badge.person or _officer(badge, grant, subject)  # 5


def _officer(badge: Badge, grant: Grant, subject: Subject) -> bool:
    if not badge.roles & rules.mask(rules.Role.OFFICER):
        return False
    return badge.institution == subject.custodian or grant.grantee == ids.institution_grantee(badge.institution)


def _live(state: State, institution: int, kind: KeyKind, address: bytes, at: int) -> bool:
    return at < state.key_end(institution, kind, ids.key_hash(kind, address))
