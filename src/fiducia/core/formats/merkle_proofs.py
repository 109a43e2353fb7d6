"""Merkle trees of which nobody holds all leaves at once: root, inclusion and consistency proofs, from their nodes.

A node is given by its height and its index: it covers the leaves `index * 2**height` up to the next multiple, all of
which must be there. Whoever makes proofs brings a function from nodes to hashes: a journal's own tree, or tiles that
somebody else serves. Inclusion is verified by `merkle`. Source: RFC 9162 sections 2.1.3 and 2.1.4.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence

from fiducia.core.formats.merkle import node_hash
from fiducia.errors import ProofError

Nodes = Callable[[int, int], bytes]
"""(height, index) to that node's hash, 32 bytes."""

EMPTY_ROOT = hashlib.sha256(b"").digest()


def root_of(nodes: Nodes, size: int) -> bytes:
    """Return the root of the first `size` leaves (32 bytes)."""
    return span(nodes, 0, size) if size else EMPTY_ROOT


def span(nodes: Nodes, start: int, end: int) -> bytes:
    """Return the hash over the leaves from `start` up to `end`, a subtree of a larger tree that is cut at its end.

    Args:
        nodes: the tree's.
        start: a multiple of the smallest power of two that is not below `end - start`.
        end: above `start`.
    """
    width = end - start
    if width & (width - 1) == 0:
        height = width.bit_length() - 1
        return nodes(height, start >> height)
    middle = start + _split(width)
    return node_hash(span(nodes, start, middle), span(nodes, middle, end))


def inclusion(nodes: Nodes, index: int, size: int) -> list[bytes]:
    """Return the audit path of the leaf at `index` in the tree of `size` leaves. Raises: IndexError (no such leaf)."""
    if not 0 <= index < size:
        raise IndexError("no such leaf")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(span(nodes, middle, end))
            end = middle
        else:
            path.append(span(nodes, start, middle))
            start = middle
    return path[::-1]


def consistency(nodes: Nodes, old: int, new: int) -> list[bytes]:
    """Return the proof that the tree of `new` leaves begins with that of `old`; empty where nothing is to be proved.

    Raises:
        IndexError: `old` is above `new`.
    """
    if not 0 <= old <= new:
        raise IndexError("no such trees")
    return list(_consistency(nodes, old, new)) if 0 < old < new else []


def _consistency(nodes: Nodes, old: int, new: int) -> Iterator[bytes]:
    path: list[bytes] = []
    start, end, whole = 0, new, True
    while end != old:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(span(nodes, middle, end))
            end = middle
        else:
            path.append(span(nodes, start, middle))
            start, whole = middle, False
    if not whole:
        yield span(nodes, start, end)
    yield from reversed(path)


def verify_consistency(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Check that the tree with `new_root` begins with the one with `old_root`.

    Args:
        old, new: their numbers of leaves.
        old_root, new_root: 32 bytes each.
        proof: as `consistency` makes it.

    Raises:
        ProofError: it does not, or the proof is of another form than these sizes need.
    """
    if old > new:
        raise ProofError("the log has become shorter")
    if old == 0:
        if proof or old_root != EMPTY_ROOT:
            raise ProofError("nothing is to be proved of an empty log")
        return
    if old == new:
        if proof or old_root != new_root:
            raise ProofError("two trees of one size differ")
        return
    # A power of two is a node of the new tree itself, and is left out of the proof.
    rest = list(proof) if old & (old - 1) else [old_root, *proof]
    found_old, found_new = roots_behind(old, new, rest)
    if found_new != new_root:
        raise ProofError("the consistency proof leads to another new root")
    if found_old != old_root:
        raise ProofError("the consistency proof leads to another old root")


def roots_behind(old: int, new: int, proof: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Return the two roots that a full consistency proof leads to, 0 < old < new.

    Args:
        old, new: numbers of leaves.
        proof: the tree's largest node that ends at `old` first, also where `consistency` leaves it out.

    Raises:
        ProofError: the proof has another length than these sizes need.
    """
    if not 0 < old < new or not proof:
        raise ProofError("the consistency proof is empty")
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    first, *rest = proof
    old_hash = new_hash = first
    for step in rest:
        if last == 0:
            raise ProofError("the consistency proof is too long")
        if at & 1 or at == last:
            old_hash, new_hash = node_hash(step, old_hash), node_hash(step, new_hash)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            new_hash = node_hash(new_hash, step)
        at, last = at >> 1, last >> 1
    if last:
        raise ProofError("the consistency proof is too short")
    return old_hash, new_hash


def full_proof(nodes: Nodes, old: int, new: int) -> list[bytes]:
    """Return the proof that `roots_behind` reads, 0 < old < new: of a tree that begins otherwise it tells how."""
    proof = consistency(nodes, old, new)
    return proof if old & (old - 1) else [root_of(nodes, old), *proof]


def _split(width: int) -> int:
    """The largest power of two below `width`, which is above 1."""
    return int(1 << ((width - 1).bit_length() - 1))
