"""`fiducia patient rotate`, `recover`, `recovery`, `complete`, `veto`: which key signs for a patient."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from fiducia.app import signers
from fiducia.app.cli import parsing
from fiducia.app.cli.acting import approvers, deciding_key, names_of, subject_of
from fiducia.app.cli.common import Call, add_commands
from fiducia.app.output import utc
from fiducia.app.profiles import KeyName, Kind
from fiducia.core import ids
from fiducia.core.entries import Subject
from fiducia.errors import InputError
from fiducia.journeys.patients.recovery import institutions_needed
from fiducia.journeys.shared.subjects import known_subject

SubjectArgument = Annotated[
    str, typer.Argument(metavar="SUBJECT", help="The patient's pseudonym (0x…), or the name of a patient's profile.")
]
WithOption = Annotated[
    list[str] | None,
    typer.Option("--with", metavar="PROFILE", help="A staff member who approves with their badge; repeat."),
]


def register(app: typer.Typer) -> None:
    """Add the commands to `fiducia patient`."""
    add_commands(app, rotate=rotate, recover=recover, recovery=recovery, complete=complete, veto=veto)


def rotate(call: Call) -> None:
    """Replace your signing key, as a patient: a new device, or a key that somebody may have seen.

    What you granted goes on. The key before signs nothing new from then on; it may still revoke.

    \b
    Example:
      fiducia patient rotate --as patient
    """
    patient, receipt = signers.rotate(call.house, call.profile("patient"))
    entry = known_subject(call.house.mirror(patient.reader).catch_up(), patient.subject)
    call.out.facts(
        {
            "subject": patient.subject,
            "patient_profile": patient.name,
            "signer": entry.signer_hash,
            "signer_index": entry.signer_index,
            "gas": receipt.gas_used if receipt else 0,
        }
    )


def recover(
    call: Call,
    subject: SubjectArgument,
    officers: WithOption = None,
    profile: Annotated[
        str | None, typer.Option(metavar="NAME", help="The profile that gets the key. Default: a new one.")
    ] = None,
) -> None:
    """Begin to give a patient another key, as their hospital: the key is lost, or there never was one.

    Officers of two institutions approve, one of them the hospital's own. It then waits, and the patient, a former key
    or a representative may stop it (`patient veto`). Once the patient did, a second attempt takes a third institution,
    and only representatives stop that one. A patient without a device gets the first key by the hospital's officer
    alone.

    \b
    Examples:
      fiducia patient recover 0x5d… --as hospital-a --with officer-a --with officer-b --profile patient-new
      fiducia patient recovery 0x5d…
      fiducia patient complete 0x5d…
    """
    custodian = call.house.institution(call.profile("hospital-a"))
    who = subject_of(call, custodian, subject)
    known_subject(call.house.mirror(custodian.member).catch_up(), who)
    if not officers:
        raise typer.BadParameter("name the officers who approve: --with officer-a --with officer-b")
    badges = approvers(call, custodian, officers)
    holder = signers.receives(call.house, custodian, who, profile)
    begun = call.house.recover_subject(custodian, who).run(who, holder.signer(KeyName.NEXT_SIGNER), badges)
    call.out.say(f"it can be vetoed until it is completed, from {utc(begun.recovery.ready_at)} on")
    call.out.facts(
        {
            "subject": who,
            "patient_profile": holder.name,
            "attempt": begun.recovery.attempt,
            "institutions": list(begun.recovery.institutions),
            "ready": utc(begun.recovery.ready_at),
            "gas": begun.receipt.gas_used,
        }
    )


def recovery(call: Call, subject: SubjectArgument) -> None:
    """Show the recovery of a patient that waits, and what the next one would take.

    \b
    Example:
      fiducia patient recovery 0x5d…
    """
    who, entry = _entry(call, subject)
    waiting = entry.recovery
    facts: dict[str, Any] = {
        "subject": who,
        "waits": waiting is not None,
        "contested": entry.contested,
        "next_takes_institutions": institutions_needed(entry),
    }
    if waiting is not None:
        facts |= {
            "attempt": waiting.attempt,
            "institutions": list(waiting.institutions),
            "begun": utc(waiting.begun_at),
            "ready": utc(waiting.ready_at),
            "signer": waiting.signer_hash,
        }
    call.out.facts(facts)


def complete(call: Call, subject: SubjectArgument) -> None:
    """Complete a recovery whose delay is over; anyone may.

    From then on the new key decides. Everything that was granted before has ended; former keys may still revoke.

    \b
    Example:
      fiducia patient complete 0x5d…
    """
    who, entry = _entry(call, subject)
    reader = call.house.reader(call.acting)
    receipt = None
    if entry.recovery is not None:
        receipt = call.house.complete_recovery(reader, who).run(who)
    state = call.house.mirror(reader).catch_up()
    holder = signers.settle(call.house, state, who) or signers.signs_for(call.house, state, who)
    if receipt is None:
        call.out.say("no recovery waits: it was vetoed or completed, or it never began")
    entry = known_subject(state, who)
    call.out.facts(
        {
            "subject": who,
            "patient_profile": holder.name if holder else None,
            "completed": receipt is not None,
            "signer": entry.signer_hash if entry.signer_index else None,
            "epoch": entry.epoch,
            "gas": receipt.gas_used if receipt else 0,
        }
    )


def veto(
    call: Call,
    subject: Annotated[
        str | None, typer.Argument(metavar="[SUBJECT]", help="The patient. Default: whom you are, or represent.")
    ] = None,
    appointment: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Stop this representative's appointment (profile or 0x…), not the recovery."),
    ] = None,
) -> None:
    """Stop a recovery or an appointment while it waits, as the patient, with a former key, or as a representative.

    \b
    Examples:
      fiducia patient veto --as patient
      fiducia patient veto 0x5d… --as parent
      fiducia patient veto --appointment parent --as patient
    """
    profile = call.profile("patient")
    who = subject_of(call, profile, subject)
    named = representative(call, appointment) if appointment else None
    receipt = call.house.veto_matter(profile, who).run(who, deciding_key(profile), representative=named)
    entry = known_subject(call.house.mirror(profile.reader).catch_up(), who)
    call.out.facts(
        {
            "subject": who,
            "vetoed": "appointment" if named else "recovery",
            "contested": entry.contested,
            "gas": receipt.gas_used,
        }
    )


def representative(call: Call, text: str) -> bytes:
    """Return a representative's signer hash (32 bytes) from a profile's name or 0x… Raises: InputError, ConfigError."""
    if text.startswith("0x"):
        return parsing.hex_bytes(text, 32, "a representative")
    profile = call.house.profiles().load(text)
    if profile.kind is not Kind.REPRESENTATIVE:
        raise InputError(f"{text} is a {profile.kind.value}, not a representative")
    return ids.signer_hash(profile.signer(KeyName.SIGNER).address)


def representative_name(call: Call, signer_hash: bytes) -> str:
    """Return how this home calls a representative: the profile's name, or 0x…"""
    return names_of(call).get(signer_hash) or "0x" + signer_hash.hex()


def _entry(call: Call, subject: str) -> tuple[bytes, Subject]:
    reader = call.house.reader(call.acting)
    who = subject_of(call, call.profile("auditor"), subject)
    return who, known_subject(call.house.mirror(reader).catch_up(), who)
