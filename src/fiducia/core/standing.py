"""Who may take access away: anyone with standing may move towards less access at once.

Mirrors Grants.revoke, Subjects.revokeAll and Subjects.restrict, decided from the last facts seen, so that a broker
can take either while the chain is down. Checks in order:

    1  the subject is known, and what is signed is not of a time to come (or of one that is over)
    2  the signature is in its one accepted form; without a badge, by the signer that the approval names
    3  patient's side: the subject's signer, a former one, or a live representative, each an EOA or a passkey
    4  or: a REGISTRAR key of the custodian that is live
    5  or staff, with a badge that stands: the grantee, an OFFICER of the grantee institution or of the custodian
       (a restriction: of the custodian only; everything at once: no staff)

Source: design section 5, revoke.
"""

from __future__ import annotations

from collections.abc import Callable

from fiducia.core import badges, ids, rules
from fiducia.core.approvals import ADDRESS_BYTES, require_approved
from fiducia.core.entries import Subject
from fiducia.core.replay import State
from fiducia.core.signatures import recover
from fiducia.core.typed_data import Domains, Struct
from fiducia.errors import InputError, SignatureError
from fiducia.records.ledger import KeyKind, RestrictAct, RevokeAct, RevokeAllAct
from fiducia.records.typed import Approval, Badge, Grant, Revoke

Concerned = Callable[[Badge, Subject], bool]
"""Whether a badge's holder may take this away, given that the badge stands."""


def check_revoke(domains: Domains, state: State, act: RevokeAct, at: int) -> None:
    """Return when the signer may end this grant.

    Args:
        domains: the consortium's contracts.
        state: the last facts seen.
        act: the grant and the approval over its id.
        at: UTC Unix seconds, for keys, badges and appointments that end.

    Raises:
        InputError: the subject is unknown here. SignatureError: malformed, or by somebody without standing.
    """
    subject = _known(state, act.grant.subject)
    concerned = may_revoke(state, act.grant)
    _check(domains, state, Revoke(ids.grant_id(act.grant)), subject, act.approval, at, concerned)


def check_revoke_all(domains: Domains, state: State, act: RevokeAllAct, at: int) -> None:
    """Return when the signer may end all grants of the subject. Args and errors as `check_revoke`.

    An epoch that is over is no error: what it ended has ended.
    """
    struct = act.revoke_all
    subject = _known(state, struct.subject)
    if not 0 < struct.epoch <= subject.epoch:
        raise InputError("this revoke names an epoch of the subject that has not begun; sign the current one")
    _check(domains, state, struct, subject, act.approval, at, None)


def check_restrict(domains: Domains, state: State, act: RestrictAct, at: int) -> None:
    """Return when the signer may restrict the processing of the subject's studies. Args and errors as `check_revoke`.

    A restriction that was lifted after it was signed is refused: it must be signed anew.
    """
    struct = act.restrict
    subject = _known(state, struct.subject)
    if struct.serial <= subject.lifted_serial:
        raise InputError("this restriction was lifted since it was signed; sign the subject's current serial")
    if struct.serial > subject.serial:
        raise InputError("this restriction names a serial of the subject that has not begun; sign the current one")
    _check(domains, state, struct, subject, act.approval, at, may_restrict)


def may_revoke(state: State, grant: Grant) -> Concerned:
    """Return who, of those with a badge that stands, may end a grant.

    The requester's side does not end an emergency before it was carried: that would keep it from being reviewed.
    """
    hides = grant.basis == rules.Basis.EMERGENCY and state.grant(ids.grant_id(grant)) is None

    def concerned(badge: Badge, subject: Subject) -> bool:
        if may_restrict(badge, subject):
            return True
        is_officer = badges.is_officer(badge) and grant.grantee == ids.institution_grantee(badge.institution)
        return (grant.grantee == badge.person or is_officer) and not hides

    return concerned


def may_restrict(badge: Badge, subject: Subject) -> bool:
    """Tell whether the holder of a badge that stands may restrict processing: an officer of the custodian."""
    return badges.is_officer(badge) and badge.institution == subject.custodian


def _known(state: State, subject: bytes) -> Subject:
    known = state.subject(subject)
    if known is None:  # 1
        raise InputError("the subject of this act is not known here; send it to another member")
    return known


def _check(
    domains: Domains,
    state: State,
    struct: Struct,
    subject: Subject,
    approval: Approval,
    at: int,
    concerned: Concerned | None,
) -> None:
    digest = domains.digest(struct)
    if approval.credential is not None and concerned is not None:
        signer, badge = recover(digest, approval.signature), approval.credential.badge  # 2
        stands = badges.stands(domains, state, approval.credential, signer, at, gives_more=False)
        standing = approval.signer == signer and stands and concerned(badge, subject)  # 5
    else:
        require_approved(domains, digest, approval.signer, approval.signature)  # 2
        standing = approval.credential is None and is_direct(state, subject, approval.signer, at)
    if not standing:
        raise SignatureError("whoever signed this has no standing to end it")


def is_direct(state: State, subject: Subject, signer: bytes, at: int) -> bool:
    """Tell whether a signer may take away without a badge: the patient's side, or a registrar of the custodian."""
    if state.authority(subject.subject, ids.signer_hash(signer), at).takes_away:  # 3
        return True
    # A registrar is an EOA: no passkey is published as one.
    if len(signer) != ADDRESS_BYTES:
        return False
    return at < state.key_end(subject.custodian, KeyKind.REGISTRAR, ids.key_hash(KeyKind.REGISTRAR, signer))  # 4
