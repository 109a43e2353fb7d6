"""TLS as DICOM doors speak it: 1.2 or newer, and both sides by certificate where a CA is given.

Source: PS3.15 annex B.9 (the BCP 195 profile); cipher suites are OpenSSL's, which this profile follows.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from fiducia.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Tls:
    """Certificates of a door.

    Attributes:
        certificate: a PEM file, the chain from the door's own certificate.
        key: a PEM file, its private key, without a passphrase.
        ca: a PEM file of who vouches for peers; without it anybody's connection is taken.
    """

    certificate: Path
    key: Path
    ca: Path | None = None

    def server(self) -> ssl.SSLContext:
        """Return what connections to this door are wrapped in. Raises: ConfigError."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._load(context)
        if self.ca is not None:
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def client(self) -> ssl.SSLContext:
        """Return what connections from this door are wrapped in; peers are held to `ca`, or the system's.

        Raises:
            ConfigError.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._load(context)
        if self.ca is None:
            context.load_default_certs()
        return context

    def _load(self, context: ssl.SSLContext) -> None:
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_cert_chain(self.certificate, self.key, password=_no_passphrase)
            if self.ca is not None:
                context.load_verify_locations(self.ca)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            raise ConfigError(
                "the TLS certificate, its key or the CA cannot be read: three PEM files, the key without a passphrase"
            ) from error


def _no_passphrase() -> str:
    raise ValueError("the key has a passphrase")  # or OpenSSL would ask for it on the terminal
