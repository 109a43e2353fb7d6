"""Proving instances: one provenance file each, for whoever was given them, and for the custodian itself.

    1. open the series' index: under a request of one's own, or with the custodian's own share
    2. the anchoring event with its path, its receipt where the chain lets it be proved
    3. every member's word for the event's block
    4. the custodian's signature over each claim, some instances at once
    5. each file, judged as a verifier would before it is handed on

Nothing lasts here, so a crash leaves nothing but a recorded release; whoever writes the files owns their durability.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from fiducia.core import wire
from fiducia.core.entries import Revision
from fiducia.core.formats.entry import IndexEntry
from fiducia.core.formats.growing import GrowingTree
from fiducia.core.formats.manifest import MANIFEST_MAX_BYTES, Manifest, parse_manifest
from fiducia.core.formats.opener import SeriesOpener
from fiducia.core.formats.provenance import AnchoredEvent, ProvenanceFile
from fiducia.core.formats.trust import LedgerName
from fiducia.core.provenance import ProvenanceVerifier, trust_of
from fiducia.core.receipts import Anchoring
from fiducia.errors import InputError, LedgerInconsistencyError, LedgerUnreachableError, ProofError
from fiducia.journeys.audit.ledger_checkpoints import Collected, CollectLedgerCheckpoints, EventTree
from fiducia.journeys.audit.vouching import VOUCHED_AT_ONCE
from fiducia.journeys.reading.collecting import OpenedSeries
from fiducia.journeys.shared.objects import read_document, vouched_form
from fiducia.ports import Broker, Mirror, Receipts, Store
from fiducia.records.provenance import InstancePlace, MemberSignature, ReceiptProof, VouchAsk


@dataclass(frozen=True, slots=True)
class OpenedStudy:
    """Series of one revision, opened as far as their indexes."""

    study_id: bytes
    revision: int
    series: tuple[OpenedSeries, ...]


@dataclass(frozen=True, slots=True)
class ProvenFile:
    """One instance's file: its series' and its own number, and the file's bytes."""

    series: int
    instance: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Proofs:
    """What all files of one run share, and the files, made as they are taken."""

    study_id: bytes
    revision: int
    block_number: int
    anchored_at: int
    receipt: bool
    members: tuple[int, ...]
    missing: tuple[tuple[int, str], ...]
    files: Iterator[ProvenFile]


@dataclass(frozen=True, slots=True)
class _Shared:
    manifest: Manifest
    manifest_data: bytes
    event: AnchoredEvent
    collected: Collected
    receipt: ReceiptProof | None


class ProveInstances:
    """Make provenance files.

    Example:
        ``ProveInstances(ledger_name=name, receipts=ledger, mirror=mirror, store=store, tree=tree, collect=collect,
        broker_of=broker_of).run(opened)``
    """

    def __init__(
        self,
        *,
        ledger_name: LedgerName,
        receipts: Receipts,
        mirror: Mirror,
        store: Store,
        tree: EventTree,
        collect: CollectLedgerCheckpoints,
        broker_of: Callable[[int], Broker],
    ) -> None:
        """Take the ports; `broker_of` finds an institution's broker by its number."""
        self._ledger_name = ledger_name
        self._receipts = receipts
        self._mirror = mirror
        self._store = store
        self._tree = tree
        self._collect = collect
        self._broker_of = broker_of

    def run(self, opened: OpenedStudy, instance: int = 0) -> Proofs:
        """Return the files of the opened series, all instances or the one of that number.

        Raises:
            InputError: no such revision or instance. DeniedError: the custodian refuses (withdrawn or erased).
            LedgerUnreachableError: the custodian's broker, or no member at all, could be reached.
            LedgerError, StoreError, VerificationError: a part failed, or is not what the ledger vouches for.
        """
        shared = self._shared(opened)
        wanted = [(series.number, places_of(series.opener, instance)) for series in opened.series]
        if instance and not any(places for _, places in wanted):
            raise InputError(f"there is no instance {instance} in what was opened")
        checkpoint = shared.collected.checkpoint
        return Proofs(
            study_id=opened.study_id,
            revision=opened.revision,
            block_number=checkpoint.block.number,
            anchored_at=checkpoint.block.time_at,
            receipt=shared.receipt is not None,
            members=tuple(signed.institution for signed in checkpoint.signatures),
            missing=shared.collected.missing,
            files=self._files(shared, wanted),
        )

    def _shared(self, opened: OpenedStudy) -> _Shared:
        study = self._mirror.catch_up().study(opened.study_id)
        revision = study.at(opened.revision) if study else None
        if revision is None:
            raise InputError("no such study revision on this ledger")
        data = read_document(self._store, revision.manifest, MANIFEST_MAX_BYTES, "manifest")
        with vouched_form():
            manifest = parse_manifest(data, revision.manifest)
        event = self._anchoring(opened.study_id, revision)
        collected = self._collect.run(event.block_number)
        if not collected.checkpoint.signatures:
            reasons = "; ".join(f"{institution}: {why}" for institution, why in collected.missing)
            raise LedgerUnreachableError(f"no member signs what the ledger has ({reasons})")
        return _Shared(manifest, data, self._tree.event(event), collected, self._receipts.receipt_proof(event))

    def _anchoring(self, study_id: bytes, revision: Revision) -> Anchoring:
        for _, record in self._mirror.records(revision.block_number, revision.block_number):
            event = wire.decode_event(record)
            if isinstance(event, Anchoring) and (event.study_id, event.manifest) == (study_id, revision.manifest):
                return event
        raise LedgerInconsistencyError("the ledger's copy does not have the event that anchored this revision")

    def _files(self, shared: _Shared, wanted: Sequence[tuple[int, list[InstancePlace]]]) -> Iterator[ProvenFile]:
        manifest = shared.manifest
        broker = self._broker_of(manifest.custodian)
        trust = trust_of(self._mirror.state(), self._ledger_name, quorum=1, receipts=shared.receipt is not None)
        judge = ProvenanceVerifier(trust)
        for series, places in wanted:
            left = iter(places)
            while some := tuple(islice(left, VOUCHED_AT_ONCE)):
                vouched = broker.vouch(VouchAsk(manifest.study_id, manifest.revision, series, some))
                if len(vouched.signatures) != len(some):
                    raise ProofError("the custodian's broker signed for something else than was asked")
                for place, signature in zip(some, vouched.signatures, strict=True):
                    signed = MemberSignature(manifest.custodian, vouched.signed_at, signature)
                    data = self._file(shared, series, place, signed)
                    judge.verify(data)
                    yield ProvenFile(series, place.number, data)

    def _file(self, shared: _Shared, series: int, place: InstancePlace, signed: MemberSignature) -> bytes:
        return ProvenanceFile(
            ledger=self._ledger_name,
            series=series,
            instance=place,
            manifest=shared.manifest_data,
            event=shared.event,
            checkpoint=shared.collected.checkpoint,
            receipt=shared.receipt,
            custodian=signed,
        ).to_bytes()


def places_of(opener: SeriesOpener, instance: int = 0) -> list[InstancePlace]:
    """Return the instances of an opened series, or the one of that number, each with its way to the root."""
    tree = GrowingTree(entry.leaf() for entry in opener.entries)
    return [
        _place(entry, position, tree) for position, entry in enumerate(opener.entries) if instance in (0, entry.number)
    ]


def _place(entry: IndexEntry, position: int, tree: GrowingTree) -> InstancePlace:
    return InstancePlace(
        number=entry.number,
        offset=entry.offset,
        length=entry.sealed_bytes,
        identity=entry.identity_digest,
        header=entry.header_digest,
        salt=entry.salt,
        position=position,
        instances=len(tree),
        path=tree.path(position, len(tree)),
    )
