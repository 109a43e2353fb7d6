"""Acts about members: admission, votes, exports, keys, badges; see `plan`. Source: IMembers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fiducia.adapters.evm.abi import call_data, values_of
from fiducia.adapters.evm.acts.plan import Plan, all_asked, asked, topics
from fiducia.adapters.evm.chain import Chain
from fiducia.records.ledger import (
    AdmitAct,
    NarrowExportsAct,
    PublishAct,
    RaiseBadgeEpochAct,
    VoteAct,
    WithdrawPersonAct,
)
from fiducia.records.typed import ChangeExports, Reinstate, ReplaceGovernor, Suspend

_ACTIVE, _BADGE_EPOCH = 3, 4  # places in IMembers.Institution


def admit(chain: Chain, act: AdmitAct) -> Plan:
    """Plan an admission."""
    struct = act.admit
    same = (struct.region, struct.exports)

    def done(chain: Chain) -> bool:
        institution = asked(chain, "Members", "governedBy", struct.governor)
        return bool(institution) and asked(chain, "Members", "institutionOf", institution)[1:3] == same

    return Plan(
        "Members",
        call_data("Members", "admit", values_of(struct), list(act.approvals)),
        done,
        topics("Members", "Admitted", None, _address(struct.governor)),
        lambda event: (event.region, event.exports) == same,
        repeats=False,  # the round that was signed is over
    )


@dataclass(frozen=True, slots=True)
class _Vote:
    """How one kind of vote is called, which view shows that it is so, and which event tells of it."""

    function: str
    event: str
    view: tuple[Any, ...]
    is_so: Callable[[Any], bool]
    tells: Callable[[Any], bool] = lambda event: True


def vote(chain: Chain, act: VoteAct) -> Plan:
    """Plan what the governors decide about a member."""
    struct = act.vote
    kind = _VOTES[type(struct)](struct)

    def done(chain: Chain) -> bool:
        current, found = all_asked(chain, chain.view("Members", "round"), chain.view("Members", *kind.view))
        # While the round that was signed goes on, whatever is so already was not this vote's doing.
        return bool(current > struct.round and kind.is_so(found))

    return Plan(
        "Members",
        call_data("Members", kind.function, values_of(struct), list(act.approvals)),
        done,
        topics("Members", kind.event, struct.institution),
        kind.tells,
        repeats=False,  # as an admission
    )


def _suspend(struct: Suspend) -> _Vote:
    return _Vote("suspend", "Suspended", ("institutionOf", struct.institution), lambda found: not found[_ACTIVE])


def _reinstate(struct: Reinstate) -> _Vote:
    return _Vote("reinstate", "Reinstated", ("institutionOf", struct.institution), lambda found: bool(found[_ACTIVE]))


def _replace_governor(struct: ReplaceGovernor) -> _Vote:
    return _Vote(
        "replaceGovernor",
        "GovernorReplaced",
        ("governedBy", struct.governor),
        lambda found: bool(found == struct.institution),
        lambda event: bool(event.governor == struct.governor),
    )


def _change_exports(struct: ChangeExports) -> _Vote:
    return _Vote(
        "changeExports",
        "ExportsChanged",
        ("exportsOf", struct.institution),
        lambda found: bool(found == struct.exports),
        lambda event: bool(event.round == struct.round),
    )


_VOTES: dict[type, Callable[[Any], _Vote]] = {
    Suspend: _suspend,
    Reinstate: _reinstate,
    ReplaceGovernor: _replace_governor,
    ChangeExports: _change_exports,
}


def narrow_exports(chain: Chain, act: NarrowExportsAct) -> Plan:
    """Plan that an institution takes regions out of its own exports."""
    struct = act.narrow_exports
    return Plan(
        "Members",
        call_data("Members", "narrowExports", values_of(struct), act.signature),
        lambda chain: bool(asked(chain, "Members", "exportsOf", struct.institution) == struct.exports),
        topics("Members", "ExportsChanged", struct.institution),
        lambda event: bool(event.exports == struct.exports and event.round == 0),
    )


def publish(chain: Chain, act: PublishAct) -> Plan:
    """Plan a key's publication, or its earlier end."""
    struct = act.publish
    key = (struct.institution, struct.kind, struct.key_hash)
    return Plan(
        "Members",
        call_data("Members", "publish", values_of(struct), act.key, act.endpoint, act.signature),
        lambda chain: bool(asked(chain, "Members", "keyEnd", *key) == struct.not_after),
        topics("Members", "Published", *key),
        lambda event: bool(event.not_after == struct.not_after),
    )


def withdraw_person(chain: Chain, act: WithdrawPersonAct) -> Plan:
    """Plan a person's withdrawal."""
    return Plan(
        "Members",
        call_data("Members", "withdrawPerson", (act.person,), act.signature),
        lambda chain: bool(asked(chain, "Members", "isWithdrawn", act.person)),
        topics("Members", "PersonWithdrawn", None, act.person),
    )


def raise_badge_epoch(chain: Chain, act: RaiseBadgeEpochAct) -> Plan:
    """Plan the end of all badges of an institution."""
    return Plan(
        "Members",
        call_data("Members", "raiseBadgeEpoch", (act.institution, act.epoch), act.signature),
        lambda chain: bool(asked(chain, "Members", "institutionOf", act.institution)[_BADGE_EPOCH] > act.epoch),
        topics("Members", "BadgeEpochRaised", act.institution),
        lambda event: bool(event.epoch == act.epoch + 1),
    )


def _address(value: bytes) -> bytes:
    return value.rjust(32, b"\0")
