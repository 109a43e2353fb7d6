"""What a person could ask for now: every study, or single series of one, that a live grant names them for.

An offer is no permission: the ledger decides each request that is drawn up from one. Restriction, roles and regions
are left to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fiducia.core import checks, ids, rules
from fiducia.core.entries import GivenGrant, Study
from fiducia.core.replay import State
from fiducia.core.scopes import named_by
from fiducia.records.ledger import StudyStatus
from fiducia.records.typed import Grant


@dataclass(frozen=True, slots=True)
class Offer:
    """A study's newest revision, or one series of it (0: every series)."""

    study_id: bytes
    revision: int
    series: int


def offers_to(state: State, person: bytes, purpose: int, action: int, at: int) -> tuple[Offer, ...]:
    """Return what live grants offer, each once, ordered; a whole study stands for all of its series.

    Args:
        state: the ledger's state.
        person: 32 bytes.
        purpose, action: of `core.rules`.
        at: UTC Unix seconds.
    """
    found = {
        offer
        for entry in state.grants()
        if (grant := entry.grant) is not None
        and checks.names(grant, person)
        and grant.purposes & rules.mask(purpose)
        and grant.actions & rules.mask(action)
        and state.is_live(entry, at)
        for offer in _offers(state, entry, grant)
    }
    whole = {offer.study_id for offer in found if not offer.series}
    wanted = (offer for offer in found if not offer.series or offer.study_id not in whole)
    return tuple(sorted(wanted, key=lambda offer: (offer.study_id, offer.series)))


def _offers(state: State, entry: GivenGrant, grant: Grant) -> Iterator[Offer]:
    if grant.scope == ids.ALL_SCOPE:
        for study in state.studies(entry.subject):
            if checks.covers(grant, study.study_id, 0, study.anchored_at):
                yield from _offer(study, 0)
        return
    study_id, series = named_by(state, entry.subject, grant.scope)
    found = state.study(study_id)
    if found is not None and found.subject == entry.subject:
        yield from _offer(found, series)


def _offer(study: Study, series: int) -> Iterator[Offer]:
    if study.status is StudyStatus.ANCHORED and not study.revisions[-1].withdrawn:
        yield Offer(study.study_id, study.revision, series)
