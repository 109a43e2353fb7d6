"""Closing for in-memory adapters: there is nothing to close, but they stand in for ones that have."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self


class Closing:
    """An adapter that can be used in `with` and closed, both without effect."""

    def close(self) -> None:
        """Do nothing."""

    @contextmanager
    def together(self) -> Iterator[None]:
        """Do nothing: what is in memory needs no transaction to be fast."""
        yield

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
