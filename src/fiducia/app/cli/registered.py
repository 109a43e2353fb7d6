"""What `fiducia study register` prints: studies, what was noticed about their series, and what was not taken."""

from __future__ import annotations

from typing import Any

from fiducia.app.output import Output
from fiducia.errors import InputError
from fiducia.records.images import RegisteredStudy, Registration

EXIT_SOME_REFUSED = InputError.exit_code


def show_registration(out: Output, registration: Registration) -> None:
    """Print a registration: a table, or one JSON object whose studies have their findings in `quality`."""
    problems = [
        {"where": problem.where, "kind": problem.error.slug, "detail": str(problem.error)}
        for problem in registration.problems
    ]
    if out.as_json:
        studies = [_row(study) | {"quality": _quality(study)} for study in registration.studies]
        notes = [{"code": note.code, "instances": note.instances, "detail": note.detail} for note in registration.notes]
        out.facts({"studies": studies, "problems": problems, "notes": notes})
        return
    out.rows([_row(study) for study in registration.studies], empty="nothing was registered")
    for study in registration.studies:
        _tell_quality(out, study)
    for note in registration.notes:
        out.text(f"noted in {note.instances} instances, which are taken all the same: {note.detail} ({note.code})")
    for problem in problems:
        out.warn(f"not taken: {problem['where']}: {problem['detail']}")


def _row(study: RegisteredStudy) -> dict[str, Any]:
    return {
        "study_id": study.study_id,
        "subject": study.subject,
        "patient_profile": study.patient_profile or None,
        "revision": study.revision,
        "series": study.series,
        "instances": study.instances,
        "bytes": study.size_bytes,
        "unchanged": study.unchanged,
        "gas": study.gas_used,
    }


def _quality(study: RegisteredStudy) -> list[dict[str, Any]]:
    return [
        {"series": judged.series, "code": finding.code, "count": finding.count, "detail": finding.detail}
        for judged in study.quality
        for finding in judged.findings
    ]


def _tell_quality(out: Output, study: RegisteredStudy) -> None:
    found = _quality(study)
    if found:
        out.text(f"noticed in study 0x{study.study_id.hex()}, which is registered all the same:")
    for row in found:
        out.text(f"  series {row['series']}: {row['detail']} ({row['code'].name})")
