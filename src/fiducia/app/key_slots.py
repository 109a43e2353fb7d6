"""Where a home keeps the keys that are rotated: each a `fiducia.journeys.members.rotating.KeySlot`.

Owns the names of a next key and of one of before. REGISTRAR, ISSUER and GATEWAY keys lie in profiles, a broker's own in
its member's vault.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fiducia.app.profiles import KeyName, Kind, Profile, Profiles
from fiducia.errors import KeyMissingError
from fiducia.ports import Vault


class ProfileKeySlot:
    """A profile's key; each change is one write. A GATEWAY key's holders are the institution and its staff here."""

    def __init__(self, profiles: Profiles, name: str, key: KeyName) -> None:
        self._profiles = profiles
        self._name = name
        self._key = key
        self._next, self._former = KeyName(f"next-{key.value}"), KeyName(f"former-{key.value}")

    def present(self) -> bytes:
        """Return the secret in use. Raises: KeyMissingError, ConfigError, VaultError."""
        return self._profiles.load(self._name).key(self._key)

    def next(self) -> bytes | None:
        """Return the secret that is about to take its place. Raises: ConfigError, VaultError."""
        return self._found(self._next)

    def former(self) -> bytes | None:
        """Return the secret that it replaced. Raises: ConfigError, VaultError."""
        return self._found(self._former)

    def keep_next(self, secret: bytes) -> None:
        """Keep a next secret, durably. Raises: ConfigError, VaultError."""
        self._profiles.save(self._profiles.load(self._name).with_key(self._next, secret))

    def switch(self) -> None:
        """Make the next the present one, and that the former one. Raises: KeyMissingError, ConfigError, VaultError."""
        profile = self._profiles.load(self._name)
        present, following = profile.key(self._key), profile.key(self._next)
        self._profiles.save_all(
            _without(each.with_key(self._former, present).with_key(self._key, following), self._next)
            for each in (profile, *self._staff(profile, present))
        )

    def forget_former(self) -> None:
        """Forget the former one. Raises: ConfigError, VaultError."""
        profile = self._profiles.load(self._name)
        holders = [each for each in self._everybody(profile) if each.has_key(self._former)]
        self._profiles.save_all(_without(each, self._former) for each in holders)

    def _staff(self, profile: Profile, present: bytes) -> Sequence[Profile]:
        return [
            each
            for each in self._everybody(profile)
            if each.kind is Kind.STAFF and each.has_key(self._key) and each.key(self._key) == present
        ]

    def _everybody(self, profile: Profile) -> Sequence[Profile]:
        if self._key is not KeyName.GATEWAY:
            return [profile]
        return [each for each in self._profiles.all() if each.member == profile.member]

    def _found(self, name: KeyName) -> bytes | None:
        profile = self._profiles.load(self._name)
        return profile.key(name) if profile.has_key(name) else None


class VaultKeySlot:
    """A secret in a vault, with its next one and the one of before beside it."""

    def __init__(self, vault: Vault, name: str) -> None:
        self._vault = vault
        self._name = name

    def present(self) -> bytes:
        """Return the secret in use. Raises: KeyMissingError, VaultError."""
        return self._vault.get(self._name)

    def next(self) -> bytes | None:
        """Return the secret that is about to take its place. Raises: KeyMissingError, VaultError."""
        found = self._found("next")
        return None if found == self.present() else found  # cut off while it took its place

    def former(self) -> bytes | None:
        """Return the secret that it replaced. Raises: VaultError."""
        return self._found("former")

    def all(self) -> tuple[bytes, ...]:
        """Return every secret there is: the present one first. Raises: KeyMissingError, VaultError."""
        others = (self._found("next"), self._found("former"))
        return (self.present(), *(each for each in others if each is not None))

    def keep_next(self, secret: bytes) -> None:
        """Keep a next secret, durably. Raises: VaultError."""
        self._vault.put({f"{self._name}/next": secret})

    def switch(self) -> None:
        """Make the next the present one, and that the former one. Raises: KeyMissingError, VaultError."""
        following = self._vault.get(f"{self._name}/next")
        self._vault.put({f"{self._name}/former": self.present(), self._name: following})
        self._vault.remove((f"{self._name}/next",))

    def forget_former(self) -> None:
        """Destroy the former one. Raises: VaultError."""
        self._vault.remove((f"{self._name}/former", f"{self._name}/next"))

    def _found(self, which: str) -> bytes | None:
        try:
            return self._vault.get(f"{self._name}/{which}")
        except KeyMissingError:
            return None


def _without(profile: Profile, name: KeyName) -> Profile:
    return replace(profile, keys=tuple(pair for pair in profile.keys if pair[0] is not name))
