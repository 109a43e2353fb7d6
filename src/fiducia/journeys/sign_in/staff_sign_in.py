"""What a sign-in gives a member of staff: a badge of this session's own, and the session that it is for.

    1  the person may work here now: not withdrawn, trained, the institution active
    2  one of their roles may ask for the purpose
    3  a fresh session key, and a badge for it by the institution's issuer, which ends with the shift or before
    4  the badge stands on the ledger as it is now
    5  the session, which the journal knows of before anybody does

Who it is was found out before, by `oidc_sign_in` or `passkey_sign_in`. Source: design section 5.
"""

from __future__ import annotations

from fiducia.core import badges, ids, rules
from fiducia.core.replay import State
from fiducia.core.signatures import EoaKey
from fiducia.core.typed_data import Domains
from fiducia.errors import DeniedError
from fiducia.journeys.sign_in.badges import IssueBadge
from fiducia.journeys.sign_in.sign_in import SHIFT_S, GatewaySessions, SignedIn
from fiducia.journeys.sign_in.staff_directory import StaffMember
from fiducia.ports import Clock, Entropy, Mirror, Signer
from fiducia.records.ledger import KeyKind


class SignInStaff:
    """Sign in members of one institution's staff.

    Example:
        ``sign_in.run(directory.of_account(issuer, subject), Purpose.TREAT, "oidc").token``
    """

    def __init__(
        self,
        *,
        institution: int,
        issuer: Signer,
        issue: IssueBadge,
        sessions: GatewaySessions,
        mirror: Mirror,
        clock: Clock,
        entropy: Entropy,
        domains: Domains,
    ) -> None:
        """Take the ports; `issuer` is the institution's ISSUER key."""
        self._institution = institution
        self._issuer = issuer
        self._issue = issue
        self._sessions = sessions
        self._mirror = mirror
        self._clock = clock
        self._entropy = entropy
        self._domains = domains

    def run(self, member: StaffMember, purpose: int, way: str) -> SignedIn:
        """Begin a session of one person for one purpose.

        Args:
            member: who was recognised.
            purpose: what they chose.
            way: how they were recognised, for the journal: "oidc" or "passkey".

        Raises:
            DeniedError: not this person, or not now; the reason says why.
            LedgerError, VaultError, JournalError: not now.
        """
        state, now = self._mirror.catch_up(), self._clock.now()
        ends_at = self._end_of(state, member, now)
        if not rules.purposes_of_roles(member.roles) & rules.mask(purpose):  # 2
            raise DeniedError("PURPOSE_NOT_FOR_ROLE", "none of your roles may ask for this purpose")
        secret = self._entropy.token(32)  # 3
        key = EoaKey(secret)
        badge = self._issue.run(
            institution=self._institution,
            roles=member.roles,
            session=key.address,
            issuer=self._issuer,
            not_after=ends_at,
            trained_until=member.trained_until,
            person=member.person,
        )
        if not badges.stands(self._domains, self._mirror.state(), badge, key.address, now, gives_more=True):  # 4
            raise DeniedError("BADGE_WINDOW", "no badge that the institution issues now would stand")
        return self._sessions.sign_in(member.profile, badge, secret, purpose, way)  # 5

    def _end_of(self, state: State, member: StaffMember, now: int) -> int:
        institution = state.member(self._institution)
        if state.person_withdrawn(member.person):  # 1
            raise DeniedError("PERSON_WITHDRAWN", "the institution has withdrawn you: ask it")
        if now >= member.trained_until:
            raise DeniedError("TRAINING_LAPSED", "your training has lapsed: ask your institution")
        if institution is None or not institution.active:
            raise DeniedError("INSTITUTION_INACTIVE", "the institution is not active on the ledger now")
        issuer_end = state.key_end(
            self._institution, KeyKind.ISSUER, ids.key_hash(KeyKind.ISSUER, self._issuer.address)
        )
        if now >= issuer_end:
            raise DeniedError("ISSUER_UNPUBLISHED", "the institution's issuer key is over: its governor publishes one")
        return min(now + SHIFT_S, member.trained_until, issuer_end)
