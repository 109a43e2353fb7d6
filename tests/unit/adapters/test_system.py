"""The machine's clock and generator, as the ports have them."""

from __future__ import annotations

import time

from fiducia.adapters.system import SilentSteps, SystemClock, SystemEntropy


def test_the_clock_tells_civil_time() -> None:
    before = int(time.time())
    assert before <= SystemClock().now() <= int(time.time())


def test_the_generator_gives_what_was_asked_and_never_the_same() -> None:
    entropy = SystemEntropy()
    assert [len(entropy.token(size)) for size in (0, 1, 32, 1000)] == [0, 1, 32, 1000]
    assert len({entropy.token(16) for _ in range(100)}) == 100


def test_steps_are_silent() -> None:
    SilentSteps().reached("register.anchored")
