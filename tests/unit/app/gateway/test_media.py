"""What clients accept, in the words that real ones use, and what they get."""

from __future__ import annotations

from email import message_from_bytes
from email.message import Message
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fiducia.app.gateway.accept import HEADER_MAX_CHARS, Accept, Range, parse_accept
from fiducia.app.gateway.media import Choice, choose_instance, choose_metadata, choose_pixels, choose_rendered
from fiducia.app.gateway.multipart import Multipart
from fiducia.errors import InputError

IMPLICIT, EXPLICIT, BIG_ENDIAN = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
DEFLATED, RLE = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.5"
BASELINE, LOSSLESS_14, LOSSLESS = (f"1.2.840.10008.1.2.4.{end}" for end in ("50", "57", "70"))
JLS, JLS_LOSSY, J2K, HTJ2K = (f"1.2.840.10008.1.2.4.{end}" for end in ("80", "81", "90", "201"))
MPEG2, MPEG4 = "1.2.840.10008.1.2.4.100", "1.2.840.10008.1.2.4.102"
SYNTAXES = [IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED, RLE, BASELINE, LOSSLESS_14, LOSSLESS, JLS, J2K, HTJ2K, MPEG4]

DICOM, OCTETS = "application/dicom", "application/octet-stream"
MULTI_DICOM = 'multipart/related; type="application/dicom"'
OHIF = "multipart/related; type=application/octet-stream; transfer-syntax=*"
CORNERSTONE = (
    'multipart/related; type="image/x-dicom-rle"; transfer-syntax=1.2.840.10008.1.2.5,'
    'multipart/related; type="image/jpeg"; transfer-syntax=1.2.840.10008.1.2.4.50,'
    'multipart/related; type="image/x-jls"; transfer-syntax=1.2.840.10008.1.2.4.80,'
    'multipart/related; type="application/octet-stream"; transfer-syntax=*'
)
DICOMWEB_CLIENT = (
    'multipart/related; type="image/x-jls"; transfer-syntax=1.2.840.10008.1.2.4.80, '
    'multipart/related; type="video/mpeg2", multipart/related; type="image/*"; transfer-syntax=*'
)
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8"
JAVA = "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"


def instance(header: str | None, stored: str, parameter: str | None = None, **known: bool) -> Choice | None:
    return choose_instance(parse_accept(header, parameter), stored, **known)


def pixels(header: str | None, stored: str, parameter: str | None = None, **known: bool) -> Choice | None:
    return choose_pixels(parse_accept(header, parameter), stored, **known)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("*/*", [Range("*/*")]),
        (OHIF, [Range(OCTETS, True, "*")]),
        ('Multipart/Related;TYPE="Application/DICOM"', [Range(DICOM, True)]),
        ('multipart/related; type="application/dicom"; boundary=**; q=0.5', [Range(DICOM, True, "", 0.5)]),
        ("multipart/related", [Range("*/*", True)]),
        ('multipart/related; type="image/*", , application/json;', [Range("image/*", True), Range("application/json")]),
        ("application/dicom+json; charset=utf-8", [Range("application/dicom+json")]),
        ('a/b; x="c,d;\\"e"; q=0', [Range("a/b", q=0.0)]),
        (f"{OHIF}; transfer-syntax=*", [Range(OCTETS, True, "*")]),
        ("", [Range("*/*")]),
    ],
)
def test_an_accept_header_is_read(header: str, expected: list[Range]) -> None:
    assert parse_accept(header) == Accept((), tuple(expected))


def test_the_parameter_may_have_lost_its_plus_and_comes_first() -> None:
    accept = parse_accept("*/*;q=0.1", "application/dicom json")
    assert accept == Accept((Range("application/dicom+json"),), (Range("*/*", q=0.1),))
    assert parse_accept(None, DICOM).header == ()


@pytest.mark.parametrize(
    "header",
    [
        "secret",
        "secret/",
        "/secret",
        "*/secret",
        "a/b/secret",
        "a(b/secret",
        "secret\r\n/x",
        "a/b; secret",
        "a/b; =secret",
        'a/b; x="secret',
        'a/b; x="',
        "a/b; q=secret",
        "a/b; q=1.1",
        "a/b; q=-1",
        "a/b; q=nan",
        "a/b; q=0.1234",
        "multipart/related; type=secret",
        f"{DICOM}; transfer-syntax=secret",
        f"{DICOM}; transfer-syntax={'1' * 65}",
        f"{DICOM}; transfer-syntax=1.2; transfer-syntax=1.3",
        f"{DICOM}; {'x' * 33}=1",
        f"a/{'b' * 128}",
        "a/b" + "; x=1" * 17,
        ",".join(["a/b"] * 65),
        "," * (HEADER_MAX_CHARS + 1),
        "é/b",
    ],
)
def test_what_is_no_accept_header_is_refused_without_repeating_it(header: str) -> None:
    for given_ in ((header, None), (None, header)):
        with pytest.raises(InputError) as refusal:
            parse_accept(*given_)
        assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("header", "stored", "syntax", "as_stored"),
    [
        (MULTI_DICOM, EXPLICIT, EXPLICIT, True),
        (MULTI_DICOM, IMPLICIT, EXPLICIT, False),
        (MULTI_DICOM, DEFLATED, EXPLICIT, False),
        (MULTI_DICOM, JLS, EXPLICIT, False),
        (MULTI_DICOM, BASELINE, EXPLICIT, False),
        (f"{MULTI_DICOM}; transfer-syntax=*", JLS, JLS, True),
        (f"{MULTI_DICOM}; transfer-syntax=*", DEFLATED, DEFLATED, True),
        (f"{MULTI_DICOM}; transfer-syntax=*", IMPLICIT, IMPLICIT, True),
        (f"{MULTI_DICOM}; transfer-syntax=*", BIG_ENDIAN, BIG_ENDIAN, True),
        (f"{MULTI_DICOM}; transfer-syntax={JLS}", JLS, JLS, True),
        (f"{MULTI_DICOM}; transfer-syntax={J2K}, {MULTI_DICOM}; transfer-syntax=*;q=0.5", JLS, JLS, True),
        (f"{MULTI_DICOM}; transfer-syntax={J2K}, {MULTI_DICOM}; q=0.5", JLS, EXPLICIT, False),
        (f"{MULTI_DICOM}; q=0.5, {MULTI_DICOM}; transfer-syntax=*", JLS, JLS, True),
        ("*/*", JLS, EXPLICIT, False),
        (None, JLS, EXPLICIT, False),
        (BROWSER, EXPLICIT, EXPLICIT, True),
        (JAVA, EXPLICIT, EXPLICIT, True),
        ("multipart/related", EXPLICIT, EXPLICIT, True),
        ("multipart/*", EXPLICIT, EXPLICIT, True),
        ("*/*; transfer-syntax=*", JLS, JLS, True),
    ],
)
def test_an_instance_comes_in_parts(header: str | None, stored: str, syntax: str, as_stored: bool) -> None:
    for single in (False, True):
        assert instance(header, stored, single=single) == Choice(DICOM, True, syntax, as_stored)


@pytest.mark.parametrize(
    ("header", "stored"),
    [
        (f"{MULTI_DICOM}; transfer-syntax={J2K}", JLS),
        (f"{MULTI_DICOM}; transfer-syntax={IMPLICIT}", IMPLICIT),
        (f"{MULTI_DICOM}; transfer-syntax={BIG_ENDIAN}", BIG_ENDIAN),
        (f"{MULTI_DICOM}; q=0, */*", EXPLICIT),
        ("*/*;q=0", EXPLICIT),
        (DICOM, EXPLICIT),
        ("application/*", EXPLICIT),
        ('multipart/related; type="application/dicom+xml"', EXPLICIT),
        ('multipart/related; type="image/*"', EXPLICIT),
        ("application/dicom+xml", EXPLICIT),
        ("image/jpeg", BASELINE),
    ],
)
def test_what_cannot_be_served_is_no_choice(header: str, stored: str) -> None:
    assert instance(header, stored) is None


def test_one_instance_may_come_without_parts() -> None:
    assert instance(DICOM, EXPLICIT, single=True) == Choice(DICOM, False, EXPLICIT)
    assert instance("application/*", JLS, single=True) == Choice(DICOM, False, EXPLICIT, False)
    assert instance(f"{DICOM}; transfer-syntax=*", JLS, single=True) == Choice(DICOM, False, JLS)


def test_what_cannot_be_decoded_is_sent_as_stored_only_when_lossy() -> None:
    assert instance(MULTI_DICOM, BASELINE, decodable=False) == Choice(DICOM, True, BASELINE)
    assert instance(MULTI_DICOM, JLS, decodable=False) is None
    assert instance(MULTI_DICOM, IMPLICIT, decodable=False) == Choice(DICOM, True, EXPLICIT, False)
    assert instance(f"{MULTI_DICOM}; transfer-syntax={EXPLICIT}", BASELINE, decodable=False) is None


def test_the_parameter_overrides_the_header_where_it_can_be_served() -> None:
    asked = instance(f"{MULTI_DICOM}; transfer-syntax=*", JLS, f"{DICOM};transfer-syntax={EXPLICIT}", single=True)
    assert asked == Choice(DICOM, False, EXPLICIT, False)
    assert instance(f"{MULTI_DICOM}; transfer-syntax=*", JLS, "image/gif") == Choice(DICOM, True, JLS)
    assert instance(None, JLS, "image/gif") is None


@pytest.mark.parametrize(
    ("header", "stored", "expected"),
    [
        (OHIF, JLS, f"{OCTETS};transfer-syntax={JLS}"),
        (OHIF, BASELINE, f"{OCTETS};transfer-syntax={BASELINE}"),
        (OHIF, HTJ2K, f"{OCTETS};transfer-syntax={HTJ2K}"),
        (OHIF, EXPLICIT, f"{OCTETS};transfer-syntax={EXPLICIT}"),
        (OHIF, IMPLICIT, f"{OCTETS};transfer-syntax={EXPLICIT}"),
        (DICOMWEB_CLIENT, JLS, f"image/jls;transfer-syntax={JLS}"),
        ('multipart/related; type="video/mpeg2"; transfer-syntax=*', MPEG2, f"video/mpeg;transfer-syntax={MPEG2}"),
        (DICOMWEB_CLIENT, J2K, f"image/jp2;transfer-syntax={J2K}"),
        (CORNERSTONE, RLE, f"image/dicom-rle;transfer-syntax={RLE}"),
        (CORNERSTONE, BASELINE, f"image/jpeg;transfer-syntax={BASELINE}"),
        (CORNERSTONE, JLS, f"image/jls;transfer-syntax={JLS}"),
        (CORNERSTONE, J2K, f"{OCTETS};transfer-syntax={J2K}"),
        ('multipart/related; type="image/jls"', JLS, f"image/jls;transfer-syntax={JLS}"),
        ('multipart/related; type="image/jls"', JLS_LOSSY, f"image/jls;transfer-syntax={JLS_LOSSY}"),
        ('multipart/related; type="image/jp2"', J2K, f"image/jp2;transfer-syntax={J2K}"),
        ('multipart/related; type="image/jphc"; transfer-syntax=*', HTJ2K, f"image/jphc;transfer-syntax={HTJ2K}"),
        ('multipart/related; type="image/jpeg"', LOSSLESS, f"image/jpeg;transfer-syntax={LOSSLESS}"),
        ('multipart/related; type="image/jpeg"', BASELINE, f"image/jpeg;transfer-syntax={BASELINE}"),
        (
            'multipart/related; type="image/*"; transfer-syntax=*',
            LOSSLESS_14,
            f"image/jpeg;transfer-syntax={LOSSLESS_14}",
        ),
        ('multipart/related; type="video/*"', MPEG4, f"video/mp4;transfer-syntax={MPEG4}"),
        (f'multipart/related; type="{OCTETS}"; transfer-syntax={JLS}', JLS, f"{OCTETS};transfer-syntax={JLS}"),
    ],
)
def test_compressed_frames_come_as_stored_for_who_asks(header: str, stored: str, expected: str) -> None:
    choice = pixels(header, stored)
    assert choice is not None
    assert (choice.content_type, choice.multipart, choice.as_stored) == (expected, True, True)


@pytest.mark.parametrize("stored", SYNTAXES)
@pytest.mark.parametrize(
    "header",
    [
        'multipart/related; type="application/octet-stream"',
        f'multipart/related; type="application/octet-stream"; transfer-syntax={EXPLICIT}',
        'multipart/related; type="*/*"',
        "*/*",
        None,
        BROWSER,
    ],
)
def test_frames_are_decoded_otherwise(header: str | None, stored: str) -> None:
    as_stored = stored in (IMPLICIT, EXPLICIT, DEFLATED)
    assert pixels(header, stored) == Choice(OCTETS, True, EXPLICIT, as_stored)


def test_frames_that_cannot_be_served_are_no_choice() -> None:
    assert pixels('multipart/related; type="image/jpeg"', EXPLICIT) is None
    assert pixels('multipart/related; type="image/jpeg"', LOSSLESS_14) is None  # .70 would be the default
    assert pixels('multipart/related; type="image/jp2"', JLS) is None
    assert pixels(f'multipart/related; type="image/jls"; transfer-syntax={EXPLICIT}', JLS) is None
    assert pixels(f'multipart/related; type="{OCTETS}"; transfer-syntax={J2K}', JLS) is None
    assert pixels(f'multipart/related; type="{OCTETS}"; transfer-syntax={BIG_ENDIAN}', BIG_ENDIAN) is None
    assert pixels(f'multipart/related; type="{OCTETS}"', JLS, decodable=False) is None
    assert pixels(f"multipart/related; type={DICOM}", EXPLICIT) is None


def test_frames_that_cannot_be_decoded_come_as_they_are_where_that_is_allowed() -> None:
    assert pixels("*/*", J2K, decodable=False) == Choice("image/jp2", True, J2K)
    assert pixels("*/*", MPEG4, decodable=False) == Choice(OCTETS, True, MPEG4)
    assert pixels(OHIF, J2K, decodable=False) == Choice(OCTETS, True, J2K)


def test_one_frame_may_come_without_parts() -> None:
    assert pixels(OCTETS, EXPLICIT) is None
    assert pixels(OCTETS, EXPLICIT, single=True) == Choice(OCTETS, False, EXPLICIT)
    assert pixels("image/jpeg", BASELINE, single=True) == Choice("image/jpeg", False, BASELINE)
    assert pixels("*/*", EXPLICIT, single=True) == Choice(OCTETS, True, EXPLICIT)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("application/dicom+json", "application/dicom+json"),
        (f"application/dicom+json, {OHIF}; transfer-syntax=*", "application/dicom+json"),
        ("application/json", "application/json"),
        ("application/dicom+json, application/json", "application/dicom+json"),
        ("application/json, text/plain, */*", "application/json"),
        ("application/json;q=0.5, application/dicom+json", "application/dicom+json"),
        ("application/*", "application/dicom+json"),
        ("application/dicom+xml, */*;q=0.1", "application/dicom+json"),
        ("*/*", "application/dicom+json"),
        (None, "application/dicom+json"),
        (BROWSER, "application/dicom+json"),
        ("application/dicom+xml", None),
        ('multipart/related; type="application/dicom+xml"', None),
        ("multipart/*", None),
        ("multipart/related", None),
        ("application/dicom+json;q=0, */*", None),
        ("text/html", None),
    ],
)
def test_metadata_is_json(header: str | None, expected: str | None) -> None:
    choice = choose_metadata(parse_accept(header))
    assert (choice.content_type if choice else None) == expected
    assert not (choice and choice.multipart)


@pytest.mark.parametrize(
    ("header", "single", "expected"),
    [
        ("*/*", True, Choice("image/jpeg", False, as_stored=False)),
        (None, True, Choice("image/jpeg", False, as_stored=False)),
        ("image/*", True, Choice("image/jpeg", False, as_stored=False)),
        ("image/png", True, Choice("image/png", False, as_stored=False)),
        ("image/png, image/jpeg;q=0.9", True, Choice("image/png", False, as_stored=False)),
        ("image/avif,image/webp,image/apng,image/*,*/*;q=0.8", True, Choice("image/jpeg", False, as_stored=False)),
        ('multipart/related; type="image/png"', True, Choice("image/png", True, as_stored=False)),
        ("*/*", False, Choice("image/jpeg", True, as_stored=False)),
        ("image/png", False, None),
        ("image/gif", True, None),
        ("video/mp4", True, None),
    ],
)
def test_rendered_frames_are_jpeg_or_png(header: str | None, single: bool, expected: Choice | None) -> None:
    assert choose_rendered(parse_accept(header), single=single) == expected


@given(st.text(max_size=60) | st.text('ab*/;,="\\q01. ', max_size=60), st.sampled_from(SYNTAXES), st.booleans())
def test_any_header_is_read_or_refused(header: str, stored: str, single: bool) -> None:
    try:
        accept = parse_accept(header, header[::-1])
    except InputError:
        return
    choose_metadata(accept)
    choose_rendered(accept, single=single)
    for choice in (choose_instance(accept, stored, single=single), choose_pixels(accept, stored, single=single)):
        assert choice is None or choice.transfer_syntax not in (IMPLICIT, BIG_ENDIAN)


def read(frame: Multipart, body: bytes) -> list[Message[str, str]]:
    parsed = message_from_bytes(f"Content-Type: {frame.content_type}\r\n\r\n".encode() + body)
    assert parsed.get_content_type() == "multipart/related"
    assert parsed.get_param("type") == frame.media_type
    parts: Any = parsed.get_payload()
    assert isinstance(parts, list)
    return parts


def test_parts_are_framed_for_any_reader() -> None:
    frame = Multipart("0123456789abcdef", DICOM)
    contents = [b"one\r\n", b"", b"\r\n--0123456789abcde\r\n\0"]
    heads = [frame.head(f"{DICOM};transfer-syntax={JLS}", "/studies/1.2"), frame.head(DICOM), frame.head(DICOM)]
    body = b"".join(head + content for head, content in zip(heads, contents, strict=True)) + frame.end()
    parts = read(frame, body)
    assert [part.get_payload(decode=True) for part in parts] == contents
    assert parts[0].get_param("transfer-syntax") == JLS
    assert parts[0]["content-location"] == "/studies/1.2"
    assert "content-location" not in parts[1]


def test_an_answer_without_parts_still_ends() -> None:
    assert Multipart("0123456789abcdef", DICOM).end() == b"\r\n--0123456789abcdef--\r\n"


@pytest.mark.parametrize("boundary", ["", "short", "a" * 71, "a" * 15 + '"', "a" * 16 + "\n", "é" * 16])
def test_a_boundary_is_random_letters_and_digits(boundary: str) -> None:
    with pytest.raises(ValueError, match="boundary"):
        Multipart(boundary, DICOM)


@pytest.mark.parametrize("value", ["a\r\nX: y", "é", "a\0"])
def test_no_header_field_can_be_smuggled_into_a_part(value: str) -> None:
    frame = Multipart("0123456789abcdef", DICOM)
    for content_type, location in ((value, ""), (DICOM, value)):
        with pytest.raises(ValueError, match="printable"):
            frame.head(content_type, location)
