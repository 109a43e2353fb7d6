"""Signals that end what runs: as Ctrl-C does, never in the middle of what must be done whole, and never for nothing.

Owns how TERM and HUP become what Ctrl-C is, that an interruption which Python ignores is raised once more, and that
signals wait while a process is being started or stopped. Elsewhere than in the main thread nothing is changed.
"""

from __future__ import annotations

import _thread
import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType

INTERRUPTIONS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
ONCE_MORE_S = 0.02
"""So long after it was ignored an interruption is raised again: the callback has ended by then."""


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let TERM and HUP end the block as Ctrl-C does, so that what it cleans up is cleaned up.

    What is raised within a callback of the interpreter's (of a weak reference after an import, of a finaliser) is
    ignored there. An interruption that fell into one would be lost: it is raised once more.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {number: signal.signal(number, _interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    hook = sys.unraisablehook

    def once_more(ignored: sys.UnraisableHookArgs) -> None:
        if isinstance(ignored.exc_value, KeyboardInterrupt):
            # Harmless if it comes after the block: interrupt_main does nothing where nobody handles the signal.
            timer = threading.Timer(ONCE_MORE_S, _thread.interrupt_main, (signal.SIGTERM,))
            timer.daemon = True
            timer.start()
        else:
            hook(ignored)

    sys.unraisablehook = once_more
    try:
        yield
    finally:
        sys.unraisablehook = hook
        for number, handler in handlers.items():
            signal.signal(number, handler or signal.SIG_DFL)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Hold signals that would interrupt back until the block is done: processes are started and stopped whole."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []

    def hold(number: int, _: FrameType | None) -> None:
        held.append(number)

    before = {number: signal.signal(number, hold) for number in INTERRUPTIONS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if held:
            signal.raise_signal(held[0])


def _interrupt(number: int, _: FrameType | None) -> None:
    raise KeyboardInterrupt
