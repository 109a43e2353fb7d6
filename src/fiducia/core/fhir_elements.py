"""Strict reading of FHIR elements: each is taken once and by type, and what nobody took is refused by its name.

Owns paths, the closed list of R4's element names that a message may repeat, references, codings, string
extensions and times. Knows no grant: `core.fhir_consent` does. A value is never repeated in a message, and a
name only when it is one of R4's own. Source: HL7 FHIR R4 (4.0.1): JSON format, data types, Extension.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn

from fiducia.errors import InputError

TIME_MAX = 253_402_300_799
"""The last second that a FHIR dateTime can name: 9999-12-31T23:59:59Z."""

Json = dict[str, Any]

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d)", re.ASCII)
_HEX = re.compile(r"0x(?:[0-9a-f]{2})+", re.ASCII)
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,19}", re.ASCII)

# What R4 4.0.1 can say in a Consent and in the data types that this house reads.
_NAMES = re.compile(
    "resourceType|id|meta|implicitRules|language|text|contained|extension|modifierExtension|identifier|status|scope|"
    "category|patient|dateTime|performer|organization|source(Attachment|Reference)|policy|policyRule|verification|"
    "provision|authority|uri|verified|verifiedWith|verificationDate|type|period|actor|action|securityLabel|purpose|"
    "class|code|dataPeriod|data|role|reference|meaning|display|system|value|use|assigner|start|end|coding|version|"
    "userSelected|url|versionId|lastUpdated|source|profile|security|tag|value(String|Boolean|Code|Coding|Reference)",
)


class Element:
    """One FHIR element: every part is taken exactly once; `close` refuses the rest by name."""

    def __init__(self, value: object, path: str) -> None:
        if not isinstance(value, Mapping) or not value:
            raise InputError(f"{path}: not an element with something in it")
        self._left: Json = dict(value)
        self.path = path

    def has(self, name: str) -> bool:
        """Tell whether a part is there and was not taken yet."""
        return name in self._left

    def text(self, name: str) -> str:
        """Take a string. Raises: InputError."""
        value = self._take(name)
        if not isinstance(value, str):
            self.refuse(name, "not a string")
        return value

    def constant(self, name: str, expected: str) -> None:
        """Take a string that must be `expected`. Raises: InputError."""
        if self.text(name) != expected:
            self.refuse(name, f"a grant can hold {expected!r} alone here")

    def child(self, name: str) -> Element:
        """Take one element. Raises: InputError."""
        return Element(self._take(name), f"{self.path}.{name}")

    def items(self, name: str) -> list[Element]:
        """Take a list of elements, none where there is no such part. Raises: InputError."""
        if name not in self._left:
            return []
        value = self._take(name)
        if not isinstance(value, list) or not value:
            self.refuse(name, "not a list with something in it")
        return [Element(item, f"{self.path}.{name}[{number}]") for number, item in enumerate(value)]

    def only(self, name: str) -> Element:
        """Take a list of exactly one element. Raises: InputError."""
        if name not in self._left:
            self.refuse(name, "missing")
        found = self.items(name)
        if len(found) != 1:
            self.refuse(name, "a grant can hold one alone")
        return found[0]

    def refuse(self, name: str, why: str) -> NoReturn:
        """Refuse one part. Raises: InputError."""
        raise InputError(f"{self.path}.{name}: {why}")

    def close(self) -> None:
        """Refuse what nobody took. Raises: InputError."""
        for name in sorted(self._left):
            if _NAMES.fullmatch(name.removeprefix("_")):
                self.refuse(name, "a grant cannot hold this")
            raise InputError(f"{self.path}: an element that R4 does not have here")

    def _take(self, name: str) -> Any:
        try:
            return self._left.pop(name)
        except KeyError:
            raise InputError(f"{self.path}.{name}: missing") from None


def concept(system: str, code: str) -> Json:
    """Return a CodeableConcept of one coding."""
    return {"coding": [coding(system, code)]}


def coding(system: str, code: str) -> Json:
    """Return a Coding."""
    return {"system": system, "code": code}


def reference(kind: str, system: str, value: str) -> Json:
    """Return a logical Reference: by identifier, to no server."""
    return {"type": kind, "identifier": {"system": system, "value": value}}


def extension(url: str, value: str) -> Json:
    """Return an extension that holds a string."""
    return {"url": url, "valueString": value}


def read_concept(element: Element) -> tuple[str, str]:
    """Return (system, code) of a CodeableConcept of one coding. Raises: InputError."""
    found = element.only("coding")
    element.close()
    return read_coding(found)


def read_coding(element: Element) -> tuple[str, str]:
    """Return (system, code) of a Coding. Raises: InputError."""
    found = element.text("system"), element.text("code")
    element.close()
    return found


def read_reference(element: Element, kind: str) -> tuple[str, str]:
    """Return (system, value) of a logical Reference to a resource type. Raises: InputError."""
    element.constant("type", kind)
    found = read_identifier(element.child("identifier"))
    element.close()
    return found


def read_identifier(element: Element) -> tuple[str, str]:
    """Return (system, value) of an Identifier. Raises: InputError."""
    found = element.text("system"), element.text("value")
    element.close()
    return found


def read_extensions(element: Element, name: str, known: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Yield (key, value, path) of each string extension under `name`; `known` maps URLs to keys. Raises: InputError."""
    seen = set()
    for item in element.items(name):
        url = item.text("url")
        if url not in known:
            item.refuse("url", "an extension that a grant cannot hold")
        if url in seen:
            item.refuse("url", "given twice")
        seen.add(url)
        value = item.text("valueString")
        item.close()
        yield known[url], value, f"{item.path}.valueString"


def read_hex(value: str, size: int, path: str) -> bytes:
    """Return 0x lower-case hex of `size` bytes. Raises: InputError."""
    if len(value) != 2 + 2 * size or not _HEX.fullmatch(value):
        raise InputError(f"{path}: not 0x and {2 * size} lower-case hex digits")
    return bytes.fromhex(value[2:])


def read_decimal(value: str, bits: int, path: str) -> int:
    """Return an unsigned integer of `bits` bits in decimal. Raises: InputError."""
    if not _DECIMAL.fullmatch(value) or int(value) >> bits:
        raise InputError(f"{path}: not a decimal integer of {bits} bits")
    return int(value)


def write_time(at: int) -> str:
    """Return UTC Unix seconds, at most `TIME_MAX`, as a FHIR dateTime."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_time(value: str, path: str) -> int:
    """Return a FHIR dateTime to the second, with its zone, as UTC Unix seconds. Raises: InputError."""
    try:
        at = int(datetime.fromisoformat(value).timestamp()) if _TIME.fullmatch(value) else -1
    except (ValueError, OverflowError):
        at = -1
    if at < 0:
        raise InputError(f"{path}: not a time to the second with its zone, from 1970 on")
    return at
