"""A proof as people make and check it: by whoever was granted the study, then offline, with the file at hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import SampleFolders
from tests.support.cli import Cli, running_stack


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Cli]:
    """A consortium of two members, whatever members other tests admit to theirs."""
    with running_stack(tmp_path / "home", "embedded") as cli:
        yield cli


def test_what_was_fetched_is_proved_and_checked_offline(embedded: Cli, samples: SampleFolders, tmp_path: Path) -> None:
    study = embedded.register(samples.make(3, 1))
    words = ("study", "prove", study["study_id"], "--out", tmp_path / "proofs")
    assert embedded.fails(3, *words, "--purpose", "TREAT")["reason"].startswith("GRANT_")
    embedded.fails(2, *words)
    embedded.grant(study)
    embedded.ok(*embedded.fetch_words(study, tmp_path / "images"))
    made = embedded.ok(*words, "--purpose", "TREAT")
    assert (made["files"], made["members"], made["missing"], made["receipt"]) == (4, [1, 2], [], True)
    one = embedded.ok(*words[:-1], tmp_path / "own", "--series", 1, "--instance", 2, "--as", "hospital-a")
    assert one["files"] == 1

    trust = tmp_path / "trust.json"
    exported = embedded.ok("audit", "trust", "--out", trust)
    assert (exported["members"], exported["quorum"], exported["receipts"]) == ([1, 2], 2, True)
    embedded.fails(5, "audit", "trust", "--out", trust, "--quorum", 3)

    # Nothing of the home is needed any more: another one, that is empty.
    offline = Cli(tmp_path / "nowhere")
    proof = tmp_path / "proofs" / "series-1" / "instance-2.proof.json"
    image = tmp_path / "images" / "series-1" / "instance-2.dcm"
    shown = offline.ok("audit", "verify", proof, "--trust", trust, "--instance", image)
    assert (shown["verified"], shown["series"], shown["instance"]) == (True, 1, 2)
    assert (shown["study_id"], shown["members"], shown["receipt"]) == (study["study_id"], [1, 2], True)
    assert offline.ok("audit", "verify", tmp_path / "proofs", tmp_path / "own", "--trust", trust)["proofs"] == 5
    assert embedded.ok("audit", "verify", proof)["verified"] is True  # by the home's own replay

    other = image.with_name("instance-1.dcm")
    assert (
        "another instance"
        in offline.fails(1, "audit", "verify", proof, "--trust", trust, "--instance", other)["detail"]
    )
    edited = tmp_path / "edited.proof.json"
    edited.write_bytes(proof.read_bytes().replace(b'"number":2', b'"number":3'))
    assert offline.fails(1, "audit", "verify", edited, "--trust", trust)["detail"].startswith("instance: ")
    batch = offline.run("audit", "verify", edited, proof, "--trust", trust)
    assert (batch.code, batch.json["proofs"], len(batch.json["refused"])) == (1, 1, 1)
    edited.write_bytes(proof.read_bytes() + b"\n")
    assert "canonical" in offline.fails(5, "audit", "verify", edited, "--trust", trust)["detail"]
    offline.fails(2, "audit", "verify", proof)  # an empty home holds nothing to judge by
