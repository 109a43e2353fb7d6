"""The history checker finds what it is there for: a good history is good, and each way to spoil it is found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from fiducia.core import ids
from fiducia.records import events
from fiducia.records.ledger import RestrictAct, RevokeAct, RevokeAllAct
from fiducia.records.typed import Approval, Restrict, RevokeAll, SignedBadge, StaffAccess
from tests.simulation.checker import READING_S, VIEW, violations
from tests.simulation.history import (
    Acknowledged,
    Audited,
    Block,
    Demanded,
    Erased,
    Given,
    HandedOver,
    Happened,
    Journalled,
    Logged,
    Numbered,
    Opened,
    Registered,
    Shown,
)
from tests.support.world import (
    CUSTODIAN,
    GATEWAY,
    MANIFEST,
    NOW,
    PERSON,
    REQUESTER,
    STUDY,
    SUBJECT,
    default_badge,
    default_grant,
    default_request,
)

UID, SERIES = "2.25.1", "2.25.2"
FILES = ((SERIES, b"a" * 32), (SERIES, b"b" * 32))
GRANT = default_grant(not_after=NOW + 3_000)
ACCESS = StaffAccess(default_request(GRANT), GRANT, SignedBadge(default_badge(), b""), b"")
REQUEST = ids.request_id(ACCESS.request)
APPROVAL = Approval(b"\1" * 20, b"")
REVOKE = RevokeAct(GRANT, APPROVAL)


class Story:
    """A history as it is told: each thing happens a second after the one before."""

    def __init__(self) -> None:
        self.told: list[Happened] = []

    def add(self, kind: type[Happened], /, **what: Any) -> Story:
        at = len(self.told)
        if kind is Journalled:
            what = {"leaf": b"leaf %d" % at, **what}
        if kind in (HandedOver, Acknowledged, Opened):
            what = {"began": at - 1, "began_time": NOW + at - 1, **what}
        self.told.append(kind(**{"at": at, "time": NOW + at, **what}))
        return self

    def block(self, kind: type[events.LedgerEvent] | None = None, /, **what: Any) -> Story:
        at = len(self.told)
        place: dict[str, Any] = {
            "block_number": at,
            "time_at": NOW + at,
            "transaction_hash": bytes(32),
            "log_index": 0,
        }
        made = () if kind is None else (kind(**place, **what),)
        return self.add(Block, number=at, time_at=NOW + at, events=made)

    def wait(self, seconds: int) -> Story:
        """Let time pass: the next things happen later."""
        self.told += [Happened(at=len(self.told) + gone, time=NOW + len(self.told) + gone) for gone in range(seconds)]
        return self

    def release(self, access: StaffAccess = ACCESS) -> Story:
        request = access.request
        return self.block(
            events.ReleaseRecorded,
            request_id=ids.request_id(request),
            study_id=request.study_id,
            revision=1,
            series=request.series,
            grant_id=request.grant_id,
            purpose=0,
            action=request.action,
            person=PERSON,
            recipient=GATEWAY,
            institution=REQUESTER,
            badge_epoch=1,
            lapse_at=NOW + 3_000,
        )

    def hand_over(self, access: StaffAccess = ACCESS, trustee: int = 1) -> Story:
        request_id = ids.request_id(access.request)
        self.add(Happened).add(Journalled, institution=trustee, kind="handed_over", subject_id=request_id)
        began = len(self.told) - 2
        return self.add(
            HandedOver, trustee=trustee, request_id=request_id, access=access, began=began, began_time=NOW + began
        )

    def read(self, **changed: Any) -> Story:
        self.add(Happened).add(Journalled, institution=REQUESTER, kind="gateway_read", subject_id=REQUEST)
        began = len(self.told) - 2
        opened = {
            "reader": REQUESTER,
            "person": PERSON,
            "request_id": REQUEST,
            "action": VIEW,
            "study_id": STUDY,
            "series": 1,
            "digest": b"a" * 32,
            "read": True,
        }
        return self.add(Opened, began=began, began_time=NOW + began, **(opened | changed))

    def take(self, act: Any = REVOKE, broker: int = 1) -> Story:
        return self.add(Happened).add(Acknowledged, broker=broker, act=act)

    def revoked(self) -> Story:
        return self.block(events.GrantRevoked, grant_id=ids.grant_id(GRANT), subject=SUBJECT)

    def broken(self) -> set[str]:
        return {each.promise for each in violations(self.told)}


def founded(threshold: int = 1) -> Story:
    """A study is registered, and nobody may see it."""
    story = Story().block(events.SubjectEnrolled, subject=SUBJECT, custodian=CUSTODIAN, signer_hash=bytes(32))
    story.block(
        events.KeyPublished,
        institution=REQUESTER,
        kind=4,
        key_hash=GATEWAY,
        not_after=NOW + 9_999,
        key=b"",
        endpoint="",
    )
    story.add(Given, custodian=CUSTODIAN, uid=UID, files=FILES)
    story.block(events.StudyAnchored, study_id=STUDY, subject=SUBJECT, manifest=MANIFEST, retain_until_day=1)
    story.add(Numbered, uid=UID, study_id=STUDY, series=((1, SERIES),), threshold=threshold)
    return story.add(Registered, custodian=CUSTODIAN, uid=UID, study_id=STUDY, revision=1, files=FILES)


def granted(threshold: int = 1) -> Story:
    """It is granted, and a release is recorded."""
    story = founded(threshold)
    story.block(events.GrantGiven, grant_id=ids.grant_id(GRANT), grant=GRANT, expiry_at=GRANT.not_after)
    return story.release()


def test_a_good_history_keeps_every_promise() -> None:
    story = granted(threshold=2).hand_over().hand_over(trustee=2).read().take().revoked().block()
    story.add(Shown, person=PERSON, study_id=STUDY, series=0, instances=((1, b"a" * 32), (1, b"b" * 32)))
    story.add(Demanded, what="granted", outcome="done", about=STUDY, files=FILES)
    story.add(Demanded, what="stranger", outcome="DeniedError GRANT_UNKNOWN", about=STUDY)
    story.add(Audited, findings=())
    assert violations(story.told) == ()


LIVE = "keys leave for a live grant only"


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda: founded().release().hand_over(),
        lambda: granted().hand_over(replace(ACCESS, request=replace(ACCESS.request, salt=bytes(32)))),
        lambda: granted().revoked().wait(60).block().hand_over(),
        lambda: granted().wait(3_060).block().hand_over(),
        lambda: granted().block(events.EpochRaised, subject=SUBJECT, epoch=2).wait(60).block().hand_over(),
        lambda: granted().block(events.SubjectRestricted, subject=SUBJECT, by=b"").wait(60).block().hand_over(),
        lambda: granted().block(events.StudyWithdrawn, study_id=STUDY, revision=0).wait(60).block().hand_over(),
        lambda: granted().block(events.StudyWithdrawn, study_id=STUDY, revision=1).wait(60).block().hand_over(),
        lambda: (
            granted().block(events.PersonWithdrawn, institution=REQUESTER, person=PERSON).wait(60).block().hand_over()
        ),
        lambda: granted().block(events.BadgeEpochRaised, institution=REQUESTER, epoch=2).wait(60).block().hand_over(),
    ],
    ids=["ungranted", "unrecorded", "revoked", "over", "epoch", "restricted", "study", "revision", "person", "badges"],
)
def test_keys_that_leave_without_a_live_grant_are_found(spoilt: Callable[[], Story]) -> None:
    assert LIVE in spoilt().broken()


@pytest.mark.parametrize(
    ("granting", "asking"),
    [
        ({"scope": ids.series_scope(STUDY, 2)}, {"series": 1}),
        ({"scope": ids.series_scope(STUDY, 1)}, {"series": 0}),
        ({"scope": b"\5" * 32}, {}),
        ({"scope": ids.ALL_SCOPE, "anchored_by": NOW - 1}, {}),
        ({"grantee": b"\0\0\0\2" + b"\7" * 28}, {}),
        ({"grantee": ids.institution_grantee(3)}, {}),
        ({"actions": 1}, {}),
        ({"purposes": 2}, {}),
        ({"subject": b"\6" * 20}, {}),
        ({}, {"revision": 2}),
        ({}, {"recipient": bytes(32)}),
    ],
    ids=[
        "another series",
        "all for one series",
        "another study",
        "studies before",
        "another person",
        "another institution",
        "another action",
        "another purpose",
        "another patient",
        "no such revision",
        "another gateway",
    ],
)
def test_keys_that_leave_beyond_what_was_granted_are_found(granting: dict[str, Any], asking: dict[str, Any]) -> None:
    grant = replace(GRANT, **granting)
    access = replace(ACCESS, grant=grant, request=default_request(grant, **asking))
    story = founded().block(events.GrantGiven, grant_id=ids.grant_id(grant), grant=grant, expiry_at=grant.not_after)
    assert story.release(access).hand_over(access).broken() == {LIVE}


def test_a_revoke_that_nobody_could_know_of_yet_is_no_reason() -> None:
    assert granted().revoked().hand_over().broken() == set()


def test_keys_that_leave_unjournalled_or_before_they_are_journalled_are_found() -> None:
    promise = {"keys leave after they are journalled"}
    handed = {"trustee": 1, "request_id": REQUEST, "access": ACCESS}
    assert granted().add(Happened).add(HandedOver, **handed).broken() == promise
    late = granted().add(Happened).add(HandedOver, **handed)
    assert late.add(Journalled, institution=1, kind="handed_over", subject_id=REQUEST).broken() == promise
    other = granted().add(Happened).add(Journalled, institution=2, kind="handed_over", subject_id=REQUEST)
    assert other.add(HandedOver, **handed, began=len(other.told) - 2).broken() == promise
    again = granted().hand_over()
    assert again.add(Happened).add(HandedOver, **handed).broken() == promise, "each hand-over has its own entry"


def test_a_log_that_was_cut_changed_or_added_to_is_found() -> None:
    def logged(*leaves: bytes) -> set[str]:
        story = Story()
        for institution, leaf in ((1, b"one"), (2, b"another's"), (1, b"two")):
            story.add(Journalled, institution=institution, kind="handed_over", subject_id=REQUEST, leaf=leaf)
        return story.add(Logged, institution=1, leaves=leaves).broken()

    assert logged(b"one", b"two") == set()
    for leaves in ((b"one",), (b"two", b"one"), (b"one", b"three"), (b"one", b"two", b"three")):
        assert logged(*leaves) == {"what is journalled stays in the log"}, leaves


def test_what_was_opened_without_enough_trustees_is_found() -> None:
    promise = "what is opened was handed over by t trustees"
    assert promise in granted().read().broken()
    assert promise in granted(threshold=2).hand_over().read().broken()
    assert promise in granted(threshold=2).hand_over().hand_over().read().broken(), "twice the same one"
    for changed in (
        {"series": 2},
        {"person": b"\7" * 32},
        {"study_id": b"\7" * 32},
        {"action": 2},
        {"reader": 3},
        {"request_id": b"\7" * 32},
    ):
        narrow = replace(ACCESS, request=default_request(GRANT, series=1))
        story = granted().release(narrow).hand_over(narrow)
        assert promise in story.read(**{"request_id": b"", **changed}).broken(), changed


def test_reading_on_after_the_end_is_found() -> None:
    story = granted().hand_over().revoked().wait(READING_S + 2).block().read()
    assert story.broken() == {"what is opened is still open"}


def test_reading_that_is_not_journalled_first_is_found() -> None:
    story = granted().hand_over().read()
    opened = story.told[-1]
    assert isinstance(opened, Opened)
    story.told[-1] = replace(opened, began=opened.at)
    assert story.broken() == {"a gateway journals what it reads"}


def test_other_bytes_and_parts_of_a_study_are_found() -> None:
    assert granted().hand_over().read(digest=b"c" * 32).broken() == {"what is opened is what was given"}
    for instances in (((1, b"a" * 32),), ((1, b"a" * 32), (1, b"c" * 32)), ((2, b"a" * 32), (1, b"b" * 32)), ()):
        shown = granted().add(Shown, person=PERSON, study_id=STUDY, series=0, instances=instances)
        assert shown.broken() == {"what is shown is whole"}, instances


@pytest.mark.parametrize(
    "act",
    [
        REVOKE,
        RevokeAllAct(RevokeAll(SUBJECT, 1), APPROVAL),
        RestrictAct(Restrict(SUBJECT, 1), APPROVAL),
    ],
    ids=["revoke", "revoke all", "restrict"],
)
def test_an_acknowledged_end_that_is_not_denied_or_never_comes_to_the_chain_is_found(act: Any) -> None:
    denied, shown = "a revoke that was taken is denied", "a revoke that was taken comes to the chain"
    assert granted().take(act).hand_over().broken() == {denied, shown}
    assert granted().take(act).hand_over(trustee=2).broken() == {shown}, "another broker's promise"
    assert granted().take(act).broken() == {shown}


def test_a_hand_over_that_overlaps_with_a_revoke_may_have_come_first() -> None:
    story = granted().add(Happened).add(Journalled, institution=1, kind="handed_over", subject_id=REQUEST)
    began = len(story.told) - 2
    story.take().add(HandedOver, trustee=1, request_id=REQUEST, access=ACCESS, began=began, began_time=NOW + began)
    assert story.revoked().broken() == set()


def test_a_restriction_is_over_when_it_was_lifted() -> None:
    story = granted().take(RestrictAct(Restrict(SUBJECT, 1), APPROVAL))
    story.block(events.RestrictionLifted, subject=SUBJECT, serial=1, by=b"").hand_over()
    assert story.broken() == set()


def test_an_erasure_that_leaves_enough_to_open_it_or_that_nobody_sees_is_found() -> None:
    def erased(story: Story, holders: int) -> set[str]:
        return story.add(Erased, custodian=CUSTODIAN, study_id=STUDY, holders=holders).broken()

    def withdrawn() -> Story:
        return founded(threshold=2).block(events.StudyWithdrawn, study_id=STUDY, revision=0)

    assert erased(withdrawn(), 1) == set()
    assert erased(withdrawn(), 2) == {"what was erased cannot be opened"}
    assert erased(founded(threshold=2), 0) == {"what was erased is withdrawn"}


def test_a_lost_registration_and_what_is_not_done_in_the_end_are_found() -> None:
    lost = founded().add(Registered, custodian=CUSTODIAN, uid=UID, study_id=STUDY, revision=2, files=FILES)
    assert lost.broken() == {"what was registered stays so"}
    done = "in the end it is done"
    assert founded().add(Demanded, what="again", outcome="TrusteeError").broken() == {done}
    assert founded().add(Demanded, what="granted", outcome="DeniedError SCOPE", about=STUDY).broken() == {done}
    fewer = founded().add(Demanded, what="granted", outcome="done", about=STUDY, files=FILES[:1])
    assert fewer.broken() == {"in the end all that was given is opened"}
    for what in ("stranger", "ended"):
        for outcome in ("done", "LedgerUnreachableError"):
            assert founded().add(Demanded, what=what, outcome=outcome).broken() == {"who has no grant is refused"}
    assert founded().add(Audited, findings=("UNGRANTED",)).broken() == {"an audit finds nothing"}
