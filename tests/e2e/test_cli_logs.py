"""Members' logs with real brokers: witnessed, anchored, audited; a hand-over proved offline; a lie convicted."""

from __future__ import annotations

from pathlib import Path

import pytest

from fiducia.app.profiles import BROKER_LOG
from fiducia.core.tlog.checkpoint import Checkpoint, parse_checkpoint
from fiducia.core.tlog.note import parse_note
from fiducia.core.tlog.signing import LogKey
from tests.e2e.conftest import SampleFolders
from tests.support.cli import Cli, profile_keys


def test_a_hand_over_is_proved_to_whoever_it_is_about_and_a_lie_is_convicted(
    embedded: Cli, samples: SampleFolders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = embedded.register(samples.make(1))
    embedded.grant(study)
    request = embedded.ok(*embedded.fetch_words(study, tmp_path / "out"))["request_id"]
    proof, keys, seen = tmp_path / "hand-over.tlog-proof", tmp_path / "members.keys", tmp_path / "seen.note"
    made = embedded.ok("audit", "prove", request, "--out", proof, "--as", "hospital-a")
    assert made["entries"] == 2
    assert made["witnesses"] == 1
    embedded.ok("audit", "keys", "--out", keys)

    elsewhere = Cli(tmp_path / "no-home")  # the file and a list of keys are all there is
    shown = elsewhere.ok("audit", "verify", proof, "--keys", keys)
    assert shown["verified"] is True
    assert [entry["kind"] for entry in shown["entries"]] == ["release_asked", "handed_over"]
    assert {entry["about"] for entry in shown["entries"]} == {request}
    assert embedded.ok("audit", "verify", proof) == shown
    edited = tmp_path / "edited.tlog-proof"
    edited.write_bytes(proof.read_bytes().replace(b"index ", b"index 1"))
    elsewhere.fails(1, "audit", "verify", edited, "--keys", keys)

    audited = embedded.ok("audit", "log", "hospital-a", "--checkpoint", seen, "--as", "auditor")
    assert audited["verified"] is True
    assert audited["witnesses"] == [2]
    assert audited["anchors"] >= 1
    assert embedded.ok("audit", "log", "hospital-b", "--as", "auditor")["verified"] is True

    # Hospital A showed somebody else another history, under its own key.
    honest = parse_checkpoint(parse_note(seen.read_bytes()).text)
    key = LogKey(profile_keys(embedded, monkeypatch)[f"hospital-a:{BROKER_LOG}"])
    other = tmp_path / "other.note"
    other.write_bytes(bytes(key.sign(Checkpoint(honest.origin, honest.size, bytes(32)), 1_800_000_000)))
    found = embedded.fails(
        1, "audit", "log", "hospital-a", "--seen", other, "--evidence", tmp_path / "evidence", "--as", "auditor"
    )
    (finding,) = found["findings"]
    assert finding["code"] in ("FORKED", "REWRITTEN")
    convicted = elsewhere.ok("audit", "verify", finding["evidence"], "--keys", keys)
    assert convicted["lied"] == finding["code"].lower()
