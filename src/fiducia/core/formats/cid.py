"""CIDs, computed by us: a store that answers with another is refused.

Owns the UnixFS tree of one object under the profile unixfs-v1-2025 (CIDv1, SHA-256, raw leaves of 1 MiB,
1024 links a node, balanced), built while the bytes stream by, in memory that grows with its depth only.
Only addresses are made here: no blocks are kept. A CID's form inside fiducia is its text (base32, lower case).
Source: IPFS UnixFS and DAG-PB specifications (specs.ipfs.tech); docs/formats.md, "CID".
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import libipld

from fiducia.core.formats.context import Piece
from fiducia.errors import EncodingError

CHUNK_BYTES = 1 << 20
LINKS_PER_NODE = 1024

_RAW, _DAG_PB, _SHA2_256 = 0x55, 0x70, 0x12


def raw_cid(block: Piece) -> str:
    """Return the CID of one raw block, as of a manifest: base32 CIDv1 over its SHA-256."""
    return cid_of_digest(hashlib.sha256(block).digest())


def cid_of_digest(digest: bytes) -> str:
    """Return the CID of the raw block whose SHA-256 is `digest` (32 bytes): how a manifest is found.

    Raises:
        EncodingError: not 32 bytes.
    """
    if len(digest) != 32:
        raise EncodingError("a digest is 32 bytes")
    return _text(_cid_bytes(_RAW, digest))


def digest_of_cid(cid: str) -> bytes:
    """Return the SHA-256 that a raw block's CID names, 32 bytes.

    Raises:
        EncodingError: not a CID that fiducia writes, or not of a raw block.
    """
    codec, digest = _parse(cid)
    if codec != _RAW:
        raise EncodingError("this CID names a tree, not one raw block")
    return digest


def check_cid(cid: str) -> str:
    """Return `cid` if it is the canonical text of a CIDv1, raw or dag-pb, SHA-256.

    Raises:
        EncodingError: any other text.
    """
    _parse(cid)
    return cid


def cid_of(data: Piece) -> str:
    """Return the CID of an object in memory."""
    builder = CidBuilder()
    builder.update(data)
    return builder.finish()


@dataclass(frozen=True, slots=True)
class _Link:
    cid: bytes
    tree_bytes: int  # the size of all blocks below and including this one (Tsize)
    file_bytes: int


class CidBuilder:
    """The CID of one object, fed in pieces of any size. One digest pass; nothing is copied or kept."""

    def __init__(self) -> None:
        self._leaf = hashlib.sha256()
        self._room = CHUNK_BYTES
        self._levels: list[list[_Link]] = [[]]

    def update(self, piece: Piece) -> None:
        """Take the next bytes."""
        view = memoryview(piece).cast("B")
        while len(view) > self._room:
            # Strictly more than the room: a full leaf is closed only when another byte follows it.
            self._leaf.update(view[: self._room])
            view = view[self._room :]
            self._room = 0
            self._close_leaf()
        self._leaf.update(view)
        self._room -= len(view)

    def finish(self) -> str:
        """Return the CID; the builder is used up."""
        self._close_leaf()
        level = 0
        while True:
            links = self._levels[level]
            if level == len(self._levels) - 1 and len(links) == 1:
                return _text(links[0].cid)
            self._close_node(level)
            level += 1

    def _close_leaf(self) -> None:
        size = CHUNK_BYTES - self._room
        self._add(0, _Link(_cid_bytes(_RAW, self._leaf.digest()), size, size))
        self._leaf = hashlib.sha256()
        self._room = CHUNK_BYTES

    def _add(self, level: int, link: _Link) -> None:
        if level == len(self._levels):
            self._levels.append([])
        if len(self._levels[level]) == LINKS_PER_NODE:
            self._close_node(level)
        self._levels[level].append(link)

    def _close_node(self, level: int) -> None:
        links = self._levels[level]
        self._levels[level] = []
        self._add(level + 1, _node(links))


def _node(links: list[_Link]) -> _Link:
    file_bytes = sum(link.file_bytes for link in links)
    # UnixFS Data: Type = File (2), filesize, blocksizes; DAG-PB writes the links before the data.
    data = b"\x08\x02\x18" + _varint(file_bytes) + b"".join(b"\x20" + _varint(link.file_bytes) for link in links)
    block = b"".join(_field(0x12, _pb_link(link)) for link in links) + _field(0x0A, data)
    tree_bytes = len(block) + sum(link.tree_bytes for link in links)
    return _Link(_cid_bytes(_DAG_PB, hashlib.sha256(block).digest()), tree_bytes, file_bytes)


def _pb_link(link: _Link) -> bytes:
    # Hash, an empty but present Name, Tsize: the one form that all IPFS implementations write for files.
    return _field(0x0A, link.cid) + b"\x12\x00\x18" + _varint(link.tree_bytes)


def _field(tag: int, value: bytes) -> bytes:
    return bytes((tag,)) + _varint(len(value)) + value


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _cid_bytes(codec: int, digest: bytes) -> bytes:
    return bytes((1, codec, _SHA2_256, 32)) + digest


def _text(cid: bytes) -> str:
    return libipld.encode_multibase("b", cid)


def _parse(cid: str) -> tuple[int, bytes]:
    try:
        fields = libipld.decode_cid(cid)
    except ValueError as error:
        raise EncodingError("this is not a CID") from error
    codec, digest = fields["codec"], fields["hash"]["digest"]
    # Writing it again and comparing leaves one text per CID: no other base, case, version or hash.
    if codec not in (_RAW, _DAG_PB) or len(digest) != 32 or _text(_cid_bytes(codec, digest)) != cid:
        raise EncodingError("this is not a base32 CIDv1 of SHA-256, raw or dag-pb")
    return codec, digest
