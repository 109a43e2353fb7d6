"""Each defect: an instance that has it, a neighbour that has not, and what becomes of it, as docs/intake.md says."""

from __future__ import annotations

import dataclasses
import re
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fiducia.app.sample_dicom import sample_ct_series, sample_multiframe
from fiducia.core.dicom.codec import REPRESENTATIONS, Element
from fiducia.core.dicom.head import InstanceHead
from fiducia.core.dicom.part10 import read_head
from fiducia.core.dicom.validation import defects_of, outcome_of
from fiducia.core.dicom.validation.codes import CODES
from fiducia.records.intake import Defect, Outcome
from tests.support import dicom as d
from tests.support.dicom_defects import CASES, PADDING, Changes, file, us

POLICY = Path(__file__).resolve().parents[4] / "docs" / "intake.md"
SECRETS = re.compile(r"SECRET|Hidden|1\.2\.3\.99|ORIGINAL|yesterday")


def head(data: bytes) -> InstanceHead:
    return read_head(BytesIO(data), len(data))


def found(data: bytes) -> dict[str, Defect]:
    defects = defects_of(head(data))
    assert len({defect.code for defect in defects}) == len(defects)
    return {defect.code: defect for defect in defects}


def test_what_the_cases_are_made_from_has_no_defect() -> None:
    assert found(file()) == {}
    for syntax in (d.IMPLICIT, d.BIG_ENDIAN, d.DEFLATED):
        assert set(found(d.instance(syntax=syntax))) == {"meta-incomplete", "bits-place"}


@pytest.mark.parametrize("name", CASES)
def test_a_defect_is_found_and_its_neighbour_is_not(name: str) -> None:
    case = CASES[name]
    bad, good = found(case.bad), found(case.good)
    assert case.code in bad
    assert case.code not in good
    assert bad[case.code].outcome is CODES[case.code].outcome
    assert not [defect.detail for defect in bad.values() if SECRETS.search(defect.detail)]


@pytest.mark.parametrize("name", CASES)
def test_a_case_has_no_worse_defect_than_its_own(name: str) -> None:
    case = CASES[name]
    assert outcome_of(found(case.bad).values()) is CODES[case.code].outcome


def test_every_code_has_a_case() -> None:
    assert {case.code for case in CASES.values()} == set(CODES) - {"more"}


def test_the_policy_names_every_code_with_its_outcome() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| (\w+) \| (.+) \|$", POLICY.read_text(), re.MULTILINE)
    assert {code: outcome for code, outcome, _ in rows} == {
        name: code.outcome.name.lower() for name, code in CODES.items()
    }
    assert [code for code, _, _ in rows] == list(CODES)


def test_the_worst_defect_counts() -> None:
    note, aside = (Defect("x", outcome, "") for outcome in (Outcome.ACCEPTED, Outcome.QUARANTINED))
    assert outcome_of([]) is outcome_of([note]) is Outcome.ACCEPTED
    assert outcome_of([note, aside, note]) is Outcome.QUARANTINED


def test_a_detail_names_the_first_tags_and_how_many_there_are() -> None:
    data = file(dict.fromkeys(range(554753, 554761), ("LO", b"x")))
    (defect,) = found(data).values()
    assert defect.detail.endswith(": (0008,7701), (0008,7702), (0008,7703), (0008,7704); 8 times in all")


def test_the_list_is_short_and_the_worst_comes_first() -> None:
    wrong: Changes = {
        0x00080005: ("CS", b"ISO_IR 99"),
        0x00080014: ("UI", b"x"),
        0x00080020: ("LO", b"x"),
        0x00080050: ("SH", b"y" * 17),
        0x00081140: ("SQ", d.item(d.element(0x00080005, "CS", b"") + d.element(0x00081030, "LO", b"\xe9"))),
        0x00087777: ("LO", b"x"),
        0x00091001: ("LO", b"x"),
        0x0020000E: ("UI", b"1.2.3.99"),
        0x00280004: ("CS", b"SEPIA"),
        0x00280009: ("AT", bytes(6)),
        0x00280030: ("DS", b"1,5"),
        0x00280101: us(3),
        0x7FE00001: ("OV", bytes(8)),
        0x7FE00010: ("OW", bytes(60)),
    }
    header: Changes = dict.fromkeys((0x00020001, 0x00020002, 0x00020003, 0x00020099, 0x00020100), ("UI", b"1.02"))
    defects = defects_of(
        head(file(wrong, meta={**header, 0x00020012: None}, preamble=b"MZ", tail=b"no element at all"))
    )
    assert len(defects) == 20
    assert defects[-1].code == "more"
    assert [defect.outcome for defect in defects] == sorted((defect.outcome for defect in defects), reverse=True)


def test_elements_behind_the_pixels_are_judged_too() -> None:
    assert found(file(tail=PADDING)) == {}
    assert set(found(file(tail=d.element(0xFFFAFFFA, "LO", b"x")))) == {"representation"}


def test_private_elements_are_not_judged_by_what_they_hold() -> None:
    inside = d.item(d.element(0x00080060, "CS", b"lower case") + d.element(0x000B1001, "LO", b"x"))
    private = {0x00090010: ("LO", b"MAKER"), 0x00091001: ("CS", b"\xff\n"), 0x00091002: ("SQ", inside)}
    assert found(file({**private, 0x00091003: ("US", bytes(4)), 0x00091004: ("UI", b"none")})) == {}


def test_the_pdf_of_an_encapsulated_pdf_may_begin_early() -> None:
    document = b"%PDF-1.4\n" + b"x" * 300
    data = file({0x00420011: ("OB", document)})
    assert b"%PDF-" in data[:1024]
    assert found(data) == {}
    assert "preamble-foreign" in found(file({0x00420011: ("OB", document), 0x00081030: ("LO", b"%PDF-1.4")}))
    assert "preamble-foreign" in found(file({0x00420011: ("OB", document * 5)}, preamble=b"%PDF-1.4\n"))
    assert found(file({0x00420011: ("OB", document * 5)})) == {}


def test_text_in_several_bytes_per_character_is_counted_in_characters() -> None:
    japanese: Changes = {0x00080005: ("CS", b"\\ISO 2022 IR 87")}
    backslash_inside = "倍".encode("iso2022_jp") * 8
    assert b"\\" in backslash_inside
    assert found(file({**japanese, 0x00081030: ("LO", backslash_inside)})) == {}
    chinese: Changes = {0x00080005: ("CS", b"GB18030"), 0x00081030: ("LO", ("小" * 64).encode("gb18030"))}
    assert found(file(chinese)) == {}
    assert set(found(file({**chinese, 0x00081030: ("LO", ("小" * 65).encode("gb18030"))}))) == {"value-long"}


def test_our_own_samples_have_no_defects(tmp_path: Path) -> None:
    for path in (*sample_ct_series(tmp_path / "ct", 2), sample_multiframe(tmp_path / "multiframe.dcm", 2)):
        assert found(path.read_bytes()) == {}


WORST = [
    b" " * 40,
    b"\\" * 40,
    b" \\" * 20,
    b"0" * 40,
    b"A \\" * 9,
    b"1.",
    b"\x1b$B",
    b"\x1b",
    b"!",
    b"\xff",
    b"=",
    b"\0",
]


@settings(max_examples=300)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([0x00080005, 0x00080008, 0x00080020, 0x00100010, 0x00280030, 0x00087777, 0x00091001]),
            st.sampled_from([*sorted(vr for vr, _ in REPRESENTATIONS.values()), "US or SS", "OB or OW"]),
            st.lists(st.sampled_from(WORST), max_size=40).map(b"".join),
        ),
        max_size=6,
    )
)
def test_any_values_are_judged(values: list[Element]) -> None:
    whole = dataclasses.replace(head(file()), elements=values, meta=values)
    assert len(defects_of(whole)) <= 20


@pytest.mark.parametrize("vr", sorted(vr for vr, _ in REPRESENTATIONS.values()))
@pytest.mark.parametrize("pattern", [b" ", b"\\", b" \\", b"0", b"A \\", b"0\\", b"1.", b"\x1b"])
def test_long_values_cost_no_more_than_their_length(vr: str, pattern: bytes) -> None:
    # A pattern that goes back over what it took would not end within a lifetime.
    value = pattern * (200_000 // len(pattern)) + b"!"
    charset: Element = (0x00080005, "CS", b"\\ISO 2022 IR 87")
    whole = dataclasses.replace(head(file()), elements=[charset, (0x00087777, vr, value)])
    assert {defect.code for defect in defects_of(whole)} >= {"element-unknown"}


def test_long_values_that_are_right_are_taken() -> None:
    numbers = b"\\".join(b"%d.5" % number for number in range(30_000))
    assert found(file({0x0040A160: ("UT", b"text " * 30_000)})) == {}
    contour: Element = (0x30060050, "DS", numbers + b" ")
    whole = dataclasses.replace(head(file()), elements=[contour])
    assert "value-form" not in {defect.code for defect in defects_of(whole)}
    whole = dataclasses.replace(whole, elements=[(0x30060050, "DS", numbers + b"\\x")])
    assert {"value-form", "multiplicity"} <= {defect.code for defect in defects_of(whole)}
