"""Who approves: the patient's side with a key alone, staff with a badge beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fiducia.core.typed_data import Domains, Struct
from fiducia.ports import Signer
from fiducia.records.typed import Approval, SignedBadge


@dataclass(frozen=True, slots=True)
class Approver:
    """One who approves.

    Attributes:
        signer: the patient's or representative's signer, a registrar, or the session key of a badge.
        badge: a staff member's; None for all others.
    """

    signer: Signer
    badge: SignedBadge | None = None

    @property
    def institution(self) -> int:
        """The institution that the badge is of; 0 without one."""
        return self.badge.badge.institution if self.badge else 0

    @property
    def person(self) -> bytes:
        """The badge's person (32 bytes); empty without one."""
        return self.badge.badge.person if self.badge else b""

    def approve(self, domains: Domains, struct: Struct) -> Approval:
        """Return the approval of a struct."""
        return Approval(self.signer.address, self.signer.sign(domains.digest(struct)), self.badge)


def approvals_of(
    approvers: Sequence[Approver], domains: Domains, struct: Struct, *, first: int = 0
) -> tuple[Approval, ...]:
    """Return everybody's approval of a struct, those of institution `first` (the custodian) before all others."""
    ordered = sorted(approvers, key=lambda approver: approver.institution != first)
    return tuple(approver.approve(domains, struct) for approver in ordered)
