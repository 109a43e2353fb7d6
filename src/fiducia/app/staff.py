"""Staff of a development consortium: their profiles and badges.

Owns that a staff member keeps one pseudonym and one session key through all badges. What a badge says is
`journeys.sign_in.badges`'.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fiducia.app.profiles import KeyName, Kind, Profile, new_profile
from fiducia.core.rules import YEAR_S
from fiducia.errors import ConfigError
from fiducia.journeys.members.acts_noted import BADGE_ISSUED

if TYPE_CHECKING:
    from fiducia.app.wiring import House


def issue_badge(
    house: House, issuer: Profile, name: str, *, roles: int, lasts_s: int, trained_until: int | None = None
) -> Profile:
    """Issue a badge to a staff member, and keep it in their profile.

    Args:
        house: the home.
        issuer: the institution; its ISSUER key signs.
        name: the staff member's profile; made when there is none.
        roles: mask of roles.
        lasts_s: how long the badge lasts, in seconds.
        trained_until: UTC Unix seconds; in a year when None.

    Raises:
        ConfigError: the profile is somebody else's or no staff member's. InputError: the badge would be void.
    """
    profiles = house.profiles()
    holder = profiles.find(name) or new_profile(
        name, Kind.STAFF, house.entropy, member=issuer.member, institution=issuer.institution
    )
    if holder.kind is not Kind.STAFF or holder.member != issuer.member:
        raise ConfigError(f"the profile {name} is not a staff member of {issuer.name}")
    now = house.clock.now()
    badge = house.issue_badge(issuer.member).run(
        institution=issuer.institution,
        roles=roles,
        session=holder.signer(KeyName.SESSION).address,
        issuer=issuer.signer(KeyName.ISSUER),
        not_after=now + lasts_s,
        trained_until=now + YEAR_S if trained_until is None else trained_until,
        person=holder.person or None,
    )
    house.note_act(issuer.member).run(BADGE_ISSUED, badge.badge.person, str(roles))
    # The gateway opens what was released to its institution; here it lies with the clinician who asks.
    holder = holder.with_key(KeyName.GATEWAY, issuer.key(KeyName.GATEWAY))
    return profiles.save(replace(holder, institution=issuer.institution, badge=badge))
