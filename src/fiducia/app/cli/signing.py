"""How what is signed is shown first, and signed grants in files; shared by the commands that have something signed."""

from __future__ import annotations

from pathlib import Path

from fiducia.app.cli.common import Call
from fiducia.app.cli.files import read_document
from fiducia.app.output import utc
from fiducia.core import wire
from fiducia.errors import InputError
from fiducia.journeys.grants.grant import GrantResult, Show
from fiducia.records.ledger import GrantAct


def showing(call: Call) -> tuple[Show, list[str]]:
    """Return a way to show words before they are signed, and the list that then holds them."""
    shown: list[str] = []

    def show(words: str) -> None:
        shown.append(words)
        if not call.out.as_json:
            call.out.text(words)

    return show, shown


def show_given(call: Call, given: GrantResult, words: str, *, study_id: bytes, series: int) -> None:
    """Print a grant that is on chain."""
    if given.expiry_at < given.grant.not_after:
        call.out.say(f"it ends with the appointment of who signed, at {utc(given.expiry_at)}")
    call.out.facts(
        {
            "grant_id": given.grant_id,
            "subject": given.grant.subject,
            "study_id": study_id or None,
            "series": series or None,
            "grantee": given.grant.grantee,
            "until": utc(given.expiry_at),
            "terms": given.grant.terms,
            "words": words.splitlines() if call.out.as_json else None,
            "block": given.receipt.head.number,
            "gas": given.receipt.gas_used,
        }
    )


def read_grant(path: Path) -> GrantAct:
    """Return the signed grant in a file. Raises: InputError (not readable), EncodingError (not one)."""
    act = wire.decode_act(read_document(path))
    if not isinstance(act, GrantAct):
        raise InputError(f"{path} holds a signed act, but no grant")
    return act


def write_grant(path: Path, act: GrantAct) -> None:
    """Write a signed grant into a new file. Raises: InputError (there is one already, or it cannot be written)."""
    try:
        with path.open("xb") as file:
            file.write(wire.encode(act) + b"\n")
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from error
