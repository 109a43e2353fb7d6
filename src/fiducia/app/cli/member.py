"""`fiducia member`: who belongs to the consortium, and admission by the governors' votes."""

from __future__ import annotations

from typing import Annotated

import typer

from fiducia.app import governance
from fiducia.app.cli import parsing
from fiducia.app.cli.common import Call, command, noun
from fiducia.app.profiles import Kind, new_profile
from fiducia.core import rules
from fiducia.errors import ConfigError

app = noun("member", "Institutions: who belongs, and admission by a strict majority of governors.")


@command(app, "list")
def list_members(call: Call) -> None:
    """List the institutions of the ledger.

    \b
    Example:
      fiducia member list
    """
    house = call.house
    names = {member.institution: member for member in house.consortium.members}
    state = house.mirror(house.reader(call.acting)).catch_up()
    rows = [
        {
            "institution": entry.institution,
            "name": names[entry.institution].name if entry.institution in names else None,
            "active": entry.active,
            "governor": entry.governor,
            "region": entry.region,
            "exports": list(governance.regions_in(entry.exports)),
            "badge_epoch": entry.badge_epoch,
            "broker": names[entry.institution].broker_url if entry.institution in names else None,
        }
        for entry in state.members()
    ]
    call.out.rows(rows, empty="no member yet")


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
        profile = house.profiles().find(name) or house.profiles().save(
            new_profile(name, Kind.INSTITUTION, house.entropy, member=name)
        )
        if profile.kind is not Kind.INSTITUTION:
            raise ConfigError(f"the profile {name} is a {profile.kind.value}, not an institution")
        address = governance.governor_of(profile)
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
