"""How many hand-overs a second, with one trustee and with two of three: asked, sealed, signed, journalled, checked.

Clients collect the keys of a release that is recorded: each hand-over asks the ledger whether it still stands, and each
collection is two of them where two open a key (three are asked, on this one machine). The stack is one of its own, of
three brokers; the two studies are alike but for their custody, and are taken in turns.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from fiducia.app.provision import FOUNDER, SECOND
from fiducia.app.sample_dicom import Sample, sample_ct_series
from fiducia.core.rules import Action, Purpose
from fiducia.journeys.reading.asking import DrawUpRequest
from fiducia.journeys.reading.collecting import CollectKeys
from fiducia.records.typed import Access
from scripts.benches.calibrate import Calibration
from scripts.benches.measure import Row, Series, median, ratios
from scripts.benches.world import World, dealt, say

CLIENTS = 8
RULES = {"t = 1": None, "t = 2 of 3": (2, 3)}


def rows(world: World, calibration: Calibration, *, quick: bool) -> list[Row]:
    """Measure both."""
    turns, collections = (2, 32) if quick else (5, 200)
    say("handing over with one trustee and with two of three")
    with dealt(world.fresh("dealt")) as own:
        journeys = {name: _Collecting(own, name, rule) for name, rule in RULES.items()}
        found: dict[str, list[float]] = {name: [] for name in journeys}
        for _ in range(turns):
            calibration.sample()
            for name, collecting in journeys.items():
                found[name].append(collecting.per_second(collections))
    one, dealt_to_three = (found[name] for name in RULES)
    series = {name: Series("collections", "/s", tuple(values)) for name, values in found.items()}
    each = [median(one), 2 * median(dealt_to_three)]
    made = [
        Row(f"hand-overs, {name}, {CLIENTS} clients", "/s", value, None, (series[name],))
        for name, value in zip(RULES, each, strict=True)
    ]
    ratio = Row(
        "keys collected: t = 2 of 3 beside t = 1",
        "x",
        median(ratios(dealt_to_three, one)),
        None,
        tuple(series.values()),
    )
    return [*made, ratio]


class _Collecting:
    """One recorded release of a study of its own, and clients who collect its keys."""

    def __init__(self, world: World, name: str, custody: tuple[int, int] | None) -> None:
        house = world.house
        paths = sample_ct_series(world.fresh("images"), 4, Sample(study=f"to hand over, {name}"))
        study_id = world.register(house.store(), [str(path) for path in paths], alone=custody is None)
        world.grant(study_id)
        requester = world.clinician
        on: dict[str, Any] = {"clock": house.clock, "domains": house.domains, "mirror": house.mirror(SECOND)}
        draw_up = DrawUpRequest(entropy=house.entropy, **on)
        self._collect = CollectKeys(broker_of=house.broker, store=house.store(), **on)
        self._access: Access = draw_up.run(study_id, 0, Purpose.TREAT, Action.RETAIN, requester)
        self._seed = requester.seed
        self._collect.release(self._access)
        self._collect.collect(self._access, self._seed)  # connections, documents, mirrors: all warm
        house.mirror(FOUNDER).catch_up()

    def per_second(self, collections: int) -> float:
        """Collect so often, and return how often a second."""
        begun = time.perf_counter()
        with ThreadPoolExecutor(CLIENTS) as clients:
            list(clients.map(lambda _: self._collect.collect(self._access, self._seed), range(collections)))
        return collections / (time.perf_counter() - begun)
