"""WADO-RS: instances, metadata and bulk values, streamed out of ciphertext. Source: PS3.18 sections 10.4 and 8.7.

What is sent as stored is sent byte for byte; an instance that is stored otherwise than a client takes it is converted,
if that can be done. While anything is sent, the ledger's word is looked at before every piece.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from starlette.responses import Response

from fiducia.app.gateway.catalogue import NOT_THERE, SeenSeries, Target, attributes_of, targets_in
from fiducia.app.gateway.converting import can_convert, converted
from fiducia.app.gateway.handling import Asked, not_acceptable, streamed
from fiducia.app.gateway.media import Choice, choose_instance, choose_metadata, choose_pixels
from fiducia.app.gateway.multipart import Multipart
from fiducia.app.gateway.parts import GatewayParts
from fiducia.core.dicom.bulk import PREFIX, place_of
from fiducia.core.dicom.codec import transfer_syntax
from fiducia.errors import NotThereError
from fiducia.journeys.reading.viewing import Noted, ReadNote, Viewing

PIECE_BYTES = 1 << 20
_BULK = re.compile(f'"BulkDataURI":"{PREFIX}'.encode())


class Retrieving:
    """The handlers that send instances, metadata and bulk values."""

    def __init__(self, parts: GatewayParts) -> None:
        self._parts = parts

    def instances(self, asked: Asked) -> Response:
        """`/studies/{study}`, `.../series/{series}`, `.../instances/{instance}`: the DICOM files."""
        targets = opened(asked)
        single = "instance" in asked.path
        choices = [
            choose_instance(
                asked.accept, target.entry.transfer_syntax_uid, single=single, decodable=can_convert(target.entry)
            )
            for target in targets
        ]
        chosen = [choice for choice in choices if choice is not None]
        if len(chosen) != len(targets):
            return not_acceptable()
        noted = note(asked.catalogue.viewing, "instances", targets)
        if not chosen[0].multipart:
            return streamed(noted, self._files(asked, targets, chosen), chosen[0].content_type)
        frame = Multipart(self._parts.boundary(), chosen[0].media_type)
        return streamed(noted, self._file_parts(asked, targets, chosen, frame), frame.content_type)

    def metadata(self, asked: Asked) -> Response:
        """`.../metadata` of a study, a series or an instance: DICOM JSON, from the indexes alone."""
        choice = choose_metadata(asked.accept)
        if choice is None:
            return not_acceptable()
        study = asked.catalogue.study(asked.path["study"])
        targets = targets_in(study, asked.path.get("series", ""), asked.path.get("instance", ""))
        noted = note(asked.catalogue.viewing, "metadata", targets)
        return streamed(noted, _metadata(asked, targets), choice.content_type)

    def bulk(self, asked: Asked) -> Response:
        """`.../instances/{instance}/bulkdata/{place}`: one value, by its place in the file."""
        target = only(opened(asked))
        offset, length = _place(asked.path["place"], target)
        # A value's bytes are the same in every transfer syntax that its place is known in.
        choice = choose_pixels(asked.accept, "1.2.840.10008.1.2.1", single=True)
        if choice is None:
            return not_acceptable()
        noted = note(asked.catalogue.viewing, "bulkdata", [target])
        pieces = _range(asked.catalogue.viewing, target, offset, length)
        if not choice.multipart:
            return streamed(noted, pieces, choice.content_type)
        frame = Multipart(self._parts.boundary(), choice.media_type)
        return streamed(noted, framed(frame, [Part(choice.content_type, "", pieces)]), frame.content_type)

    def _files(self, asked: Asked, targets: Sequence[Target], choices: Sequence[Choice]) -> Iterator[bytes]:
        for _, pieces in self._opened(asked.catalogue.viewing, targets, choices):
            yield from pieces

    def _file_parts(
        self, asked: Asked, targets: Sequence[Target], choices: Sequence[Choice], frame: Multipart
    ) -> Iterator[bytes]:
        files = self._opened(asked.catalogue.viewing, targets, choices)
        parts = (
            Part(choice.content_type, f"{asked.base}/{target.path}", pieces)
            for (target, pieces), choice in zip(files, choices, strict=True)
        )
        yield from framed(frame, parts)

    def _opened(
        self, viewing: Viewing, targets: Sequence[Target], choices: Sequence[Choice]
    ) -> Iterator[tuple[Target, Iterator[bytes]]]:
        """Yield each instance with its file; it can be sent to its end, or the body is cut short.

        A stored file is proved whole by its end. What is converted is known to be convertible when it is yielded, as
        far as `converted` knows: before its part begins.
        """
        for series, group in groupby(zip(targets, choices, strict=True), key=lambda each: each[0].series):
            mine = list(group)
            stored = series.opener.alone([target.entry.number for target, choice in mine if choice.as_stored])
            for target, choice in mine:
                if choice.as_stored:
                    _, pieces = next(stored)
                    yield target, _watched(viewing, series, pieces)
                else:
                    viewing.require(series.held)
                    yield target, _watched(viewing, series, converted(self._parts.pixels, target))


def opened(asked: Asked) -> list[Target]:
    """Return what a request is about, with its pixels, which are requested where nobody did so before."""
    study = asked.catalogue.opened(asked.path["study"])
    return targets_in(study, asked.path.get("series", ""), asked.path.get("instance", ""))


def only(targets: Sequence[Target]) -> Target:
    """Return the one instance of a request that names one."""
    (target,) = targets
    return target


def note(viewing: Viewing, what: str, targets: Sequence[Target], frames: int = 0) -> Noted:
    """Begin to journal what is about to be read, one entry a series."""
    reads = []
    for series, group in groupby(targets, key=lambda target: target.series):
        mine = list(group)
        instance = mine[0].entry.number if len(mine) == 1 else 0
        reads.append((series.held, ReadNote(what, series.number, instance, frames or len(mine))))
    return viewing.note(reads)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a multipart body: its media type, where it can be found alone (or ""), and its content."""

    content_type: str
    location: str
    pieces: Iterable[bytes]


def framed(frame: Multipart, parts: Iterable[Part]) -> Iterator[bytes]:
    """Yield a multipart body."""
    for part in parts:
        yield frame.head(part.content_type, part.location)
        yield from part.pieces
    yield frame.end()


def _watched(viewing: Viewing, series: SeenSeries, views: Iterable[memoryview | bytes]) -> Iterator[bytes]:
    for view in views:
        viewing.require(series.held)
        yield bytes(view)  # a view's buffer is filled again before this is sent


def _range(viewing: Viewing, target: Target, offset: int, length: int) -> Iterator[bytes]:
    for at in range(offset, offset + length, PIECE_BYTES):
        viewing.require(target.series.held)
        size_bytes = min(PIECE_BYTES, offset + length - at)
        yield target.series.opener.read_instance(target.entry.number, at, size_bytes)


def _place(text: str, target: Target) -> tuple[int, int]:
    """Where a value lies, within its data set. Raises: NotThereError."""
    found = place_of(PREFIX + text)
    if found is None:
        raise NotThereError(NOT_THERE)
    offset, length = found
    if offset < target.entry.header_bytes or offset + length > target.entry.original_bytes:
        raise NotThereError(NOT_THERE)
    return offset, length


def _metadata(asked: Asked, targets: Sequence[Target]) -> Iterator[bytes]:
    """The DICOM JSON of instances, one after the other, with absolute URLs of what is not in it."""
    before = b"["
    for series, group in groupby(targets, key=lambda target: target.series):
        for target, text in _texts(series, list(group)):
            asked.catalogue.viewing.require(series.held)
            yield before + _with_urls(text, f"{asked.base}/{target.path}", target)
            before = b","
    yield b"]"


def _texts(series: SeenSeries, targets: Sequence[Target]) -> Iterator[tuple[Target, bytes]]:
    if len(targets) == len(series.opener.entries):  # all of them: in large pieces
        yield from zip(targets, (text for _, text in series.opener.dicom_jsons()), strict=True)
        return
    for target in targets:
        yield target, series.opener.dicom_json(target.entry.number)


def _with_urls(text: bytes, url: str, target: Target) -> bytes:
    attributes_of(text)  # nothing but one object goes between the others
    # The quotation marks of a text inside of JSON are escaped, so this is found where it is a name alone.
    text = _BULK.sub(f'"BulkDataURI":"{url}/{PREFIX}'.encode(), text)
    if not target.entry.frame_count:
        return text
    encapsulated = transfer_syntax(target.entry.transfer_syntax_uid).encapsulated
    vr = "OB" if encapsulated or b'"00280100":{"vr":"US","Value":[8]}' in text else "OW"
    # Its tag is behind every other one that the index has.
    return text[:-1] + f',"7FE00010":{{"vr":"{vr}","BulkDataURI":"{url}/pixeldata"}}}}'.encode()
