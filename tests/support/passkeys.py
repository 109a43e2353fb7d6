"""A passkey in software: what an authenticator and a browser would make, and what they must not."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, replace

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from fiducia.core import approvals, passkeys
from fiducia.core.passkeys import ORDER, Assertion
from fiducia.core.typed_data import Domains

RP_ID = "localhost"
PRESENT, VERIFIED, BACKUP_ELIGIBLE, BACKED_UP = 0x01, 0x04, 0x08, 0x10


@dataclass(frozen=True)
class SoftPasskey:
    """A key that signs digests as a passkey of one ledger; fits `ports.Signer` (its address: its signer bytes)."""

    number: int
    domains: Domains

    @property
    def key(self) -> bytes:
        """x ‖ y."""
        public = self._private.public_key().public_numbers()
        return public.x.to_bytes(32, "big") + public.y.to_bytes(32, "big")

    @property
    def address(self) -> bytes:
        """The 84 signer bytes."""
        return approvals.passkey_signer(self.domains, self.key)

    def sign(self, digest: bytes) -> bytes:
        """What the ledger takes."""
        return self.make(digest)

    def make(
        self,
        digest: bytes,
        *,
        rp_id: str = RP_ID,
        flags: int = PRESENT | VERIFIED,
        kind: str = "webauthn.get",
        client_data: bytes | None = None,
        extensions: bytes = b"",
    ) -> bytes:
        """An assertion over anything, in the one form."""
        data = hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + bytes(4) + extensions
        said = client_data_of(digest, kind) if client_data is None else client_data
        signature = self._private.sign(data + hashlib.sha256(said).digest(), ec.ECDSA(hashes.SHA256()))
        if kind == "webauthn.get" and client_data is None:
            return passkeys.from_browser(data, said, signature)
        proper = passkeys.decode(passkeys.from_browser(data, client_data_of(digest), signature))
        place = said.find(b'"challenge"')
        return passkeys.encode(replace(proper, client_data=said, challenge_index=max(place, 0)))

    @property
    def _private(self) -> ec.EllipticCurvePrivateKey:
        return ec.derive_private_key(self.number, ec.SECP256R1())


def client_data_of(digest: bytes, kind: str = "webauthn.get") -> bytes:
    """clientDataJSON as browsers write it."""
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    said = {"type": kind, "challenge": challenge, "origin": "http://localhost:4711", "crossOrigin": False}
    return json.dumps(said, separators=(",", ":")).encode()


def with_high_s(signature: bytes) -> bytes:
    """The same assertion with the other s."""
    found: Assertion = passkeys.decode(signature)
    return passkeys.encode(replace(found, s=ORDER - found.s))
