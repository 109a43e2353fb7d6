"""The demo as an outsider runs it, on either store: every step, nothing in plaintext, studies that Node opens alone.

Interrupted at any moment it leaves no process and no folder behind; a step that fails is exit code 1.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fiducia.app.plan import StoreKind
from fiducia.app.sample_dicom import wheel_studies
from fiducia.core.formats.cid import cid_of_digest
from fiducia.core.formats.manifest import Manifest
from fiducia.ports import Store
from tests.support.anvil import anvil_binary
from tests.support.kubo import kubo_binary
from tests.support.needs import unavailable
from tests.support.plaintext import find_plaintext
from tests.support.secrets import identities_in, keys_in
from tests.support.stack import Development, clean_environment, processes_of
from tests.support.truths import keys_of, manifests_of
from tests.vectors.study_case import key_json

ROOT = Path(__file__).resolve().parents[2]
READER = ROOT / "tests" / "reader" / "reader.mjs"
STEPS = 8


def demo(*words: str, temporary: Path, **environment: str) -> subprocess.Popen[str]:
    """Start the demo as the leader of a process group, as a shell would; temporary files go below a folder."""
    return subprocess.Popen(
        [sys.executable, str(ROOT / "scripts" / "demo.py"), *words],
        env=clean_environment(TMPDIR=str(temporary), **environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Wait for a demo: its exit code, stdout and stderr."""
    out, err = process.communicate(timeout=180)
    return process.returncode, out, err


@dataclass(frozen=True, slots=True)
class Told:
    """A demo that was told to its end and left running."""

    development: Development
    summary: dict[str, Any]
    originals: tuple[Path, ...]


@pytest.fixture(scope="module", params=["embedded", "kubo"])
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    store: StoreKind = request.param
    anvil_binary()
    if store == "kubo":
        kubo_binary()
    root = tmp_path_factory.mktemp(f"demo-{store}")
    process = demo("--store", store, "--keep", "--json", "--home", str(root), temporary=root)
    development = Development(root, store)
    try:
        code, out, err = ended(process)
        assert code == 0, err
        wheel = [path for study in wheel_studies() for path in study.paths]
        yield Told(development, json.loads(out), (*wheel, *sorted((root / "ct").iterdir())))
    finally:
        development.down()
        shutil.rmtree(root)
    assert processes_of(root) == []


def test_every_step_does_what_it_should(told: Told) -> None:
    steps = told.summary["steps"]
    assert told.summary["passed"] is True
    assert [step["passed"] for step in steps] == [True] * STEPS
    assert all(step["name"] and step["checked"] for step in steps)
    assert sum(step["gas"] > 0 for step in steps) >= 4
    parts = told.development.fiducia("status").said
    assert all(part["ready"] for part in parts)


def test_node_alone_opens_every_study_of_it(told: Told, tmp_path: Path) -> None:
    """Objects by CID out of the running store, keys out of the vault, docs/formats.md for the rest."""
    node = shutil.which("node")
    if node is None:
        unavailable("Node >= 20 is not on PATH")
    found: Counter[str] = Counter()
    with told.development.house() as house:
        manifests = list(manifests_of(house))
        for number, manifest in enumerate(manifests):
            folder = tmp_path / str(number)
            export(house.store(), manifest, folder)
            keys = [key_json(series, key) for series, key in keys_of(house, manifest).items()]
            (folder / "keys.json").write_text(json.dumps({"series": keys}))
            words = ("--manifest", folder / "manifest.json", "--objects", folder, "--keys", folder / "keys.json")
            digest = "0x" + hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
            read = subprocess.run(
                [node, str(READER), *map(str, words), "--digest", digest], capture_output=True, text=True, check=False
            )
            assert read.returncode == 0, read.stderr
            found.update(one["sha256"] for series in json.loads(read.stdout)["series"] for one in series["instances"])
    assert found == Counter(hashlib.sha256(path.read_bytes()).hexdigest() for path in told.originals)


def export(store: Store, manifest: Manifest, folder: Path) -> None:
    """Copy a study's objects out of the store, each into a file named by its CID."""
    folder.mkdir()
    data = manifest.to_bytes()
    (folder / "manifest.json").write_bytes(data)
    cids = [cid_of_digest(manifest.custody)]
    cids += [cid for line in manifest.series for cid in (line.pack_cid, line.index_cid)]
    for cid in cids:
        (folder / cid).write_bytes(store.read(cid, 0, store.size(cid)))


def test_nothing_of_it_lies_in_plaintext_while_it_runs_and_afterwards(told: Told) -> None:
    """Every file of the home, logs and databases in use included; the key file alone is spared."""
    development = told.development
    with development.house() as house:
        needles = {**keys_in(house), **identities_in(told.originals)}
    home, key_file = development.home.root, development.home.key_file
    assert len(needles) > 40
    assert find_plaintext(home, needles, [key_file]) == ()
    development.down()
    # The objects are the same as before; everything else was written once more.
    objects = [development.home.embedded_store, development.home.kubo_repository / "blocks"]
    assert find_plaintext(home, needles, [key_file, *objects]) == ()
    assert find_plaintext(key_file, {"key-encryption key": needles["key-encryption key"]}) != ()


def test_a_step_that_fails_is_exit_1(tmp_path: Path) -> None:
    code, out, err = ended(demo("--json", temporary=tmp_path, FIDUCIA_ANVIL="/nowhere/anvil"))
    assert code == 1
    summary = json.loads(out)
    assert (summary["passed"], [step["passed"] for step in summary["steps"]]) == (False, [False])
    assert "FIDUCIA_ANVIL" in err
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_is_not_there_is_exit_1(tmp_path: Path) -> None:
    anvil_binary()
    code, _, _ = ended(demo("--store", "kubo", temporary=tmp_path, FIDUCIA_KUBO="/bin/false"))
    assert code == 1
    assert list(tmp_path.iterdir()) == []
    assert processes_of(tmp_path) == []


@dataclass(frozen=True, slots=True)
class Interruption:
    """When to interrupt (so long after a step was announced; step 0: after the start), and by which signals."""

    step: int
    after_s: float
    signals: tuple[signal.Signals, ...]


def interrupted(folder: Path, interruption: Interruption) -> tuple[int, str, bool]:
    """Run a demo up to its interruption; its exit code, what it said, and whether it still ran when it was told."""
    folder.mkdir()
    process = demo("--store", "embedded", temporary=folder)
    assert process.stdout is not None
    if interruption.step:
        next((line for line in process.stdout if line.startswith(f"{interruption.step}. ")), None)
    time.sleep(interruption.after_s)
    told = process.poll() is None  # a quick machine may have come to the end of the story
    for number in interruption.signals:
        if process.poll() is None:  # Ctrl-C goes to the whole group, as a terminal sends it
            os.killpg(process.pid, number) if number == signal.SIGINT else process.send_signal(number)
            time.sleep(0.05)
    code, _, err = ended(process)
    return code, err, told


def test_interrupted_at_any_moment_it_leaves_nothing_behind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Side by side, each at a moment of its own: while it starts, and within steps; once, and impatiently."""
    anvil_binary()
    once, twice = (signal.SIGINT,), (signal.SIGINT, signal.SIGINT)
    term, terms = (signal.SIGTERM,), (signal.SIGTERM, signal.SIGTERM, signal.SIGTERM)
    plan = [(0, once), (0, terms), (1, twice), (2, term), (7, terms)]
    moments = [Interruption(step, random.uniform(0.0, 0.3 if step else 4.0), signals) for step, signals in plan]
    with capsys.disabled():
        print("\ninterrupting " + ", ".join(f"step {one.step} after {one.after_s:.2f} s" for one in moments))
    folders = [tmp_path / str(number) for number in range(len(moments))]
    with ThreadPoolExecutor(len(moments)) as pool:
        ends = list(pool.map(interrupted, folders, moments))
    assert sum(told for _, _, told in ends) >= 3
    for (code, err, told), folder, moment in zip(ends, folders, moments, strict=True):
        assert not told or code != 0, (moment, err)
        assert list(folder.iterdir()) == [], (moment, err)
        assert processes_of(folder) == [], (moment, err)
