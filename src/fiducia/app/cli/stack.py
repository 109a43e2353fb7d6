"""`fiducia up`, `down` and `status`: a development consortium on this machine."""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from fiducia.app.cli.common import Call, command
from fiducia.errors import LedgerUnreachableError

if TYPE_CHECKING:
    from fiducia.app.stack import Part


class StoreChoice(enum.Enum):
    """Where encrypted objects lie."""

    KUBO = "kubo"
    EMBEDDED = "embedded"


def up(
    call: Call,
    store: Annotated[
        StoreChoice | None,
        typer.Option(help="Where encrypted objects lie. Default: Kubo where it is installed.", show_default=False),
    ] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Leave it running; `fiducia down` stops it.")] = False,
) -> None:
    """Bring up a development consortium: a local chain, a store, and a broker for each of two hospitals.

    The first time it makes the profiles hospital-a (custodian), hospital-b, clinician, patient and auditor, deploys
    the contracts, publishes keys, issues a badge and enrols a patient. Later it starts with what is there, in
    seconds. Without --detach it stays until Ctrl-C and leaves no process behind.

    \b
    Examples:
      fiducia up --detach
      fiducia up --store embedded --home /tmp/trial
    """
    from fiducia.app.stack import DevelopmentStack  # loads what only these three commands need

    stack = DevelopmentStack(call.house, call.settings, call.out.say)
    stack.up(store.value if store else None, detach=detach)
    _show(call, stack.status())
    if not detach:
        call.out.say("running; Ctrl-C stops everything")
        with contextlib.suppress(KeyboardInterrupt):  # the way in which this ends
            stack.watch()
        call.out.say("stopped")


def down(call: Call) -> None:
    """Stop every process of the consortium; what it holds stays.

    \b
    Example:
      fiducia down
    """
    from fiducia.app.stack import DevelopmentStack

    stopped = DevelopmentStack(call.house, call.settings, call.out.say).down()
    if call.out.as_json:
        call.out.facts({"stopped": stopped})
    else:
        call.out.text(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")


def status(call: Call) -> int:
    """Show each part of the consortium: process, address, and whether it is ready (exit 4 when one is not).

    \b
    Example:
      fiducia status --json
    """
    from fiducia.app.stack import DevelopmentStack

    parts = DevelopmentStack(call.house, call.settings, call.out.say).status()
    _show(call, parts)
    return 0 if all(part.ready for part in parts) else LedgerUnreachableError.exit_code


def register(app: typer.Typer) -> None:
    """Put the three into the tree's root: they have no noun."""
    command(app, "up")(up)
    command(app, "down")(down)
    command(app, "status")(status)


def _show(call: Call, parts: Sequence[Part]) -> None:
    call.out.rows(
        [
            {
                "part": part.name,
                "pid": part.pid,
                "address": part.address,
                "ready": part.ready,
                "detail": part.detail,
            }
            for part in parts
        ],
        empty="nothing",
    )
