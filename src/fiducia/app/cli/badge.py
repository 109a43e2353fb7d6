"""`fiducia badge`: staff members' short-lived credentials, signed by the institution's issuer."""

from __future__ import annotations

from typing import Annotated

import typer

from fiducia.app import staff
from fiducia.app.cli import parsing
from fiducia.app.cli.common import Call, command, noun
from fiducia.app.output import Fact, utc
from fiducia.app.profiles import KeyName, Kind, Profile
from fiducia.core import rules
from fiducia.errors import InputError

app = noun("badge", "Badges: who works where, in which role, until when.")


@command(app, "issue")
def issue(
    call: Call,
    holder: Annotated[str, typer.Argument(metavar="PROFILE", help="The staff member; made when there is none.")],
    role: Annotated[
        list[str] | None, typer.Option(metavar="ROLE", help="Repeat for several. Default: PHYSICIAN.")
    ] = None,
    hours: Annotated[int, typer.Option(min=1, max=168, help="How long the badge lasts.")] = 12,
    trained_until: Annotated[
        str | None, typer.Option(metavar="DATE", help="When the training lapses. Default: in a year.")
    ] = None,
) -> None:
    """Issue a badge to a staff member of the institution that you act as.

    A badge is not stored on the ledger: it is signed by the institution's ISSUER key and shown with each request.

    \b
    Example:
      fiducia badge issue clinician --as hospital-b --role RADIOLOGIST --hours 8
    """
    issuer = call.house.institution(call.profile("hospital-b"))
    roles = parsing.roles(role or [rules.Role.PHYSICIAN.name])
    trained = parsing.until(trained_until) if trained_until else None
    profile = staff.issue_badge(call.house, issuer, holder, roles=roles, lasts_s=hours * 3600, trained_until=trained)
    call.out.facts(_facts(call, profile))


@command(app, "show")
def show(
    call: Call,
    holder: Annotated[str | None, typer.Argument(metavar="PROFILE", help="Whose badge. Default: --as.")] = None,
) -> None:
    """Show a staff member's badge.

    \b
    Example:
      fiducia badge show clinician
    """
    profile = call.house.profiles().load(holder or call.acting or "clinician")
    call.out.facts(_facts(call, profile))


@command(app, "withdraw")
def withdraw(
    call: Call,
    person: Annotated[str, typer.Argument(metavar="PERSON", help="A person (0x…), or a staff member's profile.")],
) -> None:
    """Withdraw one person of the institution that you act as, for good: no badge of theirs counts from now on.

    \b
    Example:
      fiducia badge withdraw clinician --as hospital-b
    """
    own = call.house.institution(call.profile("hospital-b"))
    value = parsing.person(person, call.house.profiles())
    receipt = call.house.withdraw_staff(own.member).run(value, own.signer(KeyName.ISSUER))
    call.out.facts({"person": value, "withdrawn": True, "block": receipt.head.number, "gas": receipt.gas_used})


@command(app, "end-all")
def end_all(call: Call) -> None:
    """End every badge of the institution that you act as, at once, as its governor. New ones are issued afterwards.

    \b
    Example:
      fiducia badge end-all --as hospital-b
    """
    own = call.house.institution(call.profile("hospital-b"))
    epoch, receipt = call.house.end_badges(own.member).run(own.institution, own.signer(KeyName.GOVERNOR))
    call.out.facts(
        {
            "institution": own.institution,
            "badge_epoch": epoch,
            "block": receipt.head.number,
            "gas": receipt.gas_used,
        }
    )


def _facts(call: Call, profile: Profile) -> Fact:
    if profile.kind is not Kind.STAFF or profile.badge is None:
        raise InputError(f"{profile.name} holds no badge: `fiducia badge issue {profile.name} --as INSTITUTION`")
    badge = profile.badge.badge
    member = call.house.mirror(profile.member).catch_up().member(badge.institution)
    now = call.house.clock.now()
    current = member is not None and member.badge_epoch == badge.epoch
    return {
        "profile": profile.name,
        "member": profile.member,
        "institution": badge.institution,
        "person": badge.person,
        "roles": [role.name for role in rules.roles_in(badge.roles)],
        "purposes": [purpose.name for purpose in rules.purposes_in(rules.purposes_of_roles(badge.roles))],
        "from": utc(badge.not_before),
        "until": utc(badge.not_after),
        "trained_until": utc(badge.trained_until),
        "valid": current and badge.not_before <= now < min(badge.not_after, badge.trained_until),
    }
