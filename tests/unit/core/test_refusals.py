"""Every custom error that the interfaces declare has one sentence, made of numbers that the error carries."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest

from fiducia.core.refusals import SENTENCES, refusal
from fiducia.errors import InputError, SignatureError

INTERFACES = Path(__file__).parents[3] / "contracts" / "src" / "interfaces"
DECLARED = {
    name: dict(reversed(each.split()) for each in parameters.split(",") if each.strip())
    for path in sorted(INTERFACES.glob("I*.sol"))
    for name, parameters in re.findall(r"^\s+error (\w+)\(([^)]*)\);", path.read_text(), re.MULTILINE)
}


def test_every_error_has_a_sentence_and_every_sentence_an_error() -> None:
    assert set(SENTENCES) | {"Refused"} == set(DECLARED)


@pytest.mark.parametrize("name", SENTENCES)
def test_sentences_quote_the_errors_numbers_only(name: str) -> None:
    _, sentence = SENTENCES[name]
    quoted = {field for _, field, _, _ in Formatter().parse(sentence) if field}
    assert all(DECLARED[name][field].startswith("uint") for field in quoted)


def test_a_refusal_is_the_errors_kind_and_words() -> None:
    error = refusal("MajorityMissing", votes=1, electorate=3)
    assert isinstance(error, InputError)
    assert str(error) == "1 of 3 governors voted for it: more than half are needed"
    assert isinstance(refusal("NoStanding"), SignatureError)
