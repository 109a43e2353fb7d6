"""Settings: everything that fiducia takes from the environment, read here and nowhere else.

Owns the variables' names, their forms and the XDG default of the home. Everything else gets what it needs as
arguments. Variables: FIDUCIA_HOME, FIDUCIA_KEY (64 hex digits) or FIDUCIA_PASSPHRASE, FIDUCIA_DEBUG,
FIDUCIA_ANVIL, FIDUCIA_KUBO, FIDUCIA_FINALITY_S, FIDUCIA_STOP_AT; secrets never show in a repr. Source: XDG Base
Directory Specification 0.8.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import platformdirs
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from fiducia.errors import ConfigError

_SECRETS = ("FIDUCIA_KEY", "FIDUCIA_PASSPHRASE")


class Settings(BaseSettings):
    """What the environment says.

    Attributes:
        home: FIDUCIA_HOME, the home directory when no --home is given.
        key: FIDUCIA_KEY, the key-encryption key as 64 hex digits, instead of the home's key file.
        passphrase: FIDUCIA_PASSPHRASE, from which the key-encryption key is derived instead.
        debug: FIDUCIA_DEBUG, shows where an unexpected error comes from.
        anvil: FIDUCIA_ANVIL, the Anvil binary.
        kubo: FIDUCIA_KUBO, the Kubo binary.
        finality_s: FIDUCIA_FINALITY_S, how long a transaction may take from sending until it is final, in seconds.
        stop_at: FIDUCIA_STOP_AT, a fault point at which a test has the process end (`adapters.faults`).
    """

    model_config = SettingsConfigDict(
        env_prefix="FIDUCIA_", frozen=True, extra="ignore", hide_input_in_errors=True, env_ignore_empty=True
    )

    home: Path | None = None
    key: SecretStr | None = None
    passphrase: SecretStr | None = None
    debug: bool = False
    anvil: Path | None = None
    kubo: Path | None = None
    finality_s: float = Field(default=30.0, gt=0, le=3600)
    stop_at: str | None = None

    def home_directory(self, given: Path | None = None) -> Path:
        """Return the home: the one given, else FIDUCIA_HOME, else the XDG data directory's `fiducia`."""
        chosen = given or self.home or platformdirs.user_data_path("fiducia", appauthor=False)
        return chosen.expanduser().absolute()

    def cache_directory(self) -> Path:
        """Return where scripts/install keeps what it builds."""
        return platformdirs.user_cache_path("fiducia", appauthor=False)

    def search_environment(self) -> Mapping[str, str]:
        """Return what finding programs needs: PATH, and the binaries that are named."""
        found = {"PATH": os.environ.get("PATH", "")}
        if self.anvil is not None:
            found["FIDUCIA_ANVIL"] = str(self.anvil)
        if self.kubo is not None:
            found["FIDUCIA_KUBO"] = str(self.kubo)
        return found

    def child_environment(self) -> Mapping[str, str]:
        """Return all variables that a broker started by us gets.

        How to open its vault, how long to wait for the chain, where Python's output goes.
        """
        kept = {name: os.environ[name] for name in (*_SECRETS, "FIDUCIA_FINALITY_S") if os.environ.get(name)}
        return {**kept, "PATH": os.environ.get("PATH", ""), "PYTHONUNBUFFERED": "1", "PYTHONNOUSERSITE": "1"}


def load() -> Settings:
    """Read the environment.

    Raises:
        ConfigError: a variable is not in its form, or both a key and a passphrase are given.
    """
    try:
        settings = Settings()
    except ValidationError as error:
        # Only names: a value may be a secret.
        names = ", ".join(sorted({f"FIDUCIA_{str(each['loc'][0]).upper()}" for each in error.errors()}))
        raise ConfigError(f"these environment variables are not in their form: {names}") from None
    if settings.key is not None and settings.passphrase is not None:
        raise ConfigError("give FIDUCIA_KEY or FIDUCIA_PASSPHRASE, not both")
    return settings
