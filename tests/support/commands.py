"""The whole command tree, of which a run of `fiducia` loads one noun."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import typer
import typer.main

from fiducia.app import cli


@cache
def whole_tree() -> Any:
    """Return the root with every noun below it."""
    tree = typer.main.get_command(cli.app)
    tree.list_commands(typer.Context(tree))  # type: ignore[attr-defined]
    return tree


def every_command() -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command after the words that call it."""
    yield from _below(whole_tree(), ())


def _below(group: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _below(command, (*path, name))
        else:
            yield (*path, name), command
