"""What every command shares: its options, its call, and how it is put into the command tree.

Owns `--home`, `--as` and `--json` (accepted before the noun and after the verb; the later one counts) and the
`Call` that a command's body gets. A command's body is a plain function of a `Call` and its own arguments that
returns None, or an exit code when it is not 0; errors are the boundary's (`app.cli`).
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fiducia.app.home import Home
from fiducia.app.output import Output
from fiducia.app.settings import Settings, load

if TYPE_CHECKING:
    from fiducia.app.profiles import Profile
    from fiducia.app.wiring import House

PANEL = "On every command"

HomeOption = Annotated[
    Path | None,
    typer.Option("--home", metavar="DIR", help="The consortium's home directory.", rich_help_panel=PANEL),
]
AsOption = Annotated[
    str | None,
    typer.Option("--as", metavar="PROFILE", help="Act as this profile of the home.", rich_help_panel=PANEL),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.", rich_help_panel=PANEL)]

Body = Callable[..., int | None]


@dataclass(slots=True)
class Common:
    """The common options as they were given so far."""

    home: Path | None = None
    profile: str | None = None
    as_json: bool = False

    def take(self, home: Path | None, profile: str | None, as_json: bool) -> None:
        """Let later options count, and keep earlier ones that are not given again."""
        self.home = home if home is not None else self.home
        self.profile = profile if profile is not None else self.profile
        self.as_json = as_json or self.as_json


class Call:
    """One run of one command: where it works, as whom, and how it speaks."""

    def __init__(self, common: Common, settings: Settings) -> None:
        self.settings = settings
        self.home = Home(settings.home_directory(common.home))
        self.out = Output(common.as_json)
        self._profile = common.profile
        self._house: House | None = None

    @property
    def house(self) -> House:
        """The adapters of this home, opened as they are asked for."""
        if self._house is None:
            from fiducia.app.wiring import House  # the adapters' libraries take a while to load; help does not wait

            self._house = House(self.home, self.settings)
        return self._house

    @property
    def acting(self) -> str | None:
        """The profile that --as names, if it was given."""
        return self._profile

    def profile(self, default: str) -> Profile:
        """Return the profile to act as: --as, or the command's default. Raises: ConfigError, VaultError."""
        return self.house.profiles().load(self._profile or default)

    def close(self) -> None:
        """Close what was opened."""
        if self._house is not None:
            self._house.close()


def command(app: typer.Typer, name: str) -> Callable[[Body], Body]:
    """Put a function into the tree as a command, with the common options after its own.

    Args:
        app: the noun.
        name: the verb.
    """

    def register(body: Body) -> Body:
        signature = inspect.signature(body, eval_str=True)
        own = list(signature.parameters.values())[1:]

        @functools.wraps(body)
        def run(ctx: typer.Context, home: Path | None, acting: str | None, as_json: bool, **arguments: Any) -> None:
            common = ctx.ensure_object(Common)
            common.take(home, acting, as_json)
            call = Call(common, load())
            try:
                code = body(call, **arguments)
            finally:
                call.close()
            if code:
                raise typer.Exit(code)

        keyword = inspect.Parameter.KEYWORD_ONLY
        shared = [
            inspect.Parameter("ctx", keyword, annotation=typer.Context),
            inspect.Parameter("home", keyword, annotation=HomeOption, default=None),
            inspect.Parameter("acting", keyword, annotation=AsOption, default=None),
            inspect.Parameter("as_json", keyword, annotation=JsonOption, default=False),
        ]
        parameters = [each.replace(kind=keyword) for each in own] + shared
        run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {each.name: each.annotation for each in parameters}
        del run.__wrapped__  # or inspection would look through to the body
        app.command(name)(run)
        return body

    return register


def add_commands(app: typer.Typer, **bodies: Body) -> None:
    """Put functions into the tree as commands, by their verbs; `_` in a name stands for `-`."""
    for verb, body in bodies.items():
        command(app, verb.replace("_", "-"))(body)


def noun(name: str, summary: str) -> typer.Typer:
    """Return an empty group of commands."""
    return typer.Typer(name=name, help=summary, no_args_is_help=True, rich_markup_mode="rich")
