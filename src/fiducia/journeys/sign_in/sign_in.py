"""Signing in at a gateway: one person, one purpose, for one shift at most.

A session is a random token; the gateway's vault has its digest only, so that a copy of the vault's names, or of its
sealed file, signs nobody in. What a session asks the ledger with lies in it, sealed: a badge and the key that the badge
names. So who it is was settled at sign-in, and ends with it. Both ways, in and out, are in the journal by pseudonym.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from fiducia.core import rules, wire
from fiducia.core.signatures import EoaKey
from fiducia.errors import EncodingError, InputError, KeyMissingError
from fiducia.journeys.reading.asking import Requester
from fiducia.ports import Clock, Entropy, Journal, Vault
from fiducia.records.images import JournalEntry
from fiducia.records.typed import SignedBadge

SHIFT_S = 8 * 3600
SIGNED_IN, SIGNED_OUT = "gateway_signed_in", "gateway_signed_out"
_PREFIX = "gateway/session/"
_TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class Session:
    """Who is signed in, what for, and until when (UTC Unix seconds).

    Attributes:
        profile: whom it shows as signed in.
        purpose: what for.
        not_after: when it ends.
        badge: whose requests it makes; its own, or a staff member's.
        key: the badge's session key, 32 bytes; never shown.
    """

    profile: str
    purpose: int
    not_after: int
    badge: SignedBadge
    key: bytes = field(repr=False)

    def requester(self, gateway_seed: bytes) -> Requester:
        """Return who asks the ledger in this session; keys are sealed to the institution's gateway (its seed)."""
        return Requester(EoaKey(self.key), gateway_seed, self.badge)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session: what to show the gateway, once."""

    token: str = field(repr=False)
    session: Session


@dataclass(frozen=True, slots=True)
class _Found:
    """What the vault said of a session, and what that means."""

    data: bytes = field(repr=False)
    session: Session


@dataclass(frozen=True, slots=True)
class SignInNote:
    """What the journal says of a sign-in: the way in ("token", "oidc", "passkey") and the purpose."""

    way: str
    purpose: int


class GatewaySessions:
    """The sessions of one gateway.

    Example:
        ``sessions.sign_in("clinician", badge, session_key, Purpose.TREAT).token``
    """

    def __init__(self, *, vault: Vault, clock: Clock, entropy: Entropy, journal: Journal) -> None:
        self._vault = vault
        self._clock = clock
        self._entropy = entropy
        self._journal = journal
        self._found: dict[str, _Found] = {}  # by name, of those who came: decoded once, though asked for at every read

    def sign_in(self, profile: str, signed: SignedBadge, key: bytes, purpose: int, way: str = "token") -> SignedIn:
        """Begin a session, which ends with the badge or the shift.

        Raises:
            InputError: the badge is over, another key's, or its roles have no such purpose. VaultError. JournalError:
                nobody signs in unseen.
        """
        now, badge = self._clock.now(), signed.badge
        if not badge.not_before <= now < badge.not_after:
            raise InputError("the badge is not valid now: issue another one with `fiducia badge issue`")
        if not rules.purposes_of_roles(badge.roles) & rules.mask(purpose):
            raise InputError("none of the badge's roles may ask for this purpose; see `fiducia badge show`")
        if EoaKey(key).address != badge.session:
            raise InputError("the badge is for another session key: issue another one with `fiducia badge issue`")
        token = self._entropy.token(_TOKEN_BYTES).hex()
        session = Session(profile, purpose, min(badge.not_after, now + SHIFT_S), signed, key)
        self._forget_ended(now)
        self._note(SIGNED_IN, [session], wire.encode(SignInNote(way, purpose)).decode())
        self._vault.put({_name(token): wire.encode(session)})
        return SignedIn(token, session)

    def find(self, token: str) -> Session | None:
        """Return the session of a token, or None when there is none any more. Raises: VaultError."""
        name = _name(token)
        found = self._read(name, self._found.get(name))
        if found is None or self._clock.now() >= found.session.not_after:
            self._found.pop(name, None)
            return None
        self._found[name] = found
        return found.session

    def left_s(self, session: Session) -> int:
        """Return for how many seconds a session still lasts."""
        return max(0, session.not_after - self._clock.now())

    def end(self, token: str) -> None:
        """End the session of a token, if there is one. Raises: VaultError, JournalError (it is over all the same)."""
        name = _name(token)
        session = self._get(name)
        self._found.pop(name, None)
        self._vault.remove([name])
        self._note(SIGNED_OUT, [] if session is None else [session])

    def sign_out(self, profile: str) -> int:
        """End all sessions of a profile; return how many there were. Raises: as `end`."""
        found = [(name, session) for name, session in self._all() if session.profile == profile]
        self._vault.remove([name for name, _ in found])
        self._note(SIGNED_OUT, [session for _, session in found])
        return len(found)

    def _note(self, kind: str, sessions: Iterable[Session], body: str = "") -> None:
        now = self._clock.now()
        entries = [JournalEntry(kind, now, session.badge.badge.person, body) for session in sessions]
        if entries:
            self._journal.append(entries)

    def _forget_ended(self, now: int) -> None:
        self._vault.remove([name for name, session in self._all() if session.not_after <= now])
        for name, found in tuple(self._found.items()):
            if found.session.not_after <= now:
                self._found.pop(name, None)

    def _all(self) -> list[tuple[str, Session]]:
        found = ((name, self._get(name)) for name in self._vault.names(_PREFIX))
        return [(name, session) for name, session in found if session is not None]

    def _get(self, name: str) -> Session | None:
        found = self._read(name)
        return None if found is None else found.session

    def _read(self, name: str, known: _Found | None = None) -> _Found | None:
        """Ask the vault; what it says is not decoded again where it says what it said before."""
        try:
            data = self._vault.get(name)
            return known if known is not None and known.data == data else _Found(data, wire.decode(Session, data))
        except (KeyMissingError, EncodingError):
            return None


def _name(token: str) -> str:
    """Found by digest, so nothing about a token can be learned from how long a look-up takes."""
    return _PREFIX + hashlib.sha256(token.encode()).hexdigest()
