"""What stands before a data set that came without a file: preamble and group 0002.

Over a network association an instance comes as a bare data set, in the transfer syntax of its presentation context.
The file that is made of it holds the data set exactly as it came, so its identity digest is that of the same
instance from a folder. Nothing is said about who sent it. Source: PS3.10 section 7.1, PS3.7 annex D.3.3.2.
Not here: reading group 0002 (`part10`).
"""

from __future__ import annotations

import re
from struct import Struct

from fiducia.core.dicom.codec import transfer_syntax
from fiducia.errors import DicomError

# 2.25 and the UUID 8f6a1f0e-5b1c-4d53-9a34-6f2d1c6b7e21 as a number (PS3.5 annex B.2): drawn once, for fiducia.
IMPLEMENTATION_CLASS_UID = "2.25.190630616756337000936454689276983737889"
IMPLEMENTATION_VERSION_NAME = "FIDUCIA"

_PREAMBLE = bytes(128) + b"DICM"
_VERSION = b"\x02\x00\x01\x00OB\x00\x00\x02\x00\x00\x00\x00\x01"
_SHORT, _LENGTH = Struct("<HH2sH"), Struct("<HH2sHI")
_UID = re.compile(r"[0-9.]{1,64}", re.ASCII)


def file_head(sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str) -> bytes:
    """Return the bytes of a Part 10 file up to its data set.

    Args:
        sop_class_uid: of the instance, as its sender names it.
        sop_instance_uid: likewise. Whether the data set says the same is `validation`'s to judge.
        transfer_syntax_uid: of the data set that follows.

    Raises:
        DicomError: not a UID, or a transfer syntax that is not taken.
    """
    transfer_syntax(transfer_syntax_uid)
    for uid in (sop_class_uid, sop_instance_uid):
        if not _UID.fullmatch(uid):
            raise DicomError("the sender names no SOP class or instance by a UID of 1 to 64 characters")
    uids = (
        (0x0002, sop_class_uid),
        (0x0003, sop_instance_uid),
        (0x0010, transfer_syntax_uid),
        (0x0012, IMPLEMENTATION_CLASS_UID),
    )
    group = _VERSION + b"".join(_element(element, b"UI", uid, b"\0") for element, uid in uids)
    group += _element(0x0013, b"SH", IMPLEMENTATION_VERSION_NAME, b" ")
    return _PREAMBLE + _LENGTH.pack(0x0002, 0x0000, b"UL", 4, len(group)) + group


def _element(element: int, vr: bytes, text: str, padding: bytes) -> bytes:
    value = text.encode("ascii")
    value += padding * (len(value) % 2)
    return _SHORT.pack(0x0002, element, vr, len(value)) + value
