"""`fiducia audit`: prove who could see what, when and why, with no key and no trust in any operator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from fiducia.app.cli import audit_log, parsing
from fiducia.app.cli.common import Call, add_commands, command, noun
from fiducia.app.cli.erasures import MARK as ERASURE_MARK
from fiducia.app.cli.erasures import verify_certificate
from fiducia.app.cli.files import read_document
from fiducia.app.cli.proofs import MARK as PROVENANCE_MARK
from fiducia.app.cli.proofs import export_trust, files_of, verify_provenance
from fiducia.app.output import Fact, utc
from fiducia.core.finding import Finding
from fiducia.errors import InputError

EXIT_FINDING = 1

app = noun(
    "audit",
    "Audits: replay the ledger, check members' logs, find what should not be, write reports and proofs that anyone can "
    "check.",
)


@command(app, "verify")
def verify(
    call: Call,
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILE", help="A written report, or proofs (files, or folders of them).", show_default=False
        ),
    ] = None,
    study: Annotated[str | None, typer.Option("--study", metavar="ID", help="Only this study.")] = None,
    trust: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What proofs are checked against: see `audit trust`. Default: this home."),
    ] = None,
    instance: Annotated[
        Path | None, typer.Option(metavar="FILE.dcm", help="The DICOM file at hand: is it the one that is proved?")
    ] = None,
    keys: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="What journals' proofs are checked with: see `audit keys`. Default: this home."
        ),
    ] = None,
    witnesses: Annotated[
        int, typer.Option(min=0, help="How many other members must have cosigned a journal's proof.")
    ] = 1,
) -> int:
    """Replay the ledger from its first block and check it against the public manifests. Exit 1 on a finding.

    With a report (in either form), make it again at its own block and compare every byte: an edited one is refused.

    With provenance files (`study prove`) and a trust file, check them offline: no chain, no store, no network. Exit 1
    when one does not hold, and the part that does not is named; 5 when one is no such file.

    With a certificate of erasure (`study erase`), check against this home's replay of the ledger that fewer shares are
    unaccounted for than open the study; the store is not asked. Exit 1 when it does not show that.

    \b
    Examples:
      fiducia audit verify
      fiducia audit verify report.json
      fiducia audit verify erased.json
      fiducia audit verify proofs/series-1/instance-2.proof.json --trust trust.json --instance slice.dcm
      fiducia audit verify proofs --trust trust.json
      fiducia audit verify hand-over.tlog-proof --keys members.keys
    """
    if files and study is not None:
        raise typer.BadParameter("a file says itself what it is about: leave --study out")
    meant = files_of(files or [])
    if meant and audit_log.is_log_file(given := read_document(meant[0])):
        if len(meant) > 1 or trust is not None or instance is not None:
            raise typer.BadParameter(
                "give one journal's proof, or one piece of evidence, with --keys and --witnesses alone"
            )
        audit_log.verify_file(call, meant[0], given, keys, witnesses)
        return 0
    if keys is not None:
        raise typer.BadParameter("--keys goes with a journal's proof, or with evidence")
    if meant and (check := _proof_of(meant[0])) is not None:
        if instance is not None and len(meant) > 1:
            raise typer.BadParameter("--instance goes with one proof")
        return check(call, meant, trust, instance)
    if len(meant) > 1:
        raise typer.BadParameter("give one report, or any number of proofs")
    if trust is not None or instance is not None:
        raise typer.BadParameter("--trust and --instance go with proofs")
    return _verify_ledger(call, meant[0] if meant else None, study)


@command(app, "trust")
def write_trust(
    call: Call,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to.")],
    quorum: Annotated[
        int | None,
        typer.Option(min=1, help="How many members must vouch. Default: more than half.", show_default=False),
    ] = None,
) -> None:
    """Write the trust file: all that somebody needs beforehand to check provenance files offline.

    It has the ledger's name, the members' broker keys as of now, and how many must agree; nothing in it is secret. It
    is made from this home's own replay of the ledger. Whoever gets it must get it from somebody they believe.

    \b
    Example:
      fiducia audit trust --out trust.json
    """
    export_trust(call, out, quorum)


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


_PROOFS: tuple[tuple[bytes, Callable[[Call, Sequence[Path], Path | None, Path | None], int]], ...] = (
    (PROVENANCE_MARK, verify_provenance),
    (ERASURE_MARK, verify_certificate),
)
"""What a proof declares itself to be, and who checks files of that kind; everything else is a report."""


def _proof_of(path: Path) -> Callable[[Call, Sequence[Path], Path | None, Path | None], int] | None:
    data = read_document(path)
    return next((check for mark, check in _PROOFS if mark in data), None)


def _verify_ledger(call: Call, report: Path | None, study: str | None) -> int:
    journey = call.house.audit_ledger()
    if report is not None:
        made = journey.check(read_document(report))
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


def _finding(finding: Finding) -> Fact:
    return {
        "code": finding.code,
        "block": finding.block_number,
        "time": utc(finding.time_at),
        "about": finding.about,
        "study_id": finding.study_id,
        "detail": finding.detail,
    }


add_commands(app, prove=audit_log.prove, keys=audit_log.keys, log=audit_log.log)
