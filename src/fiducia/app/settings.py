"""Settings: everything that fiducia takes from the environment, read here and nowhere else.

Owns the variables' names, their forms and the XDG default of the home. Everything else gets what it needs as
arguments. Variables: FIDUCIA_HOME, FIDUCIA_KEY (64 hex digits) or FIDUCIA_PASSPHRASE, FIDUCIA_DEBUG,
FIDUCIA_ANVIL, FIDUCIA_KUBO, FIDUCIA_EVMD, FIDUCIA_FINALITY_S, FIDUCIA_ARCHIVE_DAYS, FIDUCIA_STOP_AT,
FIDUCIA_DATABASE_URL, FIDUCIA_PKCS11_MODULE with _TOKEN, _PIN and _KEY, FIDUCIA_RELEASES_PER_PERSON and its like
(`RATES`), FIDUCIA_REKEY_PURPOSES and FIDUCIA_REKEY_BASES; secrets never show in a repr.
Source: XDG Base Directory Specification 0.8.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import platformdirs
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from fiducia.errors import ConfigError

_CUSTODY = (
    *("FIDUCIA_KEY", "FIDUCIA_PASSPHRASE", "FIDUCIA_DATABASE_URL"),
    *("FIDUCIA_PKCS11_MODULE", "FIDUCIA_PKCS11_TOKEN", "FIDUCIA_PKCS11_PIN", "FIDUCIA_PKCS11_KEY"),
)
"""How custody is opened; some of it is secret."""

RATES = (
    *("releases_per_person", "releases_per_institution", "hand_overs_per_person", "hand_overs_per_institution"),
    *("emergencies_per_person", "emergencies_per_institution"),
    *("deposits_per_custodian", "collections_per_custodian"),
)
"""What an operator limits at a broker's door, a minute each (`app.broker.limits`)."""

REKEYING = ("rekey_purposes", "rekey_bases")
"""Which revokes a hospital's broker follows by re-keying (`app.rekey_policy`)."""

_WORDS = "^[A-Za-z]+(, ?[A-Za-z]+)*$"


class Settings(BaseSettings):
    """What the environment says.

    Attributes:
        home: FIDUCIA_HOME, the home directory when no --home is given.
        key: FIDUCIA_KEY, the key-encryption key as 64 hex digits, instead of the home's key file.
        passphrase: FIDUCIA_PASSPHRASE, from which the key-encryption key is derived instead.
        next_key: FIDUCIA_NEXT_KEY, the key that `fiducia key rotate-kek` lets in, where it comes from the environment.
        next_passphrase: FIDUCIA_NEXT_PASSPHRASE, the passphrase that it lets in.
        debug: FIDUCIA_DEBUG, shows where an unexpected error comes from.
        anvil: FIDUCIA_ANVIL, the Anvil binary.
        kubo: FIDUCIA_KUBO, the Kubo binary.
        evmd: FIDUCIA_EVMD, the binary of the lab's chain nodes.
        finality_s: FIDUCIA_FINALITY_S, how long a transaction may take from sending until it is final, in seconds.
        archive_days: FIDUCIA_ARCHIVE_DAYS, for how many days copies of custody are kept that fiducia does not make
            (archives of a database's log, snapshots of a disk): attestations of erasure reckon with them.
        database_url: FIDUCIA_DATABASE_URL, the PostgreSQL database that keeps custody, instead of the home's files.
        pkcs11_module: FIDUCIA_PKCS11_MODULE, the library of the token that wraps the key-encryption key instead.
        pkcs11_token: FIDUCIA_PKCS11_TOKEN, that token's label.
        pkcs11_pin: FIDUCIA_PKCS11_PIN, its user's PIN.
        pkcs11_key: FIDUCIA_PKCS11_KEY, the label of the key in it.
        releases_per_person: FIDUCIA_RELEASES_PER_PERSON, at a broker's door, a minute; the default there when None.
        releases_per_institution: FIDUCIA_RELEASES_PER_INSTITUTION, as above.
        hand_overs_per_person: FIDUCIA_HAND_OVERS_PER_PERSON, as above.
        hand_overs_per_institution: FIDUCIA_HAND_OVERS_PER_INSTITUTION, as above.
        emergencies_per_person: FIDUCIA_EMERGENCIES_PER_PERSON, as above.
        emergencies_per_institution: FIDUCIA_EMERGENCIES_PER_INSTITUTION, as above.
        deposits_per_custodian: FIDUCIA_DEPOSITS_PER_CUSTODIAN, as above.
        collections_per_custodian: FIDUCIA_COLLECTIONS_PER_CUSTODIAN, as above.
        rekey_purposes: FIDUCIA_REKEY_PURPOSES, purposes separated by commas, or "all": what was kept under a revoked
            grant for one of them is re-keyed by its hospital's broker; none when None.
        rekey_bases: FIDUCIA_REKEY_BASES, bases separated by commas, or "all": only grants on one of them.
        stop_at: FIDUCIA_STOP_AT, a fault point at which a test has the process end (`adapters.faults`).
    """

    model_config = SettingsConfigDict(
        env_prefix="FIDUCIA_", frozen=True, extra="ignore", hide_input_in_errors=True, env_ignore_empty=True
    )

    home: Path | None = None
    key: SecretStr | None = None
    passphrase: SecretStr | None = None
    next_key: SecretStr | None = None
    next_passphrase: SecretStr | None = None
    debug: bool = False
    anvil: Path | None = None
    kubo: Path | None = None
    evmd: Path | None = None
    finality_s: float = Field(default=30.0, gt=0, le=3600)
    archive_days: int = Field(default=0, ge=0, le=36_500)
    database_url: SecretStr | None = None
    pkcs11_module: Path | None = None
    pkcs11_token: str = "fiducia"
    pkcs11_pin: SecretStr = SecretStr("")
    pkcs11_key: str = Field(default="fiducia", pattern="^[!-~]{1,64}$")
    releases_per_person: int | None = Field(default=None, ge=1)
    releases_per_institution: int | None = Field(default=None, ge=1)
    hand_overs_per_person: int | None = Field(default=None, ge=1)
    hand_overs_per_institution: int | None = Field(default=None, ge=1)
    emergencies_per_person: int | None = Field(default=None, ge=1)
    emergencies_per_institution: int | None = Field(default=None, ge=1)
    deposits_per_custodian: int | None = Field(default=None, ge=1)
    collections_per_custodian: int | None = Field(default=None, ge=1)
    rekey_purposes: str | None = Field(default=None, pattern=_WORDS)
    rekey_bases: str = Field(default="all", pattern=_WORDS)
    stop_at: str | None = None

    def rates(self) -> Mapping[str, int]:
        """Return the limits of a broker's door that were set, by name."""
        found = {name: getattr(self, name) for name in RATES}
        return {name: value for name, value in found.items() if value is not None}

    def home_directory(self, given: Path | None = None) -> Path:
        """Return the home: the one given, else FIDUCIA_HOME, else the XDG data directory's `fiducia`."""
        chosen = given or self.home or platformdirs.user_data_path("fiducia", appauthor=False)
        return chosen.expanduser().absolute()

    def cache_directory(self) -> Path:
        """Return where scripts/install keeps what it builds."""
        return platformdirs.user_cache_path("fiducia", appauthor=False)

    def search_environment(self) -> Mapping[str, str]:
        """Return what finding programs needs: PATH, and the binaries that are named."""
        named = {"FIDUCIA_ANVIL": self.anvil, "FIDUCIA_KUBO": self.kubo, "FIDUCIA_EVMD": self.evmd}
        found = {name: str(path) for name, path in named.items() if path is not None}
        return {"PATH": os.environ.get("PATH", ""), **found}

    def foreign_environment(self) -> dict[str, str]:
        """Return what other programs are set up by, and nothing of fiducia's, which may be secret."""
        return {name: value for name, value in os.environ.items() if not name.startswith("FIDUCIA_")}

    def npm_environment(self) -> Mapping[str, str]:
        """Return what npm gets: its own configuration and proxies."""
        return self.foreign_environment()

    def child_environment(self) -> Mapping[str, str]:
        """Return all variables that a broker started by us gets.

        How to open its vault, how long to wait for the chain, what its door takes, where Python's output goes.
        """
        wanted = (
            *_CUSTODY,
            "FIDUCIA_FINALITY_S",
            "FIDUCIA_ARCHIVE_DAYS",
            *(f"FIDUCIA_{name.upper()}" for name in (*RATES, *REKEYING)),
        )
        kept = {name: os.environ[name] for name in wanted if os.environ.get(name)}
        if self.pkcs11_module is not None:
            kept |= self.foreign_environment()  # a token's library is set up by variables of its vendor's
        return {**kept, "PATH": os.environ.get("PATH", ""), "PYTHONUNBUFFERED": "1", "PYTHONNOUSERSITE": "1"}


def load() -> Settings:
    """Read the environment.

    Raises:
        ConfigError: a variable is not in its form, or the key-encryption key has two sources.
    """
    try:
        settings = Settings()
    except ValidationError as error:
        # Only names: a value may be a secret.
        names = ", ".join(sorted({f"FIDUCIA_{str(each['loc'][0]).upper()}" for each in error.errors()}))
        raise ConfigError(f"these environment variables are not in their form: {names}") from None
    sources = {
        "FIDUCIA_KEY": settings.key,
        "FIDUCIA_PASSPHRASE": settings.passphrase,
        "FIDUCIA_PKCS11_MODULE": settings.pkcs11_module,
    }
    given = [name for name, value in sources.items() if value is not None]
    if len(given) > 1:
        raise ConfigError(f"give {' or '.join(given)}, not {'both' if len(given) == 2 else 'all'}")
    return settings
