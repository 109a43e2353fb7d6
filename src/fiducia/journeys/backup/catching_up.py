"""A restored member catches up with the chain before it lets anything leave: erased stays erased, revoked revoked.

    1. every event up to the present final head is in its copy of the ledger     revokes are known again
    2. shares and directory entries of erased studies are destroyed again         the copy may have brought them back
    3. the journal says so                                                        what was missed is on record
    4. the mark is removed, last                                                  a crash before leaves it standing

The mark lies in the member's own vault, so it is there before anything else and goes nowhere by itself.
"""

from __future__ import annotations

from fiducia.core.copies.changes import KEY_MATERIAL, NOT_COPIED
from fiducia.core.replay import State
from fiducia.errors import KeyMissingError, NotCaughtUpError
from fiducia.journeys.trustees.forgetting import forget_entries
from fiducia.ports import Clock, Journal, Ledger, Mirror, Patients, Steps, Studies, Vault
from fiducia.records.copies import CaughtUp
from fiducia.records.images import JournalEntry
from fiducia.records.ledger import GrantState, StudyStatus

CAUGHT_UP = "caught_up"
_NAME = NOT_COPIED + "standing"
_RESTORING, _BEHIND = b"restoring", b"behind"


class Standing:
    """Whether a member, or a home, was restored and is not yet where the chain is."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._clear = False

    def begin(self) -> None:
        """Note that it is being restored."""
        self._vault.put({_NAME: _RESTORING})

    def fall_behind(self) -> None:
        """Note that all of the copy is there."""
        self._vault.put({_NAME: _BEHIND})

    def end(self) -> None:
        """Note that it has caught up."""
        self._vault.remove([_NAME])

    def restoring(self) -> bool:
        """Tell whether a restore was cut off."""
        return self._mark() == _RESTORING

    def behind(self) -> bool:
        """Tell whether it was restored whole and has to catch up."""
        return self._mark() == _BEHIND

    def require(self) -> None:
        """Return when nothing stands in the way. Raises: NotCaughtUpError, VaultError."""
        if self._clear:
            return  # only a restore sets the mark, and only in a home that nobody uses yet
        mark = self._mark()
        if mark == _RESTORING:
            raise NotCaughtUpError("a restore of this home was cut off: run `fiducia backup restore` again")
        if mark is not None:
            raise NotCaughtUpError("restored from a copy, and not yet caught up with the chain: the broker does that")
        self._clear = True

    def _mark(self) -> bytes | None:
        try:
            return self._vault.get(_NAME)
        except KeyMissingError:
            return None


class CatchUp:
    """Have a restored member catch up; run again and again by the broker until it has.

    Example:
        ``CatchUp(ledger=ledger, mirror=mirror, vault=vault, studies=studies, patients=patients, journal=journal,
        clock=clock, steps=steps).run()``
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        mirror: Mirror,
        vault: Vault,
        studies: Studies,
        patients: Patients,
        journal: Journal,
        clock: Clock,
        steps: Steps,
    ) -> None:
        """Take the member's vault and directory as they are, not held back."""
        self._ledger = ledger
        self._mirror = mirror
        self._vault = vault
        self._studies = studies
        self._patients = patients
        self._journal = journal
        self._clock = clock
        self._steps = steps
        self._standing = Standing(vault)

    def require(self) -> None:
        """Return when the member may let something leave. Raises: NotCaughtUpError, VaultError."""
        self._standing.require()

    def run(self) -> CaughtUp | None:
        """Catch up, if that is due; None when it is not.

        Raises:
            LedgerError, LedgerInconsistencyError: the chain cannot be asked, or is another one; it stays held back.
            VaultError, JournalError: a part failed; run again.
        """
        if not self._standing.behind():
            return None
        head = self._ledger.head()
        state = self._mirror.catch_up()
        if state.head.number < head.number:
            raise NotCaughtUpError("the copy of the ledger does not reach the chain's present head yet")
        self._steps.reached("restored.seen")
        erased = {study.study_id for study in state.studies() if study.status is StudyStatus.ERASED}
        doomed, studies = self._shares_of(erased)
        self._vault.remove(doomed)
        self._steps.reached("restored.destroyed")
        if erased:
            forget_entries(self._studies, self._patients, state, erased, self._steps)
        self._steps.reached("restored.forgotten")
        done = CaughtUp(state.head.number, studies, len(doomed), _revoked(state))
        self._journal.append([JournalEntry(CAUGHT_UP, self._clock.now(), state.head.hash, _words(done))])
        self._steps.reached("restored.noted")
        self._standing.end()
        return done

    def _shares_of(self, study_ids: set[bytes]) -> tuple[list[str], int]:
        """Return the names of all shares of some studies, and of how many studies there are any."""
        wanted = {study_id.hex() for study_id in study_ids}
        held = [name for prefix in KEY_MATERIAL for name in self._vault.names(prefix)]
        doomed = [name for name in held if name.split("/")[1] in wanted]
        return doomed, len({name.split("/")[1] for name in doomed})


def _revoked(state: State) -> int:
    return sum(1 for grant in state.grants() if grant.state is GrantState.REVOKED)


def _words(done: CaughtUp) -> str:
    return f"block {done.block_number}, {done.erased_studies} erased studies, {done.destroyed} shares destroyed"
