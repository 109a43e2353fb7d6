"""Signing in with a hospital's account: OpenID Connect's authorization code flow with PKCE.

    begin    state, nonce and verifier are made and kept under a handle, which the browser alone has, in a cookie
    finish   the handle is used up, whatever comes of it; state and issuer agree with what was begun; the code is
             redeemed with the verifier; the ID token is believed only when `core.id_tokens` does

So an answer counts once, in the browser that asked, and for the provider that was asked. Source: OpenID Connect Core
1.0 section 3.1, RFC 7636, RFC 9207, RFC 9700.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, field

from fiducia.core import id_tokens
from fiducia.core.id_tokens import Expected
from fiducia.core.rules import Purpose
from fiducia.errors import DeniedError, InputError
from fiducia.journeys.sign_in.pending import Pending
from fiducia.journeys.sign_in.sign_in import SignedIn
from fiducia.journeys.sign_in.staff_directory import StaffDirectory
from fiducia.journeys.sign_in.staff_sign_in import SignInStaff
from fiducia.ports import Clock, Entropy, IdentityProvider

AT_PROVIDER_S = 10 * 60
"""How long somebody may be at the provider."""
SCOPE = "openid"  # who it is, and no more


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in that was begun: what the browser keeps, and where it goes."""

    handle: str = field(repr=False)
    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ProviderAnswer:
    """What a browser brings back; empty where there is none. The code is there for one use."""

    state: str = field(repr=False)
    code: str = field(repr=False)
    issuer: str
    error: str


@dataclass(frozen=True, slots=True)
class _Asked:
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    redirect_uri: str
    purpose: int


class OidcSignIn:
    """Sign in with an account of one provider.

    Example:
        ``begun = oidc.begin(Purpose.TREAT, "https://gateway.example/sign-in/callback")``, and once the browser is back
        ``oidc.finish(begun.handle, answer).token``
    """

    def __init__(
        self,
        *,
        provider: IdentityProvider,
        directory: StaffDirectory,
        sign_in: SignInStaff,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._provider = provider
        self._directory = directory
        self._sign_in = sign_in
        self._clock = clock
        self._entropy = entropy
        self._pending: Pending[_Asked] = Pending(clock=clock, entropy=entropy, lasts_s=AT_PROVIDER_S)

    def begin(self, purpose: Purpose, redirect_uri: str) -> Begun:
        """Begin a sign-in for one purpose. Raises: ProviderError."""
        state, nonce, verifier = (self._random() for _ in range(3))
        url = self._provider.authorize_url(
            response_type="code",
            client_id=self._provider.client_id,
            redirect_uri=redirect_uri,
            scope=SCOPE,
            prompt="login",  # at a computer that several people use, whoever signed in last is not whoever asks
            state=state,
            nonce=nonce,
            code_challenge=_base64url(hashlib.sha256(verifier.encode()).digest()),
            code_challenge_method="S256",
        )
        return Begun(self._pending.put(_Asked(state, nonce, verifier, redirect_uri, purpose)), url)

    def finish(self, handle: str, answer: ProviderAnswer) -> SignedIn:
        """Sign in whom the provider names.

        Raises:
            InputError: this browser began no such sign-in, or it was finished, or it took too long.
            DeniedError: the provider let nobody in, or the person may not sign in here now.
            ProofError: the provider's word does not hold.
            ProviderError, LedgerError, VaultError, JournalError: not now.
        """
        asked = self._pending.take(handle)
        if asked is None or not hmac.compare_digest(asked.state.encode(), answer.state.encode()):
            raise InputError("this sign-in was not begun in this browser, or it is over: begin it again")
        if answer.issuer != self._provider.issuer and (answer.issuer or self._provider.names_itself()):
            raise InputError("the answer is another provider's: begin the sign-in again")
        if answer.error or not answer.code:
            raise DeniedError("PROVIDER_REFUSED", "your hospital's sign-in let nobody in")
        token = self._provider.redeem(answer.code, asked.verifier, asked.redirect_uri)
        keys = self._provider.keys()
        if not id_tokens.knows_key(token, keys):  # it may have rolled its keys
            keys = self._provider.keys(anew=True)
        expected = Expected(self._provider.issuer, self._provider.client_id, asked.nonce, self._clock.now())
        subject = id_tokens.subject_of(token, keys, expected)
        return self._sign_in.run(self._directory.of_account(self._provider.issuer, subject), asked.purpose, "oidc")

    def _random(self) -> str:
        return _base64url(self._entropy.token(32))


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
