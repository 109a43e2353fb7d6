"""What is searched: studies and series, made from their instances' DICOM JSON.

One instance stands for its series, the one with the lowest number, so that no other needs to be read. Its attributes
of study and patient come along, and those of the first series stand for the study. Source: PS3.18 section 10.6.3.3,
PS3.4 section C.3.4 (what is counted over many instances).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from fiducia.core.dicom.query.levels import (
    AVAILABILITY,
    MODALITIES_IN_STUDY,
    MODALITY,
    RETRIEVE_URL,
    SERIES_INSTANCES,
    SOP_CLASSES_IN_STUDY,
    STUDY_INSTANCES,
    STUDY_SERIES,
    Level,
    level_of,
)
from fiducia.core.dicom.query.matching import values_of

_COUNTED = {MODALITIES_IN_STUDY, SOP_CLASSES_IN_STUDY, STUDY_SERIES, STUDY_INSTANCES, SERIES_INSTANCES}
_OURS = {*_COUNTED, AVAILABILITY, RETRIEVE_URL, "00080054"}


def instance_object(instance: Mapping[str, Any]) -> dict[str, Any]:
    """Return an instance as it is searched: what an earlier archive said of counts and places is left out."""
    return {tag: value for tag, value in instance.items() if tag not in _OURS} | _available()


def series_object(first_instance: Mapping[str, Any], instances: int) -> dict[str, Any]:
    """Return a series, with the attributes of its study and patient.

    Args:
        first_instance: the DICOM JSON of its instance with the lowest number.
        instances: how many it has.
    """
    return _up_to(Level.SERIES, first_instance) | _count(SERIES_INSTANCES, instances) | _available()


def study_object(series: Sequence[Mapping[str, Any]], sop_classes: Collection[str]) -> dict[str, Any]:
    """Return a study.

    Args:
        series: its series, from `series_object`; the first has its attributes.
        sop_classes: the SOP Class UIDs of its instances.
    """
    modalities = {value for one in series for value in values_of(one, MODALITY) if isinstance(value, str)}
    counts = [value for one in series for value in values_of(one, SERIES_INSTANCES)[:1] if isinstance(value, int)]
    return (
        (_up_to(Level.STUDY, series[0]) if series else {})
        | _texts(MODALITIES_IN_STUDY, "CS", modalities)
        | _texts(SOP_CLASSES_IN_STUDY, "UI", sop_classes)
        | _count(STUDY_SERIES, len(series))
        | _count(STUDY_INSTANCES, sum(counts))
        | _available()
    )


def with_parents(child: Mapping[str, Any], *parents: Mapping[str, Any]) -> dict[str, Any]:
    """Return a series or an instance that has the attributes of what it belongs to; its own come first."""
    merged: dict[str, Any] = {}
    for one in (*parents, child):
        merged |= one
    return merged


def _up_to(level: Level, attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {tag: value for tag, value in attributes.items() if level_of(tag) <= level and tag not in _OURS}


def _available() -> dict[str, Any]:
    return {AVAILABILITY: {"vr": "CS", "Value": ["ONLINE"]}}


def _count(tag: str, number: int) -> dict[str, Any]:
    return {tag: {"vr": "IS", "Value": [number]}}


def _texts(tag: str, vr: str, texts: Collection[str]) -> dict[str, Any]:
    return {tag: {"vr": vr, "Value": sorted(texts)} if texts else {"vr": vr}}
