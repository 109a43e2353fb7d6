"""A search request's query, from the decoded name and value pairs of its URL.

Owns the parameters of PS3.18 section 8.3.4 and their bounds. A key that cannot be matched on this level (an
attribute of a level below, or a binary one) is no error but ignored, as PS3.4 section C.2.2.1.3 has it of optional
keys, and named in `Query.ignored` so that the answer can warn of it. Messages never repeat what was sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, Union

from fiducia.core.dicom.query.conditions import Condition, Manner, can_match, condition_of, is_empty, is_universal
from fiducia.core.dicom.query.keys import Path, path_of, vr_of
from fiducia.core.dicom.query.levels import Level, level_of
from fiducia.core.dicom.query.matching import Key
from fiducia.core.dicom.query.shape import Fields, fields_of
from fiducia.errors import InputError

PAIRS_MAX, FIELDS_MAX = 512, 1024
VALUE_MAX_CHARS = 1 << 16
_SWITCHES = ("fuzzymatching", "emptyvaluematching", "multiplevaluematching")
_NUMBERS = ("limit", "offset")
_ELSEWHERE = ("accept", "charset")  # content negotiation, PS3.18 section 8.3.3
_UINT = re.compile("[0-9]{1,9}", re.ASCII)
_Tree: TypeAlias = dict[str, Union[Condition, "_Tree"]]


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """What is searched for.

    Attributes:
        level: what is found.
        within: what the request's path names: one study, one series, or nothing (None).
        keys: what a candidate must have.
        fields: what of it is shown.
        everything: show all attributes of the level.
        limit: the most results, when the request says so.
        offset: how many to leave out before the first.
        ignored: tags of keys that were not matched on.
    """

    level: Level
    within: Level | None
    keys: tuple[Key, ...]
    fields: Fields
    everything: bool = False
    limit: int | None = None
    offset: int = 0
    ignored: tuple[str, ...] = ()


def parse_query(level: Level, pairs: Sequence[tuple[str, str]], *, within: Level | None = None) -> Query:
    """Return a request's query.

    Args:
        level: what is searched for.
        pairs: the query's names and values, decoded.
        within: the level of what the request's path names; above `level`.

    Raises:
        InputError: an attribute that is not known, a value that does not fit its representation, a parameter that is
            none, or more than the bounds allow.
    """
    if len(pairs) > PAIRS_MAX or any(len(value) > VALUE_MAX_CHARS for _, value in pairs):
        raise InputError(f"a query has at most {PAIRS_MAX} parameters of {VALUE_MAX_CHARS} characters each")
    options: dict[str, str] = {}
    asked: list[str] = []
    keys: dict[Path, list[str]] = {}
    for name, value in pairs:
        option = name.lower()
        if option in _SWITCHES or option in _NUMBERS:
            if option in options:
                raise InputError(f"{option} is given twice")
            options[option] = value
        elif option == "includefield":
            asked += filter(None, (field.strip() for field in value.split(",")))
        elif option not in _ELSEWHERE:
            keys.setdefault(path_of(name), []).append(value)
    if len(asked) > FIELDS_MAX:
        raise InputError(f"at most {FIELDS_MAX} attributes can be included")
    manner = Manner(**{name: _switch(name, options) for name in _SWITCHES})
    tree, ignored = _conditions(level, keys, manner)
    paths = [*keys, *(path_of(field) for field in asked if field.lower() != "all")]
    return Query(
        level=level,
        within=within,
        keys=tuple(_keys(tree)),
        fields=fields_of(level, within, paths),
        everything=any(field.lower() == "all" for field in asked),
        limit=_uint("limit", options),
        offset=_uint("offset", options) or 0,
        ignored=ignored,
    )


def _switch(name: str, options: Mapping[str, str]) -> bool:
    value = options.get(name, "false").lower()
    if value not in ("true", "false"):
        raise InputError(f"{name} is true or false")
    return value == "true"


def _uint(name: str, options: Mapping[str, str]) -> int | None:
    if name not in options:
        return None
    if not _UINT.fullmatch(options[name]):
        raise InputError(f"{name} is a whole number of at most nine digits")
    return int(options[name])


def _conditions(level: Level, keys: Mapping[Path, Sequence[str]], manner: Manner) -> tuple[_Tree, tuple[str, ...]]:
    """Conditions by path, sequences as trees; and the tags of keys that are ignored."""
    tree: _Tree = {}
    ignored = []
    for path, values in keys.items():
        vr = vr_of(path[-1])
        wanted = _joined(vr, values)
        if is_universal(wanted):
            continue
        empty = manner.emptyvaluematching and wanted.strip() == '""'
        if vr == "SQ" and not empty:
            raise InputError("a sequence is matched by an attribute in it: name both, with a dot between them")
        if level_of(path[0]) > level or not (empty or can_match(vr)):
            ignored.append(path[-1])
            continue
        _put(tree, path, is_empty if empty else condition_of(vr, wanted, manner))
    return tree, tuple(ignored)


def _joined(vr: str, values: Sequence[str]) -> str:
    if len(values) > 1 and vr not in ("UI", "CS"):
        raise InputError("an attribute is named twice: only UIDs and code strings may be")
    return "\\".join(values)


def _put(tree: _Tree, path: Path, condition: Condition) -> None:
    for tag in path[:-1]:
        inner = tree.setdefault(tag, {})
        if not isinstance(inner, dict):
            raise InputError("a sequence is asked to be empty and to have an attribute")
        tree = inner
    if path[-1] in tree:
        raise InputError("a sequence is asked to be empty and to have an attribute")
    tree[path[-1]] = condition


def _keys(tree: _Tree) -> Iterator[Key]:
    for tag, inner in tree.items():
        yield Key(tag, items=tuple(_keys(inner))) if isinstance(inner, dict) else Key(tag, inner)
