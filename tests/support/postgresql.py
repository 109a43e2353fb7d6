"""A real PostgreSQL server for tests: a private cluster of Debian's, in memory where the machine has a place for that.

The server refuses to run as root, so root's tests run it under an account without rights. It sorts by a language's
rules and keeps every promise about durability, as a hospital's would.
"""

from __future__ import annotations

import contextlib
import fcntl
import getpass
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import URL

from fiducia.adapters.sql import PostgresPlace
from fiducia.adapters.sql.custody import CUSTODY
from fiducia.adapters.sql.postgresql import migrate
from fiducia.app.processes import free_ports

PREPARED = "prepared"
PASSWORD = "correct horse battery staple"
ACCOUNT = "fiducia"
_START_S = 60
_PREFIX = "fiducia-pg-"


@dataclass
class Cluster:
    """A running server: its socket's directory, its port, its data, and its log."""

    directory: Path
    port: int
    process: subprocess.Popen[bytes]
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def data(self) -> Path:
        """Where every byte of it lies."""
        return self.directory / "data"

    def url(self, database: str = "postgres") -> URL:
        """Return a database's address, by the server's socket."""
        return URL.create(
            "postgresql", ACCOUNT, database=database, query={"host": str(self.directory), "port": str(self.port)}
        )

    def tcp_url(self, database: str, password: str) -> URL:
        """Return a database's address by TCP, where the server asks for a password."""
        return URL.create("postgresql", ACCOUNT, password, "127.0.0.1", self.port, database)

    def run(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run one statement outside any transaction, as the server's owner, and return what it gives."""
        with psycopg.connect(
            host=str(self.directory), port=self.port, user=ACCOUNT, dbname=database, autocommit=True
        ) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    @contextmanager
    def database(self, template: str = PREPARED) -> Iterator[PostgresPlace]:
        """Give a database of one's own, a copy of another; removed on leaving."""
        name = f"d{next(self._numbers)}"
        self.copy(template, name)
        try:
            yield PostgresPlace(self.url(name))
        finally:
            self.run(f"DROP DATABASE {name} WITH (FORCE)")

    def copy(self, template: str, name: str) -> None:
        """Copy a database that nobody is connected to."""
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}")


def binaries() -> Path:
    """Where PostgreSQL's programs are; skips, saying so, where they are not."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    server = shutil.which("postgres")
    if server is None or shutil.which("setpriv") is None:
        pytest.skip("PostgreSQL's server is not here: Debian's postgresql makes this run")
    return Path(server).resolve().parent


@contextmanager
def running_postgresql() -> Iterator[Cluster]:
    """Run a cluster of one's own for as long as the block lasts."""
    programs = binaries()
    memory = Path("/dev/shm")
    with contextlib.ExitStack() as closing:
        # A short path: a socket's may have 107 bytes.
        room = memory if os.access(memory, os.W_OK) else Path(tempfile.gettempdir())
        _sweep(room)
        directory = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=room))
        closing.callback(shutil.rmtree, directory, ignore_errors=True)
        closing.enter_context(_held(directory))
        server_account = _account()
        if os.geteuid() == 0:
            os.chown(directory, server_account.pw_uid, server_account.pw_gid)
        _as_account(
            programs / "initdb", "-D", directory / "data", "-U", ACCOUNT, "--encoding=UTF8", "--locale=C.UTF-8",
            "--locale-provider=icu", "--icu-locale=en-US", "--auth-local=trust", "--auth-host=scram-sha-256",
        ).communicate()  # fmt: skip
        (port,) = free_ports(1)
        process = _as_account(
            programs / "postgres", "-D", directory / "data", "-k", directory, "-p", str(port),
            "-c", "shared_buffers=64MB", "-c", "listen_addresses=127.0.0.1", "-c", "wal_recycle=off",
        )  # fmt: skip
        closing.callback(process.wait)
        closing.callback(process.send_signal, signal.SIGINT)  # ends it without waiting for who is connected
        cluster = Cluster(directory, port, process)
        _wait_until_ready(cluster)
        _prepare(cluster)
        yield cluster


def _sweep(room: Path) -> None:
    """Remove what tests that were killed left behind: nobody holds it any more."""
    for left in room.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > _START_S:
                with _held(left):
                    shutil.rmtree(left)


@contextmanager
def _held(directory: Path) -> Iterator[None]:
    """Hold a directory for as long as this process lives. Raises: OSError (somebody else does)."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _prepare(cluster: Cluster) -> None:
    cluster.run(f"ALTER ROLE {ACCOUNT} PASSWORD '{PASSWORD}'")
    cluster.run(f"CREATE DATABASE {PREPARED}")
    migrate(PostgresPlace(cluster.url(PREPARED)), CUSTODY)


def _account() -> pwd.struct_passwd:
    if os.geteuid() != 0:
        return pwd.getpwnam(getpass.getuser())
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    pytest.skip("there is no account without rights to run PostgreSQL under")


def _as_account(*command: object) -> subprocess.Popen[bytes]:
    """Start a program that ends with us, under an account that may run it."""
    account = _account()
    rights = ["--reuid", str(account.pw_uid), "--regid", str(account.pw_gid), "--clear-groups"]
    prefix = ["setpriv", *(rights if os.geteuid() == 0 else []), "--pdeathsig", "QUIT", "--"]
    environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"}
    return subprocess.Popen(
        [*prefix, *map(str, command)], cwd="/", env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def _wait_until_ready(cluster: Cluster) -> None:
    deadline = time.monotonic() + _START_S
    while True:
        try:
            cluster.run("SELECT 1")
        except psycopg.OperationalError:
            assert cluster.process.poll() is None, "the server did not start"
            assert time.monotonic() < deadline, "the server did not start in time"
            time.sleep(0.02)
        else:
            return


def of_owner(place: PostgresPlace, owner: str) -> PostgresPlace:
    """Return another owner's place in the same database."""
    return replace(place, owner=owner)
