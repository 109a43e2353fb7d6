"""Signing in with a passkey, once per shift; and making one known, with a code from the institution.

Each challenge counts once, for two minutes. Who signs in is found by the passkey's id: they type no name, and nobody
learns by asking whether somebody works here. Source: W3C Web Authentication 2, sections 7.1 and 7.2.
"""

from __future__ import annotations

import hmac
import threading
from dataclasses import dataclass, field

from fiducia.core import passkey_sign_in
from fiducia.core.passkey_sign_in import CHALLENGE_BYTES, Answer, Place
from fiducia.core.rules import Purpose
from fiducia.errors import DeniedError, InputError
from fiducia.journeys.sign_in.pending import Pending
from fiducia.journeys.sign_in.sign_in import SignedIn
from fiducia.journeys.sign_in.staff_directory import StaffDirectory, StaffMember
from fiducia.journeys.sign_in.staff_sign_in import SignInStaff
from fiducia.ports import Clock, Entropy

CHALLENGE_S = 120
USER_HANDLE_BYTES = 32


@dataclass(frozen=True, slots=True)
class Asked:
    """What a browser is asked: a challenge, under a handle that comes back with the answer."""

    handle: str
    challenge: bytes


@dataclass(frozen=True, slots=True)
class AskedToMake:
    """The same for a new passkey, with the name and the handle that the device shows and keeps."""

    handle: str
    challenge: bytes
    profile: str
    user_handle: bytes


@dataclass(frozen=True, slots=True)
class _SignIn:
    challenge: bytes
    purpose: int


@dataclass(frozen=True, slots=True)
class _Making:
    challenge: bytes
    user_handle: bytes
    code: str = field(repr=False)


class PasskeySignIn:
    """Sign in with passkeys. Safe for threads.

    Example:
        ``asked = passkeys.begin(Purpose.TREAT)``, and once the browser has answered
        ``passkeys.finish(asked.handle, place, answer).token``
    """

    def __init__(self, *, directory: StaffDirectory, sign_in: SignInStaff, clock: Clock, entropy: Entropy) -> None:
        self._directory = directory
        self._sign_in = sign_in
        self._entropy = entropy
        self._counting = threading.Lock()  # of two answers with one counter, one is a copy's
        self._signing: Pending[_SignIn] = Pending(clock=clock, entropy=entropy, lasts_s=CHALLENGE_S)
        self._making: Pending[_Making] = Pending(clock=clock, entropy=entropy, lasts_s=CHALLENGE_S)

    def begin(self, purpose: Purpose) -> Asked:
        """Return the challenge of a sign-in for one purpose."""
        challenge = self._entropy.token(CHALLENGE_BYTES)
        return Asked(self._signing.put(_SignIn(challenge, purpose)), challenge)

    def finish(self, handle: str, place: Place, answer: Answer) -> SignedIn:
        """Sign in whose passkey answered.

        Raises:
            InputError: there is no such challenge any more. SignatureError: the answer does not hold.
            DeniedError: nobody's passkey, or the person may not sign in now. LedgerError, VaultError, JournalError.
        """
        asked = self._signing.take(handle)
        if asked is None:
            raise InputError("this took too long, or was answered already: try again")
        with self._counting:
            passkey = self._directory.passkey(answer.credential_id)
            if passkey.host != place.host or not hmac.compare_digest(passkey.user_handle, answer.user_handle):
                raise DeniedError("NOT_STAFF", "this passkey is nobody's here")
            counter = passkey_sign_in.answered(passkey.key, passkey.counter, place, asked.challenge, answer)
            self._directory.count(answer.credential_id, passkey, counter)
        return self._sign_in.run(self._directory.of_passkey(passkey), asked.purpose, "passkey")

    def begin_making(self, code: str) -> AskedToMake:
        """Return what to make a passkey with. Raises: DeniedError (there is no such code any more), VaultError."""
        member = self._directory.of_code(code)
        challenge, user_handle = self._entropy.token(CHALLENGE_BYTES), self._entropy.token(USER_HANDLE_BYTES)
        handle = self._making.put(_Making(challenge, user_handle, code))
        return AskedToMake(handle, challenge, member.profile, user_handle)

    def finish_making(self, handle: str, place: Place, authenticator_data: bytes, client_data: bytes) -> StaffMember:
        """Keep the passkey that was made; its code is used up.

        Raises:
            InputError: there is no such challenge any more, or the passkey is known. SignatureError: it is not one.
            DeniedError: there is no such code any more. VaultError.
        """
        asked = self._making.take(handle)
        if asked is None:
            raise InputError("this took too long, or was done already: try again")
        made = passkey_sign_in.made(place, asked.challenge, authenticator_data, client_data)
        with self._counting:  # one code, one passkey
            return self._directory.add_passkey(asked.code, made, place.host, asked.user_handle)
