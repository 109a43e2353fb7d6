"""A later version's table."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make it."""
    op.create_table("later", sa.Column("id", sa.Integer(), primary_key=True))
