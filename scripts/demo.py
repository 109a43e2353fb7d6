"""The main job on real parts, narrated step by step, each step checked.

Drives the same command line that people use, in this process (one command runs in a process of its own, to be
killed half-way). Exit code 0 only when every step did what it should. Run through `scripts/demo`.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from fiducia.app.cli import EXIT_INTERRUPTED as INTERRUPTED
from fiducia.app.cli import main as fiducia
from fiducia.app.home import Home
from fiducia.app.interruptions import ended_by_signals
from fiducia.app.sample_dicom import Sample, sample_ct_series, wheel_studies
from fiducia.app.settings import load
from fiducia.app.wiring import House
from fiducia.journeys.shared.objects import read_manifest

CT_SLICES = 128  # of 512 x 512 x 16 bit: 64 MB
UNTIL = "2099-12-31" if time.gmtime().tm_year >= 2035 else f"{time.gmtime().tm_year + 1}-12-31"


class CheckError(Exception):
    """A step did not do what it should; the message says what happened instead."""


@dataclass(slots=True)
class Step:
    """One checked step of the story."""

    name: str
    checked: str = ""
    seconds: float = 0.0
    gas: int = 0
    passed: bool = False


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command answered."""

    code: int
    said: Any
    errors: str


class Demo:
    """The story. Each method is one chapter and needs those before it."""

    def __init__(self, root: Path, console: Console, store: str | None) -> None:
        self.root = root
        self.home = root / "home"
        self.console = console
        self.store = store
        self.steps: list[Step] = []
        self.studies: dict[str, dict[str, Any]] = {}
        self.originals: dict[str, list[Path]] = {}

    # -- telling

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Narrate and time one step; whatever it raises marks it as failed."""
        step = Step(name)
        self.steps.append(step)
        self.console.print(f"\n[bold]{len(self.steps)}. {name}[/bold]")
        started, first = time.perf_counter(), self._block()
        try:
            yield step
            step.passed = True
        finally:
            step.seconds = round(time.perf_counter() - started, 2)
            with contextlib.suppress(OSError):
                step.gas = self._gas(first)
            mark = "[green]ok[/green]" if step.passed else "[red]failed[/red]"
            self.console.print(f"   {mark} {step.checked} [dim]({step.seconds} s)[/dim]")

    def run(self, *words: str, expect: int = 0) -> Ran:
        """Run one command of `fiducia` and check its exit code."""
        self.console.print(f"   [cyan]$ fiducia {' '.join(words)}[/cyan]", soft_wrap=True)
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = fiducia([*words, "--home", str(self.home), "--json"])
        if code == INTERRUPTED:
            raise KeyboardInterrupt
        errors = err.getvalue().strip()
        self.expect(code == expect, f"exit {code} instead of {expect}: {errors}")
        if code:
            self.console.print(f"   [dim]exit {code}: {errors.splitlines()[-1] if errors else ''}[/dim]")
        return Ran(code, json.loads(out.getvalue()) if out.getvalue() else None, errors)

    @staticmethod
    def expect(holds: bool, otherwise: str) -> None:
        """Raise CheckError when something does not hold."""
        if not holds:
            raise CheckError(otherwise)

    # -- chapters

    def bring_up(self) -> None:
        """Chain, store, brokers, two hospitals, keys, a badge, a patient."""
        with self.step("Two hospitals form a consortium on a local chain") as step:
            chosen = ("--store", self.store) if self.store else ()
            parts = self.run("up", "--detach", *chosen).said
            self.expect(all(part["ready"] for part in parts), "a part is not ready")
            self.store = "kubo" if any("kubo" in part["part"] for part in parts) else "embedded"
            if self.store == "embedded":
                self.console.print("   objects go to the embedded directory store")
            members = self.run("member", "list").said
            keys = self.run("key", "list").said
            badge = self.run("badge", "show").said
            patients = self.run("patient", "list").said
            self.expect(len(members) == 2, "not two members")
            self.expect(len(keys) >= 10, "not every key is published")
            self.expect(bool(badge) and len(patients) == 1, "no badge, or no patient")
            step.checked = f"2 members, {len(keys)} keys, 1 badge, 1 patient, store {self.store}"

    def register(self) -> None:
        """Real studies of unknown patients, and a generated one of the enrolled patient."""
        with self.step("Hospital A registers real CT, MR and CR studies, and a CT series of 64 MB") as step:
            real = wheel_studies()
            paths = [str(path) for study in real for path in study.paths]
            unmatched = self._register(paths, expect=5)
            self.expect(unmatched["studies"] == [], "a study of an unknown patient was stored")
            registered = self._register(paths, "--enrol-new")["studies"]
            generated = sample_ct_series(self.root / "ct", CT_SLICES, Sample())
            (ct,) = self._register([str(self.root / "ct")])["studies"]
            again = self._register([str(self.root / "ct")])["studies"][0]
            self.expect(again["unchanged"] and again["study_id"] == ct["study_id"], "registering again was no no-op")
            self.expect(len(registered) == len(real), "not every study was registered")
            for study in registered:
                mine = [
                    each for each in real if len(each.paths) == study["instances"] and each.series == study["series"]
                ]
                self.expect(bool(mine), "a study has other instances than were given")
            self.studies = {"ct": ct, "mr": max(registered, key=lambda study: int(study["instances"]))}
            self.originals = {
                "ct": list(generated),
                "mr": max((list(study.paths) for study in real), key=len),
            }
            total = sum(int(study["bytes"]) for study in (*registered, ct))
            step.checked = (
                f"{len(registered) + 1} studies anchored, {total / 1e6:.1f} MB encrypted, unknown patients refused"
            )

    def refuse(self) -> None:
        """No grant, no keys."""
        with self.step("A clinician of hospital B asks without a grant, and is refused") as step:
            out = self.root / "refused"
            ran = self._fetch("ct", out, expect=3)
            self.expect("GRANT_UNKNOWN" in ran.errors, f"another reason: {ran.errors}")
            self.expect(not out.exists(), "something was written")
            step.checked = "exit 3, reason GRANT_UNKNOWN, nothing written"

    def grant(self) -> None:
        """The patient grants the CT study; the MR study's patient grants one series."""
        with self.step("The patients grant: one study whole, one series of another") as step:
            mr = self.studies["mr"]
            whole = self._grant("ct", "patient")
            single = self._grant("mr", str(mr["patient_profile"]), "--series", "2")
            step.checked = f"grants {short(whole)} and {short(single)}"

    def fetch(self) -> None:
        """Keys are released to hospital B's gateway; images are compared byte for byte."""
        with self.step("Keys are released, images fetched and compared byte for byte") as step:
            out = self.root / "images"
            self._fetch("ct", out)
            compared = self._compare(out, self.originals["ct"])
            self._fetch("mr", self.root / "series", "--series", "2")
            series = self._compare(self.root / "series", self.originals["mr"], subset=True)
            ran = self._fetch("mr", self.root / "beyond", expect=3)
            self.expect("SCOPE" in ran.errors or "GRANT_UNKNOWN" in ran.errors, f"another reason: {ran.errors}")
            mine = self.root / "mine"
            self._fetch("ct", mine, "--as", "patient", purpose="PATRQT")
            self._compare(mine, self.originals["ct"])
            step.checked = (
                f"{compared} + {series} files identical; beyond the granted series refused; patient's own access"
            )

    def tamper(self) -> None:
        """One byte of a pack flipped in the running store's own repository."""
        with self.step("One byte of an encrypted pack is flipped on the store's disk") as step:
            out = self.root / "tampered"
            place, at = self._block_on_disk(self._pack_cid("ct"))
            flip(place, at)
            try:
                ran = self._fetch("ct", out, expect=1)
            finally:
                flip(place, at)
            self.expect("series 1, instance" in ran.errors, f"series and instance are not named: {ran.errors}")
            self.expect(not out.exists() and not list(self.root.glob(".tampered*")), "something was written")
            step.checked = "exit 1, series and instance named, nothing written"

    def revoke(self) -> None:
        """A fetch stopped half-way, the grant revoked, the resumed fetch refused."""
        with self.step("A fetch stops half-way; the patient revokes; going on is refused") as step:
            out = self.root / "late"
            words = ["study", "fetch", self._id("ct"), "--purpose", "TREAT", "--out", str(out)]
            self.console.print(
                f"   [cyan]$ fiducia {' '.join(words)}[/cyan] [dim](killed half-way)[/dim]", soft_wrap=True
            )
            stopped = subprocess.run(
                [sys.executable, "-m", "fiducia.app.cli", *words, "--home", str(self.home)],
                env={**os.environ, "FIDUCIA_STOP_AT": f"fetch.instance-staged:{CT_SLICES // 2}"},
                capture_output=True,
                check=False,
                start_new_session=True,
            )
            self.expect(stopped.returncode == -signal.SIGKILL, "the fetch was not stopped half-way")
            self.expect(bool(self._kept_keys()), "a stopped fetch kept no keys to go on with")
            (grant,) = [row for row in self.run("grant", "list", "--as", "patient").said if row["state"] == "live"]
            self.run("grant", "revoke", grant["grant_id"], "--as", "patient")
            ran = self._fetch("ct", out, expect=3)
            self.expect("GRANT_REVOKED" in ran.errors, f"another reason: {ran.errors}")
            self.expect(not out.exists() and not list(self.root.glob(".late*")), "something was left behind")
            self.expect(self._kept_keys() == (), "kept keys are still there")
            step.checked = "exit 3, reason GRANT_REVOKED, kept keys and staged images gone"

    def audit(self) -> None:
        """A report: written, verified, edited, refused."""
        with self.step("An auditor replays the chain, writes a report; an edited one is refused") as step:
            found = self.run("audit", "verify").said
            self.expect(found["findings"] == [], "the audit has findings")
            self.run("audit", "report", "--out", str(self.root / "report"))
            written = sorted(self.root.glob("report.*"))
            self.expect(len(written) == 2, "not two forms of the report")
            for path in written:
                self.run("audit", "verify", str(path))
                text = path.read_text()
                edited = (
                    text.replace("TREAT", "HRESCH", 1)
                    if path.suffix == ".txt"
                    else text.replace('"purpose":0', '"purpose":4', 1)
                )
                self.expect(edited != text, "the report does not say what for")
                path.write_text(edited)
                self.run("audit", "verify", str(path), expect=1)
                path.write_text(text)
            step.checked = f"no findings; {' and '.join(path.name for path in written)} verified, edits refused"

    # -- helpers

    def _id(self, name: str) -> str:
        return str(self.studies[name]["study_id"])

    def _register(self, paths: Sequence[str], *options: str, expect: int = 0) -> dict[str, Any]:
        shown = paths if len(paths) < 3 else [*paths[:1], f"… ({len(paths)} files)"]
        self.console.print(f"   [cyan]$ fiducia study register {' '.join([*shown, *options])}[/cyan]", soft_wrap=True)
        with quietly(self.console):
            said = self.run("study", "register", *paths, *options, expect=expect).said
        self.expect(isinstance(said, dict), "no answer")
        return dict(said)

    def _grant(self, name: str, profile: str, *options: str) -> str:
        words = ("--to", "clinician", "--purpose", "TREAT", "--until", UNTIL, *options, "--as", profile)
        return str(self.run("grant", "give", "--study", self._id(name), *words).said["grant_id"])

    def _fetch(self, name: str, out: Path, *options: str, purpose: str = "TREAT", expect: int = 0) -> Ran:
        words = ("study", "fetch", self._id(name), "--purpose", purpose, "--out", str(out), *options)
        return self.run(*words, expect=expect)

    def _compare(self, out: Path, originals: Sequence[Path], *, subset: bool = False) -> int:
        """Every fetched file is byte for byte one of the originals, each once; all of them unless `subset`."""
        left = sorted(path.read_bytes() for path in originals)
        fetched = sorted(out.glob("series-*/instance-*.dcm"))
        for path in fetched:
            data = path.read_bytes()
            self.expect(data in left, f"{path.name} is none of the originals")
            left.remove(data)
        self.expect(bool(fetched) and (subset or not left), f"{len(left)} of {len(originals)} files are missing")
        return len(fetched)

    def _house(self) -> House:
        return House(Home(self.home), load())

    def _pack_cid(self, name: str) -> str:
        with self._house() as house:
            study = house.mirror("auditor").catch_up().study(bytes.fromhex(self._id(name)[2:]))
            assert study is not None
            return read_manifest(house.store(), study.manifest).line(1).pack_cid

    def _kept_keys(self) -> tuple[str, ...]:
        with self._house() as house:
            return house.vault("clinician").names("kept/fetch/")

    def _block_on_disk(self, cid: str) -> tuple[Path, int]:
        """Find the file of the store's repository that holds the pack's middle, and where in it."""
        with self._house() as house:
            sample = house.store().read(cid, house.store().size(cid) // 2, 64)
        for path in sorted(self.home.glob("ipfs/blocks/*/*.data")) + sorted(self.home.glob("store/**/*")):
            if path.is_file() and (at := path.read_bytes().find(sample)) >= 0:
                return path, at
        raise CheckError("the pack is not in the store's repository")

    def _block(self) -> int:
        try:
            return int(self._rpc("eth_blockNumber"), 16)
        except OSError:
            return 0

    def _gas(self, after: int) -> int:
        blocks = range(after + 1, self._block() + 1)
        receipts = (self._rpc("eth_getBlockReceipts", hex(number)) for number in blocks)
        return sum(int(receipt["gasUsed"], 16) for block in receipts for receipt in block)

    def _rpc(self, method: str, *parameters: object) -> Any:
        network = self.home / "network.json"
        if not network.exists():
            raise OSError("no chain yet")
        url = json.loads(network.read_text())["chain"]["rpc_urls"][0]
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}).encode()
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)["result"]


@contextlib.contextmanager
def quietly(console: Console) -> Iterator[None]:
    """Print nothing for a while."""
    before, console.quiet = console.quiet, True
    try:
        yield
    finally:
        console.quiet = before


def flip(path: Path, at: int) -> None:
    """Flip one bit of a file; again to undo."""
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1]))


def short(digest: str) -> str:
    """Return an id as people compare it."""
    return f"{digest[:10]}…"


def summary(steps: Sequence[Step]) -> Table:
    """Return the closing table."""
    table = Table(title="What was checked")
    for name in ("step", "checked", "time", "gas", ""):
        table.add_column(name, justify="right" if name in ("time", "gas") else "left")
    for step in steps:
        mark = "[green]ok[/green]" if step.passed else "[red]failed[/red]"
        table.add_row(step.name, step.checked, f"{step.seconds:.1f} s", f"{step.gas:,}" if step.gas else "", mark)
    return table


def next_things(demo: Demo) -> str:
    """Return what to try while the stack stays up."""
    prefix, study = f"fiducia --home {demo.home}", demo._id("ct")
    return "\n".join(
        (
            "The stack stays up. Try:",
            f"  {prefix} status",
            f"  {prefix} study list --as patient",
            f"  {prefix} grant give --study {study} --to clinician --purpose TREAT --until {UNTIL} --as patient",
            f"  {prefix} study fetch {study} --purpose TREAT --out {demo.root / 'again'} --as clinician",
            f"  {prefix} audit verify",
            f"  {prefix} down",
        )
    )


def parse() -> argparse.Namespace:
    """Read the options."""
    parser = argparse.ArgumentParser(prog="scripts/demo", description="The main job on real parts, narrated.")
    parser.add_argument("--store", choices=("kubo", "embedded"), help="which store; Kubo where it is installed")
    parser.add_argument("--keep", action="store_true", help="leave the stack running, and say what to try next")
    parser.add_argument("--home", type=Path, help="where everything is kept; a temporary folder by default")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON on stdout, the story on stderr")
    return parser.parse_args()


def tell(demo: Demo) -> bool:
    """Tell the whole story; returns whether every step did what it should."""
    chapters = (demo.bring_up, demo.register, demo.refuse, demo.grant, demo.fetch, demo.tamper, demo.revoke, demo.audit)
    try:
        for chapter in chapters:
            chapter()
    except CheckError as error:
        demo.console.print(f"[red]{error}[/red]", soft_wrap=True)
    return len(demo.steps) == len(chapters) and all(step.passed for step in demo.steps)


def take_down(demo: Demo) -> None:
    """Stop every process, whatever else is asked of us meanwhile."""

    def down() -> int:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        try:
            return fiducia(["down", "--home", str(demo.home)])  # ends by a signal, as every command, ignored or not
        finally:
            for number in (signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)

    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        while down() == INTERRUPTED:
            pass


@ended_by_signals()
def main() -> int:
    """Run the demo and return its exit code."""
    options = parse()
    console = Console(stderr=options.json, highlight=False)
    root = options.home.absolute() if options.home else Path(tempfile.mkdtemp(prefix="fiducia-demo-"))
    demo = Demo(root, console, options.store)
    passed, started, stays = False, time.perf_counter(), False
    try:
        root.mkdir(parents=True, exist_ok=True)
        passed = tell(demo)
        stays = options.keep
    except KeyboardInterrupt:
        console.print("\ninterrupted")
    finally:
        if not stays:
            take_down(demo)
            if options.home is None:
                shutil.rmtree(root, ignore_errors=True)
    seconds = round(time.perf_counter() - started, 1)
    console.print(summary(demo.steps))
    console.print(f"{'every step did what it should' if passed else 'NOT every step did what it should'}, {seconds} s")
    if stays:
        console.print(next_things(demo), soft_wrap=True)
    if options.json:
        print(
            json.dumps({"passed": passed, "seconds": seconds, "steps": [asdict(step) for step in demo.steps]}, indent=2)
        )
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
