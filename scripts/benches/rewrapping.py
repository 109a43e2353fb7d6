"""How many lists of shares a second go over to other keys: collected, dealt anew, kept, old ones destroyed.

A re-wrap is one trustee's list of one study: sealed to the custodian's broker, opened, checked, dealt anew, sealed to
the trustee's present key, opened and kept there, with the two revisions that say so, and the old shares destroyed with
attestation. Beside it stands the bare work: one HPKE open and one seal of the same list. The stack is one of its own,
of three brokers, two of which open a key; no image is read or written.
"""

from __future__ import annotations

import os
import time

from fiducia.app.profiles import KeyName
from fiducia.app.provision import FOUNDER
from fiducia.app.sample_dicom import Sample, sample_ct_series
from fiducia.core.keys.kem import Kem, KemKey, new_secret
from fiducia.core.keys.sealing import open_deposit, seal_deposit
from fiducia.core.keys.shares import SeriesShare
from fiducia.journeys.custody.refreshing import RefreshedStudy
from scripts.benches.calibrate import Calibration
from scripts.benches.measure import Row, Series, median, ratio_row
from scripts.benches.world import World, dealt, say

_PLACE = {"study_id": b"\x01" * 32, "custody": b"\x02" * 32, "trustee": 2}


def rows(world: World, calibration: Calibration, *, quick: bool) -> list[Row]:
    """Measure both, in turns."""
    studies, turns = (4, 2) if quick else (24, 4)
    say("dealing shares anew")
    with dealt(world.fresh("refreshed")) as own:
        made = [_registered(own, number) for number in range(studies)]
        founder = own.profile(FOUNDER)
        refresh, registrar = own.house.refresh_shares(founder), founder.signer(KeyName.REGISTRAR)
        wrapped: list[float] = []
        bare: dict[Kem, list[float]] = {kem: [] for kem in Kem}
        for _ in range(turns):
            calibration.sample()
            begun = time.perf_counter()
            done = list(refresh.run_all(made, registrar))
            took_s = time.perf_counter() - begun
            whole = [each for each in done if isinstance(each, RefreshedStudy) and not each.objects_changed]
            if len(whole) < studies:
                raise RuntimeError(f"every study was to be dealt anew, and no object to change: {done}")
            wrapped.append(sum(each.shares for each in whole) / took_s)
            for kem, found in bare.items():
                found.append(_bare(kem, 20 * studies))
    ours = Series("lists dealt anew", "/s", tuple(wrapped))
    loops = {kem: Series(f"open + seal, {kem.name}", "/s", tuple(found)) for kem, found in bare.items()}
    first = loops[Kem.MLKEM768_X25519]
    return [
        Row("re-wraps", "/s", median(wrapped), None, (ours, *loops.values())),
        ratio_row("re-wraps beside the bare HPKE open + seal", _seconds(first), _seconds(ours)),
    ]


def _registered(world: World, number: int) -> bytes:
    paths = sample_ct_series(world.fresh("images"), 1, Sample(study=f"to deal anew, {number}", rows=16, columns=16))
    return world.register(world.house.store(), [str(path) for path in paths])


def _bare(kem: Kem, lists: int) -> float:
    key, share = KemKey.from_seed(new_secret(kem, os.urandom(32))), SeriesShare(1, 1, 2, os.urandom(32), os.urandom(32))
    sealed = seal_deposit([share], recipient=key.public, **_PLACE)  # type: ignore[arg-type]
    begun = time.perf_counter()
    for _ in range(lists):
        shares = open_deposit(sealed, seed=key.seed, **_PLACE)  # type: ignore[arg-type]
        sealed = seal_deposit(shares, recipient=key.public, **_PLACE)  # type: ignore[arg-type]
    return lists / (time.perf_counter() - begun)


def _seconds(series: Series) -> Series:
    return Series(series.name, "s", tuple(1 / value for value in series.values))
