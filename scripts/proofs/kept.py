"""What was done of a long proof, line by line: kept here, and in a file that goes with the sources.

A line is a JSON object with a `key`. It is about one state of the code, which the folder's name is the hash of; a file
beside the sources says in its first line which. So a proof goes on where it was interrupted, on any machine.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Container
from pathlib import Path

from scripts.proofs.tools import Json


class Kept:
    """The lines of one proof. Safe for threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines = {str(line["key"]): line for line in read(path)}
        self._lock = threading.Lock()

    def add(self, line: Json) -> None:
        """Keep one line."""
        with self._lock:
            self.lines[str(line["key"])] = line
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")

    def take_over(self, path: Path) -> None:
        """Keep what a file beside the sources has of this very code."""
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        if text.partition("\n")[0] == self._about():
            for line in read(path):
                if line["key"] not in self.lines:
                    self.add(line)

    def forget_but(self, keys: Container[str]) -> None:
        """Forget lines with other keys than these: what they are about is gone, and they are not handed on."""
        self.lines = {key: line for key, line in self.lines.items() if key in keys}

    def hand_on(self, path: Path) -> None:
        """Write all of it into a file beside the sources."""
        with self._lock:
            lines = [json.dumps(line) for _, line in sorted(self.lines.items())]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join([self._about(), *lines, ""]), encoding="utf-8")

    def _about(self) -> str:
        return json.dumps({"sources": self.path.parent.name})


def read(path: Path) -> list[Json]:
    """Return a file's lines; one that is cut short is none."""
    found = []
    for text in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if isinstance(line, dict) and "key" in line:
            found.append(line)
    return found
