"""The answer to a STOW-RS request: which instances were taken, which were not and why.

The door itself sends nothing back, so where an instance can be retrieved is known only where a gateway was named; then
it is there once it is registered, to whom it was granted. Source: PS3.18 section 10.5.3 (status codes) and annex I.2
(the store instances response; Retrieve URL is of type 2: it is there, and may be empty); failure reasons are those of
PS3.4 annex B.2.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import orjson

from fiducia.records.images import InstanceInfo

MEDIA_TYPE = "application/dicom+json"
_FAILED, _REFERENCED, _OTHER, _REASON = "00081198", "00081199", "0008119A", "00081197"
_CLASS, _INSTANCE, _URL = "00081150", "00081155", "00081190"


class Failure(IntEnum):
    """Why an instance was not taken."""

    PROCESSING = 0x0110
    OUT_OF_RESOURCES = 0xA700
    OTHER_STUDY = 0xA900
    CANNOT_UNDERSTAND = 0xC000
    SET_ASIDE = 0xC001  # it is kept: staff look at it, sending it again changes nothing


@dataclass(slots=True)
class Stored:
    """What became of a request's instances.

    Attributes:
        gateway: the base URL of the DICOMweb service that instances can be retrieved from, or "".
        taken: instances that are kept.
        failed: the others, unnamed where they could not be read.
    """

    gateway: str = ""
    taken: list[InstanceInfo] = field(default_factory=list)
    failed: list[tuple[InstanceInfo | None, Failure]] = field(default_factory=list)

    def status(self) -> int:
        """Return the HTTP status: 200 all taken, 202 some, 409 none."""
        if not self.failed:
            return 200
        return 202 if self.taken else 409

    def to_json(self) -> bytes:
        """Return the response's DICOM JSON."""
        named = [_item(info) | _reason(why) for info, why in self.failed if info is not None]
        unnamed = [_reason(why) for info, why in self.failed if info is None]
        taken = [_item(info) | self._url(f"{_study(info)}{_below(info)}") for info in self.taken]
        sequences = {_REFERENCED: taken, _FAILED: named, _OTHER: unnamed}
        studies = {_study(info) for info in self.taken}
        told = self._url(studies.pop() if len(studies) == 1 else "")  # one URL names one study
        told |= {tag: {"vr": "SQ", "Value": items} for tag, items in sequences.items() if items}
        return orjson.dumps(told, option=orjson.OPT_SORT_KEYS)

    def _url(self, path: str) -> dict[str, Any]:
        return {_URL: {"vr": "UR", "Value": [self.gateway + path]} if self.gateway and path else {"vr": "UR"}}


def _study(info: InstanceInfo) -> str:
    return f"/studies/{info.study_instance_uid}"


def _below(info: InstanceInfo) -> str:
    return f"/series/{info.series_instance_uid}/instances/{info.sop_instance_uid}"


def _item(info: InstanceInfo) -> dict[str, Any]:
    return {_CLASS: _uid(info.sop_class_uid), _INSTANCE: _uid(info.sop_instance_uid)}


def _uid(uid: str) -> dict[str, Any]:
    return {"vr": "UI", "Value": [uid]}


def _reason(why: Failure) -> dict[str, Any]:
    reasons: Sequence[int] = [int(why)]
    return {_REASON: {"vr": "US", "Value": reasons}}
