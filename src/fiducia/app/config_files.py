"""Settings laid over what a program wrote for itself, and the two forms they are kept in.

Owns merging (objects are merged, everything else replaced) and TOML's text for the little of it that nodes use:
tables of strings, numbers, booleans and lists of these. Source: TOML 1.0.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any


def lay_over(base: dict[str, Any], over: Mapping[str, Any]) -> None:
    """Lay `over` upon `base`: objects are merged, everything else replaced."""
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            lay_over(base[key], value)
        else:
            base[key] = value


def toml_text(document: Mapping[str, Any]) -> str:
    """Return a document as TOML, without the comments that it may have had."""
    return "\n".join(_lines(document, "")) + "\n"


def _lines(table: Mapping[str, Any], name: str) -> Iterator[str]:
    inner = {key: value for key, value in table.items() if isinstance(value, dict)}
    if name:
        yield f"\n[{name}]"
    for key, value in table.items():
        if key not in inner:
            yield f"{_text(key)} = {_text(value)}"
    for key, value in inner.items():
        yield from _lines(value, f"{name}.{_text(key)}".lstrip("."))


def _text(value: Any) -> str:
    """Return a value as JSON, whose strings, numbers, booleans and arrays of these are TOML's, too, but for DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
