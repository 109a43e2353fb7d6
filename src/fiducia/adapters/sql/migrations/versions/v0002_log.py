"""The journal as a log: leaves beside its rows, and what is remembered of logs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from fiducia.adapters.sql.guards import append_only, in_order

revision = "0002"
down_revision = "0001"

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_WORD = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables; the leaves of entries that are there are made by whoever opens the journal with its key."""
    op.create_table(
        "journal_leaves",
        sa.Column("seq", _NUMBER, primary_key=True, autoincrement=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "checkpoints",
        sa.Column("origin", _WORD, primary_key=True),
        sa.Column("size", _NUMBER, nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "evidence",
        sa.Column("id", _NUMBER, primary_key=True),
        sa.Column("digest", sa.LargeBinary(), nullable=False, unique=True),
        sa.Column("evidence", sa.LargeBinary(), nullable=False),
    )
    dialect = op.get_context().dialect.name
    for statement in (
        *append_only(dialect, "journal_leaves"),
        *in_order(dialect, "journal_leaves"),
        *append_only(dialect, "evidence"),
    ):
        op.execute(statement)
