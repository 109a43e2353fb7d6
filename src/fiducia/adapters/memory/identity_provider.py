"""An OpenID provider in memory: for tests of what is made of its word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from fiducia.errors import DeniedError


class MemoryProvider:
    """`fiducia.ports.IdentityProvider` that gives for a code what a test laid down."""

    def __init__(self, issuer: str, client_id: str, keys: Mapping[str, Any]) -> None:
        """Take who it is, who we are there, and its JWK Set."""
        self.tokens: dict[str, str] = {}
        self.redeemed: list[tuple[str, str, str]] = []
        self.named = True
        self.rolled: Mapping[str, Any] | None = None
        self._issuer, self._client_id, self._keys = issuer, client_id, keys

    @property
    def issuer(self) -> str:
        """The issuer identifier."""
        return self._issuer

    @property
    def client_id(self) -> str:
        """Who we are there."""
        return self._client_id

    def authorize_url(self, **asked: str) -> str:
        """Return where a browser begins. See `IdentityProvider.authorize_url`."""
        return f"{self._issuer}/authorize?{urlencode(asked)}"

    def names_itself(self) -> bool:
        """Tell whether answers name their issuer. See `IdentityProvider.names_itself`."""
        return self.named

    def redeem(self, code: str, verifier: str, redirect_uri: str) -> str:
        """Return the ID token for a code, once. See `IdentityProvider.redeem`."""
        self.redeemed.append((code, verifier, redirect_uri))
        try:
            return self.tokens.pop(code)
        except KeyError:
            raise DeniedError("PROVIDER_REFUSED", "there is no such code") from None

    def keys(self, *, anew: bool = False) -> Mapping[str, Any]:
        """Return the JWK Set. See `IdentityProvider.keys`."""
        return self.rolled if anew and self.rolled is not None else self._keys
