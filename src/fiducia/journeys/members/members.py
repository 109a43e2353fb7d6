"""Members: what the governors' votes decide about them, and the keys that speak for an institution.

Every act is typed data that the cold governor keys sign; whoever carries it has no right. Source: design
section 5, "Who admits".
"""

from __future__ import annotations

from collections.abc import Mapping

from fiducia.core import ids
from fiducia.core.typed_data import Domains
from fiducia.ports import Ledger, Signer
from fiducia.records.ledger import AdmitAct, KeyKind, NarrowExportsAct, PublishAct, Receipt, VoteAct
from fiducia.records.typed import Admit, ChangeExports, NarrowExports, Publish, Reinstate, ReplaceGovernor, Suspend

Vote = Suspend | Reinstate | ReplaceGovernor | ChangeExports


class AdmitMember:
    """Admit an institution with the votes of a strict majority of the other active governors.

    Example:
        ``AdmitMember(ledger=ledger, domains=domains).run(Admit(governor, 1, 0b11, 1), {1: governor_a})``
    """

    def __init__(self, *, ledger: Ledger, domains: Domains) -> None:
        self._ledger = ledger
        self._domains = domains

    def run(self, admit: Admit, governors: Mapping[int, Signer]) -> Receipt:
        """Sign with each governor and carry the vote.

        Args:
            admit: the new institution's governor, region, exports, and the current round.
            governors: voting institution to its governor's key.

        Raises:
            InputError, SignatureError: the ledger refuses the vote; LedgerError: it could not be carried.
        """
        digest = self._domains.digest(admit)
        votes = tuple((institution, signer.sign(digest)) for institution, signer in sorted(governors.items()))
        return self._ledger.submit(AdmitAct(admit, votes))


class PublishKey:
    """Publish a key of an institution until a time, or end it sooner.

    Example:
        ``PublishKey(ledger=ledger, domains=domains).run(2, KeyKind.GATEWAY, public, "", end_at, governor_b)``
    """

    def __init__(self, *, ledger: Ledger, domains: Domains) -> None:
        self._ledger = ledger
        self._domains = domains

    def run(
        self, institution: int, kind: KeyKind, key: bytes, endpoint: str, not_after: int, governor: Signer
    ) -> Receipt:
        """Sign and carry a publication.

        Args:
            institution: its number.
            kind: what the key is for.
            key: a 20-byte address for keys that sign, the raw public key for the others.
            endpoint: where the key's holder is reached, or empty.
            not_after: UTC Unix seconds; sooner than now ends the key.
            governor: the institution's own governor.

        Raises:
            InputError, SignatureError: the ledger refuses it; LedgerError: it could not be carried.
        """
        publish = Publish(institution, kind, ids.key_hash(kind, key), not_after)
        return self._ledger.submit(PublishAct(publish, key, endpoint, governor.sign(self._domains.digest(publish))))


class VoteOnMember:
    """Suspend or reinstate an institution, replace its governor or change its exports by the governors' votes.

    Example:
        ``VoteOnMember(ledger=ledger, domains=domains).run(Suspend(2, 5), {1: governor_a, 3: governor_c})``
    """

    def __init__(self, *, ledger: Ledger, domains: Domains) -> None:
        self._ledger = ledger
        self._domains = domains

    def run(self, vote: Vote, governors: Mapping[int, Signer]) -> Receipt:
        """Sign with each governor and carry the vote.

        Args:
            vote: what is decided, in the current round.
            governors: voting institution to its governor's key; the one that a suspension, reinstatement or
                replacement is about does not vote.

        Raises:
            InputError, SignatureError: the ledger refuses the vote; LedgerError: it could not be carried.
        """
        digest = self._domains.digest(vote)
        votes = tuple((institution, signer.sign(digest)) for institution, signer in sorted(governors.items()))
        return self._ledger.submit(VoteAct(vote, votes))


class NarrowRegions:
    """Take regions out of an institution's exports by its own governor, at once.

    Example:
        ``NarrowRegions(ledger=ledger, domains=domains).run(NarrowExports(1, 0b1, 5), governor_a)``
    """

    def __init__(self, *, ledger: Ledger, domains: Domains) -> None:
        self._ledger = ledger
        self._domains = domains

    def run(self, narrowing: NarrowExports, governor: Signer) -> Receipt:
        """Sign and carry it. Raises: InputError, SignatureError (the ledger refuses it), LedgerError (not carried)."""
        return self._ledger.submit(NarrowExportsAct(narrowing, governor.sign(self._domains.digest(narrowing))))
