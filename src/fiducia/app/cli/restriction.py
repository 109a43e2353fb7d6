"""`fiducia patient restrict`, `lift`, `transfer`: whether a patient's studies are processed, and who keeps them."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from fiducia.app import signers
from fiducia.app.cli.acting import approver, approvers, deciding_key, subject_of
from fiducia.app.cli.common import Call, add_commands
from fiducia.app.cli.recovery import WithOption
from fiducia.app.profiles import KeyName

OptionalSubject = Annotated[
    str | None,
    typer.Argument(metavar="[SUBJECT]", help="The patient (0x… or a profile). Default: whom you are, or represent."),
]


def register(app: typer.Typer) -> None:
    """Add the commands to `fiducia patient`."""
    add_commands(app, restrict=restrict, lift=lift, transfer=transfer)


def restrict(call: Call, subject: OptionalSubject = None) -> None:
    """Restrict the processing of a patient's studies: nothing opens on the patient's or the hospital's word.

    It counts from the broker's answer on, also with the chain down. Anyone with standing may: the patient, a former
    key, a representative, the hospital's registrar or officer. The law, an emergency and the patient's own access go
    on.

    \b
    Examples:
      fiducia patient restrict --as patient
      fiducia patient restrict 0x5d… --as officer-a
    """
    profile = call.profile("patient")
    who = subject_of(call, profile, subject)
    on_chain = call.house.restrict_processing(profile, who).run(who, approver(profile))
    if not on_chain:
        call.out.say("taken and denied from now on; the broker carries it to the chain")
    call.out.facts({"subject": who, "restricted": True, "on_chain": on_chain})


def lift(call: Call, subject: OptionalSubject = None, staff: WithOption = None) -> None:
    """Lift the restriction, as the patient or a representative with the power GRANT.

    For a patient without a device two staff of the hospital lift it together, one of them an officer.

    \b
    Examples:
      fiducia patient lift --as patient
      fiducia patient lift 0x5d… --as hospital-a --with officer-a --with nurse-a
    """
    profile = call.profile("patient")
    who = subject_of(call, profile, subject)
    receipt = call.house.lift_restriction(profile, who).run(who, approvers(call, profile, staff))
    call.out.facts({"subject": who, "restricted": False, "gas": receipt.gas_used})


def transfer(
    call: Call,
    subject: OptionalSubject = None,
    to: Annotated[str, typer.Option("--to", metavar="INSTITUTION", help="The new custodian's profile.")] = "hospital-b",
) -> None:
    """Give a patient another hospital as custodian: the patient's side signs, and the new hospital's registrar.

    The pseudonym, the grants and the studies go on. Releases are recorded by the new hospital's broker; keys that were
    deposited before stay with the trustee that each study names.

    \b
    Example:
      fiducia patient transfer --to hospital-b --as patient
    """
    profile = call.profile("patient")
    who = subject_of(call, profile, subject)
    custodian = call.house.institution(call.house.profiles().load(to))
    receipt = call.house.transfer_custody(profile, custodian.institution).run(
        who, custodian.institution, custodian.signer(KeyName.REGISTRAR), deciding_key(profile)
    )
    state = call.house.mirror(profile.reader).catch_up()
    patient = signers.signs_for(call.house, state, who)
    if patient is not None and patient.member != custodian.member:
        moved = replace(patient, member=custodian.member, institution=custodian.institution)
        call.house.profiles().save(moved)
    call.out.facts(
        {
            "subject": who,
            "custodian": custodian.institution,
            "studies": len(state.studies(who)),
            "changed": receipt is not None,
            "gas": receipt.gas_used if receipt else 0,
        }
    )
