"""Whether the public manifests are the ones that were anchored, and follow from one another.

Codes: MANIFEST_MISSING (not given: it cannot be verified), MANIFEST_DIGEST (other bytes), MANIFEST_FORM (no
manifest), MANIFEST_STUDY, MANIFEST_REVISION, MANIFEST_CUSTODIAN (another's), MANIFEST_CUSTODY (names no
custody document), MANIFEST_SERIES (a series line that changed though it claims to be unchanged, or a
number that was given before and is used again). Source: design section 6; docs/formats.md, "Manifest".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from fiducia.core.entries import Revision, Study
from fiducia.core.finding import Finding
from fiducia.core.formats.manifest import Manifest, SeriesLine, parse_manifest
from fiducia.errors import DigestError, EncodingError


def manifest_findings(studies: Iterable[Study], manifests: Mapping[bytes, bytes]) -> tuple[Finding, ...]:
    """Check every revision of every study.

    Args:
        studies: as replayed.
        manifests: bytes by SHA-256 digest, as read from a store that nobody trusts.
    """
    return tuple(finding for study in studies for finding in _of_study(study, manifests))


def parsed_manifests(study: Study, manifests: Mapping[bytes, bytes]) -> dict[int, Manifest]:
    """Return the manifests of a study that verify, by revision."""
    parsed = ((revision.revision, _parse(revision, manifests)) for revision in study.revisions)
    return {number: manifest for number, manifest in parsed if isinstance(manifest, Manifest)}


def _parse(revision: Revision, manifests: Mapping[bytes, bytes]) -> Manifest | tuple[str, str]:
    """The manifest, or the code and detail of what is wrong with it."""
    data = manifests.get(revision.manifest)
    if data is None:
        return "MANIFEST_MISSING", "the manifest was not given, so it cannot be verified"
    try:
        return parse_manifest(data, revision.manifest)
    except DigestError:
        return "MANIFEST_DIGEST", "the manifest is not the one that was anchored"
    except EncodingError:
        return "MANIFEST_FORM", "what was anchored is no manifest"


def _of_study(study: Study, manifests: Mapping[bytes, bytes]) -> Iterator[Finding]:
    previous: Manifest | None = None
    used: set[int] = set()
    for revision in study.revisions:
        parsed = _parse(revision, manifests)
        if not isinstance(parsed, Manifest):
            yield _finding(study, revision, *parsed)
            previous = None
            continue
        for code, detail in (*_names(study, revision, parsed), *_lines(parsed, previous, used)):
            yield _finding(study, revision, code, detail)
        previous = parsed
        used.update(line.number for line in parsed.series)


def _names(study: Study, revision: Revision, manifest: Manifest) -> Iterator[tuple[str, str]]:
    if manifest.study_id != study.study_id:
        yield "MANIFEST_STUDY", "the manifest is another study's"
    if manifest.revision != revision.revision:
        yield "MANIFEST_REVISION", f"the manifest says revision {manifest.revision}, not {revision.revision}"
    if manifest.custodian != revision.custodian:
        yield "MANIFEST_CUSTODIAN", f"the manifest says member {manifest.custodian}, not {revision.custodian}"
    if not any(manifest.custody):
        yield "MANIFEST_CUSTODY", "the manifest names no custody document"


def _lines(manifest: Manifest, previous: Manifest | None, used: set[int]) -> Iterator[tuple[str, str]]:
    if previous is None and manifest.revision > 1:
        return  # the revision before does not verify: that was found already, and there is nothing to compare
    before = {line.number: line for line in previous.series} if previous else {}
    numbers = {line.pack_cid: line.number for line in before.values()}
    for line in manifest.series:
        if detail := _line(manifest, line, before.get(line.number), numbers, used):
            yield "MANIFEST_SERIES", f"series {line.number}: {detail}"


def _line(
    manifest: Manifest, line: SeriesLine, before: SeriesLine | None, numbers: Mapping[str, int], used: set[int]
) -> str:
    """What is wrong with one series line, or an empty text."""
    if numbers.get(line.pack_cid, line.number) != line.number:
        return "had another number in the revision before"
    if before is None:
        if line.number in used:
            return "a number that was given before is used again"
        return "" if line.sealed_in == manifest.revision else "sealed in an earlier revision that does not have it"
    if line.sealed_in == manifest.revision or line == before:
        return ""
    return "changed, though it says that it did not"


def _finding(study: Study, revision: Revision, code: str, detail: str) -> Finding:
    return Finding(
        code=code,
        block_number=revision.block_number,
        time_at=revision.anchored_at,
        about=study.study_id,
        subject=study.subject,
        study_id=study.study_id,
        detail=f"revision {revision.revision}: {detail}",
    )
