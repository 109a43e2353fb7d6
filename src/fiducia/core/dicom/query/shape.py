"""What of a candidate an answer shows.

Owns the choice: a level's default attributes, those matched on, those asked for, of this level and those above it;
never an attribute of a level below. Source: PS3.18 section 10.6.3.3.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias, Union

from fiducia.core.dicom.query.keys import Path, creator_of, is_private
from fiducia.core.dicom.query.levels import DEFAULT, PARENT_UIDS, REQUIRED, Level, level_of

Fields: TypeAlias = dict[str, Union["Fields", None]]
"""Attributes to show: None is all of one; of a sequence it may be these attributes of its items."""


def fields_of(level: Level, within: Level | None, asked: Iterable[Path]) -> Fields:
    """Return what answers show.

    Args:
        level: what is searched for.
        within: what it is searched in: one study, one series, or everything (None).
        asked: attributes asked for or matched on, as paths.
    """
    fields: Fields = {}
    for shown in levels_shown(level, within):
        for path in DEFAULT[shown]:
            _add(fields, path)
    for tag in PARENT_UIDS[level]:
        _add(fields, (tag,))
    for path in asked:
        if level_of(path[0]) > level:
            continue
        _add(fields, path)
        if is_private(path[0]):
            _add(fields, (creator_of(path[0]),))
    return fields


def levels_shown(level: Level, within: Level | None) -> list[Level]:
    """Return the levels whose default attributes are shown: not those that the request's path names."""
    return [shown for shown in Level if shown == level or (within or 0) < shown < level]


def shape(
    fields: Fields, candidate: Mapping[str, Any], *, level: Level, within: Level | None = None, everything: bool = False
) -> dict[str, Any]:
    """Return what an answer shows of a candidate, in ascending order of tag.

    Args:
        fields: from `fields_of`.
        candidate: a data set of the DICOM JSON model.
        level: what is searched for.
        within: what it is searched in.
        everything: show every attribute of that level too.
    """
    if everything:
        whole: Fields = {tag: None for tag in candidate if level_of(tag) == level}
        fields = {**fields, **whole}
    shown = _pick(fields, candidate)
    for of in levels_shown(level, within):
        for tag, vr in REQUIRED[of].items():
            shown.setdefault(tag, {"vr": vr})
    return dict(sorted(shown.items()))


def _add(fields: Fields, path: Path) -> None:
    """Put a path in; what is shown whole already stays so."""
    first, *rest = path
    if not rest:
        fields[first] = None
        return
    inner = fields.setdefault(first, {})
    if inner is not None:
        _add(inner, tuple(rest))


def _pick(fields: Fields, candidate: Mapping[str, Any]) -> dict[str, Any]:
    found = {}
    for tag, inner in fields.items():
        attribute = candidate.get(tag)
        if not isinstance(attribute, Mapping):
            continue
        items = attribute.get("Value")
        if inner is not None and isinstance(items, list):
            attribute = {"vr": "SQ", "Value": [_pick(inner, item) for item in items if isinstance(item, Mapping)]}
        found[tag] = dict(attribute)
    return found
