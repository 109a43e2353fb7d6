"""A hospital's OpenID provider over HTTP, as `ports.IdentityProvider`.

TLS is required, but for a provider on this machine. Redirections are not followed, answers are read up to a bound, and
nothing of an answer is ever repeated or logged. The discovery document is kept for an hour, the keys for as long, and
read anew at most twice a minute; a provider that did not answer is left alone for five seconds. Source: OpenID Connect
Discovery 1.0, RFC 6749 sections 2.3.1, 4.1.3 and 5, RFC 7517.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import httpx2

from fiducia.errors import ConfigError, DeniedError, ProviderError

ANSWER_MAX_BYTES: Final = 256 << 10
TIMEOUT_S: Final = 10.0
KEPT_S, ANEW_S, SILENT_S = 3600.0, 30.0, 5.0
_DISCOVERY = "/.well-known/openid-configuration"


class HttpProvider:
    """One provider, and who we are there. Safe for threads."""

    def __init__(
        self, issuer: str, client_id: str, secret: str = "", *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Take the issuer, the client's id, and its secret; without one we are a public client (PKCE alone).

        Raises:
            ConfigError: the issuer is no https URL, nor one of this machine.
        """
        if not _is_safe(issuer) or any(mark in issuer for mark in "?#"):
            raise ConfigError("the OpenID provider's issuer is an https URL (http on this machine alone)")
        self._issuer, self._client_id, self._secret = issuer, client_id, secret
        self._monotonic = monotonic
        self._client = httpx2.Client(timeout=TIMEOUT_S, follow_redirects=False, trust_env=False)
        self._lock = threading.Lock()
        self._read: dict[str, tuple[float, Mapping[str, Any]]] = {}
        self._silent_until = 0.0

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
        endpoint = self._endpoint("authorization_endpoint")
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"

    def names_itself(self) -> bool:
        """Tell whether answers name their issuer. See `IdentityProvider.names_itself`."""
        return self._discovered().get("authorization_response_iss_parameter_supported") is True

    def redeem(self, code: str, verifier: str, redirect_uri: str) -> str:
        """Return the ID token for a code. See `IdentityProvider.redeem`."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
            "client_id": self._client_id,
        }
        headers = {}
        if self._secret:
            del form["client_id"]
            pair = f"{quote(self._client_id, safe='')}:{quote(self._secret, safe='')}"
            headers["authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        status, answer = self._ask("POST", self._endpoint("token_endpoint"), form, headers)
        if status in (400, 401, 403):
            raise DeniedError("PROVIDER_REFUSED", "your hospital's sign-in did not confirm who you are")
        token = answer.get("id_token")
        if status != 200 or not isinstance(token, str):
            raise ProviderError("your hospital's sign-in gave an answer that is none")
        return token

    def keys(self, *, anew: bool = False) -> Mapping[str, Any]:
        """Return the JWK Set. See `IdentityProvider.keys`."""
        return self._kept(self._endpoint("jwks_uri"), ANEW_S if anew else KEPT_S)

    def close(self) -> None:
        """Close kept connections."""
        self._client.close()

    def _discovered(self) -> Mapping[str, Any]:
        found = self._kept(self._issuer.rstrip("/") + _DISCOVERY, KEPT_S)
        if found.get("issuer") != self._issuer:  # Discovery 4.3: or another provider could speak for this one
            raise ProviderError("your hospital's sign-in is set up for another issuer")
        return found

    def _endpoint(self, name: str) -> str:
        url = self._discovered().get(name)
        if not isinstance(url, str) or not _is_safe(url) or "#" in url:
            raise ProviderError("your hospital's sign-in names an endpoint that cannot be used")
        return url

    def _kept(self, url: str, seconds: float) -> Mapping[str, Any]:
        with self._lock:
            read_at, found = self._read.get(url, (0.0, {}))
            if found and self._monotonic() - read_at < seconds:
                return found
            if self._monotonic() < self._silent_until:  # or everybody would wait for it, one after the other
                raise ProviderError("your hospital's sign-in does not answer: try again, or sign in another way")
            try:
                status, found = self._ask("GET", url)
                if status != 200:
                    raise ProviderError("your hospital's sign-in does not say how it is asked")
            except ProviderError:
                self._silent_until = self._monotonic() + SILENT_S
                raise
            self._read[url] = (self._monotonic(), found)
            return found

    def _ask(
        self, method: str, url: str, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Mapping[str, Any]]:
        sent = {"accept": "application/json", "accept-encoding": "identity", **(headers or {})}
        deadline = self._monotonic() + TIMEOUT_S
        try:
            with self._client.stream(method, url, data=form, headers=sent) as response:
                answer = bytearray()
                for piece in response.iter_bytes():
                    answer += piece
                    if len(answer) > ANSWER_MAX_BYTES or self._monotonic() > deadline:
                        raise ProviderError("your hospital's sign-in answers without end")
            found = json.loads(bytes(answer))
        except (httpx2.HTTPError, httpx2.InvalidURL):
            raise ProviderError("your hospital's sign-in does not answer: try again, or sign in another way") from None
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            if response.status_code == 200:
                raise ProviderError("your hospital's sign-in gave an answer that is none")
            found = {}
        return response.status_code, found


def _is_safe(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port_is_one = parts.port is None or parts.port > 0
    except ValueError:
        return False
    if (
        not parts.hostname
        or not port_is_one
        or parts.username
        or parts.password
        or not (url.isascii() and url.isprintable())
    ):
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_here(parts.hostname))


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
