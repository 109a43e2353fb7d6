"""Manifests in audits: the anchored ones, which follow from one another."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fiducia.core.audit import audit
from fiducia.core.formats.manifest import manifest_digest
from tests.support import world as w
from tests.support.manifests import line, manifest, with_manifests


def _audited(*manifests: bytes, given: dict[bytes, bytes] | None = None) -> list[tuple[str, str]]:
    _, ledger = with_manifests(*manifests)
    known = {manifest_digest(data): data for data in manifests} if given is None else given
    return [(finding.code, finding.detail) for finding in audit(w.events_of(ledger), manifests=known)]


def test_honest_manifests_have_no_findings() -> None:
    first, second = manifest(1, line(1), line(2)), manifest(2, line(1), line(2, 2), line(3, 2))
    third = manifest(3, line(1), line(2, 2), line(3, 2), custody=b"\x08" * 32)
    assert _audited(first, second, third) == []


@pytest.mark.parametrize(
    ("manifests", "code", "detail"),
    [
        ([manifest(1, study_id=bytes(32))], "MANIFEST_STUDY", "revision 1: the manifest is another study's"),
        ([manifest(2, line(1))], "MANIFEST_REVISION", "revision 1: the manifest says revision 2, not 1"),
        ([manifest(1, custodian=2)], "MANIFEST_CUSTODIAN", "revision 1: the manifest says member 2, not 1"),
        ([manifest(1, custody=bytes(32))], "MANIFEST_CUSTODY", "revision 1: the manifest names no custody document"),
        ([b"{}"], "MANIFEST_FORM", "revision 1: what was anchored is no manifest"),
        (
            [manifest(1), manifest(2, line(1, 1, b"x"))],
            "MANIFEST_SERIES",
            "revision 2: series 1: changed, though it says that it did not",
        ),
        (
            [manifest(1), manifest(2, replace(line(1), number=2))],
            "MANIFEST_SERIES",
            "revision 2: series 2: had another number in the revision before",
        ),
        (
            [manifest(1), manifest(2, line(1), line(2))],
            "MANIFEST_SERIES",
            "revision 2: series 2: sealed in an earlier revision that does not have it",
        ),
        (
            [manifest(1, line(1), line(2)), manifest(2, line(1)), manifest(3, line(1), line(2, 3))],
            "MANIFEST_SERIES",
            "revision 3: series 2: a number that was given before is used again",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_manifests_are_judged(manifests: list[bytes], code: str, detail: str) -> None:
    assert _audited(*manifests) == [(code, detail)]


def test_manifests_that_are_missing_or_other_bytes() -> None:
    first, second = manifest(1), manifest(2)
    digest, later = manifest_digest(first), manifest_digest(second)
    assert [code for code, _ in _audited(first, second, given={})] == ["MANIFEST_MISSING", "MANIFEST_MISSING"]
    found = _audited(first, second, given={digest: second, later: second})
    assert [code for code, _ in found] == ["MANIFEST_DIGEST"]
