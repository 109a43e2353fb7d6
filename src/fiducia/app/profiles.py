"""Profiles: the actors of a development consortium whose keys lie, sealed, in one home.

Owns what a profile holds, its form inside the sealed vault (`profile/<name>`, JSON) and which keys each kind of
actor has. A profile carries no identity of a patient, only the subject's pseudonym. In production every actor
keeps its own keys; that they lie in one home is what makes this a development consortium.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from fiducia.app.home import check_name
from fiducia.core import wire
from fiducia.core.keys.kem import KemKey
from fiducia.core.signatures import EoaKey
from fiducia.errors import ConfigError, EncodingError, KeyMissingError, VaultError
from fiducia.ports import Entropy, Vault
from fiducia.records.typed import SignedBadge

_PREFIX = "profile/"


class Kind(enum.Enum):
    """What an actor is."""

    INSTITUTION = "institution"
    STAFF = "staff"
    PATIENT = "patient"
    REPRESENTATIVE = "representative"
    AUDITOR = "auditor"


PATIENT_SIDE = (Kind.PATIENT, Kind.REPRESENTATIVE)


class KeyName(enum.Enum):
    """A profile's keys: 32 bytes each, a secp256k1 key, or (GATEWAY) the seed of a key pair to seal to."""

    GOVERNOR = "governor"
    REGISTRAR = "registrar"
    ISSUER = "issuer"
    GATEWAY = "gateway"
    SESSION = "session"
    SIGNER = "signer"
    NEXT_SIGNER = "next-signer"
    NEXT_GOVERNOR = "next-governor"
    NEXT_REGISTRAR = "next-registrar"
    NEXT_ISSUER = "next-issuer"
    NEXT_GATEWAY = "next-gateway"
    FORMER_REGISTRAR = "former-registrar"
    FORMER_ISSUER = "former-issuer"
    FORMER_GATEWAY = "former-gateway"


BROKER_SIGN, BROKER_KEM, BROKER_LOG, RELAYER = "broker/sign", "broker/kem", "broker/log", "relayer"
"""The names of a broker's own secrets in its member's vault: all that a broker gets to see."""

OWN_KEYS = {
    Kind.INSTITUTION: (KeyName.GOVERNOR, KeyName.REGISTRAR, KeyName.ISSUER, KeyName.GATEWAY),
    Kind.STAFF: (KeyName.SESSION,),
    Kind.PATIENT: (KeyName.SIGNER, KeyName.GATEWAY),
    Kind.REPRESENTATIVE: (KeyName.SIGNER, KeyName.GATEWAY),
    Kind.AUDITOR: (),
}
"""The keys that a new profile of a kind gets. A staff member's gateway key is the institution's; a next signer or
governor is there while a key is being replaced."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One actor.

    Attributes:
        name: how the home calls it.
        kind: what it is.
        member: the name of the member it belongs to: itself, its employer, or its custodian; empty for an auditor and a
            representative, who may serve patients of several.
        institution: that member's institution number; 0 while it has none.
        keys: its secrets, by name; never shown.
        subject: a patient's 20-byte pseudonym; empty before enrolment.
        badge: a staff member's newest badge.
        former: a patient's signers before the present one, oldest first; they may still revoke; never shown.
    """

    name: str
    kind: Kind
    member: str = ""
    institution: int = 0
    keys: tuple[tuple[KeyName, bytes], ...] = field(default=(), repr=False)
    subject: bytes = b""
    badge: SignedBadge | None = None
    former: tuple[bytes, ...] = field(default=(), repr=False)

    def key(self, name: KeyName) -> bytes:
        """Return one secret (32 bytes). Raises: KeyMissingError (an actor of this kind has none)."""
        for found, secret in self.keys:
            if found is name:
                return secret
        raise KeyMissingError(
            f"the profile {self.name} ({self.kind.value}) has no {name.value} key: choose another --as"
        )

    def signer(self, name: KeyName) -> EoaKey:
        """Return the key that signs. Raises: KeyMissingError."""
        return EoaKey(self.key(name))

    def gateway(self) -> KemKey:
        """Return the key pair to seal to. Raises: KeyMissingError."""
        return KemKey.from_seed(self.key(KeyName.GATEWAY))

    @property
    def reader(self) -> str:
        """Whose mirror of the ledger it reads: its member's, or its own."""
        return self.member or self.name

    @property
    def person(self) -> bytes:
        """A staff member's pseudonym (32 bytes), or empty bytes."""
        return self.badge.badge.person if self.badge else b""

    def with_key(self, name: KeyName, secret: bytes) -> Profile:
        """Return the profile with one key added or replaced."""
        return replace(self, keys=(*(pair for pair in self.keys if pair[0] is not name), (name, secret)))

    def has_key(self, name: KeyName) -> bool:
        """Tell whether it has a key."""
        return any(found is name for found, _ in self.keys)

    def with_next_signer(self) -> Profile:
        """Return the profile with its next signer as the signer, and the one before among the former ones."""
        former = (self.key(KeyName.SIGNER),) if self.has_key(KeyName.SIGNER) else ()
        changed = self.with_key(KeyName.SIGNER, self.key(KeyName.NEXT_SIGNER))
        keys = tuple(pair for pair in changed.keys if pair[0] is not KeyName.NEXT_SIGNER)
        return replace(changed, keys=keys, former=(*self.former, *former))

    def with_next_governor(self) -> Profile:
        """Return the profile with its next governor as the governor; the one before has no say any more."""
        changed = self.with_key(KeyName.GOVERNOR, self.key(KeyName.NEXT_GOVERNOR))
        return replace(changed, keys=tuple(pair for pair in changed.keys if pair[0] is not KeyName.NEXT_GOVERNOR))


def new_profile(name: str, kind: Kind, entropy: Entropy, *, member: str = "", institution: int = 0) -> Profile:
    """Make a profile with fresh keys of its kind. Raises: ConfigError (not a name)."""
    keys = tuple((key, entropy.token(32)) for key in OWN_KEYS[kind])
    return Profile(check_name(name), kind, member, institution, keys)


class Profiles:
    """The profiles of a home, in its sealed vault."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def names(self) -> tuple[str, ...]:
        """Return the names of all profiles, sorted."""
        return tuple(name.removeprefix(_PREFIX) for name in self._vault.names(_PREFIX))

    def all(self) -> tuple[Profile, ...]:
        """Return all profiles, sorted by name. Raises: VaultError."""
        return tuple(self.load(name) for name in self.names())

    def find(self, name: str) -> Profile | None:
        """Return a profile, or None. Raises: ConfigError (not a name), VaultError."""
        try:
            sealed = self._vault.get(_PREFIX + check_name(name))
        except KeyMissingError:
            return None
        return _from_json(sealed)

    def load(self, name: str) -> Profile:
        """Return a profile. Raises: ConfigError (no such profile, or not a name), VaultError."""
        profile = self.find(name)
        if profile is None:
            known = ", ".join(self.names()) or "none yet: run `fiducia up`"
            raise ConfigError(f"there is no profile {name} in this home; there are: {known}")
        return profile

    def save(self, profile: Profile) -> Profile:
        """Keep a profile, sealed and durable; replaces the older one of the name."""
        self.save_all([profile])
        return profile

    def save_all(self, profiles: Iterable[Profile]) -> None:
        """Keep several, all or none."""
        self._vault.put({_PREFIX + check_name(profile.name): _to_json(profile) for profile in profiles})

    def free_name(self, stem: str) -> str:
        """Return the first of stem, stem-2, stem-3, ... that is not taken."""
        taken = set(self.names())
        number = 1
        while (name := stem if number == 1 else f"{stem}-{number}") in taken:
            number += 1
        return name


class _File(BaseModel):
    """A profile at rest."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    format: Literal["fiducia/v1/profile"] = "fiducia/v1/profile"
    name: str
    kind: str
    member: str
    institution: int
    keys: dict[str, str]
    subject: str
    badge: str | None
    former: list[str] = []


def _to_json(profile: Profile) -> bytes:
    return (
        _File(
            name=profile.name,
            kind=profile.kind.value,
            member=profile.member,
            institution=profile.institution,
            keys={name.value: secret.hex() for name, secret in profile.keys},
            subject=profile.subject.hex(),
            badge=wire.encode(profile.badge).decode() if profile.badge else None,
            former=[secret.hex() for secret in profile.former],
        )
        .model_dump_json()
        .encode()
    )


def _from_json(sealed: bytes) -> Profile:
    try:
        file = _File.model_validate_json(sealed)
        return Profile(
            name=file.name,
            kind=Kind(file.kind),
            member=file.member,
            institution=file.institution,
            keys=tuple((KeyName(name), bytes.fromhex(secret)) for name, secret in file.keys.items()),
            subject=bytes.fromhex(file.subject),
            badge=wire.decode(SignedBadge, file.badge.encode()) if file.badge else None,
            former=tuple(map(bytes.fromhex, file.former)),
        )
    except (ValidationError, ValueError, EncodingError):
        raise VaultError("a profile in this home is not in a form that this fiducia reads") from None
