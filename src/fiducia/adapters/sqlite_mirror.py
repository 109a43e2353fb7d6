"""A member's copy of the ledger's events in SQLite: the last facts seen, whether the chain is up or down.

Owns two tables: the events in wire form, and how far they reach, with that block's hash. Several processes
share one file: whoever reads new blocks writes them for all. At start the events are replayed into one
`State`; every catch-up that brings events gives out a new `State`, so nobody reads one that changes. A
chain that no longer has the block that was reached last is another chain, or a rewritten one, and is
refused. Events are pseudonymous and public to members, so they are not sealed. Source: design section 5.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Connection, Integer, LargeBinary, MetaData, Table, Text, insert, select, update

from fiducia.adapters.sql.database import Kept, Schema, open_database
from fiducia.core import wire
from fiducia.core.replay import NO_HEAD, State
from fiducia.errors import ConfigError, EncodingError, LedgerInconsistencyError, LedgerStaleError
from fiducia.ports import Ledger
from fiducia.records.events import LedgerEvent
from fiducia.records.ledger import Head

_METADATA = MetaData()
_REACHED = Table(
    "reached",
    _METADATA,
    Column("id", Integer, primary_key=True),
    Column("network", LargeBinary, nullable=False),
    Column("number", Integer, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("time_at", Integer, nullable=False),
)
_EVENTS = Table(
    "events",
    _METADATA,
    Column("block_number", Integer, primary_key=True),
    Column("log_index", Integer, primary_key=True),
    Column("body", Text, nullable=False),
    sqlite_with_rowid=False,
)
_SCHEMA = Schema("FIMR", 1, _METADATA)
_RECORDS_AT_ONCE = 10_000  # in memory
_QUIET_BLOCKS = 100  # without an event in them, before the new position is worth a durable write


class SqliteMirror(Kept):
    """A `fiducia.ports.Mirror` on a SQLite file; thread-safe, several processes may share the file.

    Args:
        path: the file; made when it is not there.
        ledger: where new events come from.
        network: what tells this ledger from others, such as its genesis hash; at least one byte.
        first_block: the block of the contracts' deployment.

    Raises:
        ConfigError: the file holds another network's events, or something else.
        VaultError: the file cannot be made, opened or read.
        LedgerInconsistencyError: what the file holds is no ledger.
    """

    def __init__(self, path: Path, ledger: Ledger, *, network: bytes, first_block: int = 0) -> None:
        super().__init__(open_database(path, _SCHEMA))
        self._ledger = ledger
        self._lock = threading.Lock()
        start = Head(first_block - 1, bytes(32), 0)
        with self._database.write() as connection:
            known = connection.scalar(select(_REACHED.c.network))
            if known is None:
                connection.execute(insert(_REACHED).values(id=1, network=network, **_columns(start)))
            elif known != network:
                raise ConfigError("the mirror's file holds another network's events; remove it, or name another file")
        self._state, self._reached = self._load(State(), start)

    def catch_up(self) -> State:
        """Read new final blocks; see `fiducia.ports.Mirror.catch_up`.

        Raises:
            LedgerStaleError: also when the chain's endpoint is behind what was seen before.
            LedgerInconsistencyError: another chain, a rewritten one, or events that cannot have happened.
            LedgerUnreachableError, and VaultError when the file does not take the events.
        """
        with self._lock:
            self._state, self._reached = self._load(self._state, self._reached)
            head = self._ledger.head()
            self._require_same_chain(head)
            if head.number > self._reached.number:
                self._advance(head)
            return self._state

    def state(self) -> State:
        """Return the state as last seen; see `fiducia.ports.Mirror.state`."""
        return self._state

    def records(self, first_block: int, last_block: int) -> Iterator[tuple[int, bytes]]:
        """Yield records of a stretch of blocks; see `fiducia.ports.Mirror.records`."""
        block = _EVENTS.c.block_number
        while first_block <= last_block:
            stretch = select(block, _EVENTS.c.body).where(block >= first_block, block <= last_block)
            with self._database.read() as connection:
                rows = connection.execute(stretch.order_by(block, _EVENTS.c.log_index).limit(_RECORDS_AT_ONCE)).all()
            if len(rows) == _RECORDS_AT_ONCE:  # the last block may go on: it is read again, from its beginning
                rows = [row for row in rows if row.block_number < rows[-1].block_number] or self._of_block(
                    rows[-1].block_number
                )
                following = rows[-1].block_number + 1
            else:
                following = last_block + 1
            yield from ((row.block_number, row.body.encode()) for row in rows)
            first_block = following

    def _of_block(self, number: int) -> Sequence[Any]:
        of_block = select(_EVENTS.c.block_number, _EVENTS.c.body).where(_EVENTS.c.block_number == number)
        with self._database.read() as connection:
            return connection.execute(of_block.order_by(_EVENTS.c.log_index)).all()

    def _load(self, state: State, reached: Head) -> tuple[State, Head]:
        """Take what other processes (or an earlier one) wrote after `reached`."""
        with self._database.read() as connection:
            position = _position(connection)
            if position.number <= reached.number:
                return state, reached
            newer = select(_EVENTS.c.body).where(_EVENTS.c.block_number > reached.number)
            bodies = connection.scalars(newer.order_by(_EVENTS.c.block_number, _EVENTS.c.log_index)).all()
        try:
            events = [wire.decode_event(body.encode()) for body in bodies]
        except EncodingError as error:
            raise LedgerInconsistencyError("the mirror's file is damaged: remove it, it is read anew") from error
        return _after(state, events, position), position

    def _require_same_chain(self, head: Head) -> None:
        if self._reached.hash == NO_HEAD.hash:
            return  # nothing was reached yet
        if head.number < self._reached.number:
            raise LedgerStaleError(
                f"the chain's endpoint is at block {head.number}; block {self._reached.number} was seen before"
            )
        seen = head if head.number == self._reached.number else self._ledger.block(self._reached.number)
        if seen.hash != self._reached.hash:
            raise LedgerInconsistencyError(
                f"block {self._reached.number} is not the one that was seen before: another chain, or a rewritten one"
            )

    def _advance(self, head: Head) -> None:
        events = list(self._ledger.events(self._reached.number + 1, head.number))
        if events or self._is_far(head):
            state = _after(self._state, events, head)  # refuses what cannot have happened, before it is kept
            self._keep(events, head)
            self._state = state
        else:
            self._state.reach(head)
        self._reached = head

    def _is_far(self, head: Head) -> bool:
        with self._database.read() as connection:
            return head.number >= _position(connection).number + _QUIET_BLOCKS

    def _keep(self, events: Sequence[LedgerEvent], head: Head) -> None:
        """Write what no other process wrote meanwhile; final blocks are the same for all."""
        with self._database.write() as connection:
            position = _position(connection)
            rows = [
                {
                    "block_number": event.block_number,
                    "log_index": event.log_index,
                    "body": wire.encode(event).decode(),
                }
                for event in events
                if event.block_number > position.number
            ]
            if rows:
                connection.execute(insert(_EVENTS), rows)
            if head.number > position.number:
                connection.execute(update(_REACHED).values(**_columns(head)))


def _after(state: State, events: Sequence[LedgerEvent], head: Head) -> State:
    """Return the state after `events`, up to `head`; `state` itself is left as it is."""
    following = state.copy()
    for event in events:
        following.apply(event)
    following.reach(head)
    return following


def _position(connection: Connection) -> Head:
    row = connection.execute(select(_REACHED.c.number, _REACHED.c.hash, _REACHED.c.time_at)).one()
    return Head(row.number, bytes(row.hash), row.time_at)


def _columns(head: Head) -> dict[str, int | bytes]:
    return {"number": head.number, "hash": head.hash, "time_at": head.time_at}
