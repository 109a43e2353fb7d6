"""`fiducia up`, `down` and `status`: a development consortium on this machine."""

from __future__ import annotations

import contextlib
import enum
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from fiducia.app.cli.common import Call, command
from fiducia.app.plan import MEMBERS, MORE_MEMBERS
from fiducia.errors import LedgerUnreachableError

if TYPE_CHECKING:
    from fiducia.app.stack_parts import Part


class StoreChoice(enum.Enum):
    """Where encrypted objects lie."""

    KUBO = "kubo"
    EMBEDDED = "embedded"


StoreOption = Annotated[
    StoreChoice | None,
    typer.Option(help="Where encrypted objects lie. Default: Kubo where it is installed.", show_default=False),
]
TrusteesOption = Annotated[
    str | None,
    typer.Option(
        metavar="TofN",
        help="Deal every key to N hospitals, T of which open it: 2of3. Default: each hospital keeps its own.",
        show_default=False,
    ),
]
DetachOption = Annotated[bool, typer.Option("--detach", help="Leave it running; `fiducia down` stops it.")]


def up(call: Call, store: StoreOption = None, trustees: TrusteesOption = None, detach: DetachOption = False) -> None:
    """Bring up a development consortium: a local chain, a store, and a broker for each of two hospitals.

    The first time it makes the profiles hospital-a (custodian), hospital-b, clinician, patient and auditor, deploys
    the contracts, publishes keys, issues a badge and enrols a patient. Later it starts with what is there, in
    seconds. Without --detach it stays until Ctrl-C and leaves no process behind. A home that `fiducia lab up` made
    comes up with its validators. With --trustees there are as many hospitals with brokers as hold shares of each key,
    up to five, and the first of them registers only when one more than it takes to open a key holds its shares.

    \b
    Examples:
      fiducia up --detach
      fiducia up --trustees 2of3 --detach
      fiducia up --store embedded --home /tmp/trial
    """
    bring_up(call, store, detach=detach, custody=custody_of(trustees) if trustees else None)


def custody_of(text: str) -> tuple[int, int]:
    """Read "2of3". Raises: typer.BadParameter."""
    found = re.fullmatch(r"([1-9])of([1-9])", text)
    threshold, holders = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= threshold <= holders <= len(MEMBERS) + len(MORE_MEMBERS):
        raise typer.BadParameter("write how many of how many open a key, such as 2of3; at most 5 hospitals")
    return threshold, holders


def bring_up(
    call: Call,
    store: StoreChoice | None,
    *,
    detach: bool,
    validators: int | None = None,
    custody: tuple[int, int] | None = None,
) -> None:
    """Bring the stack up, show it, and without `detach` stay until it ends."""
    from fiducia.app.stack import DevelopmentStack  # loads what only the commands of the stack need

    stack = DevelopmentStack(call.house, call.settings, call.out.say)
    with contextlib.nullcontext() if detach else stack.foreground():
        stack.up(store.value if store else None, detach=detach, validators=validators, custody=custody)
        show(call, stack.status())
        if not detach:
            call.out.say("running; Ctrl-C stops everything")
            stack.watch()
    if not detach:
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
    show(call, parts)
    return 0 if all(part.ready for part in parts) else LedgerUnreachableError.exit_code


def register(app: typer.Typer) -> None:
    """Put the three into the tree's root: they have no noun."""
    command(app, "up")(up)
    command(app, "down")(down)
    command(app, "status")(status)


def show(call: Call, parts: Sequence[Part]) -> None:
    """Print the parts of a stack."""
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
