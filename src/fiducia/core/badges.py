"""Does this badge stand? Asked by everything that staff approve, towards more access and towards less.

Towards less access neither training nor an active institution is needed: nothing that members do to an institution
keeps its people from taking access away. Mirrors contracts/src/libraries (staff approvals). A release's badge is
judged by `core.policy`, which says why one does not stand. Source: design section 5, Badge.
"""

from __future__ import annotations

from fiducia.core import ids, rules
from fiducia.core.answers import Answers
from fiducia.core.signatures import recover_or_none
from fiducia.core.typed_data import Domains
from fiducia.records.ledger import KeyKind
from fiducia.records.typed import Badge, SignedBadge


def stands(domains: Domains, state: Answers, signed: SignedBadge, session: bytes, at: int, *, gives_more: bool) -> bool:
    """Tell whether a badge stands for whoever signed with `session`.

    Args:
        domains: the consortium's contracts.
        state: the last facts seen; what was withdrawn or suspended is judged as it is there.
        signed: the badge and its issuer's signature.
        session: the 20-byte address that approves.
        at: UTC Unix seconds, for keys, badges and training that end.
        gives_more: whether what is approved gives more access: then training and an active institution are needed.
    """
    badge = signed.badge
    member = state.member(badge.institution)
    issuer = recover_or_none(domains.digest(badge), signed.signature)
    if issuer is None or member is None or badge.session != session:
        return False
    is_current = (
        at < state.key_end(badge.institution, KeyKind.ISSUER, ids.key_hash(KeyKind.ISSUER, issuer))
        and badge.epoch == member.badge_epoch
        and badge.not_before <= at < badge.not_after
        and not state.person_withdrawn(badge.person)
        and ids.institution_of(badge.person) == badge.institution
    )
    return is_current and (not gives_more or (member.active and at < badge.trained_until))


def is_officer(badge: Badge) -> bool:
    """Tell whether a badge has the role OFFICER."""
    return bool(badge.roles >> rules.Role.OFFICER & 1)
