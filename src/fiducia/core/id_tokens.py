"""ID tokens: who an OpenID provider says has signed in, believed only when every check holds.

Pure: keys, time and what is expected are arguments. The signature is joserfc's work, over one key that is chosen here;
only three algorithms are known, so there is neither `none` nor a secret taken for a public key. The checks:

    1  one of RS256, ES256, EdDSA, and exactly one key of the provider's that fits it (and the token's `kid`)
    2  the signature
    3  iss is the provider, aud is this client; with other audiences, or an azp, azp is this client
    4  exp lies ahead, iat neither ahead nor long ago, nbf not ahead; auth_time, where it is told, not long ago
    5  nonce is the one that this sign-in began with
    6  sub is there

Source: OpenID Connect Core 1.0 sections 2 and 3.1.3.7, RFC 7515, RFC 8725.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from joserfc import jwk, jws
from joserfc.errors import JoseError, UnsupportedAlgorithmError

from fiducia.errors import ProofError

TOKEN_MAX_BYTES = 32 * 1024
SKEW_S, OLD_S = 60, 600
"""How far the provider's clock may differ from ours, and how long ago a token may have been issued."""
_RSA_MIN_BITS = 2048
_KINDS = {"RS256": {"kty": "RSA"}, "ES256": {"kty": "EC", "crv": "P-256"}, "EdDSA": {"kty": "OKP", "crv": "Ed25519"}}


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token must say.

    Attributes:
        issuer: the provider's issuer, byte for byte.
        client_id: who we are there.
        nonce: of this sign-in.
        now: UTC Unix seconds.
    """

    issuer: str
    client_id: str
    nonce: str = field(repr=False)
    now: int


def subject_of(token: str, keys: Mapping[str, Any], expected: Expected) -> str:
    """Return whom a token is about: the `sub` of this provider.

    Args:
        token: compact JWS.
        keys: the provider's JWK Set (RFC 7517).
        expected: what it must say.

    Raises:
        ProofError: anything is otherwise; nothing of the token is repeated.
    """
    claims = _signed_claims(token, keys)
    _check_parties(claims, expected)
    _check_times(claims, expected.now)
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), expected.nonce.encode()):  # 5
        raise ProofError("the ID token belongs to another sign-in")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= 255 or not subject.isascii():  # 6
        raise ProofError("the ID token says of nobody that they signed in")
    return subject


def knows_key(token: str, keys: Mapping[str, Any]) -> bool:
    """Tell whether one of the keys is the one that a token names; False also for what is no token."""
    try:
        return _key_for(_header_of(token), keys) is not None
    except ProofError:
        return False


class _Algorithms(jws.JWSRegistry):
    """The three algorithms. joserfc warns of the name EdDSA (RFC 9864), which is what providers write."""

    max_header_length = 4096
    max_payload_length = TOKEN_MAX_BYTES

    def get_alg(self, name: str) -> Any:
        if name not in _KINDS:
            raise UnsupportedAlgorithmError("not one of the three")
        return self.algorithms[name]


_REGISTRY = _Algorithms(strict_check_header=False)  # unknown members are ignored (RFC 7515 section 4), `crit` is not


def _signed_claims(token: str, keys: Mapping[str, Any]) -> dict[str, Any]:
    key = _key_for(_header_of(token), keys)
    if key is None:  # 1
        raise ProofError("the ID token is signed by no key of the provider's, or in a way that is not taken")
    try:
        imported = jwk.import_key({name: value for name, value in key.items() if name in _PUBLIC}, key["kty"])
        signed = jws.deserialize_compact(token, imported, registry=_REGISTRY)  # 2
        claims = json.loads(signed.payload or b"", object_pairs_hook=_once)
    except (JoseError, ValueError, TypeError, KeyError, RecursionError):
        raise ProofError("the ID token's signature does not hold") from None
    if not isinstance(claims, dict):
        raise ProofError("the ID token says nothing")
    return claims


_PUBLIC = ("kty", "crv", "x", "y", "n", "e")


def _header_of(token: str) -> Mapping[str, Any]:
    if len(token) > TOKEN_MAX_BYTES or not token.isascii():
        raise ProofError("the ID token is longer than a token is, or none")
    try:
        return jws.extract_compact(token.encode(), registry=_REGISTRY).headers()
    except (JoseError, ValueError, TypeError, RecursionError):
        raise ProofError("the ID token is in no form of one") from None


def _key_for(header: Mapping[str, Any], keys: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The one key that fits: two that could be meant are none."""
    listed, wanted = keys.get("keys"), header.get("kid")
    if not isinstance(listed, list):
        return None
    found = [key for key in listed if isinstance(key, dict) and _fits(key, header.get("alg"))]
    if wanted is not None:
        found = [key for key in found if key.get("kid") == wanted]
    return found[0] if len(found) == 1 else None


def _fits(key: Mapping[str, Any], algorithm: Any) -> bool:
    kind = _KINDS.get(algorithm) if isinstance(algorithm, str) else None
    if kind is None or any(key.get(name) != value for name, value in kind.items()):
        return False
    if key.get("use", "sig") != "sig" or key.get("alg", algorithm) != algorithm:
        return False
    modulus = key.get("n", "")
    return kind["kty"] != "RSA" or (isinstance(modulus, str) and len(modulus) * 6 >= _RSA_MIN_BITS)


def _check_parties(claims: Mapping[str, Any], expected: Expected) -> None:
    if claims.get("iss") != expected.issuer:  # 3
        raise ProofError("the ID token is another provider's")
    audience = claims.get("aud")
    audiences = [audience] if isinstance(audience, str) else audience
    if not isinstance(audiences, list) or expected.client_id not in audiences:
        raise ProofError("the ID token is for somebody else")
    if (len(audiences) > 1 or "azp" in claims) and claims.get("azp") != expected.client_id:
        raise ProofError("the ID token is for somebody else, too")


def _check_times(claims: Mapping[str, Any], now: int) -> None:
    ends, issued, begins, typed = (_second(claims, name) for name in ("exp", "iat", "nbf", "auth_time"))
    if ends is None or issued is None:  # 4
        raise ProofError("the ID token does not say when it was issued and when it ends")
    if ends <= now - SKEW_S or (begins is not None and begins > now + SKEW_S):
        raise ProofError("the ID token is over, or has not begun")
    if not now - OLD_S <= issued <= now + SKEW_S:
        raise ProofError("the ID token was not issued just now; do the two clocks agree?")
    if typed is not None and typed < now - OLD_S - SKEW_S:
        raise ProofError("nobody signed in at the provider just now: somebody did earlier")


def _second(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ProofError("the ID token's times are none")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A member that stands twice could be read in two ways."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands twice")
    return members
