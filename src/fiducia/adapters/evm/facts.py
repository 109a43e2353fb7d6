"""IReleases.Facts as `records.ledger.Facts`: one view, one record.

Owns the question and the names; deciding from facts is `core.policy`'s. For own access the ledger says what whoever
asks may do: with ACCESS its purposes and its end are facts, without it zeros; for staff, about whom nothing depends
on it, zeros.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fiducia.adapters.evm.abi import values_of
from fiducia.adapters.evm.chain import Chain, Question
from fiducia.core import ids, rules
from fiducia.core.decision import VerifiedAccess
from fiducia.records.ledger import Facts, GrantState, Head, StudyStatus
from fiducia.records.typed import Access, OwnAccess

_NOBODY = bytes(20)


def read(
    chain: Chain, access: Access, verified: VerifiedAccess, also: Sequence[Question] = ()
) -> tuple[Facts, list[tuple[Any, ...]]]:
    """Return all facts about one request at one final block, and the answers to further questions at the same.

    Args:
        chain: who is asked.
        access: what it is about.
        verified: says who signed its badge.
        also: asked in the same request.

    Raises: what `Chain.ask` raises, and EncodingError (a field that does not fit its type).
    """
    request = values_of(access.request)
    if isinstance(access, OwnAccess):
        signer_hash = ids.signer_hash(access.approval.signer)
        question = chain.view("Releases", "ownFactsOf", request, signer_hash)
        head, [(found, authority), *others] = chain.ask(question, *also)
        return _facts(head, found, *_access_of(authority)), others
    badge = values_of(access.badge.badge)
    question = chain.view("Releases", "factsOf", request, badge, verified.issuer or _NOBODY)
    head, [(found,), *others] = chain.ask(question, *also)
    return _facts(head, found, 0, 0), others


def _access_of(authority: tuple[Any, ...]) -> tuple[int, int]:
    """Return the purposes and the end of a power to access; zeros without it."""
    _, _, powers, purposes, end = authority
    return (purposes, end) if powers & rules.mask(rules.Power.ACCESS) else (0, 0)


def _facts(head: Head, found: tuple[Any, ...], own_purposes: int, own_end_at: int) -> Facts:
    _, standing, study, revision_withdrawn, subject, exports, grant, release = found
    issuer_end, active, badge_epoch, region, person_withdrawn, recipient_end = standing
    study_subject, revision, status, _, anchored_at = study
    custodian, epoch, flags, *_ = subject
    _, grant_epoch, expiry, state, _ = grant
    recorded_at, lapse, *_ = release
    return Facts(
        head=head,
        institution_active=active,
        institution_region=region,
        issuer_end_at=issuer_end,
        badge_epoch=badge_epoch,
        person_withdrawn=person_withdrawn,
        study_status=StudyStatus(status),
        study_subject=study_subject,
        study_revision=revision,
        study_anchored_at=anchored_at,
        revision_withdrawn=revision_withdrawn,
        grant_state=GrantState(state),
        grant_epoch=grant_epoch,
        grant_expiry_at=expiry,
        subject_epoch=epoch,
        subject_restricted=bool(flags & 1),
        own_purposes=own_purposes,
        own_end_at=own_end_at,
        custodian=custodian,
        custodian_exports=exports,
        recipient_end_at=recipient_end,
        request_recorded_at=recorded_at,
        request_lapse_at=lapse,
    )
