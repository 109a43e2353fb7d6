"""Copies of a home, as its operator orders them: the recovery key, the second place, restoring, the drill.

Owns the order in which a home's plan, its keys and its copies are made, so that no step leaves a home that believes
itself copied and is not. What a copy is belongs to `core.copies`, how it is made to `journeys.backup.copying`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from fiducia.app.copy_plan import CopyPlan, load_copy_plan, save_copy_plan
from fiducia.app.home import write_private
from fiducia.app.wiring.shipping import COPY_SIGNER, copy_memory
from fiducia.core.copies.contents import HOME_ID_BYTES
from fiducia.core.copies.segments import signer_of
from fiducia.core.copies.shares import (
    SHARE_MAX_BYTES,
    combine_recovery,
    deal_recovery,
    deal_recovery_bytes,
    share_from_text,
    share_to_text,
)
from fiducia.core.keys.kem import KemKey
from fiducia.core.keys.shares import SHARES_MAX
from fiducia.errors import ConfigError, EncodingError, InputError
from fiducia.journeys.backup.copying import held_until
from fiducia.records.copies import Canary, Contents, RecoveryKey, RecoveryShare, RestoredHome, VerifiedCopies

if TYPE_CHECKING:
    from fiducia.app.wiring import House

_SHARES = re.compile(r"([1-9][0-9]{0,2})of([1-9][0-9]{0,2})")


@dataclass(frozen=True, slots=True)
class Drilled:
    """What a drill did: restored this, opened these, in so many seconds."""

    restored: RestoredHome
    restored_s: float
    canaries: tuple[Canary, ...]
    total_s: float


def parse_shares(text: str) -> tuple[int, int]:
    """Read "2of3" as (2, 3). Raises: InputError."""
    match = _SHARES.fullmatch(text)
    if match is None or not 1 <= int(match[1]) <= int(match[2]) <= SHARES_MAX:
        raise InputError("shares are given as KofN, such as 2of3: any K of N open a copy")
    return int(match[1]), int(match[2])


def plan_of(house: House) -> CopyPlan:
    """Return the home's plan of its copies. Raises: ConfigError (there is none yet)."""
    plan = load_copy_plan(house.home)
    if plan is None:
        raise ConfigError("this home has no recovery key yet: `fiducia backup key create --shares 2of3 --out FOLDER`")
    return plan


def create_key(house: House, threshold: int, holders: int, out: Path, *, again: bool = False) -> list[Path]:
    """Make a recovery key, write its shares, and keep its public half in the home.

    Args:
        house: the home.
        threshold: how many shares open a copy.
        holders: how many there are.
        out: an existing folder; one file for each share.
        again: replace a recovery key that is there: copies from now on take the new shares.

    Raises:
        ConfigError: there is one already. InputError: the folder has share files already, or cannot be written.
    """
    known = load_copy_plan(house.home)
    if known is not None and not again:
        raise ConfigError(
            "this home has a recovery key; --again makes another, and older copies keep needing the old shares"
        )
    vault = house.home_vault()
    if COPY_SIGNER not in vault.names(COPY_SIGNER):
        vault.put({COPY_SIGNER: house.entropy.token(32)})
    recovery, shares = deal_recovery(
        house.entropy.token(32),
        home_id=known.recovery.home_id if known else house.entropy.token(HOME_ID_BYTES),
        signer=signer_of(vault.get(COPY_SIGNER)),
        threshold=threshold,
        holders=holders,
        randomness=house.entropy.token(deal_recovery_bytes(threshold)),
    )
    paths = _write_shares(out, shares)
    # Last: nothing is sealed to a key whose shares nobody has.
    save_copy_plan(house.home, replace(known, recovery=recovery) if known else CopyPlan(recovery))
    return paths


def create(house: House, to: Path | None, *, follow: bool | None, keep_days: int | None) -> tuple[CopyPlan, Contents]:
    """Make a whole copy, at the place given from now on; following begins with it.

    Raises:
        ConfigError: no recovery key or no place yet. BackupError, VaultError, JournalError: not copied.
    """
    before = plan_of(house)
    plan = replace(
        before,
        place=str(to.expanduser().absolute()) if to else before.place,
        keep_days=keep_days or before.keep_days,
        follow=before.follow if follow is None else follow,
    )
    journey = house.create_copy(plan)
    if plan.follow and plan != before:
        place = house.second_place(Path(plan.place))
        with place.alone():
            place.mark(True)  # if this copy fails, whoever writes next makes one before anything is acknowledged
    save_copy_plan(house.home, plan)
    return plan, journey.run()


def verify(house: House, place: Path | None, share_files: Sequence[Path]) -> VerifiedCopies:
    """Verify what lies at a place; with shares, all of it; at the home's own, that nothing newer is missing.

    Raises:
        ConfigError: neither a home with a plan nor a share says whose copies they are. VerificationError, BackupError.
    """
    shares = read_shares(share_files)
    plan = load_copy_plan(house.home)
    if plan is None and not shares:
        raise ConfigError("this home knows of no copies: give --from FOLDER and a share (--share FILE), which does")
    whose = shares[0] if plan is None else plan.recovery
    # One share of several says whose copies they are and opens nothing.
    alone = plan is None and len(shares) == 1 and shares[0].threshold > 1
    seed = combine_recovery(shares) if shares and not alone else None
    folder = _place(plan, place)
    # Elsewhere lies a copy of the copies at most, which may be behind.
    own = plan is not None and folder.expanduser().absolute() == Path(plan.place)
    reached = copy_memory(house, plan).last() if plan and own else None
    return house.verify_copies(folder).run(whose.home_id, whose.signer, seed, reached)


def restore(house: House, place: Path, share_files: Sequence[Path]) -> RestoredHome:
    """Restore this home, which is empty or in which the same was cut off.

    Raises:
        ConfigError: the home is in use. InputError: too few shares. VerificationError, BackupError: as `RestoreHome`.
    """
    shares = read_shares(share_files)
    seed = combine_recovery(shares)
    if house.custody.exists() and not house.standing_of_home().restoring():
        raise ConfigError(f"the home {house.home.root} is in use: restore into an empty one (--home FOLDER)")
    journey = house.restore_home(place)
    house.home.create()
    house.custody.create()
    restored = journey.run(shares[0].home_id, shares[0].signer, seed)
    of = shares[0]
    recovery = RecoveryKey(of.home_id, KemKey.from_seed(seed).public, of.signer, of.threshold, of.holders)
    # It does not follow before its operator says so: the home that was lost might.
    save_copy_plan(house.home, CopyPlan(recovery, str(place.expanduser().absolute())))
    return restored


def drill(
    house: House, place: Path | None, share_files: Sequence[Path], study_ids: Sequence[bytes], newest: int
) -> Drilled:
    """Restore into an empty home that nobody sees, open canary studies there, leave nothing behind.

    Raises:
        InputError: too few shares, or no study to open. VerificationError, StoreError, LedgerError: it did not work.
    """
    shares = read_shares(share_files)
    seed = combine_recovery(shares)
    begun = time.monotonic()
    with house.elsewhere() as empty:
        journey = empty.restore_home(_place(load_copy_plan(house.home), place))
        empty.custody.create()
        restored = journey.run(shares[0].home_id, shares[0].signer, seed)
        restored_s = time.monotonic() - begun
        canaries = empty.open_canaries().run(study_ids, newest=newest)
    return Drilled(restored, restored_s, canaries, time.monotonic() - begun)


def held(house: House, plan: CopyPlan) -> int:
    """Return from when on no copy holds what is in one now, for whoever prunes (UTC Unix seconds)."""
    return held_until(house.second_place(Path(plan.place)), plan.recovery.signer)


def read_shares(paths: Sequence[Path]) -> list[RecoveryShare]:
    """Read share files. Raises: InputError (unreadable), EncodingError (mistyped)."""
    shares = []
    for path in paths:
        try:
            with path.open("rb") as file:
                shares.append(share_from_text(file.read(SHARE_MAX_BYTES)))
        except OSError as error:
            raise InputError(f"the share {path} cannot be read: {error.strerror}") from error
        except EncodingError as error:
            raise EncodingError(f"{path}: {error}") from error
    return shares


def _place(plan: CopyPlan | None, given: Path | None) -> Path:
    if given is not None:
        return given
    if plan is None or not plan.place:
        raise ConfigError("no second place is known here: give --from FOLDER")
    return Path(plan.place)


def _write_shares(out: Path, shares: Sequence[RecoveryShare]) -> list[Path]:
    paths = [out / f"recovery-share-{share.index}-of-{share.holders}.json" for share in shares]
    if not out.is_dir():
        raise InputError(f"there is no folder {out} for the shares: make it first")
    if taken := [path.name for path in paths if path.exists()]:
        raise InputError(
            f"the folder {out} has {taken[0]} already: shares are never overwritten; choose another folder"
        )
    for path, share in zip(paths, shares, strict=True):
        write_private(path, share_to_text(share))
    return paths
