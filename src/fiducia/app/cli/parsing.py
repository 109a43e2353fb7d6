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
from fiducia.journeys.grants.drafting import Every

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_MAX_INSTITUTION = 2**32 - 1
_EPOCH_ORDINAL = datetime.date(1970, 1, 1).toordinal()

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


def some_bytes(text: str, what: str) -> bytes:
    """Return 1 to 64 bytes of hex, with or without 0x."""
    digits = text.removeprefix("0x")
    try:
        found = bytes.fromhex(digits)
    except ValueError:
        found = b""
    if not 0 < len(found) <= 64 or len(digits) != 2 * len(found):
        raise typer.BadParameter(f"{what} is 0x and hex digits")
    return found


def study_id(text: str) -> bytes:
    """Return a study_id (32 bytes). Raises: BadParameter."""
    return hex_bytes(text, 32, "a study_id")


def grant_id(text: str) -> bytes:
    """Return a grant_id (32 bytes). Raises: BadParameter."""
    return hex_bytes(text, 32, "a grant_id")


def subject(text: str) -> bytes:
    """Return a patient's pseudonym (20 bytes). Raises: BadParameter."""
    return hex_bytes(text, 20, "a pseudonym")


def day(text: str) -> int:
    """Return a bare date (2030-01-31) as days since 1970-01-01. Raises: BadParameter."""
    try:
        if not _DAY.fullmatch(text):
            raise ValueError
        return datetime.date.fromisoformat(text).toordinal() - _EPOCH_ORDINAL
    except ValueError:
        raise typer.BadParameter("a day is a date such as 2030-01-31") from None


def ask_id(text: str) -> bytes:
    """Return an ask's id (32 bytes). Raises: BadParameter."""
    return hex_bytes(text, 32, "an ask's id")


def spool_id(text: str) -> bytes:
    """Return the id of an instance in quarantine (16 bytes). Raises: BadParameter."""
    return hex_bytes(text, 16, "an instance's id")


def person(text: str, profiles: Profiles) -> bytes:
    """Return the person (32 bytes) that a word names: 0x…, or a staff member's profile. Raises: BadParameter."""
    if text.startswith("0x"):
        return hex_bytes(text, 32, "a person")
    profile = profiles.load(text)
    if not profile.person:
        raise typer.BadParameter(f"{text} is no staff member with a badge")
    return profile.person


def since(text: str) -> int:
    """Return a time in UTC Unix seconds, inclusive: as `until`, but a bare date begins that day, UTC."""
    return until(f"{text}T00:00:00Z" if _DAY.fullmatch(text) else text)


def basis(text: str) -> rules.Basis:
    """Return a basis by name. Raises: BadParameter."""
    try:
        return rules.Basis[text.upper()]
    except KeyError:
        raise typer.BadParameter(f"a basis is one of {', '.join(rules.Basis.__members__)}") from None


def every(text: str) -> Every:
    """Return which of all studies are meant. Raises: BadParameter."""
    try:
        return Every[text.upper().replace("-", "_")]
    except KeyError:
        raise typer.BadParameter("all studies are `until-now` or `future-too`") from None


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


def institution(text: str, profiles: Profiles) -> int:
    """Return the institution that a word names: its number, or a profile of it. Raises: as `grantee`."""
    return ids.institution_of(grantee(text, profiles).value)


def purpose(text: str) -> rules.Purpose:
    """Return a purpose by name. Raises: BadParameter."""
    return _known(rules.purpose, text)


def action(text: str) -> rules.Action:
    """Return an action by name. Raises: BadParameter."""
    return _known(rules.action, text)


def powers(words: Sequence[str]) -> int:
    """Return the mask of named powers of a representative. Raises: BadParameter."""
    return rules.mask(*(_known(rules.power, word) for word in words))


def roles(words: Sequence[str]) -> int:
    """Return the mask of named roles. Raises: BadParameter."""
    return rules.mask(*(_known(rules.role, word) for word in words))


def _known(find: Callable[[str], _Listed], text: str) -> _Listed:
    try:
        return find(text.upper())
    except InputError as error:
        raise typer.BadParameter(str(error)) from None
