"""What every journey runs in: time, chance, fault points, progress."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Civil time; the chain's own time comes with each `Head`."""

    def now(self) -> int:
        """Return UTC Unix seconds."""
        ...

    def pause(self, seconds: float) -> None:
        """Let time pass, for what needs a moment elsewhere."""
        ...


class Entropy(Protocol):
    """The source of keys, salts and nonces."""

    def token(self, size_bytes: int) -> bytes:
        """Return that many bytes from the operating system's generator."""
        ...


class Steps(Protocol):
    """Where a journey stands; called between any two steps that leave a trace in the world."""

    def reached(self, point: str) -> None:
        """Note a named point, such as "register.keys-deposited". Must not raise in production."""
        ...


class Progress(Protocol):
    """Long work as people watch it."""

    def start(self, what: str, total_bytes: int) -> None:
        """Begin a stretch of work."""
        ...

    def advance(self, size_bytes: int) -> None:
        """Report more bytes done."""
        ...
