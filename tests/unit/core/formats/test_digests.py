from __future__ import annotations

import hashlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fiducia.core.formats.digests import IdentityHasher, Leaf, check_uid, commitment, header_digest
from fiducia.errors import EncodingError


@given(st.lists(st.binary(max_size=50)))
def test_the_identity_is_over_syntax_and_data_set_in_any_pieces(pieces: list[bytes]) -> None:
    hasher = IdentityHasher("1.2.840.10008.1.2")
    for piece in pieces:
        hasher.update(piece)
    assert hasher.digest() == hashlib.sha256(b"1.2.840.10008.1.2" + b"".join(pieces)).digest()


def test_header_commitment_and_leaf_are_what_the_page_says() -> None:
    salt, identity, header = b"s" * 32, b"i" * 32, header_digest(b"head")
    assert header == hashlib.sha256(b"head").digest()
    committed = commitment(salt, identity, header)
    assert committed == hashlib.sha256(salt + identity + header).digest()
    leaf = Leaf(1, 2, 3, committed).to_bytes()
    assert leaf == struct.pack(">I", 1) + struct.pack(">QQ", 2, 3) + committed


@pytest.mark.parametrize("lengths", [(31, 32, 32), (33, 32, 32), (32, 31, 33), (32, 32, 31), (0, 32, 64)])
def test_a_commitment_takes_three_times_32_bytes(lengths: tuple[int, int, int]) -> None:
    with pytest.raises(EncodingError):
        commitment(*(bytes(length) for length in lengths))


@pytest.mark.parametrize(
    "leaf", [Leaf(2**32, 0, 0, bytes(32)), Leaf(1, 2**64, 0, bytes(32)), Leaf(-1, 0, 0, bytes(32))]
)
def test_a_leaf_out_of_range_is_refused(leaf: Leaf) -> None:
    with pytest.raises(EncodingError):
        leaf.to_bytes()


@pytest.mark.parametrize("uid", ["", "1." * 33, "1.2\0", "1.2 ", "1,2", "1.2\n", "١.٢", "1.2a"])
def test_a_uid_is_digits_and_dots_and_is_never_repeated_in_the_message(uid: str) -> None:
    with pytest.raises(EncodingError, match=r"^the thing is not a UID of 1 to 64 digits and dots$"):
        check_uid(uid, "the thing")
