"""Where a database's data key lies wrapped by its key-encryption keys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table, empty: the key-encryption key of before goes on as the data key."""
    op.create_table(
        "key_wraps",
        sa.Column("id", _NUMBER, primary_key=True),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
    )
