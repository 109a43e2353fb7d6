"""Media directories (DICOMDIR): which files of a medium are part of its file-set.

Owns: listing what its records refer to, in their order. A file ID is turned into
path components only when it cannot lead out of the medium. Source: PS3.3 annex F, PS3.10 section 8.
Not here: opening what is listed (`adapters.dicom_files`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from fiducia.core.dicom.codec import Element, transfer_syntax
from fiducia.core.dicom.elements import Walker
from fiducia.core.dicom.part10 import MEDIA_DIRECTORY, read_meta
from fiducia.core.dicom.values import text_of
from fiducia.core.dicom.window import Window
from fiducia.errors import DicomError

DIRECTORY_MAX_BYTES = 256 << 20
_KEPT_MAX_BYTES = 64 << 20
_RECORDS, _IN_USE, _FILE_ID = 0x00041220, 0x00041410, 0x00041500
# Wider than PS3.10 section 8.2 (eight of A-Z, 0-9 and _), because published media are; but no separators.
_COMPONENT = re.compile(r"[\w .+=,@~()-]{1,255}", re.ASCII)


def read_directory(stream: BinaryIO, size_bytes: int) -> tuple[tuple[str, ...], ...]:
    """Return the file IDs that the directory's active records refer to, each once, as path components.

    Raises:
        DicomError: damaged, too large, or a file ID that leads out of the medium.
    """
    if size_bytes > DIRECTORY_MAX_BYTES:
        raise DicomError(f"the media directory is larger than {DIRECTORY_MAX_BYTES >> 20} MiB: give its files instead")
    window = Window(stream, size_bytes)
    meta = read_meta(window)
    if text_of(meta.values, 0x00020002) != MEDIA_DIRECTORY:
        raise DicomError("the file is called DICOMDIR, but is no media directory: give the folder's other files")
    syntax = transfer_syntax(text_of(meta.values, 0x00020010))
    if syntax.deflated:
        raise DicomError("the media directory is deflated, which no medium allows: give its files instead")
    elements = Walker(window, syntax.codec, _KEPT_MAX_BYTES).top(meta.begin)
    return tuple(dict.fromkeys(_file_ids(elements)))


def _file_ids(elements: list[Element]) -> Iterator[tuple[str, ...]]:
    for tag, _, records in elements:
        if tag != _RECORDS or not isinstance(records, list):
            continue
        for record in records:
            values = {tag: value for tag, _, value in record}
            file_id = values.get(_FILE_ID)
            if values.get(_IN_USE) == b"\0\0" or not isinstance(file_id, bytes):
                continue
            components = tuple(part.strip(" \0") for part in file_id.decode("latin_1").split("\\"))
            if components != ("",):
                yield _checked(components)


def _checked(components: tuple[str, ...]) -> tuple[str, ...]:
    for component in components:
        if not _COMPONENT.fullmatch(component) or not component.strip("."):
            raise DicomError("the media directory names a file outside of its medium: give the files instead")
    return components
