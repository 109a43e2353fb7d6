"""The command line as a user has it: one home, JSON answers, the stack's real processes.

Commands run in this process, to spare their start; those that start processes or are to be killed run in their own.
"""

from __future__ import annotations

import base64
import contextlib
import datetime
import hashlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psutil
import pytest

from fiducia.adapters.store_kubo import KuboStore
from fiducia.app.cli import main
from fiducia.app.home import Home
from fiducia.app.settings import load
from fiducia.app.wiring import House
from tests.support.altered import altered
from tests.support.forked import Forked

TIMEOUT_S = 180
_PROGRAM = (sys.executable, "-m", "fiducia.app.cli")
_KEPT = ("PATH", "HOME", "XDG_CACHE_HOME", "FIDUCIA_ANVIL", "FIDUCIA_KUBO", "TMPDIR", "LANG")


@dataclass(frozen=True, slots=True)
class Result:
    """How one command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class Cli:
    """`fiducia` with one home; every command speaks JSON."""

    home: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def paths(self) -> Home:
        return Home(self.home)

    def with_environment(self, **variables: str) -> Cli:
        return Cli(self.home, {**self.environment, **variables})

    def command(self, *words: object) -> list[str]:
        return [*_PROGRAM, "--home", str(self.home), "--json", *map(str, words)]

    def variables(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        return {**kept, **self.environment}

    @contextmanager
    def started(self, *words: object) -> Iterator[subprocess.Popen[str]]:
        """Start a command in a process of its own; it does not outlive the block."""
        with subprocess.Popen(
            self.command(*words),
            env=self.variables(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def run(self, *words: object) -> Result:
        """Run a command to its end, however it ends."""
        own = self.command(*words)[len(_PROGRAM) :]
        if "FIDUCIA_STOP_AT" in self.environment or words[0] in ("up", "down"):
            process = Forked(own, self.variables())
            try:
                out, err = process.communicate(timeout=TIMEOUT_S)
            finally:
                process.kill()
            assert process.returncode is not None
            return Result(process.returncode, out, err)
        said, errors = io.StringIO(), io.StringIO()
        variables = patch.dict(os.environ, self.variables(), clear=True)
        with variables, contextlib.redirect_stdout(said), contextlib.redirect_stderr(errors):
            code = main(own)
        return Result(code, said.getvalue(), errors.getvalue())

    def ok(self, *words: object) -> Any:
        """Run a command that must succeed; returns what it printed."""
        done = self.run(*words)
        assert done.code == 0, f"{words}: exit {done.code}\n{done.out}\n{done.err}"
        return done.json

    def fails(self, code: int, *words: object) -> Any:
        """Run a command that must end with this exit code; returns what it printed."""
        done = self.run(*words)
        assert done.code == code, f"{words}: exit {done.code}, not {code}\n{done.out}\n{done.err}"
        return done.json

    def register(self, folder: Path, *words: object) -> dict[str, Any]:
        """Register one folder with one study; returns what was printed of it."""
        (study,) = self.ok("study", "register", folder, *words)["studies"]
        return dict(study)

    def grant(self, study: Mapping[str, Any], *words: object) -> str:
        """Have the study's patient grant it to the clinician for treatment; returns the grant_id."""
        patient = study["patient_profile"]
        order = ("--study", study["study_id"], "--to", "clinician", "--purpose", "TREAT", "--until", in_a_year())
        return str(self.ok("grant", "give", *order, *words, "--as", patient)["grant_id"])

    def fetch_words(self, study: Mapping[str, Any], out: Path, *words: object) -> tuple[object, ...]:
        """The words of a clinician's fetch."""
        return ("study", "fetch", study["study_id"], "--purpose", "TREAT", "--out", out, *words)

    def processes(self) -> list[psutil.Process]:
        """Every process of this home: what was started for it names it in its command or its working directory."""
        return [process for process in psutil.process_iter() if str(self.home) in _words_of(process)]


def _words_of(process: psutil.Process) -> str:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return ""
        return " ".join([*process.cmdline(), process.cwd()])
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return ""


@contextmanager
def running_stack(home: Path, store: str, **environment: str) -> Iterator[Cli]:
    """Bring a consortium up for as long as the block lasts; nothing of it is left behind."""
    cli = Cli(home, environment)
    cli.ok("up", "--detach", "--store", store)
    try:
        yield cli
    finally:
        cli.ok("down")
        left = cli.processes()
        assert left == [], f"processes were left behind: {left}"


def in_a_year() -> str:
    """A date that lies well inside what a consent may last."""
    return (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=365)).date().isoformat()


def files_of(folder: Path) -> list[bytes]:
    """The contents of all files below a folder, sorted: to compare folders whose file names differ."""
    return sorted(path.read_bytes() for path in folder.rglob("*") if path.is_file())


@contextmanager
def flipped_byte(cli: Cli, pack_cid: str) -> Iterator[None]:
    """Flip one byte early in a pack, in the running store's own repository on disk, and put it back."""
    path = _object_file(cli, pack_cid)
    offset = min(5000, path.stat().st_size // 2)
    original = path.read_bytes()
    mode = path.stat().st_mode
    try:
        path.chmod(0o600)
        path.write_bytes(altered(original, offset))
        yield
    finally:
        path.write_bytes(original)
        path.chmod(mode)


def _object_file(cli: Cli, cid: str) -> Path:
    store = cli.paths.load().store
    if store.kind == "embedded":
        (path,) = cli.paths.embedded_store.rglob(f"*{cid}*")
        return path
    # A leaf is named by the digest of its bytes: the first MiB of the object is the first leaf.
    node = KuboStore(store.address)
    first = node.read(cid, 0, min(1 << 20, node.size(cid)))
    name = base64.b32encode(b"\x12\x20" + hashlib.sha256(first).digest()).decode().rstrip("=")
    (path,) = cli.paths.kubo_repository.rglob(f"{name}.data")
    return path


def profile_keys(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Every secret of a home by what it is, opened with the home's own key: what must lie nowhere in plaintext."""
    for name, value in cli.environment.items():
        monkeypatch.setenv(name, value)
    with House(cli.paths, load()) as house:
        found = {
            f"{profile.name}/{name.value}": secret
            for profile in house.profiles().all()
            for name, secret in profile.keys
        }
        for member in ("hospital-a", "hospital-b", "clinician"):
            vault = house.vault(member)
            found |= {f"{member}:{name}": vault.get(name) for name in vault.names("")}
    return found
