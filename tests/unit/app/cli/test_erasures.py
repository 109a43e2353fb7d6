"""`audit verify` knows a certificate of erasure when it sees one, and checks it against the home's own ledger."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer

from fiducia.app.cli.audit import _proof_of
from fiducia.app.cli.erasures import verify_certificate
from fiducia.errors import EncodingError, VerificationError
from tests.journeys.test_erasing import asked, erased
from tests.support.trustees import Trustees


def call_of(world: Trustees) -> tuple[Any, list[dict[str, Any]]]:
    """A call at a home whose replay is this consortium's, and what it prints."""
    printed: list[dict[str, Any]] = []
    house = SimpleNamespace(mirror=lambda _: world.mirror, domains=world.domains)
    return SimpleNamespace(house=house, out=SimpleNamespace(facts=printed.append)), printed


def test_a_certificate_is_recognised_and_verified(tmp_path: Path) -> None:
    world = asked()
    file = tmp_path / "erased.json"
    file.write_bytes(erased(world).certificate)
    check = _proof_of(file)
    assert check is verify_certificate
    call, printed = call_of(world)
    assert check(call, [file], None, None) == 0
    (facts,) = printed
    assert (facts["verified"], facts["destroyed"], facts["unaccounted"]) == (True, (1, 2, 3), ())
    with pytest.raises(typer.BadParameter, match="alone"):
        check(call, [file, file], None, None)


def test_an_edited_certificate_and_one_of_another_ledger_are_refused(tmp_path: Path) -> None:
    world = asked()
    data = erased(world).certificate
    file = tmp_path / "erased.json"
    file.write_bytes(data.replace(b'"custodian":1', b'"custodian":2', 1))
    call, printed = call_of(world)
    with pytest.raises(VerificationError, match="another certificate"):
        verify_certificate(call, [file], None, None)
    file.write_bytes(data[:-1])
    with pytest.raises(EncodingError):
        verify_certificate(call, [file], None, None)
    file.write_bytes(data)
    with pytest.raises(VerificationError, match="does not have this study as erased"):
        verify_certificate(call_of(Trustees())[0], [file], None, None)
    assert printed == []
