"""What cannot have happened to who decides, to a study's end, to reviews: refused, and nothing is changed."""

from __future__ import annotations

from typing import Any

import pytest

from fiducia.core import ids
from fiducia.core.replay import State
from fiducia.errors import LedgerInconsistencyError, SequenceGapError
from fiducia.records import events
from fiducia.records.events import LedgerEvent
from tests.support import whole
from tests.support import world as w
from tests.support.snapshots import snapshot


def _place(number: int = 1000, at: int = w.NOW + 1000) -> dict[str, Any]:
    return {"block_number": number, "time_at": at, "transaction_hash": bytes(32), "log_index": 0}


OTHER: dict[str, Any] = {"subject": whole.OTHER_SUBJECT}
NEXT_HASH = whole.hash_of(whole.NEXT_SIGNER)
BY: dict[str, Any] = {"by": bytes(32)}
REVIEWED = ids.grant_id(whole.emergency(epoch=2))
FOUND = BY | {"outcome": 1, "report": bytes(32)}
BEGUN: dict[str, Any] = {"signer_hash": bytes(32), "ready_at": w.NOW + 2000, "institutions": (1, 2)}

# As the eventful world ends: the other patient has signer 3, serial 9, epoch 3, a representative, its custodian is
# hospital 3 and its study is erased; the default one has signer 1, serial 1, epoch 2.
WHOLE: list[tuple[str, type[LedgerEvent], dict[str, Any]]] = [
    ("a governor of nobody", events.GovernorReplaced, {"institution": 9, "governor": bytes(20), "round": 5}),
    (
        "a governor twice over",
        events.GovernorReplaced,
        {"institution": 3, "governor": w.GOVERNORS[1].address, "round": 5},
    ),
    ("a gap in rounds", events.GovernorReplaced, {"institution": 3, "governor": bytes(20), "round": 6}),
    ("a round again", events.ExportsChanged, {"institution": 3, "exports": 1, "round": 4}),
    ("exports narrowed to more", events.ExportsChanged, {"institution": 3, "exports": 7, "round": 0}),
    ("exports narrowed to the same", events.ExportsChanged, {"institution": 3, "exports": 3, "round": 0}),
    ("exports of nobody", events.ExportsChanged, {"institution": 9, "exports": 1, "round": 5}),
    (
        "a former signer again",
        events.SignerRotated,
        OTHER | {"signer_hash": whole.hash_of(w.OTHER_PATIENT), "index": 4},
    ),
    ("a gap in signers", events.SignerRotated, OTHER | {"signer_hash": b"\1" * 32, "index": 5}),
    ("no signer any more", events.SignerRotated, OTHER | {"signer_hash": bytes(32), "index": 4}),
    ("a signer of nobody", events.SignerRotated, {"subject": bytes(20), "signer_hash": b"\1" * 32, "index": 1}),
    (
        "a representative twice",
        events.RepresentativeAppointed,
        BY | {"appointment": whole.appointment(**OTHER, serial=9), "from_at": w.NOW + 2000},
    ),
    (
        "a gap in serials",
        events.RepresentativeAppointed,
        BY | {"appointment": whole.appointment(serial=2), "from_at": w.NOW + 2000},
    ),
    (
        "an appointment that ends first",
        events.RepresentativeAppointed,
        BY | {"appointment": whole.appointment(not_after=w.NOW + 2000), "from_at": w.NOW + 2000},
    ),
    ("a veto of nothing", events.AppointmentVetoed, BY | {"subject": w.SUBJECT, "representative": bytes(32)}),
    (
        "a veto too late",
        events.AppointmentVetoed,
        BY | OTHER | {"representative": whole.hash_of(whole.REPRESENTATIVE)},
    ),
    ("a dismissal of nobody", events.RepresentativeDismissed, BY | OTHER | {"representative": bytes(32)}),
    ("a restriction of nobody", events.SubjectRestricted, BY | {"subject": bytes(20)}),
    ("a serial again", events.RestrictionLifted, BY | OTHER | {"serial": 3}),
    ("no third attempt", events.RecoveryBegun, OTHER | BEGUN | {"attempt": 3, "serial": 2}),
    ("a recovery's gap in serials", events.RecoveryBegun, OTHER | BEGUN | {"attempt": 1, "serial": 3}),
    ("a veto of no recovery", events.RecoveryVetoed, BY | OTHER | {"attempt": 1, "contested": True}),
    ("a recovery that never began", events.SubjectRecovered, OTHER | {"signer_hash": bytes(32), "index": 4}),
    ("a transfer to nobody", events.CustodyTransferred, BY | OTHER | {"from_custodian": 3, "custodian": 9}),
    ("a transfer to itself", events.CustodyTransferred, BY | OTHER | {"from_custodian": 3, "custodian": 3}),
    ("a transfer from another", events.CustodyTransferred, BY | OTHER | {"from_custodian": 1, "custodian": 2}),
    ("retention shortened", events.StudyRetained, {"study_id": w.STUDY, "retain_until_day": 30_000}),
    ("retention of nothing", events.StudyRetained, {"study_id": bytes(32), "retain_until_day": 40_000}),
    ("a gap in holds", events.StudyHeld, BY | {"study_id": w.STUDY, "serial": 1, "terms": bytes(32)}),
    ("a hold's serial again", events.StudyHeld, BY | {"study_id": whole.OTHER_STUDY, "serial": 0, "terms": bytes(32)}),
    ("no hold to lift", events.HoldLifted, BY | {"study_id": w.STUDY, "serial": 0, "second": bytes(32)}),
    ("erasure asked twice", events.ErasureRequested, BY | OTHER | {"study_id": whole.OTHER_STUDY}),
    ("erasure asked for another's", events.ErasureRequested, BY | OTHER | {"study_id": w.STUDY}),
    ("erased twice", events.StudyErased, OTHER | {"study_id": whole.OTHER_STUDY, "certificate": bytes(32)}),
    (
        "erased while anchored",
        events.StudyErased,
        {"subject": w.SUBJECT, "study_id": w.STUDY, "certificate": bytes(32)},
    ),
    (
        "a review owed twice",
        events.ReviewOwed,
        {"grant_id": REVIEWED, "institution": 2, "due_at": 1, "first": bytes(32), "second": bytes(32)},
    ),
    (
        "a review owed by nobody",
        events.ReviewOwed,
        {"grant_id": bytes(32), "institution": 9, "due_at": 1, "first": bytes(32), "second": bytes(32)},
    ),
    ("a review filed twice", events.ReviewFiled, FOUND | {"grant_id": REVIEWED}),
    ("a review of nothing", events.ReviewFiled, FOUND | {"grant_id": bytes(32)}),
    ("a contest of nothing", events.ReviewContested, FOUND | {"grant_id": bytes(32)}),
]
GAPS = {
    "a gap in rounds",
    "a round again",
    "a gap in signers",
    "a gap in serials",
    "a serial again",
    "a recovery's gap in serials",
    "a gap in holds",
    "a hold's serial again",
}


@pytest.mark.parametrize(("name", "kind", "fields"), WHOLE, ids=[name for name, *_ in WHOLE])
def test_what_cannot_follow_is_refused_and_changes_nothing(
    name: str, kind: type[LedgerEvent], fields: dict[str, Any]
) -> None:
    _, ledger = whole.eventful()
    state = State(w.events_of(ledger))
    before = snapshot(state)
    with pytest.raises(LedgerInconsistencyError) as refused:
        state.apply(kind(**_place(), **fields))
    assert isinstance(refused.value, SequenceGapError) is (name in GAPS)
    assert snapshot(state) == before


def test_a_recovery_takes_its_delay() -> None:
    world, _, _ = whole.settled()
    begun = events.RecoveryBegun(
        **_place(), **(BEGUN | {"signer_hash": NEXT_HASH, "subject": w.SUBJECT}), attempt=1, serial=0
    )
    state = world.state()
    state.apply(begun)
    recovered: dict[str, Any] = {"subject": w.SUBJECT, "signer_hash": NEXT_HASH, "index": 2}
    with pytest.raises(LedgerInconsistencyError, match="delay"):
        state.apply(events.SubjectRecovered(**_place(1001, at=w.NOW + 1999), **recovered))
    with pytest.raises(LedgerInconsistencyError, match="waited"):
        state.apply(
            events.SubjectRecovered(**_place(1001, at=w.NOW + 2000), **(recovered | {"signer_hash": b"\1" * 32}))
        )
    state.apply(events.SubjectRecovered(**_place(1001, at=w.NOW + 2000), **recovered))
    assert state.authority(w.SUBJECT, NEXT_HASH).current
