"""`fiducia audit`: prove who could see what, when and why, with no key and no trust in any operator."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fiducia.app.cli import parsing
from fiducia.app.cli.common import Call, command, noun
from fiducia.app.output import Fact, utc
from fiducia.core.finding import Finding
from fiducia.errors import InputError

EXIT_FINDING = 1
_REPORT_MAX_BYTES = 64 << 20

app = noun("audit", "Audits: replay the ledger, find what should not be, write reports that anyone can check.")


@command(app, "verify")
def verify(
    call: Call,
    report: Annotated[
        Path | None, typer.Argument(metavar="[REPORT]", help="A written report to make again.", show_default=False)
    ] = None,
    study: Annotated[str | None, typer.Option("--study", metavar="ID", help="Only this study.")] = None,
) -> int:
    """Replay the ledger from its first block and check it against the public manifests. Exit 1 on a finding.

    With a report (in either form), make it again at its own block and compare every byte: an edited one is refused.

    \b
    Examples:
      fiducia audit verify
      fiducia audit verify report.json
    """
    if report is not None and study is not None:
        raise typer.BadParameter("a report says itself what it is about: leave --study out")
    journey = call.house.audit_ledger()
    if report is not None:
        made = journey.check(_read(report))
    else:
        made = journey.run(parsing.study_id(study) if study else None).report
    findings = [_finding(finding) for finding in made.findings]
    call.out.facts(
        {
            "report": str(report) if report else None,
            "block": made.block_number,
            "verified": not findings,
            "findings": findings,
        }
    )
    return EXIT_FINDING if findings else 0


@command(app, "report")
def write(
    call: Call,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to: JSON, and beside it .txt to be read.")],
    study: Annotated[str | None, typer.Option("--study", metavar="ID", help="Only this study.")] = None,
) -> int:
    """Write a report of the ledger in two forms: JSON, and text to be read. Exit 1 when it holds a finding.

    Anyone can check either form later with `fiducia audit verify`: it is made again at its block, byte for byte.

    \b
    Example:
      fiducia audit report --out report.json
    """
    as_json, as_text = out.with_suffix(".json"), out.with_suffix(".txt")
    written = call.house.audit_ledger().write(parsing.study_id(study) if study else None)
    for path, data in ((as_json, written.json), (as_text, written.text.encode())):
        try:
            path.write_bytes(data)
        except OSError as error:
            raise InputError(f"{path} cannot be written: {error.strerror}; give another --out") from error
    made = written.report
    call.out.facts(
        {
            "json": str(as_json),
            "text": str(as_text),
            "block": made.block_number,
            "events": made.events,
            "studies": len(made.studies),
            "findings": [_finding(finding) for finding in made.findings],
        }
    )
    return EXIT_FINDING if made.findings else 0


def _finding(finding: Finding) -> Fact:
    return {
        "code": finding.code,
        "block": finding.block_number,
        "time": utc(finding.time_at),
        "about": finding.about,
        "study_id": finding.study_id,
        "detail": finding.detail,
    }


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > _REPORT_MAX_BYTES:
            raise InputError(f"{path} is longer than any report")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
