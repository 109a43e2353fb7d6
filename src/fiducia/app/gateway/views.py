"""Who is signed in at the gateway, and what of theirs still stands.

Owns the way from a token to a person's catalogue, made when the token is first shown and let go when its session is
over, and the one loop that reads the ledger for everybody.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from fiducia.app.gateway.catalogue import Catalogue
from fiducia.core.replay import State
from fiducia.errors import FiduciaError, LimitError
from fiducia.journeys.reading.viewing import Viewing
from fiducia.journeys.sign_in.sign_in import GatewaySessions, Session

VIEWS_MAX = 500


@dataclass(slots=True)
class _View:
    token: str = field(repr=False)
    session: Session
    catalogue: Catalogue
    asked: threading.Lock = field(default_factory=threading.Lock)
    seen_block: int = -1


class Views:
    """Every signed-in person's view. Safe for threads."""

    def __init__(
        self, *, sessions: GatewaySessions, viewing_of: Callable[[Session], Viewing], catch_up: Callable[[], State]
    ) -> None:
        """Take the parts; `catch_up` reads the ledger's newest blocks and returns its state."""
        self._sessions = sessions
        self._viewing_of = viewing_of
        self._catch_up = catch_up
        self._lock = threading.Lock()
        self._views: dict[str, _View] = {}
        self._renewing: threading.Thread | None = None

    def catalogue(self, token: str, *, newest: bool = False) -> Catalogue | None:
        """Return the catalogue of whoever bears a token, or None when nobody does.

        The first time, what is offered is requested; that waits for a block. So it is later with `newest`, for what
        was granted since.

        Raises:
            LimitError: too many people are signed in. VaultError, LedgerError, ConfigError: not now.
        """
        session = self._sessions.find(token)
        if session is None:
            return None
        name = _name(token)
        with self._lock:
            view = self._views.get(name)
            if view is None:
                if len(self._views) >= VIEWS_MAX:
                    raise LimitError("too many people are signed in here: sign out where nobody works")
                view = self._views[name] = _View(token, session, Catalogue(self._viewing_of(session)))
        self._refresh(view, newest)
        return view.catalogue

    def session(self, token: str) -> Session | None:
        """Return the session of a token, or None when there is none any more. Raises: VaultError."""
        return self._sessions.find(token)

    def ended(self, token: str) -> int | None:
        """Return how many releases ended that a signed-in person held; None when nobody is. Raises: VaultError."""
        if self._sessions.find(token) is None:
            return None
        with self._lock:
            view = self._views.get(_name(token))
        return view.catalogue.viewing.ended if view else 0

    def left_s(self, session: Session) -> int:
        """Return for how many seconds a session still lasts."""
        return self._sessions.left_s(session)

    def end(self, token: str) -> None:
        """End the session of a token, if there is one, and let go of what it opened. Raises: VaultError."""
        self._sessions.end(token)
        with self._lock:
            view = self._views.pop(_name(token), None)
        if view is not None:
            view.catalogue.viewing.close()

    def follow(self) -> None:
        """Read the ledger once; let go of what is not open any more, and of who is not signed in any more.

        Raises:
            LedgerError: it cannot be read; nothing is shown after a while.
        """
        with self._lock:
            views = dict(self._views)
        for name, view in views.items():
            if self._sessions.find(view.token) is None:
                view.catalogue.viewing.close()
                with self._lock:
                    self._views.pop(name, None)
        state = self._catch_up()
        for view in views.values():
            view.catalogue.viewing.check(state)
        self._renew([view.catalogue.viewing for view in views.values() if not view.catalogue.viewing.renewed])

    def close(self) -> None:
        """Let go of everything."""
        with self._lock:
            views, self._views = list(self._views.values()), {}
        for view in views:
            view.catalogue.viewing.close()

    def _renew(self, viewings: Sequence[Viewing]) -> None:
        """Open anew what was sealed to a key that was replaced, beside the loop: it waits for blocks."""
        if not viewings or (self._renewing is not None and self._renewing.is_alive()):
            return

        def renew() -> None:
            for viewing in viewings:
                with contextlib.suppress(FiduciaError):  # not now: the next round tries again
                    viewing.renew()

        self._renewing = threading.Thread(target=renew, name="renew", daemon=True)
        self._renewing.start()

    def _refresh(self, view: _View, newest: bool) -> None:
        """Request what is new on the ledger since the last time; who comes meanwhile waits for it."""
        if view.seen_block >= 0 and not newest:
            return
        block = self._catch_up().head.number
        with view.asked:
            if view.seen_block < block:
                view.catalogue.viewing.refresh()
                view.seen_block = block


def _name(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
