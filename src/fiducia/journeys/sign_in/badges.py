"""Badges: a staff member's short-lived credential, made off chain and checked on chain at each request.

The issuer's key is hot and can do no more than vouch for staff of its own institution; the governor ends
all badges by raising the epoch. Source: design section 5.
"""

from __future__ import annotations

from fiducia.core import ids
from fiducia.core.typed_data import Domains
from fiducia.errors import InputError
from fiducia.ports import Clock, Entropy, Ledger, Mirror, Signer
from fiducia.records.ledger import RaiseBadgeEpochAct, Receipt, WithdrawPersonAct
from fiducia.records.typed import Badge, RaiseBadgeEpoch, SignedBadge, WithdrawPerson

BADGE_MAX_S = 7 * 86_400


class IssueBadge:
    """Issue a badge for one session key.

    Example:
        ``IssueBadge(mirror=mirror, clock=clock, entropy=entropy, domains=domains).run(institution=2, roles=1,
        session=address, issuer=issuer_b, not_after=end_at, trained_until=trained_at)``
    """

    def __init__(self, *, mirror: Mirror, clock: Clock, entropy: Entropy, domains: Domains) -> None:
        self._mirror = mirror
        self._clock = clock
        self._entropy = entropy
        self._domains = domains

    def run(
        self,
        *,
        institution: int,
        roles: int,
        session: bytes,
        issuer: Signer,
        not_after: int,
        trained_until: int,
        person: bytes | None = None,
    ) -> SignedBadge:
        """Sign a badge in the institution's current badge epoch.

        Args:
            institution: its number.
            roles: mask of `core.rules` roles.
            session: the session key's 20-byte address.
            issuer: an ISSUER key that the institution published.
            not_after: UTC Unix seconds, at most seven days ahead.
            trained_until: UTC Unix seconds.
            person: the staff member's 32-byte pseudonym; a new one when None.

        Raises:
            InputError: an unknown institution, or a badge that would be void or last too long.
            LedgerError: the ledger cannot be read.
        """
        now = self._clock.now()
        if not now < not_after <= now + BADGE_MAX_S:
            raise InputError("a badge ends in the future, at most seven days ahead")
        member = self._mirror.catch_up().member(institution)
        if member is None:
            raise InputError(f"institution {institution} is not a member; see `fiducia member list`")
        badge = Badge(
            institution=institution,
            person=person or ids.person(institution, self._entropy.token(28)),
            session=session,
            roles=roles,
            trained_until=trained_until,
            # A minute back: the chain's clock and ours may differ by a block.
            not_before=now - 60,
            not_after=not_after,
            epoch=member.badge_epoch,
        )
        return SignedBadge(badge, issuer.sign(self._domains.digest(badge)))


class WithdrawStaff:
    """Withdraw one person for good: no badge of theirs counts from now on.

    Example:
        ``WithdrawStaff(ledger=ledger, domains=domains).run(person, issuer_b)``
    """

    def __init__(self, *, ledger: Ledger, domains: Domains) -> None:
        self._ledger = ledger
        self._domains = domains

    def run(self, person: bytes, issuer: Signer) -> Receipt:
        """Sign and carry the withdrawal of a person (32 bytes). Again has no effect.

        Raises:
            SignatureError: not a live ISSUER key of the person's institution. LedgerError: not carried.
        """
        return self._ledger.submit(WithdrawPersonAct(person, issuer.sign(self._domains.digest(WithdrawPerson(person)))))


class EndBadges:
    """End every badge of an institution at once, by its governor.

    Example:
        ``EndBadges(ledger=ledger, mirror=mirror, domains=domains).run(2, governor_b)``
    """

    def __init__(self, *, ledger: Ledger, mirror: Mirror, domains: Domains) -> None:
        self._ledger = ledger
        self._mirror = mirror
        self._domains = domains

    def run(self, institution: int, governor: Signer) -> tuple[int, Receipt]:
        """End the institution's current badge epoch; returns the one that begins, and the receipt.

        Raises:
            InputError: no such institution. SignatureError: not its governor. LedgerError: not carried.
        """
        member = self._mirror.catch_up().member(institution)
        if member is None:
            raise InputError(f"institution {institution} is not a member; see `fiducia member list`")
        raised = RaiseBadgeEpoch(institution, member.badge_epoch)
        signature = governor.sign(self._domains.digest(raised))
        return member.badge_epoch + 1, self._ledger.submit(
            RaiseBadgeEpochAct(institution, member.badge_epoch, signature)
        )
