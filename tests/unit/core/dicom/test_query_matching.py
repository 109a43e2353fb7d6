"""What a key of a search fits: each representation and kind of matching, and that nothing stored makes it fail."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fiducia.core.dicom.query import Level, matches, parse_query
from fiducia.core.dicom.query.wildcards import PATTERN_MAX_CHARS, TEXT_MAX_CHARS, pattern
from fiducia.errors import InputError

TAGS = {
    "PatientName": ("00100010", "PN"),
    "PatientID": ("00100020", "LO"),
    "StudyDate": ("00080020", "DA"),
    "StudyTime": ("00080030", "TM"),
    "AcquisitionDateTime": ("0008002A", "DT"),
    "Modality": ("00080060", "CS"),
    "ModalitiesInStudy": ("00080061", "CS"),
    "StudyInstanceUID": ("0020000D", "UI"),
    "SeriesNumber": ("00200011", "IS"),
    "SliceThickness": ("00180050", "DS"),
    "Rows": ("00280010", "US"),
    "FrameIncrementPointer": ("00280009", "AT"),
    "PatientComments": ("00104000", "LT"),
    "PatientAge": ("00101010", "AS"),
}
PN = {"Alphabetic": "Müller^Zoë^^Dr", "Ideographic": "山田^太郎", "Phonetic": "やまだ^たろう"}


def fits(keyword: str, key: str, *stored: Any, **switches: str) -> bool:
    tag, vr = TAGS[keyword]
    query = parse_query(Level.INSTANCE, [(keyword, key), *switches.items()])
    return matches(query.keys, {tag: {"vr": vr, "Value": list(stored)}})


@pytest.mark.parametrize(
    ("keyword", "key", "stored", "expected"),
    [
        ("PatientID", "A1", "A1", True),
        ("PatientID", "A1", " A1 ", True),
        ("PatientID", "a1", "A1", False),
        ("PatientID", "A", "A1", False),
        ("PatientID", "A*", "A1", True),
        ("PatientID", "?1", "A1", True),
        ("PatientID", "A?", "A", False),
        ("PatientID", "*1*", "A1B", True),
        ("PatientID", "a*a", "a", False),
        ("PatientID", "A.", "A1", False),
        ("PatientID", ".*", "A1", False),
        ("PatientID", "(A", "(A", True),
        ("PatientID", "[A]*", "A1", False),
        ("PatientID", "[A]*", "[A]1", True),
        ("PatientID", "A\\B", "B", True),
        ("PatientID", "*", "A1", True),
        ("PatientID", "", "A1", True),
        ("PatientComments", "a\\b", "a\\b", True),
        ("PatientComments", "a*b", "a\nb", True),
        ("PatientAge", "042Y", "042Y", True),
        ("PatientAge", "04*Y", "042Y", False),
        ("Modality", "CT", "CT", True),
        ("Modality", "ct", "CT", False),
        ("Modality", "CT,MR", "MR", True),
        ("FrameIncrementPointer", "0018106a", "0018106A", True),
        ("StudyInstanceUID", "1.2.3", "1.2.3", True),
        ("StudyInstanceUID", "1.2.3,1.2.4", "1.2.4", True),
        ("StudyInstanceUID", "1.2.3\\1.2.4", "1.2.4", True),
        ("StudyInstanceUID", "1.2", "1.2.3", False),
        ("SeriesNumber", "7", 7, True),
        ("SeriesNumber", "+7.0", 7, True),
        ("SeriesNumber", "7", "07", True),
        ("SeriesNumber", "1", True, False),
        ("SeriesNumber", "9007199254740993", "9007199254740992", False),
        ("SliceThickness", "1.50", 1.5, True),
        ("SliceThickness", "15e-1", "1.5", True),
        ("SliceThickness", "1.5", "1.5x", False),
        ("SliceThickness", "1.5", float("nan"), False),
        ("SliceThickness", "1.5", 10**400, False),
        ("Rows", "512", 512, True),
        ("Rows", "512", 256, False),
        ("StudyDate", "20200101", "20200101", True),
        ("StudyDate", "20200101", "2020.01.01", True),
        ("StudyDate", "20200101", "20200102", False),
        ("StudyDate", "20200101-20201231", "20200101", True),
        ("StudyDate", "20200101 - 20201231", "20201231", True),
        ("StudyDate", "20200101-20201231", "20210101", False),
        ("StudyDate", "-20201231", "19991231", True),
        ("StudyDate", "-20201231", "20210101", False),
        ("StudyDate", "20200101-", "20991231", True),
        ("StudyDate", "20200101-", "20191231", False),
        ("StudyDate", "20201231-20200101", "20200601", False),
        ("StudyDate", "20200101-", "20209999", False),
        ("StudyTime", "1015", "101559.999999", True),
        ("StudyTime", "1015", "10:15:00", True),
        ("StudyTime", "10-11", "115959.9", True),
        ("StudyTime", "10-11", "1200", False),
        ("StudyTime", "-0930", "0930", True),
        ("StudyTime", "235960-", "2359", False),
        ("StudyTime", "101500.5", "101500.500001", True),
        ("StudyTime", "101500.50", "101500.51", False),
        ("AcquisitionDateTime", "2020", "20201231235959.999999", True),
        ("AcquisitionDateTime", "2020", "2021", False),
        ("AcquisitionDateTime", "202002", "20200229", True),
        ("AcquisitionDateTime", "20200101-20200102", "2020010223", True),
        ("AcquisitionDateTime", "-2020", "2019", True),
        ("AcquisitionDateTime", "2020-", "2021", True),
        ("AcquisitionDateTime", "202001011200+0100", "202001011100+0000", True),
        ("AcquisitionDateTime", "202001011200-0500", "202001011700+0000", True),
        ("AcquisitionDateTime", "202001011200-0500-202001011300-0500", "202001011730+0000", True),
        ("AcquisitionDateTime", "202001011200-0500-", "202001011659+0000", False),
        ("PatientName", "Müller^Zoë^^Dr", PN, True),
        ("PatientName", "MULLER^ZOE^^DR", PN, True),
        ("PatientName", "muller*", PN, True),
        ("PatientName", "muller", PN, False),
        ("PatientName", "山田*", PN, True),
        ("PatientName", "=山田*", PN, True),
        ("PatientName", "muller*==やまだ*", PN, True),
        ("PatientName", "山田*=", PN, False),
        ("PatientName", "a=b=c=d=e", PN, False),
        ("PatientName", "Doe^J", {"Alphabetic": "DOE^J^^^"}, True),
        ("PatientName", "doe*", "Doe^Jane", True),
        ("PatientName", "か", {"Ideographic": "が"}, False),
        ("PatientName", "STRASSE", {"Alphabetic": "Straße"}, True),
    ],
)
def test_a_key_fits_or_not(keyword: str, key: str, stored: Any, expected: bool) -> None:
    assert fits(keyword, key, stored) is expected


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("zoe muller", True),
        ("Mul", True),
        ("m z", True),
        ("mu*", True),
        ("m?ll", True),
        ("太郎", True),
        ("ller", False),
        ("muller anna", False),
        ("Zoë^Mü", True),
    ],
)
def test_similar_names_begin_with_the_words_that_are_looked_for(key: str, expected: bool) -> None:
    assert fits("PatientName", key, PN, fuzzymatching="true") is expected


def test_one_of_several_values_is_enough() -> None:
    assert fits("ModalitiesInStudy", "MR", "CT", "MR")
    assert fits("ModalitiesInStudy", "MR\\US", "CT", "MR")
    assert not fits("ModalitiesInStudy", "US", "CT", "MR")


def test_with_multiple_value_matching_all_must_be_there() -> None:
    assert fits("ModalitiesInStudy", "MR\\CT", "CT", "MR", "US", multiplevaluematching="true")
    assert not fits("ModalitiesInStudy", "MR\\CT", "MR", multiplevaluematching="true")
    with pytest.raises(InputError, match="wildcards"):
        fits("ModalitiesInStudy", "M*\\CT", "MR", multiplevaluematching="true")


def test_a_modality_named_twice_is_a_list() -> None:
    query = parse_query(Level.STUDY, [("ModalitiesInStudy", "CT"), ("ModalitiesInStudy", "MR")])
    assert matches(query.keys, {"00080061": {"vr": "CS", "Value": ["MR"]}})


@pytest.mark.parametrize("attribute", [None, {"vr": "LO"}, {"vr": "LO", "Value": [None]}, {"vr": "LO", "Value": []}])
def test_what_is_not_there_fits_the_universal_and_the_empty_key_alone(attribute: Any) -> None:
    stored = {"00100020": attribute} if attribute else {}
    for value, switch, expected in [
        ("", "false", True),
        ("**", "false", True),
        ("?*", "false", False),
        ("A", "false", False),
        ('""', "false", False),
        ('""', "true", True),
    ]:
        query = parse_query(Level.STUDY, [("PatientID", value), ("emptyvaluematching", switch)])
        assert matches(query.keys, stored) is expected
    query = parse_query(Level.STUDY, [("PatientID", '""'), ("emptyvaluematching", "true")])
    assert not matches(query.keys, {"00100020": {"vr": "LO", "Value": ["A"]}})


def items(*items: Any) -> dict[str, Any]:
    return {"00400275": {"vr": "SQ", "Value": list(items)}}


def test_one_item_must_fit_all_keys_of_a_sequence() -> None:
    step, procedure = {"00400009": {"vr": "SH", "Value": ["S1"]}}, {"00401001": {"vr": "SH", "Value": ["P1"]}}
    query = parse_query(
        Level.SERIES,
        [
            ("RequestAttributesSequence.ScheduledProcedureStepID", "S1"),
            ("00400275.00401001", "P*"),
            ("RequestAttributesSequence", ""),
        ],
    )
    assert matches(query.keys, items("no item", {}, step | procedure))
    assert not matches(query.keys, items(step, procedure))
    assert not matches(query.keys, items())
    assert not matches(query.keys, {})


def test_a_sequence_can_be_looked_for_empty() -> None:
    query = parse_query(Level.SERIES, [("00400275", '""'), ("emptyvaluematching", "true")])
    assert matches(query.keys, {})
    assert not matches(query.keys, items({"00400009": {}}))


def test_a_private_attribute_is_matched_as_text() -> None:
    query = parse_query(Level.INSTANCE, [("00091001", "A*")])
    assert matches(query.keys, {"00091001": {"vr": "LO", "Value": ["AB"]}})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["Value", "vr", "Alphabetic"]), inner),
    max_leaves=12,
)


@given(
    st.sampled_from(sorted(TAGS)),
    st.sampled_from(["1.2", "2020", "20200101-", "1015", "CT", "*a?", "x\\y", '""', "1", "0018106A", "a=b"]),
    st.booleans(),
    JSON,
)
def test_anything_stored_fits_or_does_not(keyword: str, key: str, switch: bool, stored: Any) -> None:
    names = ("fuzzymatching", "emptyvaluematching")
    try:
        query = parse_query(Level.INSTANCE, [(keyword, key), *((name, str(switch).lower()) for name in names)])
    except InputError:
        return
    tag = TAGS[keyword][0]
    for attribute in (stored, {"Value": stored}, {"Value": [stored]}, {"Value": [{"Alphabetic": stored}]}):
        assert matches(query.keys, {tag: attribute}) in (True, False)


def slow(wanted: str, text: str) -> bool:
    """Wildcards by the book."""
    return bool(re.fullmatch("".join({"*": ".*", "?": "."}.get(c, re.escape(c)) for c in wanted), text, re.DOTALL))


@given(st.text("ab*?.[", max_size=8), st.text("ab.[\n", max_size=10))
def test_wildcards_mean_what_they_say(wanted: str, text: str) -> None:
    assert pattern(wanted)(text) is slow(wanted, text)


@pytest.mark.parametrize("piece", ["*a", "*?a", "*a*", "?*", "a*?", "*" * 8])
def test_no_pattern_takes_long(piece: str) -> None:
    # One that tries again what it took would not end within a lifetime.
    fit = pattern((piece * PATTERN_MAX_CHARS)[: PATTERN_MAX_CHARS - 1] + "b")
    begun = time.perf_counter()
    assert not fit("a" * TEXT_MAX_CHARS)
    assert time.perf_counter() - begun < 5
    assert pattern("*")("a" * TEXT_MAX_CHARS)
    assert not pattern("a*")("a" * (TEXT_MAX_CHARS + 1))


@given(st.dates(), st.dates(), st.dates())
def test_ranges_hold_what_is_between_their_bounds(first: Any, last: Any, day: Any) -> None:
    first_text, last_text, text = (one.isoformat().replace("-", "") for one in (first, last, day))
    key = f"{first_text}-{last_text}"
    assert fits("StudyDate", key, text) is (first <= day <= last)
    assert fits("AcquisitionDateTime", key, f"{text}1200") is (first <= day <= last)


def test_a_fitting_candidate_may_come_from_real_json() -> None:
    stored = json.loads('{"00100020": {"vr": "LO", "Value": ["A1"]}, "7FE00010": {"vr": "OW", "BulkDataURI": "x"}}')
    assert matches(parse_query(Level.STUDY, [("00100020", "A1")]).keys, stored)
