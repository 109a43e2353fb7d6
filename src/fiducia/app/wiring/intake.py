"""What a custodian's doors are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fiducia.adapters.system import SilentProgress
from fiducia.app.intake import IntakeParts
from fiducia.app.profiles import KeyName, Profile
from fiducia.journeys.intake.receive import ReceiveInstance
from fiducia.journeys.studies.commitment import TellStanding

if TYPE_CHECKING:
    from fiducia.app.wiring.house import House


def intake_parts(house: House, custodian: Profile, quiet_s: int) -> IntakeParts:
    """Return the doors of one custodian. Raises: VaultError."""
    spool = house.spool(custodian.member)

    def ready() -> None:
        """Keep something and destroy it again, as receiving would."""
        spool.remove([spool.take([b"."]).spool_id])

    return IntakeParts(
        receive=ReceiveInstance(spool=spool, examiner=house.examiner(), clock=house.clock, steps=house.steps),
        close=house.close_studies(custodian.member, SilentProgress(), quiet_s),
        tell=TellStanding(spool=spool, studies=house.studies(custodian.member)),
        custodian=custodian.institution,
        registrar=house.serving_signer(custodian, KeyName.REGISTRAR),
        token=house.intake_token(custodian.member),
        ready=ready,
    )
