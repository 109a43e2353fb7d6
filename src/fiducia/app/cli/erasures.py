"""What `fiducia audit verify` does with certificates of erasure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from fiducia.app.cli.common import Call
from fiducia.app.cli.files import read_bounded
from fiducia.app.output import utc
from fiducia.core.erasing import verify_erasure
from fiducia.core.formats.erasure import ERASURE_FORMAT, ERASURE_MAX_BYTES

MARK = f'"format":"{ERASURE_FORMAT}"'.encode()
"""What a certificate of erasure has, and no other file that `audit verify` takes."""


def verify_certificate(call: Call, files: Sequence[Path], trust: Path | None, instance: Path | None) -> int:
    """Check one certificate against this home's replay of the ledger, and print what it proves; return the exit code.

    Raises:
        EncodingError: no certificate. VerificationError: it does not prove that the study is erased.
    """
    from fiducia.app.wiring.parts import READER  # all of the house loads for commands that open it

    if len(files) > 1 or trust is not None or instance is not None:
        raise typer.BadParameter("give one certificate of erasure alone: it is checked against this home's ledger")
    data = read_bounded(files[0], ERASURE_MAX_BYTES, "certificate of erasure")
    proven = verify_erasure(data, call.house.mirror(READER).catch_up(), call.house.domains)
    call.out.facts(
        {
            "certificate": str(files[0]),
            "verified": True,
            "study_id": proven.study_id,
            "custodian": proven.custodian,
            "destroyed": proven.destroyed,
            "unaccounted": proven.unaccounted,
            "held_until": utc(proven.held_until) if proven.held_until else None,
        }
    )
    return 0
