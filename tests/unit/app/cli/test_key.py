"""What `fiducia key rotate` refuses before it opens anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from fiducia.app.cli import main


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["ISSUER", "--now"], "--now goes with"),
        (["BROKER_KEM", "--finish", "--kem", "MLKEM1024_P384"], "for beginning"),
        (["BROKER_KEM", "--kem", "RSA"], "MLKEM768_X25519, MLKEM1024_P384"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_words_that_do_not_go_together(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["key", "rotate", *words, "--home", str(tmp_path / "none"), "--json"]) == 2
    out = capsys.readouterr()
    assert said in " ".join((out.out + out.err).split())


def test_studies_or_all_of_them_are_dealt_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in ([], ["--all", "0x" + "11" * 32]):
        assert main(["study", "refresh", *words, "--home", str(tmp_path / "none"), "--json"]) == 2
        assert "name studies, or give --all" in " ".join(capsys.readouterr().err.split())
