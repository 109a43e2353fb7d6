"""Secrets that may be replaced while this process runs: read again when they were read a moment ago.

A rotation puts a new key in the place of the one of before, and ends that one only after every process that serves has
looked again (`SETTLE_S`). So nobody is told, and nobody is started again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, TypeVar

from fiducia.core.signatures import EoaKey
from fiducia.core.tlog.attestation import Attestation
from fiducia.core.tlog.checkpoint import Checkpoint
from fiducia.core.tlog.note import Note, NoteSignature
from fiducia.core.tlog.signing import LogKey

FRESH_S = 0.5
"""How old what was read may be."""
SETTLE_S = 2.0
"""After so long nobody makes anything any more with a key that was replaced."""

Made = TypeVar("Made")


class Fresh(Generic[Made]):
    """What is made of a secret, made anew when the secret was replaced. Safe for threads.

    Example:
        ``Fresh(lambda: vault.get("broker/log"), LogKey).now()``
    """

    def __init__(
        self,
        read: Callable[[], bytes],
        make: Callable[[bytes], Made],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read once, now. Raises: what `read` and `make` do."""
        self._read = read
        self._make = make
        self._monotonic = monotonic
        self._kept = self._renewed(b"")

    def now(self) -> Made:
        """Return it. Raises: what `read` does (KeyMissingError, VaultError)."""
        if self._monotonic() - self._kept[0] >= FRESH_S:
            self._kept = self._renewed(*self._kept[1:])
        return self._kept[2]

    def _renewed(self, known: bytes, made: Made | None = None) -> tuple[float, bytes, Made]:
        at, secret = self._monotonic(), self._read()
        return at, secret, made if made is not None and secret == known else self._make(secret)


class FreshSigner:
    """A `fiducia.ports.Signer` with whichever key is in use."""

    def __init__(self, read: Callable[[], bytes]) -> None:
        self._key = Fresh(read, EoaKey)

    @property
    def address(self) -> bytes:
        """The key's address (20 bytes). Raises: KeyMissingError, VaultError."""
        return self._key.now().address

    def sign(self, digest: bytes) -> bytes:
        """Sign a digest. Raises: KeyMissingError, VaultError."""
        return self._key.now().sign(digest)


class FreshLogKey:
    """A `fiducia.journeys.logs.own_log_key.OwnLogKey` with whichever key is in use."""

    def __init__(self, read: Callable[[], bytes]) -> None:
        self._key = Fresh(read, LogKey)

    @property
    def public(self) -> bytes:
        """What is published. Raises: KeyMissingError, VaultError."""
        return self._key.now().public

    def sign(self, checkpoint: Checkpoint, at: int) -> Note:
        """See `LogKey.sign`. Raises: KeyMissingError, VaultError."""
        return self._key.now().sign(checkpoint, at)

    def attest(self, name: str, attestation: Attestation) -> Note:
        """See `LogKey.attest`. Raises: KeyMissingError, VaultError."""
        return self._key.now().attest(name, attestation)

    def cosign(self, name: str, checkpoint: Checkpoint, at: int) -> tuple[NoteSignature, ...]:
        """See `LogKey.cosign`. Raises: KeyMissingError, VaultError."""
        return self._key.now().cosign(name, checkpoint, at)
