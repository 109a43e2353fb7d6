"""Where databases of the first version stand."""

from __future__ import annotations

revision = "0003"
down_revision = None


def upgrade() -> None:
    """Nothing: tests make that version by what ships."""
