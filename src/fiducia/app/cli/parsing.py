"""Words of the command line turned into values: ids, times, grantees, masks.

Owns the forms that a person may type. A word in no accepted form is a usage error (exit 2); a well-formed id
that nobody knows is a journey's to refuse.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import typer

from fiducia.app.profiles import Kind, Profiles
from fiducia.core import ids, rules
from fiducia.errors import ConfigError, InputError

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_MAX_INSTITUTION = 2**32 - 1

_Listed = TypeVar("_Listed")


@dataclass(frozen=True, slots=True)
class Grantee:
    """Whom a grant is for: 32 bytes, and how the person who types knows them."""

    value: bytes
    name: str


def hex_bytes(text: str, size: int, what: str) -> bytes:
    """Return 0x and hex digits as `size` bytes. Raises: BadParameter."""
    if not re.fullmatch(rf"0x[0-9a-fA-F]{{{2 * size}}}", text):
        raise typer.BadParameter(f"{what} is 0x and {2 * size} hex digits")
    return bytes.fromhex(text[2:])


def study_id(text: str) -> bytes:
    """Return a study_id (32 bytes). Raises: BadParameter."""
    return hex_bytes(text, 32, "a study_id")


def grant_id(text: str) -> bytes:
    """Return a grant_id (32 bytes). Raises: BadParameter."""
    return hex_bytes(text, 32, "a grant_id")


def until(text: str) -> int:
    """Return a time in UTC Unix seconds, exclusive.

    A bare date (2030-01-31) ends that day, UTC: the next midnight. A full time names its zone
    (2030-01-31T18:00:00Z, 2030-01-31T18:00+01:00).

    Raises:
        BadParameter: neither, or beyond the year 9999.
    """
    try:
        if _DAY.fullmatch(text):
            day = datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.UTC)
            return int((day + datetime.timedelta(days=1)).timestamp())
        moment = datetime.datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            "a time is a date (2030-01-31, ends that day, UTC) or a full time with its zone (2030-01-31T18:00:00Z)"
        ) from None
    if moment.tzinfo is None:
        raise typer.BadParameter("a full time needs its zone: add Z for UTC, or +01:00")
    return int(moment.timestamp())


def grantee(text: str, profiles: Profiles) -> Grantee:
    """Return whom a word names: a person (0x…), an institution (its number), or a profile.

    A staff member's profile is that person; an institution's profile is everybody of that institution.

    Raises:
        BadParameter: none of these. ConfigError: no such profile. VaultError: profiles cannot be opened.
    """
    if text.startswith("0x"):
        person = hex_bytes(text, 32, "a person")
        return Grantee(person, "")
    if text.isdecimal():
        number = int(text)
        if not 0 < number <= _MAX_INSTITUTION:
            raise typer.BadParameter("an institution's number is at least 1 and has 32 bits")
        return Grantee(ids.institution_grantee(number), "")
    profile = profiles.load(text)
    if profile.kind is Kind.INSTITUTION:
        if not profile.institution:
            raise ConfigError(f"{text} is not a member yet: `fiducia member admit {text}`")
        return Grantee(
            ids.institution_grantee(profile.institution), f"everybody with a badge of {text} ({profile.institution})"
        )
    if profile.kind is Kind.STAFF and profile.person:
        return Grantee(profile.person, f"{text} (one person of {profile.member})")
    raise typer.BadParameter(f"{text} is a {profile.kind.value}: a grant is for a staff member or an institution")


def purpose(text: str) -> rules.Purpose:
    """Return a purpose by name. Raises: BadParameter."""
    return _known(rules.purpose, text)


def action(text: str) -> rules.Action:
    """Return an action by name. Raises: BadParameter."""
    return _known(rules.action, text)


def roles(words: Sequence[str]) -> int:
    """Return the mask of named roles. Raises: BadParameter."""
    return rules.mask(*(_known(rules.role, word) for word in words))


def _known(find: Callable[[str], _Listed], text: str) -> _Listed:
    try:
        return find(text.upper())
    except InputError as error:
        raise typer.BadParameter(str(error)) from None
