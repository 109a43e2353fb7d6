"""`fiducia study rekey`: fresh keys for a study, and how long it took from the revoke to being denied and re-keyed."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from fiducia.app.cli import parsing
from fiducia.app.cli.common import Call, add_commands
from fiducia.app.output import utc
from fiducia.app.profiles import KeyName
from fiducia.errors import InputError

_ROUND = 3


def register(app: typer.Typer) -> None:
    """Add the command to `fiducia study`."""
    add_commands(app, rekey=rekey, rekeyings=show_rekeyings)


def rekey(
    call: Call,
    study: Annotated[str, typer.Argument(metavar="ID", help="The study_id.")],
    series: Annotated[
        list[int] | None,
        typer.Option("--series", metavar="N", min=1, help="Only this series; repeat it. Default: every series."),
    ] = None,
    revoke: Annotated[
        str | None, typer.Option("--revoke", metavar="GRANT", help="First revoke this grant, as the hospital.")
    ] = None,
) -> None:
    """Seal a study's series anew under fresh keys, as its hospital: a new revision, and those before are withdrawn.

    For keys that leaked, or that somebody keeps whose grant was revoked. Grants of the study go on, and open the new
    revision. The old keys are released no more; whoever has them and a copy of the old pack opens that copy. It prints
    revoked_to_denied_s, from asking for the revoke until its broker took it (null without --revoke), and rekeyed_s,
    from the same moment until the new keys are the study's and the old revisions are withdrawn.

    An interrupted run is finished by the same command. Where it takes several trustees to open the study, a revision
    announces that its keys are dealt anew, and as many trustees as must hold the new keys give the present ones to the
    hospital's broker; once the new ones are the study's, they destroy their shares of the old ones. destroyed lists who
    attested that, waiting whom the broker goes on telling.

    \b
    Examples:
      fiducia study rekey 0x3f… --as hospital-a
      fiducia study rekey 0x3f… --series 2 --revoke 0x9c… --as hospital-a
    """
    study_id = parsing.study_id(study)
    custodian = call.house.institution(call.profile("hospital-a"))
    registrar = custodian.signer(KeyName.REGISTRAR)
    start = time.monotonic()
    denied_s = None
    if revoke is not None:
        grant_id = parsing.grant_id(revoke)
        given = call.house.mirror(custodian.member).catch_up().grant(grant_id)
        if given is None:
            raise InputError("the ledger has no such grant; `fiducia grant list` lists them")
        start = time.monotonic()
        call.house.revoke_grant(custodian, given.subject).run(grant_id, registrar)
        denied_s = round(time.monotonic() - start, _ROUND)
    with call.out.progress() as progress:
        done = call.house.rekey_study(custodian, progress).run(
            study_id, series or (), custodian=custodian.institution, registrar=registrar
        )
    call.out.facts(
        {
            "study_id": done.study_id,
            "revision": done.revision,
            "series": done.series,
            "withdrawn": done.withdrawn,
            "destroyed": done.destroyed,
            "waiting": done.waiting,
            "revoked_to_denied_s": denied_s,
            "rekeyed_s": round(time.monotonic() - start, _ROUND),
        }
    )


def show_rekeyings(call: Call) -> None:
    """List what the hospital's broker re-keyed by its policy, with the seconds from revoke to denied and to re-keyed.

    The policy is a setting of `fiducia broker serve` (and of `fiducia up`, which hands it on): FIDUCIA_REKEY_PURPOSES,
    purposes separated by commas or "all", and FIDUCIA_REKEY_BASES, bases or "all". When a grant for one of them is
    revoked under which keys were released to be kept, those series get fresh keys, with the hospital's REGISTRAR key.
    Set here, too, studies that are due and not done yet are listed as waiting.

    \b
    Examples:
      FIDUCIA_REKEY_PURPOSES=HRESCH,CLINTRCH fiducia up --detach
      fiducia study rekeyings --as hospital-a
    """
    from fiducia.app.rekey_policy import rekey_policy  # loads journeys that help does not wait for
    from fiducia.journeys.custody.rekeying_revoked import rekeyings

    custodian = call.house.institution(call.profile("hospital-a"))
    rows: list[dict[str, Any]] = [
        {
            "study_id": study_id,
            "grant_id": note.grant_id,
            "revision": note.revision,
            "series": note.series,
            "revoked_at": utc(note.revoked_at) if note.revoked_at else None,
            "revoked_to_denied_s": note.denied_at - note.revoked_at if note.revoked_at else None,
            "revoked_to_rekeyed_s": note.rekeyed_at - note.revoked_at if note.revoked_at else None,
            "waiting": False,
        }
        for study_id, note in rekeyings(call.house.journal(custodian.member))
    ]
    policy = rekey_policy(call.settings)
    waiting = call.house.rekey_revoked(custodian, policy).due() if policy else ()
    rows += [
        {
            "study_id": due.study_id,
            "grant_id": due.grant_id,
            "revision": None,
            "series": len(due.series),
            "revoked_at": None,
            "revoked_to_denied_s": None,
            "revoked_to_rekeyed_s": None,
            "waiting": True,
        }
        for due in waiting
    ]
    call.out.rows(rows, empty="nothing was re-keyed by a policy")
