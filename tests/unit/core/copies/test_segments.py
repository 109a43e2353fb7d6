"""A segment: sealed in one pass, opened as a stream, verified without its key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fiducia.core.copies.changes import batches, decode_changes, encode_change
from fiducia.core.copies.contents import NO_DIGEST, read_contents, require_whole
from fiducia.core.copies.segments import Heading, SegmentSealer, open_segment, require_digest
from fiducia.errors import DecryptionError, EncodingError, VerificationError
from fiducia.records.copies import Change, Contents
from tests.support.altered import altered
from tests.support.copies import HOME_ID, RECOVERY, SEED, SIGNER

HEADING = Heading(True, 1, 0, NO_DIGEST, 1_800_000_000, 1_802_592_000)


def sealed(*changes: Change, heading: Heading = HEADING) -> tuple[bytes, Contents]:
    sealer = SegmentSealer(heading, RECOVERY, SIGNER, bytes(range(56)))
    return b"".join(map(bytes, sealer.run(changes))), sealer.contents


def reader(content: bytes):  # type: ignore[no-untyped-def]
    return lambda offset, length: content[offset : offset + length]


def opened(content: bytes, seed: bytes = SEED) -> list[Change]:
    contents = read_contents(len(content), reader(content), RECOVERY.signer)
    require_digest(contents, reader(content))
    return list(open_segment(contents, reader(content), seed))


changes = st.lists(
    st.builds(
        Change, st.sampled_from(["vault/a", "journal/b"]), st.sampled_from(["put", "x"]), st.binary(max_size=9_000)
    )
)


@given(changes)
def test_what_was_sealed_opens(some: list[Change]) -> None:
    content, contents = sealed(*some)
    assert opened(content) == some
    assert sum(count for _, count in contents.counts) == len(some)


def test_a_large_change_passes_through_in_pieces() -> None:
    large = Change("vault/a", "put", bytes(3 << 20))
    assert opened(sealed(large, large)[0]) == [large, large]


def test_nothing_of_a_secret_shows() -> None:
    secret = b"a secret that is long enough to be found"
    content, _ = sealed(Change("vault/a", "put", secret))
    assert secret not in content
    assert "secret" not in repr(Change("vault/a", "put", secret))


def test_another_seed_opens_nothing() -> None:
    with pytest.raises(DecryptionError):
        opened(sealed(Change("vault/a", "put", b"1"))[0], bytes(32))


def test_every_altered_byte_and_every_cut_is_found_without_the_seed() -> None:
    content, _ = sealed(Change("vault/a", "put", b"1" * 100))
    for at in range(len(content)):
        broken = altered(content, at)
        with pytest.raises(VerificationError):
            require_digest(read_contents(len(broken), reader(broken), RECOVERY.signer), reader(broken))
    for cut in (*range(100), len(content) - 1):
        with pytest.raises(VerificationError):
            read_contents(cut, reader(content[:cut]), RECOVERY.signer)


def test_a_segment_is_bound_to_its_home_and_name() -> None:
    content, contents = sealed(Change("vault/a", "put", b"1"))
    for other in (replace(contents, number=2), replace(contents, base=False), replace(contents, home_id=bytes(16))):
        with pytest.raises(DecryptionError):
            list(open_segment(other, reader(content), SEED))


def test_counts_that_are_not_those_of_the_changes_are_found() -> None:
    content, contents = sealed(Change("vault/a", "put", b"1"))
    with pytest.raises(VerificationError):
        list(open_segment(replace(contents, counts=()), reader(content), SEED))


def test_a_set_without_a_whole_copy_is_none() -> None:
    _, contents = sealed()
    require_whole([contents], [], HOME_ID)
    with pytest.raises(VerificationError, match="backup create"):
        require_whole([], [contents], HOME_ID)


@given(st.lists(st.binary(max_size=50)), st.integers(1, 7))
def test_changes_are_read_from_pieces_of_any_size(bodies: list[bytes], size: int) -> None:
    some = [Change("a", "b", body) for body in bodies]
    stream = b"".join(map(encode_change, some))
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    assert list(decode_changes(pieces)) == some


@pytest.mark.parametrize("stream", [b"\0\0\0", b"\0\0\0\2a", b"\xff\xff\xff\xff", b"\0\0\0\1\x80", b"\0\0\0\1\xff"])
def test_what_is_no_change_is_refused(stream: bytes) -> None:
    with pytest.raises(EncodingError):
        list(decode_changes([stream]))


def test_batches_are_short_where_items_are_heavy() -> None:
    assert list(batches([1, 1, 9, 1, 1], 3, lambda item: item, heavy=9)) == [[1, 1, 9], [1, 1]]
    assert list(batches([9, 9, 1], 3, lambda item: item, heavy=9)) == [[9], [9], [1]]


def test_the_first_batch_takes_no_more_than_it_gives() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(10):
            taken.append(item)
            yield item

    assert next(batches(items(), 2)) == [0, 1]
    assert taken == [0, 1]
