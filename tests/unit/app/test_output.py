"""Facts on stdout in one of two forms, everything else on stderr."""

from __future__ import annotations

import enum
import json

import pytest

from fiducia.app.output import Output, text, utc
from fiducia.core.rules import Purpose
from fiducia.records.ledger import Head


class Colour(enum.Enum):
    RED = "r"


def test_json_has_hex_names_and_records(capsys: pytest.CaptureFixture[str]) -> None:
    fact = {
        "id": b"\x01\xff",
        "purpose": Purpose.TREAT,
        "colour": Colour.RED,
        "head": Head(1, b"\x02", 3),
        "none": None,
    }
    Output(as_json=True).facts({**fact, "many": [b"\x03", {"id": b"\x04"}]})
    out, err = capsys.readouterr()
    assert err == ""
    assert json.loads(out) == {
        "id": "0x01ff",
        "purpose": "TREAT",
        "colour": "RED",
        "head": {"number": 1, "hash": "0x02", "time_at": 3},
        "none": None,
        "many": ["0x03", {"id": "0x04"}],
    }


def test_text_is_aligned_and_leaves_out_what_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    Output().facts({"id": b"\x01", "longer_name": True, "none": None, "rows": [{"a": 1, "b": None}, {"a": 22}]})
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["id           0x01", "longer_name  yes", "", "rows", "a   b", "1", "22"]


def test_long_ids_are_never_cut_or_folded(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"id": bytes([n]) * 32, "other": bytes([n]) * 32, "third": bytes([n]) * 32} for n in range(3)]
    Output().rows(rows, empty="none")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines[1:]] == [[text(value) for value in row.values()] for row in rows]


def test_no_rows_are_an_empty_array_or_a_word_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=True).rows([], empty="none yet")
    assert json.loads(capsys.readouterr().out) == []
    Output().rows([], empty="none yet")
    out, err = capsys.readouterr()
    assert (out, err.strip()) == ("", "none yet")


def test_brackets_are_text_and_not_markup(capsys: pytest.CaptureFixture[str]) -> None:
    Output().facts({"where": "[red]folder[/red]"})
    Output().rows([{"where": "[bold]x"}], empty="")
    out = capsys.readouterr().out
    assert "[red]folder[/red]" in out
    assert "[bold]x" in out


def test_what_is_said_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    out = Output(as_json=True)
    out.say("one")
    out.warn("two")
    out.text("three")
    stdout, stderr = capsys.readouterr()
    assert stdout == ""
    assert stderr.split() == ["one", "two", "three"]


def test_progress_shows_nothing_where_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    with Output().progress() as progress:
        progress.start("sealing", 10)
        progress.advance(10)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("at", "shown"), [(0, "1970-01-01T00:00:00Z"), (1_800_000_000, "2027-01-15T08:00:00Z"), (2**64 - 1, "never ends")]
)
def test_times_are_iso_8601(at: int, shown: str) -> None:
    assert utc(at) == shown
