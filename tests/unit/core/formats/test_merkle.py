from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fiducia.core.formats.merkle import inclusion_proof, merkle_root, verify_inclusion
from fiducia.errors import ProofError

leaves_of = st.lists(st.binary(max_size=8), min_size=1, max_size=40, unique=True)


def as_published(leaves: list[bytes]) -> bytes:
    """MTH of RFC 9162 section 2.1.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = 1 << ((len(leaves) - 1).bit_length() - 1)
    return hashlib.sha256(b"\x01" + as_published(leaves[:k]) + as_published(leaves[k:])).digest()


def path_as_published(position: int, leaves: list[bytes]) -> list[bytes]:
    """PATH of RFC 9162 section 2.1.3.1, word for word."""
    if len(leaves) == 1:
        return []
    k = 1 << ((len(leaves) - 1).bit_length() - 1)
    if position < k:
        return [*path_as_published(position, leaves[:k]), as_published(leaves[k:])]
    return [*path_as_published(position - k, leaves[k:]), as_published(leaves[:k])]


@given(st.lists(st.binary(max_size=8), max_size=70))
def test_the_root_is_the_published_one(leaves: list[bytes]) -> None:
    assert merkle_root(leaves) == as_published(leaves)


@given(leaves_of)
def test_every_leaf_is_proved_by_the_published_path(leaves: list[bytes]) -> None:
    root = merkle_root(leaves)
    for position, leaf in enumerate(leaves):
        path = inclusion_proof(leaves, position)
        assert path == path_as_published(position, leaves)
        verify_inclusion(leaf, position, len(leaves), path, root)


@given(leaves=leaves_of, data=st.data())
def test_nothing_else_is_proved(leaves: list[bytes], data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(leaves) - 1))
    root, path = merkle_root(leaves), inclusion_proof(leaves, position)
    leaf, size = leaves[position], len(leaves)
    wrong = [
        (leaf + b"x", position, size, path, root),
        (leaf, position, size, path, bytes(32)),
        (leaf, position, size, [*path, bytes(32)], root),
        (leaf, size, size, path, root),
        (leaf, -1, size, path, root),
    ]
    if path:
        wrong.append((leaf, position, size, path[:-1], root))
        wrong.append((leaf, position, size, [bytes(32), *path[1:]], root))
        wrong.append((leaf, position ^ 1, size, path, root))
    for arguments in wrong:
        with pytest.raises(ProofError):
            verify_inclusion(*arguments)


def test_there_is_no_proof_for_no_leaf() -> None:
    for position in (-1, 3):
        with pytest.raises(IndexError):
            inclusion_proof([b"a", b"b", b"c"], position)
