"""The lists and limits that every grant and request is judged by.

Purposes are HL7 v3 ActReason codes. A mask has bit i for position i of its list; positions are on chain
and never change. The table of bases is final; which bases may be used today is the contracts' matter.
No decision is taken here: `core.policy` does that. Source: design section 5.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

from fiducia.errors import InputError


class Purpose(enum.IntEnum):
    """Why somebody asks: HL7 v3 ActReason, numbered by list position."""

    TREAT = 0
    ETREAT = 1
    HPAYMT = 2
    HOPERAT = 3
    HRESCH = 4
    CLINTRCH = 5
    PUBHLTH = 6
    PATRQT = 7
    FAMRQT = 8
    HLEGAL = 9


class Action(enum.IntEnum):
    """What is done with the keys. None implies another; writing images to a folder or PACS is RETAIN."""

    METADATA = 0
    VIEW = 1
    RETAIN = 2
    DERIVE = 3
    COMPUTE = 4


class Role(enum.IntEnum):
    """What a badge says its holder is."""

    PHYSICIAN = 0
    RADIOLOGIST = 1
    TECHNOLOGIST = 2
    NURSE = 3
    RESEARCHER = 4
    REGISTRAR = 5
    OFFICER = 6
    AUDITOR = 7


class Power(enum.IntEnum):
    """What a representative may do beyond revoking, restricting and vetoing, numbered by list position."""

    GRANT = 0
    ACCESS = 1


class Basis(enum.IntEnum):
    """On what a grant stands."""

    CONSENT = 1
    PAPER = 2
    CARE = 3
    LAW = 4
    EMERGENCY = 5


class Outcome(enum.IntEnum):
    """What the review of an emergency finds, numbered as on chain."""

    JUSTIFIED = 1
    NOT_JUSTIFIED = 2


class Notice(enum.Enum):
    """Whether the patient is told of a grant."""

    NONE = "none"
    OWED = "owed"
    DEFERRABLE = "deferrable"
    AT_ONCE = "at once"


def mask(*positions: int) -> int:
    """Return the mask with those positions' bits set."""
    bits = 0
    for position in positions:
        bits |= 1 << position
    return bits


ALL_PURPOSES = mask(*Purpose)
ALL_ACTIONS = mask(*Action)
ALL_ROLES = mask(*Role)
ALL_POWERS = mask(*Power)
OWN_PURPOSES = mask(Purpose.PATRQT, Purpose.FAMRQT)

MAX_RELEASE_S = 8 * 3600
"""A release lapses at the latest this long after it was recorded."""

REVIEW_WITHIN_S = 72 * 3600
"""An emergency's review is due this long after it was opened."""

EMERGENCY_AHEAD_S = 60
"""How far an emergency may begin ahead of its block: clocks differ. More, and its review could be over before."""

DAY_S = 86_400
YEAR_S = 365 * DAY_S
TEN_YEARS_S = 10 * YEAR_S
"""A year is 365 days, whatever the calendar says."""

_ROLE_PURPOSES = {
    Role.PHYSICIAN: mask(Purpose.TREAT, Purpose.ETREAT),
    Role.RADIOLOGIST: mask(Purpose.TREAT, Purpose.ETREAT),
    Role.TECHNOLOGIST: mask(Purpose.TREAT, Purpose.HOPERAT),
    Role.NURSE: mask(Purpose.TREAT, Purpose.ETREAT),
    Role.RESEARCHER: mask(Purpose.HRESCH, Purpose.CLINTRCH),
    Role.REGISTRAR: mask(Purpose.HPAYMT, Purpose.HOPERAT),
    Role.OFFICER: mask(Purpose.PUBHLTH, Purpose.HLEGAL, Purpose.PATRQT, Purpose.FAMRQT),
    Role.AUDITOR: 0,
}


@dataclass(frozen=True, slots=True)
class BasisRule:
    """One row of the table of bases: which purposes, how long at most, and what blocks or follows it."""

    basis: Basis
    purposes: int
    max_s: int
    restriction_blocks: bool
    notice: Notice


_LEGAL = mask(Purpose.PUBHLTH, Purpose.HLEGAL)

BASES: tuple[BasisRule, ...] = (
    BasisRule(Basis.CONSENT, ALL_PURPOSES & ~_LEGAL, TEN_YEARS_S, True, Notice.NONE),
    BasisRule(Basis.PAPER, ALL_PURPOSES & ~_LEGAL, TEN_YEARS_S, True, Notice.OWED),
    BasisRule(Basis.CARE, mask(Purpose.TREAT), 30 * DAY_S, True, Notice.OWED),
    BasisRule(Basis.LAW, _LEGAL, YEAR_S, False, Notice.DEFERRABLE),
    BasisRule(Basis.EMERGENCY, mask(Purpose.ETREAT), DAY_S, False, Notice.AT_ONCE),
)

_BASES: dict[int, BasisRule] = {rule.basis: rule for rule in BASES}


def basis_rule(basis: int) -> BasisRule | None:
    """Return a basis's row, or None for a number that is none."""
    return _BASES.get(basis)


@cache
def purposes_of_roles(roles: int) -> int:
    """Return the mask of purposes that a mask of roles may use; unknown roles may use none."""
    allowed = 0
    for role, purposes in _ROLE_PURPOSES.items():
        if roles & (1 << role):
            allowed |= purposes
    return allowed


def purpose(name: str) -> Purpose:
    """Return a purpose by its name. Raises: InputError."""
    return _named(Purpose, name)


def action(name: str) -> Action:
    """Return an action by its name. Raises: InputError."""
    return _named(Action, name)


def role(name: str) -> Role:
    """Return a role by its name. Raises: InputError."""
    return _named(Role, name)


def power(name: str) -> Power:
    """Return a representative's power by its name. Raises: InputError."""
    return _named(Power, name)


def purposes_in(bits: int) -> tuple[Purpose, ...]:
    """Return the purposes of a mask in list order. Raises: InputError (a bit beyond the list)."""
    return _members(Purpose, bits)


def actions_in(bits: int) -> tuple[Action, ...]:
    """Return the actions of a mask in list order. Raises: InputError (a bit beyond the list)."""
    return _members(Action, bits)


def powers_in(bits: int) -> tuple[Power, ...]:
    """Return the powers of a mask in list order. Raises: InputError (a bit beyond the list)."""
    return _members(Power, bits)


def roles_in(bits: int) -> tuple[Role, ...]:
    """Return the roles of a mask in list order. Raises: InputError (a bit beyond the list)."""
    return _members(Role, bits)


_Listed = TypeVar("_Listed", bound=enum.IntEnum)


def _named(kind: type[_Listed], name: str) -> _Listed:
    try:
        return kind[name]
    except KeyError:
        known = ", ".join(kind.__members__)
        raise InputError(f"unknown {kind.__name__.lower()} {name[:32]!r}; one of {known}") from None


def _members(kind: type[_Listed], bits: int) -> tuple[_Listed, ...]:
    if bits < 0 or bits >> len(kind):
        raise InputError(f"a mask has bits beyond the {len(kind)} known {kind.__name__.lower()}s")
    return tuple(member for member in kind if bits & (1 << member))
