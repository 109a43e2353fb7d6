"""Judging provenance files: what holds, and every part's tampering refused by that part's name."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fiducia.core import provenance
from fiducia.core.formats.provenance import ProvenanceFile
from fiducia.core.provenance import ProvenanceVerifier
from fiducia.core.signatures import recover_or_none
from fiducia.errors import EncodingError, ProofError
from tests.support.altered import altered
from tests.vectors.material import STUDY_ID, material
from tests.vectors.provenance_case import AT, BLOCK, CUSTODIAN, SERIES, broker, made, signed, trust

FILE = made()
OTHER = made(revision=2)
Change = Callable[[ProvenanceFile], ProvenanceFile]


def verify(file: ProvenanceFile, **held: object) -> object:
    return ProvenanceVerifier(trust(**held)).verify(file.to_bytes())  # type: ignore[arg-type]


def test_a_file_says_what_it_proves() -> None:
    proven = ProvenanceVerifier(trust()).verify(FILE.to_bytes())
    assert (proven.study_id, proven.revision, proven.custodian) == (STUDY_ID, 1, CUSTODIAN)
    assert (proven.series, proven.instance) == (SERIES, 2)
    assert (proven.identity, proven.header) == (material("identity 2"), material("header 2"))
    assert (proven.block_number, proven.anchored_at, proven.transaction_hash) == (BLOCK, AT, material("transaction"))
    assert (proven.members, proven.receipt, proven.signed_at) == ((1, 2, 3), True, AT + 20)


def place(**change: object) -> Change:
    return lambda file: replace(file, instance=replace(file.instance, **change))  # type: ignore[arg-type]


def event(**change: object) -> Change:
    return lambda file: replace(file, event=replace(file.event, **change))  # type: ignore[arg-type]


def checkpoint(**change: object) -> Change:
    return lambda file: replace(file, checkpoint=replace(file.checkpoint, **change))  # type: ignore[arg-type]


def block(**change: object) -> Change:
    return lambda file: checkpoint(block=replace(file.checkpoint.block, **change))(file)  # type: ignore[arg-type]


def member(**change: object) -> Change:
    def changed(file: ProvenanceFile) -> ProvenanceFile:
        first, *others = file.checkpoint.signatures
        return checkpoint(signatures=(replace(first, **change), *others))(file)  # type: ignore[arg-type]

    return changed


def receipt(**change: object) -> Change:
    return lambda file: replace(file, receipt=replace(file.receipt, **change))  # type: ignore[type-var]


def custodian(**change: object) -> Change:
    return lambda file: replace(file, custodian=replace(file.custodian, **change))  # type: ignore[arg-type]


TAMPERED: list[tuple[str, Change]] = [
    ("ledger", lambda file: replace(file, ledger=replace(file.ledger, chain_id=1))),
    ("ledger", lambda file: replace(file, ledger=replace(file.ledger, genesis_hash=bytes(32)))),
    ("manifest", lambda file: replace(file, series=9)),
    ("manifest", lambda file: replace(file, manifest=b"{}")),
    ("instance", place(number=3)),
    ("instance", place(offset=1)),
    ("instance", place(length=1)),
    ("instance", place(identity=bytes(32))),
    ("instance", place(header=bytes(32))),
    ("instance", place(salt=bytes(32))),
    ("instance", place(position=0)),
    ("instance", place(instances=4)),
    ("instance", place(path=())),
    ("instance", place(path=FILE.instance.path[::-1])),
    ("event", lambda file: replace(file, manifest=OTHER.manifest)),
    ("event", event(record=FILE.event.record.replace(b"study_anchored", b"study_withdrawn"))),
    ("event", event(record=FILE.event.record.replace(b'"log_index":1', b'"log_index":2'))),
    ("event", event(record=FILE.event.record.replace(b'"log_index":1', b'"log_index": 1'))),
    ("event", event(record=b"{}")),
    ("event", event(record=OTHER.event.record)),
    ("event", event(position=0)),
    ("event", event(path=FILE.event.path[:-1])),
    ("event", checkpoint(root=bytes(32))),
    ("event", checkpoint(events=99)),
    ("event", block(number=BLOCK + 1)),
    ("event", block(time_at=AT + 1)),
    ("checkpoint", block(hash=bytes(32))),
    ("checkpoint", member(signed_at=AT + 11)),
    ("checkpoint", member(signature=altered(FILE.checkpoint.signatures[0].signature, 5))),
    ("checkpoint", member(signature=FILE.checkpoint.signatures[1].signature)),
    ("checkpoint", checkpoint(signatures=())),
    ("receipt", receipt(header=b"\x80")),
    ("receipt", receipt(index=0)),
    ("receipt", receipt(nodes=())),
    ("receipt", lambda file: replace(file, receipt=None)),
    ("custodian", custodian(signed_at=AT + 21)),
    ("custodian", custodian(institution=1)),
    ("custodian", custodian(signature=FILE.checkpoint.signatures[1].signature)),
]


@pytest.mark.parametrize(("part", "change"), TAMPERED, ids=[f"{part}-{i}" for i, (part, _) in enumerate(TAMPERED)])
def test_tampering_is_refused_by_the_parts_name(part: str, change: Change) -> None:
    with pytest.raises((ProofError, EncodingError), match=f"^{part}: "):
        verify(change(FILE))


@given(st.data())
def test_no_byte_can_be_changed(data: st.DataObject) -> None:
    written = FILE.to_bytes()
    at = data.draw(st.integers(0, len(written) - 1))
    with pytest.raises((ProofError, EncodingError)):
        ProvenanceVerifier(trust()).verify(altered(written, at))


RESIGNED: list[tuple[str, Change]] = [(part, change) for part, change in TAMPERED if part in ("instance", "event")]


@pytest.mark.parametrize(("part", "change"), RESIGNED, ids=[f"{part}-{i}" for i, (part, _) in enumerate(RESIGNED)])
def test_all_signatures_made_anew_do_not_help(part: str, change: Change) -> None:
    """Even where every member and the custodian sign what does not hold together, it does not."""
    with pytest.raises((ProofError, EncodingError), match=f"^{part}: "):
        verify(signed(change(FILE)))


def test_one_custodian_alone_cannot_move_the_anchoring() -> None:
    """A custodian that invents a block, and signs it as the member it is, has one voice of the two that are needed."""
    with pytest.raises(ProofError, match=re.escape("checkpoint: 1 trusted members signed it, 2 are needed")):
        verify(signed(OTHER, members=(CUSTODIAN,)))


def test_a_quorum_of_members_is_enough_and_fewer_are_not() -> None:
    assert verify(made(members=(1, 3)), quorum=2)
    with pytest.raises(ProofError, match="2 are needed"):
        verify(made(members=(3,)), quorum=2)
    with pytest.raises(ProofError, match="3 are needed"):
        verify(made(members=(1, 3)), quorum=3)


def test_an_institution_that_the_trust_file_lacks_does_not_count() -> None:
    proven = ProvenanceVerifier(trust(members=(2, 3))).verify(FILE.to_bytes())
    assert proven.members == (2, 3)
    with pytest.raises(ProofError, match="checkpoint: 1 trusted"):
        verify(made(members=(1, 2)), members=(2, 3))


def test_keys_count_in_their_time() -> None:
    for at in (AT + 1000, AT + 5000):
        with pytest.raises(ProofError, match="checkpoint: it is not signed by a key that the trust file has"):
            verify(signed(FILE, at=at))
    with pytest.raises(ProofError, match="custodian: it is not signed by a key"):
        verify(signed(custodian(signed_at=AT + 1000)(FILE)))


def test_nobody_signs_before_there_is_what_they_sign() -> None:
    with pytest.raises(ProofError, match="checkpoint: institution 1 signed before"):
        verify(signed(FILE, at=AT - 1))
    with pytest.raises(ProofError, match="custodian: institution 2 signed before"):
        verify(signed(custodian(signed_at=AT - 1)(FILE)))


def test_a_receipt_is_owed_where_blocks_let_it_be_proved_and_holds_where_it_is_given() -> None:
    bare = replace(FILE, receipt=None)
    assert verify(bare, receipts=False)
    with pytest.raises(ProofError, match="receipt: there is none"):
        verify(bare, receipts=True)
    with pytest.raises(ProofError, match=r"^receipt: "):
        verify(replace(FILE, receipt=OTHER.receipt), receipts=False)


def test_a_member_that_says_two_things_about_a_block_is_found_out() -> None:
    verifier = ProvenanceVerifier(trust())
    verifier.verify(FILE.to_bytes())
    verifier.verify(FILE.to_bytes())
    with pytest.raises(ProofError, match="institution 1 signed another checkpoint of block 77 in an earlier file"):
        verifier.verify(OTHER.to_bytes())
    assert ProvenanceVerifier(trust()).verify(OTHER.to_bytes()).revision == 2


def test_what_was_judged_once_is_not_judged_again(monkeypatch: pytest.MonkeyPatch) -> None:
    recovered: list[bytes] = []

    def counted(digest: bytes, signature: bytes) -> bytes | None:
        recovered.append(digest)
        return recover_or_none(digest, signature)

    monkeypatch.setattr(provenance, "recover_or_none", counted)
    verifier = ProvenanceVerifier(trust())
    for instance in (1, 2, 3):
        verifier.verify(made(instance=instance).to_bytes())
    assert len(recovered) == 3 + 3  # the members' checkpoint once, the custodian's claims each


def test_a_stolen_key_of_one_member_signs_for_no_other() -> None:
    other = broker(1)
    statement_by_one = made().checkpoint.signatures[0]
    assert other.address != broker(3).address
    with pytest.raises(ProofError, match="institution 3 then"):
        first, second, third = FILE.checkpoint.signatures
        verify(checkpoint(signatures=(first, second, replace(third, signature=statement_by_one.signature)))(FILE))
