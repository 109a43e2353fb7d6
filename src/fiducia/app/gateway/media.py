"""Media types of retrieve requests: what a client gets, of what it accepts.

Owns the choice between what is stored and what can be made of it, which is Explicit VR Little Endian alone. Where
nothing fits, the choice is None: the door answers 406 (PS3.18 section 8.7.8.1).

How a choice is made (sections 8.7.8.1 and 8.7.8.2):
1. Ranges that name a media type, the `accept` parameter's before the header's, each by q, then in their order.
2. A range without a transfer syntax means its media type's default: Explicit VR Little Endian for application/dicom and
   application/octet-stream. What is stored is sent where that cannot be made and what is stored is lossy (8.7.3).
3. `transfer-syntax=*` means as stored, byte for byte. So Implicit VR and Big Endian do leave, which section 8.7.3 does
   not want: whoever takes anything gets what was registered, whose digests are on the ledger.
4. Last come ranges with wildcards, and no Accept header at all (RFC 9110 section 12.5.1): the resource's default media
   type (table 10.4.4-1) by rule 2. So */* is not "as stored".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fiducia.app.gateway.accept import ANY, Accept, Range

DICOM, OCTETS = "application/dicom", "application/octet-stream"
JSON, DICOM_JSON = "application/json", "application/dicom+json"
JPEG, PNG = "image/jpeg", "image/png"
EXPLICIT = "1.2.840.10008.1.2.1"
_IMPLICIT, _BIG_ENDIAN, _DEFLATED = "1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"
_NATIVE = (_IMPLICIT, EXPLICIT, _DEFLATED, _BIG_ENDIAN)

# Tables 8.7.3-4 and 8.7.3-5: media types of compressed pixels, the default transfer syntax first.
_JPEG_FAMILY = "1.2.840.10008.1.2.4."
_COMPRESSED: dict[str, tuple[str, ...]] = {
    JPEG: ("70", "50", "51", "57"),
    "image/jls": ("80", "81"),
    "image/jp2": ("90", "91"),
    "image/jpx": ("92", "93"),
    "image/jphc": ("201", "202", "203"),
    "image/jxl": ("110", "111", "112"),
    "video/mpeg": ("100", "100.1", "101", "101.1"),
    "video/mp4": ("102", "102.1", "103", "103.1", "104", "104.1", "105", "105.1", "106", "106.1"),
    "video/h265": ("107", "108"),
}
_MEDIA = {f"{_JPEG_FAMILY}{end}": kind for kind, ends in _COMPRESSED.items() for end in ends}
_MEDIA["1.2.840.10008.1.2.5"] = "image/dicom-rle"
_DEFAULTS = {kind: f"{_JPEG_FAMILY}{ends[0]}" for kind, ends in _COMPRESSED.items()}
_DEFAULTS["image/dicom-rle"] = "1.2.840.10008.1.2.5"
_LOSSY = {  # or may be: what was thrown away cannot be told from the transfer syntax
    syntax
    for syntax, kind in _MEDIA.items()
    if kind.startswith("video/") or syntax.removeprefix(_JPEG_FAMILY) in ("50", "51", "81", "91", "93", "112", "203")
}


@dataclass(frozen=True, slots=True)
class Choice:
    """What is sent.

    Attributes:
        media_type: of the body, or of each part.
        multipart: whether the body has parts.
        transfer_syntax: what pixels and data sets are encoded in; "" when the media type says all.
        as_stored: the stored bytes are sent as they are; otherwise they are transcoded, decoded or rendered.
    """

    media_type: str
    multipart: bool
    transfer_syntax: str = ""
    as_stored: bool = True

    @property
    def content_type(self) -> str:
        """The Content-Type of a part, or of a body without parts."""
        return self.media_type + (f";transfer-syntax={self.transfer_syntax}" if self.transfer_syntax else "")


def choose_instance(accept: Accept, stored: str, *, single: bool = False, decodable: bool = True) -> Choice | None:
    """Choose how an instance is sent. Ask for each of several; all answers are multipart, or the one is not.

    Args:
        accept: from `parse_accept`.
        stored: its transfer syntax.
        single: the request names exactly one instance, which may then come without parts (section 10.4.4).
        decodable: Explicit VR Little Endian can be made of it.
    """

    def serve(one: Range) -> Choice | None:
        if one.kind != DICOM or not (one.multipart or single):
            return None
        if one.syntax == "*":
            return Choice(DICOM, one.multipart, stored)
        return _default_or_stored(one, stored, EXPLICIT, decodable)

    return _choose(accept, serve, DICOM, single, default_multipart=True)


def choose_pixels(accept: Accept, stored: str, *, single: bool = False, decodable: bool = True) -> Choice | None:
    """Choose how frames are sent; bulk data that is no pixels too, as what is stored uncompressed.

    The media type of compressed frames as stored is what the range names: the compression's own, or
    application/octet-stream where it names that with `transfer-syntax=*`.

    Args:
        accept: from `parse_accept`.
        stored: the instance's transfer syntax.
        single: the request names exactly one frame or value, which may then come without parts.
        decodable: the frames can be decoded.
    """

    def serve(one: Range) -> Choice | None:
        if not (one.multipart or single):
            return None
        if one.kind == OCTETS:
            return _octets(one, stored, decodable)
        if one.kind != _MEDIA.get(stored):
            return None
        if one.syntax == "*":
            return Choice(one.kind, one.multipart, stored)
        return _default_or_stored(one, stored, _DEFAULTS[one.kind], decodable=False)

    own = _MEDIA.get(stored, OCTETS)
    return _choose(accept, serve, OCTETS, single, default_multipart=True, other=own)


def choose_metadata(accept: Accept) -> Choice | None:
    """Choose how metadata and results of searches are sent: the DICOM JSON model; XML is not made."""

    def serve(one: Range) -> Choice | None:
        fits = one.kind in (DICOM_JSON, JSON) and not one.multipart
        return Choice(one.kind, multipart=False) if fits else None

    return _choose(accept, serve, DICOM_JSON, single=True, default_multipart=False)


def choose_rendered(accept: Accept, *, single: bool = True) -> Choice | None:
    """Choose how rendered frames are sent: image/jpeg, the default, or image/png (section 8.7.4)."""

    def serve(one: Range) -> Choice | None:
        fits = one.kind in (JPEG, PNG) and (one.multipart or single)  # a transfer syntax means nothing here
        return Choice(one.kind, one.multipart, as_stored=False) if fits else None

    return _choose(accept, serve, JPEG, single, default_multipart=not single)


def _choose(
    accept: Accept,
    serve: Callable[[Range], Choice | None],
    default: str,
    single: bool,
    *,
    default_multipart: bool,
    other: str = "",
) -> Choice | None:
    """The first range that can be served; wildcards stand for the default, or the one other that they fit."""
    for one in accept.named():
        if choice := serve(one):
            return choice
    for one in accept.wild():
        multipart = one.multipart or one.kind == "multipart/*" or (one.kind == ANY and default_multipart)
        for kind in filter(None, (default, other)):
            if not _covers(one.kind, kind) or accept.refuses(kind, multipart):
                continue
            if choice := serve(Range(kind, multipart, one.syntax)):
                return choice
    return None


def _covers(wild: str, kind: str) -> bool:
    return wild in (ANY, "multipart/*") or kind.startswith(wild.removesuffix("*"))


def _default_or_stored(one: Range, stored: str, default: str, decodable: bool) -> Choice | None:
    """What is asked for, or else the media type's default, where it is stored or can be made."""
    wanted = one.syntax or default
    if wanted == stored and stored not in (_IMPLICIT, _BIG_ENDIAN):
        return Choice(one.kind, one.multipart, stored)
    if wanted == EXPLICIT and (decodable or stored in _NATIVE):
        return Choice(one.kind, one.multipart, EXPLICIT, as_stored=False)
    if not one.syntax and stored in _LOSSY:
        return Choice(one.kind, one.multipart, stored)
    return None


def _octets(one: Range, stored: str, decodable: bool) -> Choice | None:
    """Pixels as plain bytes: uncompressed and little endian, or a compressed stream for who asks for it."""
    if stored in _NATIVE:
        fits = one.syntax in ("", "*", EXPLICIT)
        return Choice(OCTETS, one.multipart, EXPLICIT, as_stored=stored != _BIG_ENDIAN) if fits else None
    if one.syntax in ("*", stored):
        return Choice(OCTETS, one.multipart, stored)
    return _default_or_stored(one, stored, EXPLICIT, decodable)
