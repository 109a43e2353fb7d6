"""Which notices a custodian owes: one for every grant of its patients that they did not give themselves.

Derived from the ledger alone, so that none can be forgotten; which of them were delivered, a custodian's own journal
says. Source: design section 5, table of bases.
"""

from __future__ import annotations

from dataclasses import dataclass

from fiducia.core import rules
from fiducia.core.answers import Answers
from fiducia.core.rules import Basis, Notice
from fiducia.records.typed import Grant


@dataclass(frozen=True, slots=True)
class OwedNotice:
    """One grant that its patient is to be told of.

    Attributes:
        grant_id: 32 bytes.
        subject: 20 bytes.
        basis: what the grant stands on.
        when: whether at once, or whether it may be deferred.
        given_at: since when it is owed, UTC Unix seconds.
        grant: its terms.
    """

    grant_id: bytes
    subject: bytes
    basis: Basis
    when: Notice
    given_at: int
    grant: Grant


def owed(state: Answers, custodian: int) -> tuple[OwedNotice, ...]:
    """Return every notice about the patients that an institution keeps now, in the order of the patients' enrolment.

    A grant that ended or was revoked since is told of, too. After a change of custodian the new one owes them all
    again: a patient is told twice rather than never.
    """
    return tuple(
        notice
        for subject in state.subjects(custodian)
        for entry in state.grants_of_subject(subject.subject)
        if entry.grant is not None and (notice := notice_of(entry.grant, entry.grant_id, entry.given_at))
    )


def notice_of(grant: Grant, grant_id: bytes, given_at: int) -> OwedNotice | None:
    """Return the notice that a grant owes, or None."""
    rule = rules.basis_rule(grant.basis)
    if rule is None or rule.notice is Notice.NONE:
        return None
    return OwedNotice(grant_id, grant.subject, rule.basis, rule.notice, given_at, grant)
