"""What proves where an instance comes from: what members and custodians sign, and the pieces of a provenance file.

The two structs are EIP-712 like everything in `records.typed`, signed with a broker's BROKER_SIGN key; no contract
takes them. The file itself is `core.formats.provenance`'s.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from fiducia.records.typed import Bytes32, UInt16, UInt32, UInt64


@dataclass(frozen=True, slots=True)
class LedgerCheckpoint:
    """A member says what its own replay of the ledger has up to one final block.

    Attributes:
        institution: whose broker says it.
        block_number, block_hash, block_at: the block and its time.
        events: how many events of the contracts there are up to and including the block.
        root: of the RFC 9162 tree over their records (`core.wire`), in order.
        signed_at: the broker's clock.
    """

    institution: UInt32
    block_number: UInt64
    block_hash: Bytes32
    block_at: UInt64
    events: UInt64
    root: Bytes32
    signed_at: UInt64


@dataclass(frozen=True, slots=True)
class Provenance:
    """A custodian's claim about one instance: it registered these digests under that number.

    `manifest` is SHA-256 of the revision's manifest, `identity` and `header` are the instance's digests.
    """

    custodian: UInt32
    study_id: Bytes32
    revision: UInt16
    manifest: Bytes32
    series: UInt32
    instance: UInt32
    identity: Bytes32
    header: Bytes32
    signed_at: UInt64


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint and its broker's signature (65 bytes)."""

    checkpoint: LedgerCheckpoint
    signature: bytes


@dataclass(frozen=True, slots=True)
class InstancePlace:
    """One instance's leaf opened, and its way to its series' root. Whoever knows the salt was given the instance.

    Attributes:
        number, offset, length: as in the leaf.
        identity, header, salt: what the leaf's commitment is made of.
        position, instances: the leaf's place, from 0, and how many there are.
        path: RFC 9162's, nearest first.
    """

    number: UInt32
    offset: UInt64
    length: UInt64
    identity: Bytes32
    header: Bytes32
    salt: Bytes32 = field(repr=False)
    position: UInt32
    instances: UInt32
    path: tuple[Bytes32, ...]


@dataclass(frozen=True, slots=True)
class VouchAsk:
    """Somebody who was given instances of a series asks its custodian to sign for them."""

    study_id: bytes
    revision: UInt16
    series: UInt32
    instances: tuple[InstancePlace, ...]


@dataclass(frozen=True, slots=True)
class Vouched:
    """A custodian's signatures, in the order of what was asked, all of one time."""

    signed_at: int
    signatures: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class MemberSignature:
    """One member's signature under a checkpoint, and when it signed."""

    institution: int
    signed_at: int
    signature: bytes


@dataclass(frozen=True, slots=True)
class ReceiptProof:
    """A transaction's receipt proved to its block's hash, where that is the hash of an Ethereum header.

    Attributes:
        header: the block header, RLP.
        index: the transaction's place in the block.
        nodes: the nodes of the receipts' trie from the root to the receipt, RLP.
    """

    header: bytes
    index: int
    nodes: tuple[bytes, ...]
