"""Erasing a study: whether anything stands against it, whose shares open it, and what a certificate proves.

A share is accounted for when its trustee attests, in a signed note, that all it had of the study is destroyed. Fewer
than t that are not, of every deal that the ledger vouches for, open nothing. Source: docs/formats.md, "Certificate of
erasure".
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from fiducia.core import ids
from fiducia.core.attesting import require_attested_by
from fiducia.core.entries import Study
from fiducia.core.formats.erasure import ErasureCertificate, parse_erasure
from fiducia.core.formats.manifest import parse_manifest
from fiducia.core.keys.custody import Custody, CustodyRule, parse_custody
from fiducia.core.refusals import refusal
from fiducia.core.replay import State
from fiducia.core.tlog.attestation import parse_cleared, parse_destroyed
from fiducia.core.tlog.note import Note
from fiducia.core.typed_data import Domains
from fiducia.errors import EncodingError, SignatureError, VerificationError
from fiducia.records.ledger import StudyStatus

ALL_SHARES = bytes(32)
"""What a `Destroy` names instead of one custody document: all shares of the study, whichever dealt them."""


@dataclass(frozen=True, slots=True)
class ProvenErasure:
    """What a certificate proves.

    Attributes:
        study_id: 32 bytes.
        custodian: the institution that erased it.
        destroyed: who attests that its shares are destroyed.
        unaccounted: who does not; of every deal, fewer than it takes.
        held_until: from then on no copy holds what was destroyed (UTC Unix seconds); 0: no copies are made.
    """

    study_id: bytes
    custodian: int
    destroyed: tuple[int, ...]
    unaccounted: tuple[int, ...]
    held_until: int


def require_erasable(study: Study, now: int) -> None:
    """Return when a study may be erased at a time, by what the ledger will ask.

    Raises:
        InputError: a legal hold stands, or its retention runs and the patient did not ask.
    """
    if study.status == StudyStatus.ERASED:
        return
    if study.held:
        raise refusal("StudyHeld")
    if not study.erasure_requested and ids.day_of(now) < study.retain_until_day:
        raise refusal("RetentionRuns", retainUntilDay=study.retain_until_day)


def deals_of(custodies: Iterable[Custody]) -> Iterator[CustodyRule]:
    """Yield by which rules a study's keys were dealt, or may have been: a move may have been cut off after dealing."""
    for custody in custodies:
        yield custody.rule
        if custody.moves_to is not None:
            yield custody.moves_to


def still_open(deals: Iterable[CustodyRule], attested: Collection[int]) -> bool:
    """Tell whether the trustees who have not attested could open a key."""
    return any(len(set(rule.trustees) - set(attested)) >= rule.threshold for rule in deals)


def verify_erasure(data: bytes, state: State, domains: Domains) -> ProvenErasure:
    """Check a certificate of erasure against the ledger.

    Args:
        data: the file.
        state: the ledger, replayed.
        domains: of its contracts.

    Raises:
        EncodingError: no certificate. VerificationError: it does not prove that the study is erased; says what fails.
    """
    certificate = parse_erasure(data)
    study = state.study(certificate.study_id)
    if study is None or study.status != StudyStatus.ERASED:
        raise VerificationError("the ledger does not have this study as erased")
    if study.certificate != hashlib.sha256(data).digest():
        raise VerificationError("the ledger has the digest of another certificate for this study")
    return prove_erasure(certificate, study, state, domains)


def prove_erasure(certificate: ErasureCertificate, study: Study, state: State, domains: Domains) -> ProvenErasure:
    """Return what a certificate proves about a study, whether or not the ledger has its digest yet.

    Args:
        certificate: as parsed.
        study: the ledger's.
        state: the ledger, replayed.
        domains: of its contracts.

    Raises:
        VerificationError: it does not prove that the study is erased; says what fails.
    """
    deals = tuple(deals_of(_custodies(certificate, study)))
    held, attested = [], set()
    for note in certificate.destroyed:
        said = parse_destroyed(note.text)
        if (said.study_id, said.custody) != (study.study_id, ALL_SHARES):
            raise VerificationError(f"institution {said.trustee} attests something else")
        _check_signed(note, said.trustee, said.destroyed_at, state, domains)
        attested.add(said.trustee)
        held.append(said.held_until)
    if still_open(deals, attested):
        raise VerificationError("as many trustees as open the study do not attest that their shares are destroyed")
    cleared = parse_cleared(certificate.cleared.text)
    if (cleared.study_id, cleared.custodian) != (study.study_id, certificate.custodian):
        raise VerificationError("the custodian attests something else")
    held.append(cleared.held_until)
    _check_signed(certificate.cleared, cleared.custodian, cleared.cleared_at, state, domains)
    trustees = {trustee for rule in deals for trustee in rule.trustees}
    return ProvenErasure(
        study.study_id, certificate.custodian, tuple(sorted(attested)), tuple(sorted(trustees - attested)), max(held)
    )


def _custodies(certificate: ErasureCertificate, study: Study) -> list[Custody]:
    """The custody documents of all revisions, each found by what the ledger has."""
    manifests = {hashlib.sha256(data).digest(): data for data in certificate.manifests}
    documents = {hashlib.sha256(data).digest(): data for data in certificate.custodies}
    try:
        named = {parse_manifest(manifests[each.manifest], each.manifest).custody for each in study.revisions}
        return [parse_custody(documents[digest], digest) for digest in sorted(named)]
    except KeyError:
        raise VerificationError("a document that the ledger vouches for is missing from the certificate") from None
    except EncodingError as error:
        raise VerificationError(f"what the ledger vouches for is malformed: {error}") from error


def _check_signed(note: Note, institution: int, at: int, state: State, domains: Domains) -> None:
    try:
        require_attested_by(note, institution, at, state, domains)
    except SignatureError as error:
        raise VerificationError(f"an attestation does not hold: {error}") from error
