"""Replacing a key that an institution published, while both the one of before and the new one are believed.

    begin    1. a new key is kept    2. it is published    3. it takes the present one's place, which is kept beside
    finish   4. what still needs the one of before is waited for, and processes have looked again (`fresh`)
             5. the one of before is ended on the ledger, as of its newest block: what it signed until then stays good
             6. BROKER_KEM: nothing sealed to it is on its way any more    7. and forgotten

Between the halves a process opens with either key, signs with whichever it read last, and seals to the newest that the
ledger shows. No study changes, no object is touched, nothing of a study is written on the ledger: shares at rest are
under no published key. Killed at any step, the same half completes it; begun already, it is not begun a second time.
Does not own where secrets lie (`KeySlot`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from fiducia.core import ids
from fiducia.core.keys.kem import Kem, KemKey, new_secret
from fiducia.core.signatures import EoaKey
from fiducia.core.tlog.signing import LogKey
from fiducia.errors import FiduciaError, InputError
from fiducia.journeys.members.members import PublishKey
from fiducia.journeys.shared.fresh import SETTLE_S
from fiducia.ports import Broker, Clock, Entropy, Mirror, Signer, Steps
from fiducia.records.ledger import KeyKind

KEY_LIFE_S = 5 * 365 * 86_400
KEMS = (KeyKind.BROKER_KEM, KeyKind.GATEWAY)
"""Kinds that something is sealed to: their keys are of a KEM."""


class KeySlot(Protocol):
    """Where an institution keeps one key, and while it is replaced the next one or the one of before."""

    def present(self) -> bytes:
        """Return the secret in use. Raises: KeyMissingError, VaultError."""
        ...

    def next(self) -> bytes | None:
        """Return the secret that is about to take its place. Raises: VaultError."""
        ...

    def former(self) -> bytes | None:
        """Return the secret that it replaced, until that is forgotten. Raises: VaultError."""
        ...

    def keep_next(self, secret: bytes) -> None:
        """Keep a next secret, durably. Raises: VaultError."""
        ...

    def switch(self) -> None:
        """Make the next the present one, and that the former one, durably and at once. Raises: VaultError."""
        ...

    def forget_former(self) -> None:
        """Forget the former one. Raises: VaultError."""
        ...


@dataclass(frozen=True, slots=True)
class RotatedKey:
    """A rotation as it stands.

    Attributes:
        kind: which.
        present: the present key's hash.
        former: the hash of one of before that is kept still; None when there is none.
        open_until: until when a release to that one is open (UTC Unix seconds): it is not ended before; 0 for none.
        awaited: institutions that keep deposits sealed to that one, or do not say that they keep none.
    """

    kind: KeyKind
    present: bytes
    former: bytes | None
    open_until: int = 0
    awaited: tuple[int, ...] = ()


class RotateKey:
    """Replace a key of an institution.

    Example:
        ``RotateKey(publish=publish, mirror=mirror, ..., slot_of=slot_of).begin(KeyKind.ISSUER, 2, governor)``
    """

    def __init__(
        self,
        *,
        publish: PublishKey,
        mirror: Mirror,
        clock: Clock,
        entropy: Entropy,
        steps: Steps,
        slot_of: Callable[[KeyKind], KeySlot],
        broker_of: Callable[[int], Broker],
    ) -> None:
        self._publish = publish
        self._mirror = mirror
        self._clock = clock
        self._entropy = entropy
        self._steps = steps
        self._slot_of = slot_of
        self._broker_of = broker_of

    def begin(self, kind: KeyKind, institution: int, governor: Signer, kem: Kem | None = None) -> RotatedKey:
        """Have a new key believed beside the present one, and use it from now on; begun already, nothing changes.

        Args:
            kind: which key.
            institution: whose.
            governor: the institution's own.
            kem: the new key's; that of the present one when None.

        Raises:
            InputError: a KEM for a key that signs. SignatureError: not the institution's governor. KeyMissingError: it
            has no such key here. LedgerError, VaultError: a part failed; the same call goes on.
        """
        if kem is not None and kind not in KEMS:
            raise InputError(f"a {kind.name} key signs: it is of no KEM")
        slot = self._slot_of(kind)
        if slot.former() is None:
            secret = slot.next()
            if secret is None:
                secret = self._drawn(kind, kem, slot.present())
                slot.keep_next(secret)
                self._steps.reached("rotate-key.kept")
            self._publish_new(kind, institution, slot, secret, governor)
            self._steps.reached("rotate-key.published")
            slot.switch()
            self._steps.reached("rotate-key.switched")
        return self._as_it_stands(kind, slot)

    def finish(self, kind: KeyKind, institution: int, governor: Signer, *, at_once: bool = False) -> RotatedKey:
        """End the key of before, once nothing needs it; nothing to end is fine.

        Args:
            kind: which key.
            institution: whose.
            governor: the institution's own.
            at_once: although a release to it is open, which then closes, or a deposit to it may be on its way, which
                then is never opened.

        Returns:
            how it stands: `former` is None when it is finished; else the same call goes on later.

        Raises:
            InputError: a rotation that is not begun to its end. SignatureError: not the institution's governor.
            LedgerError, VaultError: a part failed; the same call goes on.
        """
        slot = self._slot_of(kind)
        if slot.next() is not None:
            raise InputError("the new key is not in use yet: run the same command without --finish first")
        former = slot.former()
        if former is None:
            return self._as_it_stands(kind, slot)
        open_until = 0 if at_once or kind is not KeyKind.GATEWAY else self._open_until(kind, former)
        if open_until:
            return self._as_it_stands(kind, slot, open_until=open_until)
        self._clock.pause(SETTLE_S)
        self._end(kind, institution, former, governor)
        self._steps.reached("rotate-key.ended")
        awaited = () if at_once or kind is not KeyKind.BROKER_KEM else self._awaited(institution)
        if not awaited:
            slot.forget_former()
            self._steps.reached("rotate-key.forgotten")
        return self._as_it_stands(kind, slot, awaited=awaited)

    def _drawn(self, kind: KeyKind, kem: Kem | None, present: bytes) -> bytes:
        seed = self._entropy.token(32)
        return new_secret(kem or KemKey.from_seed(present).kem, seed) if kind in KEMS else seed

    def _publish_new(self, kind: KeyKind, institution: int, slot: KeySlot, secret: bytes, governor: Signer) -> None:
        state, public = self._mirror.catch_up(), public_of(kind, secret)
        if not state.key_end(institution, kind, ids.key_hash(kind, public)):
            present = ids.key_hash(kind, public_of(kind, slot.present()))
            known = [key.endpoint for key in state.keys(institution, kind) if key.key_hash == present]
            end_at = self._clock.now() + KEY_LIFE_S
            self._publish.run(institution, kind, public, known[0] if known else "", end_at, governor)

    def _end(self, kind: KeyKind, institution: int, secret: bytes, governor: Signer) -> None:
        """As of the newest block, which is over: it is ended at once, and what it signed before then counts."""
        state, public = self._mirror.catch_up(), public_of(kind, secret)
        if state.head.time_at < state.key_end(institution, kind, ids.key_hash(kind, public)):
            self._publish.run(institution, kind, public, "", state.head.time_at, governor)

    def _open_until(self, kind: KeyKind, former: bytes) -> int:
        recipient, now = ids.key_hash(kind, public_of(kind, former)), self._clock.now()
        lapses = (each.lapse_at for each in self._mirror.catch_up().releases() if each.recipient == recipient)
        return max((lapse_at for lapse_at in lapses if now < lapse_at), default=0)

    def _awaited(self, institution: int) -> tuple[int, ...]:
        """Who keeps deposits for this institution; what is sealed from now on is sealed to the new key."""
        self._clock.pause(SETTLE_S)
        others = [member.institution for member in self._mirror.catch_up().members() if member.active]
        return tuple(each for each in others if each != institution and self._keeps_for(each, institution))

    def _keeps_for(self, other: int, institution: int) -> bool:
        try:
            return self._broker_of(other).keeps_for(institution)
        except FiduciaError:
            return True  # who does not answer may keep some

    def _as_it_stands(
        self, kind: KeyKind, slot: KeySlot, open_until: int = 0, awaited: tuple[int, ...] = ()
    ) -> RotatedKey:
        former = slot.former()
        return RotatedKey(
            kind,
            ids.key_hash(kind, public_of(kind, slot.present())),
            ids.key_hash(kind, public_of(kind, former)) if former else None,
            open_until,
            awaited,
        )


def public_of(kind: KeyKind, secret: bytes) -> bytes:
    """Return what is published of a secret: an address, or the raw public key. Raises: EncodingError."""
    if kind in KEMS:
        return KemKey.from_seed(secret).public
    return LogKey(secret).public if kind is KeyKind.LOG else EoaKey(secret).address
