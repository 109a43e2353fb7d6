"""Does a candidate have what the keys ask for? Sequences item by item: one item must fit all keys in it.

Source: PS3.4 sections C.2.2.2 and C.2.2.2.6; the candidates are data sets of the DICOM JSON model (PS3.18 annex F).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fiducia.core.dicom.query.conditions import Condition


@dataclass(frozen=True, slots=True)
class Key:
    """What is asked of one attribute: a condition on its values, or keys that one of its items must fit."""

    tag: str
    condition: Condition | None = None
    items: tuple[Key, ...] = ()


def matches(keys: Sequence[Key], candidate: Mapping[str, Any]) -> bool:
    """Tell whether a data set fits all keys."""
    return all(_fits(key, values_of(candidate, key.tag)) for key in keys)


def values_of(candidate: Mapping[str, Any], tag: str) -> list[Any]:
    """Return an attribute's values; none when it is absent, bulk data or damaged."""
    attribute = candidate.get(tag)
    values = attribute.get("Value") if isinstance(attribute, Mapping) else None
    return values if isinstance(values, list) else []


def _fits(key: Key, values: list[Any]) -> bool:
    if key.condition:
        return key.condition(values)
    return any(isinstance(item, Mapping) and matches(key.items, item) for item in values)
