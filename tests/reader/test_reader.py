"""The Node reader against sealed studies and vectors: docs/formats.md is enough to read what fiducia writes."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fiducia.adapters.store_directory import DirectoryStore
from fiducia.core.formats.cid import cid_of, cid_of_digest
from fiducia.core.formats.manifest import Manifest, manifest_digest
from fiducia.core.keys.custody import Custody, custody_digest, deal_series
from tests.support.altered import altered
from tests.support.needs import unavailable
from tests.vectors.generate import FOLDER
from tests.vectors.material import STUDY_ID, header, keys, material, place
from tests.vectors.study_case import SealedSeries, key_json, seal_series

HERE = Path(__file__).parent
SIZES = {1: {1: 3_000_000, 2: 0, 3: 16_384 * 5}, 9: {4: 1, 1000: 70_000}}


@pytest.fixture(scope="module")
def node() -> str:
    """The path of Node, 20 or later."""
    found = shutil.which("node")
    if found is None:
        unavailable("Node >= 20 is not on PATH")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.removeprefix("v").split(".")[0]) < 20:
        unavailable(f"Node >= 20 is needed, here is {version.strip()}")
    return found


@dataclass(frozen=True, slots=True)
class Study:
    """A sealed study on disk, and the files that went in."""

    folder: Path
    digest: str
    sealed: dict[int, SealedSeries]
    files: dict[tuple[int, int], bytes]

    def read(self, node: str, *more: str) -> subprocess.CompletedProcess[str]:
        """Run the reader."""
        parts = {"--manifest": "manifest.json", "--objects": "objects", "--keys": "keys.json"}
        options = [word for option, name in parts.items() for word in (option, str(self.folder / name))]
        command = [node, str(HERE / "reader.mjs"), *options, "--digest", self.digest, *more]
        return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """A study of two series, one of them larger than two of IPFS's chunks."""
    sealed, files = {}, {}
    for series, sizes in SIZES.items():
        given = [(number, header(number), material(f"{series}/{number}", size)) for number, size in sizes.items()]
        sealed[series] = seal_series(place(series), keys(series), given)
        files.update({(series, number): head + body for number, head, body in given})
    entries = tuple(
        deal_series(place(series), keys(series), threshold=1, holders=1, randomness=b"")[0] for series in SIZES
    )
    custody = Custody(STUDY_ID, 1, (7,), entries).to_bytes()
    lines = tuple(series.line for series in sealed.values())
    manifest = Manifest(STUDY_ID, 3, 7, custody_digest(custody), lines).to_bytes()
    (tmp_path / "objects").mkdir()
    for one in sealed.values():
        (tmp_path / "objects" / one.line.pack_cid).write_bytes(one.pack)
        (tmp_path / "objects" / one.line.index_cid).write_bytes(one.index)
    (tmp_path / "objects" / cid_of_digest(custody_digest(custody))).write_bytes(custody)
    (tmp_path / "manifest.json").write_bytes(manifest)
    (tmp_path / "keys.json").write_text(json.dumps({"series": [key_json(series, keys(series)) for series in SIZES]}))
    return Study(tmp_path, "0x" + manifest_digest(manifest).hex(), sealed, files)


def test_it_reads_what_was_sealed(node: str, study: Study) -> None:
    done = study.read(node, "--out", str(study.folder / "out"))
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    assert (report["digest"], report["revision"]) == (study.digest, 3)
    read = {
        (series["number"], one["number"]): (one["size"], one["sha256"], one["attributes"])
        for series in report["series"]
        for one in series["instances"]
    }
    assert read == {at: (len(file), hashlib.sha256(file).hexdigest(), 1) for at, file in study.files.items()}
    for (series, number), file in study.files.items():
        assert (study.folder / f"out/series-{series}/instance-{number}.dcm").read_bytes() == file


def test_it_reads_the_embedded_stores_own_folder(node: str, study: Study) -> None:
    objects = study.folder / "objects"
    store = DirectoryStore(study.folder / "store")
    for path in sorted(objects.iterdir()):
        data = path.read_bytes()
        if path.name == cid_of(data):
            store.put(lambda cid=path.name: cid, [data])  # type: ignore[misc]
    shutil.rmtree(objects)
    (study.folder / "store" / "objects").rename(objects)
    done = study.read(node)
    assert done.returncode == 0, done.stderr


def test_it_reads_the_study_of_the_vectors(node: str) -> None:
    folder = FOLDER / "study"
    expected = json.loads((folder / "expected.json").read_bytes())
    done = Study(folder, expected["digest"], {}, {}).read(node)
    assert done.returncode == 0, done.stderr
    found = [
        {"series": series["number"], **{name: one[name] for name in ("number", "size", "sha256")}}
        for series in json.loads(done.stdout)["series"]
        for one in series["instances"]
    ]
    assert found == expected["instances"]


def test_it_holds_the_vectors(node: str) -> None:
    done = subprocess.run([node, str(HERE / "vectors.mjs"), str(FOLDER)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    here = {kind.name: len(list(kind.iterdir())) for kind in FOLDER.iterdir() if kind.name not in ("sealed", "study")}
    assert json.loads(done.stdout) == here


def rewritten(study: Study, name: str, change: Callable[[bytes], bytes]) -> None:
    path = study.folder / name
    path.write_bytes(change(path.read_bytes()))


def flipped(at: int) -> Callable[[bytes], bytes]:
    return lambda data: altered(data, at)


def test_a_flipped_byte_of_any_object_is_refused(node: str, study: Study) -> None:
    for cid in (study.sealed[9].line.pack_cid, study.sealed[1].line.index_cid):
        for at in (0, 30, -2):
            rewritten(study, f"objects/{cid}", flipped(at % (study.folder / "objects" / cid).stat().st_size))
            done = study.read(node, "--out", str(study.folder / "out"))
            assert done.returncode == 1
            assert "not the one that its CID names" in done.stderr
            rewritten(study, f"objects/{cid}", flipped(at % (study.folder / "objects" / cid).stat().st_size))
    assert study.read(node).returncode == 0


def test_another_pack_under_another_manifest_is_named(node: str, study: Study) -> None:
    """The CID fits and the tags hold: only the root tells that these are other bytes."""
    given = [(number, header(number), material(f"other {number}", size)) for number, size in SIZES[1].items()]
    other = seal_series(place(1), keys(1), given)
    (study.folder / "objects" / other.line.pack_cid).write_bytes(other.pack)
    rewritten(
        study,
        "manifest.json",
        lambda data: data.replace(study.sealed[1].line.pack_cid.encode(), other.line.pack_cid.encode()),
    )
    digest = "0x" + manifest_digest((study.folder / "manifest.json").read_bytes()).hex()
    done = Study(study.folder, digest, {}, {}).read(node, "--out", str(study.folder / "out"))
    assert (done.returncode, done.stderr) == (1, "series 1, instance 1: its data set is another one\n")
    assert not (study.folder / "out").exists()
    assert cid_of(other.pack) == other.line.pack_cid


def without_key(name: str) -> Callable[[bytes], bytes]:
    return lambda data: data.replace(key_json(9, keys(9))[name].encode(), b"0x" + b"0" * 64)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("manifest.json", lambda data: data + b"\n", "the manifest: not the one that the ledger names"),
        ("keys.json", lambda data: data.replace(b'"number": 9', b'"number": 8'), "the keys: "),
        ("keys.json", without_key("index_key"), "series 9: index: another key"),
        ("keys.json", without_key("pack_key"), "series 9, instance 4: another key"),
    ],
    ids=["manifest", "series", "index_key", "pack_key"],
)
def test_what_does_not_belong_is_refused(
    node: str, study: Study, name: str, change: Callable[[bytes], bytes], message: str
) -> None:
    rewritten(study, name, change)
    done = study.read(node)
    assert done.returncode == 1
    assert done.stderr.startswith(message)


def test_usage_is_exit_2(node: str) -> None:
    done = subprocess.run([node, str(HERE / "reader.mjs")], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "--manifest" in done.stderr
