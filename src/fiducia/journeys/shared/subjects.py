"""What several journeys ask of the last facts seen: a patient, a study, and the newest facts that can be had."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fiducia.core.entries import Study, Subject
from fiducia.core.replay import State
from fiducia.errors import InputError, LedgerError
from fiducia.ports import Mirror


def freshest(mirror: Mirror) -> State:
    """Return the newest facts: the chain's, or the last ones seen while it is away."""
    try:
        return mirror.catch_up()
    except LedgerError:
        return mirror.state()


@dataclass(frozen=True, slots=True)
class LastSeen:
    """A mirror as it is while the chain stalls: its newest facts are the last ones that were seen."""

    mirror: Mirror

    def catch_up(self) -> State:
        """Return the newest facts that can be had, as `freshest` does."""
        return freshest(self.mirror)

    def state(self) -> State:
        """Return the state as last seen; see `fiducia.ports.Mirror.state`."""
        return self.mirror.state()

    def records(self, first_block: int, last_block: int) -> Iterator[tuple[int, bytes]]:
        """Yield records of a stretch of blocks; see `fiducia.ports.Mirror.records`."""
        return self.mirror.records(first_block, last_block)


def known_subject(state: State, subject: bytes) -> Subject:
    """Return a subject (20 bytes). Raises: InputError."""
    entry = state.subject(subject)
    if entry is None:
        raise InputError("no such patient on this ledger; see `fiducia patient list`")
    return entry


def known_study(state: State, study_id: bytes) -> Study:
    """Return a study (32 bytes). Raises: InputError."""
    study = state.study(study_id)
    if study is None:
        raise InputError("no such study on this ledger; see `fiducia study list --all`")
    return study
