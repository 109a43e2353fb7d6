"""How the options of `fiducia intake serve` are read: who may call the DIMSE door, certificates, a gateway's URL."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from fiducia.app.intake import Peer, Tls

COMMIT_WAIT_S = 6 * 3600

# A host name, an IPv4 address or an IPv6 address in brackets, and a port. AE titles may have an @ of their own.
_ADDRESS = re.compile(r"(?P<title>.+)@(?P<host>[\w.-]+|\[[0-9A-Fa-f:.]+\]):(?P<port>[0-9]{1,5})", re.ASCII)

_BASE_URL = re.compile(r"https?://[\w.~:\[\]-]+(/[\w.~%/-]*)?", re.ASCII)
_BASE_URL_MAX = 1024


def base_url_of(text: str | None) -> str:
    """Return a service's base URL without a slash at its end; "" without one. Raises: BadParameter (none)."""
    if text is not None and (len(text) > _BASE_URL_MAX or not _BASE_URL.fullmatch(text)):
        raise typer.BadParameter("--gateway-url takes http(s)://HOST[:PORT]/PATH, without user, query or fragment")
    return (text or "").rstrip("/")


def peer_of(text: str) -> Peer:
    """Return who `AE` or `AE@HOST:PORT` lets in. Raises: BadParameter (no AE title, no port)."""
    from fiducia.app.intake import Peer
    from fiducia.app.intake.dimse_settings import is_ae_title

    found = _ADDRESS.fullmatch(text)
    title = found["title"] if found else text
    address = (found["host"].strip("[]"), int(found["port"])) if found else None
    if not is_ae_title(title):
        raise typer.BadParameter("--allow takes an AE title of 1 to 16 characters, or AE@HOST:PORT")
    if address is not None and not 0 < address[1] < 65536:
        raise typer.BadParameter("--allow: a port is 1 to 65535")
    return Peer(title, address)


def tls_of(certificate: Path | None, key: Path | None, ca: Path | None) -> Tls | None:
    """Return the certificates that were named, or None without any. Raises: BadParameter (some are missing)."""
    from fiducia.app.intake import Tls

    if certificate is None and key is None and ca is None:
        return None
    if certificate is None or key is None:
        raise typer.BadParameter("TLS takes both --tls-cert and --tls-key")
    return Tls(certificate, key, ca)
