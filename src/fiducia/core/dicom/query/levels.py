"""Which attributes belong to a study, which to a series, and which a search returns without being asked.

Owns the tables. A patient's attributes count as the study's, as the Study Root model has it; what is in neither
table is the instance's. Source: PS3.3 sections C.7.1 to C.7.5, PS3.18 tables 10.6.3-3 to 10.6.3-5 and PS3.4 section
C.3.4. Tags are eight upper-case hexadecimal digits, the names of the DICOM JSON model.
"""

from __future__ import annotations

from enum import IntEnum


class Level(IntEnum):
    """What a search finds; the larger, the deeper."""

    STUDY = 1
    SERIES = 2
    INSTANCE = 3


STUDY_UID, SERIES_UID, INSTANCE_UID = "0020000D", "0020000E", "00080018"
MODALITY, AVAILABILITY, RETRIEVE_URL, INSTANCE_NUMBER = "00080060", "00080056", "00081190", "00200013"
MODALITIES_IN_STUDY, SOP_CLASSES_IN_STUDY = "00080061", "00080062"
STUDY_SERIES, STUDY_INSTANCES, SERIES_INSTANCES = "00201206", "00201208", "00201209"
_REQUEST, _STEP_ID, _PROCEDURE_ID = "00400275", "00400009", "00401001"

_STUDY = frozenset(
    f"{STUDY_UID} 00080020 00080030 00080050 00080051 00080090 00080096 0008009C 0008009D 00081030 00081032 "
    "00081048 00081049 00081060 00081062 00081080 00081084 00081110 00081120 00200010 00321033 00321034 00321060 "
    "00321066 00321067 00380010 00380014 00380060 00380062 00380064 00380500 00401012 "
    # for queries, and of any level
    f"{MODALITIES_IN_STUDY} {SOP_CLASSES_IN_STUDY} 00080063 {STUDY_SERIES} {STUDY_INSTANCES} "
    f"{AVAILABILITY} {RETRIEVE_URL} 00080054 00080201".split()
)
_SERIES = frozenset(
    f"{SERIES_UID} {MODALITY} 00200011 00200060 00080021 00080031 0008103E 0008103F 00081050 00081052 00081070 "
    "00081072 00081111 00081250 00180015 00181030 00185100 00280108 00280109 00102210 300A0700 00400244 00400245 "
    f"00400250 00400251 00400253 00400254 00400260 {_REQUEST} 00400280 "
    # clinical trial series, general equipment, frame of reference, synchronization
    "00120060 00120071 00120072 00080070 00080080 00080081 00081010 00081040 00081041 00081090 00181000 00181002 "
    f"00181008 00181020 00181050 00181200 00181201 00280120 00200052 00201040 00200200 {SERIES_INSTANCES}".split()
)
_PATIENT_GROUPS = ("0010", "0012")

REQUIRED: dict[Level, dict[str, str]] = {
    Level.STUDY: {
        "00080020": "DA",
        "00080030": "TM",
        "00080050": "SH",
        MODALITIES_IN_STUDY: "CS",
        "00080090": "PN",
        "00100010": "PN",
        "00100020": "LO",
        "00100030": "DA",
        "00100040": "CS",
        STUDY_UID: "UI",
        "00200010": "SH",
        STUDY_SERIES: "IS",
        STUDY_INSTANCES: "IS",
    },
    Level.SERIES: {
        MODALITY: "CS",
        "0008103E": "LO",
        SERIES_UID: "UI",
        "00200011": "IS",
        SERIES_INSTANCES: "IS",
    },
    Level.INSTANCE: {},
}
"""What an answer has even where nothing is known, with its representation: then it has no value."""

DEFAULT: dict[Level, tuple[tuple[str, ...], ...]] = {
    Level.STUDY: tuple((tag,) for tag in (*REQUIRED[Level.STUDY], AVAILABILITY, RETRIEVE_URL, "00080201")),
    Level.SERIES: (
        *((tag,) for tag in (*REQUIRED[Level.SERIES], AVAILABILITY, RETRIEVE_URL, "00080201", "00400244", "00400245")),
        (_REQUEST, _STEP_ID),
        (_REQUEST, _PROCEDURE_ID),
    ),
    Level.INSTANCE: tuple(
        (tag,)
        for tag in (
            *("00080016", INSTANCE_UID, AVAILABILITY, RETRIEVE_URL, "00080201", INSTANCE_NUMBER),
            *("00280010", "00280011", "00280100", "00280008"),
        )
    ),
}
"""What an answer has where it is known, as paths."""

PARENT_UIDS = {Level.STUDY: (), Level.SERIES: (STUDY_UID,), Level.INSTANCE: (STUDY_UID, SERIES_UID)}
"""No table has these, every server sends them, and a client needs them to ask further."""


def level_of(tag: str) -> Level:
    """Return whose attribute a tag is."""
    if tag in _SERIES:
        return Level.SERIES
    if tag in _STUDY or tag.startswith(_PATIENT_GROUPS):
        return Level.STUDY
    return Level.INSTANCE
