"""`fiducia database`: where custody lies, and the version of its tables."""

from __future__ import annotations

from fiducia.app.cli.common import Call, command, noun

app = noun("database", "The database of vaults, directories and journals: SQLite files, or PostgreSQL.")


@command(app, "migrate")
def migrate(call: Call) -> None:
    """Prepare an empty PostgreSQL database, or bring the tables of any database to this fiducia's version.

    All of one owner's tables in one transaction; nothing to do is fine. Stop the processes of older versions before.
    SQLite files are brought further as they are opened, too; `fiducia up` prepares the database of a new home.

    \b
    Example:
      FIDUCIA_DATABASE_URL=postgresql://fiducia@db.example/fiducia fiducia database migrate
    """
    moved = call.house.custody.migrate()
    rows = [
        {"of": owner or "(home)", "from": before, "to": after, "changed": before != after}
        for owner, (before, after) in moved.items()
    ]
    call.out.rows(rows, empty="there is no custody here yet")


@command(app, "show")
def show(call: Call) -> None:
    """Say which database keeps this home's custody, and the version of each owner's tables.

    \b
    Example:
      fiducia database show --json
    """
    custody = call.house.custody
    is_set_up = custody.exists()
    versions = custody.versions()
    call.out.facts(
        {
            "database": custody.kind,
            "set_up": is_set_up,
            "owners": [{"of": owner or "(home)", "version": version} for owner, version in versions.items()],
        }
    )
