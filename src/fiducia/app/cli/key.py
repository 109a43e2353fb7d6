"""`fiducia key`: the keys that speak for an institution, published by its governor."""

from __future__ import annotations

from typing import Annotated

import typer

from fiducia.app import governance
from fiducia.app.cli import parsing
from fiducia.app.cli.common import Call, command, noun
from fiducia.app.output import utc
from fiducia.core import ids
from fiducia.records.ledger import KeyKind

app = noun("key", "Published keys: registrars, issuers, gateways and brokers of an institution.")


def _kind(text: str) -> KeyKind:
    try:
        return KeyKind[text.upper().replace("-", "_")]
    except KeyError:
        raise typer.BadParameter(f"a kind is one of {', '.join(KeyKind.__members__)}") from None


@command(app, "list")
def list_keys(
    call: Call,
    institution: Annotated[int | None, typer.Option(min=1, help="Only this institution's keys.")] = None,
    kind: Annotated[str | None, typer.Option(metavar="KIND", help="Only keys of this kind.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Ended keys, too.")] = False,
) -> None:
    """List published keys.

    \b
    Example:
      fiducia key list --kind GATEWAY
    """
    wanted = _kind(kind) if kind else None
    state = call.house.mirror(call.house.reader(call.acting)).catch_up()
    now = call.house.clock.now()
    rows = [
        {
            "institution": key.institution,
            "kind": KeyKind(key.kind),
            "key_hash": key.key_hash,
            "until": utc(key.not_after),
            "live": now < key.not_after,
            "endpoint": key.endpoint or None,
        }
        for key in state.keys(institution, wanted)
        if every or now < key.not_after
    ]
    call.out.rows(rows, empty="no key is published")


@command(app, "publish")
def publish(
    call: Call,
    kind: Annotated[
        str, typer.Argument(metavar="KIND", help="REGISTRAR, ISSUER, GATEWAY, BROKER_KEM, BROKER_SIGN or LOG.")
    ],
    key: Annotated[
        str | None,
        typer.Option(metavar="HEX", help="The address or raw public key (0x…). Default: the profile's own key."),
    ] = None,
    endpoint: Annotated[str, typer.Option(metavar="URL", help="Where the key's holder answers.")] = "",
    until: Annotated[
        str | None, typer.Option(metavar="DATE", help="When it ends; an end never moves later. Default: five years.")
    ] = None,
    end: Annotated[bool, typer.Option("--end", help="End the key now; it never returns.")] = False,
) -> None:
    """Publish a key of the institution that you act as, or end one.

    \b
    Examples:
      fiducia key publish GATEWAY --as hospital-b
      fiducia key publish ISSUER --end --as hospital-b
    """
    if end and until:
        raise typer.BadParameter("--end and --until exclude each other")
    profile = call.house.institution(call.profile("hospital-a"))
    chosen = _kind(kind)
    public = _public_key(key) if key else dict(governance.member_keys(call.house, profile)).get(chosen)
    if public is None:
        raise typer.BadParameter(f"the profile {profile.name} has no {chosen.name} key of its own: give --key")
    # 1 is the earliest end there is: long past, whatever the chain's clock says.
    not_after = 1 if end else parsing.until(until) if until else None
    receipt = governance.publish(call.house, profile, chosen, public, endpoint=endpoint, not_after=not_after)
    state = call.house.mirror(profile.member).catch_up()
    key_hash = ids.key_hash(chosen, public)
    call.out.facts(
        {
            "institution": profile.institution,
            "kind": chosen,
            "key_hash": key_hash,
            "until": utc(state.key_end(profile.institution, chosen, key_hash)),
            "changed": receipt is not None,
            "gas": receipt.gas_used if receipt else 0,
        }
    )


def _public_key(text: str) -> bytes:
    digits = text.removeprefix("0x")
    try:
        return bytes.fromhex(digits)
    except ValueError:
        raise typer.BadParameter("a key is 0x and hex digits") from None
