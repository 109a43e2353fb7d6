"""How a database itself refuses to change what must only grow, in each database's own words.

Owns the triggers' text, for the tables' first making and for migrations alike. They stop mistakes and bystanders;
whoever owns the database can drop them, and is found by what rows are sealed with.
"""

from __future__ import annotations

from collections.abc import Iterator


def append_only(dialect: str, table: str) -> Iterator[str]:
    """Yield the statements after which rows of a table are neither changed nor deleted."""
    if dialect == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            yield (
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        return
    yield _function(f"{table}_refuse", f"RAISE EXCEPTION '{table} is append-only';")
    yield (
        f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_refuse()"
    )


def in_order(dialect: str, table: str) -> Iterator[str]:
    """Yield the statements after which a table's `seq` rises by one from row to row."""
    expected = f"(SELECT coalesce(max(seq), 0) + 1 FROM {table})"
    if dialect == "sqlite":
        yield (
            f"CREATE TRIGGER {table}_in_order BEFORE INSERT ON {table} WHEN NEW.seq <> {expected} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )
        return
    body = f"IF NEW.seq <> {expected} THEN RAISE EXCEPTION '{table} is append-only'; END IF; RETURN NEW;"
    yield _function(f"{table}_next", body)
    yield f"CREATE TRIGGER {table}_in_order BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {table}_next()"


def _function(name: str, body: str) -> str:
    """A trigger's function; it finds its tables wherever the session that calls it looks."""
    return (
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$ "
        f"BEGIN {body} END $$"
    )
