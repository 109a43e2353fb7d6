"""Whom to blame: a hand-over that is not what its trustee was dealt, tied to the trustee by its own signature.

The signature proves that the trustee's broker sealed these very bytes for this very request. That they do not open to
the share that it was dealt is what the recipient found, who alone can open them. Evidence is kept in the recipient's
vault until it is exported and removed there; it opens nothing that the recipient was not given.
"""

from __future__ import annotations

import hashlib

from fiducia.core import wire
from fiducia.core.keys.sealing import open_shares
from fiducia.core.keys.shares import SeriesShare
from fiducia.core.typed_data import Domains
from fiducia.errors import DecryptionError, EncodingError, ShareError
from fiducia.journeys.trustees.dealing import signed_by
from fiducia.ports import Clock, Mirror, Vault
from fiducia.records.images import Blame, HandOver
from fiducia.records.typed import HandOverStatement

BLAMES = "blame/"
"""Where a recipient's vault keeps evidence, by request and trustee."""


class OpenHandOver:
    """Open what one trustee handed over, or say what is wrong with it.

    Example:
        ``OpenHandOver(mirror=mirror, clock=clock, domains=domains).run(request_id, 2, hand_over, seed)``
    """

    def __init__(self, *, mirror: Mirror, clock: Clock, domains: Domains) -> None:
        self._mirror = mirror
        self._clock = clock
        self._domains = domains

    def run(
        self, request_id: bytes, trustee: int, handed: HandOver, seed: bytes, at: int | None = None
    ) -> tuple[SeriesShare, ...] | Blame:
        """Return the shares in it: signed by the trustee, for this request, sealed to this recipient.

        Args:
            request_id: the request's (32 bytes).
            trustee: whose broker was asked.
            handed: what it answered.
            seed: of the key pair that the request names as recipient.
            at: when the trustee's key must have been live, UTC Unix seconds; now when None.

        Raises:
            LedgerError: the trustee's published keys cannot be looked up.
        """
        if handed.trustee != trustee:
            return self.blame(trustee, handed, f"it answered as institution {handed.trustee}")
        if not self._signed(trustee, handed, at):
            return self.blame(trustee, handed, "the keys are not signed by a broker that it published")
        if handed.request_id != request_id:
            return self.blame(trustee, handed, "it handed over keys for another request")
        try:
            return open_shares(handed.sealed, seed=seed, request_id=request_id, trustee=trustee)
        except (DecryptionError, EncodingError) as error:
            return self.blame(trustee, handed, str(error))

    def blame(self, trustee: int, handed: HandOver, what: str) -> Blame:
        """Return the evidence. Raises: LedgerError."""
        return Blame(trustee, what, self._signed(trustee, handed), handed)

    def _signed(self, trustee: int, handed: HandOver, at: int | None = None) -> bool:
        statement = HandOverStatement(handed.request_id, handed.trustee, hashlib.sha256(handed.sealed).digest())
        digest = self._domains.digest(statement)
        live_at = self._clock.now() if at is None else at
        return signed_by(self._mirror, trustee, digest, handed.signature, live_at)


class KeptBlames:
    """Evidence in a recipient's vault.

    Example:
        ``CollectKeys(..., blame=KeptBlames(vault).keep)``
    """

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def keep(self, blame: Blame) -> None:
        """Keep one, durably; the same again is one. Raises: VaultError."""
        evidence = blame.evidence
        which = hashlib.sha256(evidence.sealed + evidence.signature).hexdigest()[:16]
        self._vault.put({f"{BLAMES}{evidence.request_id.hex()}/{blame.trustee}/{which}": wire.encode(blame)})

    def all(self) -> tuple[Blame, ...]:
        """Return all that is kept. Raises: VaultError."""
        return tuple(wire.decode(Blame, self._vault.get(name)) for name in self._vault.names(BLAMES))

    def forget(self) -> int:
        """Destroy all that is kept; returns how many there were. Raises: VaultError."""
        names = self._vault.names(BLAMES)
        self._vault.remove(names)
        return len(names)


def at_fault(blame: Blame) -> ShareError:
    """Return the error that names who is to blame."""
    proof = "its signature proves it" if blame.signed else "it bears no signature of that institution"
    return ShareError(f"institution {blame.trustee}: {blame.what} ({proof})")
