"""The nouns of the command line: the module of each is loaded when it is named.

A command needs one noun, and all of them together take longer to load than most commands take to run. What shows
every noun (the root's help, the completion of a word) or knows none of that name (what may have been meant) loads all.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import typer.core
import typer.main

NOUNS = (
    "member",
    "key",
    "badge",
    "patient",
    "representative",
    "study",
    "intake",
    "quarantine",
    "grant",
    "emergency",
    "notice",
    "incident",
    "gateway",
    "viewer",
    "audit",
    "backup",
    "broker",
    "database",
    "lab",
)


class Nouns(typer.core.TyperGroup):
    """The root of the command tree: its own commands, then the nouns."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command or noun by its name; None when there is none."""
        if cmd_name not in self.commands:
            self._load(*([cmd_name] if cmd_name in NOUNS else NOUNS))
        return super().get_command(ctx, cmd_name)

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all commands and nouns, in the order of the help."""
        self._load(*NOUNS)
        return [*(name for name in self.commands if name not in NOUNS), *NOUNS]

    def _load(self, *names: str) -> None:
        for name in names:
            if name not in self.commands:
                self.add_command(typer.main.get_group(import_module(f"fiducia.app.cli.{name}").app), name)
