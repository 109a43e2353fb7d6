"""One proved instance, made from labels alone: members, a manifest, a block with receipts, everybody's signatures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import rlp
from trie.hexary import HexaryTrie

from fiducia.core import wire
from fiducia.core.formats.cid import raw_cid
from fiducia.core.formats.digests import Leaf, commitment
from fiducia.core.formats.growing import GrowingTree
from fiducia.core.formats.manifest import Manifest, SeriesLine, manifest_digest, parse_manifest
from fiducia.core.formats.provenance import AnchoredEvent, Checkpointed, ProvenanceFile
from fiducia.core.formats.trust import LedgerName, Trust, TrustedKey
from fiducia.core.keccak import keccak256
from fiducia.core.provenance import claim_of, statement_of
from fiducia.core.signatures import EoaKey
from fiducia.core.typed_data import Contract, digest
from fiducia.records.events import LedgerEvent, MemberAdmitted, StudyAnchored, StudyRevised
from fiducia.records.ledger import Head
from fiducia.records.provenance import InstancePlace, MemberSignature, ReceiptProof
from tests.vectors.material import STUDY_ID, material

CUSTODIAN, MEMBERS, SERIES, INSTANCES = 2, (1, 2, 3), 4, 5
BLOCK, AT = 77, 1_800_000_000
SUBJECT = material("subject", 20)
RETAIN_UNTIL_DAY = 30_000
LEDGER = LedgerName(262_145, material("genesis"), material("Members", 20), material("Studies", 20))


def broker(institution: int) -> EoaKey:
    """Return a member's broker key."""
    return EoaKey(material(f"broker {institution}"))


def trust(quorum: int = 2, *, receipts: bool = True, members: Sequence[int] = MEMBERS) -> Trust:
    """Return what the verifier of the vectors holds."""
    keys = tuple(TrustedKey(each, broker(each).address, AT - 1000, AT + 1000) for each in members)
    return Trust(LEDGER, Head(BLOCK + 5, material("block 82"), AT + 5), quorum, receipts, keys)


@dataclass(frozen=True, slots=True)
class Block:
    """A block with its receipts' proofs."""

    head: Head
    proofs: tuple[ReceiptProof, ...]


def block_of(logs: Sequence[Sequence[Any]], *, number: int = BLOCK, at: int = AT, status: bytes = b"\x01") -> Block:
    """Return a block whose every transaction has one of these logs (address, topics, data)."""
    trie = HexaryTrie({})
    for index, log in enumerate(logs):
        kind = b"\x02" if index % 2 else b""
        trie[rlp.encode(index)] = kind + rlp.encode([status, b"\x52\x08", bytes(256), [log]])
    fields = [material(f"header {index}") for index in range(20)]
    fields[5], fields[8], fields[11] = trie.root_hash, rlp.encode(number)[-1:], at.to_bytes(4, "big")
    header = rlp.encode(fields)
    nodes = [tuple(map(rlp.encode, trie.get_proof(rlp.encode(i)))) for i in range(len(logs))]  # type: ignore[no-untyped-call]
    proofs = tuple(ReceiptProof(header, index, each) for index, each in enumerate(nodes))
    return Block(Head(number, keccak256(header), at), proofs)


def log_of(event: LedgerEvent) -> list[Any]:
    """Return the log that Studies leaves for an event."""
    if isinstance(event, StudyRevised):
        topics = [keccak256(b"Revised(bytes32,bytes20,uint16,bytes32)"), event.study_id, SUBJECT.ljust(32, b"\0")]
        return [LEDGER.studies, topics, event.revision.to_bytes(32, "big") + event.manifest]
    assert isinstance(event, StudyAnchored)
    name = keccak256(b"Anchored(bytes32,bytes20,bytes32,uint32,uint40)")
    words = event.manifest, event.retain_until_day.to_bytes(32, "big"), event.time_at.to_bytes(32, "big")
    return [LEDGER.studies, [name, event.study_id, event.subject.ljust(32, b"\0")], b"".join(words)]


def made(revision: int = 1, *, instance: int = 2, members: Sequence[int] = MEMBERS) -> ProvenanceFile:
    """Return a file that holds."""
    tree, places = _places()
    line = SeriesLine(SERIES, 1, raw_cid(b"pack"), 4, raw_cid(b"index"), 5, tree.root(INSTANCES))
    manifest = Manifest(STUDY_ID, revision, CUSTODIAN, material("custody"), (line,))
    event = event_of(manifest)
    block = block_of([[material("other", 20), [], b""], log_of(event), [material("third", 20), [], b""]])
    records = [wire.encode(each) for each in (*_earlier(), event)]
    events = GrowingTree(records)
    size = len(events)
    checkpoint = Checkpointed(block.head, size, events.root(size), ())
    return signed(
        ProvenanceFile(
            ledger=LEDGER,
            series=SERIES,
            instance=places[instance - 1],
            manifest=manifest.to_bytes(),
            event=AnchoredEvent(records[-1], size - 1, events.path(size - 1, size)),
            checkpoint=checkpoint,
            receipt=block.proofs[1],
            custodian=MemberSignature(CUSTODIAN, AT + 20, b""),
        ),
        members,
    )


def signed(file: ProvenanceFile, members: Sequence[int] = MEMBERS, at: int = AT + 10) -> ProvenanceFile:
    """Return a file with everybody's signatures over what it has, whether that holds or not."""
    manifest, named = manifest_of(file.manifest), manifest_digest(file.manifest)
    claim = claim_of(manifest, named, file.series, file.instance, file.custodian.signed_at)
    custodian = broker(manifest.custodian).sign(digest(LEDGER.domain(Contract.STUDIES), claim))
    signatures = []
    for member in members:
        statement = statement_of(file.checkpoint, member, at)
        signature = broker(member).sign(digest(LEDGER.domain(Contract.MEMBERS), statement))
        signatures.append(MemberSignature(member, at, signature))
    return replace(
        file,
        checkpoint=replace(file.checkpoint, signatures=tuple(signatures)),
        custodian=replace(file.custodian, institution=manifest.custodian, signature=custodian),
    )


def manifest_of(data: bytes) -> Manifest:
    """Return a manifest's content."""
    return parse_manifest(data, manifest_digest(data))


def event_of(manifest: Manifest) -> StudyAnchored | StudyRevised:
    """Return the event that anchors a manifest."""
    place: dict[str, Any] = {
        "block_number": BLOCK,
        "time_at": AT,
        "transaction_hash": material("transaction"),
        "log_index": 1,
    }
    named = manifest_digest(manifest.to_bytes())
    if manifest.revision > 1:
        return StudyRevised(study_id=STUDY_ID, revision=manifest.revision, manifest=named, **place)
    return StudyAnchored(study_id=STUDY_ID, subject=SUBJECT, manifest=named, retain_until_day=RETAIN_UNTIL_DAY, **place)


def provenance_cases() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (name, case): files as texts, each with a trust file and what comes of it."""
    held = trust()
    for name, file in (("anchored", made()), ("revised", made(revision=3, instance=5))):
        yield f"provenance/{name}", _case(file.to_bytes(), held, "accepted")
    bare = replace(made(), receipt=None)
    yield "provenance/without-receipt", _case(bare.to_bytes(), trust(receipts=False), "accepted")
    yield "provenance/receipt-owed", _case(bare.to_bytes(), held, "refused", "receipt")
    yield "provenance/too-few-members", _case(made(members=(1,)).to_bytes(), held, "refused", "checkpoint")
    unknown = trust(members=(2, 3))
    yield "provenance/member-unknown", _case(made(members=(1, 2)).to_bytes(), unknown, "refused", "checkpoint")
    file = made()
    other = replace(file, instance=replace(file.instance, salt=material("another salt")))
    yield "provenance/other-salt", _case(other.to_bytes(), held, "refused", "instance")
    late = signed(file, at=AT + 1000)
    yield "provenance/key-ended", _case(late.to_bytes(), held, "refused", "checkpoint")


def _case(data: bytes, held: Trust, outcome: str, part: str = "") -> dict[str, Any]:
    case = {"trust": held.to_bytes().decode(), "file": data.decode(), "outcome": outcome}
    return case | {"part": part} if part else case


def _earlier() -> Iterator[LedgerEvent]:
    for number in MEMBERS:
        yield MemberAdmitted(
            institution=number,
            governor=material(f"governor {number}", 20),
            region=0,
            exports=7,
            block_number=1,
            time_at=AT - 5000,
            transaction_hash=material("deployment"),
            log_index=number - 1,
        )


def _places() -> tuple[GrowingTree, list[InstancePlace]]:
    digests = [tuple(material(f"{what} {number}") for what in ("salt", "identity", "header")) for number in range(1, 6)]
    tree = GrowingTree(
        Leaf(number, 100 * number, 100, commitment(*each)).to_bytes() for number, each in enumerate(digests, start=1)
    )
    places = [
        InstancePlace(
            number=number,
            offset=100 * number,
            length=100,
            identity=identity,
            header=header,
            salt=salt,
            position=number - 1,
            instances=INSTANCES,
            path=tree.path(number - 1, INSTANCES),
        )
        for number, (salt, identity, header) in enumerate(digests, start=1)
    ]
    return tree, places
