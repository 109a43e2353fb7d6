"""Custody at rest in a database: vault, patients, studies and journal, in SQLite files or in PostgreSQL.

`Database` and `open_database` serve other adapters too, each with a `Schema` of its own.
"""

from fiducia.adapters.sql.database import Database, Kept, Place, PostgresPlace, Schema, open_database
from fiducia.adapters.sql.journal import SqlJournal
from fiducia.adapters.sql.logbook import SqlLogbook
from fiducia.adapters.sql.patients import SqlPatients
from fiducia.adapters.sql.studies import SqlStudies
from fiducia.adapters.sql.vault import SqlVault

__all__ = [
    "Database",
    "Kept",
    "Place",
    "PostgresPlace",
    "Schema",
    "SqlJournal",
    "SqlLogbook",
    "SqlPatients",
    "SqlStudies",
    "SqlVault",
    "open_database",
]
