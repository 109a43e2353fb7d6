"""Custody at rest in SQLite files: vault, patients, studies, journal, and the database they share.

`Database` and `open_database` serve other SQLite adapters too, each with a `Schema` of its own.
"""

from fiducia.adapters.sqlite.database import Database, Kept, Schema, mapped_errors, open_database
from fiducia.adapters.sqlite.journal import SqliteJournal
from fiducia.adapters.sqlite.patients import SqlitePatients
from fiducia.adapters.sqlite.studies import SqliteStudies
from fiducia.adapters.sqlite.vault import SqliteVault

__all__ = [
    "Database",
    "Kept",
    "Schema",
    "SqliteJournal",
    "SqlitePatients",
    "SqliteStudies",
    "SqliteVault",
    "mapped_errors",
    "open_database",
]
