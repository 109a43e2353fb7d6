"""A report as text for people, and the comparison of a written report with one made anew.

The text holds everything the JSON holds, line by line, so that an edit of either is caught by comparing
bytes. Times are UTC. Nothing is decided here. Source: `core.report`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from fiducia.core import ids, rules, wire
from fiducia.core.entries import Finds, Review
from fiducia.core.report import FORMAT, Report, ReportedDenial, ReportedGrant, ReportedRelease, ReportedStudy, to_json
from fiducia.core.wire_types import codec_of
from fiducia.errors import EncodingError, InputError, ProofError
from fiducia.records.ledger import StudyStatus

REPORT_LIMIT_BYTES = 1 << 28

_TITLE = "fiducia audit report"


@dataclass(frozen=True, slots=True)
class ReportClaims:
    """What is needed to make a written report again: its form, block, and study (None: all)."""

    is_text: bool
    block_number: int
    study_id: bytes | None
    manifests_checked: bool


def to_text(made: Report) -> str:
    """Return a report as text; the same report is always the same text."""
    return "\n".join(_lines(made)) + "\n"


def read_claims(data: bytes) -> ReportClaims:
    """Read from a written report, in either form, what it is a report of. Nothing of it is believed.

    Raises:
        InputError: not a report.
    """
    if data.startswith(_TITLE.encode()):
        return _text_claims(data)
    try:
        made = wire.decode(Report, data, limit_bytes=REPORT_LIMIT_BYTES)
    except EncodingError as error:
        raise InputError(f"this is not an audit report of this version: {error}") from error
    if made.format != FORMAT:
        raise InputError("this is an audit report of another version")
    return ReportClaims(False, made.block_number, made.study_id, made.manifests_checked)


def verify(data: bytes, made: Report) -> None:
    """Compare a written report with one made anew at its block.

    Raises:
        ProofError: they differ; names the first line (text) or says so (JSON).
    """
    if not data.startswith(_TITLE.encode()):
        if data != to_json(made):
            raise ProofError("the report is not what the ledger says at its block")
        return
    expected = to_text(made).encode()
    if data == expected:
        return
    pairs = zip(data.split(b"\n"), expected.split(b"\n"), strict=False)
    line = next((number for number, (a, b) in enumerate(pairs, 1) if a != b), 0)
    raise ProofError(f"the report is not what the ledger says at its block: it differs in line {line or 'count'}")


def _text_claims(data: bytes) -> ReportClaims:
    # The first lines, down to the first empty one, say what it is a report of.
    first = str(data[:4096], "utf-8", "replace").split("\n\n")[0].split("\n")[1:]
    fields = dict(line.split(None, 1) for line in first if " " in line.strip())
    try:
        study = fields["study"]
        known = None if study == "all" else codec_of(bytes, "study_id").decode(study, "study")
        if fields["format"] != FORMAT:
            raise InputError("this is an audit report of another version")
        return ReportClaims(True, int(fields["block"]), known, fields["manifests"] == "checked")
    except (KeyError, ValueError, EncodingError) as error:
        raise InputError("this is not an audit report: its first lines name no block and study") from error


def _lines(made: Report) -> Iterator[str]:
    yield _TITLE
    yield f"format     {made.format}"
    yield f"chain      {made.chain.chain_id}"
    for name in ("members", "subjects", "studies", "grants", "releases"):
        yield f"contract   {name} {_hex(getattr(made.chain, name))}"
    yield f"passkeys   verifier {_hex(made.chain.verifier)} relying party {_hex(made.chain.rp_id_hash)}"
    yield f"block      {made.block_number}"
    yield f"study      {'all' if made.study_id is None else _hex(made.study_id)}"
    yield f"manifests  {'checked' if made.manifests_checked else 'unchecked'}"
    yield f"events     {made.events} {_hex(made.events_digest)}"
    yield f"members    {made.members}"
    yield f"subjects   {made.subjects}"
    for study in made.studies:
        yield ""
        yield from _study(study)
    yield ""
    yield f"findings   {len(made.findings)}"
    for finding in made.findings:
        yield f"  {finding.code} in block {finding.block_number} ({_time(finding.time_at)}): {finding.detail}"
        yield f"    about {_hex(finding.about)} subject {_hex(finding.subject)} study {_hex(finding.study_id)}"


def _study(study: ReportedStudy) -> Iterator[str]:
    yield f"study {_hex(study.study_id)}"
    yield f"  of subject {_hex(study.subject)} at member {study.custodian}, {StudyStatus(study.status).name}"
    if study.held:
        yield "  a legal hold stands"
    if any(study.certificate):
        yield f"  certificate of erasure {_hex(study.certificate)}"
    yield f"  series {' '.join(map(str, study.series)) or 'not listed'}"
    for revision in study.revisions:
        place = f"{_time(revision.anchored_at)} in block {revision.block_number}"
        yield f"  revision {revision.revision}{', withdrawn' if revision.withdrawn else ''}: anchored {place}"
        yield f"    manifest {_hex(revision.manifest)}, by member {revision.custodian}"
    yield f"  could see it: {len(study.grants)}"
    for grant in study.grants:
        yield from _grant(grant)
    yield f"  was given keys: {len(study.releases)}"
    for release in study.releases:
        yield from _release(release)
    yield f"  was refused: {len(study.denials)}"
    for denial in study.denials:
        yield from _denial(denial)


def _grant(grant: ReportedGrant) -> Iterator[str]:
    terms = grant.terms
    yield f"    grant {_hex(grant.grant_id)}"
    yield f"      to {_grantee(terms.grantee)}"
    yield f"      for {_names(rules.Purpose, terms.purposes)}; may {_names(rules.Action, terms.actions)}"
    yield f"      of {_scope(terms.scope, grant.series, terms.anchored_by)}"
    yield f"      from {_time(terms.not_before)} until {_time(terms.not_after)}, stored until {_time(grant.expiry_at)}"
    yield f"      basis {_basis(terms.basis)}, epoch {terms.epoch}, terms {_hex(terms.terms)}"
    yield f"      relay by {_time(terms.relay_by)}, salt {_hex(terms.salt)}"
    yield f"      given {_time(grant.given_at)} in block {grant.given_block}"
    if grant.revoked_at:
        place = f"{_time(grant.revoked_at)} in block {grant.revoked_block}"
        yield f"      revoked {place} by {_hex(grant.revoked_by)}"
    if grant.epoch_ended:
        yield "      ended with its epoch"
    if grant.review is not None:
        yield from _review(grant.review)


def _review(review: Review) -> Iterator[str]:
    yield f"      opened by {_grantee(review.first)} and {_grantee(review.second)}"
    yield f"      review owed by member {review.institution}, due {_time(review.due_at)}"
    if review.filed is None:
        yield "      not filed"
    else:
        yield f"      filed {_finds(review.filed)}"
    for each in review.contested:
        yield f"      contested {_finds(each)}"


def _finds(finds: Finds) -> str:
    outcome = {1: "justified", 2: "not justified"}.get(finds.outcome, f"outcome {finds.outcome}")
    return f"{_time(finds.at)} by {_grantee(finds.by)}: {outcome}, report {_hex(finds.report)}"


def _release(release: ReportedRelease) -> Iterator[str]:
    own = release.institution == 0
    yield f"    request {_hex(release.request_id)}"
    yield f"      by {'the patient' if own else _grantee(release.person)}, keys to {_hex(release.recipient)}"
    what = "every series" if release.series == 0 else f"series {release.series}"
    purpose, action = _name(rules.Purpose, release.purpose), _name(rules.Action, release.action)
    yield f"      for {purpose}; {action} of revision {release.revision}, {what}"
    place = f"{_time(release.recorded_at)} in block {release.block_number}"
    yield f"      recorded {place}, until {_time(release.lapse_at)}"
    if release.handed_over_at:
        yield f"      late: handed over {_time(release.handed_over_at)}, while the chain stalled; never open"
    basis = f"basis {_basis(release.basis)}, grant {_hex(release.grant_id)}"
    yield f"      on {'own access' if own else basis}"


def _denial(denial: ReportedDenial) -> Iterator[str]:
    yield f"    request {_hex(denial.request_id)}"
    yield f"      by {_grantee(denial.person)} through member {denial.institution}: {denial.reason}"
    yield f"      denied {_time(denial.denied_at)} in block {denial.block_number}"


def _basis(basis: int) -> str:
    rule = rules.basis_rule(basis)
    return rule.basis.name if rule else str(basis)


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def _grantee(grantee: bytes) -> str:
    institution = ids.institution_of(grantee)
    return f"member {institution}" if ids.is_institution(grantee) else f"person {_hex(grantee)} of member {institution}"


def _scope(scope: bytes, series: int, anchored_by: int) -> str:
    if scope == ids.ALL_SCOPE:
        return f"every study of the subject anchored by {_time(anchored_by)}"
    bound = f"scope {_hex(scope)}, anchored_by {anchored_by}"
    return f"this study, later revisions included; {bound}" if series == 0 else f"series {series}; {bound}"


def _name(kind: type[rules.Purpose] | type[rules.Action], position: int) -> str:
    return kind(position).name if position in tuple(kind) else f"{kind.__name__} {position}"


def _names(kind: type[rules.Purpose] | type[rules.Action], bits: int) -> str:
    known = [_name(kind, position) for position in range(bits.bit_length()) if bits >> position & 1]
    return " ".join(known) or "nothing"


def _time(at: int) -> str:
    """A time as people read it; what no calendar holds stays a number."""
    if at == ids.FUTURE_TOO:
        return "any time"
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        return str(at)
