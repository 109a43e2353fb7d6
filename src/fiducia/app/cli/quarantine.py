"""`fiducia quarantine`: instances that were set aside at intake, and what a hospital's staff decide about them."""

from __future__ import annotations

from typing import Annotated

import typer

from fiducia.app.cli import parsing
from fiducia.app.cli.common import Call, command, noun
from fiducia.app.cli.registered import EXIT_SOME_REFUSED, show_registration
from fiducia.app.enrolment import Enrolment
from fiducia.app.output import Fact, utc
from fiducia.app.profiles import KeyName
from fiducia.core.dicom.spooled import Spooled
from fiducia.errors import InputError

app = noun("quarantine", "Quarantine: instances that were set aside at intake, until staff release or delete them.")

IdsArgument = Annotated[list[str], typer.Argument(metavar="ID...", help="What `fiducia quarantine list` calls them.")]


@command(app, "list")
def list_instances(call: Call) -> None:
    """List what was set aside at your hospital, and what waits to be registered.

    \b
    Example:
      fiducia quarantine list --as hospital-a
    """
    member = call.house.institution(call.profile("hospital-a")).member
    call.out.rows([_row(each) for each in call.house.quarantine(member).run()], empty="nothing is set aside")


@command(app, "show")
def show(call: Call, instance: Annotated[str, typer.Argument(metavar="ID", help="The instance's id.")]) -> None:
    """Show why an instance was set aside. What it says about its patient is not shown.

    \b
    Example:
      fiducia quarantine show 0x18a7… --as hospital-a
    """
    member = call.house.institution(call.profile("hospital-a")).member
    wanted = parsing.spool_id(instance)
    found = next((each for each in call.house.quarantine(member).run() if each.spool_id == wanted), None)
    if found is None:
        raise InputError("no such instance is in quarantine; see `fiducia quarantine list`")
    defects: list[Fact] = [
        {"code": defect.code, "outcome": defect.outcome.name.lower(), "detail": defect.detail}
        for defect in found.defects
    ]
    if call.out.as_json:
        call.out.facts({**_row(found), "defects": defects})
        return
    call.out.facts(_row(found))
    call.out.rows(defects, empty="nothing was found wrong with it")


@command(app, "release")
def release(
    call: Call,
    instances: IdsArgument,
    enrol_new: Annotated[
        bool, typer.Option("--enrol-new", help="Enrol patients whom the directory does not know, each with a profile.")
    ] = False,
) -> int:
    """Let instances through in spite of what was found, and register them. The decision stands in the journal.

    What cannot be registered is named with its reason and stays (exit 5); the same command tries again.

    \b
    Example:
      fiducia quarantine release 0x18a7… --as hospital-a
    """
    custodian = call.house.institution(call.profile("hospital-a"))
    ids = [parsing.spool_id(each) for each in instances]
    enrolment = Enrolment(call.house, custodian)
    enrolment.finish_all()
    call.house.quarantine(custodian.member).release(ids)
    with call.out.progress() as progress:
        registration = call.house.register_spooled(custodian.member, progress).run(
            ids,
            custodian=custodian.institution,
            registrar=custodian.signer(KeyName.REGISTRAR),
            enrol_new=enrolment.enrol if enrol_new else None,
        )
    show_registration(call.out, registration)
    return EXIT_SOME_REFUSED if registration.problems else 0


@command(app, "delete")
def delete(call: Call, instances: IdsArgument) -> None:
    """Destroy instances that were set aside. Nothing on the disk opens them afterwards.

    \b
    Example:
      fiducia quarantine delete 0x18a7… --as hospital-a
    """
    member = call.house.institution(call.profile("hospital-a")).member
    ids = [parsing.spool_id(each) for each in instances]
    call.house.quarantine(member).delete(ids)
    call.out.facts({"deleted": len(set(ids))})


def _row(spooled: Spooled) -> Fact:
    return {
        "id": spooled.spool_id,
        "state": "waits" if spooled.waiting else "set aside",
        "received": utc(spooled.received_at),
        "door": spooled.door,
        "bytes": spooled.examined.info.size_bytes,
        "modality": spooled.examined.info.modality or None,
        "codes": " ".join(dict.fromkeys(defect.code for defect in spooled.defects)),
    }
