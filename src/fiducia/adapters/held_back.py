"""A restored member's parts, held back until it has caught up with the chain.

Owns which calls could let something leave, or make something new out of an old directory: taking a share, claiming a
study, asking the ledger about a request, carrying an act. What takes access away is not held back. Whether the member
has caught up is asked of a function that raises NotCaughtUpError while it has not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager

from fiducia.core.copies.changes import KEY_MATERIAL
from fiducia.ports import Ledger, Studies, Vault
from fiducia.records.events import LedgerEvent
from fiducia.records.images import StudyEntry, StudyState
from fiducia.records.ledger import Act, Facts, Head, Receipt, RestrictAct, RevokeAct, RevokeAllAct
from fiducia.records.typed import Access, KeyRequest

_TAKES_AWAY = (RevokeAct, RevokeAllAct, RestrictAct)

Require = Callable[[], None]
"""Raises NotCaughtUpError while a restored member has not caught up."""


class HeldVault:
    """A `fiducia.ports.Vault` that neither gives nor takes shares until then."""

    def __init__(self, vault: Vault, require: Require) -> None:
        self._vault = vault
        self._require = require

    def put(self, secrets: Mapping[str, bytes]) -> None:
        """See `Vault.put`. Raises: NotCaughtUpError (a share among them)."""
        if any(name.startswith(KEY_MATERIAL) for name in secrets):
            self._require()
        self._vault.put(secrets)

    def get(self, name: str) -> bytes:
        """See `Vault.get`. Raises: NotCaughtUpError (a share)."""
        if name.startswith(KEY_MATERIAL):
            self._require()
        return self._vault.get(name)

    def remove(self, names: Iterable[str]) -> None:
        """See `Vault.remove`."""
        self._vault.remove(names)

    def names(self, prefix: str) -> tuple[str, ...]:
        """See `Vault.names`."""
        return self._vault.names(prefix)


class HeldStudies:
    """`fiducia.ports.Studies` of which none can be claimed until then."""

    def __init__(self, studies: Studies, require: Require) -> None:
        self._studies = studies
        self._require = require

    def claim(self, study_instance_uid: str) -> AbstractContextManager[None]:
        """See `Studies.claim`. Raises: NotCaughtUpError."""
        self._require()
        return self._studies.claim(study_instance_uid)

    def find(self, study_instance_uid: str) -> StudyState:
        """See `Studies.find`."""
        return self._studies.find(study_instance_uid)

    def propose(self, entry: StudyEntry) -> None:
        """See `Studies.propose`. Raises: NotCaughtUpError."""
        self._require()
        self._studies.propose(entry)

    def confirm(self, entry: StudyEntry) -> None:
        """See `Studies.confirm`. Raises: NotCaughtUpError."""
        self._require()
        self._studies.confirm(entry)

    def all(self) -> tuple[StudyEntry, ...]:
        """See `Studies.all`."""
        return self._studies.all()

    def states(self) -> Iterator[StudyState]:
        """See `Studies.states`."""
        return self._studies.states()

    def remove(self, study_instance_uid: str) -> None:
        """See `Studies.remove`."""
        self._studies.remove(study_instance_uid)


class HeldLedger:
    """A `fiducia.ports.Ledger` that decides nothing and takes only what takes access away until then."""

    def __init__(self, ledger: Ledger, require: Require) -> None:
        self._ledger = ledger
        self._require = require

    def head(self) -> Head:
        """See `Ledger.head`."""
        return self._ledger.head()

    def block(self, number: int) -> Head:
        """See `Ledger.block`."""
        return self._ledger.block(number)

    def facts(self, access: Access) -> Facts:
        """See `Ledger.facts`. Raises: NotCaughtUpError."""
        self._require()
        return self._ledger.facts(access)

    def are_open(self, requests: Sequence[KeyRequest]) -> tuple[Head, tuple[bool, ...]]:
        """See `Ledger.are_open`. Raises: NotCaughtUpError."""
        self._require()
        return self._ledger.are_open(requests)

    def submit(self, act: Act) -> Receipt:
        """See `Ledger.submit`. Raises: NotCaughtUpError (unless it takes access away)."""
        if not isinstance(act, _TAKES_AWAY):
            self._require()
        return self._ledger.submit(act)

    def events(self, first_block: int, last_block: int) -> Iterator[LedgerEvent]:
        """See `Ledger.events`."""
        return self._ledger.events(first_block, last_block)
