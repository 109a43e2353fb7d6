"""Who may sign in at an institution's gateway, and how: accounts of its OpenID provider, and passkeys.

Everything is in the gateway's vault, sealed. Entries are found by keyed digests, and the key lies in the same vault: so
the vault's names, which are not sealed, say of nobody whether they are in it. A member of staff is a profile, a
pseudonym and roles; what a sign-in gives them is `journeys.sign_in.staff_sign_in`'s.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field, replace
from typing import TypeVar

from fiducia.core import wire
from fiducia.core.passkey_sign_in import Credential
from fiducia.errors import DeniedError, EncodingError, InputError, KeyMissingError
from fiducia.ports import Clock, Entropy, Vault

CODE_S = 15 * 60
"""How long a registration code may be typed."""
_KEY = "gateway/directory-key"
_STAFF, _ACCOUNT, _PASSKEY, _CODE = "gateway/staff/", "gateway/account/", "gateway/passkey/", "gateway/code/"
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # 32, without those that look like others
_CODE_LETTERS, _GROUP = 20, 5

_Entry = TypeVar("_Entry")


@dataclass(frozen=True, slots=True)
class StaffMember:
    """One person of the institution's staff.

    Attributes:
        profile: how the institution calls them.
        person: their pseudonym, 32 bytes.
        roles: mask of the roles that a sign-in gives.
        trained_until: UTC Unix seconds; no sign-in lasts longer.
    """

    profile: str
    person: bytes
    roles: int
    trained_until: int


@dataclass(frozen=True, slots=True)
class Account:
    """Whose account of an OpenID provider it is; the provider's name for it is nowhere, but in the entry's digest."""

    profile: str
    issuer: str


@dataclass(frozen=True, slots=True)
class Passkey:
    """Whose passkey it is: its key (x ‖ y), the host it was made at, the handle it gives, and its last counter."""

    profile: str
    key: bytes = field(repr=False)
    host: str
    user_handle: bytes
    counter: int


@dataclass(frozen=True, slots=True)
class Code:
    """For whom a passkey may be registered, until when (UTC Unix seconds)."""

    profile: str
    not_after: int


@dataclass(frozen=True, slots=True)
class Listed:
    """One person, with how many accounts and passkeys lead to them."""

    member: StaffMember
    accounts: int
    passkeys: int


class StaffDirectory:
    """The staff of one institution.

    Example:
        ``directory.add(member); directory.add_account(member.profile, issuer, subject)``
    """

    def __init__(self, *, vault: Vault, clock: Clock, entropy: Entropy) -> None:
        self._vault = vault
        self._clock = clock
        self._entropy = entropy

    # -- people

    def add(self, member: StaffMember) -> None:
        """Keep a person, or what is new of them. Raises: VaultError."""
        self._vault.put({self._staff(member.profile): wire.encode(member)})

    def member(self, profile: str) -> StaffMember | None:
        """Return a person, or None. Raises: VaultError."""
        return self._get(StaffMember, self._staff(profile))

    def everybody(self) -> tuple[Listed, ...]:
        """Return everybody, sorted by profile. Raises: VaultError."""
        accounts = [each.profile for _, each in self._all(Account, _ACCOUNT)]
        passkeys = [each.profile for _, each in self._all(Passkey, _PASSKEY)]
        people = sorted((each for _, each in self._all(StaffMember, _STAFF)), key=lambda each: each.profile)
        return tuple(Listed(each, accounts.count(each.profile), passkeys.count(each.profile)) for each in people)

    def remove(self, profile: str) -> bool:
        """Forget a person and every way in that leads to them; tell whether they were there. Raises: VaultError."""
        known = self.member(profile) is not None
        leading = [name for name, each in self._all(Account, _ACCOUNT) if each.profile == profile]
        leading += [name for name, each in self._all(Passkey, _PASSKEY) if each.profile == profile]
        leading += [name for name, each in self._all(Code, _CODE) if each.profile == profile]
        self._vault.remove([self._staff(profile), *leading])
        return known

    # -- accounts of an OpenID provider

    def add_account(self, profile: str, issuer: str, subject: str) -> None:
        """Have an account lead to a person. Raises: InputError (it is somebody else's), VaultError."""
        name = self._account(issuer, subject)
        known = self._get(Account, name)
        if known is not None and known.profile != profile:
            raise InputError("this account is another member of staff's: remove them first")
        self._vault.put({name: wire.encode(Account(profile, issuer))})

    def of_account(self, issuer: str, subject: str) -> StaffMember:
        """Return whom an account leads to. Raises: DeniedError (nobody), VaultError."""
        account = self._get(Account, self._account(issuer, subject))
        return self._known(account.profile if account else "")

    # -- passkeys

    def new_code(self, profile: str) -> str:
        """Return a code with which a person registers a passkey, once; the ones before end. Raises: VaultError."""
        code = "".join(_LETTERS[byte & 31] for byte in self._entropy.token(_CODE_LETTERS))
        before = [name for name, each in self._all(Code, _CODE) if each.profile == profile]
        self._vault.remove(before)
        self._vault.put({self._code(code): wire.encode(Code(profile, self._clock.now() + CODE_S))})
        return "-".join(code[place : place + _GROUP] for place in range(0, _CODE_LETTERS, _GROUP))

    def of_code(self, typed: str) -> StaffMember:
        """Return for whom a code is. Raises: DeniedError (there is no such code any more), VaultError."""
        code = self._get(Code, self._code(_plain(typed)))
        return self._known(code.profile if code and self._clock.now() < code.not_after else "")

    def add_passkey(self, typed: str, made: Credential, host: str, user_handle: bytes) -> StaffMember:
        """Keep a passkey for the person of a code, which is used up.

        Raises:
            DeniedError: there is no such code any more. InputError: the passkey is known already. VaultError.
        """
        member = self.of_code(typed)
        name = self._passkey(made.credential_id)
        if self._get(Passkey, name) is not None:
            raise InputError("this passkey is known already")
        self._vault.remove([self._code(_plain(typed))])
        self._vault.put({name: wire.encode(Passkey(member.profile, made.key, host, user_handle, made.counter))})
        return member

    def passkey(self, credential_id: bytes) -> Passkey:
        """Return a passkey. Raises: DeniedError (there is none), VaultError."""
        passkey = self._get(Passkey, self._passkey(credential_id))
        if passkey is None:
            raise DeniedError("NOT_STAFF", "this passkey is nobody's here: it was removed, or never registered")
        return passkey

    def of_passkey(self, passkey: Passkey) -> StaffMember:
        """Return whom a passkey leads to. Raises: DeniedError, VaultError."""
        return self._known(passkey.profile)

    def count(self, credential_id: bytes, passkey: Passkey, counter: int) -> None:
        """Keep a passkey's new counter. Raises: VaultError."""
        self._vault.put({self._passkey(credential_id): wire.encode(replace(passkey, counter=counter))})

    # -- entries

    def _known(self, profile: str) -> StaffMember:
        member = self.member(profile) if profile else None
        if member is None:
            raise DeniedError("NOT_STAFF", "nobody of this institution's staff signs in so")
        return member

    def _staff(self, profile: str) -> str:
        return _STAFF + self._digest(b"staff", profile.encode())

    def _account(self, issuer: str, subject: str) -> str:
        return _ACCOUNT + self._digest(b"account", hashlib.sha256(issuer.encode()).digest() + subject.encode())

    def _passkey(self, credential_id: bytes) -> str:
        return _PASSKEY + self._digest(b"passkey", credential_id)

    def _code(self, code: str) -> str:
        return _CODE + self._digest(b"code", code.encode())

    def _digest(self, kind: bytes, what: bytes) -> str:
        try:
            key = self._vault.get(_KEY)
        except KeyMissingError:
            self._vault.put({_KEY: self._entropy.token(32)})
            key = self._vault.get(_KEY)
        return hmac.digest(key, kind + b"\0" + what, "sha256").hex()

    def _get(self, kind: type[_Entry], name: str) -> _Entry | None:
        try:
            return wire.decode(kind, self._vault.get(name))
        except (KeyMissingError, EncodingError):
            return None

    def _all(self, kind: type[_Entry], prefix: str) -> list[tuple[str, _Entry]]:
        found = [(name, self._get(kind, name)) for name in self._vault.names(prefix)]
        return [(name, entry) for name, entry in found if entry is not None]


def _plain(typed: str) -> str:
    """A code as it was made, however it was typed."""
    return "".join(letter for letter in typed.upper() if letter in _LETTERS)[: 2 * _CODE_LETTERS]
