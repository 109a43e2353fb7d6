"""Copying a home to a second place: whole, and change by change before each is acknowledged.

    whole copy:   pin what only grows -> seal as one stream -> signed table of contents -> there, or not there at all
    each change:  alone at the place -> mark -> write here -> seal and ship -> take the mark back -> acknowledge

A process that ends between its write here and its shipment leaves the mark; whoever comes next makes a whole copy
before it acknowledges anything. So does whoever finds that the newest segments are gone. So what was acknowledged is in
both places, and what is in the second one alone does not exist. Source: docs/adr/0029-copies-are-changes.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import TypeVar

from fiducia.core.copies.contents import NO_DIGEST, digest_of, name_of, read_contents
from fiducia.core.copies.segments import RANDOM_BYTES, Heading, SegmentSealer
from fiducia.errors import BackupError, InputError, VerificationError
from fiducia.ports import Clock, CopyMemory, CopySource, Entropy, SecondPlace, Steps
from fiducia.records.copies import Change, Contents, Reached, RecoveryKey

_Written = TypeVar("_Written")

DAY_S = 86_400


class Segments:
    """Writes segments to a second place, each after the one before.

    Args:
        place: where.
        recovery: whom they are sealed to.
        signer: the Ed25519 private key that signs them, 32 bytes.
        memory: how far this home's copies reached there last.
        keep_s: how long a segment may be kept, in seconds.
        clock, entropy: as everywhere.
    """

    def __init__(
        self,
        *,
        place: SecondPlace,
        recovery: RecoveryKey,
        signer: bytes,
        memory: CopyMemory,
        keep_s: int,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self.place = place
        self._recovery = recovery
        self._signer = signer
        self._memory = memory
        self._keep_s = keep_s
        self._clock = clock
        self._entropy = entropy
        self._tip: tuple[int, bytes] | None = None

    def base(self) -> Heading:
        """Return the heading of the next whole copy; called alone at the place."""
        number, digest = self._reached()
        bases = [name for name in self.place.names() if name.startswith("base-")]
        last = int(bases[-1].removeprefix("base-")) if bases else 0
        return self._heading(True, last + 1, number, digest)

    def put(self, heading: Heading, changes: Iterable[Change]) -> Contents:
        """Seal changes and have them there."""
        sealer = SegmentSealer(heading, self._recovery, self._signer, self._entropy.token(RANDOM_BYTES))
        self.place.put(heading.name, sealer.run(changes))
        return sealer.contents

    def add(self, changes: Sequence[Change]) -> None:
        """Have changes there as the next increment; called alone at the place."""
        number, digest = self._reached()
        contents = self.put(self._heading(False, number + 1, number, digest), changes)
        self._tip = number + 1, digest_of(contents)
        if last := self._memory.last():
            self._memory.note(Reached(last.base, *self._tip))

    def remember(self, base: int) -> None:
        """Remember a whole copy that is there, and the increments; called alone at the place."""
        self._memory.note(Reached(base, *self._reached()))

    def cut_off(self) -> bool:
        """Tell whether the newest segments that this home put there are gone; called alone at the place.

        A whole copy completes the place again.
        """
        last = self._memory.last()
        if last is None:
            return False
        number, digest = self._reached()
        if last.base and self.place.size(name_of(True, last.base)) is None:
            return True
        if number <= last.number:
            return (number, digest) != (last.number, last.digest)
        # Others went on; what is not there any more was pruned.
        name = name_of(False, last.number)
        return self.place.size(name) is not None and digest_of(self._contents(name)) != last.digest

    def _heading(self, base: bool, number: int, since: int, previous: bytes) -> Heading:
        now = self._clock.now()
        return Heading(base, number, since, previous, now, now + self._keep_s)

    def _reached(self) -> tuple[int, bytes]:
        """Return the newest increment's number and digest; others may have gone on, or cut it off."""
        if self._tip is None or not self._is_last(self._tip[0]):
            self._tip = self._look()
        return self._tip

    def _is_last(self, number: int) -> bool:
        here, after = (self.place.size(name_of(False, each)) is not None for each in (number, number + 1))
        return here and not after

    def _look(self) -> tuple[int, bytes]:
        names = self.place.names()
        if more := [name for name in names if name.startswith("more-")]:
            contents = self._contents(more[-1])
            return contents.number, digest_of(contents)
        if bases := [name for name in names if name.startswith("base-")]:
            contents = self._contents(bases[-1])
            return contents.since, contents.previous
        return 0, NO_DIGEST

    def _contents(self, name: str) -> Contents:
        try:
            contents = contents_at(self.place, name, self._recovery.signer)
        except VerificationError as error:
            raise BackupError(f"the second place cannot be added to: {error}") from error
        if contents.home_id != self._recovery.home_id:
            raise BackupError("the second place holds copies of another home: give this home a place of its own")
        return contents


class CreateCopy:
    """Make a whole copy of a home.

    Example:
        ``CreateCopy(segments=segments, sources=sources, steps=steps).run()``
    """

    def __init__(self, *, segments: Segments, sources: Sequence[CopySource], steps: Steps) -> None:
        """Take the parts in the order in which they are told: what refers to others before those."""
        self._segments = segments
        self._sources = sources
        self._steps = steps

    def run(self) -> Contents:
        """Copy every part; what is written meanwhile is in it, or in the increments that follow it.

        Raises:
            BackupError: not copied; what there was before is there still.
            VaultError, JournalError: a part cannot be read.
        """
        place = self._segments.place
        with place.alone():
            if place.marked() or self._segments.cut_off():
                return self.alone()
            heading, pinned = self._begin()
        contents = self._finish(heading, pinned)
        with place.alone():
            self._segments.remember(contents.number)
        return contents

    def alone(self) -> Contents:
        """Do the same while holding the place alone; afterwards nothing is unfinished."""
        contents = self._finish(*self._begin())
        self._segments.remember(contents.number)
        self._segments.place.mark(False)
        return contents

    def _begin(self) -> tuple[Heading, list[Iterator[Change]]]:
        told = [_pinned(source.dump()) if source.grows else source.dump() for source in self._sources]
        return self._segments.base(), told

    def _finish(self, heading: Heading, pinned: Sequence[Iterator[Change]]) -> Contents:
        self._steps.reached("backup.begun")
        contents = self._segments.put(heading, chain.from_iterable(pinned))
        self._steps.reached("backup.copied")
        return contents


class ShipChanges:
    """Write something here and have it in the second place before anybody hears that it was written.

    Example:
        ``ShipChanges(segments=segments, copy_whole=copy.alone, steps=steps).run(write, told)``
    """

    def __init__(self, *, segments: Segments, copy_whole: Callable[[], object], steps: Steps) -> None:
        """Take `copy_whole`, which makes a whole copy while the place is held alone."""
        self._segments = segments
        self._copy_whole = copy_whole
        self._steps = steps

    def run(self, write: Callable[[], _Written], told: Callable[[_Written], Sequence[Change]]) -> _Written:
        """Do `write`, and ship what `told` makes of its result.

        Raises:
            BackupError: it is not in both places, and must not be acknowledged. What `write` raises.
        """
        place = self._segments.place
        with place.alone():
            if place.marked() or self._segments.cut_off():
                self._copy_whole()
            place.mark(True)
            self._steps.reached("backup.marked")
            try:
                written = write()
            except InputError:  # refused before anything was written
                place.mark(False)
                raise
            self._steps.reached("backup.written")
            if changes := told(written):
                self._segments.add(changes)
            self._steps.reached("backup.shipped")
            place.mark(False)
            return written


class PruneCopies:
    """Remove what has expired, so that what was destroyed in the home is destroyed in its copies, too.

    Example:
        ``PruneCopies(place=place, recovery=recovery, copy_whole=copy.run, clock=clock).run()``
    """

    def __init__(
        self, *, place: SecondPlace, recovery: RecoveryKey, copy_whole: Callable[[], Contents], clock: Clock
    ) -> None:
        self._place = place
        self._recovery = recovery
        self._copy_whole = copy_whole
        self._clock = clock

    def run(self) -> tuple[str, ...]:
        """Remove expired segments, oldest first, and return their names.

        The newest whole copy is not removed without another: one that has expired is replaced first.

        Raises:
            BackupError, VerificationError: the place cannot be read or written, or holds something else.
        """
        found = {name: contents_at(self._place, name, self._recovery.signer) for name in self._place.names()}
        now = self._clock.now()
        kept = [each for each in found.values() if each.base and each.expires_at > now]
        first = min(kept or [self._copy_whole()], key=lambda each: each.number)
        # Increments up to where the oldest copy that is kept began complete nothing any more.
        gone = [
            name
            for name, each in found.items()
            if (each.number < first.number if each.base else each.number <= first.since)
        ]
        ordered = tuple(sorted(gone, key=lambda name: (found[name].at, name)))
        self._place.remove(ordered)
        return ordered


def contents_at(place: SecondPlace, name: str, signer: bytes) -> Contents:
    """Return a segment's verified table of contents. Raises: VerificationError, BackupError."""
    size = place.size(name) or 0
    return read_contents(size, lambda offset, length: place.read(name, offset, length), signer)


def held_until(place: SecondPlace, signer: bytes) -> int:
    """Return from when on no copy holds what is in one now (UTC Unix seconds); 0 where there is none.

    It holds for whoever prunes: `PruneCopies` removes what has expired.
    """
    return max((contents_at(place, name, signer).expires_at for name in place.names()), default=0)


def _pinned(changes: Iterator[Change]) -> Iterator[Change]:
    """Take the first step of a part's telling now: what is written afterwards is an increment's."""
    first = next(changes, None)
    return iter(()) if first is None else chain((first,), changes)
