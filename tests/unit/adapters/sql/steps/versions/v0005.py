"""A step that fails after it changed something."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Fail."""
    op.drop_table("journal_probe")
    op.execute("SELECT * FROM nothing_of_that_name")
