"""Who may look a patient up and open an emergency: two different persons of one institution who may use ETREAT.

A custodian's broker decides it from the last facts seen, as the contracts do for the grant itself (Grants.sol, basis
EMERGENCY). The identity in a look-up is signed as a salted digest, so that what two persons signed can be kept without
keeping whom they asked for. Source: design section 5, table of bases.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from fiducia.core import badges, rules
from fiducia.core.answers import Answers
from fiducia.core.approvals import require_approved
from fiducia.core.typed_data import Domains, Struct
from fiducia.errors import DeniedError, InputError, SignatureError
from fiducia.records.images import PatientIdentity
from fiducia.records.statements import SignedLookUp
from fiducia.records.typed import Approval

LOOK_UP_MAX_S = 300
"""How long a signed look-up may count at most."""

_IDENTITY_TAG = b"fiducia/v1/identity"
_ETREAT = rules.mask(rules.Purpose.ETREAT)


@dataclass(frozen=True, slots=True)
class Team:
    """Two persons (32 bytes each) of one institution."""

    institution: int
    first: bytes
    second: bytes


def identity_digest(salt: bytes, identity: PatientIdentity) -> bytes:
    """Return what a look-up signs of an identity: SHA-256 over a tag, the 32-byte salt, and both texts.

    Each text is its length in bytes (u32, big-endian) and its UTF-8. Raises: InputError (not Unicode).
    """
    try:
        texts = [text.encode() for text in (identity.issuer, identity.patient_id)]
    except UnicodeEncodeError:
        raise InputError("a patient ID and its issuer are Unicode text") from None
    return hashlib.sha256(
        _IDENTITY_TAG + salt + b"".join(len(text).to_bytes(4, "big") + text for text in texts)
    ).digest()


def require_team(domains: Domains, state: Answers, struct: Struct, approvals: Sequence[Approval], at: int) -> Team:
    """Return the team that approved `struct`.

    Args:
        domains: the consortium's contracts.
        state: the last facts seen.
        struct: what both signed.
        approvals: each with a badge.
        at: UTC Unix seconds, for keys, badges and training that end.

    Raises:
        SignatureError: not two different persons of one active institution whose badges stand and may use ETREAT.
    """
    digest = domains.digest(struct)
    found = []
    for approval in approvals:
        require_approved(domains, digest, approval.signer, approval.signature)
        signed = approval.credential
        if signed is None or not badges.stands(domains, state, signed, approval.signer, at, gives_more=True):
            raise _no_team()
        if not rules.purposes_of_roles(signed.badge.roles) & _ETREAT:
            raise _no_team()
        found.append(signed.badge)
    if len(found) != 2 or found[0].institution != found[1].institution or found[0].person == found[1].person:
        raise _no_team()
    return Team(found[0].institution, found[0].person, found[1].person)


def require_no_overdue(state: Answers, institution: int, at: int) -> None:
    """Return when an institution may open emergencies. Raises: DeniedError (REVIEW_OVERDUE; it says which review)."""
    overdue = state.overdue_review(institution, at)
    if overdue is not None:
        raise DeniedError(
            "REVIEW_OVERDUE",
            f"institution {institution} opens no other emergency before it files the review of grant "
            f"0x{overdue.grant_id.hex()}, which is overdue: `fiducia emergency review`",
        )


def check_look_up(domains: Domains, state: Answers, asked: SignedLookUp, custodian: int, at: int) -> Team:
    """Return the team that may learn which subject an identity is.

    Args:
        domains: the consortium's contracts.
        state: the last facts seen.
        asked: what was signed, and the identity.
        custodian: the institution that is asked.
        at: UTC Unix seconds.

    Raises:
        InputError: for another custodian, of another time, or about another identity than was signed.
        SignatureError: not signed by a team. DeniedError: REVIEW_OVERDUE.
    """
    look_up = asked.look_up
    if look_up.custodian != custodian:
        raise InputError("this look-up is signed for another institution; send it there")
    if not at < look_up.not_after <= at + LOOK_UP_MAX_S:
        raise InputError(f"a look-up counts for at most {LOOK_UP_MAX_S} s and is over, or begins later: sign it anew")
    if look_up.identity != identity_digest(look_up.salt, asked.identity):
        raise InputError("the identity is not the one that was signed")
    team = require_team(domains, state, look_up, asked.approvals, at)
    require_no_overdue(state, team.institution, at)
    return team


def _no_team() -> SignatureError:
    return SignatureError(
        "an emergency is signed by two different persons of one active institution, with badges that stand and roles "
        "that may use ETREAT"
    )
