"""`fiducia study custody`, `move-custody`: who holds shares of a study's keys, and dealing them to others."""

from __future__ import annotations

from typing import Annotated

import typer

from fiducia.app.cli import parsing
from fiducia.app.cli.common import Call, add_commands
from fiducia.app.profiles import KeyName
from fiducia.core.keys.custody import CustodyRule
from fiducia.errors import EncodingError, TrusteeError
from fiducia.journeys.shared.objects import read_custody, read_manifest
from fiducia.journeys.shared.subjects import known_study

StudyArgument = Annotated[str, typer.Argument(metavar="ID", help="The study_id.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `fiducia study`."""
    add_commands(app, custody=custody, move_custody=move_custody)


def custody(call: Call, study: StudyArgument) -> None:
    """Show who holds shares of a study's keys, and how many of them open it.

    It is what the newest revision's custody document says, whose digest the ledger vouches for; it is public.

    \b
    Example:
      fiducia study custody 0x3f…
    """
    found = known_study(call.house.mirror(call.house.reader(call.acting)).catch_up(), parsing.study_id(study))
    document = read_custody(call.house.store(), read_manifest(call.house.store(), found.manifest))
    names = {member.institution: member.name for member in call.house.consortium.members}
    moves = document.moves_to
    call.out.facts(
        {
            "study_id": found.study_id,
            "revision": found.revision,
            "threshold": document.threshold,
            "moves_to": f"{moves.threshold} of {', '.join(map(str, moves.trustees))}" if moves else None,
            "trustees": [
                {"share": index, "institution": trustee, "member": names.get(trustee)}
                for index, trustee in enumerate(document.trustees, 1)
            ],
        }
    )


def move_custody(
    call: Call,
    study: StudyArgument,
    to: Annotated[
        list[str], typer.Option("--to", metavar="MEMBER", help="A trustee from now on, by name or number; repeat it.")
    ],
    threshold: Annotated[int, typer.Option(min=1, max=255, help="How many of them open a key.")] = 1,
) -> int:
    """Deal a study's keys anew, to other trustees or by another threshold, as its hospital. No image changes.

    Two revisions do it: one says, for everybody to see, where the keys move, and lets the hospital's broker collect
    enough shares; the next has the new deal. The trustees of before then destroy their shares and sign that they did;
    one that does not answer is told again by the hospital's broker, and the command ends with exit 4. An interrupted
    move is finished by the same command. Also how a hospital that took over a patient gets to hold the keys.

    \b
    Examples:
      fiducia study move-custody 0x3f… --to hospital-a --to hospital-b --to hospital-c --threshold 2
      fiducia study move-custody 0x3f… --to hospital-b --as hospital-b
    """
    custodian = call.house.institution(call.profile("hospital-a"))
    trustees = tuple(parsing.institution(word, call.house.profiles()) for word in to)
    try:
        rule = CustodyRule(threshold, trustees)
    except EncodingError as error:
        raise typer.BadParameter(str(error)) from None
    moved = call.house.move_custody(custodian).run(parsing.study_id(study), rule, custodian.signer(KeyName.REGISTRAR))
    call.out.facts(
        {
            "study_id": moved.study_id,
            "revision": moved.revision,
            "threshold": moved.rule.threshold,
            "trustees": moved.rule.trustees,
            "changed": moved.changed,
            "destroyed": moved.destroyed,
            "waiting": moved.waiting,
        }
    )
    if moved.waiting:
        call.out.warn(
            "not every trustee of before attests that its shares are gone; its broker is told again and again"
        )
    return TrusteeError.exit_code if moved.waiting else 0
