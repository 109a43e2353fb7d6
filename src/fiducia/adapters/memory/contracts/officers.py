"""Officers of several institutions who approve one thing together, the custodian's first."""

from __future__ import annotations

from collections.abc import Sequence

from fiducia.adapters.memory.contracts.chain import Chain
from fiducia.core import badges
from fiducia.core.refusals import refusal
from fiducia.core.typed_data import Struct
from fiducia.records.typed import Approval, Badge


def require_officers(chain: Chain, custodian: int, struct: Struct, approvals: Sequence[Approval]) -> tuple[Badge, ...]:
    """Return the badges of OFFICERs of different institutions, the custodian's first. Raises: SignatureError."""
    found = officers(chain, struct, approvals)
    if not are_different(found, custodian):
        raise refusal("NoStanding")
    return found


def officers(chain: Chain, struct: Struct, approvals: Sequence[Approval]) -> tuple[Badge, ...]:
    """Return the badges of OFFICERs, wherever they are. Raises: SignatureError."""
    found = tuple(chain.require_staff(struct, approval) for approval in approvals)
    if not all(map(badges.is_officer, found)):
        raise refusal("NoStanding")
    return found


def are_different(found: Sequence[Badge], custodian: int) -> bool:
    """Tell whether badges are of different institutions, the custodian's first."""
    institutions = [badge.institution for badge in found]
    return institutions[0] == custodian and len(set(institutions)) == len(institutions)
