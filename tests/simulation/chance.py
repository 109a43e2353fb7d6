"""What goes wrong, and when: everything is drawn from one seed, and nothing once a world is calm."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random


class Killed(BaseException):
    """A process ended here, as by SIGKILL: no `except Exception` of its own sees it."""

    def __init__(self, process: Process) -> None:
        super().__init__(process.name)
        self.process = process


@dataclass(eq=False)
class Process:
    """A running process of an institution: a broker, a gateway, or a command at a desk.

    Attributes:
        name: such as "broker 2".
        alive: it was not killed; one that begins anew is another.
    """

    name: str
    alive: bool = True


@dataclass
class Weather:
    """How bad it is in one world: probabilities of each thing that may go wrong, each time it can.

    Attributes:
        kill: a process ends at a named point, or before or after a write.
        meanwhile: somebody else acts at a point.
        lose: a message is lost, on its way or on its way back.
        twice: a message arrives twice.
        store: the store answers nothing, other bytes or too few.
        late: a transaction is not final in time, or never included.
        disk: a write is durable, and nobody learns it.
    """

    kill: float = 0.0
    meanwhile: float = 0.0
    lose: float = 0.0
    twice: float = 0.0
    store: float = 0.0
    late: float = 0.0
    disk: float = 0.0


def draw_weather(random: Random) -> Weather:
    """Return some weather: in many worlds most things work, so that histories get far."""
    return Weather(
        kill=random.choice((0.0, 0.003, 0.01, 0.03)),
        meanwhile=random.choice((0.0, 0.05, 0.15)),
        lose=random.choice((0.0, 0.02, 0.1)),
        twice=random.choice((0.0, 0.05)),
        store=random.choice((0.0, 0.01, 0.05)),
        late=random.choice((0.0, 0.05, 0.15)),
        disk=random.choice((0.0, 0.02)),
    )


@dataclass
class Chance:
    """Draws; a calm world draws nothing."""

    random: Random
    weather: Weather
    calm: bool = False

    def of(self, probability: float) -> bool:
        """Tell whether it happens this time."""
        if self.calm or not probability:
            return False
        return self.random.random() < probability
