"""Tables brought from an older version to the present one, by Alembic.

Owns running the steps, inside a transaction of the caller's. The steps themselves lie beside the tables that they are
about (`migrations`), and ship inside the wheel. Alembic loads only when there is something to do.
"""

from __future__ import annotations

import threading

from sqlalchemy import Connection

from fiducia.adapters.sql.database import Schema
from fiducia.errors import ConfigError

_ONE_AT_A_TIME = threading.Lock()
"""Alembic keeps the run in module globals."""


def upgrade(connection: Connection, schema: Schema, found: str | None) -> None:
    """Take every step from a revision to the schema's own; all of them or none, by the caller's transaction.

    Args:
        connection: in a transaction that nobody else writes beside.
        schema: whose tables, and where the steps are.
        found: the revision that is there; None for an empty database.

    Raises:
        ConfigError: there are no steps from that revision.
    """
    if schema.migrations is None:
        raise ConfigError(f"the database has version {found}, which this fiducia no longer reads")
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(schema.migrations).replace("%", "%%"))
    config.attributes["connection"] = connection
    with _ONE_AT_A_TIME:
        try:
            if found is not None:
                command.stamp(config, found, purge=True)
            command.upgrade(config, schema.revision)
        except CommandError as error:
            raise ConfigError(f"the database's version {found} is none that this fiducia can bring further") from error
