"""What a storage commitment request asks about: the action information of its N-ACTION.

Owns: reading it, in bounds. Source: PS3.4 annex J.3.2.1, table J.3-1.
Not here: what is answered (`journeys.studies.commitment`), and how (`app.intake.commitments`).
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from fiducia.core.dicom.codec import transfer_syntax
from fiducia.core.dicom.elements import Walker
from fiducia.core.dicom.values import by_tag, text_of
from fiducia.core.dicom.window import Window
from fiducia.errors import DicomError

REQUEST_MAX_BYTES = 8 << 20
REFERENCES_MAX = 50_000
_TRANSACTION, _SEQUENCE, _CLASS, _INSTANCE = 0x00081195, 0x00081199, 0x00081150, 0x00081155
_UID = re.compile(r"[0-9.]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class CommitmentRequest:
    """One transaction: its UID, and the SOP class UID by SOP instance UID of what it asks about."""

    transaction_uid: str = field(repr=False)
    references: Mapping[str, str] = field(repr=False)


def read_commitment(data: bytes, transfer_syntax_uid: str) -> CommitmentRequest:
    """Return what is asked.

    Args:
        data: the action information as it came.
        transfer_syntax_uid: of its presentation context.

    Raises:
        DicomError: not such a data set, or too large a one.
    """
    syntax = transfer_syntax(transfer_syntax_uid)
    if len(data) > REQUEST_MAX_BYTES or syntax.deflated:
        raise DicomError("a storage commitment request has at most 8 MiB, and is not deflated")
    values = by_tag(Walker(Window(io.BytesIO(data), len(data)), syntax.codec).top(0))
    items = values.get(_SEQUENCE)
    if not isinstance(items, list) or not 1 <= len(items) <= REFERENCES_MAX:
        raise DicomError(f"a storage commitment request refers to 1 to {REFERENCES_MAX} instances")
    references = {}
    for item in items:
        of = by_tag(item)
        references[_uid(text_of(of, _INSTANCE))] = _uid(text_of(of, _CLASS))
    return CommitmentRequest(_uid(text_of(values, _TRANSACTION)), references)


def _uid(text: str) -> str:
    if not _UID.fullmatch(text):
        raise DicomError("a storage commitment request names something by no UID")
    return text
