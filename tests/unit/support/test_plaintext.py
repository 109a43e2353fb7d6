"""The search for plaintext finds what is hidden, or tests that rely on it show nothing."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import plaintext
from tests.support.plaintext import find_plaintext, forms

SECRET = bytes(range(200, 232))
NAME = "Doe^Jane^?>~"


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (SECRET, "raw"),
        (SECRET.hex().encode(), "hex"),
        (SECRET.hex().upper().encode(), "HEX"),
        (b'{"key": "' + base64.b64encode(SECRET) + b'"}', "base64+0"),
        (base64.b64encode(b"a" + SECRET + b"z"), "base64+1"),
        (base64.b64encode(b"ab" + SECRET + b"yz"), "base64+2"),
        (base64.urlsafe_b64encode(SECRET), "base64url+0"),
    ],
)
def test_a_secret_is_found_in_every_form(tmp_path: Path, content: bytes, form: str) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(b"\x00before" + content + b"after\xff")
    assert form in {find.form for find in find_plaintext(tmp_path, {"key": SECRET})}


@given(st.binary(min_size=5, max_size=40), st.binary(max_size=7), st.binary(max_size=7))
def test_base64_of_anything_around_a_needle_holds_one_of_its_forms(raw: bytes, before: bytes, after: bytes) -> None:
    text = base64.b64encode(before + raw + after)
    assert any(pattern in text for form, pattern in forms(raw) if form.startswith("base64"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "utf-16"])
def test_a_name_is_found_in_every_encoding(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "file").write_bytes(b"x" * 7 + NAME.encode(encoding))
    assert [find.label for find in find_plaintext(tmp_path, {"name": NAME})] == ["name"]


def test_what_is_clean_or_spared_is_not_reported(tmp_path: Path) -> None:
    for directory in ("clean", "out"):
        (tmp_path / directory).mkdir()
    (tmp_path / "clean" / "file").write_bytes(bytes(1000))
    (tmp_path / "out" / "file").write_bytes(SECRET)
    (tmp_path / "kek").write_bytes(SECRET)
    assert find_plaintext(tmp_path, {"key": SECRET}, except_=[tmp_path / "kek", tmp_path / "out"]) == ()
    assert len(find_plaintext(tmp_path, {"key": SECRET})) == 2


def test_names_of_files_and_directories_are_searched(tmp_path: Path) -> None:
    (tmp_path / "1.2.840.99").mkdir()
    (tmp_path / "1.2.840.99" / "1.2.840.99.dcm").touch()
    assert [find.offset for find in find_plaintext(tmp_path, {"uid": "1.2.840.99"})] == [-1, -1]


@pytest.mark.parametrize("at", range(0, 140, 7))
def test_a_needle_across_two_chunks_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    monkeypatch.setattr(plaintext, "_CHUNK_BYTES", 50)
    (tmp_path / "file").write_bytes(bytes(at) + SECRET + bytes(5))
    assert [(find.form, find.offset) for find in find_plaintext(tmp_path, {"key": SECRET})] == [("raw", at)]


def test_a_search_that_cannot_mean_anything_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="by chance"):
        find_plaintext(tmp_path, {"id": "1CT1"})
    with pytest.raises(ValueError, match="nothing"):
        find_plaintext(tmp_path, {})
    with pytest.raises(FileNotFoundError):
        find_plaintext(tmp_path / "absent", {"key": SECRET})


@given(st.lists(st.binary(min_size=5, max_size=9), min_size=1), st.binary(max_size=9), st.data())
def test_many_needles_are_each_found_where_they_first_lie(
    tmp_path_factory: pytest.TempPathFactory, needles: list[bytes], between: bytes, data: st.DataObject
) -> None:
    """Also where several begin alike, one lies in another, or at the very end."""
    needles += [needle[:4] + b"another" for needle in needles]
    content = between.join(data.draw(st.lists(st.sampled_from([*needles, *(needle[:-1] for needle in needles)]))))
    path = tmp_path_factory.mktemp("many") / "file"
    path.write_bytes(content)
    found = {find.label: find.offset for find in find_plaintext(path, dict(enumerated(needles))) if find.form == "raw"}
    assert found == {label: content.find(needle) for label, needle in enumerated(needles) if needle in content}


def enumerated(needles: list[bytes]) -> list[tuple[str, bytes]]:
    return [(str(number), needle) for number, needle in enumerate(needles)]
