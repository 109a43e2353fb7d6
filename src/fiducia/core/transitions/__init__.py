"""How each event changes the rebuilt storage, and when it cannot have happened.

One function per event, a module per contract, mirroring the contracts' own storage writes; every function
checks before it writes, so a refused event leaves the storage as it was. Judging is not done here: an event
that the contracts should not have let happen is `core.audit`'s finding. Source: contracts/src.
"""

from __future__ import annotations

from fiducia.core.transitions import grants, members, releases, studies, subjects
from fiducia.core.transitions.storage import Changes
from fiducia.core.transitions.storage import Storage as Storage
from fiducia.errors import EncodingError, LedgerInconsistencyError
from fiducia.records.events import LedgerEvent

_CHANGES: Changes = {
    **members.CHANGES,
    **subjects.CHANGES,
    **studies.CHANGES,
    **grants.CHANGES,
    **releases.CHANGES,
}


def apply(held: Storage, event: LedgerEvent) -> None:
    """Change `held` as `event` says.

    Raises:
        LedgerInconsistencyError: it cannot have happened; SequenceGapError where a number was skipped or
            repeated. `held` is then unchanged.
    """
    change = _CHANGES.get(type(event))
    if change is None:
        raise LedgerInconsistencyError("an event of an unknown kind")
    try:
        change(held, event)
    except EncodingError as error:
        raise LedgerInconsistencyError(f"{type(event).__name__}: {error}") from error
