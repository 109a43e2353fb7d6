"""Judging provenance files: each part against the next, up to the keys that the verifier trusts.

    instance digests + salt -> leaf -> series' root in the manifest -> manifest's digest in the anchoring event
    event -> root of all events up to its block -> checkpoint, signed by at least a quorum of members
    where blocks have Ethereum headers: event -> receipt -> receipts' root -> header -> the checkpoint's block hash
    claim (custodian, study, revision, manifest, numbers, digests) -> the custodian's signature

Owns the judging, which part a refusal names, and what is remembered between files of one run. Reading the file is
`formats.provenance`'s. Who must be believed for what: docs/adr/0027-provenance.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

from fiducia.core import wire
from fiducia.core.answers import Answers
from fiducia.core.formats.canonical import SAFE_INTEGER_MAX
from fiducia.core.formats.digests import Leaf, commitment
from fiducia.core.formats.manifest import Manifest, SeriesLine, manifest_digest, parse_manifest
from fiducia.core.formats.merkle import verify_inclusion
from fiducia.core.formats.provenance import Checkpointed, ProvenanceFile, parse_provenance
from fiducia.core.formats.trust import LedgerName, Trust, TrustedKey
from fiducia.core.receipts import Anchoring, verify_receipt
from fiducia.core.signatures import recover_or_none
from fiducia.core.typed_data import Contract, digest
from fiducia.errors import EncodingError, FiduciaError, ProofError
from fiducia.records.events import StudyAnchored
from fiducia.records.ledger import KeyKind
from fiducia.records.provenance import InstancePlace, LedgerCheckpoint, Provenance

CHECKPOINTS_REMEMBERED, MANIFESTS_REMEMBERED = 4096, 64
FIRST_REVISION = 1


@dataclass(frozen=True, slots=True)
class Proven:
    """What a file proves.

    Attributes:
        study_id, revision, custodian: of the manifest.
        series, instance: the instance's numbers.
        identity, header: its digests.
        anchored_at, block_number, transaction_hash: where the ledger has it.
        members: who vouches for that, ascending; at least a quorum.
        receipt: whether the transaction's receipt was proved as well.
        signed_at: when the custodian signed.
    """

    study_id: bytes
    revision: int
    custodian: int
    series: int
    instance: int
    identity: bytes
    header: bytes
    anchored_at: int
    block_number: int
    transaction_hash: bytes
    members: tuple[int, ...]
    receipt: bool
    signed_at: int


class ProvenanceVerifier:
    """Judges any number of files by one trust file; a checkpoint or manifest that comes again is judged once.

    Example:
        ``ProvenanceVerifier(trust).verify(data).members``
    """

    def __init__(self, trust: Trust) -> None:
        self._trust = trust
        self._members = lru_cache(CHECKPOINTS_REMEMBERED)(self._vouching)
        self._manifest = lru_cache(MANIFESTS_REMEMBERED)(_manifest)
        self._said: dict[tuple[int, int], tuple[bytes, int, int, bytes]] = {}

    def verify(self, data: bytes) -> Proven:
        """Judge one file.

        Raises:
            EncodingError: it is not a provenance file in its one form.
            ProofError: it does not hold; the message begins with the part that does not.
        """
        file = parse_provenance(data)
        with _part("ledger"):
            if file.ledger != self._trust.ledger:
                raise ProofError("it is of another ledger than the trust file")
        with _part("manifest"):
            manifest, named = self._manifest(file.manifest)
            line = manifest.line(file.series)
        with _part("instance"):
            verify_place(line, file.instance)
        with _part("event"):
            event = self._event(file, manifest, named)
        with _part("checkpoint"):
            members = self._members(file.checkpoint)
        with _part("receipt"):
            self._check_receipt(file, event)
        with _part("custodian"):
            self._check_claim(file, manifest, named, event)
        return Proven(
            study_id=manifest.study_id,
            revision=manifest.revision,
            custodian=manifest.custodian,
            series=file.series,
            instance=file.instance.number,
            identity=file.instance.identity,
            header=file.instance.header,
            anchored_at=event.time_at,
            block_number=event.block_number,
            transaction_hash=event.transaction_hash,
            members=members,
            receipt=file.receipt is not None,
            signed_at=file.custodian.signed_at,
        )

    def _event(self, file: ProvenanceFile, manifest: Manifest, named: bytes) -> Anchoring:
        event, checkpoint = wire.decode_event(file.event.record), file.checkpoint
        if not isinstance(event, Anchoring) or not tells_of(event, manifest, named):
            raise ProofError("it is not the event that anchored this manifest")
        if (event.block_number, event.time_at) != (checkpoint.block.number, checkpoint.block.time_at):
            raise ProofError("it stands in another block than the checkpoint's")
        place = file.event
        verify_inclusion(place.record, place.position, checkpoint.events, place.path, checkpoint.root)
        return event

    def _vouching(self, checkpoint: Checkpointed) -> tuple[int, ...]:
        """Return the members whose brokers signed a checkpoint; institutions that the trust file lacks do not count."""
        found = []
        domain = self._trust.ledger.domain(Contract.MEMBERS)
        for signed in checkpoint.signatures:
            if signed.institution not in self._trust.institutions:
                continue
            statement = statement_of(checkpoint, signed.institution, signed.signed_at)
            address = recover_or_none(digest(domain, statement), signed.signature)
            self._check_signer(address, signed.institution, signed.signed_at, checkpoint.block.time_at)
            self._check_consistent(statement)
            found.append(signed.institution)
        if len(found) < self._trust.quorum:
            raise ProofError(f"{len(found)} trusted members signed it, {self._trust.quorum} are needed")
        return tuple(found)

    def _check_consistent(self, statement: LedgerCheckpoint) -> None:
        """Remember what a member said about a block: one that says two things about it is believed in neither."""
        place = statement.institution, statement.block_number
        said = statement.block_hash, statement.block_at, statement.events, statement.root
        if self._said.setdefault(place, said) != said:
            raise ProofError(
                f"institution {place[0]} signed another checkpoint of block {place[1]} in an earlier file: keep both"
            )

    def _check_signer(self, address: bytes | None, institution: int, signed_at: int, not_before: int) -> None:
        if address is None or not self._trust.counts(institution, address, signed_at):
            raise ProofError(
                f"it is not signed by a key that the trust file has for institution {institution} then; "
                "if that is an old trust file, get a newer one"
            )
        if signed_at < not_before:
            raise ProofError(f"institution {institution} signed before there was what it signed")

    def _check_receipt(self, file: ProvenanceFile, event: Anchoring) -> None:
        if file.receipt is not None:
            verify_receipt(file.receipt, file.checkpoint.block, self._trust.ledger.studies, event)
        elif self._trust.receipts:
            raise ProofError("there is none, and this ledger's blocks let it be proved")

    def _check_claim(self, file: ProvenanceFile, manifest: Manifest, named: bytes, event: Anchoring) -> None:
        signed = file.custodian
        if signed.institution != manifest.custodian:
            raise ProofError("another institution than the manifest's custodian signed")
        claim = claim_of(manifest, named, file.series, file.instance, signed.signed_at)
        address = recover_or_none(digest(self._trust.ledger.domain(Contract.STUDIES), claim), signed.signature)
        self._check_signer(address, signed.institution, signed.signed_at, event.time_at)


def trust_of(state: Answers, ledger: LedgerName, *, quorum: int | None, receipts: bool) -> Trust:
    """Return what a replayed ledger lets a verifier hold: the brokers' keys of the members that are active.

    Args:
        state: the replay.
        ledger: which ledger it is of.
        quorum: how many members must agree; None for a strict majority of the active ones.
        receipts: whether a file without a proved receipt is to be refused.

    Raises:
        EncodingError: more members are to agree than have a key.
    """
    active = {member.institution for member in state.members() if member.active}
    keys = [key for key in state.keys(kind=KeyKind.BROKER_SIGN) if key.institution in active and len(key.key) == 20]
    needed = quorum or len(active) // 2 + 1
    if needed > len({key.institution for key in keys}):
        raise EncodingError(f"{needed} members are to agree, and fewer have published a broker's key")
    trusted = (
        TrustedKey(key.institution, key.key, key.published_at, min(key.not_after, SAFE_INTEGER_MAX)) for key in keys
    )
    ordered = tuple(sorted(trusted, key=lambda key: (key.institution, key.address)))
    return Trust(ledger, state.head, needed, receipts, ordered)


def verify_place(line: SeriesLine, place: InstancePlace) -> None:
    """Check that an opened leaf lies under a series' root. Raises: ProofError."""
    committed = commitment(place.salt, place.identity, place.header)
    leaf = Leaf(place.number, place.offset, place.length, committed).to_bytes()
    verify_inclusion(leaf, place.position, place.instances, place.path, line.root)


def tells_of(event: Anchoring, manifest: Manifest, named: bytes) -> bool:
    """Tell whether an event is the one that anchored a manifest of that digest."""
    revision = FIRST_REVISION if isinstance(event, StudyAnchored) else event.revision
    return (event.study_id, revision, event.manifest) == (manifest.study_id, manifest.revision, named)


def claim_of(manifest: Manifest, named: bytes, series: int, place: InstancePlace, signed_at: int) -> Provenance:
    """Return what a custodian signs for one instance; `named` is the manifest's digest."""
    return Provenance(
        custodian=manifest.custodian,
        study_id=manifest.study_id,
        revision=manifest.revision,
        manifest=named,
        series=series,
        instance=place.number,
        identity=place.identity,
        header=place.header,
        signed_at=signed_at,
    )


def statement_of(checkpoint: Checkpointed, institution: int, signed_at: int) -> LedgerCheckpoint:
    """Return what one member signs for a checkpoint."""
    block = checkpoint.block
    return LedgerCheckpoint(
        institution, block.number, block.hash, block.time_at, checkpoint.events, checkpoint.root, signed_at
    )


def _manifest(data: bytes) -> tuple[Manifest, bytes]:
    named = manifest_digest(data)
    return parse_manifest(data, named), named


@contextmanager
def _part(name: str) -> Iterator[None]:
    """Say which part it was."""
    try:
        yield
    except FiduciaError as error:
        kind = EncodingError if isinstance(error, EncodingError) else ProofError
        raise kind(f"{name}: {error}") from error
