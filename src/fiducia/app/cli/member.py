"""`fiducia member`: who belongs to the consortium, and what the governors' votes decide about it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from fiducia.app import governance
from fiducia.app.cli import parsing
from fiducia.app.cli.common import Call, command, noun
from fiducia.app.profiles import KeyName, Kind
from fiducia.core import rules
from fiducia.errors import ConfigError, InputError, VaultError
from fiducia.journeys.members.members import Vote
from fiducia.records.ledger import Receipt
from fiducia.records.typed import ChangeExports, NarrowExports, Reinstate, ReplaceGovernor, Suspend

if TYPE_CHECKING:
    from fiducia.app.wiring import House

MemberArgument = Annotated[str, typer.Argument(metavar="MEMBER", help="An institution: its number, or a profile.")]
ExportOption = Annotated[
    list[int], typer.Option("--export", min=0, max=63, help="A region its studies may go to; repeat for several.")
]

app = noun("member", "Institutions: who belongs, and what a strict majority of governors decides about them.")


@command(app, "list")
def list_members(call: Call) -> None:
    """List the institutions of the ledger.

    \b
    Example:
      fiducia member list
    """
    house = call.house
    brokers = {member.institution: member.broker_url for member in house.consortium.members}
    names = _names(house)
    state = house.mirror(house.reader(call.acting)).catch_up()
    rows = [
        {
            "institution": entry.institution,
            "name": names.get(entry.institution),
            "active": entry.active,
            "governor": entry.governor,
            "region": entry.region,
            "exports": list(governance.regions_in(entry.exports)),
            "badge_epoch": entry.badge_epoch,
            "broker": brokers.get(entry.institution),
        }
        for entry in state.members()
    ]
    call.out.rows(rows, empty="no member yet")


def _names(house: House) -> dict[int, str]:
    """Return how this home calls the institutions; those admitted later only while its profiles can be opened."""
    names = {member.institution: member.name for member in house.consortium.members}
    with contextlib.suppress(VaultError, ConfigError):
        profiles = house.profiles().all()
        names |= {profile.institution: profile.name for profile in profiles if profile.kind is Kind.INSTITUTION}
    return names


@command(app, "admit")
def admit(
    call: Call,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The new member's profile; made when there is none.")],
    governor: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="A governor whose key lies elsewhere (0x, 40 hex digits).")
    ] = None,
    region: Annotated[int, typer.Option(min=0, max=63, help="Where it is.")] = 1,
    export: Annotated[
        list[int] | None, typer.Option(min=0, max=63, help="A region its studies may go to; repeat. Default: its own.")
    ] = None,
) -> None:
    """Admit an institution: every governor whose key lies in this home votes for it.

    An institution made here gets keys of its own; publish them with `fiducia key publish`.

    \b
    Example:
      fiducia member admit hospital-c --region 2 --export 1 --export 2
    """
    house = call.house
    exports = rules.mask(*(export or [region]))
    if governor is not None:
        address = parsing.hex_bytes(governor, 20, "a governor's address")
    else:
        address = governance.governor_of(governance.create_institution(house, name))
    voter = call.profile("hospital-a")
    institution, receipt = governance.admit(house, voter.member, address, region=region, exports=exports)
    if governor is None:
        governance.remember_institution(house, name, institution)
    call.out.facts(
        {
            "institution": institution,
            "profile": name if governor is None else None,
            "governor": address,
            "block": receipt.head.number if receipt else None,
            "gas": receipt.gas_used if receipt else 0,
        }
    )


@command(app, "suspend")
def suspend(call: Call, member: MemberArgument) -> None:
    """Suspend an institution: every other governor whose key lies in this home votes for it.

    It gets no release and gives no more access from then on; its patients and registrars still take access away.

    \b
    Example:
      fiducia member suspend hospital-c
    """
    _vote(call, member, lambda institution, now: Suspend(institution, now))


@command(app, "reinstate")
def reinstate(call: Call, member: MemberArgument) -> None:
    """Reinstate a suspended institution, by the votes of the governors in this home.

    \b
    Example:
      fiducia member reinstate hospital-c
    """
    _vote(call, member, lambda institution, now: Reinstate(institution, now))


@command(app, "exports")
def exports(call: Call, member: MemberArgument, export: ExportOption) -> None:
    """Change the regions that an institution's studies may be released to, by the votes of the governors in this home.

    \b
    Example:
      fiducia member exports hospital-a --export 1 --export 2 --export 3
    """
    regions = rules.mask(*export)
    _vote(call, member, lambda institution, now: ChangeExports(institution, regions, now))


@command(app, "narrow")
def narrow(call: Call, member: MemberArgument, export: ExportOption) -> None:
    """Take regions out of your own institution's exports at once, as its governor: those named stay.

    \b
    Example:
      fiducia member narrow hospital-a --export 1 --as hospital-a
    """
    own = call.house.institution(call.profile("hospital-a"))
    institution = parsing.institution(member, call.house.profiles())
    if own.institution != institution:
        raise InputError(f"{own.name} governs institution {own.institution}: only its own regions are its to take out")
    state = call.house.mirror(own.member).catch_up()
    narrowing = NarrowExports(institution, rules.mask(*export), state.round)
    receipt = call.house.narrow_regions(own.member).run(narrowing, own.signer(KeyName.GOVERNOR))
    _show(call, institution, receipt)


@command(app, "replace-governor")
def replace_governor(
    call: Call,
    member: MemberArgument,
    governor: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="A key that lies elsewhere (0x, 40 hex digits).")
    ] = None,
) -> None:
    """Give an institution another governor, by the votes of the others in this home. The former has no say any more.

    Without --governor a fresh key is made for the institution's profile in this home.

    \b
    Example:
      fiducia member replace-governor hospital-c
    """
    house = call.house
    if governor is not None:
        address = parsing.hex_bytes(governor, 20, "a governor's address")
        _vote(call, member, lambda institution, now: ReplaceGovernor(institution, address, now))
        return
    institution = parsing.institution(member, house.profiles())
    profiles = (each for each in house.profiles().all() if each.kind is Kind.INSTITUTION)
    profile = next((each for each in profiles if each.institution == institution), None)
    if profile is None:
        raise InputError(f"no profile in this home is institution {institution}: give --governor ADDRESS")
    _, receipt = governance.replace_governor(house, _carrier(call), profile)
    _show(call, institution, receipt)


def _vote(call: Call, member: str, make: Callable[[int, int], Vote]) -> None:
    """Have everybody in this home vote on an institution; the vote is made from its number and the round."""
    institution = parsing.institution(member, call.house.profiles())
    receipt = governance.vote(call.house, _carrier(call), institution, lambda now: make(institution, now))
    _show(call, institution, receipt)


def _carrier(call: Call) -> str:
    """The member whose relayer carries the votes."""
    return call.house.institution(call.profile("hospital-a")).member


def _show(call: Call, institution: int, receipt: Receipt | None) -> None:
    entry = governance.require_member(call.house.mirror(_carrier(call)).catch_up(), institution)
    call.out.facts(
        {
            "institution": institution,
            "active": entry.active,
            "governor": entry.governor,
            "exports": list(governance.regions_in(entry.exports)),
            "block": receipt.head.number if receipt else None,
            "gas": receipt.gas_used if receipt else 0,
        }
    )
