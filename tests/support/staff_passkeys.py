"""A staff member's passkey in software, and the browser around it: what they make, and what they must not."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from fiducia.core.passkey_sign_in import Answer, Place
from tests.support.hospital import b64
from tests.support.passkeys import PRESENT, VERIFIED

PLACE = Place("http://gateway.test", "gateway.test")
ATTESTED, EXTENDED = 0x40, 0x80
COSE = "a5010203262001215820{x}225820{y}"


def client_data(kind: str, challenge: bytes, /, **changes: Any) -> bytes:
    """clientDataJSON as browsers write it, but for changes; None leaves a member out."""
    said = {"type": kind, "challenge": b64(challenge), "origin": PLACE.origin, "crossOrigin": False, **changes}
    return json.dumps({n: v for n, v in said.items() if v is not None}, separators=(",", ":")).encode()


@dataclass
class StaffPasskey:
    """One passkey; its counter grows with each answer, when it has one."""

    number: int = 7
    credential_id: bytes = b"credential-id"
    user_handle: bytes = b""
    counter: int = 0
    step: int = 1

    @property
    def private(self) -> ec.EllipticCurvePrivateKey:
        return ec.derive_private_key(self.number, ec.SECP256R1())

    @property
    def cose(self) -> bytes:
        public = self.private.public_key().public_numbers()
        return bytes.fromhex(COSE.format(x=f"{public.x:064x}", y=f"{public.y:064x}"))

    def data(self, flags: int, host: str = PLACE.host) -> bytes:
        """authenticatorData, without what is attested."""
        return hashlib.sha256(host.encode()).digest() + bytes([flags]) + self.counter.to_bytes(4, "big")

    def made(
        self,
        *,
        flags: int = PRESENT | VERIFIED | ATTESTED,
        host: str = PLACE.host,
        cose: bytes | None = None,
        more: bytes = b"",
    ) -> bytes:
        """authenticatorData of a new passkey."""
        attested = bytes(16) + len(self.credential_id).to_bytes(2, "big") + self.credential_id
        return self.data(flags, host) + attested + (self.cose if cose is None else cose) + more

    def answer(
        self, challenge: bytes, /, *, flags: int = PRESENT | VERIFIED, host: str = PLACE.host, **changes: Any
    ) -> Answer:
        """Answer a challenge; `changes` are of the client data."""
        self.counter += self.step
        data = self.data(flags, host)
        said = client_data(changes.pop("kind", "webauthn.get"), challenge, **changes)
        signature = self.private.sign(data + hashlib.sha256(said).digest(), ec.ECDSA(hashes.SHA256()))
        return Answer(self.credential_id, data, said, signature, self.user_handle)
