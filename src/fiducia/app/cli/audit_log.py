"""`fiducia audit prove`, `keys` and `log`: journals that cannot lie, and their proofs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from fiducia.app.cli import parsing
from fiducia.app.cli.common import Call
from fiducia.app.cli.files import read_document
from fiducia.app.output import Fact, utc
from fiducia.app.profiles import Profile
from fiducia.core.tlog.evidence import is_evidence
from fiducia.core.tlog.proof import LogKeys, is_proof
from fiducia.core.tlog.signing import keys_in, vkeys
from fiducia.errors import InputError, JournalError, ProofError
from fiducia.journeys.logs.proving import WrittenProof, check_entries, check_evidence

EXIT_FINDING = 1
_LOOK_EVERY_S = 0.5


def prove(
    call: Call,
    about: Annotated[
        str, typer.Argument(metavar="ID", help="What the entries are about: a request, grant, study, person (0x…).")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to.")],
    kind: Annotated[
        str | None, typer.Option(metavar="KIND", help="Only entries of this kind, such as handed_over.")
    ] = None,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for a checkpoint that others cosigned.")] = 30.0,
) -> None:
    """Write a file that proves what the journal of the member that you act as says about one thing.

    Whoever it is about checks it with `fiducia audit verify FILE`, asking nobody. It shows these entries and no others.

    \b
    Example:
      fiducia audit prove "$REQUEST" --out proof.tlog-proof --as hospital-a
    """
    profile = call.house.institution(call.profile("hospital-a"))
    written = _settled(call, profile, parsing.some_bytes(about, "an id"), kind, wait)
    _write(out, written.data)
    call.out.facts(
        {
            "proof": str(out),
            "entries": written.entries,
            "waiting": written.waiting,
            "witnesses": written.witnesses,
        }
    )


def _settled(call: Call, profile: Profile, about: bytes, kind: str | None, wait_s: float) -> WrittenProof:
    """Prove, and again until everything is covered and somebody has cosigned, or the time is over."""
    journey, others = call.house.prove_entries(profile), len(call.house.consortium.members) - 1
    deadline = time.monotonic() + wait_s
    while True:
        written = journey.run(about, kind)
        if not written.waiting and written.witnesses >= min(1, others):
            return written
        if time.monotonic() >= deadline:
            break
        time.sleep(_LOOK_EVERY_S)
    if not written.entries:
        raise JournalError("no checkpoint covers these entries yet: is the member's broker running?")
    return written


def keys(
    call: Call,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to: one verifier key a line.")],
) -> None:
    """Write down the keys that members sign logs with, as the ledger has them.

    Who keeps this file checks proofs and evidence with it where there is no ledger: `audit verify FILE --keys`.

    \b
    Example:
      fiducia audit keys --out members.keys
    """
    call.house.mirror(call.house.reader(call.acting)).catch_up()
    known = call.house.log_keys(call.acting)
    lines = [line + "\n" for name, public in known for line in vkeys(name, public)]
    _write(out, "".join(lines).encode())
    call.out.facts({"keys": str(out), "logs": [name for name, _ in known]})


def log(
    call: Call,
    member: Annotated[str, typer.Argument(metavar="MEMBER", help="Whose log: a member's name or number.")],
    seen: Annotated[
        list[Path] | None,
        typer.Option("--seen", metavar="FILE", help="A checkpoint that another auditor saw. Repeat for several."),
    ] = None,
    witnesses: Annotated[int, typer.Option(min=0, help="How many other members must have cosigned.")] = 1,
    checkpoint: Annotated[
        Path | None, typer.Option("--checkpoint", metavar="FILE", help="Keep the checkpoint, to show another auditor.")
    ] = None,
    evidence: Annotated[
        Path | None, typer.Option("--evidence", metavar="DIR", help="Where to write evidence, a file each.")
    ] = None,
) -> int:
    """Check a member's log against what was seen, anchored and cosigned of it before. Exit 1 on a finding.

    Evidence convinces everybody who has the log's published keys: `fiducia audit verify FILE`.

    \b
    Examples:
      fiducia audit log hospital-a
      fiducia audit log hospital-a --seen colleague.note --evidence evidence
    """
    notes = [read_document(path) for path in seen or []]
    audited = call.house.audit_log(call.acting).run(
        parsing.institution(member, call.house.profiles()), notes, witnesses
    )
    if checkpoint is not None and audited.note:
        _write(checkpoint, audited.note)
    findings: list[Fact] = []
    for number, finding in enumerate(audited.findings, 1):
        path = evidence / f"{finding.code.lower()}-{number}.json" if evidence and finding.evidence else None
        if path is not None:
            _write(path, finding.evidence)
        findings.append({"code": finding.code, "detail": finding.detail, "evidence": str(path) if path else None})
    call.out.facts(
        {
            "log": audited.origin,
            "entries": audited.size,
            "root": audited.root,
            "signed": utc(audited.signed_at) if audited.signed_at else None,
            "witnesses": list(audited.witnesses),
            "anchors": audited.anchors,
            "verified": not findings,
            "findings": findings,
        }
    )
    return EXIT_FINDING if findings else 0


def is_log_file(data: bytes) -> bool:
    """Tell whether a file says that it is a proof of journal entries, or evidence about a log."""
    return is_proof(data) or is_evidence(data)


def verify_file(call: Call, path: Path, data: bytes, keys_file: Path | None, witnesses: int) -> None:
    """Check a file of proofs or evidence and print what it shows. Raises: ProofError, SignatureError, EncodingError."""
    known = (
        keys_in(read_document(keys_file).decode(errors="replace")) if keys_file else call.house.log_keys(call.acting)
    )
    if is_proof(data):
        call.out.facts(_proved(path, data, known, witnesses))
        return
    lied = check_evidence(data, known)
    call.out.facts(
        {"evidence": str(path), "log": lied.origin, "lied": lied.kind, "sizes": list(lied.sizes), "verified": True}
    )


def _proved(path: Path, data: bytes, known: LogKeys, witnesses: int) -> Fact:
    proved = check_entries(data, known)
    for each in proved:
        if len(each.witnesses) < witnesses:
            raise ProofError(
                f"{len(each.witnesses)} other members have cosigned the checkpoint that this proof leads to, and "
                f"{witnesses} must: ask for a newer proof, or say --witnesses"
            )
    rows: list[Fact] = [
        {
            "kind": each.entry.kind,
            "time": utc(each.entry.at),
            "about": each.entry.subject_id,
            "body": each.entry.body or None,
            "index": each.index,
        }
        for each in proved
    ]
    last = proved[-1]
    return {
        "proof": str(path),
        "log": last.checkpoint.origin,
        "checkpoint": last.checkpoint.size,
        "signed": utc(last.signed_at),
        "witnesses": list(last.witnesses),
        "verified": True,
        "entries": rows,
    }


def _write(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}; give another place") from error
