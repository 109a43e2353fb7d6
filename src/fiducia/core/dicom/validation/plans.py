"""How an attribute is judged: what the standard's dictionary asks of it, made ready once for each tag and VR.

Owns: comparing a VR with the dictionary's (PS3.6), and reading its value multiplicities. UN is always allowed
(PS3.5 section 6.2.2, note 2), and so is each of a choice such as "US or SS".
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from fiducia.core.dicom.dictionary import standard_attribute
from fiducia.core.dicom.validation.forms import FORMS, ONE_VALUE, WIDTHS, Form

_UNBOUNDED = 1 << 62
# What fiducia itself reads: identity, UIDs, the shape of pixels and where frames lie.
_IDENTITY = {0x00080005, 0x00100020, 0x00100021, 0x00100024}
_UIDS = {0x00080016, 0x00080018, 0x0020000D, 0x0020000E}
_SHAPE = {0x00280002, 0x00280004, 0x00280006, 0x00280008, 0x00280010, 0x00280011}
_BITS = {0x00280100, 0x00280101, 0x00280102, 0x00280103}
KEYS = frozenset(_IDENTITY | _UIDS | _SHAPE | _BITS | {0x7FE00001, 0x7FE00002})


class Plan(NamedTuple):
    """How one attribute with one VR is judged.

    Attributes:
        known: whether the dictionary has the attribute.
        agrees: whether its VR is the dictionary's.
        width: a binary number's bytes; 0 for others.
        form: what text looks like; None for what is not judged.
        low: the fewest values.
        high: the most values.
        step: the number of values is `low` and a multiple of this.
    """

    known: bool
    agrees: bool
    width: int
    form: Form | None
    low: int
    high: int
    step: int


@lru_cache(maxsize=1 << 14)
def plan_of(tag: int, vr: str) -> Plan:
    """Return how a standard attribute that is written with this VR is judged."""
    wanted, multiplicity = standard_attribute(tag)
    choices = wanted.split(" or ")
    first = vr.split(" or ")[0]
    low, high, step = 0, _UNBOUNDED, 1
    if first not in ONE_VALUE:
        low, high, step = _multiplicity(multiplicity)
    return Plan(
        known=bool(wanted),
        agrees=not wanted or vr in choices or vr in ("UN", wanted),
        width=WIDTHS.get(first, 0),
        form=FORMS.get(first),
        low=low,
        high=high,
        step=step,
    )


def _multiplicity(text: str) -> tuple[int, int, int]:
    """Read PS3.6's way of counting: "3", "1-8", "1-n", "2-2n"; "" allows any number."""
    low, _, high = text.partition("-")
    if not low.isdecimal():
        return 0, _UNBOUNDED, 1
    if high.endswith("n"):
        return int(low), _UNBOUNDED, int(high[:-1] or 1)
    return int(low), int(high or low), 1
