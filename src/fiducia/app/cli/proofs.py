"""`fiducia study prove`, and what `audit trust` and `audit verify` do with provenance files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from fiducia.app.cli import parsing
from fiducia.app.cli.common import Call
from fiducia.app.cli.files import read_bounded
from fiducia.app.output import Fact, utc
from fiducia.app.profiles import Kind
from fiducia.app.signers import requester_of
from fiducia.core.formats.provenance import PROVENANCE_FORMAT, PROVENANCE_MAX_BYTES
from fiducia.core.formats.trust import TRUST_MAX_BYTES, Trust, parse_trust
from fiducia.core.provenance import Proven, ProvenanceVerifier
from fiducia.errors import EncodingError, FiduciaError, InputError, VerificationError

SUFFIX = ".proof.json"
MARK = f'"format":"{PROVENANCE_FORMAT}"'.encode()
"""What a provenance file has, and no other that `audit verify` takes: inside a JSON text the quotes are escaped."""


def prove(
    call: Call,
    study: Annotated[str, typer.Argument(metavar="ID", help="The study_id.")],
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Where series-N/instance-N.proof.json are written.")
    ],
    purpose: Annotated[
        str | None,
        typer.Option(metavar="PURPOSE", help="Why: TREAT, ETREAT, PATRQT, … (a hospital needs none for its own)."),
    ] = None,
    series: Annotated[int | None, typer.Option(min=1, help="Only this series.", show_default=False)] = None,
    instance: Annotated[int | None, typer.Option(min=1, help="Only this instance.", show_default=False)] = None,
) -> None:
    """Write one provenance file per instance: what it is, when it was anchored, who vouches for it.

    For whoever may open the study (a release is recorded, as by `study fetch`), and for its hospital. A file has
    digests and pseudonyms, no image and no UID; anyone checks it offline with `fiducia audit verify FILE`. Members
    whose brokers are not reached or do not agree are named: their signatures are not in the files.

    \b
    Examples:
      fiducia study prove 0x3f… --purpose TREAT --out proofs --as clinician
      fiducia study prove 0x3f… --series 1 --instance 2 --out proofs --as hospital-a
    """
    study_id, profile = parsing.study_id(study), call.profile("clinician")
    if profile.kind is Kind.INSTITUTION:
        custodian = call.house.institution(profile)
        opened = call.house.open_kept(custodian).run(study_id, series or 0)
    elif purpose is None:
        raise typer.BadParameter("say what for, with --purpose")
    else:
        journey = call.house.open_granted(profile)
        opened = journey.run(study_id, series or 0, parsing.purpose(purpose), requester_of(profile))
    proofs = call.house.prove_instances(profile.reader).run(opened, instance or 0)
    written = 0
    for file in proofs.files:
        write_file(out / f"series-{file.series}" / f"instance-{file.instance}{SUFFIX}", file.data)
        written += 1
    call.out.facts(
        {
            "study_id": proofs.study_id,
            "revision": proofs.revision,
            "anchored": utc(proofs.anchored_at),
            "block": proofs.block_number,
            "receipt": proofs.receipt,
            "members": list(proofs.members),
            "missing": [{"institution": institution, "why": why} for institution, why in proofs.missing],
            "files": written,
            "out": str(out),
        }
    )


def export_trust(call: Call, out: Path, quorum: int | None) -> None:
    """Write the trust file, and say what it holds."""
    made = call.house.export_trust(quorum)
    write_file(out, made.to_bytes())
    call.out.facts(
        {
            "trust": str(out),
            "block": made.as_of.number,
            "members": sorted(made.institutions),
            "quorum": made.quorum,
            "receipts": made.receipts,
        }
    )


@dataclass(slots=True)
class Judged:
    """What came of checking several files."""

    verified: int = 0
    last: Proven | None = None
    refused: list[tuple[Path, FiduciaError]] = field(default_factory=list)


def verify_provenance(call: Call, files: Sequence[Path], trust_file: Path | None, instance: Path | None) -> int:
    """Check provenance files, all with one trust file, and print what they prove; return the exit code."""
    held = _trust(call, trust_file)
    judged = _judge(ProvenanceVerifier(held), files)
    if len(files) == 1 and judged.refused:
        raise judged.refused[0][1]
    if len(files) > 1 or judged.last is None:
        call.out.facts(_summary(judged))
        codes = [error.exit_code for _, error in judged.refused]
        return min(codes, default=0)  # 1, a failed proof, says more than 5, no proof at all
    proven = judged.last
    if instance is not None:
        _compare(call, proven, instance)
    call.out.facts(_facts(files[0], proven, held, instance))
    return 0


def files_of(paths: Sequence[Path]) -> list[Path]:
    """Return the files that are meant: a folder stands for all provenance files beneath it. Raises: InputError."""
    found: list[Path] = []
    for path in paths:
        beneath = sorted(path.rglob(f"*{SUFFIX}")) if path.is_dir() else [path]
        if not beneath:
            raise InputError(f"there is no provenance file (*{SUFFIX}) in {path}")
        found += beneath
    return found


def _judge(verifier: ProvenanceVerifier, files: Sequence[Path]) -> Judged:
    judged = Judged()
    for path in files:
        try:
            judged.last = verifier.verify(read_bounded(path, PROVENANCE_MAX_BYTES, "provenance file"))
            judged.verified += 1
        except (InputError, VerificationError) as error:
            judged.refused.append((path, error))
    return judged


def _trust(call: Call, path: Path | None) -> Trust:
    if path is None:
        return call.house.own_trust()
    return parse_trust(read_bounded(path, TRUST_MAX_BYTES, "trust file"))


def _compare(call: Call, proven: Proven, instance: Path) -> None:
    digests = call.house.digest_instance().run(str(instance))
    if (digests.identity, digests.header) == (proven.identity, proven.header):
        return
    if digests.identity == proven.identity:
        raise VerificationError("the file at hand is the instance that was proved, under another header")
    raise VerificationError("the file at hand is another instance than the one that was proved")


def _facts(path: Path, proven: Proven, held: Trust, instance: Path | None) -> Fact:
    return {
        "proof": str(path),
        "verified": True,
        "study_id": proven.study_id,
        "revision": proven.revision,
        "series": proven.series,
        "instance": proven.instance,
        "identity_digest": proven.identity,
        "header_digest": proven.header,
        "at_hand": str(instance) if instance else None,
        "custodian": proven.custodian,
        "signed": utc(proven.signed_at),
        "anchored": utc(proven.anchored_at),
        "block": proven.block_number,
        "transaction": proven.transaction_hash,
        "receipt": proven.receipt,
        "members": list(proven.members),
        "quorum": held.quorum,
    }


def _summary(judged: Judged) -> Fact:
    rows = [
        {"proof": str(path), "malformed": isinstance(error, EncodingError), "why": str(error)}
        for path, error in judged.refused
    ]
    return {"verified": not rows, "proofs": judged.verified, "refused": rows}


def write_file(path: Path, data: bytes) -> None:
    """Write a file whole or not at all. Raises: InputError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.part")
        part.write_bytes(data)
        part.replace(path)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}; give another --out") from error
