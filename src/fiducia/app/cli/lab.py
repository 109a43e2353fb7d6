"""`fiducia lab ...`: a development consortium on a chain of several validators, some of which may fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from fiducia.app.cli import stack as stack_commands
from fiducia.app.cli.common import Call, command, noun
from fiducia.app.cli.stack import DetachOption, StoreOption
from fiducia.errors import LedgerUnreachableError

if TYPE_CHECKING:
    from fiducia.app.stack import DevelopmentStack

app = noun("lab", "A consortium whose chain has several validators (BFT): bring it up, stop and return validators.")

NumberArgument = Annotated[
    int, typer.Argument(metavar="N", help="Which validator, counted from 1.", show_default=False)
]


@command(app, "up")
def up(
    call: Call,
    validators: Annotated[
        int, typer.Option(min=4, max=10, help="How many; more than two thirds must run for the chain to go on.")
    ] = 4,
    store: StoreOption = None,
    detach: DetachOption = False,
) -> None:
    """Bring up a development consortium on a chain of several validators.

    Like `fiducia up`, but the chain is CometBFT's with an EVM (evmd) instead of Anvil: every validator has a home and a
    process of its own, blocks come about every second and are final at once. It listens on loopback only and speaks
    to nobody else. Every other command works on it; each asks the validators in turn until one answers. Of four
    validators one may fail; with two down nothing is recorded any more (exit 4), nothing is lost, and the same command
    finishes when they are back. `scripts/install --lab` builds evmd.

    \b
    Examples:
      fiducia lab up --validators 4 --detach
      fiducia lab stop 2 --kill
      fiducia lab start 2
    """
    stack_commands.bring_up(call, store, detach=detach, validators=validators)


@command(app, "down")
def down(call: Call) -> None:
    """Stop every process of the consortium; what it holds stays. The same as `fiducia down`.

    \b
    Example:
      fiducia lab down
    """
    stack_commands.down(call)


@command(app, "status")
def status(call: Call) -> int:
    """Show each validator: process, address, its newest block and how old that is (exit 4 when one does not answer).

    A chain that stands still serves its last block, which only grows older: judge it by its age.

    \b
    Example:
      fiducia lab status
    """
    parts = _stack(call).validators()
    stack_commands.show(call, parts)
    return 0 if all(part.ready for part in parts) else LedgerUnreachableError.exit_code


@command(app, "stop")
def stop(
    call: Call,
    number: NumberArgument,
    kill: Annotated[bool, typer.Option("--kill", help="End it at once, as a power cut would (SIGKILL).")] = False,
) -> None:
    """Stop one validator; the others go on while they are more than two thirds.

    \b
    Examples:
      fiducia lab stop 2
      fiducia lab stop 3 --kill
    """
    changed = _stack(call).stop_validator(number, kill=kill)
    _say(call, number, running=False, changed=changed)


@command(app, "start")
def start(call: Call, number: NumberArgument) -> None:
    """Start a validator that was stopped or killed, and wait until it knows what the others know.

    Where that makes more than two thirds of them run, it also waits for the next block.

    It stays until `fiducia down`, also when the others were started without --detach.

    \b
    Example:
      fiducia lab start 2
    """
    changed = _stack(call).start_validator(number)
    _say(call, number, running=True, changed=changed)


def _stack(call: Call) -> DevelopmentStack:
    from fiducia.app.stack import DevelopmentStack  # loads what only these commands need

    return DevelopmentStack(call.house, call.settings, call.out.say)


def _say(call: Call, number: int, *, running: bool, changed: bool) -> None:
    if call.out.as_json:
        call.out.facts({"validator": number, "running": running, "changed": changed})
    else:
        state = "runs" if running else "is stopped"
        call.out.text(f"validator {number} {state}" + ("" if changed else ", as before"))
