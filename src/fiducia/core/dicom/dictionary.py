"""The value representation of elements that are written without one (implicit VR).

Owns the lookup only; the dictionary is pydicom's (PS3.6), imported when it is first needed because most
data sets name their representations. Private elements are UN, as PS3.5 section 6.2.2 allows.
"""

from __future__ import annotations

from functools import lru_cache


@lru_cache(maxsize=8192)
def implicit_vr(tag: int) -> str:
    """Return a tag's representation: two letters, or a choice such as "US or SS"; UN when unknown."""
    element = tag & 0xFFFF
    if element == 0:
        return "UL"  # group length
    if tag & 0x10000:
        return "LO" if 0x10 <= element <= 0xFF else "UN"  # a private block's creator, or a member of it
    from pydicom.datadict import dictionary_VR

    try:
        representation = str(dictionary_VR(tag))
    except KeyError:
        return "UN"
    return "UN" if representation == "NONE" else representation
