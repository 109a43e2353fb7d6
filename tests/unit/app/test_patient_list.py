"""A hospital's list of patients: read strictly, and never quoted in an error."""

from __future__ import annotations

import pytest

from fiducia.app.patient_list import parse
from fiducia.errors import InputError
from fiducia.records.images import PatientIdentity


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"patient_id\n4711\n4712\n", [("", "4711"), ("", "4712")]),
        (b"\xef\xbb\xbfpatient_id,issuer\r\n4711,CITY\r\n4711,\r\n", [("CITY", "4711"), ("", "4711")]),
        (b'issuer,patient_id\n"A, B","4711 "\n', [("A, B", "4711")]),
        (b"patient_id\n4711\n 4711\n4712\n4711\n", [("", "4711"), ("", "4712")]),
        (b"patient_id\n\n4711\n\n", [("", "4711")]),
        (b"patient_id\n", []),
        ("patient_id\nMüller-7\n".encode(), [("", "Müller-7")]),
    ],
)
def test_a_list_names_each_patient_once(data: bytes, found: list[tuple[str, str]]) -> None:
    assert parse(data) == tuple(PatientIdentity(issuer, patient_id) for issuer, patient_id in found)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "heading"),
        (b"4711\n", "heading"),
        (b"patient_id,name\n4711,SECRET\n", "heading"),
        (b"patient_id,patient_id\n4711,4711\n", "heading"),
        (b"patient_id\n4711,CITY\n", "line 2"),
        (b"patient_id,issuer\n4711\n", "line 2"),
        (b'patient_id,issuer\n4711,CITY\n"  ",CITY\n', "line 3"),
        (b"patient_id\n" + b"4" * 257 + b"\n", "line 2"),
        (b"patient_id,issuer\n4711," + b"C" * 257 + b"\n", "line 2"),
        (b'patient_id\n"4711\n', "no CSV"),
        (b'patient_id\n"47"11\n', "no CSV"),
        (b"patient_id\n" + b"4" * 200_000 + b"\n", "no CSV"),
        (b"patient_id\n\xff4711\n", "UTF-8"),
    ],
)
def test_what_is_no_such_list_is_refused_without_being_quoted(data: bytes, said: str) -> None:
    with pytest.raises(InputError, match=said) as refused:
        parse(data)
    assert not {"4711", "CITY", "SECRET"} & set(str(refused.value).replace(",", " ").split())
