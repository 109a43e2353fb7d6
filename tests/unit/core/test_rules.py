"""The rules' lists against the design's tables, written out again."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given

from fiducia.core import rules
from fiducia.core.decision import Reason
from fiducia.core.rules import Action, Basis, Purpose, Role
from fiducia.errors import InputError

ROOT = Path(__file__).resolve().parents[3]

PURPOSES = "TREAT ETREAT HPAYMT HOPERAT HRESCH CLINTRCH PUBHLTH PATRQT FAMRQT HLEGAL"
ACTIONS = "METADATA VIEW RETAIN DERIVE COMPUTE"
ROLES = {
    "PHYSICIAN": "TREAT ETREAT",
    "RADIOLOGIST": "TREAT ETREAT",
    "TECHNOLOGIST": "TREAT HOPERAT",
    "NURSE": "TREAT ETREAT",
    "RESEARCHER": "HRESCH CLINTRCH",
    "REGISTRAR": "HPAYMT HOPERAT",
    "OFFICER": "PUBHLTH HLEGAL PATRQT FAMRQT",
    "AUDITOR": "",
}
DAY_S = 86_400


def purposes_of(names: Iterable[str]) -> int:
    return rules.mask(*map(rules.purpose, names))


def test_positions() -> None:
    assert [(purpose.name, purpose.value) for purpose in Purpose] == list(zip(PURPOSES.split(), range(10), strict=True))
    assert [(action.name, action.value) for action in Action] == list(zip(ACTIONS.split(), range(5), strict=True))
    assert [(role.name, role.value) for role in Role] == list(zip(ROLES, range(8), strict=True))


@pytest.mark.parametrize(("role", "names"), ROLES.items())
def test_roles_and_their_purposes(role: str, names: str) -> None:
    assert rules.purposes_of_roles(rules.mask(rules.role(role))) == purposes_of(names.split())


@given(st.sets(st.sampled_from(Role)))
def test_roles_add_up(roles: set[Role]) -> None:
    together = rules.purposes_of_roles(rules.mask(*roles))
    assert together == purposes_of({name for role in roles for name in ROLES[role.name].split()})


@given(st.integers(0, 2**32 - 1))
def test_unknown_roles_give_nothing(bits: int) -> None:
    assert rules.purposes_of_roles(bits) == rules.purposes_of_roles(bits & rules.ALL_ROLES)


@pytest.mark.parametrize(
    ("basis", "purposes", "days", "blocks", "notice"),
    [
        (Basis.CONSENT, "TREAT ETREAT HPAYMT HOPERAT HRESCH CLINTRCH PATRQT FAMRQT", 3650, True, "NONE"),
        (Basis.PAPER, "TREAT ETREAT HPAYMT HOPERAT HRESCH CLINTRCH PATRQT FAMRQT", 3650, True, "OWED"),
        (Basis.CARE, "TREAT", 30, True, "OWED"),
        (Basis.LAW, "PUBHLTH HLEGAL", 365, False, "DEFERRABLE"),
        (Basis.EMERGENCY, "ETREAT", 1, False, "AT_ONCE"),
    ],
)
def test_bases(basis: Basis, purposes: str, days: int, blocks: bool, notice: str) -> None:
    rule = rules.basis_rule(basis)
    assert rule is not None
    assert rule.basis is basis
    assert rule.purposes == purposes_of(purposes.split())
    assert rule.max_s == days * DAY_S
    assert rule.restriction_blocks is blocks
    assert rule.notice.name == notice


@pytest.mark.parametrize("basis", [-1, 0, 6, 255])
def test_no_basis(basis: int) -> None:
    assert rules.basis_rule(basis) is None


@given(st.sets(st.sampled_from(Purpose)), st.sets(st.sampled_from(Action)), st.sets(st.sampled_from(Role)))
def test_masks_and_back(purposes: set[Purpose], actions: set[Action], roles: set[Role]) -> None:
    assert rules.purposes_in(rules.mask(*purposes)) == tuple(sorted(purposes))
    assert rules.actions_in(rules.mask(*actions)) == tuple(sorted(actions))
    assert rules.roles_in(rules.mask(*roles)) == tuple(sorted(roles))


def test_unknown_names_say_what_there_is() -> None:
    with pytest.raises(InputError, match=r"unknown purpose 'treat'; one of TREAT, ETREAT, .*, HLEGAL"):
        rules.purpose("treat")
    with pytest.raises(InputError, match="unknown action 'LOOK'; one of METADATA, VIEW, RETAIN, DERIVE, COMPUTE"):
        rules.action("LOOK")
    with pytest.raises(InputError, match="unknown role 'JANITOR'; one of PHYSICIAN, "):
        rules.role("JANITOR")


@pytest.mark.parametrize(
    ("members", "bits"),
    [(rules.purposes_in, 1 << 10), (rules.actions_in, 1 << 5), (rules.roles_in, 1 << 8), (rules.purposes_in, -1)],
)
def test_masks_beyond_the_list_are_refused(members: object, bits: int) -> None:
    with pytest.raises(InputError, match="beyond"):
        members(bits)  # type: ignore[operator]


def _solidity(path: str) -> str:
    return (ROOT / "contracts" / "src" / path).read_text(encoding="utf-8")


def test_the_contracts_have_the_same_positions() -> None:
    source = _solidity("libraries/Rules.sol")
    constants = {name: int(shift) for name, shift in re.findall(r"(\w+) = 1 << (\d+);", source)}
    # REGISTRAR is a role; the other names stand in one list only.
    for member in (*Purpose, *Role):
        assert constants[member.name] == member.value
    assert f"ALL_ACTIONS = (1 << {len(Action)}) - 1" in source
    assert {basis.name: basis.value for basis in Basis} == {
        name: int(number) for name, number in re.findall(r"uint8 internal constant ([A-Z]+) = (\d);", source)
    }
    years = dict(re.findall(r"(\w+_YEARS?) = (\d+) days;", source))
    assert {name: int(days) * DAY_S for name, days in years.items()} == {
        "TEN_YEARS": rules.TEN_YEARS_S,
        "ONE_YEAR": rules.YEAR_S,
    }


def test_the_contracts_have_the_same_reasons() -> None:
    body = _solidity("interfaces/IReleases.sol").split("enum Reason {")[1].split("}")[0]
    names = re.findall(r"^\s*([A-Z_]+)", body, re.MULTILINE)
    assert names == [reason.name for reason in Reason]
    assert [reason.value for reason in Reason] == list(range(len(names)))
