"""How many acts a second the ledger takes with a block each second, and how long an act takes beyond its block.

Each kind of act once in batches and once one by one from many threads, through one process's ledger port and
one relayer's account: what a broker or a registrar's machine does. Everything is signed beforehand, so that
carrying is what is measured. Parallel relays share blocks: one by one, none waits for another's.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

from fiducia.app.provision import FOUNDER
from fiducia.records.ledger import Act, GrantAct, GrantBatchAct, RecordAct
from scripts.benches import load
from scripts.benches.blocks import Answered, beyond, watched
from scripts.benches.calibrate import Calibration
from scripts.benches.measure import Row, Series, median, percentile
from scripts.benches.signed import Patient, Signed
from scripts.benches.world import World, say

BATCH, BATCHES, THREADS = 50, 4, 32
_BLOCK_S = 1.0
_BEFORE_S = 2.5  # the observer sees two blocks before the first act


def rows(world: World, calibration: Calibration, *, quick: bool) -> list[Row]:
    """Measure enrolments, anchors, grants and releases; the chain keeps time from here on."""
    world.make_blocks_only_every_second()
    batches, each = (2, 1) if quick else (BATCHES, 3)
    found: list[Row] = []
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as observer:
        observer.submit(load.watch_blocks, world.chain_url, _BLOCK_S).result()  # its process is up from here on
        bench = _Bench(world, observer)
        for kind, prepare in bench.kinds().items():
            say(f"throughput: {kind}")
            calibration.sample()
            in_batches, one_by_one = prepare(batches, each)
            found += [*bench.batched(kind, in_batches), *bench.single(kind, one_by_one)]
    return found


Prepared = tuple[list[tuple[Act, int]], list[Act]]
"""Acts that carry so many items each, and acts of one item."""


class _Bench:
    """Acts on patients, studies and grants of their own, and the threads that carry them."""

    def __init__(self, world: World, observer: ProcessPoolExecutor) -> None:
        self._world = world
        self._observer = observer
        self._ledger = world.house.ledger(FOUNDER)
        self._signed = Signed(world)

    def kinds(self) -> dict[str, Callable[[int, int], Prepared]]:
        """Return how each kind's acts are prepared: for so many batches, and so many acts per thread."""
        return {
            "enrolments": self._enrolments,
            "anchors": self._anchors,
            "grants": self._grants,
            "releases": self._releases,
        }

    def batched(self, kind: str, prepared: Sequence[tuple[Act, int]]) -> list[Row]:
        """Carry batches side by side; items a second, and the last answer beyond its block."""
        answers, arrivals = self._carry([act for act, _ in prepared], len(prepared))
        items = sum(count for _, count in prepared)
        how = f"in batches of {BATCH}" if items > len(prepared) else f"{items} at once"
        return _rows(f"{kind}, {how}", items, answers, arrivals)

    def single(self, kind: str, prepared: Sequence[Act]) -> list[Row]:
        """Carry acts of one item from many threads, one after another in each."""
        answers, arrivals = self._carry(prepared, THREADS)
        return _rows(f"{kind}, one by one, {THREADS} threads", len(prepared), answers, arrivals)

    def _carry(self, prepared: Sequence[Act], threads: int) -> tuple[list[Answered], dict[int, float]]:
        rounds = -(-len(prepared) // threads)
        expected_s = _BEFORE_S + 3 * _BLOCK_S * (rounds + 1)
        watching = self._observer.submit(load.watch_blocks, self._world.chain_url, expected_s)
        time.sleep(_BEFORE_S)
        with ThreadPoolExecutor(threads) as carriers:
            answers = list(carriers.map(self._one, prepared))
        return answers, watching.result()

    def _one(self, act: Act) -> Answered:
        asked = time.monotonic()
        receipt = self._ledger.submit(act)
        answered = time.monotonic()
        return Answered(asked, answered, answered, receipt.head.number)

    def _enrolments(self, batches: int, each: int) -> Prepared:
        signed = self._signed
        in_batches = [signed.enrol_batch([signed.patient() for _ in range(BATCH)]) for _ in range(batches)]
        return [(act, BATCH) for act in in_batches], [signed.enrol(signed.patient()) for _ in range(THREADS * each)]

    def _anchors(self, batches: int, each: int) -> Prepared:
        signed, patients = self._signed, self._enrolled(BATCH)
        in_batches = [signed.anchor(patients)[1] for _ in range(batches)]
        alone = [signed.anchor([patients[place % BATCH]])[1] for place in range(THREADS * each)]
        return [(act, BATCH) for act in in_batches], list(alone)

    def _grants(self, batches: int, each: int) -> Prepared:
        made = self._unsent_grants(batches * BATCH + THREADS * each)
        in_batches = [GrantBatchAct(tuple(made[place * BATCH : (place + 1) * BATCH])) for place in range(batches)]
        return [(act, BATCH) for act in in_batches], list(made[batches * BATCH :])

    def _releases(self, batches: int, each: int) -> Prepared:
        """No caller hands over a batch of releases: those that come at the same time are joined by the port."""
        made = self._unsent_grants(BATCH)
        self._ledger.submit(GrantBatchAct(tuple(made)))
        signed = self._signed
        accesses = [
            RecordAct(signed.access(act.grant.scope, act.grant))
            for act in (made[place % BATCH] for place in range(batches * BATCH + THREADS * each))
        ]
        return [(access, 1) for access in accesses[: batches * BATCH]], list(accesses[batches * BATCH :])

    def _enrolled(self, count: int) -> list[Patient]:
        patients = [self._signed.patient() for _ in range(count)]
        self._ledger.submit(self._signed.enrol_batch(patients))
        return patients

    def _unsent_grants(self, count: int) -> list[GrantAct]:
        patients = self._enrolled(BATCH)
        studies, anchors = self._signed.anchor(patients)
        self._ledger.submit(anchors)
        return [self._signed.grant(patients[place % BATCH], studies[place % BATCH]) for place in range(count)]


def _rows(name: str, items: int, answers: Sequence[Answered], arrivals: dict[int, float]) -> list[Row]:
    elapsed = max(each.released for each in answers) - min(each.asked for each in answers)
    late = [1000 * beyond(each.asked, each.released, each.block, arrivals) for each in watched(answers, arrivals)]
    raw = (Series("median beyond the block", "ms", (median(late),)),) if late else ()
    note = "" if late else "no block of it was watched"
    beyond_block = Row(f"{name}: p99 beyond the block", "ms", percentile(late, 99) if late else None, None, raw, note)
    return [Row(f"{name}", "/s", items / elapsed, None, (Series("items", "", (items,)),)), beyond_block]
