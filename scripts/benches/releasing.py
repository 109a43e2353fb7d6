"""Releasing: how long beyond the block it takes to have a release recorded and its keys handed over, and how many.

Clients that ask again as soon as they were answered all ask right after a block, and are answered together after
the next. Clients that ask at any time also show how long before a block a request must come to be in it; that
counts the time that the chain itself takes to make a block, which nobody outside of it can tell apart.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace

from fiducia.app.provision import FOUNDER
from fiducia.app.sample_dicom import Sample, sample_ct_series
from fiducia.core import wire
from fiducia.core.rules import Action, Purpose
from fiducia.journeys.reading.asking import DrawUpRequest
from fiducia.records.typed import StaffAccess
from scripts.benches import load
from scripts.benches.blocks import Answered, beyond, per_second, watched
from scripts.benches.calibrate import Calibration
from scripts.benches.measure import Gate, Row, Series, median, percentile, ratios
from scripts.benches.world import World, say

CLIENTS = 16
BEYOND_GATE = Gate("<=", 20, design=5)
THROUGHPUT_GATE = Gate(">=", 0.70)
_BLOCK_S = 1.0
_WARM_UP_S = 1.5
_MOST_PER_S = 250  # requests made beforehand for a loop that waits for no block; it ends when they are used up


_Observed = tuple[list[Answered], dict[int, float]]


@dataclass(slots=True)
class _Runs:
    """What several runs of one kind of load gave, a value per run."""

    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    keys_p99: list[float] = field(default_factory=list)
    latency_p99: list[float] = field(default_factory=list)
    missed: list[float] = field(default_factory=list)
    per_second: list[float] = field(default_factory=list)

    def add(self, answers: Sequence[Answered], arrivals: dict[int, float] | None = None) -> None:
        first = min(each.asked for each in answers) + _WARM_UP_S
        counted = [each for each in answers if each.asked >= first]
        self.per_second.append(per_second(counted, CLIENTS))
        if arrivals is None:
            return
        counted = watched(counted, arrivals)
        released = [1000 * beyond(each.asked, each.released, each.block, arrivals) for each in counted]
        keys = [1000 * beyond(each.asked, each.handed_over, each.block, arrivals) for each in counted]
        self.p50.append(percentile(released, 50))
        self.p99.append(percentile(released, 99))
        self.keys_p99.append(percentile(keys, 99))
        self.latency_p99.append(1000 * percentile([each.released - each.asked for each in counted], 99))
        late = sum(each.asked < arrivals[each.block - 1] for each in counted)
        self.missed.append(100 * late / len(counted))

    def rows(self, name: str, gate: Gate | None) -> list[Row]:
        raw = (
            Series("p99", "ms", tuple(self.p99)),
            Series("p50", "ms", tuple(self.p50)),
            Series("p99 with the wait", "ms", tuple(self.latency_p99)),
            Series("missed the next block", "%", tuple(self.missed)),
        )
        keys = (Series("p99", "ms", tuple(self.keys_p99)),)
        return [
            Row(f"{name}: p99 beyond the block time", "ms", median(self.p99), gate, raw),
            Row(f"{name}: the same with the hand-over", "ms", median(self.keys_p99), None, keys),
        ]


class _Bench:
    """Processes for clients, for journeys called directly, and for the observer."""

    def __init__(self, world: World, access: StaffAccess) -> None:
        self._world = world
        self._access = access
        self._session = world.clinician.signer
        context = multiprocessing.get_context("spawn")
        self._clients, self._loop, self._observer = (ProcessPoolExecutor(1, mp_context=context) for _ in range(3))

    def __enter__(self) -> _Bench:
        return self

    def __exit__(self, *_: object) -> None:
        for pool in (self._clients, self._loop, self._observer):
            pool.shutdown()

    def over_http(self, clients: int, seconds: float, requests: int, think_s: float = 0.0) -> _Observed:
        """Have clients ask the broker while an observer watches the blocks."""
        url = self._world.house.consortium.broker_of(self._world.profile(FOUNDER).institution)
        bodies = self._bodies(requests)
        observer = self._observer.submit(load.watch_blocks, self._world.chain_url, seconds + 2 * _BLOCK_S)
        answers = self._clients.submit(load.ask_broker, url, bodies, clients, seconds, think_s).result()
        return answers, observer.result()

    def directly(self, threads: int, seconds: float, requests: int) -> list[Answered]:
        """Call the broker's journeys in a process of their own, without HTTP."""
        root = self._world.house.home.root
        return self._loop.submit(load.call_journeys, root, FOUNDER, self._bodies(requests), threads, seconds).result()

    def _bodies(self, count: int) -> list[bytes]:
        return [wire.encode(self._another()) for _ in range(count)]

    def _another(self) -> StaffAccess:
        house = self._world.house
        request = replace(self._access.request, salt=house.entropy.token(32))
        return replace(self._access, request=request, signature=self._session.sign(house.domains.digest(request)))


def rows(world: World, calibration: Calibration, *, quick: bool) -> list[Row]:
    """Measure the throughput with blocks at once, then everything with blocks every second."""
    runs, seconds = (1, 6.0) if quick else (5, 12.0)
    short = 5.0
    at_once_http, at_once_loop, http, loop = _Runs(), _Runs(), _Runs(), _Runs()
    alone, any_time = _Runs(), _Runs()
    with _Bench(world, _granted(world)) as bench:
        for turn in range(min(runs, 3)):
            say(f"release, blocks at once: run {turn + 1}")
            calibration.sample()
            at_once_http.add(bench.over_http(CLIENTS, short, int(short * _MOST_PER_S))[0])
            at_once_loop.add(bench.directly(CLIENTS, short, int(short * _MOST_PER_S)))
        world.make_blocks_only_every_second()
        few = CLIENTS * int(seconds + 4)
        for turn in range(runs):
            say(f"release, a block each second: run {turn + 1} of {runs}")
            calibration.sample()
            any_time.add(*bench.over_http(CLIENTS, seconds, few, think_s=_BLOCK_S))
            alone.add(*bench.over_http(1, seconds / 2, few, think_s=_BLOCK_S))
            http.add(*bench.over_http(CLIENTS, 2 * short, few))
            loop.add(bench.directly(CLIENTS, short, few))
    return [
        *http.rows(f"release, {CLIENTS} clients, one request after another", BEYOND_GATE),
        *any_time.rows(f"release, {CLIENTS} clients, at any time of a block", None),
        *alone.rows("release, 1 client, at any time of a block", BEYOND_GATE),
        _throughput(f"releases a second, {CLIENTS} clients, 1 s blocks", http, loop, THROUGHPUT_GATE),
        _throughput(
            f"releases a second, {CLIENTS} clients, blocks at once", at_once_http, at_once_loop, THROUGHPUT_GATE
        ),
    ]


def _throughput(name: str, over_http: _Runs, directly: _Runs, gate: Gate) -> Row:
    ours = Series("over HTTP", "/s", tuple(over_http.per_second))
    loop = Series("journeys called directly", "/s", tuple(directly.per_second))
    return Row(f"{name}, of the in-process loop", "x", median(ratios(ours.values, loop.values)), gate, (ours, loop))


def _granted(world: World) -> StaffAccess:
    """Register and grant a small study, and draw up a request for it."""
    paths = sample_ct_series(world.fresh("series"), 2, Sample(study="to release", rows=64, columns=64))
    study_id = world.register(world.house.store(), [str(paths[0].parent)])
    world.grant(study_id)
    house = world.house
    access = DrawUpRequest(
        mirror=house.mirror(FOUNDER), clock=house.clock, entropy=house.entropy, domains=house.domains
    ).run(study_id, 0, Purpose.TREAT, Action.VIEW, world.clinician)
    if not isinstance(access, StaffAccess):
        raise RuntimeError("the clinician was to ask with a badge")
    return access
