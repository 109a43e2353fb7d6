"""What a tool finds, and what a person answered: every finding needs an answer, every answer a finding.

An answer names one kind of finding and the places that it is about, and says why. Places may have `*` in them
only where one decision is about all code: whoever adds code must not find anything else answered already.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from scripts.proofs.tools import places

MIN_REASON_LETTERS = 20


@dataclass(frozen=True, slots=True)
class Finding:
    """What a tool found.

    Attributes:
        kind: the detector, or another word for what is found.
        place: where, in words that outlive changes of the lines around it.
        wide: whether one answer may be about places that are yet to come.
        text: what the tool said.
    """

    kind: str
    place: str
    wide: bool = False
    text: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """One kind of finding, at some places, and why it is safe there."""

    kind: str
    places: tuple[str, ...]
    why: str


def read(path: Path, kind: str, place: str) -> list[Answer]:
    """Read a committed file of answers.

    Args:
        path: a JSON list of objects; none when there is no such file.
        kind: under which name an object has its kind.
        place: under which name it has the list of its places.

    Raises:
        ValueError: an answer says no why, names no place, or names one twice.
    """
    answers = [Answer(each[kind], tuple(each[place]), each["why"]) for each in places(path)]
    for each in answers:
        if len(each.why) < MIN_REASON_LETTERS or not each.places or len(set(each.places)) != len(each.places):
            raise ValueError(f"{path.name}: {each.kind} needs places, each once, and a why that explains")
    return answers


def matches(answer: Answer, place: str, finding: Finding) -> bool:
    """Whether a place of an answer is that of a finding."""
    if answer.kind != finding.kind:
        return False
    return fnmatchcase(finding.place, place) if finding.wide else finding.place == place


def complaints(findings: Sequence[Finding], answers: Sequence[Answer], elsewhere: Iterable[Finding] = ()) -> list[str]:
    """Return a line for every finding without an answer and every answer's place without a finding.

    Args:
        findings: what was found.
        answers: what was answered.
        elsewhere: what may be answered and need not be.
    """
    known = [*findings, *elsewhere]
    lines = [
        f"not answered: {finding.kind} at {finding.place}" + (f": {finding.text}" if finding.text else "")
        for finding in findings
        if not any(matches(answer, place, finding) for answer in answers for place in answer.places)
    ]
    lines += [
        f"answers nothing: {answer.kind} at {place}"
        for answer in answers
        for place in answer.places
        if not any(matches(answer, place, finding) for finding in known)
    ]
    return lines
