"""Roots and proofs of trees, against an implementation that follows RFC 9162's definitions word for word."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pytest

from fiducia.core.formats.merkle import merkle_root, verify_inclusion
from fiducia.core.formats.merkle_proofs import (
    EMPTY_ROOT,
    consistency,
    full_proof,
    inclusion,
    root_of,
    roots_behind,
    verify_consistency,
)
from fiducia.core.tlog.tiles import nodes_of
from fiducia.errors import ProofError

LEAVES = [hashlib.sha256(bytes([number])).digest() for number in range(70)]
SIZES = [*range(1, 20), 31, 32, 33, 63, 64, 65, 70]


def mth(leaves: Sequence[bytes]) -> bytes:
    """RFC 9162, section 2.1.1."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    k = split(len(leaves))
    return hashlib.sha256(b"\1" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def path(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    """RFC 9162, section 2.1.3.1."""
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), mth(leaves[k:])]
    return [*path(m - k, leaves[k:]), mth(leaves[:k])]


def proof(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    """RFC 9162, section 2.1.4.1."""
    return subproof(m, leaves, True)


def subproof(m: int, leaves: Sequence[bytes], whole: bool) -> list[bytes]:
    if m == len(leaves):
        return [] if whole else [mth(leaves)]
    k = split(len(leaves))
    if m <= k:
        return [*subproof(m, leaves[:k], whole), mth(leaves[k:])]
    return [*subproof(m - k, leaves[k:], False), mth(leaves[:k])]


def split(size: int) -> int:
    k = 1
    while 2 * k < size:
        k *= 2
    return k


@pytest.mark.parametrize("size", SIZES)
def test_roots_and_paths_are_the_rfcs(size: int) -> None:
    leaves = LEAVES[:size]
    nodes = nodes_of(leaves)
    assert root_of(nodes, size) == mth(leaves) == merkle_root(leaves)
    for index in range(size):
        made = inclusion(nodes, index, size)
        assert made == path(index, leaves)
        verify_inclusion(leaves[index], index, size, made, mth(leaves))


@pytest.mark.parametrize("new", SIZES)
def test_consistency_proofs_are_the_rfcs_and_hold(new: int) -> None:
    nodes = nodes_of(LEAVES[:new])
    for old in range(1, new + 1):
        made = consistency(nodes, old, new)
        assert made == proof(old, LEAVES[:new])
        verify_consistency(old, mth(LEAVES[:old]), new, mth(LEAVES[:new]), made)
        if old < new:
            assert roots_behind(old, new, full_proof(nodes, old, new)) == (mth(LEAVES[:old]), mth(LEAVES[:new]))


@pytest.mark.parametrize(("old", "new"), [(1, 2), (3, 7), (4, 7), (8, 13), (6, 8), (32, 70), (33, 70)])
def test_a_tree_that_begins_otherwise_has_no_proof(old: int, new: int) -> None:
    other = [LEAVES[-1], *LEAVES[1:new]]
    made, root = consistency(nodes_of(other), old, new), mth(other)
    with pytest.raises(ProofError):
        verify_consistency(old, mth(LEAVES[:old]), new, root, made)
    found_old, found_new = roots_behind(old, new, full_proof(nodes_of(other), old, new))
    assert found_new == root, "the proof is of the tree that is shown"
    assert found_old != mth(LEAVES[:old]), "and of another beginning"
    for changed in range(len(made)):
        bad = [*made]
        bad[changed] = bytes(32)
        with pytest.raises(ProofError):
            verify_consistency(old, mth(other[:old]), new, root, bad)
    for bad in (made[:-1], [*made, bytes(32)]):
        with pytest.raises(ProofError):
            verify_consistency(old, mth(other[:old]), new, root, bad)


def test_edges() -> None:
    nodes = nodes_of(LEAVES)
    assert root_of(nodes, 0) == EMPTY_ROOT
    verify_consistency(0, EMPTY_ROOT, 5, mth(LEAVES[:5]), [])
    verify_consistency(5, mth(LEAVES[:5]), 5, mth(LEAVES[:5]), [])
    for old, old_root, new, new_root, given in (
        (0, EMPTY_ROOT, 5, mth(LEAVES[:5]), [bytes(32)]),
        (0, bytes(32), 5, mth(LEAVES[:5]), []),
        (5, mth(LEAVES[:5]), 5, bytes(32), []),
        (5, mth(LEAVES[:5]), 5, mth(LEAVES[:5]), [bytes(32)]),
        (6, mth(LEAVES[:6]), 5, mth(LEAVES[:5]), []),
        (3, mth(LEAVES[:3]), 5, mth(LEAVES[:5]), []),
    ):
        with pytest.raises(ProofError):
            verify_consistency(old, old_root, new, new_root, given)
    for index, size in ((5, 5), (-1, 5), (0, 0)):
        with pytest.raises(IndexError):
            inclusion(nodes, index, size)
    with pytest.raises(IndexError):
        consistency(nodes, 6, 5)
