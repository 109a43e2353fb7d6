"""The gateway's door over in-memory parts: what it lists, sends and shows, to whom, and how it says no."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from fiducia.adapters.dicom_pixels.pixels import ConfinedPixels
from fiducia.adapters.memory.pixels import DirectPixels
from fiducia.app.gateway import converting
from fiducia.app.gateway.catalogue import attributes_of
from fiducia.app.sample_dicom import Sample, sample_multiframe
from fiducia.core import wire
from fiducia.core.dicom import passages
from fiducia.core.dicom.part10 import read_head
from fiducia.core.dicom.window import Seekable
from fiducia.core.rules import Action, mask
from fiducia.errors import DeniedError, DicomError, VerificationError
from fiducia.journeys.reading.viewing import READ, ReadNote
from tests.support import conversions as c
from tests.support import dicom as d
from tests.support import pictures as p
from tests.support.consortium import IDENTITY, Consortium
from tests.support.gateway import SEE, gateway, parts_in, parts_of, sessions_of, sign_in

AS_STORED = {"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'}
OHIF = {"Accept": "multipart/related; type=application/octet-stream; transfer-syntax=*"}


@pytest.fixture
def world() -> Consortium:
    return Consortium()


class Stood:
    """Three studies are registered, two of them granted; the first has two series."""

    def __init__(self, world: Consortium) -> None:
        self.files = {name: self.register(world, name, series) for name, series in [("one", 2), ("two", 1), ("no", 1)]}
        self.study_ids = dict(zip(self.files, self._ids, strict=True))
        self.grants = {name: world.run_grant(self.study_ids[name], actions=SEE) for name in ("one", "two")}
        self.uids = {name: head(next(iter(files.values()))).study_instance_uid for name, files in self.files.items()}

    def register(self, world: Consortium, name: str, series: int) -> dict[str, bytes]:
        made: dict[str, bytes] = {}
        for number in range(1, series + 1):
            made |= world.add_series(3, study=name, series_number=number)
        self._ids = [*getattr(self, "_ids", []), world.run_register().studies[-1].study_id]
        world.files.clear()
        return made

    def url(self, name: str, series: int | None = None, instance: int | None = None) -> str:
        """The URL of a study, a series (from 0) or an instance."""
        heads = [head(data) for data in self.files[name].values()]
        url = f"/dicomweb/studies/{self.uids[name]}"
        if series is None:
            return url
        uids = sorted({each.series_instance_uid for each in heads}, key=[e.series_instance_uid for e in heads].index)
        url += f"/series/{uids[series]}"
        if instance is None:
            return url
        mine = [each for each in heads if each.series_instance_uid == uids[series]]
        return url + f"/instances/{mine[instance].sop_instance_uid}"


def head(data: bytes) -> Any:
    return read_head(BytesIO(data), len(data)).info


@pytest.fixture
def stood(world: Consortium) -> Stood:
    return Stood(world)


@pytest.fixture
def client(world: Consortium, stood: Stood) -> Iterator[TestClient]:
    with gateway(world) as client:
        yield client


@pytest.fixture
def piecemeal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bodies leave as soon as they have begun, as large ones do."""
    monkeypatch.setattr("fiducia.app.gateway.handling.AHEAD_BYTES", 0)


def values(answer: Any, tag: str) -> list[Any]:
    return [item[tag]["Value"][0] for item in answer.json()]


def recorded(world: Consortium) -> Counter[int]:
    return Counter(release.action for release in world.mirror.catch_up().releases())


def notes(world: Consortium) -> list[ReadNote]:
    return [wire.decode(ReadNote, entry.body.encode()) for entry in world.gateway_journal.entries(READ)]


# -- searching


def test_only_what_is_granted_is_found(world: Consortium, stood: Stood, client: TestClient) -> None:
    answer = client.get("/dicomweb/studies")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/dicom+json")
    assert set(values(answer, "0020000D")) == {stood.uids["one"], stood.uids["two"]}
    counts = dict(zip(values(answer, "0020000D"), values(answer, "00201208"), strict=True))
    assert counts == {stood.uids["one"]: 6, stood.uids["two"]: 3}
    assert {item["00081190"]["Value"][0] for item in answer.json()} == {
        f"http://gateway.test{stood.url(name)}" for name in ("one", "two")
    }
    assert recorded(world) == {Action.METADATA: 2}
    assert {note.what for note in notes(world)} == {"search"}


def test_searches_match_and_page(stood: Stood, client: TestClient) -> None:
    uid = stood.uids["one"]
    assert values(client.get("/dicomweb/studies", params={"StudyInstanceUID": uid}), "0020000D") == [uid]
    assert len(client.get(f"{stood.url('one')}/series").json()) == 2
    assert len(client.get(f"{stood.url('one')}/instances").json()) == 6
    assert len(client.get(f"{stood.url('one', 1)}/instances", params={"limit": 2}).json()) == 2
    assert len(client.get("/dicomweb/series").json()) == 3
    page = client.get("/dicomweb/instances", params={"limit": 4, "offset": 6})
    assert len(page.json()) == 3
    assert "warning" not in page.headers
    assert "more results" in client.get("/dicomweb/instances", params={"limit": 4}).headers["warning"]


def test_what_is_not_found_is_an_empty_answer(client: TestClient) -> None:
    answer = client.get("/dicomweb/studies", params={"PatientID": "nobody"})
    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize("path", ["", "/series", "/instances", "/metadata", "/rendered", "/thumbnail"])
def test_an_ungranted_study_answers_as_one_that_does_not_exist(stood: Stood, client: TestClient, path: str) -> None:
    ungranted, unknown = (client.get(url + path) for url in (stood.url("no"), "/dicomweb/studies/1.2.3"))
    assert ungranted.status_code == unknown.status_code == 404
    assert ungranted.content == unknown.content


def test_a_new_grant_is_found_by_the_next_search(world: Consortium, stood: Stood) -> None:
    parts = parts_of(world)
    with gateway(world, parts) as client:
        assert len(client.get("/dicomweb/studies").json()) == 2
        world.run_grant(stood.study_ids["no"], actions=SEE)
        assert len(client.get("/dicomweb/studies").json()) == 3
    assert recorded(world) == {Action.METADATA: 3}


# -- retrieving


def test_instances_come_byte_for_byte(world: Consortium, stood: Stood, client: TestClient) -> None:
    answer = client.get(stood.url("one"), headers=AS_STORED)
    assert answer.status_code == 200
    parts = parts_in(answer.headers["content-type"], answer.content)
    assert sorted(content for *_, content in parts) == sorted(stood.files["one"].values())
    for kind, location, content in parts:
        info = head(content)
        assert kind.replace('"', "").replace(" ", "") == f"application/dicom;transfer-syntax={info.transfer_syntax_uid}"
        assert location.endswith(f"/instances/{info.sop_instance_uid}")
    assert recorded(world) == {Action.METADATA: 2, Action.VIEW: 1}
    assert [note.count for note in notes(world) if note.what == "instances"] == [3, 3]


def test_one_instance_comes_without_parts_for_who_wants_it_so(stood: Stood, client: TestClient) -> None:
    accept = {"Accept": "application/dicom; transfer-syntax=*"}
    answer = client.get(stood.url("two", 0, 1), headers=accept)
    assert (answer.status_code, answer.content) == (200, list(stood.files["two"].values())[1])


def test_metadata_is_what_the_index_has_and_asks_for_no_pixels(
    world: Consortium, stood: Stood, client: TestClient
) -> None:
    for url, count in [(stood.url("one"), 6), (stood.url("one", 0), 3), (stood.url("one", 0, 2), 1)]:
        answer = client.get(f"{url}/metadata")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/dicom+json")
        assert len(answer.json()) == count
        for item in answer.json():
            assert item["00100020"]["Value"]
            assert item["7FE00010"]["BulkDataURI"].startswith(f"http://gateway.test{stood.url('one')}/series/")
    assert recorded(world) == {Action.METADATA: 2}


def test_bulk_values_are_fetched_where_the_metadata_says(world: Consortium) -> None:
    value = bytes(range(256)) * 9
    patient_id = IDENTITY.patient_id.encode()
    world.files["a.dcm"] = d.instance({0x00281201: ("OW", value), 0x00100020: ("LO", patient_id)})
    (study,) = world.run_register().studies
    world.run_grant(study.study_id, actions=SEE)
    with gateway(world) as client:
        (item,) = client.get("/dicomweb/instances").json()
        assert "BulkDataURI" not in str(item)
        (found,) = client.get(item["00081190"]["Value"][0] + "/metadata").json()
        uri = found["00281201"]["BulkDataURI"]
        accept = {"Accept": "application/octet-stream"}
        assert client.get(uri, headers=accept).content == value
        (part,) = parts_in((answer := client.get(uri)).headers["content-type"], answer.content)
        assert part[2] == value
        for place in ("0-10", "1-99999999", "9", "a-b", "9-9-9"):
            assert client.get(uri.rpartition("/")[0] + f"/{place}", headers=accept).status_code == 404


def test_frames_are_ranges_of_the_instance(world: Consortium, tmp_path: Path) -> None:
    path = sample_multiframe(tmp_path / "multi.dcm", 5, Sample(rows=16, columns=16))
    world.files["multi.dcm"] = path.read_bytes()
    (study,) = world.run_register().studies
    world.run_grant(study.study_id, actions=SEE)
    pixels = path.read_bytes()[-5 * 512 :]
    with gateway(world) as client:
        (item,) = client.get("/dicomweb/instances").json()
        url = item["00081190"]["Value"][0]
        answer = client.get(f"{url}/frames/4,2", headers=OHIF)
        parts = parts_in(answer.headers["content-type"], answer.content)
        assert [content for *_, content in parts] == [pixels[3 * 512 : 4 * 512], pixels[512 : 2 * 512]]
        alone = client.get(f"{url}/frames/1", headers={"Accept": "application/octet-stream"})
        assert alone.content == pixels[:512]
        everything = client.get(f"{url}/pixeldata")
        assert b"".join(part[2] for part in parts_in(everything.headers["content-type"], everything.content)) == pixels
        for frames, status in [("6", 404), ("0", 404), ("1,", 400), ("x", 400), ("1-2", 400)]:
            assert client.get(f"{url}/frames/{frames}").status_code == status


def test_rendered_and_thumbnail_are_pictures(stood: Stood, client: TestClient) -> None:
    url = stood.url("one", 0, 0)
    picture = client.get(f"{url}/rendered")
    assert (picture.headers["content-type"], picture.content[:3]) == ("image/jpeg", b"\xff\xd8\xff")
    assert client.get(f"{url}/frames/1/rendered", headers={"Accept": "image/png"}).content[:4] == b"\x89PNG"
    for level in (stood.url("one"), stood.url("one", 0), url):
        small = client.get(f"{level}/thumbnail")
        assert (small.headers["content-type"], small.content[:3]) == ("image/jpeg", b"\xff\xd8\xff")
    several = client.get(f"{stood.url('one', 0)}/rendered")
    assert [kind for kind, *_ in parts_in(several.headers["content-type"], several.content)] == ["image/jpeg"] * 3
    assert client.get(f"{url}/rendered", params={"quality": "101"}).status_code == 400


def test_what_cannot_be_sent_as_it_is_accepted_is_told(stood: Stood, client: TestClient) -> None:
    for path, accept in [
        ("", "text/html"),
        ("", 'multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.4.90'),
        ("/metadata", "application/dicom+xml"),
        ("/rendered", "image/gif"),
    ]:
        answer = client.get(stood.url("two") + path, headers={"Accept": accept})
        assert (answer.status_code, answer.headers["content-type"]) == (406, "application/problem+json")
    assert client.get("/dicomweb/studies", headers={"Accept": "multipart/related; type="}).status_code == 400


# -- converting

DEFAULT = {"Accept": 'multipart/related; type="application/dicom"'}
ALONE = {"Accept": f"application/dicom; transfer-syntax={d.EXPLICIT}"}
RLE_FRAMES = "SC_rgb_rle_2frame.dcm"


def of_patient(name: str, syntax: str = "") -> bytes:
    """A published image, as if it were of the patient who is enrolled."""
    mine = {"PatientID": IDENTITY.patient_id, "IssuerOfPatientID": ""}
    return c.written_as(p.PUBLISHED / name, syntax, **mine)


def stored(world: Consortium, *files: bytes) -> dict[str, str]:
    """Register and grant what holds these files; returns where each instance is, by SOP Instance UID."""
    world.files.update({f"{number}.dcm": data for number, data in enumerate(files)})
    for study in world.run_register().studies:
        world.run_grant(study.study_id, actions=SEE)
    found = {}
    for data in files:
        info = head(data)
        series = f"studies/{info.study_instance_uid}/series/{info.series_instance_uid}"
        found[info.sop_instance_uid] = f"/dicomweb/{series}/instances/{info.sop_instance_uid}"
    return found


STORED = {
    "implicit": of_patient("MR_small.dcm", d.IMPLICIT),
    "big endian": of_patient("MR_small_bigendian.dcm"),
    "deflated": of_patient("MR_small.dcm", d.DEFLATED),
    "RLE": of_patient(RLE_FRAMES),
    "JPEG 2000": of_patient("examples_jpeg2k.dcm"),
    "JPEG-LS": of_patient("MR_small_jpeg_ls_lossless.dcm"),
    "lossy JPEG": of_patient("examples_ybr_color.dcm"),
}


@pytest.mark.parametrize("how", STORED)
@pytest.mark.parametrize("confined", [False, True])
def test_whatever_is_stored_comes_as_explicit_little_endian(world: Consortium, how: str, confined: bool) -> None:
    data = STORED[how]
    (url,) = stored(world, data).values()
    parts = parts_of(world)
    with ConfinedPixels(workers=1) as pixels:
        if confined:
            parts = replace(parts, pixels=pixels)
        with gateway(world, parts) as client:
            answer = client.get(url, headers=DEFAULT)
            ((kind, location, content),) = parts_in(answer.headers["content-type"], answer.content)
            assert kind.replace('"', "").replace(" ", "") == f"application/dicom;transfer-syntax={d.EXPLICIT}"
            assert location.endswith(url)
            c.require_same(data, content)
            alone = client.get(url, headers=ALONE)
            assert (alone.headers["content-type"], alone.content == content) == (ALONE["Accept"].replace(" ", ""), True)
            assert client.get(url, headers=AS_STORED).content.count(data) == 1
    assert [note.what for note in notes(world) if note.what != "search"] == ["instances"] * 3


def test_big_endian_words_of_bytes_are_turned_in_frames_too(world: Consortium) -> None:
    patient, bits = ("LO", IDENTITY.patient_id.encode()), ("US", b"\x08\0")
    data = d.instance({0x00100020: patient, 0x00280100: bits, 0x7FE00010: ("OW", bytes(range(16)))}, d.BIG_ENDIAN)
    odd = of_patient("SC_rgb_small_odd_big_endian.dcm")
    urls = list(stored(world, data, odd).values())
    octets = {"Accept": "application/octet-stream"}
    with gateway(world) as client:
        assert client.get(f"{urls[0]}/frames/1", headers=octets).content == bytes(range(16))
        assert (
            client.get(f"{urls[1]}/frames/1", headers=octets).status_code == 422
        )  # half of its last word is elsewhere
        for url, stored_data in zip(urls, (data, odd), strict=True):
            c.require_same(stored_data, client.get(url, headers=ALONE).content)


def test_one_answer_has_what_is_converted_among_what_is_not(world: Consortium) -> None:
    uids = {"0020000D": b"1.2.3.99", "0020000E": b"1.2.3.99.0"}
    files = [
        d.instance(
            {
                0x00080018: ("UI", f"1.2.3.99.{number}".encode()),
                0x00100020: ("LO", IDENTITY.patient_id.encode()),
                0x00200013: ("IS", str(number).encode()),
                0x7FE00010: ("OW", bytes([number]) * 32),
            },
            syntax,
        )
        for number, syntax in enumerate((d.EXPLICIT, d.IMPLICIT, d.EXPLICIT, d.BIG_ENDIAN, d.DEFLATED), 1)
    ]
    stored(world, *files)
    with gateway(world) as client:
        answer = client.get(f"/dicomweb/studies/{uids['0020000D'].decode()}", headers=DEFAULT)
        found = {
            location.rpartition("/")[2]: content
            for _, location, content in parts_in(answer.headers["content-type"], answer.content)
        }
    assert len(found) == 5
    for data in files:
        info = head(data)
        if info.transfer_syntax_uid == d.EXPLICIT:
            assert found[info.sop_instance_uid] == data
        else:
            c.require_same(data, found[info.sop_instance_uid])


def encapsulated(syntax: str, *frames: bytes, **changes: tuple[str, bytes]) -> bytes:
    """An image of 4 by 4 samples of 8 bits in fragments; changes are named T and their tag."""
    elements = {
        **d.ct_elements(patient_id=IDENTITY.patient_id.encode()),
        0x00280100: ("US", b"\x08\0"),
        **{int(name[1:], 16): value for name, value in changes.items()},
    }
    return d.part10(d.data_set(elements) + d.fragments(*frames), syntax)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (encapsulated("1.2.840.10008.1.2.4.110", bytes(20)), 406),  # JPEG XL
        (encapsulated("1.2.840.10008.1.2.5", bytes(20), bytes(20), bytes(20), T00280008=("IS", b"2")), 406),
        (encapsulated("1.2.840.10008.1.2.5", bytes(20)), 422),
    ],
)
@pytest.mark.parametrize("accept", [DEFAULT, ALONE])
def test_what_cannot_be_converted_is_told(world: Consortium, data: bytes, status: int, accept: dict[str, str]) -> None:
    (url,) = stored(world, data).values()
    with gateway(world) as client:
        answer = client.get(url, headers=accept)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
        assert data in client.get(url, headers=AS_STORED).content


def test_a_lossy_video_is_sent_as_it_is(world: Consortium) -> None:
    data = encapsulated("1.2.840.10008.1.2.4.102", bytes(20))
    (url,) = stored(world, data).values()
    with gateway(world) as client:
        assert data in client.get(url, headers=DEFAULT).content
        assert client.get(url, headers=ALONE).status_code == 406


def test_what_is_too_large_is_not_converted(world: Consortium, monkeypatch: pytest.MonkeyPatch) -> None:
    (url,) = stored(world, STORED["RLE"]).values()
    monkeypatch.setattr(passages, "CONVERTED_MAX_BYTES", 50_000)  # RLE makes much less of it
    with gateway(world) as client:
        answer = client.get(url, headers=DEFAULT)
        assert answer.status_code == 422
        assert "ask for it as it is" in answer.json()["detail"]
        monkeypatch.setattr(converting, "CONVERTED_MAX_BYTES", 1000)
        assert client.get(url, headers=DEFAULT).status_code == 406


def test_a_frame_that_fails_on_the_way_cuts_the_body(world: Consortium, piecemeal: None) -> None:
    data = bytearray(STORED["RLE"])
    second = data.rindex(p.frames(p.PUBLISHED / RLE_FRAMES)[1][:64])
    data[second : second + 64] = bytes(64)
    (url,) = stored(world, bytes(data)).values()
    with gateway(world) as client, pytest.raises(DicomError, match="cannot be decoded"):
        client.get(url, headers=DEFAULT)


def test_a_revoke_cuts_what_is_being_converted(world: Consortium, piecemeal: None) -> None:
    (url,) = stored(world, STORED["implicit"]).values()
    (grant,) = world.mirror.catch_up().grants()
    parts = parts_of(world)

    class Revoking(DirectPixels):
        def convert(self, stream: Seekable, size_bytes: int) -> Iterator[bytes]:
            yield b"first"
            world.revoke.run(grant.grant_id, world.patient)
            parts.views.follow()
            yield b"second"

    with gateway(world, replace(parts, pixels=Revoking())) as client, pytest.raises(DeniedError):
        client.get(url, headers=DEFAULT)


# -- who asks


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer 00", "Basic YTpi", "Bearer " + "ab" * 32])
def test_nobody_is_let_in_without_a_session(world: Consortium, stood: Stood, client: TestClient, header: str) -> None:
    for path in ("/dicomweb/studies", stood.url("one"), f"{stood.url('one')}/metadata"):
        answer = client.get(path, headers={"Authorization": header})
        assert answer.status_code == 401
        assert "www-authenticate" in answer.headers
    assert recorded(world) == {}


def test_a_token_in_the_url_is_no_token(world: Consortium, client: TestClient) -> None:
    token = sign_in(world)["Authorization"].split()[1]
    bare = {"Authorization": ""}
    for name in ("token", "access_token", "authorization"):
        assert client.get("/dicomweb/studies", params={name: token}, headers=bare).status_code in (400, 401)


def test_a_session_ends_with_sign_out_shift_and_badge(world: Consortium, stood: Stood) -> None:
    parts = parts_of(world)
    with gateway(world, parts) as client:
        assert client.get("/dicomweb/studies").status_code == 200
        assert sessions_of(world).sign_out("clinician") == 1
        assert client.get("/dicomweb/studies").status_code == 401
        parts.views.follow()
        client.headers |= sign_in(world)
        assert client.get("/dicomweb/studies").status_code == 200
        world.clock.advance(9 * 3600)
        assert client.get("/dicomweb/studies").status_code == 401


def test_only_metadata_was_granted(world: Consortium, stood: Stood) -> None:
    world.run_grant(stood.study_ids["no"], actions=mask(Action.METADATA))
    with gateway(world) as client:
        assert client.get(f"{stood.url('no')}/metadata").status_code == 200
        refused = client.get(stood.url("no"), headers=AS_STORED)
        assert (refused.status_code, refused.json()["reason"]) == (403, "ACTION")


# -- how it ends


def test_after_a_revoke_nothing_is_there_any_more(world: Consortium, stood: Stood) -> None:
    parts = parts_of(world)
    with gateway(world, parts) as client:
        assert client.get(stood.url("one"), headers=AS_STORED).status_code == 200
        world.revoke.run(stood.grants["one"].grant_id, world.patient)
        parts.views.follow()
        for path in ("", "/metadata", "/rendered"):
            assert client.get(stood.url("one") + path, headers=AS_STORED if not path else None).status_code == 404
        assert values(client.get("/dicomweb/studies"), "0020000D") == [stood.uids["two"]]


def test_a_revoke_cuts_what_is_being_sent(world: Consortium, stood: Stood, piecemeal: None) -> None:
    parts = parts_of(world)
    catalogue = parts.views.catalogue(sign_in(world)["Authorization"].split()[1])
    assert catalogue is not None
    with gateway(world, parts) as client:
        taken = 0
        with pytest.raises(DeniedError), client.stream("GET", stood.url("one"), headers=AS_STORED) as answer:
            for piece in answer.iter_raw(100):
                taken += len(piece)
                if taken >= 100:
                    world.revoke.run(stood.grants["one"].grant_id, world.patient)
                    parts.views.follow()


def test_without_a_journal_nothing_is_sent(world: Consortium, stood: Stood, client: TestClient) -> None:
    assert client.get("/dicomweb/studies").status_code == 200
    world.gateway_journal.working = False
    for path in ("/dicomweb/studies", stood.url("one"), f"{stood.url('one')}/metadata", f"{stood.url('one')}/rendered"):
        assert client.get(path, headers=AS_STORED if path == stood.url("one") else None).status_code == 503


def test_no_answer_is_kept_by_a_cache_and_none_is_guessed_at(stood: Stood, client: TestClient) -> None:
    for path in ("/dicomweb/studies", stood.url("no"), f"{stood.url('one')}/rendered"):
        answer = client.get(path)
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nothing_can_be_changed_here(stood: Stood, client: TestClient, method: str) -> None:
    assert client.request(method, "/dicomweb/studies").status_code == 405
    assert client.request(method, stood.url("one")).status_code == 405


@pytest.mark.parametrize("text", [b"", b"[]", b"{}, {}", b'{"00100010": 7}', b'{"00100010"', b"null"])
def test_what_is_no_dicom_json_is_blamed_on_its_custodian(text: bytes) -> None:
    with pytest.raises(VerificationError, match="custodian"):
        attributes_of(text)
