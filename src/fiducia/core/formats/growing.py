"""A Merkle tree that grows: root and inclusion proof at every size it ever had.

Owns the complete nodes of RFC 9162's tree with SHA-256, level by level (64 bytes a leaf); roots and proofs, which are
`merkle_proofs`', take as many steps as the tree is high. Source: RFC 9162 section 2.1.1.
"""

from __future__ import annotations

from collections.abc import Iterable

from fiducia.core.formats.merkle import leaf_hash, node_hash
from fiducia.core.formats.merkle_proofs import inclusion, root_of

_HASH_BYTES = 32


class GrowingTree:
    """Appends leaves; not safe to append from two threads at once."""

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        """Start with some leaves."""
        self._levels = [bytearray()]
        for leaf in leaves:
            self.append(leaf)

    def __len__(self) -> int:
        return len(self._levels[0]) // _HASH_BYTES

    def append(self, leaf: bytes) -> None:
        """Add a leaf's bytes at the end."""
        node = leaf_hash(leaf)
        for level in self._levels:
            level += node
            if len(level) // _HASH_BYTES % 2:
                return
            node = node_hash(bytes(level[-2 * _HASH_BYTES : -_HASH_BYTES]), node)
        self._levels.append(bytearray(node))

    def root(self, size: int) -> bytes:
        """Return the root that the tree had with `size` leaves. Raises: IndexError (it never had so many)."""
        if not 0 <= size <= len(self):
            raise IndexError("the tree never had so many leaves")
        return root_of(self._node, size)

    def path(self, position: int, size: int) -> tuple[bytes, ...]:
        """Return the inclusion proof of a leaf (0-based) in the tree of `size` leaves, nearest sibling first.

        Raises:
            IndexError: there is no such leaf, or there never were so many.
        """
        if size > len(self):
            raise IndexError("the tree never had so many leaves")
        return tuple(inclusion(self._node, position, size))

    def _node(self, height: int, index: int) -> bytes:
        return bytes(self._levels[height][index * _HASH_BYTES : (index + 1) * _HASH_BYTES])
