"""The history checker: which promises a history breaks. Pure: the same history, the same answer.

What it asks, and of whom:

    every sealed key that left a trustee    the chain had it open then; the trustee's journal has it, before it left
    every entry of a journal                its leaf is in the member's log in the end, at its place
    every byte that was opened              t trustees handed over for it; still open; the reader's journal has it
                                            before it left the gateway; it is what the hospital had given
    every acknowledged revoke               from then on nothing leaves that broker; the chain has it in the end
    every acknowledged registration         the chain has it in the end, and it opens to what was given
    every acknowledged erasure              is on the chain, and fewer than t members have shares
    whatever was demanded in the end        is done, or refused with its reason
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from fiducia.core import ids
from fiducia.records.events import RestrictionLifted
from fiducia.records.ledger import RestrictAct, RevokeAct, RevokeAllAct
from fiducia.records.typed import StaffAccess
from tests.simulation.history import (
    Acknowledged,
    Audited,
    Block,
    Demanded,
    Erased,
    Given,
    HandedOver,
    Happened,
    Journalled,
    Logged,
    Numbered,
    Opened,
    Registered,
    Shown,
)
from tests.simulation.truth import Truth

HEAD_AGE_S = 15
"""How old a head an endpoint may show (`MemoryLedger`'s and a network profile's default)."""
SKEW_S = 4
"""How far a member's clock may be from the true time in these worlds."""
LOOK_S = HEAD_AGE_S + SKEW_S
"""How long ago what an endpoint shows may have been true."""
READING_S = LOOK_S + 2 * 5
"""How long a gateway may go on with what it holds: it must have asked within 5 s, and gives a new release 5 s."""

METADATA, VIEW = 0, 1
Kind = TypeVar("Kind", bound=Happened)


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken promise: which, where in the history, and how."""

    promise: str
    at: int
    how: str


def violations(history: Sequence[Happened]) -> tuple[Violation, ...]:
    """Return every broken promise, in the history's order."""
    return tuple(sorted(_Checker(history).all(), key=lambda each: each.at))


class _Checker:
    def __init__(self, history: Sequence[Happened]) -> None:
        self._history = history
        self._truth = Truth(history)

    def all(self) -> Iterator[Violation]:
        for handed in self._of(HandedOver):
            yield from self._handed_over(handed)
        for logged in self._of(Logged):
            yield from self._logged(logged)
        for opened in self._of(Opened):
            yield from self._opened(opened)
        for shown in self._of(Shown):
            yield from self._shown(shown)
        for acknowledged in self._of(Acknowledged):
            yield from self._acknowledged(acknowledged)
        for registered in self._of(Registered):
            yield from self._registered(registered)
        for erased in self._of(Erased):
            yield from self._erased(erased)
        for demanded in self._of(Demanded):
            yield from self._demanded(demanded)
        for audited in self._of(Audited):
            for finding in audited.findings:
                yield Violation("an audit finds nothing", audited.at, finding)

    def _of(self, kind: type[Kind]) -> list[Kind]:
        return [each for each in self._history if isinstance(each, kind)]

    # -- what left a trustee

    def _handed_over(self, handed: HandedOver) -> Iterator[Violation]:
        since = handed.began_time - LOOK_S
        if why := self._truth.objection(handed.access, handed.request_id, since, handed.at):
            yield Violation("keys leave for a live grant only", handed.at, f"trustee {handed.trustee}: {why}")
        if not self._noted(handed.trustee, "handed_over", handed.request_id, handed.began, handed.at):
            yield Violation("keys leave after they are journalled", handed.at, f"trustee {handed.trustee}")

    @cached_property
    def _journals(self) -> dict[tuple[int, str, bytes], list[int]]:
        found: dict[tuple[int, str, bytes], list[int]] = defaultdict(list)
        for entry in self._of(Journalled):
            found[entry.institution, entry.kind, entry.subject_id].append(entry.at)
        return found

    def _noted(self, institution: int, kind: str, subject_id: bytes, began: int, until: int) -> bool:
        return any(began <= at < until for at in self._journals.get((institution, kind, subject_id), ()))

    def _logged(self, logged: Logged) -> Iterator[Violation]:
        """Every durable entry has its leaf in the log, at its place, and the log has no others."""
        wanted = tuple(entry.leaf for entry in self._of(Journalled) if entry.institution == logged.institution)
        if logged.leaves != wanted:
            yield Violation("what is journalled stays in the log", logged.at, f"member {logged.institution}")

    # -- what was opened

    def _opened(self, opened: Opened) -> Iterator[Violation]:
        requests = self._requests_for(opened)
        if not requests:
            yield Violation("what is opened was handed over by t trustees", opened.at, f"reader {opened.reader}")
        else:
            whys = [
                self._truth.objection(access, request_id, opened.began_time - READING_S, opened.at)
                for request_id, access in requests.items()
            ]
            if all(whys):
                yield Violation("what is opened is still open", opened.at, f"reader {opened.reader}: {whys[0]}")
        if opened.read and not any(
            self._noted(opened.reader, "gateway_read", request_id, opened.began, opened.at) for request_id in requests
        ):
            yield Violation("a gateway journals what it reads", opened.at, f"reader {opened.reader}")
        known = self._numbered.get(opened.study_id)
        series = dict(known.series).get(opened.series, "") if known else ""
        if opened.action == METADATA:
            return
        if known is None or (series, opened.digest) not in self._ever_given[known.uid]:
            yield Violation("what is opened is what was given", opened.at, f"reader {opened.reader}")

    def _requests_for(self, opened: Opened) -> dict[bytes, StaffAccess]:
        """The requests for which enough trustees had handed over by then, and that cover what was opened."""
        trustees: dict[bytes, set[int]] = defaultdict(set)
        accesses: dict[bytes, StaffAccess] = {}
        for handed in self._of(HandedOver):
            request = handed.access.request
            fits = (
                handed.at < opened.at
                and request.study_id == opened.study_id
                and request.series in (0, opened.series)
                and request.person == opened.person
                and request.action == opened.action
                and handed.access.badge.badge.institution == opened.reader
                and opened.request_id in (b"", handed.request_id)
            )
            if fits:
                trustees[handed.request_id].add(handed.trustee)
                accesses[handed.request_id] = handed.access
        known = self._numbered.get(opened.study_id)
        needed = known.threshold if known else 1
        return {request_id: access for request_id, access in accesses.items() if len(trustees[request_id]) >= needed}

    @cached_property
    def _numbered(self) -> dict[bytes, Numbered]:
        return {each.study_id: each for each in self._of(Numbered)}

    @cached_property
    def _ever_given(self) -> dict[str, set[tuple[str, bytes]]]:
        found: dict[str, set[tuple[str, bytes]]] = defaultdict(set)
        for given in self._of(Given):
            found[given.uid].update(given.files)
        return found

    def _shown(self, shown: Shown) -> Iterator[Violation]:
        """A whole revision of a study, or of one series, as it was given at some time: never a part of one."""
        known = self._numbered.get(shown.study_id)
        if known is None:
            yield Violation("what is shown is whole", shown.at, "an unknown study")
            return
        names = dict(known.series)
        got = sorted((names.get(series, ""), digest) for series, digest in shown.instances)
        wanted = names.get(shown.series) if shown.series else None
        whole = [
            [file for file in given.files if wanted in (None, file[0])]
            for given in self._of(Given)
            if given.uid == known.uid
        ]
        if got not in whole:
            yield Violation("what is shown is whole", shown.at, f"{len(got)} instances")

    # -- what was promised

    def _acknowledged(self, done: Acknowledged) -> Iterator[Violation]:
        lifted = self._lifted(done)
        for handed in self._of(HandedOver):
            denied = handed.trustee == done.broker and done.at < handed.began < lifted
            if denied and _ends(done, handed.access):
                yield Violation("a revoke that was taken is denied", handed.at, f"broker {done.broker}")
        if not self._shown_by_chain(done):
            yield Violation("a revoke that was taken comes to the chain", done.at, f"broker {done.broker}")

    def _lifted(self, done: Acknowledged) -> int:
        """From where on a restriction is over; a revoke never is. The patient's signatures say what lifts what."""
        if isinstance(done.act, RestrictAct):
            restrict = done.act.restrict
            for block in self._of(Block):
                for event in block.events:
                    its = isinstance(event, RestrictionLifted) and event.subject == restrict.subject
                    if its and getattr(event, "serial", 0) >= restrict.serial:
                        return block.at
        return self._history[-1].at + 1

    def _shown_by_chain(self, done: Acknowledged) -> bool:
        end, act = self._truth.end, done.act
        if isinstance(act, RevokeAct):
            return ids.grant_id(act.grant) in end.revoked
        if isinstance(act, RevokeAllAct):
            return end.epochs.get(act.revoke_all.subject, 0) > act.revoke_all.epoch
        lifted = self._lifted(done) <= self._history[-1].at
        return lifted or act.restrict.subject in end.restricted or self._refused(done)

    def _refused(self, done: Acknowledged) -> bool:
        """The chain did not take it, and the journal says so: then it stays denied at that broker."""
        return any(kind == "revoke_refused" and who == done.broker for who, kind, _ in self._journals)

    def _registered(self, registered: Registered) -> Iterator[Violation]:
        if self._truth.end.revisions.get(registered.study_id, 0) < registered.revision:
            yield Violation("what was registered stays so", registered.at, f"custodian {registered.custodian}")

    def _erased(self, erased: Erased) -> Iterator[Violation]:
        """Too few are left who could open it; some of the others may attest later."""
        known = self._numbered.get(erased.study_id)
        if (erased.study_id, 0) not in self._truth.end.gone:
            yield Violation("what was erased is withdrawn", erased.at, f"custodian {erased.custodian}")
        if known is None or erased.holders >= known.threshold:
            yield Violation("what was erased cannot be opened", erased.at, f"{erased.holders} have shares")

    def _demanded(self, demanded: Demanded) -> Iterator[Violation]:
        refused = demanded.outcome.startswith("DeniedError ")
        if demanded.what in ("stranger", "ended"):
            if not refused:
                yield Violation("who has no grant is refused", demanded.at, f"{demanded.what}: {demanded.outcome}")
            return
        if demanded.outcome != "done":
            yield Violation("in the end it is done", demanded.at, f"{demanded.what}: {demanded.outcome}")
        elif demanded.what == "granted" and demanded.files != self._last_given(demanded):
            yield Violation("in the end all that was given is opened", demanded.at, f"{len(demanded.files)} instances")

    def _last_given(self, demanded: Demanded) -> tuple[tuple[str, bytes], ...] | None:
        known = self._numbered.get(demanded.about)
        given = [each.files for each in self._of(Given) if known and each.uid == known.uid and each.at < demanded.at]
        return given[-1] if given else None


def _ends(done: Acknowledged, access: StaffAccess) -> bool:
    """Tell whether what a broker took ends this access."""
    act, grant = done.act, access.grant
    if isinstance(act, RevokeAct):
        return act.grant == grant
    if isinstance(act, RevokeAllAct):
        return act.revoke_all.subject == grant.subject and grant.epoch <= act.revoke_all.epoch
    return act.restrict.subject == grant.subject
