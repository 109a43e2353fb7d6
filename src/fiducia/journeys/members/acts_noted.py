"""Administrative acts in the journal of the member that has them carried, once the ledger would take them.

Whatever a member's relayer puts on chain is noted by its kind and what it is about; emergencies, their reviews and
grants that no patient signed have kinds of their own. Not noted again: releases, revokes, restrictions, late records,
whose journeys do so themselves, and grants of patients. What leaves no act on the ledger (a badge, staff at a gateway)
is noted by `NoteAct.run`. No journal, no act.
"""

from __future__ import annotations

import dataclasses

from fiducia.core import ids
from fiducia.core.rules import Basis
from fiducia.core.typed_data import hash_struct
from fiducia.core.wire_types import tag_of
from fiducia.ports import Clock, Journal
from fiducia.records import ledger
from fiducia.records.images import JournalEntry
from fiducia.records.ledger import Act

CARRIED, STAFF_GRANT = "act_carried", "staff_grant"
EMERGENCY, REVIEWED = "emergency_opened", "emergency_reviewed"
BADGE_ISSUED, STAFF_ADDED, STAFF_REMOVED = "badge_issued", "staff_added", "staff_removed"
TOKEN_MADE = "intake_token_made"
_NOTED_ELSEWHERE = (
    ledger.RecordAct,
    ledger.RecordLateAct,
    ledger.RevokeAct,
    ledger.RevokeAllAct,
    ledger.RestrictAct,
)
_NAMES = ("study_id", "subject", "key_hash", "person")
"""What an act is about, the first of these that it names."""


class NoteAct:
    """Note acts.

    Example:
        ``NoteAct(journal=journal, clock=clock).run(STAFF_REMOVED, person)``
    """

    def __init__(self, *, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock

    def run(self, kind: str, about: bytes, body: str = "") -> None:
        """Note one act. Raises: JournalError (it must not be done)."""
        self._journal.append([JournalEntry(kind, self._clock.now(), about, body)])

    def on_chain(self, act: Act) -> None:
        """Note an act of the ledger's that is carried. Raises: JournalError (it must not be, or be answered for)."""
        now = self._clock.now()
        noted = [JournalEntry(kind, now, about, body) for kind, about, body in _notes(act)]
        if noted:
            self._journal.append(noted)


def _notes(act: Act) -> list[tuple[str, bytes, str]]:
    """Each note's kind, what it is about, and its body."""
    match act:
        case ledger.GrantAct():
            return _of_grant(act)
        case ledger.GrantBatchAct(grants=grants):
            return [note for each in grants for note in _of_grant(each)]
        case ledger.ReviewAct(review=review):
            return [(REVIEWED, review.grant_id, "")]
        case ledger.EnrolAct(enrol=enrol):
            return [(CARRIED, ids.subject(enrol.custodian, enrol.salt), tag_of(type(act)))]
        case ledger.EnrolBatchAct(enrolments=enrolments):
            return [(CARRIED, ids.subject(each.custodian, each.salt), tag_of(type(act))) for each in enrolments]
        case ledger.AnchorAct(anchors=anchors):
            return [(CARRIED, each.subject, tag_of(type(act))) for each in anchors]
        case ledger.RaiseBadgeEpochAct(institution=institution):
            return [(CARRIED, ids.institution_grantee(institution), tag_of(type(act)))]
        case _ if isinstance(act, _NOTED_ELSEWHERE):
            return []
        case _:
            return [(CARRIED, _about(act), tag_of(type(act)))]


def _of_grant(act: ledger.GrantAct) -> list[tuple[str, bytes, str]]:
    if act.grant.basis == Basis.CONSENT:
        return []
    kind = EMERGENCY if act.grant.basis == Basis.EMERGENCY else STAFF_GRANT
    return [(kind, ids.grant_id(act.grant), str(act.grant.basis))]


def _about(act: Act) -> bytes:
    """What an act names itself, or the struct that it carries."""
    first = getattr(act, dataclasses.fields(act)[0].name)
    for holder in (act, first):
        for name in _NAMES:
            value = getattr(holder, name, b"")
            if isinstance(value, bytes) and value:
                return value
    return hash_struct(first)
