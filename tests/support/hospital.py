"""A hospital's OpenID provider for tests: its keys, the ID tokens that it signs, and those that it never would."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from fiducia.adapters.memory.identity_provider import MemoryProvider
from fiducia.journeys.sign_in.oidc_sign_in import OidcSignIn, ProviderAnswer
from fiducia.journeys.sign_in.passkey_sign_in import PasskeySignIn
from fiducia.journeys.sign_in.staff_directory import StaffDirectory, StaffMember
from fiducia.journeys.sign_in.staff_sign_in import SignInStaff
from tests.support.consortium import DAY_S, HOSPITAL_B, Consortium
from tests.support.gateway import sessions_of

ISSUER, CLIENT, SUBJECT = "https://login.hospital.test", "gateway", "a-clinician"
CALLBACK = "http://gateway.test/sign-in/callback"


def b64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _number(value: int) -> str:
    return b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


@dataclass(frozen=True)
class Key:
    """One signing key, and what its algorithm is called."""

    kid: str
    algorithm: str
    private: Any

    @property
    def public(self) -> dict[str, Any]:
        """The key as a provider publishes it."""
        own = {"kid": self.kid, "alg": self.algorithm, "use": "sig"}
        if self.algorithm == "RS256":
            numbers = self.private.public_key().public_numbers()
            return {**own, "kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e)}
        if self.algorithm == "EdDSA":
            return {**own, "kty": "OKP", "crv": "Ed25519", "x": b64(self.private.public_key().public_bytes_raw())}
        numbers = self.private.public_key().public_numbers()
        x, y = (b64(value.to_bytes(32, "big")) for value in (numbers.x, numbers.y))
        return {**own, "kty": "EC", "crv": "P-256", "x": x, "y": y}

    def sign(self, message: bytes) -> bytes:
        """Sign as RFC 7518 and RFC 8037 have it."""
        if self.algorithm == "RS256":
            return bytes(self.private.sign(message, padding.PKCS1v15(), hashes.SHA256()))
        if self.algorithm == "EdDSA":
            return bytes(self.private.sign(message))
        r, s = decode_dss_signature(self.private.sign(message, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


@cache
def key(algorithm: str = "ES256", kid: str = "one") -> Key:
    """Return a key of an algorithm; the same one each time."""
    if algorithm == "RS256":
        return Key(kid, algorithm, rsa.generate_private_key(65537, 2048))
    if algorithm == "EdDSA":
        return Key(kid, algorithm, ed25519.Ed25519PrivateKey.generate())
    return Key(kid, algorithm, ec.generate_private_key(ec.SECP256R1()))


def jwks(*keys: Key) -> dict[str, Any]:
    """Return a JWK Set."""
    return {"keys": [each.public for each in keys]}


def claims_at(now: int, nonce: Any, **changes: Any) -> dict[str, Any]:
    """Return what a proper ID token says; a change to None leaves a claim out."""
    claims = {"iss": ISSUER, "aud": CLIENT, "sub": SUBJECT, "nonce": nonce, "iat": now, "exp": now + 300, **changes}
    return {name: value for name, value in claims.items() if value is not None}


def signed(claims: dict[str, Any] | bytes, by: Key, **header: Any) -> str:
    """Return an ID token; a header's member that is None is left out."""
    said = {"alg": by.algorithm, "kid": by.kid, "typ": "JWT", **header}
    head = json.dumps({name: value for name, value in said.items() if value is not None}).encode()
    body = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    message = f"{b64(head)}.{b64(body)}"
    return f"{message}.{b64(by.sign(message.encode()))}"


def unsigned(claims: dict[str, Any], algorithm: str = "none") -> str:
    """Return a token that nobody signed."""
    return f"{b64(json.dumps({'alg': algorithm}).encode())}.{b64(json.dumps(claims).encode())}."


def signed_with_public_key(claims: dict[str, Any], published: Key) -> str:
    """Return a token with a MAC, whose secret is the provider's public key: the classic confusion of algorithms."""
    head = b64(json.dumps({"alg": "HS256", "kid": published.kid}).encode())
    message = f"{head}.{b64(json.dumps(claims).encode())}"
    mac = hmac.digest(json.dumps(published.public).encode(), message.encode(), hashlib.sha256)
    return f"{message}.{b64(mac)}"


class Staff:
    """Everything that staff sign in with at hospital B's gateway, in memory; the clinician is in the directory."""

    def __init__(self, world: Consortium) -> None:
        self.world = world
        on: dict[str, Any] = {"clock": world.clock, "entropy": world.entropy}
        self.directory = StaffDirectory(vault=world.gateway_vault, **on)
        self.sign_in = SignInStaff(
            institution=HOSPITAL_B,
            issuer=world.issuer,
            issue=world.issue_badge,
            sessions=sessions_of(world),
            mirror=world.mirror,
            domains=world.domains,
            **on,
        )
        self.provider = MemoryProvider(ISSUER, CLIENT, jwks(key()))
        on |= {"directory": self.directory, "sign_in": self.sign_in}
        self.oidc = OidcSignIn(provider=self.provider, **on)
        self.passkeys = PasskeySignIn(**on)
        badge = world.badge.badge
        self.member = StaffMember("clinician", badge.person, badge.roles, world.clock.now() + 100 * DAY_S)
        self.directory.add(self.member)
        self.directory.add_account("clinician", ISSUER, SUBJECT)

    def answer(self, url: str, code: str = "a-code", *, by: Key | None = None, **changes: Any) -> ProviderAnswer:
        """Have the provider answer a sign-in as it should, but for changes to the token's claims."""
        asked = {name: value for name, (value,) in parse_qs(urlsplit(url).query).items()}
        claims = claims_at(self.world.clock.now(), **{"nonce": asked["nonce"], **changes})
        self.provider.tokens[code] = signed(claims, by or key())
        return ProviderAnswer(asked["state"], code, ISSUER, "")
