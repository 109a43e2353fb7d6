"""What the doors of one custodian are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from fiducia.journeys.intake.closing import CloseStudies
from fiducia.journeys.intake.receive import ReceiveInstance
from fiducia.journeys.studies.commitment import TellStanding
from fiducia.ports import Signer


@dataclass(frozen=True, slots=True)
class IntakeParts:
    """Journeys, and who they act for.

    Attributes:
        receive: takes one instance.
        close: registers studies that are quiet.
        tell: says how instances stand, to whoever asks for storage commitment.
        custodian: the institution's number.
        registrar: its REGISTRAR key.
        token: what senders must bear; 32 random bytes as hexadecimal digits.
        ready: raises when nothing could be kept now.
    """

    receive: ReceiveInstance
    close: CloseStudies
    tell: TellStanding
    custodian: int
    registrar: Signer = field(repr=False)
    token: str = field(repr=False)
    ready: Callable[[], object]
