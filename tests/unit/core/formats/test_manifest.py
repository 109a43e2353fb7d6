from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fiducia.core.formats.cid import cid_of, cid_of_digest, raw_cid
from fiducia.core.formats.manifest import MANIFEST_MAX_BYTES, Manifest, SeriesLine, manifest_digest, parse_manifest
from fiducia.errors import DigestError, EncodingError
from tests.vectors.material import material
from tests.vectors.object_cases import manifest

sizes = st.integers(1, 2**53 - 1)
digests = st.binary(min_size=32, max_size=32)
cids = digests.map(cid_of_digest) | st.just(cid_of(bytes((1 << 20) + 1)))


@st.composite
def manifests(draw: st.DrawFn) -> Manifest:
    revision = draw(st.integers(1, 2**16 - 1))
    numbers = sorted(draw(st.sets(st.integers(1, 2**32 - 1), min_size=1, max_size=5)))
    lines = tuple(
        SeriesLine(
            number, draw(st.integers(1, revision)), draw(cids), draw(sizes), draw(cids), draw(sizes), draw(digests)
        )
        for number in numbers
    )
    return Manifest(draw(digests), revision, draw(st.integers(1, 2**32 - 1)), draw(digests), lines)


@given(manifests())
def test_round_trip(value: Manifest) -> None:
    data = value.to_bytes()
    assert parse_manifest(data, manifest_digest(data)) == value
    assert raw_cid(data) == cid_of_digest(manifest_digest(data))


@given(data=st.data())
def test_a_changed_byte_is_another_manifest(data: st.DataObject) -> None:
    original = manifest().to_bytes()
    changed = bytearray(original)
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(DigestError):
        parse_manifest(bytes(changed), manifest_digest(original))
    try:
        again = parse_manifest(bytes(changed), manifest_digest(bytes(changed)))
    except EncodingError:
        return
    assert again.to_bytes() == changed, "what is read is what would be written"


@pytest.mark.parametrize(
    "change",
    [
        {"study_id": bytes(31)},
        {"revision": 0},
        {"revision": 2**16},
        {"custodian": 0},
        {"custodian": 2**32},
        {"custody": b""},
        {"series": ()},
    ],
)
def test_a_manifest_out_of_range_is_not_written(change: dict[str, object]) -> None:
    with pytest.raises(EncodingError):
        replace(manifest(), **change).to_bytes()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change",
    [
        {"number": 0},
        {"sealed_in": 0},
        {"sealed_in": 3},
        {"pack_cid": "bafy"},
        {"index_cid": ""},
        {"pack_size_bytes": 0},
        {"index_size_bytes": 2**53},
        {"root": bytes(33)},
    ],
)
def test_a_line_out_of_range_is_not_written(change: dict[str, object]) -> None:
    value = manifest()
    line = replace(value.series[0], **change)  # type: ignore[arg-type]
    with pytest.raises(EncodingError):
        replace(value, series=(line, value.series[1])).to_bytes()


def test_a_manifest_is_one_block() -> None:
    line = manifest().series[0]
    lines = tuple(replace(line, number=number) for number in range(1, 4000))
    with pytest.raises(EncodingError, match=str(MANIFEST_MAX_BYTES)):
        replace(manifest(), series=lines).to_bytes()


def test_lines_and_places() -> None:
    value = manifest()
    line = value.line(2)
    assert (line.number, line.root) == (2, material("root 2"))
    place = value.place(line)
    assert (place.study_id, place.sealed_in, place.series) == (value.study_id, 1, 2)
    with pytest.raises(EncodingError, match="has no series 3"):
        value.line(3)
