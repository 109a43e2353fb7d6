"""What people and programs see: facts on stdout, progress and errors on stderr.

Owns the two consoles, JSON and text forms, and the progress bar (only where stderr is a terminal). With --json,
stdout carries exactly one JSON document, also when a command fails. Colour follows NO_COLOR and the terminal.
Knows no journey: `app.cli` turns records into the plain values that are printed here.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from fiducia.core.problems import to_problem
from fiducia.errors import FiduciaError

Fact = Mapping[str, Any]


class Output:
    """One command's voice.

    Args:
        as_json: print facts and errors as one JSON document on stdout.
    """

    def __init__(self, as_json: bool = False) -> None:
        self.as_json = as_json
        self._out = Console(highlight=False, soft_wrap=True)
        self._err = Console(stderr=True, highlight=False, soft_wrap=True)

    def facts(self, fact: Fact, *, title: str = "") -> None:
        """Print one thing: a JSON object, or aligned `name  value` lines."""
        if self.as_json:
            self._json(fact)
            return
        if title:
            self._out.print(f"[bold]{escape(title)}[/bold]")
        plain = {name: text(value) for name, value in fact.items() if not (_is_rows(value) or value is None)}
        width = max(map(len, plain), default=0)
        for name, value in plain.items():
            self._out.print(f"[dim]{name:<{width}}[/dim]  {escape(value)}".rstrip())
        for name, value in fact.items():
            if _is_rows(value):
                self._out.print(f"\n[bold]{escape(name.replace('_', ' '))}[/bold]")
                self._rows(value)

    def rows(self, rows: Sequence[Fact], *, empty: str) -> None:
        """Print several things: a JSON array, or a table; `empty` says why there are none."""
        if self.as_json:
            self._json(rows)
        elif rows:
            self._rows(rows)
        else:
            self._err.print(escape(empty))

    def say(self, message: str) -> None:
        """Say on stderr what is going on."""
        self._err.print(f"[dim]{escape(message)}[/dim]")

    def warn(self, message: str) -> None:
        """Say on stderr what deserves attention."""
        self._err.print(f"[yellow]{escape(message)}[/yellow]")

    def text(self, message: str) -> None:
        """Print text for people on stdout; with --json on stderr, since stdout is one document."""
        (self._err if self.as_json else self._out).print(escape(message))

    def document(self, text: str) -> None:
        """Print a document of somebody else's format on stdout, as it is, with --json and without."""
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    def error(self, error: FiduciaError) -> None:
        """Print an error on stderr, and with --json as an RFC 9457 problem on stdout."""
        self._err.print(f"[bold red]error:[/bold red] {escape(str(error) or error.slug)}")
        if self.as_json:
            self._json(problem_of(error))

    def failure(self, kind: str, detail: str, exit_code: int) -> None:
        """Print an error that is not one of fiducia's own kinds."""
        self._err.print(f"[bold red]error:[/bold red] {escape(detail)}")
        if self.as_json:
            self.problem(kind, detail, exit_code)

    def problem(self, kind: str, detail: str, exit_code: int) -> None:
        """Print a JSON problem on stdout."""
        self._json({"type": f"urn:fiducia:problem:{kind}", "title": kind, "detail": detail, "exit_code": exit_code})

    def progress(self) -> ProgressBar:
        """Return a progress display for a `with` block; fits `fiducia.ports.Progress`."""
        sizes = (DownloadColumn(binary_units=False), TransferSpeedColumn())
        return ProgressBar(self._err, sizes)

    def counting(self) -> ProgressBar:
        """Return a progress display that counts things instead of bytes."""
        return ProgressBar(self._err, (MofNCompleteColumn(),))

    def _json(self, value: Any) -> None:
        sys.stdout.write(json.dumps(_wire(value), ensure_ascii=False, indent=2) + "\n")
        sys.stdout.flush()

    def _rows(self, rows: Sequence[Fact]) -> None:
        """Print a table; nothing in it is cut or folded: a terminal wraps long lines by itself."""
        columns = list(dict.fromkeys(name for row in rows for name in row))
        cells = [[text(row.get(name)) for name in columns] for row in rows]
        widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
        for number, line in enumerate([columns, *cells]):
            padded = escape("  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip())
            self._out.print(padded if number else f"[bold]{padded}[/bold]")


class ProgressBar:
    """Long work as a bar on a terminal, as nothing elsewhere."""

    def __init__(self, console: Console, done: Sequence[ProgressColumn]) -> None:
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            *done,
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bars.add_task("", total=None, visible=False)

    def __enter__(self) -> ProgressBar:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def start(self, what: str, total_bytes: int) -> None:
        """Begin a stretch of work; see `fiducia.ports.Progress`."""
        self._bars.reset(self._task, description=what, total=total_bytes, visible=True)

    def advance(self, size_bytes: int) -> None:
        """Report more bytes done."""
        self._bars.advance(self._task, size_bytes)


def problem_of(error: FiduciaError) -> dict[str, Any]:
    """Return an error as RFC 9457 problem details, with the exit code."""
    return {**json.loads(to_problem(error)), "exit_code": error.exit_code}


def utc(at: int) -> str:
    """Return UTC Unix seconds as ISO 8601; times beyond year 9999 as "never ends"."""
    try:
        return datetime.datetime.fromtimestamp(at, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return "never ends"


def text(value: Any) -> str:
    """Return a value as people read it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, (list, tuple)):
        return ", ".join(map(text, value))
    return str(value)


def _wire(value: Any) -> Any:
    """Give JSON what it does not know: bytes as 0x hex, enums by name, records as objects."""
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, (bytes, bytearray, memoryview)):
        return "0x" + bytes(value).hex()
    if isinstance(value, Mapping):
        return {str(name): _wire(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_wire(each) for each in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: _wire(getattr(value, item.name)) for item in dataclasses.fields(value)}
    return value


def _is_rows(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(each, Mapping) for each in value) and bool(value)
