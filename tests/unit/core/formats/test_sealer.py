"""Sealing a series: one pass, two buffers in turn, and steps that cannot be taken out of order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from fiducia.core.formats.cid import cid_of
from fiducia.core.formats.container import CHUNK_BYTES
from fiducia.core.formats.context import Piece, SeriesKeys
from fiducia.core.formats.index import SeriesUids
from fiducia.core.formats.opener import SeriesOpener
from fiducia.core.formats.sealer import Description, NewInstance, SeriesSealer
from fiducia.errors import EncodingError
from tests.support.series import copied, open_series, stored
from tests.vectors.material import header, keys, material, place
from tests.vectors.study_case import SYNTAX, SealedSeries, seal_series


def sealer() -> SeriesSealer:
    return SeriesSealer(place(), keys(), SeriesUids("2.25.1", "2.25.1.1"))


def new(number: int) -> NewInstance:
    return NewInstance(number, SYNTAX, header(number), material(f"salt {number}", 24), material(f"commit {number}"))


def describe() -> Description:
    return Description("1.2", "1.2.3", b"{}")


def drain(views: Iterator[memoryview]) -> int:
    return sum(len(view) for view in views)


def test_memory_does_not_grow_with_the_instance() -> None:
    """However much passes, every view lies in one of two buffers of a little over a mebibyte."""
    piece = bytes(1 << 20)
    buffers = set()
    for view in sealer().add(new(1), (piece for _ in range(64)), describe):
        buffers.add(id(view.obj))
        assert isinstance(view.obj, bytearray)
        assert len(view.obj) < 1_100_000
    assert len(buffers) == 2


@pytest.mark.parametrize("numbers", [(2, 1), (1, 1)])
def test_numbers_ascend(numbers: tuple[int, int]) -> None:
    one = sealer()
    drain(one.add(new(numbers[0]), [b"x"], describe))
    with pytest.raises(EncodingError, match="ascend"):
        drain(one.add(new(numbers[1]), [b"x"], describe))


def test_a_failed_body_spoils_the_pack() -> None:
    def body() -> Iterator[bytes]:
        yield b"x"
        raise OSError("unreadable")

    one = sealer()
    drain(one.add(new(1), [b"x"], describe))
    with pytest.raises(OSError, match="unreadable"):
        drain(one.add(new(2), body(), describe))
    with pytest.raises(EncodingError, match="spoilt"):
        drain(one.add(new(3), [b"x"], describe))
    with pytest.raises(EncodingError, match="spoilt"):
        drain(one.finish_pack())


def test_a_piece_that_is_digested_beside_sealing_is_whole_until_then() -> None:
    """However late it is digested, the pack and its entries are the same, and its buffer is not filled again before.

    So is what was sealed, which several flushes of the outlet are.
    """
    content = material("content", 200 * CHUNK_BYTES + 5)

    def body() -> Iterator[memoryview]:
        buffer = memoryview(bytearray(CHUNK_BYTES))
        for start in range(0, len(content), CHUNK_BYTES):
            piece = content[start : start + CHUNK_BYTES]
            buffer[: len(piece)] = piece
            yield buffer[: len(piece)]
            buffer[:] = bytes(CHUNK_BYTES)

    def late(act: Callable[[Piece], None], piece: Piece) -> Callable[[], object]:
        return lambda: act(piece)

    beside, plain = SeriesSealer(place(), keys(), SeriesUids("2.25.1", "2.25.1.1"), late), sealer()
    packs = []
    for one, pieces in ((beside, body()), (plain, iter([content]))):
        packs.append(b"".join(bytes(view) for view in one.add(new(1), pieces, describe)))
        packs[-1] += b"".join(bytes(view) for view in one.finish_pack())
    assert packs[0] == packs[1]
    assert beside.entries == plain.entries
    assert beside.pack_cid == plain.pack_cid == cid_of(packs[0])


def test_what_digesting_beside_raises_spoils_the_pack() -> None:
    def failing(act: Callable[[Piece], None], piece: Piece) -> Callable[[], object]:
        def fail() -> None:
            raise OSError("no more threads")

        return fail

    one = SeriesSealer(place(), keys(), SeriesUids("2.25.1", "2.25.1.1"), failing)
    with pytest.raises(OSError, match="no more threads"):
        drain(one.add(new(1), [b"x"], describe))
    with pytest.raises(EncodingError, match="spoilt"):
        drain(one.finish_pack())


def test_what_addressing_beside_raises_leaves_no_address() -> None:
    def failing(act: Callable[[Piece], None], piece: Piece) -> Callable[[], object]:
        def fail() -> None:
            if len(piece) > CHUNK_BYTES:
                raise OSError("no more threads")
            act(piece)

        return fail

    one = SeriesSealer(place(), keys(), SeriesUids("2.25.1", "2.25.1.1"), failing)
    pieces = [material(str(number), CHUNK_BYTES) for number in range(2)]
    drain(one.add(new(1), pieces, describe))
    with pytest.raises(OSError, match="no more threads"):
        drain(one.finish_pack())
    assert one.pack_cid == ""
    with pytest.raises(EncodingError, match="spoilt"):
        drain(one.finish_pack())


def test_steps_out_of_order_are_refused() -> None:
    one = sealer()
    attempts: list[Callable[[], object]] = [
        lambda: drain(one.finish_pack()),
        lambda: drain(one.index(bytes(24))),
        one.line,
    ]
    for attempt in attempts:
        with pytest.raises(EncodingError):
            attempt()
    drain(one.add(new(1), [b"x"], describe))
    drain(one.finish_pack())
    with pytest.raises(EncodingError):
        one.line()
    with pytest.raises(EncodingError):
        drain(one.add(new(2), [b"x"], describe))
    drain(one.index(bytes(24)))
    assert one.line().pack_cid == one.pack_cid


def test_an_index_that_the_store_lost_can_be_sealed_again() -> None:
    one = sealer()
    pack = bytearray()
    for view in one.add(new(1), [b"x" * 50], describe):
        pack += view
    for view in one.finish_pack():
        pack += view
    next(one.index(material("first", 24)))  # given up half-way
    index = b"".join(bytes(view) for view in one.index(material("second", 24)))
    assert cid_of(index) == one.line().index_cid
    assert copied(open_series(SealedSeries(one.line(), bytes(pack), index)), 1) == header(1) + b"x" * 50


def test_salts_keys_and_syntax_are_checked_at_once() -> None:
    with pytest.raises(EncodingError, match="24 bytes"):
        replace(new(1), message_salt=bytes(23))
    with pytest.raises(EncodingError, match="24 bytes"):
        replace(new(1), commitment_salt=bytes(31))
    with pytest.raises(EncodingError, match="both"):
        SeriesSealer(place(), SeriesKeys(bytes(32)), SeriesUids("1", "2"))
    with pytest.raises(EncodingError, match="transfer syntax"):
        drain(sealer().add(replace(new(1), transfer_syntax_uid="implicit"), [b"x"], describe))


def test_padding_does_not_show_and_differs_by_series() -> None:
    """A megabyte and a bit is padded by kilobytes: no zeros, and not the same bytes for another series."""
    tails = []
    for number in (1, 2):
        series = seal_series(place(number), keys(number), [(1, header(1), bytes((1 << 20) + 1))])
        opener = SeriesOpener(place(number), series.line, keys(number), stored(series).read)
        tails.append(series.pack[opener.entry(1).sealed_bytes :])
    assert len(tails[0]) == len(tails[1]) > 1000
    assert tails[0] != tails[1]
    for tail in tails:
        assert max(tail.count(value) for value in range(256)) < len(tail) // 50
