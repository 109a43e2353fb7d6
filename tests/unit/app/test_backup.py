"""`fiducia backup` over a home that has no chain: keys, copies, verifying, restoring; the drill needs a stack."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from fiducia.app import backup
from fiducia.app.cli import main
from fiducia.app.copy_plan import load_copy_plan
from fiducia.app.home import Home
from fiducia.app.profiles import Kind, new_profile
from fiducia.app.settings import Settings
from fiducia.app.wiring import House
from fiducia.app.wiring.shipping import copies_hold_until
from fiducia.errors import BackupError, ConfigError, FiduciaError, JournalError, NotCaughtUpError
from fiducia.records.images import JournalEntry
from tests.support.altered import altered
from tests.support.copies import share_name, study

MEMBER = "hospital-a"


class At:
    """A home with one member, a place for copies, and a folder for shares."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.home, self.place, self.shares = Home(root / "home"), root / "place", root / "shares"
        self._capsys = capsys
        for folder in (self.place, self.shares):
            folder.mkdir()
        self.home.create()
        with self.house() as house:
            house.custody.create()
            house.new_profiles().save(new_profile(MEMBER, Kind.INSTITUTION, house.entropy, member=MEMBER))
            house.vault(MEMBER).put({"broker/sign": b"k" * 32, share_name(1): b"1" * 65})
            house.studies(MEMBER).confirm(study(1))
            house.journal(MEMBER).append([JournalEntry("denied", 1, b"", "")])

    def house(self, home: Home | None = None) -> House:
        return House(home or self.home, Settings(_env_file=None))  # type: ignore[call-arg]

    def run(self, *words: str | Path, expect: int = 0, home: Path | None = None) -> Any:
        code = main(["backup", *map(str, words), "--home", str(home or self.home.root), "--json"])
        said = self._capsys.readouterr()
        assert code == expect, said.err
        return json.loads(said.out)

    def with_key(self, shares: str = "2of3") -> At:
        self.run("key", "create", "--shares", shares, "--out", self.shares)
        return self

    def share_words(self, *numbers: int) -> Sequence[str]:
        words: list[str] = []
        for number in numbers:
            words += ["--share", str(self.shares / f"recovery-share-{number}-of-3.json")]
        return words


@pytest.fixture
def at(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> At:
    return At(tmp_path, capsys)


def content(house: House) -> object:
    return (
        house.plain_home_vault().get(f"profile/{MEMBER}"),
        {
            name: house.plain_vault(MEMBER).get(name)
            for name in house.plain_vault(MEMBER).names("")
            if "restored" not in name
        },
        tuple(house.plain_studies(MEMBER).states()),
        tuple(house.plain_journal(MEMBER).entries()),
    )


def test_a_home_comes_back_under_another_key_and_lets_nothing_leave(at: At, tmp_path: Path) -> None:
    at.with_key().run("create", "--to", at.place)
    empty = Home(tmp_path / "empty")
    said = at.run("restore", "--from", at.place, *at.share_words(1, 3), home=empty.root)
    assert {part["part"] for part in said["parts"]} >= {"profiles", f"vault/{MEMBER}", f"journal/{MEMBER}"}
    assert empty.key_file.read_text() != at.home.key_file.read_text()
    with at.house() as first, at.house(empty) as second:
        assert content(first) == content(second)
        with pytest.raises(NotCaughtUpError):
            second.vault(MEMBER).get(share_name(1))
        with pytest.raises(NotCaughtUpError):
            second.studies(MEMBER).claim("1.2.3")
        assert second.vault(MEMBER).get("broker/sign") == b"k" * 32


def test_with_one_share_less_nothing_opens(at: At, tmp_path: Path) -> None:
    at.with_key().run("create", "--to", at.place)
    for verb in ("restore", "drill"):
        said = at.run(verb, "--from", at.place, *at.share_words(2), expect=5, home=tmp_path / "empty")
        assert "1 of the 2 shares" in said["detail"]
    assert not (tmp_path / "empty" / "profiles.sqlite").exists()


def test_what_is_acknowledged_while_following_is_in_the_place(at: At, tmp_path: Path) -> None:
    at.with_key().run("create", "--to", at.place, "--follow")
    with at.house() as house:
        house.vault(MEMBER).put({share_name(2): b"2" * 65})
        house.vault("somebody-new").put({"kept/x": b"1"})
        house.journal(MEMBER).append([JournalEntry("revoke_taken", 2, b"", "")])
        house.studies(MEMBER).propose(study(2))
        house.new_profiles().save(new_profile("patient", Kind.PATIENT, house.entropy, member=MEMBER))
        before = content(house)
    (at.home.root).rename(tmp_path / "gone")
    at.run("restore", "--from", at.place, *at.share_words(1, 2))
    with at.house() as house:
        assert content(house) == before
        assert house.plain_vault("somebody-new").get("kept/x") == b"1"
        assert "patient" in house.profiles().names()
    plan = load_copy_plan(at.home)
    assert plan is not None
    assert not plan.follow, "a restored home follows again when its operator says so"
    at.run("create", "--follow")
    with at.house() as house:
        house.journal(MEMBER).append([JournalEntry("denied", 9, b"", "")])
    assert (at.run("verify", *at.share_words(2, 3))["increments"], len(at.run("verify")["copies"])) == (1, 2)


def test_a_running_process_begins_to_follow_when_the_plan_says_so(at: At) -> None:
    at.with_key()
    with at.house() as running:
        running.journal(MEMBER).append([JournalEntry("denied", 3, b"", "")])
        at.run("create", "--to", at.place, "--follow")
        running.journal(MEMBER).append([JournalEntry("denied", 4, b"", "")])
        assert at.run("verify")["increments"] == 1
        at.run("create", "--no-follow")
        running.journal(MEMBER).append([JournalEntry("denied", 5, b"", "")])
        assert at.run("verify")["increments"] == 0


def test_an_attestation_names_the_date_of_our_copies_and_of_archives_that_we_are_told_of(at: At) -> None:
    with at.house() as house:
        assert copies_hold_until(house) == 0, "no copies, no date"
        at.with_key().run("create", "--to", at.place)
        plan = load_copy_plan(at.home)
        assert plan is not None
        assert copies_hold_until(house) == backup.held(house, plan) > house.clock.now()
        longer = house.settings.model_copy(update={"archive_days": 36_500})
        with House(at.home, longer) as told:
            assert copies_hold_until(told) > backup.held(house, plan)
        at.place.rename(at.place.with_name("away"))
        with pytest.raises(BackupError):
            copies_hold_until(house)


def test_a_place_that_is_away_acknowledges_nothing(at: At, tmp_path: Path) -> None:
    at.with_key().run("create", "--to", at.place, "--follow")
    at.place.rename(tmp_path / "unmounted")
    with at.house() as house, pytest.raises(JournalError):
        house.journal(MEMBER).append([JournalEntry("denied", 3, b"", "")])


def test_a_home_in_use_is_not_restored_over(at: At) -> None:
    at.with_key().run("create", "--to", at.place)
    said = at.run("restore", "--from", at.place, *at.share_words(1, 2), expect=2)
    assert "in use" in said["detail"]


def test_verifying(at: At, tmp_path: Path) -> None:
    at.with_key().run("create", "--to", at.place, "--keep-days", "7")
    said = at.run("verify")
    assert (said["opened"], len(said["copies"])) == (False, 1)
    assert at.run("verify", *at.share_words(1, 2))["opened"]
    elsewhere = tmp_path / "elsewhere"
    assert not at.run("verify", "--from", at.place, *at.share_words(3), home=elsewhere)["opened"]
    at.run("verify", "--from", at.place, home=elsewhere, expect=2)
    (segment,) = at.place.glob("base-*")
    segment.write_bytes(altered(segment.read_bytes()))
    at.run("verify", expect=1)


def test_newest_parts_that_are_gone_are_noticed_at_home_and_made_good(at: At, tmp_path: Path) -> None:
    at.with_key().run("create", "--to", at.place, "--follow")
    with at.house() as house:
        house.journal(MEMBER).append([JournalEntry("denied", 2, b"", "")])
        at.run("verify")
        (increment,) = at.place.glob("more-*")
        increment.rename(tmp_path / "gone")
        said = at.run("verify", expect=1)
        assert "increment 1" in said["detail"]
        elsewhere = tmp_path / "elsewhere"
        assert at.run("verify", "--from", at.place, *at.share_words(1), home=elsewhere)["increments"] == 0
        house.vault(MEMBER).put({share_name(2): b"2" * 65})
    said = at.run("verify")
    assert (len(said["copies"]), said["increments"]) == (2, 1)
    at.run("restore", "--from", at.place, *at.share_words(1, 2), home=elsewhere)
    with at.house() as first, at.house(Home(elsewhere)) as second:
        assert content(first) == content(second)


def test_keys_are_made_once_and_again_only_when_asked(at: At, tmp_path: Path) -> None:
    at.run("create", "--to", at.place, expect=2)
    at.with_key()
    at.run("key", "create", "--shares", "2of3", "--out", tmp_path, expect=2)
    at.run("key", "create", "--shares", "2of3", "--out", at.shares, "--again", expect=5)
    at.run("create", "--to", at.place)
    (tmp_path / "new").mkdir()
    at.run("key", "create", "--shares", "1of1", "--out", tmp_path / "new", "--again")
    at.run("create")
    new = ("--share", str(tmp_path / "new" / "recovery-share-1-of-1.json"))
    assert at.run("verify", *new)["opened"]
    at.run("restore", "--from", at.place, *at.share_words(1, 2), expect=1, home=tmp_path / "empty")
    at.run("restore", "--from", at.place, *new, home=tmp_path / "empty")


def test_shares_lie_open_to_nobody_and_the_home_keeps_none(at: At) -> None:
    at.with_key()
    files = sorted(at.shares.iterdir())
    assert [path.stat().st_mode & 0o777 for path in files] == [0o600] * 3
    secrets = [json.loads(path.read_text())["secret"] for path in files]
    assert not any(secret[2:] in at.home.backup_file.read_text() for secret in secrets)


@pytest.mark.parametrize("text", ["", "2", "0of3", "4of3", "2of256", "2 of 3", "-1of3"])
def test_shares_are_k_of_n(text: str) -> None:
    with pytest.raises(FiduciaError):
        backup.parse_shares(text)


def test_pruning_names_the_date_after_which_nothing_is_left(at: At) -> None:
    at.with_key().run("create", "--to", at.place, "--keep-days", "7")
    said = at.run("prune")
    assert said["removed"] == []
    assert said["held_until"] == at.run("verify")["held_until"]


def test_a_plan_that_nobody_wrote_is_refused(at: At) -> None:
    at.home.backup_file.write_text("{}")
    with at.house() as house:
        with pytest.raises(ConfigError):
            house.vault(MEMBER).put({"a": b"1"})
        with pytest.raises(JournalError):
            house.journal(MEMBER).append([JournalEntry("denied", 3, b"", "")])
        with pytest.raises(JournalError):
            house.journal(MEMBER).health()


def test_a_drill_leaves_nothing_behind(at: At, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a chain it fails after restoring: what it had restored is gone all the same."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "drills"))
    (tmp_path / "drills").mkdir()
    at.with_key().run("create", "--to", at.place)
    at.run("drill", *at.share_words(1, 2), expect=2)
    assert list((tmp_path / "drills").iterdir()) == []
