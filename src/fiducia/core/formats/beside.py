"""Work on a piece beside the thread that made it: hashing one while the next is sealed.

Owns the form of it and the way without threads; whoever has threads gives a `Beside` of his own.
"""

from __future__ import annotations

from collections.abc import Callable

from fiducia.core.formats.context import Piece

Beside = Callable[[Callable[[Piece], None], Piece], Callable[[], object]]
"""Has something done with a piece while its caller goes on; what comes back waits for it, and raises what it raised.

It is waited for once, and before the next piece of the same hash is given.
"""


def done() -> None:
    """Wait for nothing."""


def in_turn(act: Callable[[Piece], None], piece: Piece) -> Callable[[], object]:
    """A `Beside` of one thread: it is done at once."""
    act(piece)
    return done
