"""EIP-712: type strings, struct hashes, domain separators and signing digests.

Everything is derived from the Solidity annotations in `records.typed`, `.statements` and `.provenance`, once per class,
so a struct is written down in one place. Every struct is flat and static, or an array of such structs; nothing else is
encoded here. Which contract's domain a struct is signed in is fixed here too: the one that keeps its
state (design section 5). Signing and recovery are `core.signatures`. Source: EIP-712.
"""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import typing
from collections.abc import Callable
from functools import cache, lru_cache

from fiducia.core.keccak import keccak256
from fiducia.errors import EncodingError
from fiducia.records import provenance, statements, typed
from fiducia.records.ledger import Network
from fiducia.records.typed import Solidity

NAME = "fiducia"
VERSION = "1"
VERIFIER = "WebAuthnVerifier"
"""The contract that checks passkeys: it keeps no state, so nothing is signed in a domain of its own."""

_WORD = 32
_DOMAIN_TYPE = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"


class Contract(enum.Enum):
    """The five contracts, from left to right of the arrows."""

    MEMBERS = "Members"
    SUBJECTS = "Subjects"
    STUDIES = "Studies"
    GRANTS = "Grants"
    RELEASES = "Releases"


_HOMES: dict[type, Contract] = {
    typed.Badge: Contract.MEMBERS,
    typed.Admit: Contract.MEMBERS,
    typed.Suspend: Contract.MEMBERS,
    typed.Reinstate: Contract.MEMBERS,
    typed.ReplaceGovernor: Contract.MEMBERS,
    typed.ChangeExports: Contract.MEMBERS,
    typed.NarrowExports: Contract.MEMBERS,
    typed.Publish: Contract.MEMBERS,
    typed.WithdrawPerson: Contract.MEMBERS,
    typed.RaiseBadgeEpoch: Contract.MEMBERS,
    provenance.LedgerCheckpoint: Contract.MEMBERS,
    typed.Enrol: Contract.SUBJECTS,
    typed.EnrolBatch: Contract.SUBJECTS,
    typed.Rotate: Contract.SUBJECTS,
    typed.Appoint: Contract.SUBJECTS,
    typed.Dismiss: Contract.SUBJECTS,
    typed.Restrict: Contract.SUBJECTS,
    typed.Lift: Contract.SUBJECTS,
    typed.Recover: Contract.SUBJECTS,
    typed.Veto: Contract.SUBJECTS,
    typed.Transfer: Contract.SUBJECTS,
    typed.RevokeAll: Contract.SUBJECTS,
    statements.LookUp: Contract.SUBJECTS,
    typed.Anchor: Contract.STUDIES,
    typed.AnchorBatch: Contract.STUDIES,
    typed.Revise: Contract.STUDIES,
    typed.Withdraw: Contract.STUDIES,
    typed.Retain: Contract.STUDIES,
    typed.Hold: Contract.STUDIES,
    typed.LiftHold: Contract.STUDIES,
    typed.RequestErasure: Contract.STUDIES,
    typed.Erase: Contract.STUDIES,
    provenance.Provenance: Contract.STUDIES,
    statements.Deposit: Contract.STUDIES,
    statements.Keeping: Contract.STUDIES,
    statements.Collect: Contract.STUDIES,
    statements.Destroy: Contract.STUDIES,
    typed.Grant: Contract.GRANTS,
    typed.Revoke: Contract.GRANTS,
    typed.Review: Contract.GRANTS,
    statements.Ask: Contract.GRANTS,
    statements.AskList: Contract.GRANTS,
    statements.Decline: Contract.GRANTS,
    typed.KeyRequest: Contract.RELEASES,
    typed.Late: Contract.RELEASES,
    typed.HandOverStatement: Contract.RELEASES,
}

STRUCTS = tuple(_HOMES)


class Struct(typing.Protocol):
    """Any dataclass of the rooms above whose fields carry Solidity types."""

    __dataclass_fields__: typing.ClassVar[dict[str, typing.Any]]


@dataclasses.dataclass(frozen=True, slots=True)
class Domain:
    """One contract on one chain; `contract` is its 20-byte address."""

    chain_id: int
    contract: bytes


@dataclasses.dataclass(frozen=True, slots=True)
class Domains:
    """The five contracts' addresses on one chain (20 bytes each): all that a signature is bound to.

    `verifier` (20 bytes) and `rp_id_hash` (32) are those of passkeys; without them there are none.
    """

    chain_id: int
    members: bytes
    subjects: bytes
    studies: bytes
    grants: bytes
    releases: bytes
    verifier: bytes = b""
    rp_id_hash: bytes = b""

    def of(self, contract: Contract) -> Domain:
        """Return one contract's domain."""
        address: bytes = getattr(self, contract.name.lower())
        return Domain(self.chain_id, address)

    def digest(self, struct: Struct) -> bytes:
        """Return the 32 bytes to sign for `struct`, in the domain of the contract that keeps its state.

        Raises:
            EncodingError: a field does not fit its Solidity type.
        """
        return digest(self.of(home(type(struct))), struct)


def domains_of(network: Network) -> Domains:
    """Return the domains of a network's contracts. Raises: EncodingError (a contract is missing)."""
    at = dict(network.contracts)
    try:
        addresses = {contract.name.lower(): at[contract.value] for contract in Contract}
    except KeyError as error:
        raise EncodingError(f"the network names no contract {error.args[0]}") from None
    verifier, rp_id_hash = at.get(VERIFIER, b""), hashlib.sha256(network.webauthn_rp_id.encode()).digest()
    return Domains(network.chain_id, **addresses, verifier=verifier, rp_id_hash=rp_id_hash)


def home(struct_type: type) -> Contract:
    """Return the contract in whose domain a struct is signed. Raises: EncodingError (not a signed struct)."""
    try:
        return _HOMES[struct_type]
    except KeyError:
        raise EncodingError(f"{struct_type.__name__} is not a struct that anyone signs") from None


@lru_cache(maxsize=256)
def separator(domain: Domain) -> bytes:
    """Return a domain's 32-byte separator. Raises: EncodingError."""
    if not 0 <= domain.chain_id < 2**256 or len(domain.contract) != 20:
        raise EncodingError("a domain needs a chain id and a contract address of 20 bytes")
    words = (
        keccak256(_DOMAIN_TYPE),
        keccak256(NAME.encode()),
        keccak256(VERSION.encode()),
        domain.chain_id.to_bytes(_WORD, "big"),
        domain.contract.rjust(_WORD, b"\0"),
    )
    return keccak256(b"".join(words))


def digest(domain: Domain, struct: Struct) -> bytes:
    """Return the 32-byte digest of `struct` in `domain`: what a key signs. Raises: EncodingError."""
    return keccak256(b"\x19\x01" + separator(domain) + hash_struct(struct))


def hash_struct(struct: Struct) -> bytes:
    """Return EIP-712's hashStruct (32 bytes), bound to no domain. Raises: EncodingError."""
    return _encoder(type(struct))(struct)


@cache
def type_string(struct_type: type) -> str:
    """Return EIP-712's encodeType, member structs appended in alphabetical order."""
    parts = {struct_type.__name__: _own_type(struct_type)}
    for _, kind in _fields(struct_type):
        if isinstance(kind, type):
            parts[kind.__name__] = _own_type(kind)
    first = parts.pop(struct_type.__name__)
    return first + "".join(parts[name] for name in sorted(parts))


@cache
def type_hash(struct_type: type) -> bytes:
    """Return keccak256 of the type string (32 bytes)."""
    return keccak256(type_string(struct_type).encode())


@cache
def solidity_fields(struct_type: type) -> tuple[tuple[str, str], ...]:
    """Return (Python name, Solidity type) of every annotated field, in order."""
    return tuple((name, kind.name) for name, kind in _fields(struct_type) if isinstance(kind, Solidity))


def camel_case(name: str) -> str:
    """Return the Solidity name of a field: ``not_after`` is ``notAfter``."""
    head, *tail = name.split("_")
    return head + "".join(word.capitalize() for word in tail)


def _own_type(struct_type: type) -> str:
    members = (
        f"{kind.name if isinstance(kind, Solidity) else kind.__name__ + '[]'} {camel_case(name)}"
        for name, kind in _fields(struct_type)
    )
    return f"{struct_type.__name__}({','.join(members)})"


@cache
def _fields(struct_type: type) -> tuple[tuple[str, Solidity | type], ...]:
    """Each field with its Solidity type, or the member class when it is an array of structs."""
    found: list[tuple[str, Solidity | type]] = []
    for name, hint in typing.get_type_hints(struct_type, include_extras=True).items():
        marks = [mark for mark in getattr(hint, "__metadata__", ()) if isinstance(mark, Solidity)]
        if marks:
            found.append((name, marks[0]))
        elif typing.get_origin(hint) is tuple and dataclasses.is_dataclass(member := typing.get_args(hint)[0]):
            found.append((name, typing.cast(type, member)))
        else:
            raise EncodingError(f"{struct_type.__name__}.{name} has no Solidity type")
    return tuple(found)


@cache
def _encoder(struct_type: type) -> Callable[[Struct], bytes]:
    """Compile a class to its hashStruct: one tuple of (name, word function), one join, one hash."""
    prefix = type_hash(struct_type)
    words = tuple((name, _word(f"{struct_type.__name__}.{name}", kind)) for name, kind in _fields(struct_type))

    def encode(struct: Struct) -> bytes:
        return keccak256(prefix + b"".join([word(getattr(struct, name)) for name, word in words]))

    return encode


def _word(where: str, kind: Solidity | type) -> Callable[[typing.Any], bytes]:
    if isinstance(kind, type):
        return _array(where, _encoder(kind), kind)
    name = kind.name
    if name.startswith("uint"):
        return _uint(where, int(name[4:]))
    size = 20 if name == "address" else int(name.removeprefix("bytes"))
    # Solidity pads addresses on the left (they are numbers) and bytesN on the right.
    return _fixed(where, size, left=name == "address")


def _uint(where: str, bits: int) -> Callable[[object], bytes]:
    limit = 1 << bits

    def word(value: object) -> bytes:
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < limit:
            return value.to_bytes(_WORD, "big")
        raise EncodingError(f"{where} is not an unsigned integer of {bits} bits")

    return word


def _fixed(where: str, size: int, *, left: bool) -> Callable[[object], bytes]:
    padding = bytes(_WORD - size)

    def word(value: object) -> bytes:
        if isinstance(value, bytes) and len(value) == size:
            return padding + value if left else value + padding
        raise EncodingError(f"{where} is not {size} bytes")

    return word


def _array(where: str, member: Callable[[Struct], bytes], kind: type) -> Callable[[object], bytes]:
    def word(value: object) -> bytes:
        if isinstance(value, tuple) and all(type(item) is kind for item in value):
            return keccak256(b"".join([member(item) for item in value]))
        raise EncodingError(f"{where} is not a tuple of {kind.__name__}")

    return word
