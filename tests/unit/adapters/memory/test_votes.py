"""What the governors decide together, and what a governor takes away alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fiducia.core.keccak import keccak256
from fiducia.errors import InputError
from fiducia.ports import Signer
from fiducia.records import events
from fiducia.records.ledger import KeyKind
from fiducia.records.typed import ChangeExports, NarrowExports, Reinstate, ReplaceGovernor, Suspend
from tests.support import whole
from tests.support import world as w
from tests.support.whole import refused

G: dict[int, Signer] = dict(w.GOVERNORS)
BOTH = {1: G[1], 2: G[2]}


@pytest.mark.parametrize(
    ("struct", "voters", "kind"),
    [
        (Suspend(3, 1), BOTH, events.MemberSuspended),
        (ReplaceGovernor(3, whole.NEW_GOVERNOR.address, 1), BOTH, events.GovernorReplaced),
        (ChangeExports(3, 7, 1), BOTH, events.ExportsChanged),
        (ChangeExports(3, 7, 1), {1: G[1], 3: G[3]}, events.ExportsChanged),
    ],
    ids=["suspend", "replace", "exports", "exports with its own vote"],
)
def test_a_vote_passes_once_and_ends_its_round(struct: Any, voters: dict[int, Signer], kind: type) -> None:
    world, _, _ = whole.settled()
    act = world.vote(struct, voters)
    (event,) = world.do(act).events
    assert isinstance(event, kind)
    assert world.state().round == 2
    assert world.do(act).events == ()  # it took effect, so the same again is done
    assert world.state().round == 2


def test_a_member_is_reinstated() -> None:
    world, _, _ = whole.settled()
    world.suspend(3)
    refused(world, world.vote(Suspend(3, 2), BOTH), "StatusUnchanged", institution=3)
    world.do(world.vote(Reinstate(3, 2), BOTH))
    member = world.state().member(3)
    assert member is not None
    assert member.active
    refused(world, world.vote(Reinstate(3, 3), BOTH), "StatusUnchanged", institution=3)
    refused(world, world.vote(Reinstate(9, 3), BOTH), "InstitutionUnknown", institution=9)
    refused(world, world.vote(Suspend(9, 3), BOTH), "StatusUnchanged", institution=9)


def test_nobody_votes_on_their_own_suspension_or_replacement() -> None:
    world, _, _ = whole.settled()
    for struct in (Suspend(1, 1), ReplaceGovernor(1, whole.NEW_GOVERNOR.address, 1)):
        refused(world, world.vote(struct, {1: G[1], 2: G[2]}), "VoteInvalid", institution=1)
        refused(world, world.vote(struct, {2: G[2]}), "MajorityMissing", votes=1, electorate=2)
        refused(world, world.vote(struct, {2: G[2], 3: G[1]}), "VoteInvalid", institution=3)


def test_a_suspended_member_has_no_vote() -> None:
    world, _, _ = whole.settled()
    world.suspend(3)
    refused(world, world.vote(ChangeExports(1, 7, 2), {1: G[1], 3: G[3]}), "VoteInvalid", institution=3)
    world.do(world.vote(ChangeExports(1, 7, 2), BOTH))


def test_votes_are_for_this_round_and_sorted() -> None:
    world, _, _ = whole.settled()
    refused(world, world.vote(Suspend(3, 2), BOTH), "RoundMismatch", current=1, given=2)
    act = world.vote(Suspend(3, 1), BOTH)
    twisted = replace(act, approvals=act.approvals[::-1])
    refused(world, twisted, "VotesUnsorted", previous=2, given=1)


def test_a_governor_governs_one_institution_and_the_former_one_none() -> None:
    world, _, _ = whole.settled()
    for governor, name, numbers in (
        (G[1].address, "GovernorTaken", {"institution": 1}),
        (G[3].address, "GovernorTaken", {"institution": 3}),
        (bytes(20), "GovernorZero", {}),
    ):
        refused(world, world.vote(ReplaceGovernor(3, governor, 1), BOTH), name, **numbers)
    world.do(world.vote(ReplaceGovernor(3, whole.NEW_GOVERNOR.address, 1), BOTH))
    refused(world, world.vote(ChangeExports(1, 7, 2), {1: G[1], 3: G[3]}), "VoteInvalid", institution=3)
    world.do(world.vote(ReplaceGovernor(3, G[3].address, 2), BOTH))  # the address is free again


def test_a_governor_narrows_its_own_exports_alone() -> None:
    world, _, _ = whole.settled()
    narrow = world.narrow_exports(NarrowExports(1, 1, 1), G[1])
    (event,) = world.do(narrow).events
    assert isinstance(event, events.ExportsChanged)
    assert (event.exports, event.round) == (1, 0)
    assert world.do(narrow).events == ()
    refused(world, world.narrow_exports(NarrowExports(1, 3, 1), G[1]), "ExportsWidened")
    refused(world, world.narrow_exports(NarrowExports(1, 0, 2), G[1]), "RoundMismatch", current=1, given=2)
    refused(world, world.narrow_exports(NarrowExports(1, 0, 0), G[1]), "RoundMismatch", current=1, given=0)
    refused(world, world.narrow_exports(NarrowExports(9, 0, 1), G[1]), "InstitutionUnknown", institution=9)
    assert world.state().round == 1


def test_what_was_narrowed_before_a_vote_takes_nothing_from_its_outcome() -> None:
    world, _, _ = whole.settled()
    before = world.narrow_exports(NarrowExports(1, 1, 1), G[1])
    world.do(world.vote(ChangeExports(1, 7, 1), BOTH))
    refused(world, before, "RoundMismatch", current=2, given=1)
    world.suspend(3)
    world.do(world.narrow_exports(NarrowExports(1, 1, 2), G[1]))  # a round that has begun and is later than the vote
    assert [member.exports for member in world.state().members()] == [1, 3, 3]


def test_a_suspended_member_ends_keys_and_publishes_none() -> None:
    world, _, _ = whole.settled()
    world.suspend(w.REQUESTER)
    world.publish(w.REQUESTER, KeyKind.GATEWAY, w.GATEWAY_KEY, w.NOW + 1)
    with pytest.raises(InputError, match="suspended"):
        world.publish(w.REQUESTER, KeyKind.GATEWAY, keccak256(b"a new key"))
