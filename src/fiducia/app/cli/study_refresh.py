"""`fiducia study refresh`: an archive's shares dealt anew, under the keys that its trustees publish now."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from fiducia.app.cli import parsing
from fiducia.app.cli.common import Call, add_commands
from fiducia.app.profiles import KeyName
from fiducia.errors import FiduciaError, TrusteeError
from fiducia.journeys.custody.refreshing import RefreshedStudy


def register(app: typer.Typer) -> None:
    """Add the command to `fiducia study`."""
    add_commands(app, refresh=refresh)


def refresh(
    call: Call,
    studies: Annotated[list[str] | None, typer.Argument(metavar="ID", help="Studies; or --all.")] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Every study dealt before a trustee published its present key.")
    ] = False,
) -> int:
    """Deal studies' shares anew to the trustees that they have, as their hospital. No image, no object changes.

    After trustees rotated their broker keys, perhaps to another KEM (`fiducia key rotate BROKER_KEM --kem`): every
    trustee gets another share, sealed to its present key, and destroys the one of before. Two revisions a study do it,
    as of `fiducia study move-custody`. A study that one share opens is not for this: `fiducia study rekey`.

    Prints how many studies and shares there were, how long it took, and how many packs and indexes are others than
    before. An interrupted run is finished by the same command. Exits with 0; 4 when a trustee did not answer.

    \b
    Examples:
      fiducia study refresh --all --as hospital-a
      fiducia study refresh 0x3f… --as hospital-a
    """
    if bool(studies) == every:
        raise typer.BadParameter("name studies, or give --all")
    custodian = call.house.institution(call.profile("hospital-a"))
    registrar, journey = custodian.signer(KeyName.REGISTRAR), call.house.refresh_shares(custodian)
    began = time.monotonic()
    asked = list(journey.due()) if every else [parsing.study_id(word) for word in studies or ()]
    came = list(journey.run_all(asked, registrar))
    took_s = time.monotonic() - began
    done = [each for each in came if isinstance(each, RefreshedStudy)]
    failed = [each for each in came if isinstance(each, FiduciaError)]
    if failed and not done:
        raise failed[0]
    for told in sorted({str(error) for error in failed}):
        call.out.warn(told)
    shares = sum(each.shares for each in done)
    call.out.facts(
        {
            "studies": len(done),
            "shares": shares,
            "objects_changed": sum(each.objects_changed for each in done),
            "waiting": sum(bool(each.waiting) for each in done),
            "failed": len(failed),
            "took_s": round(took_s, 3),
            "shares_per_s": round(shares / took_s, 1) if took_s else None,
        }
    )
    return TrusteeError.exit_code if failed or any(each.waiting for each in done) else 0
