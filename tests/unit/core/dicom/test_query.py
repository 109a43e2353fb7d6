"""Searches: what a query may say, what is searched, what an answer shows, pages."""

from __future__ import annotations

import json
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fiducia.app.sample_dicom import sample_ct_series
from fiducia.core.dicom.part10 import read_head
from fiducia.core.dicom.query import (
    Level,
    instance_object,
    parse_query,
    search,
    series_object,
    study_object,
    with_parents,
)
from fiducia.errors import InputError

SECRET = "Mustermann"
CT: dict[str, Any] = {
    "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]},
    "00080016": {"vr": "UI", "Value": ["1.2.840.10008.5.1.4.1.1.2"]},
    "00080018": {"vr": "UI", "Value": ["1.2.3.1.1"]},
    "00080020": {"vr": "DA", "Value": ["20250101"]},
    "00080056": {"vr": "CS", "Value": ["OFFLINE"]},
    "00080060": {"vr": "CS", "Value": ["CT"]},
    "00080070": {"vr": "LO", "Value": ["Maker"]},
    "0008103E": {"vr": "LO", "Value": ["Thorax"]},
    "00081190": {"vr": "UR", "Value": ["https://elsewhere.example"]},
    "00090010": {"vr": "LO", "Value": ["MAKER"]},
    "00091001": {"vr": "LO", "Value": ["private"]},
    "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane"}]},
    "00100020": {"vr": "LO", "Value": ["A1"]},
    "00101010": {"vr": "AS", "Value": ["042Y"]},
    "0020000D": {"vr": "UI", "Value": ["1.2.3"]},
    "0020000E": {"vr": "UI", "Value": ["1.2.3.1"]},
    "00200011": {"vr": "IS", "Value": [1]},
    "00200013": {"vr": "IS", "Value": [1]},
    "00280010": {"vr": "US", "Value": [512]},
    "00400275": {
        "vr": "SQ",
        "Value": [
            {"00400009": {"vr": "SH", "Value": ["S1"]}, "00321060": {"vr": "LO", "Value": ["x"]}},
            {"00400009": {"vr": "SH", "Value": ["S2"]}},
        ],
    },
}
MR = {**CT, "00080060": {"vr": "CS", "Value": ["MR"]}, "0020000E": {"vr": "UI", "Value": ["1.2.3.2"]}}
SERIES = [series_object(CT, 12), series_object(MR, 3)]
STUDY = study_object(SERIES, {"1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.2"})
STUDY_DEFAULT = [
    "00080020",
    "00080030",
    "00080050",
    "00080056",
    "00080061",
    "00080090",
    "00100010",
    "00100020",
    "00100030",
    "00100040",
    "0020000D",
    "00200010",
    "00201206",
    "00201208",
]
SERIES_DEFAULT = ["00080056", "00080060", "0008103E", "0020000D", "0020000E", "00200011", "00201209", "00400275"]


def one(level: Level, candidate: Any, *pairs: tuple[str, str], within: Level | None = None) -> dict[str, Any]:
    (result,) = search(parse_query(level, pairs, within=within), [candidate]).results
    assert list(result) == sorted(result)
    return result


def test_a_study_is_made_from_its_series() -> None:
    assert STUDY["00080061"]["Value"] == ["CT", "MR"]
    assert STUDY["00080062"]["Value"] == ["1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"]
    assert (STUDY["00201206"]["Value"], STUDY["00201208"]["Value"]) == ([2], [15])
    assert STUDY["00100020"] == CT["00100020"]
    assert not {"00080060", "0020000E", "00280010", "00080018", "00081190"} & set(STUDY)


def test_a_series_is_made_from_one_instance() -> None:
    assert SERIES[0]["00201209"] == {"vr": "IS", "Value": [12]}
    assert {"00080060", "00080070", "00100020", "00400275"} <= set(SERIES[0])
    assert not {"00280010", "00080018", "00091001", "00080005"} & set(SERIES[0])
    assert SERIES[0]["00080056"]["Value"] == ["ONLINE"]


def test_a_study_without_series_is_empty_and_no_error() -> None:
    assert study_object([], [])["00201206"]["Value"] == [0]
    assert study_object([{}], [])["00080061"] == {"vr": "CS"}


def test_a_study_shows_its_default_attributes() -> None:
    result = one(Level.STUDY, STUDY)
    assert list(result) == STUDY_DEFAULT
    assert result["00080050"] == {"vr": "SH"}


def test_a_series_shows_its_default_attributes_and_in_all_studies_the_studys() -> None:
    alone = one(Level.SERIES, SERIES[0], within=Level.STUDY)
    assert list(alone) == SERIES_DEFAULT
    assert alone["00400275"]["Value"] == [
        {"00400009": {"vr": "SH", "Value": ["S1"]}},
        {"00400009": {"vr": "SH", "Value": ["S2"]}},
    ]
    among = one(Level.SERIES, with_parents(SERIES[0], STUDY))
    assert set(among) == {*SERIES_DEFAULT, *STUDY_DEFAULT}
    assert among["00080061"]["Value"] == ["CT", "MR"]


def test_an_instance_shows_its_default_attributes_and_its_parents_where_they_are_not_named() -> None:
    instance = with_parents(instance_object(CT), STUDY, SERIES[0])
    default = ["00080016", "00080018", "00080056", "0020000D", "0020000E", "00200013", "00280010"]
    assert list(one(Level.INSTANCE, instance, within=Level.SERIES)) == default
    assert set(one(Level.INSTANCE, instance, within=Level.STUDY)) == {*default, *SERIES_DEFAULT}
    assert set(one(Level.INSTANCE, instance)) == {*default, *SERIES_DEFAULT, *STUDY_DEFAULT}


def test_what_is_matched_on_and_what_is_asked_for_is_shown() -> None:
    pairs = [("PatientAge", "042Y"), ("includefield", "00080020, Manufacturer"), ("includefield", "StudyDescription")]
    result = one(Level.SERIES, SERIES[0], *pairs, within=Level.STUDY)
    assert set(result) == {*SERIES_DEFAULT, "00101010", "00080020", "00080070"}


def test_attributes_of_a_level_below_are_not_shown_and_not_matched_on() -> None:
    pairs = [("includefield", "00081030,00080060,Rows"), ("Modality", "US"), ("00091001", "x")]
    result = one(Level.STUDY, {**STUDY, **CT}, *pairs)
    assert not {"00080060", "00280010", "00091001"} & set(result)
    assert parse_query(Level.STUDY, pairs).ignored == ("00080060", "00091001")
    assert parse_query(Level.INSTANCE, [("PixelData", "x"), ("Rows", "1")]).ignored == ("7FE00010",)


def test_all_is_every_attribute_of_the_level() -> None:
    assert "00101010" in one(Level.STUDY, {**STUDY, "00080070": CT["00080070"]}, ("includefield", "all"))
    series = one(Level.SERIES, SERIES[0], ("includefield", "all"), within=Level.STUDY)
    assert set(series) == {*SERIES_DEFAULT, "00080070"}
    assert len(series["00400275"]["Value"][0]) == 2
    assert "00091001" in one(Level.INSTANCE, CT, ("includefield", "ALL"), within=Level.SERIES)


def test_a_private_attribute_comes_with_its_creator() -> None:
    result = one(Level.INSTANCE, CT, ("includefield", "00091001"), within=Level.SERIES)
    assert {"00090010", "00091001"} <= set(result)


def test_parts_of_a_sequence_can_be_asked_for() -> None:
    parts = one(Level.SERIES, SERIES[0], ("includefield", "RequestAttributesSequence.00321060"), within=Level.STUDY)
    assert [len(item) for item in parts["00400275"]["Value"]] == [2, 1]
    whole = one(Level.SERIES, SERIES[0], ("includefield", "00400275"), ("00400275.00400009", "S2"))
    assert whole["00400275"] == CT["00400275"]


def test_the_retrieve_url_is_the_callers() -> None:
    query = parse_query(Level.STUDY, [])
    (result,) = search(query, [STUDY], retrieve_url=lambda study: f"/s/{study['0020000D']['Value'][0]}").results
    assert result["00081190"] == {"vr": "UR", "Value": ["/s/1.2.3"]}


def test_pages_follow_each_other() -> None:
    candidates = [{"0020000D": {"vr": "UI", "Value": [f"1.{number}"]}} for number in range(7)]

    def page(*pairs: tuple[str, str]) -> tuple[list[str], bool]:
        found = search(parse_query(Level.STUDY, pairs), candidates, max_results=5)
        return [result["0020000D"]["Value"][0] for result in found.results], found.more

    assert page() == (["1.0", "1.1", "1.2", "1.3", "1.4"], True)
    assert page(("offset", "5")) == (["1.5", "1.6"], False)
    assert page(("limit", "2"), ("offset", "4")) == (["1.4", "1.5"], True)
    assert page(("limit", "2"), ("offset", "5")) == (["1.5", "1.6"], False)
    assert page(("limit", "99")) == (["1.0", "1.1", "1.2", "1.3", "1.4"], True)
    assert page(("offset", "999999999")) == ([], False)
    assert page(("limit", "0")) == ([], True)
    assert page(("StudyInstanceUID", "1.3,1.6"), ("limit", "1")) == (["1.3"], True)


def test_a_search_takes_no_more_candidates_than_it_needs() -> None:
    found = search(parse_query(Level.STUDY, [("limit", "3")]), ({**STUDY} for _ in count()))
    assert len(found.results) == 3
    assert found.more
    assert len(search(parse_query(Level.SERIES, [("limit", "4000")]), (SERIES[0] for _ in count())).results) == 1000
    assert len(search(parse_query(Level.INSTANCE, []), (CT for _ in count())).results) == 5000


@pytest.mark.parametrize(
    "pairs",
    [
        [(SECRET, "x")],
        [("", "x")],
        [(".", "x")],
        [("PatientName.", "x")],
        [("PatientName.PatientID", SECRET)],
        [("RequestAttributesSequence", SECRET)],
        [("00400275", '""'), ("00400275.00400009", "x"), ("emptyvaluematching", "true")],
        [("00400275.00400009", "x"), ("00400275", '""'), ("emptyvaluematching", "true")],
        [(".".join(["00400275"] * 9), "x")],
        [(".".join(["00400275"] * 100_000), "x")],
        [("0010001", "x")],
        [("0010001g", "x")],
        [("00100010", "x"), ("PatientName", SECRET)],
        [("PatientName", SECRET * 200)],
        [("PatientName", "a*" * 200)],
        [("PatientName", "a" * 100_000)],
        [("PatientName", "\\".join("a" * 65))],
        [("PatientName", "\\")],
        [("StudyDate", SECRET)],
        [("StudyDate", "2020")],
        [("StudyDate", "20201301")],
        [("StudyDate", "-")],
        [("StudyDate", "2020*")],
        [("StudyDate", "20200101-20200102-20200103")],
        [("StudyDate", "-" * 1000)],
        [("StudyTime", "25")],
        [("StudyTime", "10:")],
        [("AcquisitionDateTime", "00000101")],
        [("AcquisitionDateTime", "202013")],
        [("AcquisitionDateTime", "20200101.5")],
        [("SeriesNumber", SECRET)],
        [("SeriesNumber", "1_0")],
        [("SeriesNumber", "1" * 100)],
        [("SeriesNumber", "nan")],
        [("SliceThickness", "1e999")],
        [("StudyInstanceUID", "1.2.*")],
        [("StudyInstanceUID", "1" * 65)],
        [("StudyInstanceUID", ",")],
        [("StudyInstanceUID", ",".join(f"1.{number}" for number in range(1001)))],
        [("fuzzymatching", "yes")],
        [("fuzzymatching", "true"), ("fuzzymatching", "true")],
        [("limit", "-1")],
        [("limit", "1" * 10)],
        [("offset", "١")],
        [("includefield", SECRET)],
        [("includefield", ",".join(["00080020"] * 1025))],
        [("PatientName", "")] * 513,
    ],
)
def test_a_query_that_cannot_be_meant_is_refused_without_repeating_it(pairs: list[tuple[str, str]]) -> None:
    with pytest.raises(InputError) as refusal:
        parse_query(Level.INSTANCE, pairs)
    assert SECRET not in str(refusal.value)
    assert len(str(refusal.value)) < 200


def test_what_real_viewers_ask_is_taken() -> None:
    ohif = [
        ("limit", "101"),
        ("offset", "0"),
        ("fuzzymatching", "false"),
        ("includefield", "00081030,00080060"),
        ("PatientName", "*Doe*"),
        ("00100020", "*A1*"),
        ("StudyDate", "20200101-20251231"),
        ("ModalitiesInStudy", "CT\\MR"),
        ("accept", "application/dicom+json"),
    ]
    assert len(search(parse_query(Level.STUDY, ohif), [STUDY]).results) == 1
    series = [("includefield", "0008103E"), ("includefield", "00080021")]
    assert len(search(parse_query(Level.SERIES, series, within=Level.STUDY), SERIES).results) == 2


def test_our_own_samples_are_found(tmp_path: Path) -> None:
    path = sample_ct_series(tmp_path, 1)[0]
    stored = json.loads(read_head(BytesIO(path.read_bytes()), path.stat().st_size).dicom_json())
    series = series_object(stored, 1)
    study = study_object([series], stored["00080016"]["Value"])
    for level, candidate in ((Level.STUDY, study), (Level.SERIES, series), (Level.INSTANCE, instance_object(stored))):
        uid = stored["0020000D"]["Value"][0]
        assert len(search(parse_query(level, [("StudyInstanceUID", uid)]), [candidate]).results) == 1
        assert not search(parse_query(level, [("StudyInstanceUID", f"{uid}.1")]), [candidate]).results


NAMES = st.sampled_from(
    ["PatientName", "StudyDate", "0020000D", "00400275.00400009", "includefield", "limit", "fuzzymatching", "Rows"]
)


@given(st.lists(st.tuples(NAMES | st.text(max_size=20), st.text(max_size=40)), max_size=4))
def test_any_query_is_taken_or_refused(pairs: list[tuple[str, str]]) -> None:
    for level in Level:
        try:
            query = parse_query(level, pairs)
        except InputError:
            continue
        search(query, [CT, STUDY, {}])


@given(
    st.dictionaries(
        st.sampled_from([*CT, "00201209"]),
        st.recursive(
            st.none() | st.integers() | st.text(max_size=4),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["Value", "vr"]), inner),
            max_leaves=8,
        ),
    )
)
def test_any_stored_json_can_be_searched_and_shown(stored: dict[str, Any]) -> None:
    series = series_object(stored, 1)
    study = study_object([series, stored], ["1.2"])
    for level, candidate in ((Level.STUDY, study), (Level.SERIES, series), (Level.INSTANCE, instance_object(stored))):
        result = one(level, with_parents(candidate, study), ("includefield", "all,00400275.00400009"))
        json.dumps(result)
