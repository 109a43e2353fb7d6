"""The public pins of a home: which chain, contracts, brokers and store every command is bound to.

Owns their form at rest (network.json, format "fiducia/v1/network"), read strictly: an unknown, missing or
malformed field is refused. Where the file lies is `app.home`'s; nothing in it is secret.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from fiducia.core.keys.custody import CustodyRule
from fiducia.core.typed_data import VERIFIER, Contract, Domains, domains_of
from fiducia.errors import ConfigError, EncodingError
from fiducia.records.ledger import Network

NAME_FORM = r"[a-z][a-z0-9-]{0,31}"
"""The names of profiles and members: they become names of directories and of secrets."""


@dataclass(frozen=True, slots=True)
class MemberAddress:
    """A member as this home reaches it: its name here, institution number and broker."""

    name: str
    institution: int
    broker_url: str


@dataclass(frozen=True, slots=True)
class StoreAddress:
    """Where the encrypted objects lie: kind "kubo" (address: multiaddr of its RPC) or "embedded" (a directory)."""

    kind: Literal["kubo", "embedded"]
    address: str


@dataclass(frozen=True, slots=True)
class Consortium:
    """Everything public that a home is bound to; `custody` is by which keys of new studies are dealt.

    Without one, every hospital is the only trustee of its own.
    """

    network: Network
    members: tuple[MemberAddress, ...]
    store: StoreAddress
    custody: CustodyRule | None = None

    def domains(self) -> Domains:
        """Return what signatures are bound to."""
        return domains_of(self.network)

    def member(self, name: str) -> MemberAddress | None:
        """Return a member by its name in this home."""
        return next((member for member in self.members if member.name == name), None)

    def broker_of(self, institution: int) -> str:
        """Return the URL of an institution's broker. Raises: ConfigError."""
        for member in self.members:
            if member.institution == institution:
                return member.broker_url
        raise ConfigError(f"this home knows no broker of institution {institution}")


def to_json(consortium: Consortium) -> str:
    """Return network.json's text. Raises: EncodingError (a value that the file cannot hold)."""
    try:
        return _NetworkFile.of(consortium).model_dump_json(indent=2, exclude_none=True) + "\n"
    except ValidationError as error:
        raise EncodingError(f"network.json cannot hold this: {_where(error)}") from None


def from_json(text: bytes) -> Consortium:
    """Read network.json's text. Raises: EncodingError (names the first field that is wrong)."""
    try:
        return _NetworkFile.model_validate_json(text).consortium()
    except ValidationError as error:
        raise EncodingError(f"it is not what fiducia writes: {_where(error)}") from None


def _where(error: ValidationError) -> str:
    return ".".join(map(str, error.errors(include_input=False, include_url=False)[0]["loc"])) or "not JSON"


def _check_hex(size: int) -> AfterValidator:
    def check(value: str) -> str:
        if not re.fullmatch(rf"0x[0-9a-f]{{{2 * size}}}", value):
            raise ValueError(f"not 0x and {2 * size} lower-case hex digits")
        return value

    return AfterValidator(check)


_Address = Annotated[str, _check_hex(20)]
_Hash = Annotated[str, _check_hex(32)]
_Url = Annotated[str, Field(pattern=r"^https?://[^\s@]+$", max_length=256)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


_FIELDS = {VERIFIER: "webauthn_verifier"} | {contract.value: contract.name.lower() for contract in Contract}
"""The file's name of each contract."""


class _Contracts(_Strict):
    """One value per contract; a contract too few or too many is refused."""

    webauthn_verifier: str
    members: str
    subjects: str
    studies: str
    grants: str
    releases: str

    def pairs(self) -> tuple[tuple[str, bytes], ...]:
        return tuple((name, _bytes(getattr(self, field))) for name, field in _FIELDS.items())


class _Addresses(_Contracts):
    webauthn_verifier: _Address
    members: _Address
    subjects: _Address
    studies: _Address
    grants: _Address
    releases: _Address


class _CodeHashes(_Contracts):
    webauthn_verifier: _Hash
    members: _Hash
    subjects: _Hash
    studies: _Hash
    grants: _Hash
    releases: _Hash


class _Chain(_Strict):
    chain_id: Annotated[int, Field(gt=0, lt=2**63)]
    genesis_hash: _Hash
    first_block: Annotated[int, Field(ge=0)]
    finality: Literal["instant", "tag"]
    max_head_age_s: Annotated[int, Field(gt=0, le=3600)]
    rpc_urls: Annotated[list[_Url], Field(min_length=1, max_length=16)]
    contracts: _Addresses
    code_hashes: _CodeHashes
    webauthn_rp_id: Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")]


class _Member(_Strict):
    name: Annotated[str, Field(pattern=f"^{NAME_FORM}$")]
    institution: Annotated[int, Field(gt=0, lt=2**32)]
    broker_url: _Url


class _Store(_Strict):
    kind: Literal["kubo", "embedded"]
    address: Annotated[str, Field(min_length=1, max_length=4096)]


class _Custody(_Strict):
    threshold: Annotated[int, Field(gt=0, le=255)]
    trustees: Annotated[list[Annotated[int, Field(gt=0, lt=2**32)]], Field(min_length=1, max_length=255)]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        try:
            self.rule()
        except EncodingError as error:
            raise ValueError(str(error)) from None
        return self

    def rule(self) -> CustodyRule:
        return CustodyRule(self.threshold, tuple(self.trustees))


class _NetworkFile(_Strict):
    """network.json, field for field."""

    format: Literal["fiducia/v1/network"]
    chain: _Chain
    members: Annotated[list[_Member], Field(min_length=1, max_length=1024)]
    store: _Store
    custody: _Custody | None = None

    @classmethod
    def of(cls, consortium: Consortium) -> _NetworkFile:
        network, rule = consortium.network, consortium.custody
        return cls(
            format="fiducia/v1/network",
            chain=_Chain(
                chain_id=network.chain_id,
                genesis_hash=_hex(network.genesis_hash),
                first_block=network.first_block,
                finality="tag" if network.finality == "tag" else "instant",
                max_head_age_s=network.max_head_age_s,
                rpc_urls=list(network.rpc_urls),
                contracts=_Addresses(**_by_name(network.contracts)),
                code_hashes=_CodeHashes(**_by_name(network.code_hashes)),
                webauthn_rp_id=network.webauthn_rp_id,
            ),
            members=[
                _Member(name=m.name, institution=m.institution, broker_url=m.broker_url) for m in consortium.members
            ],
            store=_Store(kind=consortium.store.kind, address=consortium.store.address),
            custody=_Custody(threshold=rule.threshold, trustees=list(rule.trustees)) if rule else None,
        )

    def consortium(self) -> Consortium:
        chain = self.chain
        network = Network(
            chain_id=chain.chain_id,
            genesis_hash=_bytes(chain.genesis_hash),
            contracts=chain.contracts.pairs(),
            code_hashes=chain.code_hashes.pairs(),
            rpc_urls=tuple(chain.rpc_urls),
            finality=chain.finality,
            max_head_age_s=chain.max_head_age_s,
            first_block=chain.first_block,
            webauthn_rp_id=chain.webauthn_rp_id,
        )
        members = tuple(MemberAddress(m.name, m.institution, m.broker_url) for m in self.members)
        rule = self.custody.rule() if self.custody else None
        return Consortium(network, members, StoreAddress(self.store.kind, self.store.address), rule)


def _by_name(pairs: tuple[tuple[str, bytes], ...]) -> dict[str, str]:
    return {_FIELDS.get(name, name): _hex(value) for name, value in pairs}


def _hex(value: bytes) -> str:
    return "0x" + value.hex()


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:])
