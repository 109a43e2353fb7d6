"""`fiducia member`: who belongs to the consortium, and admission by the governors' votes."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Annotated

import typer

from fiducia.app import governance
from fiducia.app.cli import parsing
from fiducia.app.cli.common import Call, command, noun
from fiducia.app.profiles import Kind
from fiducia.core import rules
from fiducia.errors import ConfigError, VaultError

if TYPE_CHECKING:
    from fiducia.app.wiring import House

app = noun("member", "Institutions: who belongs, and admission by a strict majority of governors.")


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
