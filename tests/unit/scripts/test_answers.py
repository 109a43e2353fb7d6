"""Every finding needs an answer, every answer a finding."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scripts.proofs.answers import Answer, Finding, complaints, read
from scripts.proofs.slither import findings

WHY = "nobody but the ledger can be there"
FINDING = Finding("calls-loop", "Releases._facts")


def test_what_is_answered_is_not_complained_about() -> None:
    assert complaints([FINDING], [Answer("calls-loop", ("Releases._facts",), WHY)]) == []


@pytest.mark.parametrize(
    "answer",
    [
        Answer("calls-loop", ("Releases._judge",), WHY),
        Answer("timestamp", ("Releases._facts",), WHY),
        Answer("calls-loop", ("Releases.*",), WHY),  # nobody answers for code that is yet to come
        Answer("calls-loop", ("*",), WHY),
    ],
)
def test_another_answer_is_none(answer: Answer) -> None:
    found = complaints([FINDING], [answer])
    assert found == [
        "not answered: calls-loop at Releases._facts",
        f"answers nothing: {answer.kind} at {answer.places[0]}",
    ]


def test_every_place_of_an_answer_has_a_finding() -> None:
    answer = Answer("calls-loop", ("Releases._facts", "Releases._gone"), WHY)
    assert complaints([FINDING], [answer]) == ["answers nothing: calls-loop at Releases._gone"]
    assert complaints([FINDING], [answer], elsewhere=[Finding("calls-loop", "Releases._gone")]) == []


def test_one_decision_may_be_about_all_places() -> None:
    found = [Finding("timestamp", "A.f", wide=True), Finding("timestamp", "B.g", wide=True)]
    assert complaints(found, [Answer("timestamp", ("*",), WHY)]) == []
    assert complaints([], [Answer("timestamp", ("*",), WHY)]) == ["answers nothing: timestamp at *"]


@pytest.mark.parametrize(
    "entry",
    [
        {"detector": "timestamp", "places": ["*"], "why": "fine"},
        {"detector": "timestamp", "places": [], "why": WHY},
        {"detector": "timestamp", "places": ["A.f", "A.f"], "why": WHY},
    ],
)
def test_an_answer_explains_and_names_places_once(entry: dict[str, object], tmp_path: Path) -> None:
    path = tmp_path / "answers.json"
    path.write_text(json.dumps([entry]))
    with pytest.raises(ValueError, match="needs places"):
        read(path, "detector", "places")


def test_no_file_is_no_answers(tmp_path: Path) -> None:
    assert read(tmp_path / "none.json", "detector", "places") == []


def test_a_place_of_slither_outlives_changes_of_lines() -> None:
    contract = {"type": "contract", "name": "Grants", "type_specific_fields": {"parent": {"type": "file", "name": "x"}}}
    function = {"type": "function", "name": "revoke", "type_specific_fields": {"parent": contract}}
    local = {"type": "variable", "name": "by", "type_specific_fields": {"parent": function}}
    results = [
        {"check": "b", "impact": "Medium", "elements": [local], "description": "(Grants.sol#1)"},
        {"check": "a", "impact": "Informational", "elements": [function], "description": "  twice\n\tsaid"},
        {"check": "a", "impact": "Informational", "elements": [function], "description": "again"},
        {"check": "timestamp", "impact": "Low", "elements": [contract], "description": ""},
    ]
    assert findings(results) == [
        Finding("a", "Grants.revoke", True, "twice said"),
        Finding("b", "Grants.revoke.by", False, "(Grants.sol#1)"),
        Finding("timestamp", "Grants", True, ""),
    ]
