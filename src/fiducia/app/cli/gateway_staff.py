"""`fiducia gateway staff`: who may sign in at an institution's gateway with a browser, and how."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from fiducia.app.cli import parsing
from fiducia.app.cli.common import Call, command, noun
from fiducia.app.output import Fact, utc
from fiducia.app.profiles import Kind, Profile
from fiducia.core import rules
from fiducia.errors import ConfigError, InputError
from fiducia.journeys.members.acts_noted import STAFF_ADDED, STAFF_REMOVED
from fiducia.journeys.sign_in.staff_directory import CODE_S, StaffDirectory, StaffMember

app = noun("staff", "Staff: who signs in with a hospital account or a passkey, and as what.")


@command(app, "add")
def add(
    call: Call,
    profile: Annotated[str, typer.Argument(metavar="PROFILE", help="A staff member of the institution.")],
    oidc: Annotated[
        str | None, typer.Option(metavar="SUBJECT", help="Their account: what the provider's tokens call `sub`.")
    ] = None,
    oidc_issuer: Annotated[str | None, typer.Option(metavar="URL", help="The provider of that account.")] = None,
    passkey: Annotated[
        bool, typer.Option("--passkey", help="Print a code with which they register a passkey.")
    ] = False,
    role: Annotated[
        list[str] | None,
        typer.Option(metavar="ROLE", help="Repeat for several. Default: as before, or those of their badge."),
    ] = None,
    trained_until: Annotated[
        str | None, typer.Option(metavar="DATE", help="When the training lapses. Default: as before, or their badge's.")
    ] = None,
) -> None:
    """Let a staff member of the institution that you act as sign in, with an account, with a passkey, or both.

    The code of --passkey is typed at /sign-in/passkey/new, once, within a quarter of an hour. It is a secret.

    \b
    Example:
      fiducia gateway staff add clinician --passkey --as hospital-b
    """
    if oidc is None and not passkey:
        raise InputError("say how they sign in: --oidc SUBJECT --oidc-issuer URL, or --passkey")
    if (oidc is None) != (oidc_issuer is None):
        raise InputError("an account is given by --oidc and --oidc-issuer together")
    institution = call.house.institution(call.profile("hospital-b"))
    directory = call.house.staff_directory(institution.member)
    member = _member(call, directory, institution, profile)
    if role:
        member = replace(member, roles=parsing.roles(role))
    if trained_until:
        member = replace(member, trained_until=parsing.until(trained_until))
    call.house.note_act(institution.member).run(STAFF_ADDED, member.person, str(member.roles))
    directory.add(member)
    if oidc is not None and oidc_issuer is not None:
        directory.add_account(member.profile, oidc_issuer, oidc)
    facts = dict(_facts(member))
    if passkey:
        facts |= {"code": directory.new_code(member.profile), "until": utc(call.house.clock.now() + CODE_S)}
    call.out.facts(facts)


@command(app, "list")
def list_(call: Call) -> None:
    """List who may sign in at the gateway of the institution that you act as.

    \b
    Example:
      fiducia gateway staff list --as hospital-b
    """
    institution = call.house.institution(call.profile("hospital-b"))
    listed = call.house.staff_directory(institution.member).everybody()
    rows = [{**_facts(each.member), "accounts": each.accounts, "passkeys": each.passkeys} for each in listed]
    call.out.rows(rows, empty="nobody yet: `fiducia gateway staff add PROFILE`")


@command(app, "remove")
def remove(
    call: Call, profile: Annotated[str, typer.Argument(metavar="PROFILE", help="Whoever is not to sign in any more.")]
) -> None:
    """Forget a person's accounts and passkeys at the gateway, and end their sessions.

    What they hold elsewhere, such as a badge of their own, is `fiducia badge withdraw`'s.

    \b
    Example:
      fiducia gateway staff remove clinician --as hospital-b
    """
    institution = call.house.institution(call.profile("hospital-b"))
    directory = call.house.staff_directory(institution.member)
    if (member := directory.member(profile)) is not None:
        call.house.note_act(institution.member).run(STAFF_REMOVED, member.person)
    known = directory.remove(profile)
    ended = call.house.gateway_sessions(institution.member).sign_out(profile)
    call.out.facts({"profile": profile, "removed": known, "ended": ended})


def _member(call: Call, directory: StaffDirectory, institution: Profile, name: str) -> StaffMember:
    """Who it is: as the directory has them, else as their profile says; the pseudonym is always the profile's."""
    profile = call.house.profiles().load(name)
    if profile.kind is not Kind.STAFF or profile.member != institution.member or profile.badge is None:
        raise ConfigError(
            f"{name} is not a staff member of {institution.name} with a badge: "
            f"`fiducia badge issue NAME --as {institution.name}` makes one"
        )
    badge = profile.badge.badge
    known = directory.member(name) or StaffMember(name, badge.person, badge.roles, badge.trained_until)
    return replace(known, person=badge.person)


def _facts(member: StaffMember) -> Fact:
    return {
        "profile": member.profile,
        "person": member.person,
        "roles": [role.name for role in rules.roles_in(member.roles)],
        "trained_until": utc(member.trained_until),
    }
