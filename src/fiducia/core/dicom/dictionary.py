"""What PS3.6 knows of a tag or a SOP class.

Owns the lookups only; the dictionaries are pydicom's, imported when one is first needed: that takes half a
second, and most data sets name their representations themselves. Private elements without one are UN, as
PS3.5 section 6.2.2 allows.
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


@lru_cache(maxsize=1024)
def is_image_class(sop_class_uid: str) -> bool:
    """Tell whether instances of this SOP class have Pixel Data: those that PS3.6 calls image storage."""
    from pydicom.uid import UID

    return "Image Storage" in UID(sop_class_uid).name


@lru_cache(maxsize=8192)
def standard_attribute(tag: int) -> tuple[str, str]:
    """Return a standard attribute's representation and number of values: ("DS", "6"), ("US or SS", "1-n").

    ("", "") for a tag that PS3.6 does not know; repeating groups such as 60xx are known. No group length,
    and no private tag, is asked for.
    """
    from pydicom.datadict import get_entry

    try:
        vr, multiplicity, *_ = get_entry(tag)
    except KeyError:
        return "", ""
    return ("", "") if vr == "NONE" else (vr, multiplicity)


def tag_of(keyword: str) -> int | None:
    """Return the tag of an attribute's keyword, such as PatientName; None when PS3.6 has no such keyword."""
    from pydicom.datadict import tag_for_keyword

    return tag_for_keyword(keyword)
