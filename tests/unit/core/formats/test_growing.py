from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fiducia.core.formats.growing import GrowingTree
from fiducia.core.formats.merkle import inclusion_proof, merkle_root, verify_inclusion


@given(st.lists(st.binary(max_size=8), max_size=70))
def test_every_size_it_had_has_the_root_that_a_tree_made_at_once_has(leaves: list[bytes]) -> None:
    tree = GrowingTree(leaves)
    assert len(tree) == len(leaves)
    assert [tree.root(size) for size in range(len(leaves) + 1)] == [
        merkle_root(leaves[:size]) for size in range(len(leaves) + 1)
    ]


@given(st.data())
def test_proofs_are_those_of_a_tree_made_at_once(data: st.DataObject) -> None:
    leaves = data.draw(st.lists(st.binary(max_size=8), min_size=1, max_size=70))
    size = data.draw(st.integers(1, len(leaves)))
    position = data.draw(st.integers(0, size - 1))
    tree = GrowingTree(leaves)
    path = tree.path(position, size)
    assert list(path) == inclusion_proof(leaves[:size], position)
    verify_inclusion(leaves[position], position, size, path, tree.root(size))


def test_what_it_never_had_is_no_part_of_it() -> None:
    tree = GrowingTree([b"a", b"b"])
    with pytest.raises(IndexError):
        tree.root(3)
    for position, size in ((2, 2), (0, 3), (-1, 2)):
        with pytest.raises(IndexError):
            tree.path(position, size)
