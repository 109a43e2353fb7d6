"""Judges group 0002 and the instance's UIDs: PS3.10 section 7.1, PS3.5 section 9.

Owns: file meta information against the data set, and UIDs that cannot be what they are used for. The data
set counts in both; values of group 0002 are judged as all others are (`elements`).
"""

from __future__ import annotations

from fiducia.core.dicom.head import InstanceHead
from fiducia.core.dicom.validation import codes
from fiducia.core.dicom.validation.elements import judge_elements
from fiducia.core.dicom.validation.findings import Findings
from fiducia.core.dicom.values import text_of

_VERSION, _CLASS, _INSTANCE, _IMPLEMENTATION = 0x00020001, 0x00020002, 0x00020003, 0x00020012
_CREATOR, _PRIVATE = 0x00020100, 0x00020102
_REQUIRED = (_VERSION, _CLASS, _INSTANCE, _IMPLEMENTATION)  # the transfer syntax is the reader's condition
_STANDARDS_OWN = "1.2.840.10008."


def judge_meta(head: InstanceHead, findings: Findings) -> None:
    """Judge the file meta information."""
    judge_elements(head.meta, findings)
    values = {tag: value for tag, _, value in head.meta}
    missing = [tag for tag in _REQUIRED if not values.get(tag)]
    if missing:
        findings.add(codes.META_INCOMPLETE, *missing)
    if values.get(_VERSION, b"\0\1") not in (b"\0\1", b""):
        findings.add(codes.META_VERSION, _VERSION)
    if (_CREATOR in values) != (_PRIVATE in values):
        findings.add(codes.META_PRIVATE, _CREATOR if _CREATOR in values else _PRIVATE)
    if values.get(_INSTANCE) and head.meta_differs:
        findings.add(codes.META_INSTANCE_DIFFERS, _INSTANCE)
    if values.get(_CLASS) and text_of(values, _CLASS) != head.info.sop_class_uid:
        findings.add(codes.META_CLASS_DIFFERS, _CLASS)


def judge_uids(head: InstanceHead, findings: Findings) -> None:
    """Judge the UIDs that say which instance it is; the reader has checked their syntax."""
    info = head.info
    named = {
        0x00080018: info.sop_instance_uid,
        0x0020000D: info.study_instance_uid,
        0x0020000E: info.series_instance_uid,
    }
    seen = {info.sop_class_uid, info.transfer_syntax_uid}
    for tag, uid in named.items():
        if uid in seen:
            findings.add(codes.UID_SHARED, tag)
        if uid.startswith(_STANDARDS_OWN):
            findings.add(codes.UID_WELL_KNOWN, tag)
        seen.add(uid)
