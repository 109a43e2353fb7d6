"""Governance through the command line: suspended, reinstated, another governor, other exports, badges ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.conftest import SampleFolders
from tests.support.cli import Cli


@pytest.fixture(scope="module")
def third(embedded: Cli) -> int:
    """A third member with an issuer of its own."""
    admitted = embedded.ok("member", "admit", "hospital-g", "--region", 2, "--export", 1, "--export", 2)
    embedded.ok("key", "publish", "ISSUER", "--as", "hospital-g")
    return int(admitted["institution"])


def test_a_member_is_suspended_and_reinstated(embedded: Cli, third: int) -> None:
    assert embedded.ok("member", "suspend", "hospital-g")["active"] is False
    embedded.fails(5, "member", "suspend", third)
    assert embedded.ok("member", "reinstate", third)["active"] is True
    embedded.fails(5, "member", "suspend", 99)


def test_a_governor_is_replaced_and_the_fresh_key_speaks(embedded: Cli, third: int) -> None:
    before = {row["institution"]: row["governor"] for row in embedded.ok("member", "list")}
    done = embedded.ok("member", "replace-governor", third)
    assert done["governor"] != before[third]
    assert embedded.ok("badge", "end-all", "--as", "hospital-g")["badge_epoch"] == 2
    embedded.ok("member", "suspend", 2)  # its key votes, too
    embedded.ok("member", "reinstate", 2)


def test_exports_change_by_vote_and_are_narrowed_by_ones_own_governor(embedded: Cli, third: int) -> None:
    assert embedded.ok("member", "exports", third, "--export", 1, "--export", 5)["exports"] == [1, 5]
    assert embedded.ok("member", "narrow", third, "--export", 5, "--as", "hospital-g")["exports"] == [5]
    embedded.fails(5, "member", "narrow", third, "--export", 1, "--as", "hospital-g")
    embedded.fails(5, "member", "narrow", third, "--export", 5, "--as", "hospital-a")


def test_a_withdrawn_person_is_refused_for_good(embedded: Cli, samples: SampleFolders, tmp_path: Path) -> None:
    study = embedded.register(samples.make(1))
    person = embedded.ok("badge", "issue", "leaving", "--as", "hospital-b")["person"]
    order = ("--study", study["study_id"], "--to", "leaving", "--purpose", "TREAT", "--until", "2030-01-31")
    embedded.ok("grant", "give", *order)
    embedded.ok(*embedded.fetch_words(study, tmp_path / "one", "--as", "leaving"))
    assert embedded.ok("badge", "withdraw", "leaving", "--as", "hospital-b")["person"] == person
    refused = embedded.fails(3, *embedded.fetch_words(study, tmp_path / "two", "--as", "leaving"))
    assert refused["reason"] == "PERSON_WITHDRAWN"
    embedded.fails(2, "badge", "withdraw", "hospital-b", "--as", "hospital-b")
