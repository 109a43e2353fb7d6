from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fiducia.core.formats.context import SeriesKeys
from fiducia.core.keys.custody import Custody, CustodyRule, custody_digest, deal_series, parse_custody, share_digest
from fiducia.core.keys.shares import SeriesShare
from fiducia.errors import DigestError, EncodingError, KeyMissingError
from tests.vectors.keys_cases import custody
from tests.vectors.material import keys, material, place


@settings(max_examples=20)
@given(threshold=st.integers(1, 3), more=st.integers(0, 2), data=st.data())
def test_t_trustees_give_the_keys(threshold: int, more: int, data: st.DataObject) -> None:
    trustees = tuple(range(10, 10 + threshold + more))
    document, dealt = custody(threshold, trustees)
    assert parse_custody(document.to_bytes(), custody_digest(document.to_bytes())) == document
    for number, shares in enumerate(dealt, 1):
        order = data.draw(st.permutations(shares))
        assert document.combine(order[:threshold]) == keys(number)
        assert document.combine(order) == keys(number), "more than enough is fine"
        with pytest.raises(KeyMissingError, match=f"{threshold - 1} of the {threshold} shares"):
            document.combine(order[: threshold - 1])


def test_the_same_share_twice_counts_once() -> None:
    document, ((first, *_), _) = custody()
    with pytest.raises(KeyMissingError, match="1 of the 2"):
        document.combine([first, first])


def test_a_share_that_was_not_dealt_is_named() -> None:
    document, ((one, two, _), (other, *_)) = custody()
    assert two.pack_share is not None
    wrong = [
        replace(two, index_share=material("wrong")),
        replace(two, pack_share=material("wrong")),
        replace(two, index_share=one.index_share),
        SeriesShare(two.series, two.sealed_in, two.index, two.pack_share, two.index_share),
        replace(two, index=3),
        replace(two, index=4),
        replace(two, series=2),
        replace(two, series=3),
        replace(two, sealed_in=2),
    ]
    for share in wrong:
        with pytest.raises(DigestError, match=f"^series {share.series}: "):
            document.check(share)
        with pytest.raises((DigestError, EncodingError)):
            document.combine([one, share])
    with pytest.raises(EncodingError, match="different series"):
        document.combine([one, other])


def test_metadata_only_shares_give_the_index_key_alone() -> None:
    document, (shares, _) = custody()
    assert document.combine([share.metadata_only() for share in shares]) == SeriesKeys(keys(1).index_key)
    assert document.combine([shares[0], shares[1].metadata_only()]).pack_key is None


def test_a_trustees_share_index_is_its_position() -> None:
    document, _ = custody()
    assert [document.share_index(trustee) for trustee in (7, 3, 12)] == [1, 2, 3]
    with pytest.raises(EncodingError, match="institution 4"):
        document.share_index(4)


def test_digests_are_separated_by_all_they_stand_for() -> None:
    share = material("share")
    digests = {
        share_digest(place(1, 1), b"index/", 1, share),
        share_digest(place(1, 1), b"pack/", 1, share),
        share_digest(place(2, 1), b"index/", 1, share),
        share_digest(place(1, 2), b"index/", 1, share),
        share_digest(place(1, 1), b"index/", 2, share),
        share_digest(replace(place(), study_id=bytes(32)), b"index/", 1, share),
        share_digest(place(1, 1), b"index/", 1, material("other")),
    }
    assert len(digests) == 7


def test_another_document_is_refused() -> None:
    document, _ = custody()
    with pytest.raises(DigestError):
        parse_custody(document.to_bytes(), bytes(32))


@pytest.mark.parametrize(
    "change",
    [
        {"study_id": b""},
        {"threshold": 0},
        {"threshold": 4},
        {"trustees": (1, 1, 2)},
        {"trustees": (0, 1, 2)},
        {"series": ()},
    ],
)
def test_a_document_out_of_range_is_not_written(change: dict[str, object]) -> None:
    document: Custody = replace(custody()[0], **change)  # type: ignore[arg-type]
    with pytest.raises(EncodingError):
        document.to_bytes()


def test_only_whole_keys_are_dealt_with_enough_randomness() -> None:
    with pytest.raises(EncodingError, match="whole"):
        deal_series(place(), SeriesKeys(bytes(32)), threshold=1, holders=1, randomness=b"")
    with pytest.raises(EncodingError, match="64 random bytes"):
        deal_series(place(), keys(), threshold=2, holders=2, randomness=bytes(32))


def test_both_keys_are_dealt_under_different_randomness() -> None:
    same = SeriesKeys(bytes(32), bytes(32))
    _, shares = deal_series(place(), same, threshold=2, holders=2, randomness=material("two", 64))
    assert all(share.index_share != share.pack_share for share in shares)


@pytest.mark.parametrize(
    ("threshold", "trustees"), [(0, (1,)), (2, (1,)), (1, ()), (1, (1, 1)), (1, tuple(range(256)))]
)
def test_a_rule_that_nobody_could_follow_is_refused(threshold: int, trustees: tuple[int, ...]) -> None:
    with pytest.raises(EncodingError):
        CustodyRule(threshold, trustees)


@pytest.mark.parametrize(
    ("rule", "needed"), [((1, 1), 1), ((1, 2), 2), ((1, 3), 2), ((2, 3), 3), ((3, 3), 3), ((2, 5), 3)]
)
def test_one_more_than_it_takes_acknowledges_where_there_is_one_more(rule: tuple[int, int], needed: int) -> None:
    threshold, holders = rule
    assert CustodyRule(threshold, tuple(range(1, holders + 1))).acknowledged == needed


def test_a_share_is_named_by_the_deal_it_is_of() -> None:
    document, ((one, two, _), _) = custody()
    ids = {document.share_id(share.series, share.sealed_in, share.index) for share in (one, two)}
    assert ids == {document.series[0].index_digests[0], document.series[0].index_digests[1]}
    assert document.knows(one.series, one.sealed_in)
    assert not document.knows(one.series, one.sealed_in + 1)
    with pytest.raises(DigestError):
        document.share_id(one.series, one.sealed_in, 9)
    with pytest.raises(DigestError):
        document.share_id(one.series, one.sealed_in + 1, 1)
