"""What a gateway is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fiducia.app.gateway.views import Views
from fiducia.app.viewer.installed import Viewer
from fiducia.journeys.sign_in.oidc_sign_in import OidcSignIn
from fiducia.journeys.sign_in.passkey_sign_in import PasskeySignIn
from fiducia.ports import Pixels


@dataclass(frozen=True, slots=True)
class GatewayParts:
    """One institution's gateway.

    Attributes:
        views: who is signed in, and what they may see.
        pixels: decodes and renders frames.
        boundary: makes a multipart boundary that nobody can guess.
        ready: raises when nothing could be shown now.
        viewer: what people with a browser get at /viewer/; None without.
        oidc: how they sign in with their hospital's account; None without a provider.
        passkeys: how they sign in with a passkey; None without.
    """

    views: Views
    pixels: Pixels
    boundary: Callable[[], str]
    ready: Callable[[], object]
    viewer: Viewer | None = None
    oidc: OidcSignIn | None = None
    passkeys: PasskeySignIn | None = None
