"""`fiducia representative`: who may decide beside a patient, or for one who cannot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from fiducia.app.cli import parsing
from fiducia.app.cli.acting import approvers, names_of, own_subjects, subject_of
from fiducia.app.cli.common import Call, command, noun
from fiducia.app.cli.recovery import WithOption, representative, representative_name
from fiducia.app.output import utc
from fiducia.app.profiles import KeyName, Kind, Profile, new_profile
from fiducia.core import ids, rules
from fiducia.core.entries import Representative
from fiducia.core.replay import State
from fiducia.errors import ConfigError
from fiducia.journeys.patients.representatives import AppointOrder

app = noun("representative", "Representatives: a parent, a guardian, a delegate, with powers, purposes and an end.")

_SubjectOption = Annotated[
    str | None,
    typer.Option(metavar="SUBJECT", help="The patient (0x… or a profile). Default: whom you are, or represent."),
]


@command(app, "appoint")
def appoint(
    call: Call,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Their profile, made when there is none; or 0x… (a key).")
    ],
    until: Annotated[str, typer.Option("--until", metavar="DATE", help="The last day, such as before majority.")],
    power: Annotated[
        list[str] | None,
        typer.Option("--power", metavar="POWER", help="GRANT (decide for the patient) or ACCESS (open); repeat."),
    ] = None,
    purpose: Annotated[
        list[str] | None, typer.Option("--purpose", metavar="PURPOSE", help="What the powers are limited to; repeat.")
    ] = None,
    subject: _SubjectOption = None,
    staff: WithOption = None,
) -> None:
    """Appoint a representative. It begins after a delay; until then the patient's side can veto it.

    Revoking, restricting and vetoing always go with it; GRANT and ACCESS only where they are given, for the purposes
    that are named. What a representative grants never outlasts the appointment. For a patient without a device two
    staff of the hospital appoint together, one of them an officer.

    \b
    Examples:
      fiducia representative appoint parent --power GRANT --power ACCESS --purpose TREAT --purpose FAMRQT \\
        --until 2033-05-01 --as patient
      fiducia representative appoint guardian --power GRANT --purpose TREAT --until 2030-01-31 \\
        --subject 0x5d… --as hospital-a --with officer-a --with nurse-a
    """
    if bool(power) != bool(purpose):
        raise typer.BadParameter("powers are for purposes: give --power and --purpose, or neither")
    profile = call.profile("patient")
    who = subject_of(call, profile, subject)
    order = AppointOrder(
        subject=who,
        representative=_appointee(call, name),
        powers=parsing.powers(power or ()),
        purposes=rules.mask(*map(parsing.purpose, purpose or ())),
        not_after=parsing.until(until),
        name=name,
    )
    shown: list[str] = []

    def show(words: str) -> None:
        shown.extend(words.splitlines())
        if not call.out.as_json:
            call.out.text(words)

    done = call.house.appoint_representative(profile, who).run(order, approvers(call, profile, staff), show=show)
    state = call.house.mirror(profile.reader).catch_up()
    call.out.say(f"it begins at {utc(done.appointment.from_at)}; until then it can be vetoed")
    words = {"words": shown or None} if call.out.as_json else {}
    call.out.facts(_row(state, done.appointment, names_of(call)) | words | {"gas": done.receipt.gas_used})


@command(app, "list")
def list_representatives(call: Call) -> None:
    """List your representatives, the patients whom you represent, or those of your hospital's patients.

    \b
    Example:
      fiducia representative list --as patient
    """
    profile = call.profile("patient")
    state = call.house.mirror(profile.reader).catch_up()
    names = names_of(call)
    rows = [_row(state, entry, names) for entry in _visible(state, profile)]
    call.out.rows(rows, empty="there are no representatives here")


@command(app, "dismiss")
def dismiss(
    call: Call,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Their profile, or 0x… as the list shows it.")],
    subject: _SubjectOption = None,
    staff: WithOption = None,
) -> None:
    """Dismiss a representative, and with that end everything that was granted so far.

    The patient dismisses, or the representative steps back; where nobody of theirs can, officers of three institutions
    dismiss together, one of them the hospital's.

    \b
    Examples:
      fiducia representative dismiss parent --as patient
      fiducia representative dismiss parent --subject 0x5d… --as parent
    """
    profile = call.profile("patient")
    who = subject_of(call, profile, subject)
    named = representative(call, name)
    receipt = call.house.dismiss_representative(profile, who).run(who, named, approvers(call, profile, staff))
    entry = call.house.mirror(profile.reader).catch_up().subject(who)
    call.out.facts(
        {
            "subject": who,
            "representative": representative_name(call, named),
            "dismissed": True,
            "epoch": entry.epoch if entry else None,
            "gas": receipt.gas_used,
        }
    )


def _appointee(call: Call, name: str) -> bytes:
    """The hash of the representative's signer; a profile is made when there is none. Raises: ConfigError."""
    if name.startswith("0x"):
        return representative(call, name)
    profiles = call.house.profiles()
    profile = profiles.find(name) or profiles.save(new_profile(name, Kind.REPRESENTATIVE, call.house.entropy))
    if profile.kind is not Kind.REPRESENTATIVE:
        raise ConfigError(f"the profile {name} is a {profile.kind.value}: a representative has one of their own")
    return ids.signer_hash(profile.signer(KeyName.SIGNER).address)


def _visible(state: State, profile: Profile) -> list[Representative]:
    if profile.kind is Kind.REPRESENTATIVE:
        own = ids.signer_hash(profile.signer(KeyName.SIGNER).address)
        entries = (each for subject in state.subjects() for each in state.appointments(subject.subject))
        return [entry for entry in entries if entry.representative == own]
    if profile.kind is Kind.PATIENT:
        return [entry for subject in own_subjects(state, profile) for entry in state.appointments(subject)]
    custodian = profile.institution or None
    return [entry for subject in state.subjects(custodian) for entry in state.appointments(subject.subject)]


def _row(state: State, entry: Representative, names: Mapping[bytes, str]) -> dict[str, Any]:
    now = state.head.time_at
    standing = "waiting" if now < entry.from_at else "live" if now < entry.not_after else "ended"
    return {
        "subject": entry.subject,
        "representative": names.get(entry.representative) or entry.representative,
        "state": standing,
        "powers": [power.name for power in rules.powers_in(entry.powers)],
        "purposes": [purpose.name for purpose in rules.purposes_in(entry.purposes)],
        "from": utc(entry.from_at),
        "until": utc(entry.not_after),
    }
