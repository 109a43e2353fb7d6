"""Whose word an attestation is: signed under a member's name, with a LOG key that it had published, for this ledger."""

from __future__ import annotations

from fiducia.core.log_keys import log_keys
from fiducia.core.replay import State
from fiducia.core.tlog.attestation import parse_attestation
from fiducia.core.tlog.checkpoint import origin_of
from fiducia.core.tlog.note import Note
from fiducia.core.tlog.signing import require_attested
from fiducia.core.typed_data import Contract, Domains
from fiducia.errors import SignatureError


def require_attested_by(note: Note, institution: int, at: int, state: State, domains: Domains) -> None:
    """Return when it is an institution's.

    Args:
        note: an attestation, signed.
        institution: whose it must be.
        at: the key must not have ended then (UTC Unix seconds). One that was replaced since still counts.
        state: the ledger's.
        domains: of its contracts.

    Raises:
        SignatureError: it is of another ledger, or not signed by such a key. EncodingError: the note is no attestation.
    """
    if parse_attestation(note.text).domain != domains.of(Contract.STUDIES):
        raise SignatureError("an attestation is of another ledger")
    for public in log_keys(state, institution, at):
        try:
            return require_attested(note, origin_of(domains, institution), public)
        except SignatureError:
            continue
    raise SignatureError(f"institution {institution} published no LOG key that signed this attestation")
