"""What a person may type for ids, times, grantees, purposes and roles, and what is refused."""

from __future__ import annotations

import datetime

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from fiducia.adapters.memory.entropy import SeededEntropy
from fiducia.adapters.memory.vault import MemoryVault
from fiducia.app.cli import parsing
from fiducia.app.profiles import Kind, Profiles, new_profile
from fiducia.core import ids, rules
from fiducia.errors import ConfigError
from tests.unit.app.test_profiles import BADGE


def _at(year: int, month: int, day: int, hour: int = 0) -> int:
    return int(datetime.datetime(year, month, day, hour, tzinfo=datetime.UTC).timestamp())


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2030-01-31", _at(2030, 2, 1)),
        ("2028-02-29", _at(2028, 3, 1)),
        ("2030-12-31", _at(2031, 1, 1)),
        ("2030-01-31T18:00:00Z", _at(2030, 1, 31, 18)),
        ("2030-01-31T18:00:00+02:00", _at(2030, 1, 31, 16)),
        ("2030-01-31 18:00Z", _at(2030, 1, 31, 18)),
    ],
)
def test_a_date_ends_its_day_and_a_time_is_exact(text: str, at: int) -> None:
    assert parsing.until(text) == at


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tomorrow",
        "2030-02-30",
        "31.01.2030",
        "2030-1-31",
        "2030-01-31T18:00:00",
        "9999-12-31",
        "20300131",
        "2030-W05",
    ],
)
def test_other_words_are_no_time(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        parsing.until(text)


@given(st.dates(min_value=datetime.date(1970, 1, 1), max_value=datetime.date(9999, 12, 30)))
def test_a_dates_last_second_counts_and_the_next_does_not(day: datetime.date) -> None:
    last = datetime.datetime.fromtimestamp(parsing.until(day.isoformat()) - 1, datetime.UTC)
    assert last.date() == day
    assert (last + datetime.timedelta(seconds=1)).date() == day + datetime.timedelta(days=1)


@given(st.binary(min_size=32, max_size=32))
def test_an_id_is_taken_in_either_case(value: bytes) -> None:
    assert parsing.study_id("0x" + value.hex()) == value
    assert parsing.grant_id("0x" + value.hex().upper()) == value


@pytest.mark.parametrize("text", ["", "0x", "0x12", "ab" * 32, "0x" + "ab" * 31, "0x" + "ab" * 33, "0x" + "xy" * 32])
def test_other_words_are_no_id(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        parsing.study_id(text)


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    found = Profiles(MemoryVault())
    entropy = SeededEntropy()
    staff = new_profile("clinician", Kind.STAFF, entropy, member="hospital-b", institution=2)
    found.save(type(staff)(staff.name, staff.kind, staff.member, 2, staff.keys, b"", BADGE))
    found.save(new_profile("nobody", Kind.STAFF, entropy, member="hospital-b", institution=2))
    found.save(new_profile("hospital-b", Kind.INSTITUTION, entropy, member="hospital-b", institution=2))
    found.save(new_profile("hospital-c", Kind.INSTITUTION, entropy, member="hospital-c"))
    found.save(new_profile("patient", Kind.PATIENT, entropy, member="hospital-a", institution=1))
    found.save(new_profile("auditor", Kind.AUDITOR, entropy))
    return found


def test_a_grantee_is_a_person_an_institution_or_a_profile(profiles: Profiles) -> None:
    person = BADGE.badge.person
    assert parsing.grantee("0x" + person.hex(), profiles).value == person
    assert parsing.grantee("7", profiles).value == ids.institution_grantee(7)
    assert parsing.grantee("hospital-b", profiles).value == ids.institution_grantee(2)
    assert parsing.grantee("clinician", profiles).value == person
    assert "clinician" in parsing.grantee("clinician", profiles).name


@pytest.mark.parametrize("text", ["0", "4294967296", "0x1234", "patient", "auditor", "nobody"])
def test_a_word_that_is_no_grantee_is_a_usage_error(profiles: Profiles, text: str) -> None:
    with pytest.raises(typer.BadParameter):
        parsing.grantee(text, profiles)


@pytest.mark.parametrize("text", ["hospital-c", "unknown", "Not A Name", "-1"])
def test_a_profile_that_cannot_be_one_is_a_settings_error(profiles: Profiles, text: str) -> None:
    with pytest.raises(ConfigError):
        parsing.grantee(text, profiles)


def test_purposes_actions_and_roles_are_taken_in_either_case() -> None:
    assert parsing.purpose("treat") is rules.Purpose.TREAT
    assert parsing.action("RETAIN") is rules.Action.RETAIN
    assert parsing.roles(["physician", "NURSE"]) == rules.mask(rules.Role.PHYSICIAN, rules.Role.NURSE)


def test_an_unknown_purpose_is_refused_with_the_list() -> None:
    with pytest.raises(typer.BadParameter, match="TREAT, ETREAT"):
        parsing.purpose("CURIOSITY")


@pytest.mark.parametrize(("text", "day"), [("1970-01-01", 0), ("1970-01-02", 1), ("2056-01-31", 31441)])
def test_a_day_is_counted_from_1970(text: str, day: int) -> None:
    assert parsing.day(text) == day
    assert datetime.date(1970, 1, 1) + datetime.timedelta(days=parsing.day(text)) == datetime.date.fromisoformat(text)


@pytest.mark.parametrize("text", ["", "2056-1-31", "2056-02-30", "2056-01-31T00:00:00Z", "soon", "20560131"])
def test_a_day_in_another_form_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        parsing.day(text)


def test_pseudonyms_and_powers_have_their_forms() -> None:
    assert parsing.subject("0x" + "Ab" * 20) == b"\xab" * 20
    assert parsing.powers(["grant", "ACCESS"]) == rules.ALL_POWERS
    assert parsing.powers([]) == 0
    for wrong in ("0x" + "ab" * 32, "ab" * 20, "patient"):
        with pytest.raises(typer.BadParameter):
            parsing.subject(wrong)
    with pytest.raises(typer.BadParameter, match="GRANT, ACCESS"):
        parsing.powers(["REVOKE"])
