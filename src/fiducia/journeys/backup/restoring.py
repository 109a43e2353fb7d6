"""Verifying copies, and restoring a home out of them.

    verify:   every signature, the order of the segments, every byte's digest; with shares every tag and change, too
    restore:  mark each member as restored -> the newest whole copy -> what was acknowledged since, in order -> behind

Restoring needs an empty home, or one in which the same restore was cut off. A restored member lets nothing leave
before it has caught up with the chain (`catching_up`). Source: docs/adr/0029-copies-are-changes.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from fiducia.core.copies.contents import name_of, require_reach, require_whole
from fiducia.core.copies.segments import open_segment, require_digest
from fiducia.errors import VerificationError
from fiducia.journeys.backup.catching_up import Standing
from fiducia.journeys.backup.copying import contents_at
from fiducia.ports import CopySource, SecondPlace, Steps, Vault
from fiducia.records.copies import Change, Contents, Reached, RestoredHome, VerifiedCopies

HOME = "profiles"
"""The part whose vault is the home's own; also the owner under which it stands in `vault_of`."""

_HELD_BACK = ("vault", "studies", "journal")
_AT_ONCE = 500


class VerifyCopies:
    """Verify what lies at a second place.

    Example:
        ``VerifyCopies(place=place).run(home_id, signer, seed)``
    """

    def __init__(self, *, place: SecondPlace) -> None:
        self._place = place

    def run(
        self, home_id: bytes, signer: bytes, seed: bytes | None = None, reached: Reached | None = None
    ) -> VerifiedCopies:
        """Verify all segments.

        Args:
            home_id: whose they must be, 16 bytes.
            signer: the Ed25519 public key that signs that home's copies.
            seed: the recovery key's; None to verify what can be verified without it.
            reached: how far the home says that they reach, learned before this is called; None without the home.

        Raises:
            VerificationError, DecryptionError: a copy that must not be relied on. BackupError: unreadable.
        """
        bases, increments = segments(self._place, home_id, signer)
        if reached is not None:
            require_reach(bases, increments, reached)
        recovery = bases[-1].recovery  # older copies may be sealed to a recovery key that was replaced
        changes = 0
        for contents in (*bases, *increments):
            read = partial(self._place.read, name_of(contents.base, contents.number))
            require_digest(contents, read)
            if seed is not None and contents.recovery == recovery:
                changes += sum(1 for _ in open_segment(contents, read, seed))
        after = sum(each.number > bases[-1].since for each in increments)
        until = max(each.expires_at for each in (*bases, *increments))
        return VerifiedCopies(bases, after, changes, seed is not None, until)


class RestoreHome:
    """Restore an empty home.

    Example:
        ``RestoreHome(place=place, source_of=source_of, vault_of=vault_of, steps=steps).run(home_id, signer, seed)``
    """

    def __init__(
        self,
        *,
        place: SecondPlace,
        source_of: Callable[[str], CopySource],
        vault_of: Callable[[str], Vault],
        steps: Steps,
    ) -> None:
        """Take how the empty home's parts are found, by their names in the copy, and its vaults, by owner."""
        self._place = place
        self._source_of = source_of
        self._vault_of = vault_of
        self._steps = steps

    def run(self, home_id: bytes, signer: bytes, seed: bytes) -> RestoredHome:
        """Restore the newest whole copy and what was acknowledged after it.

        Args:
            home_id, signer, seed: as `VerifyCopies.run`.

        Returns:
            What was restored. Every member of it stands behind the chain until it has caught up.

        Raises:
            VerificationError, DecryptionError: the copy does not hold; the home is not usable yet.
            VaultError, JournalError: the home is not empty, or cannot be written; running again goes on.
        """
        bases, increments = segments(self._place, home_id, signer)
        base = bases[-1]
        later = [each for each in increments if each.number > base.since]
        owners = _owners((base, *later))
        for owner in (HOME, *owners):
            Standing(self._vault_of(owner)).begin()
        self._steps.reached("restore.begun")
        counts: Counter[str] = Counter()
        taken = _Taken(self._source_of, counts, self._steps)
        for contents in (base, *later):
            read = partial(self._place.read, name_of(contents.base, contents.number))
            require_digest(contents, read)
            taken.run(open_segment(contents, read, seed))
        taken.finish()
        for owner in owners:
            Standing(self._vault_of(owner)).fall_behind()
        self._steps.reached("restore.behind")
        Standing(self._vault_of(HOME)).end()
        at = later[-1].at if later else base.at
        return RestoredHome(at, len(later), tuple(sorted(counts.items())))


class _Taken:
    """Gives changes to their parts, many at once, each part's own in order."""

    def __init__(self, source_of: Callable[[str], CopySource], counts: Counter[str], steps: Steps) -> None:
        self._source_of = source_of
        self._sources: dict[str, CopySource] = {}
        self._waiting: dict[str, list[Change]] = {}
        self._counts = counts
        self._steps = steps

    def run(self, changes: Iterable[Change]) -> None:
        for change in changes:
            waiting = self._waiting.setdefault(change.source, [])
            waiting.append(change)
            if len(waiting) >= _AT_ONCE:
                self._apply(change.source)

    def finish(self) -> None:
        for source in tuple(self._waiting):
            self._apply(source)

    def _apply(self, name: str) -> None:
        changes = self._waiting.pop(name)
        if name not in self._sources:
            self._sources[name] = self._source_of(name)
        self._sources[name].apply(changes)
        self._counts[name] += len(changes)
        self._steps.reached("restore.applied")


def segments(place: SecondPlace, home_id: bytes, signer: bytes) -> tuple[tuple[Contents, ...], tuple[Contents, ...]]:
    """Return the verified tables of contents: whole copies and increments, each in order.

    Raises:
        VerificationError: altered, another home's, a gap, or none at all. BackupError.
    """
    found = []
    for name in place.names():
        contents = contents_at(place, name, signer)
        if name != name_of(contents.base, contents.number):
            raise VerificationError("a segment of the copy stands under another's name")
        found.append(contents)
    bases = tuple(sorted((each for each in found if each.base), key=lambda each: each.number))
    increments = tuple(sorted((each for each in found if not each.base), key=lambda each: each.number))
    require_whole(bases, increments, home_id)
    return bases, increments


def _owners(found: Sequence[Contents]) -> tuple[str, ...]:
    """Return everybody in a copy who keeps secrets or acts: what any of them has may be out of date."""
    parts = (source.partition("/") for contents in found for source, _ in contents.counts)
    return tuple(sorted({owner for part, _, owner in parts if part in _HELD_BACK}))
