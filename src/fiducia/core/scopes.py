"""Which study and series a scope names: a series' scope is a hash, so that its number is found by trying."""

from __future__ import annotations

from fiducia.core import ids
from fiducia.core.answers import Answers

SERIES_TRIED = 512
"""As far as a person would look."""


def named_by(state: Answers, subject: bytes, scope: bytes) -> tuple[bytes, int]:
    """Return the study that a scope names and its series (0: all); empty bytes for all studies or an unknown one.

    Args:
        state: the last facts seen.
        subject: whose studies are tried, 20 bytes.
        scope: 32 bytes, of a grant or an ask.
    """
    if scope == ids.ALL_SCOPE or state.study(scope):
        return (b"" if scope == ids.ALL_SCOPE else scope), 0
    for study in state.studies(subject):
        for number in range(1, SERIES_TRIED + 1):
            if scope == ids.series_scope(study.study_id, number):
                return study.study_id, number
    return b"", 0
