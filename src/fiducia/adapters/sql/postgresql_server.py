"""Connections to a PostgreSQL server as the house wants them: settings, proofs of durability, errors in plain words.

Owns what every session is set up with, which servers are refused, and the mapping of the driver's errors. What is done
in a session is `postgresql`'s. Source: PostgreSQL 15 documentation, chapters 20 (settings) and 34 (libpq), appendix A.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import Pool, QueuePool

from fiducia.adapters.sql.database import PostgresPlace, hint
from fiducia.errors import ConfigError, VaultError

DRIVER: Final = "postgresql+psycopg"
_MIN_SERVER: Final = 14_00_00
_SETTINGS: Final = {
    "lock_timeout": "30s",
    "statement_timeout": "60s",
    "idle_in_transaction_session_timeout": "60s",  # who hangs in a transaction holds others up
    "idle_session_timeout": "0",  # a claim's session may be idle while images are sealed
    "client_connection_check_interval": "5s",  # who died waiting waits no longer
    "tcp_keepalives_idle": "15",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "client_encoding": "UTF8",
    "timezone": "UTC",
}
_PARAMETERS: Final = {  # libpq's; what the URL says goes first
    "application_name": "fiducia",
    "connect_timeout": "10",
    "keepalives_idle": "15",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
    "target_session_attrs": "read-write",
}
# A server that was started again is not noticed without asking first.
_POOL: Final[dict[str, Any]] = {"pool_size": 4, "max_overflow": 12, "pool_timeout": 30, "pool_pre_ping": True}
_DURABLE: Final = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
"""The settings that make an acknowledgement a promise, and what they must not be."""
_NEAR: Final = ("localhost", "127.0.0.1", "::1")
_HINTS: Final = (
    ("unreachable", "it cannot be reached, or refuses us: check the address, the account, its certificate and its log"),
    ("08", "the connection was lost; try again"),
    ("57P", "the server ended the connection; try again when it is back"),
    ("57014", "it took too long; try again"),
    ("55P03", "another process holds it for too long; try again"),
    ("40", "another process was in the way; try again"),
    ("25006", "it takes no writes: it is a standby, or was made read-only"),
    ("25P03", "the transaction was idle for too long; try again"),
    ("53100", "the server's disk is full; make room and try again"),
    ("53300", "the server has no connection left: raise max_connections, or use fewer processes"),
    ("28", "it refuses the account or its password"),
    ("3D000", "there is no database of that name"),
    ("42501", "the account may not do that: it must own what `fiducia database migrate` made"),
    ("42P01", "its tables are not there: run `fiducia database migrate`"),
    ("XX", "it is damaged; restore it from a backup"),
)


@contextmanager
def mapped_errors() -> Iterator[None]:
    """Turn SQLAlchemy's and the driver's errors into VaultError.

    PostgreSQL quotes rows in its messages, so nothing of them goes on: its own log has them.
    """
    try:
        yield
    except SQLAlchemyError as error:
        origin = getattr(error, "orig", None) or error
        code = getattr(origin, "sqlstate", None) or "unreachable"
        what = f"{type(origin).__name__}, {code}"
        raise VaultError(f"the database does not do what is asked ({what}): {hint(_HINTS, code)}") from None


def engine_of(place: PostgresPlace, pool: type[Pool] = QueuePool) -> Engine:
    """Return where connections come from whose tables are a place's. Raises: ConfigError (the driver is missing)."""
    try:
        import psycopg  # noqa: F401
    except ImportError as error:
        raise ConfigError("PostgreSQL's driver is not installed: pip install 'fiducia[postgresql]'") from error
    given = " ".join(_asked(place.url, "options"))
    settings = {**_SETTINGS, "search_path": f'"{place.schema_name}"'}
    options = given + "".join(f" -c {name}={value}" for name, value in settings.items())
    return create_engine(
        place.url.difference_update_query(["options"]).set(drivername=DRIVER),
        poolclass=pool,
        **(_POOL if pool is QueuePool else {}),
        hide_parameters=True,  # errors must not quote rows
        isolation_level="READ COMMITTED",
        connect_args={
            **_parameters(place.url),
            "options": options.strip(),
        },
    )


def _parameters(url: URL) -> dict[str, str]:
    """Return libpq's parameters that the URL leaves open; a server elsewhere must prove who it is."""
    hosts = [host for host in (url.host, *_asked(url, "host")) if host]
    is_near = all(host.startswith("/") or host in _NEAR for host in hosts)
    wanted = _PARAMETERS if is_near else {**_PARAMETERS, "sslmode": "verify-full"}
    return {name: value for name, value in wanted.items() if name not in url.query}


def _asked(url: URL, name: str) -> Sequence[str]:
    """Return what a URL's query says of one name."""
    values = url.query.get(name, ())
    return (values,) if isinstance(values, str) else values


def require_durable(connection: Connection) -> None:
    """Refuse a server that would acknowledge what a power cut undoes, or that cannot be what is needed.

    Raises: ConfigError.
    """
    names = ("server_version_num", "server_encoding", *_DURABLE)
    shown = connection.execute(select(*(text(f"current_setting('{name}')") for name in names))).one()
    version, encoding, *durable = map(str, shown)
    if int(version) < _MIN_SERVER:
        raise ConfigError("the PostgreSQL server is older than 14: use a newer one")
    if any(value == lies for value, lies in zip(durable, _DURABLE.values(), strict=True)):
        raise ConfigError(
            "the PostgreSQL server acknowledges what a power cut undoes: "
            "set fsync, full_page_writes and synchronous_commit to on"
        )
    if encoding != "UTF8":
        raise ConfigError(f"the PostgreSQL database has the encoding {encoding}: make it with UTF8")
