"""Staff of the test hospitals: whose badges they have, and what they approve."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from fiducia.core import ids, rules
from fiducia.core.signatures import EoaKey
from fiducia.core.typed_data import Struct
from fiducia.records.ledger import KeyKind, PublishAct
from fiducia.records.typed import Approval, SignedBadge
from tests.support.signers import A, B, Signers, key

THIRD = 3
"""The institution that `Signers.admit("governor 3")` admits."""


@dataclass(frozen=True)
class StaffMember:
    """One person with a badge of their own."""

    institution: int
    name: str
    roles: int

    @property
    def session(self) -> EoaKey:
        """The key of this person's session."""
        return key(f"session of {self.name} at {self.institution}")

    @property
    def person(self) -> bytes:
        """The person's pseudonym."""
        return ids.person(self.institution, hashlib.shake_256(self.name.encode()).digest(28))

    def badge(self, c: Signers, **changes: Any) -> SignedBadge:
        """Return the badge that the institution's issuer signs."""
        names: dict[str, Any] = {
            "institution": self.institution,
            "person": self.person,
            "session": self.session.address,
            "roles": self.roles,
        }
        badge = c.badge(**{**names, **changes}).badge
        return SignedBadge(badge, c.sign(issuer_of(c, self.institution), badge))

    def approve(self, c: Signers, struct: Struct, **changes: Any) -> Approval:
        """Return this person's approval of a struct; `changes` are to the badge."""
        return Approval(self.session.address, c.sign(self.session, struct), self.badge(c, **changes))


OFFICER_A = StaffMember(A, "officer", rules.mask(rules.Role.OFFICER))
OFFICER_B = StaffMember(B, "officer", rules.mask(rules.Role.OFFICER))
OFFICER_3 = StaffMember(THIRD, "officer", rules.mask(rules.Role.OFFICER))
REGISTRAR_A = StaffMember(A, "registrar", rules.mask(rules.Role.REGISTRAR))
PHYSICIAN_B = StaffMember(B, "physician", rules.mask(rules.Role.PHYSICIAN))
NURSE_B = StaffMember(B, "nurse", rules.mask(rules.Role.NURSE))


def issuer_of(c: Signers, institution: int) -> EoaKey:
    """Return the key that signs an institution's badges; hospital B's is the one that `Signers` publishes."""
    return c.issuer if institution == B else key(f"issuer {institution}")


def published_issuers(c: Signers, *institutions: int) -> tuple[PublishAct, ...]:
    """Return the publications of issuers beside hospital B's."""
    return tuple(c.publish(each, KeyKind.ISSUER, issuer_of(c, each).address) for each in institutions)
