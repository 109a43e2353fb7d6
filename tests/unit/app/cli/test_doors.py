"""How `fiducia intake serve` reads who may call, and which doors to open."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from fiducia.app.cli import app
from fiducia.app.cli.doors import COMMIT_WAIT_S, base_url_of, peer_of, tls_of
from fiducia.app.intake import Peer, Tls
from fiducia.app.intake import dimse_settings as settings


@pytest.mark.parametrize(
    ("text", "peer"),
    [
        ("MODALITY1", Peer("MODALITY1")),
        ("PACS@10.0.0.7:104", Peer("PACS", ("10.0.0.7", 104))),
        ("PACS@pacs.example.org:11112", Peer("PACS", ("pacs.example.org", 11112))),
        ("PACS@[::1]:104", Peer("PACS", ("::1", 104))),
        ("CT@WARD", Peer("CT@WARD")),
        ("CT@WARD@localhost:104", Peer("CT@WARD", ("localhost", 104))),
        ("WITH SPACE", Peer("WITH SPACE")),
    ],
)
def test_who_may_call(text: str, peer: Peer) -> None:
    assert peer_of(text) == peer


@pytest.mark.parametrize("text", ["", " ", "SEVENTEEN-LETTERS", "PACS@host:0", "PACS@host:65536", "A\\B", "Ä", "A\n"])
def test_what_is_no_caller_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        peer_of(text)


def test_certificates_come_with_their_key() -> None:
    certificate, key, ca = Path("a"), Path("b"), Path("c")
    assert tls_of(None, None, None) is None
    assert tls_of(certificate, key, ca) == Tls(certificate, key, ca)
    for given in ((certificate, None, None), (None, key, None), (None, None, ca)):
        with pytest.raises(typer.BadParameter):
            tls_of(*given)


def test_the_help_says_what_is_so() -> None:
    assert COMMIT_WAIT_S == settings.COMMIT_WAIT_S


def test_no_door_at_all_is_a_question() -> None:
    done = CliRunner().invoke(app, ["intake", "serve"])
    assert done.exit_code == 2
    assert "--dicom-port" in done.output


@pytest.mark.parametrize(
    ("text", "url"),
    [
        (None, ""),
        ("https://viewer.example/dicomweb", "https://viewer.example/dicomweb"),
        ("http://10.0.0.7:8712/dicomweb/", "http://10.0.0.7:8712/dicomweb"),
        ("http://[::1]:8712/dicomweb", "http://[::1]:8712/dicomweb"),
        ("https://viewer.example", "https://viewer.example"),
    ],
)
def test_a_service_is_named_by_its_base_url(text: str | None, url: str) -> None:
    assert base_url_of(text) == url


@pytest.mark.parametrize(
    "text",
    [
        "",
        "viewer.example",
        "ftp://a/b",
        "https://",
        "https://me:pw@a/b",
        "https://a/b?c=d",
        "https://a/#b",
        "https://a/ b",
    ],
)
def test_what_is_no_base_url_is_said_so(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="--gateway-url"):
        base_url_of(text)
