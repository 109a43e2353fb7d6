"""The Merkle tree over a series' instances: root, inclusion proofs, their verification.

Owns the tree of RFC 9162 with SHA-256 (leaf prefix 0x00, node prefix 0x01); leaves are bytes to it.
Source: RFC 9162 sections 2.1.1 and 2.1.3.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from fiducia.errors import ProofError


def leaf_hash(leaf: bytes) -> bytes:
    """Return SHA-256(0x00 || leaf)."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """Return the tree's root, 32 bytes; of no leaves, SHA-256 of nothing."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    level = [leaf_hash(leaf) for leaf in leaves]
    # Pairing level by level, an odd last node rising unchanged, is RFC 9162's split at the largest power of two.
    while len(level) > 1:
        level = _parents(level)
    return level[0]


def inclusion_proof(leaves: Sequence[bytes], position: int) -> list[bytes]:
    """Return the audit path of the leaf at `position` (0-based), nearest sibling first.

    Raises:
        IndexError: there is no such leaf.
    """
    if not 0 <= position < len(leaves):
        raise IndexError("no such leaf")
    path: list[bytes] = []
    level = [leaf_hash(leaf) for leaf in leaves]
    while len(level) > 1:
        sibling = position ^ 1
        if sibling < len(level):
            path.append(level[sibling])
        level = _parents(level)
        position //= 2
    return path


def verify_inclusion(leaf: bytes, position: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """Check that `leaf` is at `position` of the tree of `size` leaves with this root.

    Raises:
        ProofError: it is not, or the path has another length than that place needs.
    """
    if not 0 <= position < size:
        raise ProofError("the proof's position is outside its tree")
    node, last, rest = leaf_hash(leaf), size - 1, iter(path)
    try:
        while last > 0:
            if position & 1:
                node = node_hash(next(rest), node)
            elif position < last:
                node = node_hash(node, next(rest))
            position //= 2
            last //= 2
    except StopIteration:
        raise ProofError("the inclusion proof is too short") from None
    if next(rest, None) is not None:
        raise ProofError("the inclusion proof is too long")
    if node != root:
        raise ProofError("the inclusion proof leads to another root")


def _parents(level: list[bytes]) -> list[bytes]:
    parents = [node_hash(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
    if len(level) % 2:
        parents.append(level[-1])
    return parents
