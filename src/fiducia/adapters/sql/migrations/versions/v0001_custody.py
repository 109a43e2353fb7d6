"""The first form: vault, patients, studies, journal and the check of their key."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from fiducia.adapters.sql.guards import append_only, in_order

revision = "0001"
down_revision = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_WORD = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "key_check",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "vault_salts",
        sa.Column("id", _NUMBER, primary_key=True),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "vault",
        sa.Column("name", _WORD, primary_key=True),
        sa.Column("salt_id", _NUMBER, sa.ForeignKey("vault_salts.id"), nullable=False, unique=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "patients",
        sa.Column("id", _NUMBER, primary_key=True),
        sa.Column("lookup", sa.LargeBinary(), nullable=False, unique=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "studies",
        sa.Column("id", _NUMBER, primary_key=True),
        sa.Column("lookup", sa.LargeBinary(), nullable=False, unique=True),
        sa.Column("anchored", sa.LargeBinary()),
        sa.Column("pending", sa.LargeBinary()),
    )
    op.create_table(
        "journal",
        sa.Column("seq", _NUMBER, primary_key=True, autoincrement=False),
        sa.Column("kind", _WORD, nullable=False),
        sa.Column("at", _NUMBER, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "journal_probe",
        sa.Column("id", _NUMBER, primary_key=True),
        sa.Column("filler", sa.LargeBinary(), nullable=False),
    )
    op.create_index("journal_by_kind", "journal", ["kind", "seq"])
    dialect = op.get_context().dialect.name
    for statement in (
        *append_only(dialect, "journal"),
        *append_only(dialect, "key_check"),
        *in_order(dialect, "journal"),
    ):
        op.execute(statement)
