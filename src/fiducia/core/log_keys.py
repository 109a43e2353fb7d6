"""Whose log is whose: origins and published LOG keys, by the last facts seen of the ledger."""

from __future__ import annotations

from fiducia.core.replay import State
from fiducia.core.tlog.checkpoint import origin_of
from fiducia.core.tlog.signing import PUBLIC_BYTES
from fiducia.core.typed_data import Domains
from fiducia.records.ledger import KeyKind


def institution_behind(domains: Domains, state: State, origin: str) -> int:
    """Return the institution whose log has that origin, or 0."""
    number = origin.rpartition("/")[2]
    institution = int(number) if number.isascii() and number.isdigit() and len(number) < 11 else 0
    known = institution and state.member(institution) and origin == origin_of(domains, institution)
    return institution if known else 0


def log_keys(state: State, institution: int, at: int | None = None) -> tuple[bytes, ...]:
    """Return an institution's LOG keys, newest first.

    Args:
        state: the ledger's.
        institution: whose.
        at: only those that are live then, UTC Unix seconds; None: ended ones, too.
    """
    found = [
        key.key
        for key in state.keys(institution, KeyKind.LOG)
        if len(key.key) == PUBLIC_BYTES and (at is None or at < key.not_after)
    ]
    return tuple(reversed(found))


def believed(domains: Domains, state: State) -> tuple[tuple[str, bytes], ...]:
    """Return every LOG key that was ever published, with the name of its log: what old proofs are checked with."""
    return tuple(
        (origin_of(domains, member.institution), key)
        for member in state.members()
        for key in log_keys(state, member.institution)
    )
