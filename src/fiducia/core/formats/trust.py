"""The trust file: what a verifier of provenance holds beforehand, and nothing else.

Owns its JSON (RFC 8785): which ledger, whose brokers' keys with the time in which each counted, how many members must
agree, and whether receipts are owed. It is made from somebody's own replay of the ledger; whoever hands it on must be
believed. Source: docs/formats.md, "Trust".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from fiducia.core.formats.canonical import SAFE_INTEGER_MAX, Fields, canonical_json, parse_canonical, to_hex
from fiducia.core.formats.context import U32_MAX
from fiducia.core.typed_data import Contract, Domain
from fiducia.errors import EncodingError
from fiducia.records.ledger import Head

TRUST_MAX_BYTES = 1 << 20
TRUST_FORMAT = "fiducia/v1/trust"
_KEYS_MAX = 4096


@dataclass(frozen=True, slots=True)
class LedgerName:
    """Which ledger: its chain's id and genesis hash, and the contracts in whose domains brokers sign."""

    chain_id: int
    genesis_hash: bytes
    members: bytes
    studies: bytes

    def domain(self, contract: Contract) -> Domain:
        """Return the domain of Members or Studies."""
        return Domain(self.chain_id, self.members if contract is Contract.MEMBERS else self.studies)

    def to_json(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {
            "chain_id": self.chain_id,
            "genesis_hash": to_hex(self.genesis_hash),
            "members": to_hex(self.members),
            "studies": to_hex(self.studies),
        }

    @classmethod
    def from_json(cls, value: object) -> LedgerName:
        """Read the JSON object. Raises: EncodingError."""
        fields = Fields(value, "the ledger")
        name = cls(
            chain_id=fields.integer("chain_id", 1, SAFE_INTEGER_MAX),
            genesis_hash=fields.hex_bytes("genesis_hash", 32),
            members=fields.hex_bytes("members", 20),
            studies=fields.hex_bytes("studies", 20),
        )
        fields.close()
        return name


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A broker's address (20 bytes) that signs for an institution from `from_at` until before `until_at`."""

    institution: int
    address: bytes
    from_at: int
    until_at: int


@dataclass(frozen=True)
class Trust:
    """What a verifier holds.

    Attributes:
        ledger: which ledger.
        as_of: the block up to which the keys were read.
        quorum: how many members must have signed a checkpoint.
        receipts: whether a file without a proved receipt is refused; so where blocks have Ethereum headers.
        keys: ascending by institution, then address; each once.
    """

    ledger: LedgerName
    as_of: Head
    quorum: int
    receipts: bool
    keys: tuple[TrustedKey, ...]

    @cached_property
    def institutions(self) -> frozenset[int]:
        """The members that this knows."""
        return frozenset(key.institution for key in self.keys)

    @cached_property
    def _by_key(self) -> dict[tuple[int, bytes], TrustedKey]:
        return {(key.institution, key.address): key for key in self.keys}

    def counts(self, institution: int, address: bytes, at: int) -> bool:
        """Tell whether an address signed for an institution at a time (UTC Unix seconds)."""
        key = self._by_key.get((institution, address))
        return key is not None and key.from_at <= at < key.until_at

    def to_bytes(self) -> bytes:
        """Return the canonical JSON. Raises: EncodingError (it would not be read back)."""
        document = {
            "format": TRUST_FORMAT,
            "ledger": self.ledger.to_json(),
            "as_of": {
                "block_number": self.as_of.number,
                "block_hash": to_hex(self.as_of.hash),
                "block_at": self.as_of.time_at,
            },
            "quorum": self.quorum,
            "receipts": self.receipts,
            "keys": [_key_to_json(key) for key in self.keys],
        }
        data = canonical_json(document)
        parse_trust(data)
        return data


def parse_trust(data: bytes) -> Trust:
    """Read a trust file. Raises: EncodingError."""
    fields = Fields(parse_canonical(data, what="the trust file", max_bytes=TRUST_MAX_BYTES), "the trust file")
    fields.constant("format", TRUST_FORMAT)
    items = fields.items("keys")
    if len(items) > _KEYS_MAX:
        raise EncodingError(f"the trust file has more than {_KEYS_MAX} keys")
    trust = Trust(
        ledger=LedgerName.from_json(fields.value("ledger")),
        as_of=_head(fields.value("as_of")),
        quorum=fields.integer("quorum", 1, U32_MAX),
        receipts=fields.boolean("receipts"),
        keys=tuple(map(_key_from_json, items)),
    )
    fields.close()
    _check_order([(key.institution, key.address) for key in trust.keys])
    return trust


def _check_order(names: Sequence[tuple[int, bytes]]) -> None:
    if list(names) != sorted(set(names)):
        raise EncodingError("the trust file's keys are not ascending, each once")


def _head(value: object) -> Head:
    fields = Fields(value, "the trust file's block")
    head = Head(
        number=fields.integer("block_number", 0, SAFE_INTEGER_MAX),
        hash=fields.hex_bytes("block_hash", 32),
        time_at=fields.integer("block_at", 0, SAFE_INTEGER_MAX),
    )
    fields.close()
    return head


def _key_to_json(key: TrustedKey) -> dict[str, Any]:
    return {
        "institution": key.institution,
        "address": to_hex(key.address),
        "from_at": key.from_at,
        "until_at": key.until_at,
    }


def _key_from_json(value: object) -> TrustedKey:
    fields = Fields(value, "a trusted key")
    key = TrustedKey(
        institution=fields.integer("institution", 1, U32_MAX),
        address=fields.hex_bytes("address", 20),
        from_at=fields.integer("from_at", 0, SAFE_INTEGER_MAX),
        until_at=fields.integer("until_at", 0, SAFE_INTEGER_MAX),
    )
    fields.close()
    return key
