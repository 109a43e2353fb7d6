"""`fiducia gateway`: the DICOMweb door for an institution's own viewers and archives."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from fiducia.app.cli import parsing
from fiducia.app.cli.common import Call, command, noun
from fiducia.app.cli.gateway_staff import app as staff_app
from fiducia.app.output import utc
from fiducia.app.profiles import KeyName
from fiducia.app.viewer.installed import Installation
from fiducia.errors import ConfigError, InputError
from fiducia.ports import IdentityProvider

app = noun("gateway", "Gateway: viewers open what is granted, over DICOMweb; it ends when the grant does.")
app.add_typer(staff_app)


@command(app, "serve")
def serve(
    call: Call,
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port to listen at.")],
    member: Annotated[str, typer.Option(metavar="NAME", help="The member whose staff it serves.")] = "hospital-b",
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="The address to listen at.")] = "127.0.0.1",
    cache_gib: Annotated[
        int, typer.Option(min=0, metavar="GIB", help="How much ciphertext from Kubo is kept on the disk at most.")
    ] = 4,
    viewer: Annotated[
        bool | None,
        typer.Option("--viewer/--no-viewer", help="Serve the installed viewer at /viewer/; if it is there by default."),
    ] = None,
    oidc_issuer: Annotated[
        str | None, typer.Option(metavar="URL", help="The hospital's OpenID provider, where staff sign in.")
    ] = None,
    oidc_client: Annotated[str | None, typer.Option(metavar="ID", help="Who the gateway is there.")] = None,
    oidc_secret_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The client's secret. Default: a public client, with PKCE.")
    ] = None,
) -> None:
    """Serve QIDO-RS and WADO-RS at /dicomweb until a signal says stop.

    Who asks bears the token of `fiducia gateway sign-in`. What a live grant lets them list is listed; pixels are
    requested when they are first asked for; a revoke ends it within a block. Keys and images are in memory only.
    With `fiducia viewer install`, people with a browser sign in at /sign-in and look at /viewer/: with that token, a
    passkey, or their hospital's account (--oidc-issuer); see `fiducia gateway staff`. The provider leads back to
    /sign-in/callback.

    \b
    Example:
      fiducia gateway serve --port 8721 --member hospital-b
    """
    from fiducia.app.gateway import serve as run  # what serves loads for gateways alone
    from fiducia.app.logs import set_up_logs

    set_up_logs()
    institution = call.house.institution(call.house.profiles().load(member))
    installation = Installation(call.settings.cache_directory())
    shown = installation.viewer() if viewer or (viewer is None and installation.there) else None
    provider = _provider(call, oidc_issuer, oidc_client, oidc_secret_file)
    if provider is not None and shown is None:
        raise ConfigError("people with an account sign in to the viewer: run `fiducia viewer install` first")
    run(replace(call.house.gateway_parts(institution, cache_gib << 30, provider), viewer=shown), host, port)


def _provider(
    call: Call, issuer: str | None, client_id: str | None, secret_file: Path | None
) -> IdentityProvider | None:
    if issuer is None and client_id is None and secret_file is None:
        return None
    if not issuer or not client_id:
        raise InputError("a provider is given by --oidc-issuer and --oidc-client together")
    try:
        secret = secret_file.read_text("utf-8").strip() if secret_file else ""
    except (OSError, ValueError):
        raise ConfigError("the file of --oidc-secret-file cannot be read") from None
    if secret_file and not secret:
        raise ConfigError("the file of --oidc-secret-file is empty")
    return call.house.identity_provider(issuer, client_id, secret)


@command(app, "sign-in")
def sign_in(
    call: Call,
    purpose: Annotated[str, typer.Option(metavar="PURPOSE", help="What for: TREAT, ETREAT, HOPERAT, …")],
) -> None:
    """Begin a session for one purpose and print its token, once. It ends with the badge, or after eight hours.

    Viewers send it as `Authorization: Bearer TOKEN`; people with a browser type it at /sign-in. It is a secret.

    \b
    Example:
      fiducia gateway sign-in --purpose TREAT --as clinician
    """
    profile = call.profile("clinician")
    if profile.badge is None:
        raise InputError(f"{profile.name} holds no badge: act as a staff member (--as clinician)")
    signed_in = call.house.gateway_sessions(profile.member).sign_in(
        profile.name, profile.badge, profile.key(KeyName.SESSION), parsing.purpose(purpose)
    )
    call.out.facts({"token": signed_in.token, "until": utc(signed_in.session.not_after)})


@command(app, "sign-out")
def sign_out(call: Call) -> None:
    """End every session of yours; what was open is let go of within a second.

    \b
    Example:
      fiducia gateway sign-out --as clinician
    """
    profile = call.profile("clinician")
    call.out.facts({"ended": call.house.gateway_sessions(profile.member).sign_out(profile.name)})
